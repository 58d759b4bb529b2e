/* Rotten rows: see rotten.h. The walk goes by LMDB's places alone, from the first page to the last.
 */
#include "store/env/rotten.h"

#include <sodium.h>
#include <string.h>

#include "store/env/checksum.h"
#include "store/env/enter.h"
#include "store/env/leaves.h"
#include "store/env/raw.h"

#define ROWS_SIZE_MAX (UINT64_C(64) * 1024 * 1024)
#define SIZES         8 /* bytes before each row that is kept */

static void close_walk(struct ps_rotten_walk *walk);
static bool is_rotten(ps_db db, MDB_val key, MDB_val value);
static p2psync_result keep_corrected(ps_db db, struct ps_buf *rows, MDB_val key, MDB_val value,
                                     bool *kept_out);
static p2psync_result give(struct ps_rotten_walk *walk, MDB_val key, MDB_val value,
                           struct ps_row *out);
static p2psync_result take_all(struct ps_txn *txn, ps_db db, struct ps_buf *rows);
static p2psync_result keep(struct ps_buf *rows, MDB_val key, MDB_val value);
static p2psync_result put_all(struct ps_txn *txn, ps_db db, struct ps_bytes rows);

bool ps_rotten_walk_next(struct ps_rotten_walk *walk, struct ps_row *out)
{
    MDB_val key;
    MDB_val value;
    int code = 0;
    if (walk->result == P2PSYNC_OK && !walk->begun) {
        walk->begun = true;
        ps_buf_init(&walk->bytes, SIZE_MAX / 2);
        walk->result = ps_leaves_check(walk->txn, walk->db);
    }
    if (walk->result == P2PSYNC_OK && walk->cursor.mdb == NULL) {
        code = ps_enter_cursor_open(walk->txn, walk->txn->dbi[walk->db], &walk->cursor);
        walk->cursor.db = walk->db;
    }
    while (walk->result == P2PSYNC_OK && code == 0) { /* ends with the rows */
        code = ps_enter_cursor_get(&walk->cursor, &key, &value, MDB_NEXT);
        if (code == 0 && is_rotten(walk->db, key, value)) {
            walk->result = give(walk, key, value, out);
            if (walk->result == P2PSYNC_OK) {
                return true;
            }
        }
    }
    if (walk->result == P2PSYNC_OK && code != MDB_NOTFOUND) {
        walk->result = ps_enter_result(code);
    }
    close_walk(walk);
    return false;
}

static void close_walk(struct ps_rotten_walk *walk)
{
    if (walk->begun) {
        ps_enter_cursor_close(&walk->cursor);
        ps_buf_deinit(&walk->bytes);
    }
}

static bool is_rotten(ps_db db, MDB_val key, MDB_val value)
{
    const uint8_t *bytes = key.mv_data;
    if (ps_raw_is_of(db, &key)) {
        return !ps_raw_is_whole(db, ps_raw_strip(db, key), value);
    }
    bool of_any = key.mv_size < PS_RAW_PREFIX_SIZE || bytes[0] != 0; /* a name of LMDB's */
    for (unsigned i = 0; i < PS_DB_COUNT && !of_any; i++) {
        ps_db other = (ps_db)i;
        of_any = ps_raw_is_shared(other) && ps_raw_is_of(other, &key) &&
                 ps_raw_is_whole(other, ps_raw_strip(other, key), value);
    }
    /* Its prefix has rotted; if more has, nobody can say of which database it is. */
    return !of_any && (ps_raw_is_whole(db, ps_raw_strip(db, key), value) || db == PS_DB_DAMAGED);
}

static p2psync_result give(struct ps_rotten_walk *walk, MDB_val key, MDB_val value,
                           struct ps_row *out)
{
    struct ps_bytes stripped =
        ps_raw_is_of(walk->db, &key) ? ps_raw_strip(walk->db, key) : ps_raw_bytes(key);
    struct ps_bytes row = ps_raw_bytes(value);
    row.size -= row.size < PS_CHECKSUM_SIZE ? row.size : PS_CHECKSUM_SIZE;
    ps_buf_clear(&walk->bytes);
    p2psync_result result = ps_buf_append(&walk->bytes, stripped.data, stripped.size);
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(&walk->bytes, row.data, row.size);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    walk->txn->writes++;
    *out = (struct ps_row){.key = ps_bytes(walk->bytes.data, stripped.size),
                           .value = ps_bytes(walk->bytes.data + stripped.size, row.size)};
    return ps_enter_result(ps_enter_cursor_del(&walk->cursor));
}

p2psync_result ps_rotten_correct(struct ps_txn *txn, ps_db db, uint64_t *corrected_out)
{
    struct ps_db_cursor cursor;
    struct ps_buf rows; /* as they were: put when the walk is over */
    MDB_val key;
    MDB_val value;
    uint64_t corrected = 0;
    p2psync_result result = P2PSYNC_OK;
    *corrected_out = 0;
    result = ps_leaves_check(txn, db);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_buf_init(&rows, ROWS_SIZE_MAX);
    int code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
    while (code == 0 && result == P2PSYNC_OK) { /* ends with the rows */
        bool kept = false;
        code = ps_enter_cursor_get(&cursor, &key, &value, MDB_NEXT);
        if (code == 0 && is_rotten(db, key, value)) {
            result = keep_corrected(db, &rows, key, value, &kept);
        }
        if (result == P2PSYNC_OK && kept) {
            corrected++;
            txn->writes++;
            code = ps_enter_cursor_del(&cursor);
        }
    }
    ps_enter_cursor_close(&cursor);
    result = result == P2PSYNC_OK && code != MDB_NOTFOUND ? ps_enter_result(code) : result;
    if (result == P2PSYNC_OK) {
        result = put_all(txn, db, ps_buf_view(&rows));
    }
    sodium_memzero(rows.data, rows.size); /* this device's secret may have been in a row */
    ps_buf_deinit(&rows);
    *corrected_out = corrected;
    return result;
}

/* Keep a rotten row as it was, if one bit of it is wrong. */
static p2psync_result keep_corrected(ps_db db, struct ps_buf *rows, MDB_val key, MDB_val value,
                                     bool *kept_out)
{
    size_t before = rows->size;
    size_t prefix_size = ps_raw_is_shared(db) ? PS_RAW_PREFIX_SIZE : 0;
    bool possible = key.mv_size >= prefix_size && key.mv_size - prefix_size <= PS_KEY_SIZE_MAX &&
                    value.mv_size >= PS_CHECKSUM_SIZE;
    p2psync_result result = possible ? keep(rows, key, value) : P2PSYNC_OK;
    if (result != P2PSYNC_OK || !possible) {
        return result;
    }
    uint8_t *bytes = rows->data + before + SIZES + prefix_size;
    size_t key_size = key.mv_size - prefix_size;
    struct ps_bytes row_key = ps_bytes(bytes, key_size);
    MDB_val row = {.mv_size = value.mv_size, .mv_data = bytes + key_size};
    bool whole = ps_raw_is_whole(db, row_key, row); /* the prefix is wrong */
    for (size_t bit = 0; bit < 8 * (key_size + value.mv_size) && !whole; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1U << bit % 8);
        whole = ps_raw_is_whole(db, row_key, row);
        bytes[bit / 8] ^= whole ? 0 : (uint8_t)(1U << bit % 8);
    }
    rows->size = whole ? rows->size : before;
    *kept_out = whole;
    return P2PSYNC_OK;
}

p2psync_result ps_rotten_before(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                                struct ps_key *out, uint64_t *rotten_out)
{
    struct ps_db_cursor cursor;
    MDB_val at = ps_raw_val(key);
    MDB_val value;
    uint64_t rotten = 0;
    bool whole = false;
    int code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
    code = code == 0 ? ps_enter_cursor_get(&cursor, &at, &value, MDB_SET_RANGE) : code;
    MDB_cursor_op back = code == 0 ? MDB_PREV : MDB_LAST;
    code = code == MDB_NOTFOUND ? 0 : code;
    while (code == 0 && !whole) { /* ends with the rows */
        code = ps_enter_cursor_get(&cursor, &at, &value, back);
        whole = code == 0 && ps_raw_is_whole(db, ps_raw_bytes(at), value) &&
                at.mv_size <= sizeof out->bytes;
        rotten += code == 0 && !whole ? 1 : 0;
        back = MDB_PREV;
    }
    if (whole) {
        out->size = at.mv_size;
        memcpy(out->bytes, at.mv_data, at.mv_size);
    }
    ps_enter_cursor_close(&cursor);
    *rotten_out = rotten;
    return ps_enter_result(code);
}

p2psync_result ps_rotten_rewrite(struct ps_txn *txn, ps_db db)
{
    struct ps_buf rows;
    ps_buf_init(&rows, ROWS_SIZE_MAX);
    p2psync_result result = ps_leaves_check(txn, db);
    if (result == P2PSYNC_OK) {
        result = take_all(txn, db, &rows);
    }
    if (result == P2PSYNC_OK) {
        result = put_all(txn, db, ps_buf_view(&rows));
    }
    sodium_memzero(rows.data, rows.size);
    ps_buf_deinit(&rows);
    return result;
}

/* Read all first: if they are too many, nothing has happened. */
static p2psync_result take_all(struct ps_txn *txn, ps_db db, struct ps_buf *rows)
{
    p2psync_result result = P2PSYNC_OK;
    for (unsigned pass = 0; pass < 2 && result == P2PSYNC_OK; pass++) {
        struct ps_db_cursor cursor;
        MDB_val key;
        MDB_val value;
        int code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
        while (code == 0 && result == P2PSYNC_OK) { /* ends with the rows */
            code = ps_enter_cursor_get(&cursor, &key, &value, MDB_NEXT);
            if (code != 0 || !ps_raw_is_of(db, &key)) {
                continue;
            }
            if (pass == 0) {
                result = keep(rows, key, value);
            } else {
                code = ps_enter_cursor_del(&cursor);
            }
        }
        ps_enter_cursor_close(&cursor);
        result = result == P2PSYNC_OK && code != MDB_NOTFOUND ? ps_enter_result(code) : result;
    }
    txn->writes++;
    return result;
}

/* Size of the key, size of the value, key and value, as LMDB has them. */
static p2psync_result keep(struct ps_buf *rows, MDB_val key, MDB_val value)
{
    uint8_t sizes[SIZES];
    ps_put_u32(sizes, (uint32_t)key.mv_size);
    ps_put_u32(sizes + 4, (uint32_t)value.mv_size);
    p2psync_result result = ps_buf_append(rows, sizes, sizeof sizes);
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(rows, key.mv_data, key.mv_size);
    }
    return result == P2PSYNC_OK ? ps_buf_append(rows, value.mv_data, value.mv_size) : result;
}

static p2psync_result put_all(struct ps_txn *txn, ps_db db, struct ps_bytes rows)
{
    p2psync_result result = P2PSYNC_OK;
    size_t prefix_size = ps_raw_is_shared(db) ? PS_RAW_PREFIX_SIZE : 0;
    size_t at = 0;
    while (at < rows.size && result == P2PSYNC_OK) {
        const uint8_t *row = rows.data + at;
        size_t key_size = ps_get_u32(row);
        size_t value_size = ps_get_u32(row + 4);
        struct ps_bytes key = ps_bytes(row + SIZES + prefix_size, key_size - prefix_size);
        struct ps_bytes value = ps_bytes(row + SIZES + key_size, value_size - PS_CHECKSUM_SIZE);
        result = ps_db_put(txn, db, key, value);
        at += SIZES + key_size + value_size;
    }
    return result;
}
