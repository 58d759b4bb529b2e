/* After damage: entries whose rows were written anew (receive.h) are judged once more, and what
 * waited for them goes on. Whether an entry is inert, and whether it opened or closed a conflict,
 * is marked in its row by this node alone, so with a damaged row it is lost, and nobody can tell
 * it. */
#ifndef PS_STORE_APPLY_JUDGE_H
#define PS_STORE_APPLY_JUDGE_H

#include "store/log/log.h"

/* `mended` entries of a log are here again. Of all that are to be judged (damage.h), judge those of
 * which no parent is damaged, and mark them as they were; the rest counts as valid until more is
 * mended. Transactions that wait for a mended change are due, and records that could not be merged
 * are merged again. Errors  P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT. */
p2psync_result ps_judge_mended(struct ps_txn *txn, const struct ps_log *log,
                               struct ps_range mended) P2PSYNC_MUST_CHECK;

#endif
