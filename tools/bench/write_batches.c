/* 100,000 records that are in memory, written in transactions of 1,000; the floor is LMDB doing the
 * same two inserts for each and the same commits. */
#include <stdlib.h>

#include "tools/bench/bench.h"
#include "tools/bench/raw_lmdb.h"

#define RECORDS 100000
#define BATCH   1000

static double ours(const struct bench_record *records)
{
    char *dir = bench_dir("write");
    p2psync_node *node = bench_open_new(&(struct bench_node){.dir = dir});
    double began = bench_now_s();
    bench_write(node, records, RECORDS, BATCH);
    double took = bench_now_s() - began;
    p2psync_close(node);
    bench_dir_remove(dir);
    return took;
}

static double raw(const struct bench_record *records)
{
    struct raw_lmdb lmdb;
    char *dir = bench_dir("raw");
    raw_lmdb_open(&lmdb, dir, false);
    double took = raw_lmdb_write(&lmdb, records, RECORDS, BATCH);
    raw_lmdb_close(&lmdb);
    bench_dir_remove(dir);
    return took;
}

void bench_write_batches(const char *program)
{
    (void)program;
    struct bench_record *records = bench_records(0, RECORDS);
    double took[BENCH_ROUNDS];
    double floor[BENCH_ROUNDS];
    for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
        floor[i] = raw(records);
        took[i] = ours(records);
    }
    free(records);
    double value = RECORDS / bench_percentile(took, BENCH_ROUNDS, 50);
    double best = RECORDS / bench_percentile(floor, BENCH_ROUNDS, 50);
    bench_report(&(struct bench_result){.test = "write in transactions",
                                        .n = RECORDS,
                                        .value = value,
                                        .unit = "records/s",
                                        .floor = best,
                                        .ratio = value / best,
                                        .reach = ">= 0.6"});
}
