/* The members of the mesh, as kept; ps_members_refresh() says who they are. */
#ifndef PS_STORE_MESH_MEMBERS_H
#define PS_STORE_MESH_MEMBERS_H

#include "store/env/db.h"
#include "store/env/keys.h"
#include "wire/act.h"

#define PS_DEVICES_COLLECTION "_devices"

struct ps_member {
    struct ps_device device;
    struct ps_device added_by; /* who gave it its first role; itself for the founder */
    uint64_t added_ms;         /* when, by the clock of that */
    ps_role role;              /* in all collections, but for those of which an act says another */
    uint32_t room;             /* how many more it may bring in */
    size_t name_size;
    char name[PS_DEVICE_NAME_SIZE_MAX];
};

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

/* Write a row, unless it is there as it is.
 *
 * moved_out  whether the device was no member, or had another role.
 * Errors     P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result ps_member_put(struct ps_txn *txn, const struct ps_member *member,
                             bool *moved_out) P2PSYNC_MUST_CHECK;

/* Set member->name from the device's record as it is shown now; its fingerprint if it has none that
 * is valid.
 *
 * created_ms_out  when the record was made, by the clock of who did; 0 if there is none.
 * Errors          P2PSYNC_EIO.
 */
p2psync_result ps_member_read_name(struct ps_txn *txn, struct ps_member *member,
                                   uint64_t *created_ms_out) P2PSYNC_MUST_CHECK;

/* How many members there are.
 *
 * Errors  P2PSYNC_ECORRUPT.
 */
p2psync_result ps_member_count(struct ps_txn *txn, uint32_t *count_out) P2PSYNC_MUST_CHECK;

#endif
