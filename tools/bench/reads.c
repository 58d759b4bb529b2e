/* Reads by id out of 100,000 records, in no order, as an app does them: within one snapshot, and
 * with a snapshot for each; the floor is mdb_get, within one read transaction and with one for
 * each. */
#include <stdlib.h>

#include "tools/bench/bench.h"
#include "tools/bench/raw_lmdb.h"

#define RECORDS 100000
#define STRIDE  7919 /* a prime that does not divide RECORDS: visits each once */

static volatile size_t sink; /* what was read is used, so nothing is optimised away */

static double ours(p2psync_node *node, const struct bench_record *records, size_t per_snapshot)
{
    p2psync_snapshot *snapshot = NULL;
    double began = bench_now_s();
    for (size_t i = 0; i < RECORDS; i++) {
        if (i % per_snapshot == 0) {
            p2psync_snapshot_close(snapshot);
            bench_check(p2psync_snapshot_open(node, &snapshot), "snapshot");
        }
        struct p2psync_record record = {.size = sizeof record};
        bench_check(
            p2psync_get(snapshot, BENCH_COLLECTION, records[i * STRIDE % RECORDS].id, &record),
            "get");
        sink += record.fields.size;
    }
    p2psync_snapshot_close(snapshot);
    return bench_now_s() - began;
}

static double raw(struct raw_lmdb *lmdb, const struct bench_record *records, size_t per_txn)
{
    double began = bench_now_s();
    for (size_t i = 0; i < RECORDS; i++) {
        if (i % per_txn == 0) {
            if (i > 0) {
                raw_lmdb_abort(lmdb);
            }
            raw_lmdb_begin(lmdb, false);
        }
        sink += raw_lmdb_get(lmdb, records[i * STRIDE % RECORDS].id).mv_size;
    }
    raw_lmdb_abort(lmdb);
    return bench_now_s() - began;
}

void bench_reads(const char *program)
{
    (void)program;
    static const struct {
        const char *test;
        size_t per_snapshot;
    } cases[] = {{"reads, one snapshot", RECORDS}, {"reads, a snapshot each", 1}};
    struct bench_record *records = bench_records(0, RECORDS);
    struct raw_lmdb lmdb;
    char *dir = bench_dir("reads");
    char *raw_dir = bench_dir("raw");
    p2psync_node *node =
        bench_open_new(&(struct bench_node){.dir = dir, .durability = P2PSYNC_DURABILITY_NONE});
    raw_lmdb_open(&lmdb, raw_dir, true);
    bench_write(node, records, RECORDS, 10000);
    (void)raw_lmdb_write(&lmdb, records, RECORDS, 10000);
    for (unsigned c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        double took[BENCH_ROUNDS];
        double floor[BENCH_ROUNDS];
        for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
            floor[i] = raw(&lmdb, records, cases[c].per_snapshot);
            took[i] = ours(node, records, cases[c].per_snapshot);
        }
        double value = RECORDS / bench_percentile(took, BENCH_ROUNDS, 50);
        double best = RECORDS / bench_percentile(floor, BENCH_ROUNDS, 50);
        bench_report(&(struct bench_result){.test = cases[c].test,
                                            .n = RECORDS,
                                            .value = value,
                                            .unit = "reads/s",
                                            .floor = best,
                                            .ratio = value / best,
                                            .reach = ">= 0.5"});
    }
    p2psync_close(node);
    raw_lmdb_close(&lmdb);
    bench_dir_remove(raw_dir);
    bench_dir_remove(dir);
    free(records);
}
