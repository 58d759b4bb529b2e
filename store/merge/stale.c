/* The list of records to be merged again: see stale.h. */
#include "store/merge/stale.h"

#include <string.h>

#include "store/env/keys.h"
#include "store/merge/conflict.h"

#define LOST "lost" /* the value of a row that is passed over */

static bool is_lost(struct ps_bytes id, struct ps_bytes value);

p2psync_result ps_stale_add(struct ps_txn *txn, uint32_t collection, struct ps_bytes id)
{
    struct ps_key key = ps_key_stale(collection, id);
    assert(id.size > 0);
    return ps_db_put(txn, PS_DB_STALE, ps_key_view(&key), ps_bytes("", 0));
}

p2psync_result ps_stale_add_lost(struct ps_txn *txn, uint32_t collection, struct ps_bytes id)
{
    struct ps_key key = ps_key_stale(collection, id);
    assert(id.size > 0);
    return ps_db_put(txn, PS_DB_STALE, ps_key_view(&key), ps_bytes_text(LOST));
}

/* Each step rewrites one row that is passed over, which is none of them then. */
p2psync_result ps_stale_retry(struct ps_txn *txn, uint32_t collection)
{
    struct ps_key from = ps_key_stale(collection, ps_bytes(NULL, 0));
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(txn, PS_DB_STALE, &from, &result, &row)) {
        uint32_t number = 0;
        struct ps_bytes id;
        if (!ps_key_split_stale(row.key, &number, &id)) {
            return P2PSYNC_ECORRUPT;
        }
        if (number != collection) {
            break;
        }
        if (is_lost(id, row.value)) {
            result = ps_db_put(txn, PS_DB_STALE, row.key, ps_bytes("", 0));
        }
    }
    return result;
}

static bool is_lost(struct ps_bytes id, struct ps_bytes value)
{
    return id.size > 0 && value.size > 0;
}

p2psync_result ps_stale_add_from(struct ps_txn *txn, uint32_t collection, struct ps_bytes id)
{
    struct ps_key key = ps_key_stale(collection, ps_bytes(NULL, 0));
    return ps_db_put(txn, PS_DB_STALE, ps_key_view(&key), id);
}

p2psync_result ps_stale_first(struct ps_txn *txn, struct ps_stale *out)
{
    struct ps_key from = {.size = 0};
    struct ps_row row;
    struct ps_bytes id = {NULL, 0};
    struct ps_stale found = {.many = false};
    bool passed_over = true;
    p2psync_result result = P2PSYNC_OK;
    while (passed_over && ps_db_walk_next(txn, PS_DB_STALE, &from, &result, &row)) {
        if (!ps_key_split_stale(row.key, &found.collection, &id)) {
            return P2PSYNC_ECORRUPT;
        }
        passed_over = is_lost(id, row.value);
    }
    if (result != P2PSYNC_OK || passed_over) {
        return result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : result;
    }
    found.many = id.size == 0;
    id = found.many ? row.value : id;
    if (id.size > sizeof found.id) {
        return P2PSYNC_ECORRUPT;
    }
    found.id_size = id.size;
    if (id.size > 0) {
        memcpy(found.id, id.data, id.size);
    }
    *out = found;
    return P2PSYNC_OK;
}

p2psync_result ps_stale_remove(struct ps_txn *txn, const struct ps_stale *stale)
{
    struct ps_bytes id = ps_bytes(stale->id, stale->many ? 0 : stale->id_size);
    struct ps_key key = ps_key_stale(stale->collection, id);
    return ps_db_delete(txn, PS_DB_STALE, ps_key_view(&key));
}

p2psync_result ps_stale_has(struct ps_txn *txn, uint32_t collection, struct ps_bytes id, bool *out)
{
    struct ps_bytes row;
    struct ps_key many = ps_key_stale(collection, ps_bytes(NULL, 0));
    struct ps_key one = ps_key_stale(collection, id);
    p2psync_result result = ps_db_get(txn, PS_DB_STALE, ps_key_view(&many), &row);
    if (result == P2PSYNC_OK && ps_bytes_compare(id, row) >= 0) {
        *out = true;
        return P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
        result = ps_db_get(txn, PS_DB_STALE, ps_key_view(&one), &row);
    }
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
        *out = result == P2PSYNC_OK;
        return P2PSYNC_OK;
    }
    return result;
}

p2psync_result ps_stale_renew(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                              struct ps_record_row *row, struct ps_buf *buf)
{
    bool stale = false;
    if (row->version_count < 2) {
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_stale_has(txn, collection, id, &stale);
    if (result == P2PSYNC_OK && stale) {
        ps_buf_clear(buf);
        result = ps_conflict_show(txn, collection, row, buf);
    }
    if (result == P2PSYNC_OK && stale) {
        result = ps_record_row_decode(ps_buf_view(buf), row);
    }
    return result;
}

p2psync_result ps_stale_get(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                            struct ps_record_row *out, struct ps_buf *buf)
{
    p2psync_result result = ps_record_get(txn, collection, id, out);
    return result == P2PSYNC_OK ? ps_stale_renew(txn, collection, id, out, buf) : result;
}
