/* Devices that are named in `_devices` by one that counts, and for which there is no room among the
 * members. Who holds their logs must not depend on who was a member at which time: so their logs
 * are taken, and that is all they may do. Who was named once is named for ever. */
#ifndef PS_STORE_MESH_NAMED_H
#define PS_STORE_MESH_NAMED_H

#include "store/env/db.h"
#include "wire/id.h"

/* Note that a device is. is_new_out: it was not noted. Errors  P2PSYNC_ECORRUPT; P2PSYNC_EFULL;
 * P2PSYNC_EIO. */
p2psync_result ps_named_add(struct ps_txn *txn, const struct ps_device *device,
                            bool *is_new_out) P2PSYNC_MUST_CHECK;

/* Whether it was noted, and its id is valid. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_named_has(struct ps_txn *txn, const struct ps_device *device,
                            bool *out) P2PSYNC_MUST_CHECK;

#endif
