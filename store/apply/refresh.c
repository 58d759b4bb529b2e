/* What readers see, worked out anew: see refresh.h. */
#include "store/apply/refresh.h"

#include "store/apply/versions.h"
#include "store/merge/conflict.h"

static p2psync_result refresh_collection(struct ps_txn *txn, struct ps_versions *versions,
                                         uint32_t collection);
static p2psync_result refresh_record(struct ps_txn *txn, struct ps_versions *versions,
                                     uint32_t collection, struct ps_bytes id,
                                     struct ps_collection_delta *counts);

p2psync_result ps_refresh(struct ps_txn *txn)
{
    struct ps_versions versions = {0};
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    walk.result = ps_db_next_number(txn, PS_META_REFRESHES, &versions.refresh);
    versions.refresh++; /* from 1 on */
    while (ps_collection_walk_next(&walk, &collection)) {
        walk.result = refresh_collection(txn, &versions, collection.number);
    }
    ps_versions_deinit(&versions);
    return walk.result;
}

static p2psync_result refresh_collection(struct ps_txn *txn, struct ps_versions *versions,
                                         uint32_t collection)
{
    struct ps_collection_delta counts = {0};
    struct ps_conflict_walk walk = {.txn = txn, .collection = collection};
    struct ps_conflict_item item;
    while (ps_conflict_walk_next(&walk, &item)) {
        walk.result = refresh_record(txn, versions, collection, item.id, &counts);
    }
    return walk.result == P2PSYNC_OK ? ps_collection_count(txn, collection, &counts) : walk.result;
}

static p2psync_result refresh_record(struct ps_txn *txn, struct ps_versions *versions,
                                     uint32_t collection, struct ps_bytes id,
                                     struct ps_collection_delta *counts)
{
    struct ps_applied unused = {0};
    p2psync_result result = ps_versions_load(versions, txn, collection, id);
    if (result == P2PSYNC_OK && versions->count > 0) {
        versions->changed = true;
        result = ps_versions_store(versions, txn, counts, &unused);
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}
