/* The list lies in PS_DB_CONFLICTS, by the collection's number and the record's id. */
#include "store/several.h"

#include "store/keys.h"

p2psync_result ps_several_next(struct ps_txn *txn, const struct ps_several_place *after,
                               struct ps_several *out)
{
    struct ps_collection collection;
    struct ps_bytes id = after->id;
    p2psync_result result = after->collection.size > 0
                                ? ps_collection_find(txn, after->collection, &collection)
                                : ps_collection_next(txn, after->collection, &collection);
    while (result == P2PSYNC_OK) { /* ends with the collections, PS_ROOTS_MAX at most */
        result = ps_several_next_in(txn, &collection, id, out);
        if (result != P2PSYNC_ENOTFOUND) {
            return result;
        }
        id = ps_bytes(NULL, 0);
        result = ps_collection_next(txn, collection.name, &collection);
    }
    return result;
}

p2psync_result ps_several_next_in(struct ps_txn *txn, const struct ps_collection *collection,
                                  struct ps_bytes after, struct ps_several *out)
{
    struct ps_key key = ps_key_record(collection->number, after);
    struct ps_row row;
    struct ps_several several = {.place = {.collection = collection->name}};
    if (after.size > 0) {
        key = ps_key_above(&key);
    }
    p2psync_result result = ps_db_seek(txn, PS_DB_CONFLICTS, ps_key_view(&key), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (!ps_key_split_record(row.key, &several.number, &several.place.id) || row.value.size != 1) {
        return P2PSYNC_ECORRUPT;
    }
    if (several.number != collection->number) {
        return P2PSYNC_ENOTFOUND;
    }
    several.conflict = row.value.data[0] != 0;
    *out = several;
    return P2PSYNC_OK;
}
