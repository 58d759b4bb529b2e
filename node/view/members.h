/* The members of the mesh as `devices` lists them. */
#ifndef PS_NODE_VIEW_MEMBERS_H
#define PS_NODE_VIEW_MEMBERS_H

#include "node/view/before.h"
#include "store/env/store.h"
#include "store/mesh/members.h"
#include "store/mesh/terms.h"

/* Append the array of devices.
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_view_members_write(struct ps_txn *txn, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* The same, and of each device what it was before; those that were removed then, and are neither
 * members now nor removed, are there too.
 *
 * before  NULL: none of that.
 * Errors  as above.
 */
p2psync_result ps_view_members_compare(struct ps_txn *txn, const struct ps_view_befores *before,
                                       struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* The terms of the invite on which a device waits to be accepted. Errors  P2PSYNC_ENOTFOUND nobody
 * does; P2PSYNC_EIO. */
p2psync_result ps_view_members_waiting(struct ps_txn *txn, struct ps_terms *out) P2PSYNC_MUST_CHECK;

/* The member that a device is, or was: a device that is none goes by its fingerprint.
 *
 * Errors  P2PSYNC_ECORRUPT.
 */
p2psync_result ps_view_members_get(struct ps_txn *txn, const struct ps_device *device,
                                   struct ps_member *out) P2PSYNC_MUST_CHECK;

/* The name of this device: as `_devices` has it, else as it joined; "" if neither tells. */
p2psync_result
ps_view_members_own_name(struct ps_txn *txn, const struct ps_device *device,
                         char out[static PS_DEVICE_NAME_SIZE_MAX + 1]) P2PSYNC_MUST_CHECK;

#endif
