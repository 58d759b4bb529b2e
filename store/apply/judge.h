/* Judging an entry once more: whether its mark as inert is what its bytes and its parents say. The
 * mark is this node's own, so it is lost with a damaged row, and nobody else can tell it. */
#ifndef PS_STORE_APPLY_JUDGE_H
#define PS_STORE_APPLY_JUDGE_H

#include "store/log/log.h"

/* Entries of a log whose rows were written anew (receive.h) are marked as they were. What cannot be
 * judged, because other entries are damaged too, counts as valid. Errors  P2PSYNC_EFULL;
 * P2PSYNC_EIO; P2PSYNC_ENOMEM. */
p2psync_result ps_judge_mended(struct ps_txn *txn, const struct ps_log *log,
                               struct ps_range mended) P2PSYNC_MUST_CHECK;

#endif
