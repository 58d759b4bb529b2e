/* Rows: the few calls of LMDB that the rest of the store is written with. Values that come out
 * point into the map; nothing is copied. */
#include "store/env/db.h"

#include <assert.h>
#include <string.h>

#include "store/env/beside.h"
#include "store/env/checksum.h"
#include "store/env/enter.h"
#include "store/env/inside.h"
#include "store/env/keys.h"
#include "store/env/leaves.h"
#include "store/env/raw.h"

static int go_into_range(const struct ps_db_cursor *cursor, const MDB_val *first,
                         const MDB_val *end);
static int check_here(struct ps_txn *txn, const struct ps_db_cursor *cursor);
static int next_shared(const struct ps_db_cursor *cursor, ps_db db, MDB_val *key, MDB_val *value);

p2psync_result ps_db_get(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                         struct ps_bytes *value_out)
{
    struct ps_raw_key made;
    MDB_val value;
    ps_raw_key_make(&made, db, key);
    int code = ps_enter_get(txn, txn->dbi[db], &made.val, &value);
    if (code == MDB_NOTFOUND) {
        return ps_beside_nothing(txn, db, &made.val);
    }
    return code == 0 ? ps_raw_open(txn, db, key, value, value_out) : ps_enter_result(code);
}

p2psync_result ps_db_put(struct ps_txn *txn, ps_db db, struct ps_bytes key, struct ps_bytes value)
{
    /* A copy, because the key may lie in a row that moves when this one is written. */
    uint8_t bytes[PS_KEY_SIZE_MAX];
    uint8_t *room = NULL;
    assert(key.size <= sizeof bytes);
    memcpy(bytes, key.data, key.size);
    struct ps_bytes copy = ps_bytes(bytes, key.size);
    p2psync_result result = ps_db_reserve(txn, db, copy, value.size, &room);
    if (result == P2PSYNC_OK) {
        assert(room != NULL);
        if (value.size > 0) {
            memmove(room, value.data, value.size); /* it may be the row as it is */
        }
        ps_db_seal(db, copy, room, value.size);
    }
    return result;
}

p2psync_result ps_db_reserve(struct ps_txn *txn, ps_db db, struct ps_bytes key, size_t size,
                             uint8_t **room_out)
{
    assert(txn->writable);
    txn->writes++;
    struct ps_raw_key made;
    MDB_val value = {.mv_size = size + PS_CHECKSUM_SIZE};
    ps_raw_key_make(&made, db, key);
    p2psync_result result = ps_leaves_check_for(txn, db, &made.val);
    if (result != P2PSYNC_OK) {
        return result;
    }
    int code = ps_enter_put(txn, txn->dbi[db], &made.val, &value, MDB_RESERVE);
    if (code != 0) {
        return ps_enter_result(code);
    }
    *room_out = value.mv_data;
    return P2PSYNC_OK;
}

p2psync_result ps_db_append(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                            struct ps_bytes value)
{
    assert(txn->writable);
    txn->writes++;
    if (ps_raw_is_shared(db)) {
        return ps_db_put(txn, db, key, value);
    }
    MDB_val at = ps_raw_val(key);
    MDB_val room = {.mv_size = value.size + PS_CHECKSUM_SIZE};
    int code = ps_enter_put(txn, txn->dbi[db], &at, &room, MDB_RESERVE | MDB_APPEND);
    if (code != 0) {
        return code == MDB_KEYEXIST ? P2PSYNC_ECORRUPT : ps_enter_result(code);
    }
    if (value.size > 0) {
        memcpy(room.mv_data, value.data, value.size);
    }
    ps_db_seal(db, key, room.mv_data, value.size);
    return P2PSYNC_OK;
}

bool ps_db_is_shared(ps_db db)
{
    return ps_raw_is_shared(db);
}

void ps_db_seal(ps_db db, struct ps_bytes key, uint8_t *room, size_t size)
{
    ps_put_u32(room + size, ps_raw_checksum(db, key, ps_bytes(room, size)));
}

p2psync_result ps_db_delete(struct ps_txn *txn, ps_db db, struct ps_bytes key)
{
    assert(txn->writable);
    txn->writes++;
    struct ps_raw_key made;
    ps_raw_key_make(&made, db, key);
    p2psync_result result = ps_leaves_check_for(txn, db, &made.val);
    if (result != P2PSYNC_OK) {
        return result;
    }
    int code = ps_enter_del(txn, txn->dbi[db], &made.val);
    if (code != MDB_NOTFOUND) {
        return ps_enter_result(code);
    }
    result = ps_beside_nothing(txn, db, &made.val);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

p2psync_result ps_db_seek(struct ps_txn *txn, ps_db db, struct ps_bytes from, struct ps_row *out)
{
    struct ps_db_cursor cursor = {.mdb = NULL};
    struct ps_raw_key made;
    MDB_val key;
    MDB_val value;
    ps_raw_key_make(&made, db, from);
    int code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
    if (code != 0) {
        return ps_enter_result(code);
    }
    cursor.db = db;
    code = ps_beside_seek(&cursor, &made.val, &key, &value);
    ps_enter_cursor_close(&cursor);
    if (code == 0 && !ps_raw_is_of(db, &key)) {
        return ps_beside_is_sound(&cursor, &key, &value) ? P2PSYNC_ENOTFOUND : P2PSYNC_ECORRUPT;
    }
    if (code != 0) {
        return ps_enter_result(code);
    }
    struct ps_row row = {.key = ps_raw_strip(db, key)};
    p2psync_result result = ps_raw_open(txn, db, row.key, value, &row.value);
    if (result == P2PSYNC_OK) {
        *out = row;
    }
    return result;
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

p2psync_result ps_db_cursor_open(struct ps_txn *txn, ps_db db, struct ps_db_cursor *out)
{
    struct ps_db_cursor cursor = {.mdb = NULL};
    assert(!ps_raw_is_shared(db));
    int code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
    if (code != 0) {
        return ps_enter_result(code);
    }
    cursor.db = db;
    *out = cursor;
    return P2PSYNC_OK;
}

p2psync_result ps_db_cursor_move(struct ps_db_cursor *cursor, ps_db_move move, struct ps_bytes key,
                                 struct ps_row *out)
{
    static const MDB_cursor_op ops[] = {
        [PS_DB_NEXT] = MDB_NEXT, [PS_DB_PREVIOUS] = MDB_PREV, [PS_DB_LAST] = MDB_LAST};
    MDB_val wanted = ps_raw_val(key);
    MDB_val at = wanted;
    MDB_val value;
    int code = move == PS_DB_FROM ? ps_beside_seek(cursor, &wanted, &at, &value)
                                  : ps_enter_cursor_get(cursor, &at, &value, ops[move]);
    if (code != 0) {
        return ps_enter_result(code);
    }
    struct ps_row row = {.key = ps_raw_bytes(at)};
    p2psync_result result = ps_raw_open(&cursor->txn, cursor->db, row.key, value, &row.value);
    if (result != P2PSYNC_OK) {
        return result;
    }
    bool steps = cursor->last.size > 0 && (move == PS_DB_NEXT || move == PS_DB_PREVIOUS);
    int order = steps ? ps_bytes_compare(row.key, cursor->last) : 0;
    if (steps && (move == PS_DB_NEXT ? order <= 0 : order >= 0)) {
        ps_raw_suspect(&cursor->txn, cursor->db);
        return P2PSYNC_ECORRUPT;
    }
    cursor->last = row.key;
    *out = row;
    return P2PSYNC_OK;
}

void ps_db_cursor_close(struct ps_db_cursor *cursor)
{
    ps_enter_cursor_close(cursor);
}

p2psync_result ps_db_count(struct ps_txn *txn, ps_db db, uint64_t *count_out)
{
    MDB_stat stats;
    struct ps_db_cursor cursor = {.mdb = NULL};
    MDB_val key = {.mv_size = 0};
    MDB_val value;
    uint64_t count = 0;
    int code = 0;
    if (!ps_raw_is_shared(db)) {
        code = ps_enter_stat(txn, txn->dbi[db], &stats);
        count = code == 0 ? stats.ms_entries : 0;
    } else {
        code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
        code = code == 0 ? next_shared(&cursor, db, &key, &value) : code;
        while (code == 0) {
            count++;
            code = next_shared(&cursor, db, &key, &value);
        }
        code = code == MDB_NOTFOUND ? 0 : code;
        ps_enter_cursor_close(&cursor);
    }
    if (code != 0) {
        return ps_enter_result(code);
    }
    *count_out = count;
    return P2PSYNC_OK;
}

p2psync_result ps_db_clear_range(struct ps_txn *txn, ps_db db, struct ps_bytes from,
                                 struct ps_bytes to)
{
    struct ps_raw_key first;
    struct ps_raw_key end;
    int code = 0;
    assert(txn->writable && from.size > 0 && to.size > 0);
    txn->writes++;
    ps_raw_key_make(&first, db, from);
    ps_raw_key_make(&end, db, to);
    while (code == 0) { /* each time a row less, or the end */
        struct ps_db_cursor cursor = {.mdb = NULL};
        code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
        cursor.db = db;
        code = code == 0 ? go_into_range(&cursor, &first.val, &end.val) : code;
        code = code == 0 ? check_here(txn, &cursor) : code;
        code = code == 0 ? ps_enter_cursor_del(&cursor) : code;
        ps_enter_cursor_close(&cursor);
    }
    return code == MDB_NOTFOUND ? P2PSYNC_OK : ps_enter_result(code);
}

/* Whether the row at the cursor may be taken out. */
static int check_here(struct ps_txn *txn, const struct ps_db_cursor *cursor)
{
    MDB_val key;
    MDB_val value;
    int code = ps_enter_cursor_get(cursor, &key, &value, MDB_GET_CURRENT);
    bool whole = code == 0 && ps_raw_is_of(cursor->db, &key) &&
                 ps_raw_is_whole(cursor->db, ps_raw_strip(cursor->db, key), value);
    return code != 0 || whole || ps_leaves_check(txn, cursor->db) == P2PSYNC_OK ? code
                                                                                : MDB_CORRUPTED;
}

/* Go to the first row of a range. One that has rotted is of the range, whatever its key says, if
 * the row after it is. */
static int go_into_range(const struct ps_db_cursor *cursor, const MDB_val *first,
                         const MDB_val *end)
{
    MDB_val key = *first;
    MDB_val value;
    int code = ps_enter_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    if (code != 0 || ps_raw_compare(&key, end) < 0) {
        return code;
    }
    if (!ps_raw_is_of(cursor->db, &key) ||
        ps_raw_is_whole(cursor->db, ps_raw_strip(cursor->db, key), value)) {
        return MDB_NOTFOUND;
    }
    code = ps_enter_cursor_get(cursor, &key, &value, MDB_NEXT);
    if (code != 0 || ps_raw_compare(&key, end) >= 0) {
        return code == 0 ? MDB_NOTFOUND : code;
    }
    return ps_enter_cursor_get(cursor, &key, &value, MDB_PREV);
}

p2psync_result ps_db_clear(struct ps_txn *txn, ps_db db)
{
    assert(txn->writable);
    txn->writes++;
    if (!ps_raw_is_shared(db)) {
        return ps_enter_result(ps_enter_drop(txn, txn->dbi[db]));
    }
    struct ps_key from = {.size = 0};
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(txn, db, &from, &result, &row)) {
        result = ps_db_delete(txn, db, row.key); /* which copies the key before it deletes */
    }
    return result;
}

p2psync_result ps_db_free_number(struct ps_txn *txn, const char *counter, uint32_t *number_out)
{
    struct ps_bytes row = {NULL, 0};
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(counter), &row);
    if (result == P2PSYNC_OK && row.size != 4) {
        return P2PSYNC_ECORRUPT;
    }
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    *number_out = result == P2PSYNC_OK ? ps_get_u32(row.data) : 0;
    return P2PSYNC_OK;
}

p2psync_result ps_db_next_number(struct ps_txn *txn, const char *counter, uint32_t *number_out)
{
    uint8_t next[4];
    uint32_t number = 0;
    p2psync_result result = ps_db_free_number(txn, counter, &number);
    if (result == P2PSYNC_OK && number == UINT32_MAX) {
        result = P2PSYNC_ELIMIT;
    }
    if (result == P2PSYNC_OK) {
        ps_put_u32(next, number + 1);
        result = ps_db_put(txn, PS_DB_META, ps_bytes_text(counter), ps_bytes(next, sizeof next));
    }
    if (result == P2PSYNC_OK) {
        *number_out = number;
    }
    return result;
}

/* The first row of a database that shares the unnamed one, or the row after `key`. MDB_NOTFOUND:
 * there is none. */
static int next_shared(const struct ps_db_cursor *cursor, ps_db db, MDB_val *key, MDB_val *value)
{
    struct ps_raw_key first;
    int code = 0;
    if (key->mv_size == 0) {
        ps_raw_key_make(&first, db, ps_bytes(NULL, 0));
        *key = first.val;
        code = ps_enter_cursor_get(cursor, key, value, MDB_SET_RANGE);
    } else {
        code = ps_enter_cursor_get(cursor, key, value, MDB_NEXT);
    }
    return code == 0 && !ps_raw_is_of(db, key) ? MDB_NOTFOUND : code;
}
