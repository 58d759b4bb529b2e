/* The members of the mesh, derived from `_devices`, and what is remembered of each as a peer. */
#ifndef PS_STORE_MESH_MEMBERS_H
#define PS_STORE_MESH_MEMBERS_H

#include "store/log/log.h"

#define PS_DEVICES_COLLECTION "_devices"

struct ps_member {
    struct ps_device device;
    struct ps_device added_by; /* itself for the founder */
    uint64_t added_ms;
    uint32_t depth; /* of invitation; 0: the founder */
    size_t name_size;
    char name[PS_DEVICE_NAME_SIZE_MAX];
};

/* Work the members out anew from all applied changes of `_devices`: the least fixpoint from the
 * founder. Call it in the transaction that moved `_devices`.
 *
 * changed_out  whether any member came (names do not count).
 * Errors       P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_device_refresh(struct ps_txn *txn, const struct ps_mesh *mesh,
                                 bool *changed_out) P2PSYNC_MUST_CHECK;

/* Errors  P2PSYNC_ENOTFOUND no member; P2PSYNC_ECORRUPT. */
p2psync_result ps_device_get(struct ps_txn *txn, const struct ps_device *device,
                             struct ps_member *out) P2PSYNC_MUST_CHECK;

/* The member with the next id above `after` (NULL: the first). Errors as above. */
p2psync_result ps_device_next(struct ps_txn *txn, const struct ps_device *after,
                              struct ps_member *out) P2PSYNC_MUST_CHECK;

/* How an endpoint of a peer became known. Kept in its row: numbers stay. */
typedef enum ps_found_by {
    PS_FOUND_UNKNOWN = 0,
    PS_FOUND_BEACON = 1,
    PS_FOUND_STATIC = 2,   /* given by the settings */
    PS_FOUND_PEERS = 3,    /* told by a member */
    PS_FOUND_PAIRING = 4,  /* where the invite was used */
    PS_FOUND_ACCEPTED = 5, /* it came from there */
} ps_found_by;

/* What is remembered of a peer between runs. */
struct ps_peer_row {
    size_t endpoint_count;
    ps_found_by found_by[PS_ENDPOINTS_MAX];                     /* of each endpoint */
    char endpoints[PS_ENDPOINTS_MAX][PS_ENDPOINT_SIZE_MAX + 1]; /* the last good one first */
    uint64_t last_seen_ms;                                      /* 0: never */
    uint64_t last_sync_ms; /* when it was last in sync; 0: never */
    uint64_t common;       /* changes that both were last known to hold, ... */
    uint64_t behind;       /* ... that it lacked ... */
    uint64_t ahead;        /* ... and that were missing here; UINT64_MAX: not known */
    int64_t skew_ms;       /* its clock less ours */
    uint64_t received_bytes;
    uint64_t sent_bytes;
};

/* All zero if nothing is remembered. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_peer_read(struct ps_txn *txn, const struct ps_device *device,
                            struct ps_peer_row *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_peer_write(struct ps_txn *txn, const struct ps_device *device,
                             const struct ps_peer_row *row) P2PSYNC_MUST_CHECK;

#endif
