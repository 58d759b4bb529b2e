/* The index of logs that are not settled: see unsettled.h. */
#include "store/log/unsettled.h"

p2psync_result ps_unsettled_count(struct ps_txn *txn, uint64_t *count_out)
{
    return ps_db_count(txn, PS_DB_UNSETTLED, count_out);
}

bool ps_unsettled_walk_next(struct ps_unsettled_walk *walk, struct ps_unsettled *out)
{
    struct ps_row row;
    uint32_t number = 0;
    if (!ps_db_walk_next(walk->txn, PS_DB_UNSETTLED, &walk->from, &walk->result, &row)) {
        return false;
    }
    if (!ps_key_split_log_number(row.key, &number) || row.value.size != 16) {
        walk->result = P2PSYNC_ECORRUPT;
        return false;
    }
    walk->result = ps_log_brief_by_number(walk->txn, number, &out->log);
    if (walk->result != P2PSYNC_OK) {
        walk->result = walk->result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : walk->result;
        return false;
    }
    out->looked_at = ps_get_u64(row.value.data);
    out->size_bytes = ps_get_u64(row.value.data + 8);
    return true;
}

p2psync_result ps_unsettled_look_on(struct ps_txn *txn, uint32_t log, uint64_t looked_at,
                                    uint64_t size_bytes)
{
    struct ps_key key = ps_key_log_number(log);
    uint8_t row[16];
    ps_put_u64(row, looked_at);
    ps_put_u64(row + 8, size_bytes);
    return ps_db_put(txn, PS_DB_UNSETTLED, ps_key_view(&key), ps_bytes(row, sizeof row));
}
