/* What readers see, worked out anew: see refresh.h. */
#include "store/apply/refresh.h"

#include <string.h>

#include "store/apply/versions.h"
#include "store/merge/conflict.h"
#include "store/merge/stale.h"

static p2psync_result refresh_many(struct ps_txn *txn, struct ps_versions *versions,
                                   const struct ps_stale *stale);
static struct ps_stale only(uint32_t collection, struct ps_bytes id);
static p2psync_result refresh_one(struct ps_txn *txn, struct ps_versions *versions,
                                  const struct ps_stale *stale);
static p2psync_result refresh_record(struct ps_txn *txn, struct ps_versions *versions,
                                     uint32_t collection, struct ps_bytes id,
                                     struct ps_collection_delta *counts);

p2psync_result ps_refresh_begin(struct ps_txn *txn, struct ps_bytes name)
{
    struct ps_collection collection;
    struct ps_conflict_item item;
    if (!ps_collection_name_valid(name) || ps_collection_is_internal(name)) {
        return P2PSYNC_OK; /* the rules of the node's own are fixed */
    }
    p2psync_result result = ps_collection_find(txn, name, &collection);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    struct ps_conflict_walk walk = {.txn = txn, .collection = collection.number};
    if (ps_conflict_walk_next(&walk, &item)) {
        return ps_stale_add_from(txn, collection.number, ps_bytes(NULL, 0));
    }
    return walk.result;
}

p2psync_result ps_refresh_waits(struct ps_txn *txn, bool *out)
{
    struct ps_stale first;
    p2psync_result result = ps_stale_first(txn, &first);
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
        *out = result == P2PSYNC_OK;
        result = P2PSYNC_OK;
    }
    return result;
}

p2psync_result ps_refresh(struct ps_txn *txn)
{
    struct ps_versions versions = {0};
    struct ps_stale stale;
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && versions.work < PS_PIECE_WORK_MAX) { /* ends with the list */
        result = ps_stale_first(txn, &stale);
        if (result == P2PSYNC_OK) {
            result = ps_conflict_refreshes(txn, &versions.refresh);
            versions.refresh++; /* from 1 on; none is told of before it is counted */
        }
        if (result == P2PSYNC_OK) {
            result = stale.many ? refresh_many(txn, &versions, &stale)
                                : refresh_one(txn, &versions, &stale);
        }
    }
    ps_versions_deinit(&versions);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

/* Merge records from the place on, and move it; at the end take the row out, and count the refresh.
 */
static p2psync_result refresh_many(struct ps_txn *txn, struct ps_versions *versions,
                                   const struct ps_stale *stale)
{
    struct ps_collection_delta counts = {0};
    struct ps_conflict_walk walk =
        ps_conflict_walk_from(txn, stale->collection, ps_bytes(stale->id, stale->id_size));
    struct ps_conflict_item item;
    bool ended = true;
    uint32_t unused = 0;
    while (ps_conflict_walk_next(&walk, &item)) {
        if (versions->work >= PS_PIECE_WORK_MAX) {
            walk.result = ps_stale_add_from(txn, stale->collection, item.id);
            ended = false;
            break;
        }
        const struct ps_stale one = only(stale->collection, item.id);
        walk.result = refresh_record(txn, versions, stale->collection, item.id, &counts);
        if (walk.result == P2PSYNC_OK && !versions->lost) {
            walk.result = ps_stale_remove(txn, &one);
        }
    }
    p2psync_result result = walk.result;
    if (result == P2PSYNC_OK && ended) {
        result = ps_stale_remove(txn, stale);
    }
    if (result == P2PSYNC_OK && ended) {
        result = ps_db_next_number(txn, PS_META_REFRESHES, &unused);
    }
    return result == P2PSYNC_OK ? ps_collection_count(txn, stale->collection, &counts) : result;
}

static struct ps_stale only(uint32_t collection, struct ps_bytes id)
{
    struct ps_stale one = {.collection = collection, .id_size = id.size};
    assert(id.size <= sizeof one.id);
    memcpy(one.id, id.data, id.size);
    return one;
}

static p2psync_result refresh_one(struct ps_txn *txn, struct ps_versions *versions,
                                  const struct ps_stale *stale)
{
    struct ps_collection_delta counts = {0};
    uint32_t unused = 0;
    p2psync_result result = refresh_record(txn, versions, stale->collection,
                                           ps_bytes(stale->id, stale->id_size), &counts);
    if (result == P2PSYNC_OK && !versions->lost) {
        result = ps_stale_remove(txn, stale);
    }
    if (result == P2PSYNC_OK && counts.conflicts != 0) {
        result = ps_db_next_number(txn, PS_META_REFRESHES, &unused);
    }
    return result == P2PSYNC_OK ? ps_collection_count(txn, stale->collection, &counts) : result;
}

static p2psync_result refresh_record(struct ps_txn *txn, struct ps_versions *versions,
                                     uint32_t collection, struct ps_bytes id,
                                     struct ps_collection_delta *counts)
{
    struct ps_applied unused = {0};
    p2psync_result result = ps_versions_load(versions, txn, collection, id);
    if (result == P2PSYNC_OK && versions->slots.count > 1) {
        versions->changed = true;
        result = ps_versions_store(versions, txn, counts, &unused);
    }
    return result;
}
