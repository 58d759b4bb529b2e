/* What is remembered of each member as a peer: where and when it was last reached. */
#ifndef PS_STORE_MESH_PEERS_H
#define PS_STORE_MESH_PEERS_H

#include "store/env/db.h"
#include "wire/id.h"

/* How an endpoint of a peer became known. These numbers are kept in rows and must stay as they are.
 */
typedef enum ps_found_by {
    PS_FOUND_UNKNOWN = 0,
    PS_FOUND_BEACON = 1,
    PS_FOUND_STATIC = 2,   /* given by the settings */
    PS_FOUND_PEERS = 3,    /* a member sent it in PEERS */
    PS_FOUND_PAIRING = 4,  /* the invite was used there */
    PS_FOUND_ACCEPTED = 5, /* the peer dialled us from there */
} ps_found_by;

/* What is remembered of a peer between runs. */
struct ps_peer_row {
    size_t endpoint_count;
    ps_found_by found_by[PS_ENDPOINTS_MAX];                     /* of each endpoint */
    char endpoints[PS_ENDPOINTS_MAX][PS_ENDPOINT_SIZE_MAX + 1]; /* the last good one first */
    size_t worked_count;   /* so many of the first were dialled, and the peer was there */
    uint64_t last_seen_ms; /* 0: never */
    uint64_t last_sync_ms; /* when it was last in sync; 0: never */
    uint64_t common;       /* changes that both were last known to hold, ... */
    uint64_t behind;       /* ... that it lacked ... */
    uint64_t ahead;        /* ... and that were missing here; UINT64_MAX: not known */
    int64_t skew_ms;       /* its clock less ours */
    uint64_t received_bytes;
    uint64_t sent_bytes;
    uint64_t refused_ms; /* when it said that this device was removed; 0: it did not, or has
                            admitted it since */
    uint64_t at_end; /* both were in sync when this node last ended in good order, and it has not
                        been started since: its incarnation then; else 0 */
};

/* All zero if nothing is remembered, or if the row is damaged: all of it is learnt anew, and then
 * written over it. Errors  P2PSYNC_EIO. */
p2psync_result ps_mesh_peer_read(struct ps_txn *txn, const struct ps_device *device,
                                 struct ps_peer_row *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_mesh_peer_write(struct ps_txn *txn, const struct ps_device *device,
                                  const struct ps_peer_row *row) P2PSYNC_MUST_CHECK;

#endif
