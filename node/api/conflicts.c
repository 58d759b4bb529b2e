/* A conflict, and who takes part in how many. */
#include "node/api/inside.h"
#include "node/api/snapshot.h"
#include "node/view/conflict.h"

p2psync_result p2psync_conflict(p2psync_snapshot *snapshot, const char *collection, const char *id,
                                struct p2psync_buffer *out)
{
    if (snapshot == NULL || collection == NULL || id == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_buf conflict;
    uint32_t number = 0;
    p2psync_result result = ps_snapshot_collection(snapshot, collection, &number);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_buf_init(&conflict, PS_HISTORY_SIZE_MAX);
    result = ps_view_conflict_write(&snapshot->txn, ps_bytes_text(collection), ps_bytes_text(id),
                                    &conflict);
    return ps_buffer_give(result, &conflict, out);
}
