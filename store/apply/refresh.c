/* What readers see, worked out anew after a change of rules. */
#include <string.h>

#include "store/apply/versions.h"
#include "store/merge/conflict.h"

static p2psync_result refresh_collection(struct ps_txn *txn, struct ps_versions *versions,
                                         uint32_t collection);
static p2psync_result refresh_record(struct ps_txn *txn, struct ps_versions *versions,
                                     uint32_t collection, struct ps_bytes id,
                                     struct ps_collection_delta *counts);

p2psync_result ps_versions_refresh(struct ps_txn *txn)
{
    struct ps_versions versions = {0};
    struct ps_bytes after = ps_bytes(NULL, 0);
    uint8_t name[PS_COLLECTION_SIZE_MAX];
    p2psync_result result = ps_db_next_number(txn, PS_META_REFRESHES, &versions.refresh);
    versions.refresh++; /* from 1 on */
    while (result == P2PSYNC_OK) {
        struct ps_collection collection;
        result = ps_collection_next(txn, after, &collection);
        if (result == P2PSYNC_OK) {
            assert(collection.name.size <= sizeof(name));
            memcpy(name, collection.name.data, collection.name.size);
            after = ps_bytes(name, collection.name.size);
            result = refresh_collection(txn, &versions, collection.number);
        }
    }
    ps_versions_deinit(&versions);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

static p2psync_result refresh_collection(struct ps_txn *txn, struct ps_versions *versions,
                                         uint32_t collection)
{
    struct ps_collection_delta counts = {0};
    uint8_t last[PS_RECORD_ID_SIZE_MAX];
    struct ps_bytes after = ps_bytes(NULL, 0);
    p2psync_result result = P2PSYNC_OK;
    for (;;) { /* ends with the list */
        struct ps_conflict_item item;
        result = ps_conflict_next(txn, collection, after, &item);
        if (result != P2PSYNC_OK) {
            break;
        }
        assert(item.id.size <= sizeof(last));
        memcpy(last, item.id.data, item.id.size); /* what is written next moves the map */
        after = ps_bytes(last, item.id.size);
        result = refresh_record(txn, versions, collection, after, &counts);
        if (result != P2PSYNC_OK) {
            break;
        }
    }
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    return ps_collection_count(txn, collection, &counts);
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
