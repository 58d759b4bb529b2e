/* The peers, with the keys of `p2psync --json peers`. */
#ifndef PS_NODE_VIEW_PEERS_H
#define PS_NODE_VIEW_PEERS_H

#include "node/engine/engine.h"
#include "wire/codec.h"

/* Append the array of peers as the store remembers them, all offline.
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_view_peers_write(struct ps_txn *txn, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* One peer as a map. */
void ps_view_peers_write_one(struct ps_writer *writer, const struct ps_peer_info *peer);

#endif
