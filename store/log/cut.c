/* Counting transactions: see cut.h. */
#include "store/log/cut.h"

#include "store/log/unsettled.h"
#include "store/log/waiting.h"

static p2psync_result goes_on(struct ps_txn *txn, uint32_t log, uint64_t seq, bool *more_out,
                              uint64_t *bytes_out);

p2psync_result ps_cut_step(struct ps_txn *txn, uint32_t log, struct ps_cut *cut, bool *ended_out)
{
    bool more = false;
    p2psync_result result = goes_on(txn, log, cut->at, &more, &cut->last_bytes);
    if (result != P2PSYNC_OK) {
        return result;
    }
    cut->size_bytes += cut->last_bytes;
    cut->at++;
    *ended_out = !more || cut->at - cut->from == PS_TRANSACTION_CHANGES_MAX ||
                 cut->size_bytes >= PS_TRANSACTION_SIZE_MAX;
    return P2PSYNC_OK;
}

/* A change that does not decode is inert, and ends its transaction. */
static p2psync_result goes_on(struct ps_txn *txn, uint32_t log, uint64_t seq, bool *more_out,
                              uint64_t *bytes_out)
{
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    p2psync_result result = ps_stored_get(txn, log, seq, &entry);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    bool valid = ps_skeleton_decode(entry.skeleton, &skeleton) == P2PSYNC_OK;
    *more_out = valid && (skeleton.op_and_flags & PS_CHANGE_MORE) != 0;
    *bytes_out = valid ? entry.skeleton.size + skeleton.body_size : 0;
    return P2PSYNC_OK;
}

void ps_cut_begin(struct ps_cut *cut)
{
    cut->from = cut->at;
    cut->size_bytes = 0;
}

/* Go back to a change without `more`, behind which a transaction begins for sure, and count on from
 * there. An honest author forks its log between two transactions, so this is one step. */
p2psync_result ps_cut_find(struct ps_txn *txn, uint32_t log, uint64_t at, uint64_t *from_out)
{
    bool more = true;
    uint64_t bytes = 0;
    uint64_t from = at;
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && more && from > 0) {
        result = goes_on(txn, log, from - 1, &more, &bytes);
        from -= more ? 1 : 0;
    }
    struct ps_cut cut = {.from = from, .at = from};
    while (result == P2PSYNC_OK && cut.at < at) {
        bool ended = false;
        result = ps_cut_step(txn, log, &cut, &ended);
        if (ended) {
            ps_cut_begin(&cut);
        }
    }
    if (result == P2PSYNC_OK) {
        *from_out = cut.from;
    }
    return result;
}

p2psync_result ps_cut_fork(struct ps_txn *txn, const struct ps_log *log, uint64_t at)
{
    struct ps_waiting waiting;
    if (at < log->settled) {
        p2psync_result result = ps_waiting_find(txn, log->number, at, &waiting);
        if (result == P2PSYNC_OK && waiting.begin < at) {
            return ps_waiting_cut(txn, &waiting, at);
        }
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    struct ps_unsettled_look look;
    p2psync_result result = ps_unsettled_looked(txn, log->number, &look);
    if (result != P2PSYNC_OK || look.looked_at < at) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    look.looked_at = look.counted_from; /* it is counted anew, up to the cut */
    look.size_bytes = 0;
    look.judged = look.judged < at ? look.judged : at;
    return ps_unsettled_look_on(txn, log->number, &look);
}
