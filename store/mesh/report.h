/* Reports: what this device says of how far it has settled logs that are closed, or will be, so
 * that others take that much of them. wire/PROTOCOL.md, section 13, rules 12 and 13. */
#ifndef PS_STORE_MESH_REPORT_H
#define PS_STORE_MESH_REPORT_H

#include "store/env/identity.h"
#include "store/log/log.h"

/* Whether this device may report, and has settled more of a closed log than is covered. Errors
 * P2PSYNC_ECORRUPT; P2PSYNC_EIO. */
p2psync_result ps_report_due(struct ps_txn *txn, const struct ps_identity *identity,
                             bool *out) P2PSYNC_MUST_CHECK;

/* Report all that is due; and all that is settled of the logs of `about`, which are still open:
 * NULL, of none. The caller works the members out anew, and commits.
 *
 * now_ms  wall clock.
 * Errors  as ps_own_write(); P2PSYNC_ENOMEM. After any the transaction must be aborted.
 */
p2psync_result ps_report_write(struct ps_txn *txn, const struct ps_identity *identity,
                               const struct ps_device *about, uint64_t now_ms) P2PSYNC_MUST_CHECK;

#endif
