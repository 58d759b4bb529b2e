/* Single durable writes, one after another; the floor is LMDB with one put and one commit each. The
 * two take turns, write by write, so that both meet the same disk. */
#include <stdlib.h>
#include <string.h>

#include "tools/bench/bench.h"
#include "tools/bench/raw_lmdb.h"

#define WRITES 1000

void bench_write_single(const char *program)
{
    (void)program;
    struct bench_record *records = bench_records(0, WRITES);
    struct raw_lmdb lmdb;
    static double took[WRITES];
    static double floor[WRITES];
    char *dir = bench_dir("single");
    char *raw_dir = bench_dir("raw");
    p2psync_node *node = bench_open_new(&(struct bench_node){.dir = dir});
    raw_lmdb_open(&lmdb, raw_dir, false);
    double value = 0;
    double best = 0;
    for (size_t i = 0; i < WRITES; i++) {
        const struct bench_record *record = &records[i];
        struct p2psync_bytes fields = {.data = record->fields, .size = record->size};
        double began = bench_now_s();
        bench_check(p2psync_put(node, BENCH_COLLECTION, record->id, fields, NULL), "put");
        took[i] = bench_now_s() - began;
        began = bench_now_s();
        raw_lmdb_begin(&lmdb, true);
        raw_lmdb_put_record(&lmdb, record);
        raw_lmdb_commit(&lmdb);
        floor[i] = bench_now_s() - began;
        value += took[i];
        best += floor[i];
    }
    p2psync_close(node);
    raw_lmdb_close(&lmdb);
    bench_dir_remove(raw_dir);
    bench_dir_remove(dir);
    free(records);
    bench_report(&(struct bench_result){.test = "single durable writes",
                                        .n = WRITES,
                                        .value = WRITES / value,
                                        .unit = "writes/s",
                                        .floor = WRITES / best,
                                        .ratio = best / value,
                                        .reach = ">= 0.7"});
    value = bench_percentile(took, WRITES, 50);
    best = bench_percentile(floor, WRITES, 50);
    bench_report(&(struct bench_result){.test = "single durable write p50",
                                        .n = WRITES,
                                        .value = value * 1e3,
                                        .unit = "ms",
                                        .floor = best * 1e3,
                                        .ratio = best / value,
                                        .reach = ">= 0.7"});
}
