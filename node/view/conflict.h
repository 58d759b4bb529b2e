/* A conflict as the app sees it: what concurrent edits of a record began from, what each of them
 * says, and what is shown. */
#ifndef PS_NODE_VIEW_CONFLICT_H
#define PS_NODE_VIEW_CONFLICT_H

#include "store/env/store.h"

/* Append the map of one record's versions, with the keys of `p2psync --json conflicts`.
 *
 * Errors  P2PSYNC_ENOCOLLECTION; P2PSYNC_ENOTFOUND no such record; P2PSYNC_ELIMIT;
 * P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_view_conflict_write(struct ps_txn *txn, struct ps_bytes collection,
                                      struct ps_bytes id, struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
