/* The floor of what is durable: see raw_lmdb.h. */
#include "tools/bench/raw_lmdb.h"

#include <string.h>

#define MAP_SIZE (16ULL << 30)
#define SEQ_SIZE 12 /* bytes of an entry's key: a log and a number in it */

static void check(int code, const char *what)
{
    if (code != 0) {
        bench_fail(what, mdb_strerror(code));
    }
}

void raw_lmdb_open(struct raw_lmdb *lmdb, const char *dir, bool no_flush)
{
    unsigned flags = MDB_NOTLS | MDB_NOMEMINIT | (no_flush ? MDB_NOSYNC : 0);
    check(mdb_env_create(&lmdb->env), "LMDB");
    check(mdb_env_set_maxdbs(lmdb->env, 2), "LMDB");
    check(mdb_env_set_mapsize(lmdb->env, MAP_SIZE), "LMDB map");
    check(mdb_env_open(lmdb->env, dir, flags, 0600), "LMDB open");
    raw_lmdb_begin(lmdb, true);
    check(mdb_dbi_open(lmdb->txn, "entries", MDB_CREATE, &lmdb->entries), "LMDB database");
    check(mdb_dbi_open(lmdb->txn, "records", MDB_CREATE, &lmdb->records), "LMDB database");
    raw_lmdb_commit(lmdb);
}

void raw_lmdb_close(struct raw_lmdb *lmdb)
{
    mdb_env_close(lmdb->env);
}

void raw_lmdb_begin(struct raw_lmdb *lmdb, bool write)
{
    check(mdb_txn_begin(lmdb->env, NULL, write ? 0 : MDB_RDONLY, &lmdb->txn), "LMDB begin");
}

void raw_lmdb_commit(struct raw_lmdb *lmdb)
{
    check(mdb_txn_commit(lmdb->txn), "LMDB commit");
}

void raw_lmdb_abort(struct raw_lmdb *lmdb)
{
    mdb_txn_abort(lmdb->txn);
}

void raw_lmdb_put_entry(struct raw_lmdb *lmdb, uint64_t seq, const struct bench_record *record)
{
    uint8_t bytes[SEQ_SIZE] = {0};
    struct bench_record copy = *record; /* LMDB asks for memory that it may write, and does not */
    for (unsigned i = 0; i < sizeof seq; i++) {
        bytes[SEQ_SIZE - 1 - i] = (uint8_t)(seq >> (8 * i));
    }
    MDB_val key = {.mv_size = sizeof bytes, .mv_data = bytes};
    MDB_val value = {.mv_size = copy.size, .mv_data = copy.fields};
    check(mdb_put(lmdb->txn, lmdb->entries, &key, &value, MDB_APPEND), "LMDB put");
}

void raw_lmdb_put_record(struct raw_lmdb *lmdb, const struct bench_record *record)
{
    struct bench_record copy = *record;
    MDB_val key = {.mv_size = strlen(copy.id), .mv_data = copy.id};
    MDB_val value = {.mv_size = copy.size, .mv_data = copy.fields};
    check(mdb_put(lmdb->txn, lmdb->records, &key, &value, 0), "LMDB put");
}

MDB_val raw_lmdb_get(struct raw_lmdb *lmdb, const char *id)
{
    char copy[sizeof(((struct bench_record *)NULL)->id)];
    MDB_val value = {0};
    memcpy(copy, id, sizeof copy);
    MDB_val key = {.mv_size = strlen(copy), .mv_data = copy};
    check(mdb_get(lmdb->txn, lmdb->records, &key, &value), "LMDB get");
    return value;
}

double raw_lmdb_write(struct raw_lmdb *lmdb, const struct bench_record *records, size_t count,
                      size_t batch)
{
    double began = bench_now_s();
    for (size_t i = 0; i < count; i += batch) {
        raw_lmdb_begin(lmdb, true);
        for (size_t j = i; j < count && j < i + batch; j++) {
            raw_lmdb_put_entry(lmdb, j, &records[j]);
            raw_lmdb_put_record(lmdb, &records[j]);
        }
        raw_lmdb_commit(lmdb);
    }
    return bench_now_s() - began;
}
