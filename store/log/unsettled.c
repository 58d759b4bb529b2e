/* The index of logs that are not settled: see unsettled.h. */
#include "store/log/unsettled.h"

static bool decode(struct ps_bytes row, struct ps_unsettled_look *out);

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
    if (!ps_key_split_log_number(row.key, &number) || !decode(row.value, &out->look)) {
        walk->result = P2PSYNC_ECORRUPT;
        return false;
    }
    walk->result = ps_log_brief_by_number(walk->txn, number, &out->log);
    if (walk->result != P2PSYNC_OK) {
        walk->result = walk->result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : walk->result;
        return false;
    }
    return true;
}

p2psync_result ps_unsettled_look_on(struct ps_txn *txn, uint32_t log,
                                    const struct ps_unsettled_look *look)
{
    struct ps_key key = ps_key_log_number(log);
    uint8_t row[PS_UNSETTLED_ROW_SIZE];
    ps_put_u64(row, look->looked_at);
    ps_put_u64(row + 8, look->size_bytes);
    ps_put_u64(row + 16, look->counted_from);
    ps_put_u64(row + 24, look->judged);
    return ps_db_put(txn, PS_DB_UNSETTLED, ps_key_view(&key), ps_bytes(row, sizeof row));
}

p2psync_result ps_unsettled_looked(struct ps_txn *txn, uint32_t log, struct ps_unsettled_look *out)
{
    struct ps_key key = ps_key_log_number(log);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_UNSETTLED, ps_key_view(&key), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    return decode(row, out) ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
}

static bool decode(struct ps_bytes row, struct ps_unsettled_look *out)
{
    if (row.size != PS_UNSETTLED_ROW_SIZE) {
        return false;
    }
    *out = (struct ps_unsettled_look){.looked_at = ps_get_u64(row.data),
                                      .size_bytes = ps_get_u64(row.data + 8),
                                      .counted_from = ps_get_u64(row.data + 16),
                                      .judged = ps_get_u64(row.data + 24)};
    return true;
}
