/* A thousand edits of each of a few records, one durable write each in memory's speed (no flush):
 * the median time of the last ones, beside the first ones' as the floor. */
#include <stdlib.h>

#include "tools/bench/bench.h"

#define RECORDS 100
#define EDITS   1000

/* Edit each record once; the median, in microseconds. */
static double edit_each(p2psync_node *node, unsigned round)
{
    double took[RECORDS];
    for (unsigned i = 0; i < RECORDS; i++) {
        double began = bench_now_s();
        bench_edit_one(node, i, "edit", round);
        took[i] = (bench_now_s() - began) * 1e6;
    }
    return bench_percentile(took, RECORDS, 50);
}

void bench_edits(const char *program)
{
    (void)program;
    char *dir = bench_dir("edits");
    p2psync_node *node =
        bench_open_new(&(struct bench_node){.dir = dir, .durability = P2PSYNC_DURABILITY_NONE});
    struct bench_record *records = bench_records(0, RECORDS);
    double first[BENCH_ROUNDS];
    double last[BENCH_ROUNDS];
    bench_write(node, records, RECORDS, RECORDS);
    for (unsigned round = 0; round < EDITS; round++) {
        double took = edit_each(node, round);
        if (round < BENCH_ROUNDS) {
            first[round] = took;
        } else if (round >= EDITS - BENCH_ROUNDS) {
            last[round - (EDITS - BENCH_ROUNDS)] = took;
        }
    }
    double value = bench_percentile(last, BENCH_ROUNDS, 50);
    double floor = bench_percentile(first, BENCH_ROUNDS, 50);
    bench_report(&(struct bench_result){.test = "the thousandth edit",
                                        .n = EDITS,
                                        .value = value,
                                        .unit = "us",
                                        .floor = floor,
                                        .ratio = floor / value,
                                        .reach = "-"});
    p2psync_close(node);
    free(records);
    bench_dir_remove(dir);
}
