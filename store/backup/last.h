/* What is remembered of the backups that the node makes by itself: when the last one was made, and
 * whether making another one has failed since. */
#ifndef PS_STORE_BACKUP_LAST_H
#define PS_STORE_BACKUP_LAST_H

#include "store/env/db.h"

#define PS_LAST_WHY_SIZE 256 /* bytes, with the NUL; more is cut */

struct ps_last {
    uint64_t made_ms;   /* wall clock; 0: none was made */
    uint64_t failed_ms; /* of the last attempt, if it failed; else 0 */
    char why[PS_LAST_WHY_SIZE];
};

/* All zero if nothing is remembered. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_last_read(struct ps_txn *txn, struct ps_last *out) P2PSYNC_MUST_CHECK;
/* Errors  P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_last_write(struct ps_txn *txn, const struct ps_last *last) P2PSYNC_MUST_CHECK;

#endif
