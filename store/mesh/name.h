/* Naming a device in `_devices`. */
#ifndef PS_STORE_MESH_NAME_H
#define PS_STORE_MESH_NAME_H

#include "store/env/identity.h"

/* Sign into `_devices` that `device` goes by `name`, which makes it no member, and work the members
 * out anew.
 *
 * name    valid, as ps_device_name_valid() says.
 * now_ms  wall clock.
 * Errors  as ps_write() and ps_members_refresh(). After any the transaction must be aborted.
 */
p2psync_result ps_name_device(struct ps_txn *txn, const struct ps_identity *identity,
                              const struct ps_device *device, struct ps_bytes name,
                              uint64_t now_ms) P2PSYNC_MUST_CHECK;

#endif
