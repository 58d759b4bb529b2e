/* What readers see, worked out anew after a change of rules. */
#ifndef PS_STORE_APPLY_REFRESH_H
#define PS_STORE_APPLY_REFRESH_H

#include "store/env/db.h"

/* Merge all records with several versions again, in all collections: call it in the transaction
 * that changed `_collections` or `_local_collections`.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM; P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result ps_refresh(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

#endif
