/* What readers see, worked out anew after a change of rules: in pieces, because a collection may
 * have any number of records with several versions, and one of them may cost tens of ms. What is
 * left to do is in the list of stale records (merge/stale.h), on the disk, so a process that is
 * killed in between loses nothing, and a change of rules meanwhile begins anew. */
#ifndef PS_STORE_APPLY_REFRESH_H
#define PS_STORE_APPLY_REFRESH_H

#include "store/env/db.h"

/* List all records of a collection with several versions: call it in the transaction that changed
 * its record in `_collections` or `_local_collections`. A collection that is not there is fine.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result ps_refresh_begin(struct ps_txn *txn, struct ps_bytes name) P2PSYNC_MUST_CHECK;

/* Whether any record is listed. Errors  P2PSYNC_EIO. */
p2psync_result ps_refresh_waits(struct ps_txn *txn, bool *out) P2PSYNC_MUST_CHECK;

/* Merge one piece of the list: records until that has cost PS_PIECE_WORK_MAX, and one at least.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM; P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result ps_refresh(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

#endif
