/* The first sync of many collections of one record each to an empty device, from the start of its
 * node until it is in sync: how long it takes, and how many bytes of messages cross in both
 * directions. */
#include <stdio.h>
#include <stdlib.h>

#include "tools/bench/pair.h"

#define COLLECTIONS 4000

/* Each collection has a log of its own, so that each needs a commit; how long these take is not
 * what is measured. */
static void write_all(struct pair *pair, const struct bench_record *records)
{
    pair_close_own(pair);
    p2psync_node *node =
        bench_open(&(struct bench_node){.dir = pair->dir, .durability = P2PSYNC_DURABILITY_NONE});
    for (unsigned i = 0; i < COLLECTIONS; i++) {
        char name[16];
        struct p2psync_bytes fields = {.data = records[i].fields, .size = records[i].size};
        (void)snprintf(name, sizeof name, "c%04u", i);
        bench_check(p2psync_put(node, name, records[i].id, fields, NULL), "put");
    }
    p2psync_close(node);
    pair_start_own(pair);
}

void bench_collections(const char *program)
{
    (void)program;
    struct bench_record *records = bench_records(0, COLLECTIONS);
    double took[BENCH_ROUNDS];
    double sizes[BENCH_ROUNDS];
    for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
        struct pair pair;
        pair_begin(&pair, P2PSYNC_DURABILITY_FLUSH);
        write_all(&pair, records);
        uint64_t began = bench_now_ns();
        (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_START});
        uint64_t ended = pair_order(&pair, &(struct pair_order){.verb = PAIR_SYNC});
        took[i] = (double)(ended - began) / 1e9;
        sizes[i] =
            (double)(pair_sum(pair.node, "received_bytes") + pair_sum(pair.node, "sent_bytes"));
        pair_end(&pair);
    }
    free(records);
    bench_report(&(struct bench_result){.test = "first sync of collections",
                                        .n = COLLECTIONS,
                                        .value = bench_percentile(took, BENCH_ROUNDS, 50),
                                        .unit = "s",
                                        .reach = "<= 3"});
    bench_report(&(struct bench_result){.test = "its messages",
                                        .n = COLLECTIONS,
                                        .value = bench_percentile(sizes, BENCH_ROUNDS, 50) / 1e6,
                                        .unit = "MB",
                                        .reach = "<= 2"});
}
