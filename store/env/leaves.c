/* Leaves of a database: see leaves.h. A transaction that only reads has all pages in the map, so
 * the page of a row begins at a multiple of its size; in one that writes nobody could tell. */
#include "store/env/leaves.h"

#include "store/env/enter.h"
#include "store/env/inside.h"
#include "store/env/pages.h"
#include "store/env/raw.h"

static p2psync_result look_at_all(const struct ps_txn *reader, ps_db db);

p2psync_result ps_leaves_check_for(struct ps_txn *txn, ps_db db, const MDB_val *key)
{
    MDB_val wanted = *key;
    MDB_val value;
    int code = ps_enter_get(txn, txn->dbi[db], &wanted, &value);
    if (code == MDB_NOTFOUND ||
        (code == 0 && ps_raw_is_whole(db, ps_raw_strip(db, wanted), value))) {
        return P2PSYNC_OK;
    }
    return code == 0 ? ps_leaves_check(txn, db) : ps_enter_result(code);
}

p2psync_result ps_leaves_check(struct ps_txn *txn, ps_db db)
{
    static_assert(PS_DB_COUNT <= 32, "a bit for each");
    const uint32_t bit = UINT32_C(1) << db;
    struct ps_txn reader = {.store = txn->store, .dbi = txn->dbi};
    assert(txn->writable);
    if ((txn->leaves & bit) != 0) {
        return P2PSYNC_OK;
    }
    /* Beside one that writes: the map stays as it is. */
    int code = mdb_txn_begin(txn->store->env, NULL, MDB_RDONLY, &reader.mdb);
    if (code != 0) {
        return ps_enter_result(code);
    }
    p2psync_result result = look_at_all(&reader, db);
    mdb_txn_abort(reader.mdb);
    txn->leaves |= result == P2PSYNC_OK ? bit : 0;
    return result;
}

static p2psync_result look_at_all(const struct ps_txn *reader, ps_db db)
{
    const size_t page_size = reader->store->page_size;
    struct ps_db_cursor cursor = {.mdb = NULL};
    const uint8_t *last = NULL;
    MDB_val key;
    MDB_val value;
    bool sound = true;
    int code = ps_enter_cursor_open(reader, reader->dbi[db], &cursor);
    while (code == 0 && sound) { /* ends with the rows */
        code = ps_enter_cursor_get(&cursor, &key, &value, MDB_NEXT);
        const uint8_t *at = key.mv_data;
        const uint8_t *page = code == 0 ? at - (uintptr_t)at % page_size : last;
        if (page != last) {
            sound = ps_pages_leaf_is_sound(page, page_size);
            last = page;
        }
    }
    ps_enter_cursor_close(&cursor);
    if (!sound) {
        ps_raw_suspect(reader, db);
        return P2PSYNC_ECORRUPT;
    }
    return code == MDB_NOTFOUND ? P2PSYNC_OK : ps_enter_result(code);
}
