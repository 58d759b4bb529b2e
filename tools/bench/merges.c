/* 20,000 shared records, of which both sides edit 10,000 while they are apart, each another field,
 * and then meet again: how many are merged in a second, from the start of the returning node until
 * both are in sync. The floor is the same with each side editing records of its own, so that
 * nothing is to be merged. Then reads by id of the merged records, beside reads of those with one
 * version. */
#include <stdlib.h>
#include <string.h>

#include "tools/bench/pair.h"

#define SHARED 20000
#define EDITED 10000

static volatile size_t sink; /* what was read is used, so nothing is optimised away */

/* Both edit `EDITED` records while apart, and meet again; in seconds. */
static double meet_again(struct pair *pair, uint64_t own, uint64_t others, const char *field)
{
    struct pair_order edit = {.verb = PAIR_EDIT, .first = others, .count = EDITED};
    memcpy(edit.text, "others", sizeof "others");
    (void)pair_order(pair, &(struct pair_order){.verb = PAIR_CLOSE});
    (void)pair_order(pair, &edit);
    bench_edit(pair->node, own, EDITED, field);
    uint64_t began = bench_now_ns();
    (void)pair_order(pair, &(struct pair_order){.verb = PAIR_START});
    uint64_t ended = pair_order(pair, &(struct pair_order){.verb = PAIR_SYNC});
    pair_await_sync(pair->node);
    uint64_t own_ended = bench_now_ns();
    return (double)((own_ended > ended ? own_ended : ended) - began) / 1e9;
}

/* Seconds to read `EDITED` records by id, which have `versions` versions each. */
static double read_all(p2psync_node *node, const struct bench_record *records, size_t versions)
{
    p2psync_snapshot *snapshot = NULL;
    bench_check(p2psync_snapshot_open(node, &snapshot), "snapshot");
    double began = bench_now_s();
    for (size_t i = 0; i < EDITED; i++) {
        struct p2psync_record record = {.size = sizeof record};
        bench_check(p2psync_get(snapshot, BENCH_COLLECTION, records[i].id, &record), "get");
        if (record.version_count != versions) {
            bench_fail("merges", "a record has another number of versions");
        }
        sink += record.fields.size;
    }
    double took = bench_now_s() - began;
    p2psync_snapshot_close(snapshot);
    return took;
}

void bench_merges(const char *program)
{
    (void)program;
    struct pair pair;
    struct bench_record *records = bench_records(0, SHARED);
    double merged[BENCH_ROUNDS];
    double clean[BENCH_ROUNDS];
    pair_begin(&pair, P2PSYNC_DURABILITY_FLUSH);
    bench_write(pair.node, records, SHARED, EDITED);
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_START});
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_SYNC});
    double apart = meet_again(&pair, 0, EDITED, "apart");
    double together = meet_again(&pair, 0, 0, "mine");
    bench_report(&(struct bench_result){.test = "merges",
                                        .n = EDITED,
                                        .value = EDITED / together,
                                        .unit = "records/s",
                                        .floor = EDITED / apart,
                                        .ratio = apart / together,
                                        .reach = "-"});
    for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
        clean[i] = read_all(pair.node, records + EDITED, 1);
        merged[i] = read_all(pair.node, records, 2);
    }
    double value = EDITED / bench_percentile(merged, BENCH_ROUNDS, 50);
    double floor = EDITED / bench_percentile(clean, BENCH_ROUNDS, 50);
    bench_report(&(struct bench_result){.test = "reads of merged records",
                                        .n = EDITED,
                                        .value = value,
                                        .unit = "reads/s",
                                        .floor = floor,
                                        .ratio = value / floor,
                                        .reach = "-"});
    pair_end(&pair);
    free(records);
}
