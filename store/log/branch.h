/* Branches: what becomes of a log whose author has signed two histories of it, that is, of a fork.
 * Both are carried: each is a log by itself, from the first change on, and nothing is dropped or
 * rewritten. DESIGN section 3.
 *
 * A branch is named by the first bytes of the root of its history up to its first own change: the
 * changes that it shares with others, and one more. The name depends only on which histories are
 * known, so whoever knows the same ones gives them the same names, in whatever order they came. A
 * log that does not fork is the trunk. When a fork is found, both histories become branches; when a
 * branch forks in turn, the name of what goes on from there changes again.
 *
 * For example, a log of 9 changes, and another history of it of 7 that shares the first 5: their
 * names are of the roots of the first 6 changes of each. */
#ifndef PS_STORE_LOG_BRANCH_H
#define PS_STORE_LOG_BRANCH_H

#include "store/log/receive.h"

/* What was done with a chunk. */
struct ps_branch_taken {
    struct ps_log log; /* it is a part of this one */
    uint64_t reached;  /* up to here the author's history is this log's */
    uint64_t added;    /* changes that are new */
    bool forked;       /* the log is new: a fork was found */
};

/* Take a chunk of an origin of which logs are here, whichever of its histories it belongs to. Its
 * first change must not lie above the end of that history. If that has another change here where
 * the chunk has one of its own, and the author has signed both, the log forks there.
 *
 * Errors  P2PSYNC_ESIGNATURE; P2PSYNC_EPROOF it follows none of the histories that are here, from
 * where it begins; P2PSYNC_EFORMAT; P2PSYNC_ELIMIT it forks, and chunk->histories_max are here;
 * P2PSYNC_EVERSION a change without its body; P2PSYNC_ECORRUPT; P2PSYNC_EFULL, P2PSYNC_EIO: abort
 * the transaction.
 */
p2psync_result ps_branch_take(struct ps_txn *txn, const struct ps_log *any,
                              const struct ps_head_context *context, const struct ps_chunk *chunk,
                              struct ps_branch_taken *out) P2PSYNC_MUST_CHECK;

/* Whether one of the origin's histories here has all that a signed head covers; log_out is that
 * one. Errors  P2PSYNC_ENOTFOUND none has; P2PSYNC_ECORRUPT. */
p2psync_result ps_branch_holding(struct ps_txn *txn, uint32_t collection, struct ps_tag origin,
                                 const struct ps_head *head,
                                 struct ps_log *log_out) P2PSYNC_MUST_CHECK;

#endif
