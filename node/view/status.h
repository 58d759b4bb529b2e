/* What a node says of itself: its status and its identity, with the keys of `p2psync --json`. They
 * are put together from the store; a running node adds what only it knows. */
#ifndef PS_NODE_VIEW_STATUS_H
#define PS_NODE_VIEW_STATUS_H

#include "node/engine/engine.h"
#include "store/env/store.h"
#include "wire/id.h"

/* What a running node adds to its status. Zero: not running. */
struct ps_status_running {
    bool running;
    bool unanswered; /* it runs, and this is not from it */
    bool failing;    /* its last step failed */
    bool full;       /* because the disk is */
    uint64_t peers;  /* other members */
    uint64_t peers_connected;
    uint64_t peers_in_sync;
    uint64_t last_sync_ms;  /* of all peers; 0: never */
    const char *last_error; /* "" or NULL: none */
    uint64_t last_error_ms; /* wall clock; 0: not known */
    const struct ps_engine *engine;
};

/* What the engine says of all peers together. The rest of `out` is left as it is. */
void ps_status_count_peers(const struct ps_engine *engine, struct ps_status_running *out);

/* Whether everybody whom the node is connected to has what it has; somebody must be connected. */
bool ps_status_is_equal(const struct ps_status_running *running);

/* Append {device, fingerprint, name, mesh}. inviter adds inviter_fingerprint; it may be NULL.
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_status_identity(struct ps_txn *txn, const struct ps_device *inviter,
                                  struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* The same of a store, without an inviter, in a transaction of its own. Errors  as above. */
p2psync_result ps_status_identity_of(struct ps_store *store, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Append the map of status. Errors  as above. */
p2psync_result ps_status_write(struct ps_txn *txn, const struct ps_status_running *running,
                               struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
