/* The list of records with several versions, and merges of what a row holds. */
#include "store/merge/conflict.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"

/* A row made ready to be merged. */
struct prepared {
    struct ps_rules rules;
    struct ps_version *versions;
    struct ps_merge merge;
};

static p2psync_result prepare(struct ps_txn *txn, uint32_t collection,
                              const struct ps_record_row *row, struct prepared *out);
static void release(struct prepared *prepared);
static bool is_row(struct ps_bytes value);
static void fill_item(struct ps_bytes id, const struct ps_row *row, struct ps_conflict_item *out);

p2psync_result ps_conflict_keep_asked(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                                      const uint8_t asked[static PS_CONFLICT_ASKED_SIZE])
{
    uint8_t row[PS_CONFLICT_ROW_SIZE + PS_CONFLICT_ASKED_SIZE];
    struct ps_key key = ps_key_record(collection, id);
    struct ps_bytes value;
    p2psync_result result = ps_db_get(txn, PS_DB_CONFLICTS, ps_key_view(&key), &value);
    if (result != P2PSYNC_OK || !is_row(value)) {
        return result != P2PSYNC_OK ? result : P2PSYNC_ECORRUPT;
    }
    memcpy(row, value.data, PS_CONFLICT_ROW_SIZE);
    memcpy(row + PS_CONFLICT_ROW_SIZE, asked, PS_CONFLICT_ASKED_SIZE);
    return ps_db_put(txn, PS_DB_CONFLICTS, ps_key_view(&key), ps_bytes(row, sizeof row));
}

struct ps_conflict_walk ps_conflict_walk_after(struct ps_txn *txn, uint32_t collection,
                                               struct ps_bytes after)
{
    struct ps_conflict_walk walk = {.txn = txn, .collection = collection};
    walk.from = ps_key_record(collection, after);
    walk.from = after.size > 0 ? ps_key_above(&walk.from) : walk.from;
    return walk;
}

struct ps_conflict_walk ps_conflict_walk_from(struct ps_txn *txn, uint32_t collection,
                                              struct ps_bytes from)
{
    return (struct ps_conflict_walk){
        .txn = txn, .collection = collection, .from = ps_key_record(collection, from)};
}

bool ps_conflict_walk_next(struct ps_conflict_walk *walk, struct ps_conflict_item *out)
{
    struct ps_row row;
    struct ps_bytes id;
    uint32_t found = 0;
    if (walk->from.size == 0) {
        walk->from = ps_key_record(walk->collection, ps_bytes(NULL, 0));
    }
    if (!ps_db_walk_next(walk->txn, PS_DB_CONFLICTS, &walk->from, &walk->result, &row)) {
        return false;
    }
    if (!ps_key_split_record(row.key, &found, &id) || id.size > PS_RECORD_ID_SIZE_MAX ||
        !is_row(row.value)) {
        walk->result = P2PSYNC_ECORRUPT;
        return false;
    }
    fill_item(id, &row, out);
    return found == walk->collection;
}

static bool is_row(struct ps_bytes value)
{
    return value.size == PS_CONFLICT_ROW_SIZE ||
           value.size == PS_CONFLICT_ROW_SIZE + PS_CONFLICT_ASKED_SIZE;
}

static void fill_item(struct ps_bytes id, const struct ps_row *row, struct ps_conflict_item *out)
{
    const uint8_t *data = row->value.data;
    *out = (struct ps_conflict_item){
        .id = id,
        .conflict = data[0] != 0,
        .refresh = ps_get_u32(data + 1),
        .asked = ps_bytes(data + PS_CONFLICT_ROW_SIZE, row->value.size - PS_CONFLICT_ROW_SIZE)};
}

p2psync_result ps_conflict_cursor_open(struct ps_txn *txn, uint32_t collection,
                                       struct ps_bytes prefix, struct ps_record_cursor *out)
{
    return ps_record_cursor_open_in(txn, PS_DB_CONFLICTS, collection, prefix, out);
}

p2psync_result ps_conflict_cursor_next(struct ps_record_cursor *cursor,
                                       struct ps_conflict_item *out)
{
    struct ps_row row;
    struct ps_bytes id;
    p2psync_result result = ps_record_cursor_next_row(cursor, &row, &id);
    if (result == P2PSYNC_OK && !is_row(row.value)) {
        result = P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK) {
        fill_item(id, &row, out);
    }
    return result;
}

p2psync_result ps_conflict_refreshes(struct ps_txn *txn, uint32_t *out)
{
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(PS_META_REFRESHES), &row);
    if (result == P2PSYNC_ENOTFOUND) {
        *out = 0;
        return P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK && row.size != 4) {
        return P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK) {
        *out = ps_get_u32(row.data);
    }
    return result;
}

p2psync_result ps_conflict_merge(struct ps_txn *txn, uint32_t collection,
                                 const struct ps_record_row *row, struct ps_merged *out)
{
    return ps_conflict_mark(txn, collection, row, NULL, out);
}

p2psync_result ps_conflict_mark(struct ps_txn *txn, uint32_t collection,
                                const struct ps_record_row *row, const char *const *labels,
                                struct ps_merged *out)
{
    struct prepared prepared;
    p2psync_result result = prepare(txn, collection, row, &prepared);
    if (result == P2PSYNC_OK) {
        prepared.rules.strategy = PS_STRATEGY_AUTO_MERGE;
        prepared.merge.labels = labels;
        result = ps_merge(&prepared.merge, out);
    }
    release(&prepared);
    return result;
}

p2psync_result ps_conflict_show(struct ps_txn *txn, uint32_t collection,
                                const struct ps_record_row *row, struct ps_buf *out)
{
    struct prepared prepared;
    struct ps_merged merged = {.copies = 0};
    p2psync_result result = prepare(txn, collection, row, &prepared);
    if (result == P2PSYNC_OK) {
        result = ps_merge(&prepared.merge, &merged);
    }
    if (result == P2PSYNC_OK) {
        ps_merged_mark_copies(&merged, prepared.versions, row->version_count);
        struct ps_record_write write = {.created_hlc = row->created_hlc,
                                        .versions = prepared.versions,
                                        .version_count = row->version_count,
                                        .view = &merged.view};
        result = ps_record_encode(&write, out);
    }
    ps_merged_deinit(&merged);
    release(&prepared);
    return result;
}

p2psync_result ps_conflict_base(struct ps_txn *txn, uint32_t collection,
                                const struct ps_record_row *row, struct ps_merged *out,
                                bool *found_out)
{
    struct prepared prepared;
    p2psync_result result = prepare(txn, collection, row, &prepared);
    if (result == P2PSYNC_OK) {
        result = ps_merge_base(&prepared.merge, out, found_out);
    }
    release(&prepared);
    return result;
}

static p2psync_result prepare(struct ps_txn *txn, uint32_t collection,
                              const struct ps_record_row *row, struct prepared *out)
{
    struct ps_collection found;
    assert(row->version_count > 1);
    *out = (struct prepared){.rules = {.field_count = 0}};
    p2psync_result result = ps_collection_by_number(txn, collection, &found);
    if (result == P2PSYNC_OK) {
        result = ps_rules_read(txn, found.name, &out->rules);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    out->versions = calloc(row->version_count, sizeof *out->versions);
    if (out->versions == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (uint32_t i = 0; i < row->version_count; i++) {
        ps_record_version(row, i, &out->versions[i]);
    }
    out->merge = (struct ps_merge){.txn = txn,
                                   .collection = collection,
                                   .rules = &out->rules,
                                   .versions = out->versions,
                                   .version_count = row->version_count};
    return P2PSYNC_OK;
}

static void release(struct prepared *prepared)
{
    free(prepared->versions);
    ps_rules_deinit(&prepared->rules);
}
