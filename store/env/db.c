/* Rows: the few calls of LMDB that the rest of the store is written with. Values that come out
 * point into the map; nothing is copied.
 *
 * Several databases share LMDB's unnamed one. There a prefix, which is added to their keys here,
 * says which of them a row belongs to. LMDB keeps the names of the other databases in the same
 * place; those begin with a letter, and the prefix with a zero byte. */
#include "store/env/db.h"

#include <assert.h>
#include <string.h>

#include "store/env/disk.h"
#include "store/env/keys.h"

#define PREFIX_SIZE 2 /* a zero, which is in no name, and which database it is */

static const uint8_t shared[PS_DB_COUNT] = {
    [PS_DB_COLLECTIONS] = 1, [PS_DB_LOGS] = 2, [PS_DB_UNSETTLED] = 3}; /* 0: none, it has its own */

/* A key as LMDB gets it. */
struct key {
    uint8_t bytes[PREFIX_SIZE + PS_KEY_SIZE_MAX];
    MDB_val val;
};

static void make_key(struct key *out, ps_db db, struct ps_bytes key);
static int next_shared(MDB_cursor *cursor, ps_db db, MDB_val *key, MDB_val *value);
static bool is_of(ps_db db, const MDB_val *key);
static MDB_val to_val(struct ps_bytes bytes);
static struct ps_bytes from_val(MDB_val val);

p2psync_result ps_db_get(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                         struct ps_bytes *value_out)
{
    struct key made;
    MDB_val value;
    make_key(&made, db, key);
    int code = mdb_get(txn->mdb, txn->dbi[db], &made.val, &value);
    if (code != 0) {
        return ps_db_result(code);
    }
    *value_out = from_val(value);
    return P2PSYNC_OK;
}

p2psync_result ps_db_put(struct ps_txn *txn, ps_db db, struct ps_bytes key, struct ps_bytes value)
{
    assert(txn->writable);
    struct key made;
    MDB_val mdb_value = to_val(value);
    make_key(&made, db, key);
    return ps_db_result(mdb_put(txn->mdb, txn->dbi[db], &made.val, &mdb_value, 0));
}

p2psync_result ps_db_reserve(struct ps_txn *txn, ps_db db, struct ps_bytes key, size_t size,
                             uint8_t **room_out)
{
    assert(txn->writable);
    struct key made;
    MDB_val value = {.mv_size = size};
    make_key(&made, db, key);
    int code = mdb_put(txn->mdb, txn->dbi[db], &made.val, &value, MDB_RESERVE);
    if (code != 0) {
        return ps_db_result(code);
    }
    *room_out = value.mv_data;
    return P2PSYNC_OK;
}

p2psync_result ps_db_delete(struct ps_txn *txn, ps_db db, struct ps_bytes key)
{
    assert(txn->writable);
    struct key made;
    make_key(&made, db, key);
    int code = mdb_del(txn->mdb, txn->dbi[db], &made.val, NULL);
    return code == MDB_NOTFOUND ? P2PSYNC_OK : ps_db_result(code);
}

p2psync_result ps_db_seek(struct ps_txn *txn, ps_db db, struct ps_bytes from, struct ps_row *out)
{
    MDB_cursor *cursor = NULL;
    struct key made;
    MDB_val value;
    make_key(&made, db, from);
    int code = mdb_cursor_open(txn->mdb, txn->dbi[db], &cursor);
    if (code != 0) {
        return ps_db_result(code);
    }
    bool first = made.val.mv_size == 0;
    code = mdb_cursor_get(cursor, &made.val, &value, first ? MDB_FIRST : MDB_SET_RANGE);
    mdb_cursor_close(cursor);
    if (code == 0 && !is_of(db, &made.val)) {
        code = MDB_NOTFOUND;
    }
    if (code != 0) {
        return ps_db_result(code);
    }
    struct ps_bytes key = from_val(made.val);
    size_t prefix_size = shared[db] != 0 ? PREFIX_SIZE : 0;
    *out = (struct ps_row){.key = ps_bytes(key.data + prefix_size, key.size - prefix_size),
                           .value = from_val(value)};
    return P2PSYNC_OK;
}

bool ps_db_walk_next(struct ps_txn *txn, ps_db db, struct ps_key *from, p2psync_result *result,
                     struct ps_row *out)
{
    if (*result != P2PSYNC_OK) {
        return false;
    }
    *out = (struct ps_row){.key = {NULL, 0}};
    p2psync_result found = ps_db_seek(txn, db, ps_key_view(from), out);
    if (found != P2PSYNC_OK) {
        *result = found == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : found;
        return false;
    }
    if (out->key.size >= sizeof from->bytes) {
        *result = P2PSYNC_ECORRUPT;
        return false;
    }
    assert(out->key.data != NULL);
    from->size = out->key.size;
    memcpy(from->bytes, out->key.data, out->key.size);
    *from = ps_key_above(from);
    return true;
}

p2psync_result ps_db_count(struct ps_txn *txn, ps_db db, uint64_t *count_out)
{
    MDB_stat stats;
    MDB_cursor *cursor = NULL;
    MDB_val key = {.mv_size = 0};
    MDB_val value;
    uint64_t count = 0;
    int code = 0;
    if (shared[db] == 0) {
        code = mdb_stat(txn->mdb, txn->dbi[db], &stats);
        count = code == 0 ? stats.ms_entries : 0;
    } else {
        code = mdb_cursor_open(txn->mdb, txn->dbi[db], &cursor);
        code = code == 0 ? next_shared(cursor, db, &key, &value) : code;
        while (code == 0) {
            count++;
            code = next_shared(cursor, db, &key, &value);
        }
        code = code == MDB_NOTFOUND ? 0 : code;
        mdb_cursor_close(cursor);
    }
    if (code != 0) {
        return ps_db_result(code);
    }
    *count_out = count;
    return P2PSYNC_OK;
}

p2psync_result ps_db_clear(struct ps_txn *txn, ps_db db)
{
    assert(txn->writable);
    if (shared[db] == 0) {
        return ps_db_result(mdb_drop(txn->mdb, txn->dbi[db], 0));
    }
    struct ps_key from = {.size = 0};
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(txn, db, &from, &result, &row)) {
        result = ps_db_delete(txn, db, row.key); /* which copies the key before it deletes */
    }
    return result;
}

p2psync_result ps_db_next_number(struct ps_txn *txn, const char *counter, uint32_t *number_out)
{
    struct ps_bytes row = {NULL, 0};
    uint8_t next[4];
    uint32_t number = 0;
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(counter), &row);
    if (result == P2PSYNC_OK) {
        if (row.size != sizeof next) {
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
    result = ps_db_put(txn, PS_DB_META, ps_bytes_text(counter), ps_bytes(next, sizeof next));
    if (result == P2PSYNC_OK) {
        *number_out = number;
    }
    return result;
}

p2psync_result ps_db_result(int mdb_code)
{
    switch (mdb_code) {
    case MDB_NOTFOUND:
        return P2PSYNC_ENOTFOUND;
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
        return P2PSYNC_EFULL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
        return P2PSYNC_ECORRUPT;
    case MDB_VERSION_MISMATCH:
        return P2PSYNC_ENEWER;
    case MDB_READERS_FULL:
    case MDB_MAP_RESIZED:
        return P2PSYNC_EBUSY;
    default:
        return ps_disk_result(mdb_code);
    }
}

static void make_key(struct key *out, ps_db db, struct ps_bytes key)
{
    if (shared[db] == 0) {
        out->val = to_val(key);
        return;
    }
    assert(key.size <= PS_KEY_SIZE_MAX);
    out->bytes[0] = 0;
    out->bytes[1] = shared[db];
    if (key.size > 0) {
        memcpy(out->bytes + PREFIX_SIZE, key.data, key.size);
    }
    out->val = (MDB_val){.mv_size = PREFIX_SIZE + key.size, .mv_data = out->bytes};
}

/* The first row of a database that shares the unnamed one, or the row after `key`. MDB_NOTFOUND:
 * there is none. */
static int next_shared(MDB_cursor *cursor, ps_db db, MDB_val *key, MDB_val *value)
{
    struct key first;
    int code = 0;
    if (key->mv_size == 0) {
        make_key(&first, db, ps_bytes(NULL, 0));
        *key = first.val;
        code = mdb_cursor_get(cursor, key, value, MDB_SET_RANGE);
    } else {
        code = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    }
    return code == 0 && !is_of(db, key) ? MDB_NOTFOUND : code;
}

static bool is_of(ps_db db, const MDB_val *key)
{
    const uint8_t *bytes = key->mv_data;
    return shared[db] == 0 ||
           (key->mv_size >= PREFIX_SIZE && bytes[0] == 0 && bytes[1] == shared[db]);
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
