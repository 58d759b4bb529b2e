/* PEERS: where other members were reached. What a peer says of others is a hint, like a beacon: it
 * is tried where that is reasonable (reach.h), and CURVE decides. */
#include <string.h>

#include "node/engine/on_message.h"
#include "node/engine/turn.h"

#define DIAL_SPAN ((struct ps_span){.least = 100, .most = 1000})

static void take(struct ps_turn *turn, struct ps_peer *teller, struct ps_peer *peer,
                 const struct ps_peer_endpoints *item, bool near);

void ps_on_peers(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_cursor cursor;
    struct ps_peer_endpoints item;
    if (ps_peers_decode(turn->event->bytes, &cursor) != P2PSYNC_OK) {
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FORMAT, "malformed PEERS");
        return;
    }
    char from[PS_ENDPOINT_SIZE_MAX + 1] = "";
    if (turn->event->address.size <= PS_ENDPOINT_SIZE_MAX && turn->event->address.size > 0) {
        memcpy(from, turn->event->address.data, turn->event->address.size);
    }
    bool near = ps_reach_is_near(from) || ps_reach_is_near(ps_remember_where(peer));
    while (ps_peers_next(&cursor, &item)) {
        struct ps_peer *of = ps_peers_find(turn->engine, &item.device);
        if (of != NULL && of != peer) {
            take(turn, peer, of, &item, near);
        }
    }
}

static void take(struct ps_turn *turn, struct ps_peer *teller, struct ps_peer *peer,
                 const struct ps_peer_endpoints *item, bool near)
{
    bool news = false;
    for (size_t i = 0; i < item->endpoint_count; i++) {
        struct ps_bytes endpoint = item->endpoints[i];
        /* The name of another machine's interface is of no use. */
        bool hint =
            ps_reach_is_hint(endpoint, near) && memchr(endpoint.data, '%', endpoint.size) == NULL;
        news = (hint && ps_peers_told(turn, peer, endpoint, teller)) || news;
    }
    if (news && peer->session.id == 0) {
        ps_dial_by(peer, turn->now_ms + ps_prng_jitter(&turn->engine->prng, DIAL_SPAN));
    }
}
