/* The members of the mesh, derived from `_devices`. */
#ifndef PS_STORE_MESH_MEMBERS_H
#define PS_STORE_MESH_MEMBERS_H

#include "store/env/keys.h"
#include "store/log/log.h"

#define PS_DEVICES_COLLECTION "_devices"

struct ps_member {
    struct ps_device device;
    struct ps_device added_by; /* the first member who wrote its record; itself for the founder */
    uint64_t added_ms;         /* when, by that member's clock */
    uint32_t depth; /* how many members away from the founder, by who wrote whose record */
    uint32_t room;  /* how many more it may bring in */
    size_t name_size;
    char name[PS_DEVICE_NAME_SIZE_MAX];
};

/* Compute the members anew from all applied changes of `_devices`. Call it in the transaction that
 * applied changes there. Limits clip and never fail: see PS_MEMBERS_MAX and PS_INVITED_MAX. Members
 * that are near the founder come first, so that who is crowded out is far away. If a change of
 * `_devices` is damaged, members stay who they are: call it again when that is mended.
 *
 * changed_out  whether others are members than before; a new name does not count.
 * Errors       P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_members_refresh(struct ps_txn *txn, const struct ps_mesh *mesh,
                                  bool *changed_out) P2PSYNC_MUST_CHECK;

/* Errors  P2PSYNC_ENOTFOUND no member; P2PSYNC_ECORRUPT. */
p2psync_result ps_member_get(struct ps_txn *txn, const struct ps_device *device,
                             struct ps_member *out) P2PSYNC_MUST_CHECK;

/* A walk over the members, by id. As struct ps_collection_walk; PS_MEMBERS_MAX steps at most. */
struct ps_member_walk {
    struct ps_txn *txn;
    p2psync_result result;
    struct ps_key from;
};
bool ps_member_walk_next(struct ps_member_walk *walk, struct ps_member *out);

/* How many members there are.
 *
 * Errors  P2PSYNC_ECORRUPT.
 */
p2psync_result ps_member_count(struct ps_txn *txn, uint32_t *count_out) P2PSYNC_MUST_CHECK;

#endif
