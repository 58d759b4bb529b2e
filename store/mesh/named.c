/* A row for each device, as named.h says. An id is looked at when a log of it comes, and not when
 * it is named, because that takes long and anybody may name many. */
#include "store/mesh/named.h"

#include "store/env/keys.h"

p2psync_result ps_named_add(struct ps_txn *txn, const struct ps_device *device, bool *is_new_out)
{
    struct ps_key key = ps_key_device(device);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_NAMED, ps_key_view(&key), &row);
    *is_new_out = result == P2PSYNC_ENOTFOUND;
    bool write = *is_new_out || result == P2PSYNC_ECORRUPT; /* a damaged row says it by its key */
    return write ? ps_db_put(txn, PS_DB_NAMED, ps_key_view(&key), ps_bytes("", 0)) : result;
}

p2psync_result ps_named_has(struct ps_txn *txn, const struct ps_device *device, bool *out)
{
    struct ps_key key = ps_key_device(device);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_NAMED, ps_key_view(&key), &row);
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT) {
        *out = result != P2PSYNC_ENOTFOUND && ps_device_valid(device);
        result = P2PSYNC_OK;
    }
    return result;
}
