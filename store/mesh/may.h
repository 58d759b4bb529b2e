/* What this device may write. */
#ifndef PS_STORE_MESH_MAY_H
#define PS_STORE_MESH_MAY_H

#include "store/mesh/members.h"
#include "store/write/own.h"

/* As ps_own_write(), if this device may. One that is no member by what it knows, or not yet, writes
 * what it wants: others will take it when it is.
 *
 * Errors  P2PSYNC_EDENIED others would not take it from this device: a reader writes no records,
 *         settings are for admins, and it may have been removed; as ps_own_write().
 */
p2psync_result ps_may_write(struct ps_txn *txn, const struct ps_write *write, uint64_t now_ms,
                            struct ps_written *out) P2PSYNC_MUST_CHECK;

#endif
