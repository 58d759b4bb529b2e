/* One row, as store/backup/last.h says. */
#include "store/backup/last.h"

#include <string.h>

#define TIMES_SIZE 16

p2psync_result ps_last_read(struct ps_txn *txn, struct ps_last *out)
{
    struct ps_bytes row;
    struct ps_last last = {.made_ms = 0};
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(PS_META_BACKUP), &row);
    if (result == P2PSYNC_OK) {
        if (row.size < TIMES_SIZE || row.size >= TIMES_SIZE + PS_LAST_WHY_SIZE) {
            return P2PSYNC_ECORRUPT;
        }
        last.made_ms = ps_get_u64(row.data);
        last.failed_ms = ps_get_u64(row.data + 8);
        memcpy(last.why, row.data + TIMES_SIZE, row.size - TIMES_SIZE);
    }
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    *out = last;
    return P2PSYNC_OK;
}

p2psync_result ps_last_write(struct ps_txn *txn, const struct ps_last *last)
{
    uint8_t row[TIMES_SIZE + PS_LAST_WHY_SIZE];
    size_t size = strnlen(last->why, PS_LAST_WHY_SIZE - 1);
    ps_put_u64(row, last->made_ms);
    ps_put_u64(row + 8, last->failed_ms);
    memcpy(row + TIMES_SIZE, last->why, size);
    return ps_db_put(txn, PS_DB_META, ps_bytes_text(PS_META_BACKUP),
                     ps_bytes(row, TIMES_SIZE + size));
}
