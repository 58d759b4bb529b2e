/* Finding one change: see found.h. */
#include "store/history/found.h"

#include "store/log/waiting.h"

p2psync_result ps_found_in_log(struct ps_txn *txn, const struct ps_log *log, uint64_t seq,
                               struct ps_bytes id, struct ps_found *out)
{
    struct ps_stored entry;
    bool applied = false;
    if (seq < log->begin) {
        return P2PSYNC_ENOTFOUND; /* its stem has it */
    }
    p2psync_result result = ps_waiting_is_applied(txn, log, seq, &applied);
    if (result != P2PSYNC_OK || !applied) {
        return result != P2PSYNC_OK ? result : P2PSYNC_ENOTFOUND;
    }
    result = ps_stored_get(txn, log->number, seq, &entry);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    if (entry.inert) {
        return P2PSYNC_ENOTFOUND;
    }
    result = ps_found_skeleton(&entry, &out->skeleton);
    if (result == P2PSYNC_OK && !ps_bytes_equal(out->skeleton.record_id, id)) {
        result = P2PSYNC_ENOTFOUND;
    }
    out->collection = log->collection;
    out->log = log->number;
    out->seq = seq;
    out->origin = log->origin;
    return result;
}

p2psync_result ps_found_skeleton(const struct ps_stored *entry, struct ps_skeleton *out)
{
    p2psync_result result = ps_skeleton_decode(entry->skeleton, out);
    return result == P2PSYNC_OK || result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
}
