/* Neighbours: see beside.h. */
#include "store/env/beside.h"

#include <string.h>

#include "store/env/checksum.h"
#include "store/env/enter.h"
#include "store/env/raw.h"

static bool is_passed(const struct ps_db_cursor *cursor, const MDB_val *wanted, MDB_val *key,
                      MDB_val *value, MDB_cursor_op away);
static bool fits(ps_db db, const MDB_val *wanted, const MDB_val *value);
static bool can_be_of(ps_db db, struct ps_bytes key);

p2psync_result ps_beside_nothing(struct ps_txn *txn, ps_db db, const MDB_val *wanted)
{
    struct ps_db_cursor cursor = {.mdb = NULL};
    MDB_val key = *wanted;
    MDB_val value;
    MDB_val before;
    MDB_val before_value;
    bool good = false;
    int code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
    if (code != 0) {
        return ps_enter_result(code);
    }
    cursor.db = db;
    code = ps_enter_cursor_get(&cursor, &key, &value, MDB_SET_RANGE);
    int back =
        code == 0 || code == MDB_NOTFOUND
            ? ps_enter_cursor_get(&cursor, &before, &before_value, code == 0 ? MDB_PREV : MDB_LAST)
            : code;
    good = back == MDB_NOTFOUND ||
           (back == 0 && is_passed(&cursor, wanted, &before, &before_value, MDB_PREV));
    if (good && code == 0 &&
        !(ps_raw_compare(&key, wanted) > 0 && ps_beside_is_sound(&cursor, &key, &value))) {
        key = *wanted;
        code = ps_enter_cursor_get(&cursor, &key, &value, MDB_SET_RANGE);
        good = code == 0 && is_passed(&cursor, wanted, &key, &value, MDB_NEXT);
    }
    ps_enter_cursor_close(&cursor);
    if (!good) {
        ps_raw_suspect(txn, db);
    }
    return good ? P2PSYNC_ENOTFOUND : P2PSYNC_ECORRUPT;
}

/* Whether the wanted row does not lie at this row, or further away from where it would be. A row
 * that is not sound, and is of another collection or log, does no harm here if its checksum does
 * not fit the wanted key, and the next one is sound and lies after it: it is for others to be
 * told. But where rot is mended as a whole, whoever meets it says so. */
static bool is_passed(const struct ps_db_cursor *cursor, const MDB_val *wanted, MDB_val *key,
                      MDB_val *value, MDB_cursor_op away)
{
    size_t same = ps_raw_is_shared(cursor->db) ? PS_RAW_PREFIX_SIZE + 4 : 4;
    MDB_val last = *wanted;
    for (unsigned steps = 0; steps < 2; steps++) {
        int order = ps_raw_compare(key, &last);
        if (away == MDB_NEXT ? order <= 0 : order >= 0) {
            return false;
        }
        if (ps_beside_is_sound(cursor, key, value)) {
            return true;
        }
        if (ps_raw_is_table(cursor->db) || wanted->mv_size < same || key->mv_size < same ||
            memcmp(wanted->mv_data, key->mv_data, same) == 0 || fits(cursor->db, wanted, value)) {
            return false;
        }
        last = *key;
        int code = ps_enter_cursor_get(cursor, key, value, away);
        if (code != 0) {
            return code == MDB_NOTFOUND;
        }
    }
    return false;
}

/* Whether a row's checksum is that of another key. */
static bool fits(ps_db db, const MDB_val *wanted, const MDB_val *value)
{
    return value->mv_size < PS_CHECKSUM_SIZE ||
           ps_raw_is_whole(db, ps_raw_strip(db, *wanted), *value);
}

int ps_beside_seek(const struct ps_db_cursor *cursor, const MDB_val *wanted, MDB_val *key,
                   MDB_val *value)
{
    MDB_val before;
    MDB_val before_value;
    *key = *wanted;
    bool all = wanted->mv_size == 0;
    int code = ps_enter_cursor_get(cursor, key, value, all ? MDB_FIRST : MDB_SET_RANGE);
    int order = code == 0 ? ps_raw_compare(key, wanted) : 0;
    if (all || (code == 0 && order == 0) || (code != 0 && code != MDB_NOTFOUND)) {
        return code;
    }
    int back = ps_enter_cursor_get(cursor, &before, &before_value, code == 0 ? MDB_PREV : MDB_LAST);
    if (back != 0 && back != MDB_NOTFOUND) {
        return back;
    }
    if (order < 0 || (back == 0 && (ps_raw_compare(&before, wanted) >= 0 ||
                                    !ps_beside_is_sound(cursor, &before, &before_value)))) {
        ps_raw_suspect(&cursor->txn, cursor->db);
        return MDB_CORRUPTED;
    }
    return code == 0 && back == 0 ? ps_enter_cursor_get(cursor, key, value, MDB_NEXT) : code;
}

bool ps_beside_is_sound(const struct ps_db_cursor *cursor, const MDB_val *key, const MDB_val *value)
{
    ps_db db = cursor->db;
    struct ps_bytes bytes = ps_raw_bytes(*key);
    struct ps_bytes unused;
    if (!ps_raw_is_shared(db)) {
        return ps_raw_open(&cursor->txn, db, bytes, *value, &unused) == P2PSYNC_OK;
    }
    bool prefixed = bytes.size >= PS_RAW_PREFIX_SIZE && bytes.data[0] == 0;
    for (unsigned i = 0; i < PS_DB_COUNT && prefixed; i++) {
        if (ps_raw_is_shared((ps_db)i) && ps_raw_is_of((ps_db)i, key)) {
            bytes = ps_bytes(bytes.data + PS_RAW_PREFIX_SIZE, bytes.size - PS_RAW_PREFIX_SIZE);
            return ps_raw_open(&cursor->txn, (ps_db)i, bytes, *value, &unused) == P2PSYNC_OK ||
                   (i != (unsigned)db && !can_be_of(db, bytes));
        }
    }
    return bytes.size > 0 && bytes.data[0] >= 'a' && bytes.data[0] <= 'z';
}

/* Whether a key has the form of those of a database that shares the unnamed one. */
static bool can_be_of(ps_db db, struct ps_bytes key)
{
    struct ps_bytes name;
    struct ps_log_key log;
    uint32_t number = 0;
    uint64_t seq = 0;
    switch (db) {
    case PS_DB_COLLECTIONS:
        return ps_key_split_collection(key, &name) || key.size <= 1 + sizeof number;
    case PS_DB_LOGS:
        return ps_key_split_log(key, &log);
    case PS_DB_UNSETTLED:
        return ps_key_split_log_number(key, &number);
    case PS_DB_DAMAGED:
        return ps_key_split_entry(key, &number, &seq);
    default:
        return true;
    }
}
