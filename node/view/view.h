/* The answers of status, peers, devices and identity, with the keys of `p2psync --json`. They are
 * put together from the store; a running node adds what only it knows. */
#ifndef PS_NODE_VIEW_VIEW_H
#define PS_NODE_VIEW_VIEW_H

#include "node/engine/engine.h"
#include "store/env/identity.h"
#include "store/mesh/members.h"
#include "wire/codec.h"

/* What a running node adds to its status. Zero: not running. */
struct ps_view_running {
    bool running;
    uint64_t peers_connected;
    uint64_t peers_in_sync;
    uint64_t last_sync_ms;  /* of all peers; 0: never */
    const char *last_error; /* "" or NULL: none */
};

/* The name of this device: as `_devices` has it, else as it joined; "" if neither tells. */
p2psync_result ps_view_own_name(struct ps_txn *txn, const struct ps_device *device,
                                char out[static PS_DEVICE_NAME_SIZE_MAX + 1]) P2PSYNC_MUST_CHECK;

/* Append {device, fingerprint, name, mesh}. inviter adds inviter_fingerprint; it may be NULL.
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_view_identity(struct ps_txn *txn, const struct ps_device *inviter,
                                struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Append the map of status. Errors  as above. */
p2psync_result ps_view_status(struct ps_txn *txn, const struct ps_view_running *running,
                              struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Append the array of devices. Errors  as above. */
p2psync_result ps_view_devices(struct ps_txn *txn, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Append the array of peers as the store remembers them, all offline. Errors  as above. */
p2psync_result ps_view_peers(struct ps_txn *txn, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* One peer as a map. */
void ps_view_peer(struct ps_writer *writer, const struct ps_peer_info *peer);

#endif
