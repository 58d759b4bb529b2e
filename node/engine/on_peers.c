/* PEERS: where other members were reached, for networks that block broadcast. What a peer says of
 * others is a hint, like a beacon: it is tried, and CURVE decides. A device is told of when a
 * session begins, its own or another's, and again when the listener first is in sync. */
#include <string.h>

#include "node/engine/turn.h"

#define DIAL_SPAN ((struct ps_span){.least = 100, .most = 1000})

static void take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_peer_endpoints *item);
static bool describe(const struct ps_peer *of, const struct ps_peer *to,
                     struct ps_peer_endpoints *out);
static bool is_loopback(const char *endpoint);

void ps_on_peers(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_cursor cursor;
    struct ps_peer_endpoints item;
    if (ps_peers_decode(turn->event->bytes, &cursor) != P2PSYNC_OK) {
        ps_session_fault(turn, peer, peer->session, PS_ERROR_FORMAT, "malformed PEERS");
        return;
    }
    while (ps_peers_next(&cursor, &item)) {
        struct ps_peer *of = ps_session_find(turn->engine, &item.device);
        if (of != NULL && of != peer) {
            take(turn, of, &item);
        }
    }
}

void ps_peers_tell(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    struct ps_peer_endpoints items[PS_PEERS_MAX];
    size_t count = 0;
    /* From a place of its own each time: of very many, each round tells of others. */
    size_t first = engine->peer_count > PS_PEERS_MAX
                       ? (size_t)(ps_prng_next(&engine->prng) % engine->peer_count)
                       : 0;
    for (size_t i = 0; i < engine->peer_count && count < PS_PEERS_MAX; i++) {
        const struct ps_peer *of = engine->peers[(first + i) % engine->peer_count];
        if (of != peer && describe(of, peer, &items[count])) {
            count++;
        }
    }
    peer->peers_due = false;
    /* Before it is in sync it may not know of all members, and passes over those: so tell it anew.
     */
    peer->peers_again = peer->state != PS_PEER_IN_SYNC;
    if (count > 0) {
        ps_emit_send(turn, peer, peer->session, ps_peers_encode(items, count, ps_emit_begin(turn)));
    }
}

void ps_peers_due(struct ps_engine *engine)
{
    for (size_t i = 0; i < engine->peer_count; i++) {
        engine->peers[i]->peers_due = true;
    }
}

static void take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_peer_endpoints *item)
{
    bool news = false;
    for (size_t i = 0; i < item->endpoint_count; i++) {
        bool bare = item->endpoints[i].data[0] == ':'; /* of no use without the address */
        news = (!bare && ps_peer_endpoint_add(peer, item->endpoints[i], PS_FOUND_PEERS, false)) ||
               news;
    }
    if (news && peer->session == 0) {
        uint64_t soon = turn->now_ms + ps_jitter(&turn->engine->prng, DIAL_SPAN);
        peer->dial_ms = ps_sooner(peer->dial_ms, soon);
    }
}

/* What to tell `to` about `of`: where it was reached, if it ever was. */
static bool describe(const struct ps_peer *of, const struct ps_peer *to,
                     struct ps_peer_endpoints *out)
{
    bool near = to->row.endpoint_count > 0 && is_loopback(to->row.endpoints[0]);
    out->device = of->device;
    out->endpoint_count = 0;
    for (size_t i = 0; i < of->row.endpoint_count && of->row.last_seen_ms != 0; i++) {
        if (near || !is_loopback(of->row.endpoints[i])) {
            out->endpoints[out->endpoint_count++] = ps_bytes_text(of->row.endpoints[i]);
        }
    }
    return out->endpoint_count > 0;
}

static bool is_loopback(const char *endpoint)
{
    return strncmp(endpoint, "127.", 4) == 0 || strncmp(endpoint, "[::1]", 5) == 0;
}
