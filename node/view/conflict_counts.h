/* In how many conflicts each peer takes part. */
#ifndef PS_NODE_VIEW_CONFLICT_COUNTS_H
#define PS_NODE_VIEW_CONFLICT_COUNTS_H

#include "store/env/store.h"

/* Append the array of peers, each with the number of conflicts in which a version of it takes part.
 *
 * peers   as ps_view_peers_write() says: of a running node, or from the store.
 * Errors  P2PSYNC_EFORMAT it is malformed; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_conflict_counts_write(struct ps_store *store, struct ps_bytes peers,
                                        struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
