/* A row for each device, as begun.h says. */
#include "store/log/begun.h"

p2psync_result ps_begun_count(struct ps_txn *txn, const struct ps_device *device,
                              uint32_t *count_out)
{
    struct ps_key key = ps_key_device(device);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_BEGUN, ps_key_view(&key), &row);
    bool counted = result == P2PSYNC_OK && row.size == 4;
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT) {
        *count_out = counted ? ps_get_u32(row.data) : 0;
        result = P2PSYNC_OK;
    }
    return result;
}

bool ps_begun_walk_next(struct ps_begun_walk *walk, struct ps_begun *out)
{
    struct ps_row row;
    if (!ps_db_walk_next(walk->txn, PS_DB_BEGUN, &walk->from, &walk->result, &row)) {
        return false;
    }
    if (row.value.size != 4 || !ps_key_split_device(row.key, &out->device)) {
        walk->result = P2PSYNC_ECORRUPT;
        return false;
    }
    out->count = ps_get_u32(row.value.data);
    return true;
}

p2psync_result ps_begun_add(struct ps_txn *txn, const struct ps_device *device, uint32_t more)
{
    struct ps_key key = ps_key_device(device);
    uint8_t row[4];
    uint32_t count = 0;
    p2psync_result result = ps_begun_count(txn, device, &count);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_put_u32(row, count < UINT32_MAX - more ? count + more : UINT32_MAX);
    return ps_db_put(txn, PS_DB_BEGUN, ps_key_view(&key), ps_bytes(row, sizeof row));
}
