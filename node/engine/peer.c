/* A peer's parts together, as node/engine/peer.h says. No decision is made here. */
#include "node/engine/peer.h"

#include <stdlib.h>

p2psync_result ps_peer_new(const struct ps_device *device, struct ps_peer **out)
{
    struct ps_peer *peer = calloc(1, sizeof *peer);
    if (peer == NULL) {
        return P2PSYNC_ENOMEM;
    }
    peer->device = *device;
    peer->state = PS_PEER_OFFLINE;
    peer->session = PS_SESSION_NONE;
    peer->round = PS_ROUND_NONE;
    *out = peer;
    return P2PSYNC_OK;
}

void ps_peer_destroy(struct ps_peer **peer)
{
    if (*peer != NULL) {
        ps_holds_deinit(&(*peer)->holds);
        ps_names_deinit(&(*peer)->names);
        ps_resent_deinit(&(*peer)->resent);
        ps_transfer_deinit(&(*peer)->transfer);
        free(*peer);
        *peer = NULL;
    }
}

void ps_peer_end_session(const struct ps_engine *engine, struct ps_peer *peer)
{
    peer->round = PS_ROUND_NONE;
    ps_state_forget(peer);
    ps_state_untell(peer);
    ps_holds_end_session(engine, peer, ps_transfer_unseen(peer));
    ps_receipts_forget(peer);
    ps_transfer_forget(peer);
    peer->offered = (struct ps_offered){.count = 0};
}

const char *ps_peer_state_name(ps_peer_state state)
{
    static const char *const names[] = {
        [PS_PEER_OFFLINE] = "offline", [PS_PEER_CONNECTING] = "connecting",
        [PS_PEER_REFUSED] = "refused", [PS_PEER_SYNCING] = "syncing",
        [PS_PEER_IN_SYNC] = "in_sync",
    };
    return names[state];
}
