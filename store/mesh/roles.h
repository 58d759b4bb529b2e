/* Roles in one collection that are another than in all others, as kept; and which logs are open. */
#ifndef PS_STORE_MESH_ROLES_H
#define PS_STORE_MESH_ROLES_H

#include "store/mesh/members.h"

/* Note one; moved_out: there was none, or another one. Errors  P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_role_put(struct ps_txn *txn, const struct ps_device *device,
                           struct ps_bytes collection, ps_role role,
                           bool *moved_out) P2PSYNC_MUST_CHECK;
/* Whether the device may write this collection, so that its log of it is open: rule 9 of
 * PROTOCOL.md, section 13. The founder may before anything is known. Errors
 * P2PSYNC_ECORRUPT; P2PSYNC_EIO. */
p2psync_result ps_role_opens(struct ps_txn *txn, const struct ps_mesh *mesh,
                             const struct ps_device *device, struct ps_bytes collection,
                             bool *out) P2PSYNC_MUST_CHECK;

/* A walk over all, by device and collection. As struct ps_collection_walk. The name points into the
 * map, until the next write. */
struct ps_role_row {
    struct ps_device device;
    struct ps_bytes collection;
};
struct ps_role_walk {
    struct ps_txn *txn;
    p2psync_result result;
    struct ps_key from;
};
bool ps_role_walk_next(struct ps_role_walk *walk, struct ps_role_row *out);

#endif
