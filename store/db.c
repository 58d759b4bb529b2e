/* Rows: the few calls of LMDB that the rest of this folder is written with. Values that come out
 * point into the map; nothing is copied. */
#include <assert.h>

#include "store/store.h"

static MDB_val to_val(struct ps_bytes bytes);
static struct ps_bytes from_val(MDB_val val);

p2psync_result ps_db_get(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                         struct ps_bytes *value_out)
{
    MDB_val mdb_key = to_val(key);
    MDB_val value;
    int code = mdb_get(txn->mdb, txn->dbi[db], &mdb_key, &value);
    if (code != 0) {
        return ps_store_result(code);
    }
    *value_out = from_val(value);
    return P2PSYNC_OK;
}

p2psync_result ps_db_put(struct ps_txn *txn, ps_db db, struct ps_bytes key, struct ps_bytes value)
{
    assert(txn->writable);
    MDB_val mdb_key = to_val(key);
    MDB_val mdb_value = to_val(value);
    return ps_store_result(mdb_put(txn->mdb, txn->dbi[db], &mdb_key, &mdb_value, 0));
}

p2psync_result ps_db_reserve(struct ps_txn *txn, ps_db db, struct ps_bytes key, size_t size,
                             uint8_t **room_out)
{
    assert(txn->writable);
    MDB_val mdb_key = to_val(key);
    MDB_val value = {.mv_size = size};
    int code = mdb_put(txn->mdb, txn->dbi[db], &mdb_key, &value, MDB_RESERVE);
    if (code != 0) {
        return ps_store_result(code);
    }
    *room_out = value.mv_data;
    return P2PSYNC_OK;
}

p2psync_result ps_db_delete(struct ps_txn *txn, ps_db db, struct ps_bytes key)
{
    assert(txn->writable);
    MDB_val mdb_key = to_val(key);
    int code = mdb_del(txn->mdb, txn->dbi[db], &mdb_key, NULL);
    return code == MDB_NOTFOUND ? P2PSYNC_OK : ps_store_result(code);
}

p2psync_result ps_db_seek(struct ps_txn *txn, ps_db db, struct ps_bytes from, struct ps_row *out)
{
    MDB_cursor *cursor = NULL;
    MDB_val key = to_val(from);
    MDB_val value;
    int code = mdb_cursor_open(txn->mdb, txn->dbi[db], &cursor);
    if (code != 0) {
        return ps_store_result(code);
    }
    code = mdb_cursor_get(cursor, &key, &value, from.size == 0 ? MDB_FIRST : MDB_SET_RANGE);
    mdb_cursor_close(cursor);
    if (code != 0) {
        return ps_store_result(code);
    }
    *out = (struct ps_row){.key = from_val(key), .value = from_val(value)};
    return P2PSYNC_OK;
}

p2psync_result ps_db_count(struct ps_txn *txn, ps_db db, uint64_t *count_out)
{
    MDB_stat stats;
    int code = mdb_stat(txn->mdb, txn->dbi[db], &stats);
    if (code != 0) {
        return ps_store_result(code);
    }
    *count_out = stats.ms_entries;
    return P2PSYNC_OK;
}

p2psync_result ps_db_clear(struct ps_txn *txn, ps_db db)
{
    assert(txn->writable);
    return ps_store_result(mdb_drop(txn->mdb, txn->dbi[db], 0));
}

p2psync_result ps_db_next_number(struct ps_txn *txn, const char *counter, uint32_t *number_out)
{
    struct ps_bytes row = {NULL, 0};
    uint8_t next[4];
    uint32_t number = 0;
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(counter), &row);
    if (result == P2PSYNC_OK) {
        if (row.size != sizeof(next)) {
            return P2PSYNC_ECORRUPT;
        }
        number = ps_get_u32(row.data);
    } else if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    if (number == UINT32_MAX) {
        return P2PSYNC_ELIMIT;
    }
    ps_put_u32(next, number + 1);
    result = ps_db_put(txn, PS_DB_META, ps_bytes_text(counter), ps_bytes(next, sizeof(next)));
    if (result == P2PSYNC_OK) {
        *number_out = number;
    }
    return result;
}

/* LMDB's struct has no const, and LMDB does not write through it. */
static MDB_val to_val(struct ps_bytes bytes)
{
    union {
        const uint8_t *from;
        void *to;
    } data = {.from = bytes.data};
    return (MDB_val){.mv_size = bytes.size, .mv_data = data.to};
}

static struct ps_bytes from_val(MDB_val val)
{
    return ps_bytes(val.mv_data, val.mv_size);
}
