/* Where a log is cut into transactions: behind a change that has no `more` or that does not decode,
 * or with which the transaction has as many changes or bytes as it may have. Any node can tell
 * that, whether it has bodies or not.
 *
 * A transaction is also cut where the log forks, because what comes before is shared with other
 * branches. Both parts are transactions then, for whoever knows of the fork. The count goes on over
 * such a cut, so that all other cuts stay where they are. */
#ifndef PS_STORE_LOG_CUT_H
#define PS_STORE_LOG_CUT_H

#include "store/log/log.h"

/* A count, while a log is looked through: zeroed but for from == at, where a transaction begins. */
struct ps_cut {
    uint64_t from;
    uint64_t at;         /* the changes [from, at) are counted */
    uint64_t size_bytes; /* of them: their skeletons, and the bodies that those speak of */
    uint64_t last_bytes; /* of the last one */
};

/* Count one change more, which is here. ended_out: a transaction ends after it, whatever forks
 * there are. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_cut_step(struct ps_txn *txn, uint32_t log, struct ps_cut *cut,
                           bool *ended_out) P2PSYNC_MUST_CHECK;

/* Begin the next transaction at cut->at. */
void ps_cut_begin(struct ps_cut *cut);

/* Where the transaction that goes on at the entry `at` begins, if no fork cut it. `at` is at most
 * the log's size. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_cut_find(struct ps_txn *txn, uint32_t log, uint64_t at,
                           uint64_t *from_out) P2PSYNC_MUST_CHECK;

/* The log forks at the entry `at`, which is its own: cut what waits there, or will be looked at.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_cut_fork(struct ps_txn *txn, const struct ps_log *log,
                           uint64_t at) P2PSYNC_MUST_CHECK;

#endif
