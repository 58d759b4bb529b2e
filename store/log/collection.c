/* Collections: one row each, found by name, and by its local number through a second row.
 * Collections are never taken out, so numbers are never used again. */
#include "store/log/collection.h"

/* number || records || changes || conflicts || logs */
#define ROW_SIZE     (4 + 3 * 8 + 4)
#define WRITTEN_SIZE (8 + 4 * PS_WRITTEN_MAX)

static p2psync_result decode(struct ps_bytes name, struct ps_bytes row, struct ps_collection *out);
static p2psync_result put(struct ps_txn *txn, const struct ps_collection *collection);
static bool add(uint64_t *counter, int64_t delta);

p2psync_result ps_collection_find(struct ps_txn *txn, struct ps_bytes name,
                                  struct ps_collection *out)
{
    if (!ps_collection_name_valid(name)) {
        return P2PSYNC_ENOTFOUND;
    }
    struct ps_key key = ps_key_collection_name(name);
    struct ps_row row;
    p2psync_result result = ps_db_seek(txn, PS_DB_COLLECTIONS, ps_key_view(&key), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_bytes found;
    if (!ps_key_split_collection(row.key, &found) || !ps_bytes_equal(found, name)) {
        return P2PSYNC_ENOTFOUND;
    }
    return decode(found, row.value, out);
}

p2psync_result ps_collection_intern(struct ps_txn *txn, struct ps_bytes name,
                                    struct ps_collection *out)
{
    if (!ps_collection_name_valid(name)) {
        return P2PSYNC_EFORMAT;
    }
    p2psync_result result = ps_collection_find(txn, name, out);
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    struct ps_collection made = {.name = name};
    result = ps_db_next_number(txn, PS_META_COLLECTIONS, &made.number);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_key key = ps_key_collection_number(made.number);
    result = ps_db_put(txn, PS_DB_COLLECTIONS, ps_key_view(&key), name);
    if (result == P2PSYNC_OK) {
        result = put(txn, &made);
    }
    return result == P2PSYNC_OK ? ps_collection_find(txn, name, out) : result;
}

struct ps_collection_walk ps_collection_walk_from(struct ps_txn *txn, struct ps_bytes name)
{
    return (struct ps_collection_walk){.txn = txn, .from = ps_key_collection_name(name)};
}

bool ps_collection_walk_next(struct ps_collection_walk *walk, struct ps_collection *out)
{
    struct ps_row row;
    struct ps_bytes name;
    if (walk->from.size == 0) {
        walk->from = ps_key_collection_name(ps_bytes(NULL, 0));
    }
    if (!ps_db_walk_next(walk->txn, PS_DB_COLLECTIONS, &walk->from, &walk->result, &row)) {
        return false;
    }
    walk->result =
        ps_key_split_collection(row.key, &name) ? decode(name, row.value, out) : P2PSYNC_ECORRUPT;
    return walk->result == P2PSYNC_OK;
}

p2psync_result ps_collection_by_number(struct ps_txn *txn, uint32_t number,
                                       struct ps_collection *out)
{
    struct ps_key key = ps_key_collection_number(number);
    struct ps_bytes name;
    p2psync_result result = ps_db_get(txn, PS_DB_COLLECTIONS, ps_key_view(&key), &name);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = ps_collection_find(txn, name, out);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}

p2psync_result ps_collection_count(struct ps_txn *txn, uint32_t number,
                                   const struct ps_collection_delta *delta)
{
    if (delta->records == 0 && delta->changes == 0 && delta->conflicts == 0 && delta->logs == 0) {
        return P2PSYNC_OK;
    }
    struct ps_collection collection;
    p2psync_result result = ps_collection_by_number(txn, number, &collection);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    uint64_t logs = collection.logs;
    if (!add(&collection.records, delta->records) || !add(&collection.changes, delta->changes) ||
        !add(&collection.conflicts, delta->conflicts) || !add(&logs, delta->logs) ||
        logs > UINT32_MAX) {
        return P2PSYNC_ECORRUPT;
    }
    collection.logs = (uint32_t)logs;
    return put(txn, &collection);
}

p2psync_result ps_collection_recount(struct ps_txn *txn, uint32_t number,
                                     const struct ps_collection_counts *counts)
{
    struct ps_collection collection;
    p2psync_result result = ps_collection_by_number(txn, number, &collection);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    collection.records = counts->records;
    collection.changes = counts->changes;
    collection.conflicts = counts->conflicts;
    collection.logs = counts->logs;
    return put(txn, &collection);
}

p2psync_result ps_collection_complete(struct ps_txn *txn, uint32_t number, struct ps_bytes name,
                                      bool *made_out)
{
    struct ps_collection found = {.number = number, .name = name};
    struct ps_key by_number = ps_key_collection_number(number);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_COLLECTIONS, ps_key_view(&by_number), &row);
    *made_out = result == P2PSYNC_ENOTFOUND;
    if (result == P2PSYNC_ENOTFOUND) {
        return ps_db_put(txn, PS_DB_COLLECTIONS, ps_key_view(&by_number), name);
    }
    result = result == P2PSYNC_OK ? ps_collection_find(txn, name, &found) : result;
    *made_out = result == P2PSYNC_ENOTFOUND;
    return result == P2PSYNC_ENOTFOUND ? put(txn, &found) : result;
}

p2psync_result ps_collection_note_written(struct ps_txn *txn, uint32_t number)
{
    struct ps_written_last last;
    uint8_t row[WRITTEN_SIZE];
    struct ps_key key = ps_key_collections_written();
    p2psync_result result = ps_collection_written(txn, &last);
    if (result != P2PSYNC_OK) {
        return result;
    }
    last.numbers[last.count % PS_WRITTEN_MAX] = number;
    ps_put_u64(row, last.count + 1);
    for (size_t i = 0; i < PS_WRITTEN_MAX; i++) {
        ps_put_u32(row + 8 + 4 * i, last.numbers[i]);
    }
    return ps_db_put(txn, PS_DB_COLLECTIONS, ps_key_view(&key), ps_bytes(row, sizeof row));
}

p2psync_result ps_collection_written(struct ps_txn *txn, struct ps_written_last *out)
{
    struct ps_bytes row;
    struct ps_key key = ps_key_collections_written();
    p2psync_result result = ps_db_get(txn, PS_DB_COLLECTIONS, ps_key_view(&key), &row);
    if (result == P2PSYNC_ENOTFOUND) {
        *out = (struct ps_written_last){.count = 0};
        return P2PSYNC_OK;
    }
    if (result != P2PSYNC_OK || row.size != WRITTEN_SIZE) {
        return result == P2PSYNC_OK ? P2PSYNC_ECORRUPT : result;
    }
    out->count = ps_get_u64(row.data);
    for (size_t i = 0; i < PS_WRITTEN_MAX; i++) {
        out->numbers[i] = ps_get_u32(row.data + 8 + 4 * i);
    }
    return P2PSYNC_OK;
}

static p2psync_result decode(struct ps_bytes name, struct ps_bytes row, struct ps_collection *out)
{
    if (row.size != ROW_SIZE || !ps_collection_name_valid(name)) {
        return P2PSYNC_ECORRUPT; /* whoever reads it has room for a name that is valid */
    }
    *out = (struct ps_collection){
        .number = ps_get_u32(row.data),
        .records = ps_get_u64(row.data + 4),
        .changes = ps_get_u64(row.data + 12),
        .conflicts = ps_get_u64(row.data + 20),
        .logs = ps_get_u32(row.data + 28),
        .name = name,
    };
    return P2PSYNC_OK;
}

static p2psync_result put(struct ps_txn *txn, const struct ps_collection *collection)
{
    uint8_t row[ROW_SIZE];
    ps_put_u32(row, collection->number);
    ps_put_u64(row + 4, collection->records);
    ps_put_u64(row + 12, collection->changes);
    ps_put_u64(row + 20, collection->conflicts);
    ps_put_u32(row + 28, collection->logs);
    /* The key is a copy: the name may lie in the page that is written now. */
    struct ps_key key = ps_key_collection_name(collection->name);
    return ps_db_put(txn, PS_DB_COLLECTIONS, ps_key_view(&key), ps_bytes(row, sizeof row));
}

/* False if the counter would leave its range, which only a damaged one can. */
static bool add(uint64_t *counter, int64_t delta)
{
    uint64_t size = delta < 0 ? 0 - (uint64_t)delta : (uint64_t)delta;
    if (delta < 0 ? *counter < size : *counter > UINT64_MAX - size) {
        return false;
    }
    *counter = delta < 0 ? *counter - size : *counter + size;
    return true;
}
