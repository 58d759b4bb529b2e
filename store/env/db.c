/* Rows: the few calls of LMDB that the rest of the store is written with. Values that come out
 * point into the map; nothing is copied.
 *
 * LMDB finds its way by keys, and a key may have rotted. Suppose that c is looked for here, where
 * the page on top, which says what key each page begins with, has lost one bit:
 *
 *     as it was written:   pages begin with a, c;   the pages:  [ a b ]  [ c e ]
 *     as it is now:        pages begin with a, d;   the pages:  [ a b ]  [ c e ]
 *
 * LMDB looks in the page on the left, and says that there is no c. So it is not believed that a key
 * is not there until the rows on both sides of where it would lie have been looked at: the one
 * after it is above it, the one before it is below it, and both are sound. Here the one after it is
 * c itself. If c had become another key in its own page, its checksum would be wrong.
 *
 * Several databases share LMDB's unnamed one. There a prefix, which is added to their keys here,
 * says which of them a row belongs to. LMDB keeps the names of the other databases in the same
 * place; those begin with a letter, and the prefix with a zero byte. */
#include "store/env/db.h"

#include <assert.h>
#include <string.h>

#include "store/env/checksum.h"
#include "store/env/disk.h"
#include "store/env/enter.h"
#include "store/env/inside.h"
#include "store/env/keys.h"

#define PREFIX_SIZE 2 /* a zero, which is in no name, and which database it is */

static const uint8_t shared[PS_DB_COUNT] = {[PS_DB_COLLECTIONS] = 1,
                                            [PS_DB_LOGS] = 2,
                                            [PS_DB_UNSETTLED] = 3,
                                            [PS_DB_DAMAGED] = 4}; /* 0: none, it has its own */

/* A key as LMDB gets it. */
struct key {
    uint8_t bytes[PREFIX_SIZE + PS_KEY_SIZE_MAX];
    MDB_val val;
};

static void make_key(struct key *out, ps_db db, struct ps_bytes key);
static p2psync_result find_nothing(struct ps_txn *txn, ps_db db, const MDB_val *wanted);
static int seek(const struct ps_db_cursor *cursor, const MDB_val *wanted, MDB_val *key,
                MDB_val *value);
static bool is_sound(const struct ps_db_cursor *cursor, const MDB_val *key, const MDB_val *value);
static bool is_passed(const struct ps_db_cursor *cursor, const MDB_val *wanted, MDB_val *key,
                      MDB_val *value, MDB_cursor_op away);
static bool fits(ps_db db, const MDB_val *wanted, const MDB_val *value);
static bool can_be_of(ps_db db, struct ps_bytes key);
static int compare(const MDB_val *a, const MDB_val *b);
static int next_shared(const struct ps_db_cursor *cursor, ps_db db, MDB_val *key, MDB_val *value);
static bool is_of(ps_db db, const MDB_val *key);
static uint32_t checksum_of(ps_db db, struct ps_bytes key, struct ps_bytes value);
static p2psync_result open_row(const struct ps_txn *txn, ps_db db, struct ps_bytes key, MDB_val val,
                               struct ps_bytes *value_out);
static MDB_val to_val(struct ps_bytes bytes);
static struct ps_bytes from_val(MDB_val val);

p2psync_result ps_db_get(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                         struct ps_bytes *value_out)
{
    struct key made;
    MDB_val value;
    make_key(&made, db, key);
    int code = ps_enter_get(txn, txn->dbi[db], &made.val, &value);
    if (code == MDB_NOTFOUND) {
        return find_nothing(txn, db, &made.val);
    }
    return code == 0 ? open_row(txn, db, key, value, value_out) : ps_db_result(code);
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
    struct key made;
    MDB_val value = {.mv_size = size + PS_CHECKSUM_SIZE};
    make_key(&made, db, key);
    int code = ps_enter_put(txn, txn->dbi[db], &made.val, &value, MDB_RESERVE);
    if (code != 0) {
        return ps_db_result(code);
    }
    *room_out = value.mv_data;
    return P2PSYNC_OK;
}

p2psync_result ps_db_append(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                            struct ps_bytes value)
{
    assert(txn->writable);
    txn->writes++;
    if (shared[db] != 0) {
        return ps_db_put(txn, db, key, value);
    }
    MDB_val at = to_val(key);
    MDB_val room = {.mv_size = value.size + PS_CHECKSUM_SIZE};
    int code = ps_enter_put(txn, txn->dbi[db], &at, &room, MDB_RESERVE | MDB_APPEND);
    if (code != 0) {
        return code == MDB_KEYEXIST ? P2PSYNC_ECORRUPT : ps_db_result(code);
    }
    if (value.size > 0) {
        memcpy(room.mv_data, value.data, value.size);
    }
    ps_db_seal(db, key, room.mv_data, value.size);
    return P2PSYNC_OK;
}

bool ps_db_is_shared(ps_db db)
{
    return shared[db] != 0;
}

void ps_db_seal(ps_db db, struct ps_bytes key, uint8_t *room, size_t size)
{
    ps_put_u32(room + size, checksum_of(db, key, ps_bytes(room, size)));
}

p2psync_result ps_db_delete(struct ps_txn *txn, ps_db db, struct ps_bytes key)
{
    assert(txn->writable);
    txn->writes++;
    struct key made;
    make_key(&made, db, key);
    int code = ps_enter_del(txn, txn->dbi[db], &made.val);
    if (code != MDB_NOTFOUND) {
        return ps_db_result(code);
    }
    p2psync_result result = find_nothing(txn, db, &made.val);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

p2psync_result ps_db_seek(struct ps_txn *txn, ps_db db, struct ps_bytes from, struct ps_row *out)
{
    struct ps_db_cursor cursor = {.mdb = NULL};
    struct key made;
    MDB_val key;
    MDB_val value;
    make_key(&made, db, from);
    int code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
    if (code != 0) {
        return ps_db_result(code);
    }
    cursor.db = db;
    code = seek(&cursor, &made.val, &key, &value);
    ps_enter_cursor_close(&cursor);
    if (code == 0 && !is_of(db, &key)) {
        return is_sound(&cursor, &key, &value) ? P2PSYNC_ENOTFOUND : P2PSYNC_ECORRUPT;
    }
    if (code != 0) {
        return ps_db_result(code);
    }
    size_t prefix_size = shared[db] != 0 ? PREFIX_SIZE : 0;
    struct ps_bytes whole = from_val(key);
    struct ps_row row = {.key = ps_bytes(whole.data + prefix_size, whole.size - prefix_size)};
    p2psync_result result = open_row(txn, db, row.key, value, &row.value);
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
    assert(shared[db] == 0);
    int code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
    if (code != 0) {
        return ps_db_result(code);
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
    MDB_val wanted = to_val(key);
    MDB_val at = wanted;
    MDB_val value;
    int code = move == PS_DB_FROM ? seek(cursor, &wanted, &at, &value)
                                  : ps_enter_cursor_get(cursor, &at, &value, ops[move]);
    if (code != 0) {
        return ps_db_result(code);
    }
    struct ps_row row = {.key = from_val(at)};
    p2psync_result result = open_row(&cursor->txn, cursor->db, row.key, value, &row.value);
    if (result != P2PSYNC_OK) {
        return result;
    }
    bool steps = cursor->last.size > 0 && (move == PS_DB_NEXT || move == PS_DB_PREVIOUS);
    int order = steps ? ps_bytes_compare(row.key, cursor->last) : 0;
    if (steps && (move == PS_DB_NEXT ? order <= 0 : order >= 0)) {
        ps_enter_suspect(cursor->txn.store);
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
    if (shared[db] == 0) {
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
        return ps_db_result(code);
    }
    *count_out = count;
    return P2PSYNC_OK;
}

p2psync_result ps_db_clear_range(struct ps_txn *txn, ps_db db, struct ps_bytes from,
                                 struct ps_bytes to)
{
    struct key at;
    struct key end;
    assert(txn->writable && from.size > 0 && to.size > 0);
    txn->writes++;
    make_key(&end, db, to);
    for (;;) { /* each time a row less, or the end */
        struct ps_db_cursor cursor = {.mdb = NULL};
        MDB_val value;
        make_key(&at, db, from);
        int code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
        code = code == 0 ? ps_enter_cursor_get(&cursor, &at.val, &value, MDB_SET_RANGE) : code;
        ps_enter_cursor_close(&cursor);
        if (code == 0 && mdb_cmp(txn->mdb, txn->dbi[db], &at.val, &end.val) >= 0) {
            code = MDB_NOTFOUND;
        }
        if (code == 0) {
            struct key copy;
            if (at.val.mv_size > sizeof copy.bytes) {
                return P2PSYNC_ECORRUPT;
            }
            memcpy(copy.bytes, at.val.mv_data, at.val.mv_size);
            copy.val = (MDB_val){.mv_size = at.val.mv_size, .mv_data = copy.bytes};
            code = ps_enter_del(txn, txn->dbi[db], &copy.val);
        }
        if (code != 0) {
            return code == MDB_NOTFOUND ? P2PSYNC_OK : ps_db_result(code);
        }
    }
}

p2psync_result ps_db_clear(struct ps_txn *txn, ps_db db)
{
    assert(txn->writable);
    txn->writes++;
    if (shared[db] == 0) {
        return ps_db_result(ps_enter_drop(txn, txn->dbi[db]));
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

/* LMDB has found no row with this key. Whether there is none: ENOTFOUND if so. */
static p2psync_result find_nothing(struct ps_txn *txn, ps_db db, const MDB_val *wanted)
{
    struct ps_db_cursor cursor = {.mdb = NULL};
    MDB_val key = *wanted;
    MDB_val value;
    MDB_val before;
    MDB_val before_value;
    bool good = false;
    int code = ps_enter_cursor_open(txn, txn->dbi[db], &cursor);
    if (code != 0) {
        return ps_db_result(code);
    }
    cursor.db = db;
    code = ps_enter_cursor_get(&cursor, &key, &value, MDB_SET_RANGE);
    int back =
        code == 0 || code == MDB_NOTFOUND
            ? ps_enter_cursor_get(&cursor, &before, &before_value, code == 0 ? MDB_PREV : MDB_LAST)
            : code;
    good = back == MDB_NOTFOUND ||
           (back == 0 && is_passed(&cursor, wanted, &before, &before_value, MDB_PREV));
    if (good && code == 0 && !(compare(&key, wanted) > 0 && is_sound(&cursor, &key, &value))) {
        key = *wanted;
        code = ps_enter_cursor_get(&cursor, &key, &value, MDB_SET_RANGE);
        good = code == 0 && is_passed(&cursor, wanted, &key, &value, MDB_NEXT);
    }
    ps_enter_cursor_close(&cursor);
    if (!good) {
        ps_enter_suspect(txn->store);
    }
    return good ? P2PSYNC_ENOTFOUND : P2PSYNC_ECORRUPT;
}

/* Whether the wanted row does not lie at this row, or further away from where it would be. A row
 * that is not sound, and is of another collection or log, does no harm here if its checksum does
 * not fit the wanted key, and the next one is sound: it is for others to be told. */
static bool is_passed(const struct ps_db_cursor *cursor, const MDB_val *wanted, MDB_val *key,
                      MDB_val *value, MDB_cursor_op away)
{
    size_t same = shared[cursor->db] != 0 ? PREFIX_SIZE + 4 : 4;
    for (unsigned steps = 0; steps < 2; steps++) {
        int order = compare(key, wanted);
        if (away == MDB_NEXT ? order <= 0 : order >= 0) {
            return false;
        }
        if (is_sound(cursor, key, value)) {
            return true;
        }
        if (wanted->mv_size < same || key->mv_size < same ||
            memcmp(wanted->mv_data, key->mv_data, same) == 0 || fits(cursor->db, wanted, value)) {
            return false;
        }
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
    size_t prefix_size = shared[db] != 0 ? PREFIX_SIZE : 0;
    struct ps_bytes key = from_val(*wanted);
    struct ps_bytes row = from_val(*value);
    if (row.size < PS_CHECKSUM_SIZE) {
        return true;
    }
    row.size -= PS_CHECKSUM_SIZE;
    key = ps_bytes(key.data + prefix_size, key.size - prefix_size);
    return ps_get_u32(row.data + row.size) == checksum_of(db, key, row);
}

/* Go to the row with the lowest key that is not below `wanted`. MDB_NOTFOUND: there is none.
 * MDB_CORRUPTED: what lies on both sides of where it would be is not what has to be there (see on
 * top). That the row found is sound is left to the caller, who may want to open it. */
static int seek(const struct ps_db_cursor *cursor, const MDB_val *wanted, MDB_val *key,
                MDB_val *value)
{
    MDB_val before;
    MDB_val before_value;
    *key = *wanted;
    bool all = wanted->mv_size == 0;
    int code = ps_enter_cursor_get(cursor, key, value, all ? MDB_FIRST : MDB_SET_RANGE);
    int order = code == 0 ? compare(key, wanted) : 0;
    if (all || (code == 0 && order == 0) || (code != 0 && code != MDB_NOTFOUND)) {
        return code;
    }
    int back = ps_enter_cursor_get(cursor, &before, &before_value, code == 0 ? MDB_PREV : MDB_LAST);
    if (back != 0 && back != MDB_NOTFOUND) {
        return back;
    }
    if (order < 0 || (back == 0 && (compare(&before, wanted) >= 0 ||
                                    !is_sound(cursor, &before, &before_value)))) {
        ps_enter_suspect(cursor->txn.store);
        return MDB_CORRUPTED;
    }
    return code == 0 && back == 0 ? ps_enter_cursor_get(cursor, key, value, MDB_NEXT) : code;
}

/* Whether a row that lies beside a place is as it was written. Among those that share the unnamed
 * database it may be of another one, which does no harm if its key has another form; or a name of
 * LMDB's, which begins with a letter. */
static bool is_sound(const struct ps_db_cursor *cursor, const MDB_val *key, const MDB_val *value)
{
    ps_db db = cursor->db;
    struct ps_bytes bytes = from_val(*key);
    struct ps_bytes unused;
    if (shared[db] == 0) {
        return open_row(&cursor->txn, db, bytes, *value, &unused) == P2PSYNC_OK;
    }
    bool prefixed = bytes.size >= PREFIX_SIZE && bytes.data[0] == 0;
    for (unsigned i = 0; i < PS_DB_COUNT && prefixed; i++) {
        if (shared[i] == bytes.data[1]) {
            bytes = ps_bytes(bytes.data + PREFIX_SIZE, bytes.size - PREFIX_SIZE);
            return open_row(&cursor->txn, (ps_db)i, bytes, *value, &unused) == P2PSYNC_OK ||
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

/* In the order of keys. */
static int compare(const MDB_val *a, const MDB_val *b)
{
    return ps_bytes_compare(from_val(*a), from_val(*b));
}

/* The first row of a database that shares the unnamed one, or the row after `key`. MDB_NOTFOUND:
 * there is none. */
static int next_shared(const struct ps_db_cursor *cursor, ps_db db, MDB_val *key, MDB_val *value)
{
    struct key first;
    int code = 0;
    if (key->mv_size == 0) {
        make_key(&first, db, ps_bytes(NULL, 0));
        *key = first.val;
        code = ps_enter_cursor_get(cursor, key, value, MDB_SET_RANGE);
    } else {
        code = ps_enter_cursor_get(cursor, key, value, MDB_NEXT);
    }
    return code == 0 && !is_of(db, key) ? MDB_NOTFOUND : code;
}

static bool is_of(ps_db db, const MDB_val *key)
{
    const uint8_t *bytes = key->mv_data;
    return shared[db] == 0 ||
           (key->mv_size >= PREFIX_SIZE && bytes[0] == 0 && bytes[1] == shared[db]);
}

static uint32_t checksum_of(ps_db db, struct ps_bytes key, struct ps_bytes value)
{
    uint8_t which = (uint8_t)db;
    return ps_checksum(ps_checksum(ps_checksum(0, ps_bytes(&which, 1)), key), value);
}

/* What was put there, if the row is as it was written. */
static p2psync_result open_row(const struct ps_txn *txn, ps_db db, struct ps_bytes key, MDB_val val,
                               struct ps_bytes *value_out)
{
    const uint8_t *data = val.mv_data;
    size_t size = val.mv_size - PS_CHECKSUM_SIZE;
    if (val.mv_size < PS_CHECKSUM_SIZE ||
        ps_get_u32(data + size) != checksum_of(db, key, ps_bytes(data, size))) {
        ps_enter_suspect(txn->store);
        return P2PSYNC_ECORRUPT;
    }
    *value_out = ps_bytes(data, size);
    return P2PSYNC_OK;
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
