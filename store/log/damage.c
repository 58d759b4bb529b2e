/* Damaged entries as rows, as store/log/damage.h says. */
#include "store/log/damage.h"

#include <string.h>

#include "store/env/keys.h"
#include "store/env/met.h"
#include "store/log/log.h"

/* The value of a row: empty, the entry is to be fetched; or one of these. */
#define BACK  "back"  /* it is to be judged */
#define ROWS  "rows"  /* the key is of a collection: (its number, PS_MET_ROW) */
#define TABLE "table" /* the key is of a table: (its ps_db, PS_MET_TABLE) */

static p2psync_result list_if_damaged(struct ps_txn *txn, const struct ps_damaged *entry);
static p2psync_result list_as(struct ps_txn *txn, const struct ps_damaged *rows, const char *as);
static p2psync_result next(struct ps_txn *txn, const struct ps_damaged *from, const char *value,
                           struct ps_damaged *out);
static p2psync_result next_number(struct ps_txn *txn, uint32_t from, const char *value,
                                  uint32_t *number_out);

p2psync_result ps_damage_look(struct ps_txn *txn, const struct ps_damaged *entry,
                              struct ps_hash *leaf_out, bool *sound_out)
{
    struct ps_stored stored;
    p2psync_result result = ps_stored_look(txn, entry->log, entry->seq, &stored);
    memset(leaf_out, 0, sizeof *leaf_out);
    *sound_out = false;
    if (result != P2PSYNC_OK) {
        bool damaged = result == P2PSYNC_ECORRUPT || result == P2PSYNC_ENOTFOUND;
        return damaged ? P2PSYNC_OK : result;
    }
    struct ps_hash body_hash = ps_stored_body_hash(&stored);
    if (stored.has_body && stored.hash.size > 0) { /* a stored hash proves nothing of the body */
        struct ps_hash computed = ps_hash_bytes(stored.body);
        if (!ps_hash_equal(&computed, &body_hash)) {
            return P2PSYNC_OK;
        }
    }
    struct ps_hash leaf = ps_hash_leaf(stored.skeleton, &body_hash);
    if (memcmp(leaf.bytes, stored.leaf, sizeof stored.leaf) == 0) {
        *leaf_out = leaf;
        *sound_out = true;
    }
    return P2PSYNC_OK;
}

p2psync_result ps_damage_add(struct ps_txn *txn, const struct ps_damaged *entry)
{
    struct ps_key key = ps_key_entry(entry->log, entry->seq);
    return ps_db_put(txn, PS_DB_DAMAGED, ps_key_view(&key), ps_bytes("", 0));
}

p2psync_result ps_damage_list_met(struct ps_txn *txn, uint64_t *count_out)
{
    struct ps_met met[PS_MET_MAX];
    size_t count = ps_met_take(txn, met);
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < count && result == P2PSYNC_OK; i++) {
        const struct ps_damaged entry = {.log = met[i].log, .seq = met[i].seq};
        result = entry.seq == PS_MET_ROW     ? list_as(txn, &entry, ROWS)
                 : entry.seq == PS_MET_TABLE ? list_as(txn, &entry, TABLE)
                                             : list_if_damaged(txn, &entry);
    }
    return result == P2PSYNC_OK ? ps_damage_count(txn, count_out) : result;
}

/* Whoever read it may have asked for more than is there, or it is mended by now. */
static p2psync_result list_if_damaged(struct ps_txn *txn, const struct ps_damaged *entry)
{
    struct ps_key key = ps_key_entry(entry->log, entry->seq);
    struct ps_log_brief log;
    struct ps_bytes row;
    struct ps_hash leaf;
    bool sound = true;
    p2psync_result result = ps_log_brief_by_number(txn, entry->log, &log);
    if (result != P2PSYNC_OK) {
        bool passed_over = result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT;
        return passed_over ? P2PSYNC_OK : result; /* nothing can be said of its entries */
    }
    if (entry->seq < log.begin || entry->seq >= log.size) {
        return P2PSYNC_OK;
    }
    result = ps_damage_look(txn, entry, &leaf, &sound);
    if (result != P2PSYNC_OK || sound) {
        return result;
    }
    result = ps_db_get(txn, PS_DB_DAMAGED, ps_key_view(&key), &row);
    return result == P2PSYNC_OK && row.size == 0 ? P2PSYNC_OK : ps_damage_add(txn, entry);
}

static p2psync_result list_as(struct ps_txn *txn, const struct ps_damaged *rows, const char *as)
{
    struct ps_key key = ps_key_entry(rows->log, rows->seq);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_DAMAGED, ps_key_view(&key), &row);
    return result == P2PSYNC_OK
               ? P2PSYNC_OK
               : ps_db_put(txn, PS_DB_DAMAGED, ps_key_view(&key), ps_bytes_text(as));
}

p2psync_result ps_damage_explain(struct ps_txn *txn)
{
    uint64_t listed = 0;
    p2psync_result result = ps_damage_list_met(txn, &listed);
    return result == P2PSYNC_OK && listed == 0 ? P2PSYNC_ECORRUPT : result;
}

p2psync_result ps_damage_put_back(struct ps_txn *txn, const struct ps_damaged *entry)
{
    struct ps_key key = ps_key_entry(entry->log, entry->seq);
    return ps_db_put(txn, PS_DB_DAMAGED, ps_key_view(&key), ps_bytes_text(BACK));
}

p2psync_result ps_damage_remove(struct ps_txn *txn, const struct ps_damaged *entry)
{
    struct ps_key key = ps_key_entry(entry->log, entry->seq);
    return ps_db_delete(txn, PS_DB_DAMAGED, ps_key_view(&key));
}

p2psync_result ps_damage_next(struct ps_txn *txn, const struct ps_damaged *from,
                              struct ps_damaged *out)
{
    return next(txn, from, "", out);
}

p2psync_result ps_damage_next_back(struct ps_txn *txn, const struct ps_damaged *from,
                                   struct ps_damaged *out)
{
    return next(txn, from, BACK, out);
}

static p2psync_result next(struct ps_txn *txn, const struct ps_damaged *from, const char *value,
                           struct ps_damaged *out)
{
    struct ps_key key = ps_key_entry(from->log, from->seq);
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(txn, PS_DB_DAMAGED, &key, &result, &row)) {
        struct ps_damaged found;
        if (!ps_key_split_entry(row.key, &found.log, &found.seq)) {
            return P2PSYNC_ECORRUPT;
        }
        if (ps_bytes_equal(row.value, ps_bytes_text(value))) {
            *out = found;
            return P2PSYNC_OK;
        }
    }
    return result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : result;
}

p2psync_result ps_damage_next_rows(struct ps_txn *txn, uint32_t from, uint32_t *collection_out)
{
    return next_number(txn, from, ROWS, collection_out);
}

/* The same where the place in the list says one number only. */
static p2psync_result next_number(struct ps_txn *txn, uint32_t from, const char *value,
                                  uint32_t *number_out)
{
    const struct ps_damaged first = {.log = from};
    struct ps_damaged found;
    p2psync_result result = next(txn, &first, value, &found);
    if (result == P2PSYNC_OK) {
        *number_out = found.log;
    }
    return result;
}

p2psync_result ps_damage_remove_rows(struct ps_txn *txn, uint32_t collection)
{
    const struct ps_damaged rows = {.log = collection, .seq = PS_MET_ROW};
    return ps_damage_remove(txn, &rows);
}

p2psync_result ps_damage_add_rows(struct ps_txn *txn, uint32_t collection)
{
    const struct ps_damaged rows = {.log = collection, .seq = PS_MET_ROW};
    return list_as(txn, &rows, ROWS);
}

p2psync_result ps_damage_next_table(struct ps_txn *txn, uint32_t from, uint32_t *table_out)
{
    return next_number(txn, from, TABLE, table_out);
}

p2psync_result ps_damage_remove_tables(struct ps_txn *txn)
{
    struct ps_damaged at = {.log = 0};
    p2psync_result result = next(txn, &at, TABLE, &at);
    while (result == P2PSYNC_OK) { /* each time one less */
        result = ps_damage_remove(txn, &at);
        result = result == P2PSYNC_OK ? next(txn, &at, TABLE, &at) : result;
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

p2psync_result ps_damage_is_in(struct ps_txn *txn, uint32_t collection, bool *out)
{
    struct ps_log_walk walk = {.txn = txn, .collection = collection};
    struct ps_log_brief log;
    *out = false;
    while (!*out && ps_log_walk_next_brief(&walk, &log)) {
        struct ps_damaged at = {.log = log.number};
        p2psync_result result = ps_damage_next(txn, &at, &at);
        *out = result == P2PSYNC_OK && at.log == log.number;
        walk.result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    return walk.result;
}

p2psync_result ps_damage_count(struct ps_txn *txn, uint64_t *out)
{
    return ps_db_count(txn, PS_DB_DAMAGED, out);
}
