/* The floor of what is durable: LMDB alone, with the two inserts of a change (an entry in the order
 * of the log, a record by its id) and nothing else. */
#ifndef BENCH_RAW_LMDB_H
#define BENCH_RAW_LMDB_H

#include <lmdb.h>
#include <stdbool.h>

#include "tools/bench/bench.h"

struct raw_lmdb {
    MDB_env *env;
    MDB_dbi entries;
    MDB_dbi records;
    MDB_txn *txn;
};

void raw_lmdb_open(struct raw_lmdb *lmdb, const char *dir, bool no_flush);
void raw_lmdb_close(struct raw_lmdb *lmdb);
void raw_lmdb_begin(struct raw_lmdb *lmdb, bool write);
void raw_lmdb_commit(struct raw_lmdb *lmdb);
/* End a transaction that only read. */
void raw_lmdb_abort(struct raw_lmdb *lmdb);
void raw_lmdb_put_entry(struct raw_lmdb *lmdb, uint64_t seq, const struct bench_record *record);
void raw_lmdb_put_record(struct raw_lmdb *lmdb, const struct bench_record *record);
MDB_val raw_lmdb_get(struct raw_lmdb *lmdb, const char *id);
/* All records, in transactions of `batch`; returns the seconds. */
double raw_lmdb_write(struct raw_lmdb *lmdb, const struct bench_record *records, size_t count,
                      size_t batch);

#endif
