/* A row for each device, as named.h says. Whether an id is valid is not looked at, because that
 * takes long, and anybody may name many. */
#include "store/mesh/named.h"

#include <string.h>

#define REMOVED_SIZE (PS_DEVICE_SIZE + 8)

static bool decode(const struct ps_row *row, struct ps_named *out);

p2psync_result ps_named_put(struct ps_txn *txn, const struct ps_named *named, bool *moved_out)
{
    uint8_t bytes[REMOVED_SIZE];
    struct ps_key key = ps_key_device(&named->device);
    struct ps_bytes before;
    memcpy(bytes, named->removed_by.key, PS_DEVICE_SIZE);
    ps_put_u64(bytes + PS_DEVICE_SIZE, named->removed_ms);
    struct ps_bytes row = ps_bytes(bytes, named->is_removed ? sizeof bytes : 0);
    p2psync_result result = ps_db_get(txn, PS_DB_NAMED, ps_key_view(&key), &before);
    *moved_out = result != P2PSYNC_OK || !ps_bytes_equal(before, row);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND && result != P2PSYNC_ECORRUPT) {
        return result;
    }
    return *moved_out ? ps_db_put(txn, PS_DB_NAMED, ps_key_view(&key), row) : P2PSYNC_OK;
}

p2psync_result ps_named_get(struct ps_txn *txn, const struct ps_device *device,
                            struct ps_named *out)
{
    struct ps_key key = ps_key_device(device);
    struct ps_row row = {.key = ps_key_view(&key)};
    p2psync_result result = ps_db_get(txn, PS_DB_NAMED, row.key, &row.value);
    if (result == P2PSYNC_ECORRUPT || (result == P2PSYNC_OK && !decode(&row, out))) {
        *out = (struct ps_named){.device = *device}; /* its key says that much */
        result = P2PSYNC_OK;
    }
    return result;
}

bool ps_named_walk_next(struct ps_named_walk *walk, struct ps_named *out)
{
    struct ps_row row;
    if (!ps_db_walk_next(walk->txn, PS_DB_NAMED, &walk->from, &walk->result, &row)) {
        return false;
    }
    if (!decode(&row, out)) {
        walk->result = P2PSYNC_ECORRUPT;
    }
    return walk->result == P2PSYNC_OK;
}

static bool decode(const struct ps_row *row, struct ps_named *out)
{
    const uint8_t *data = row->value.data;
    *out = (struct ps_named){.is_removed = row->value.size == REMOVED_SIZE};
    if (out->is_removed) {
        memcpy(out->removed_by.key, data, PS_DEVICE_SIZE);
        out->removed_ms = ps_get_u64(data + PS_DEVICE_SIZE);
    }
    return ps_key_split_device(row->key, &out->device) && (out->is_removed || row->value.size == 0);
}
