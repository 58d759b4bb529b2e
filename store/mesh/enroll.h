/* Naming a device in `_devices`, which makes it a member if it was none. */
#ifndef PS_STORE_MESH_ENROLL_H
#define PS_STORE_MESH_ENROLL_H

#include "store/env/identity.h"

/* Sign into `_devices` that `device` goes by `name`, and work the members out anew.
 *
 * identity  this device, which must be a member for others to believe it.
 * name      valid, as ps_device_name_valid() says.
 * now_ms    wall clock.
 * Errors    as ps_write() and ps_members_refresh(). After any the transaction must be aborted.
 */
p2psync_result ps_enroll_device(struct ps_txn *txn, const struct ps_identity *identity,
                                const struct ps_device *device, struct ps_bytes name,
                                uint64_t now_ms) P2PSYNC_MUST_CHECK;

#endif
