/* What stays when a device drops its past: what makes it the same member of the same mesh, and what
 * no other device can give back. */
#ifndef PS_STORE_MESH_KEEP_H
#define PS_STORE_MESH_KEEP_H

#include "store/env/db.h"

/* Whether the changes of this collection stay: those of the mesh's list of devices, and those of
 * `_local` collections, which never leave the device. */
bool ps_keep_takes(struct ps_bytes collection);

/* Copy what stays into a new store that has no device: identity and name, the logs of collections
 * that stay, the members, and where each was reached; not what each was known to hold. Records of
 * these collections are not copied: they are to be worked out anew (store/verify/anew.h).
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT a row of what stays is damaged; P2PSYNC_ENOSPC;
 *         P2PSYNC_EFULL; P2PSYNC_EIO. `to` must be aborted then.
 */
p2psync_result ps_keep_copy(struct ps_txn *from, struct ps_txn *to) P2PSYNC_MUST_CHECK;

#endif
