/* Writing as this device, whose identity is in the store. */
#ifndef PS_STORE_WRITE_OWN_H
#define PS_STORE_WRITE_OWN_H

#include "store/write/write.h"

/* As ps_write(), with the identity that is in the store now, and its secret. The fields of `write`
 * for identity, secret and time are not looked at.
 *
 * now_ms  wall clock.
 * Errors  P2PSYNC_ENODEVICE; as ps_write().
 */
p2psync_result ps_own_write(struct ps_txn *txn, const struct ps_write *write, uint64_t now_ms,
                            struct ps_written *out) P2PSYNC_MUST_CHECK;

#endif
