/* What a node says of itself: its status and its identity, with the keys of `p2psync --json`. They
 * are put together from the store; a running node adds what only it knows. */
#ifndef PS_NODE_VIEW_STATUS_H
#define PS_NODE_VIEW_STATUS_H

#include "store/env/store.h"
#include "wire/id.h"

/* What a running node adds to its status. Zero: not running. */
struct ps_status_running {
    bool running;
    uint64_t peers_connected;
    uint64_t peers_in_sync;
    uint64_t last_sync_ms;  /* of all peers; 0: never */
    const char *last_error; /* "" or NULL: none */
};

/* Append {device, fingerprint, name, mesh}. inviter adds inviter_fingerprint; it may be NULL.
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_status_identity(struct ps_txn *txn, const struct ps_device *inviter,
                                  struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Append the map of status. Errors  as above. */
p2psync_result ps_status_write(struct ps_txn *txn, const struct ps_status_running *running,
                               struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
