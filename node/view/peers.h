/* The peers, with the keys of `p2psync --json peers`. */
#ifndef PS_NODE_VIEW_PEERS_H
#define PS_NODE_VIEW_PEERS_H

#include "node/engine/engine.h"
#include "wire/codec.h"

/* Append the peers as the store remembers them: an array of each one's device (32 bytes) and its
 * map, in turn. Whoever has the array can so count conflicts for a peer and add the number to its
 * map, as conflict_counts.h does, without looking into the map.
 *
 * unanswered  a node runs here that does not answer: it is unknown how it stands with them. Else
 *             they are all offline.
 *
 * Errors  P2PSYNC_ENODEVICE; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_view_peers_write(struct ps_txn *txn, bool unanswered,
                                   struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* One peer: its device and its map. */
void ps_view_peers_write_one(struct ps_writer *writer, const struct ps_peer_info *peer);

#endif
