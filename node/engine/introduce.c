/* Sending PEERS, as node/engine/introduce.h says. */
#include "node/engine/introduce.h"

#include "node/engine/emit.h"
#include "node/engine/remember.h"
#include "node/engine/turn.h"

#define MOVED_MS 60000 /* from one time that all are told of a peer to the next */

static void introduce(struct ps_turn *turn, struct ps_peer *peer);
static bool describe(const struct ps_peer *of, const struct ps_peer *to,
                     struct ps_peer_endpoints *out);

void ps_introduce_begin(struct ps_turn *turn, struct ps_peer *peer)
{
    const struct ps_engine *engine = turn->engine;
    struct ps_introduction *introduction = &peer->introduction;
    introduction->due = true;
    if (introduction->known || turn->now_ms < introduction->next_ms) {
        return;
    }
    introduction->known = true;
    introduction->next_ms = turn->now_ms + MOVED_MS;
    for (size_t i = 0; i < engine->peers.count; i++) {
        engine->peers.items[i]->introduction.due = true;
    }
}

void ps_introduce_moved(struct ps_peer *peer)
{
    peer->introduction.known = false;
}

void ps_introduce_flush(struct ps_turn *turn, struct ps_peer *peer, bool in_sync)
{
    struct ps_introduction *introduction = &peer->introduction;
    if (introduction->due || (in_sync && introduction->again)) {
        introduction->due = false;
        /* A peer that is not in sync may not know all members, and passes over those it does not
         * know. So it is told once more when it is in sync. */
        introduction->again = peer->state != PS_PEER_IN_SYNC;
        introduce(turn, peer);
    }
}

static void introduce(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    struct ps_peer_endpoints items[PS_PEERS_MAX];
    size_t count = 0;
    /* With more members than one message holds, each message begins with another member. */
    size_t first = engine->peers.count > PS_PEERS_MAX
                       ? (size_t)(ps_prng_next(&engine->prng) % engine->peers.count)
                       : 0;
    for (size_t i = 0; i < engine->peers.count && count < PS_PEERS_MAX; i++) {
        const struct ps_peer *of = engine->peers.items[(first + i) % engine->peers.count];
        if (of != peer && describe(of, peer, &items[count])) {
            count++;
        }
    }
    if (count > 0) {
        ps_emit_send(turn, peer, peer->session.id,
                     ps_peers_encode(items, count, ps_emit_begin(turn)));
    }
}

/* What to tell `to` about `of`: where it was reached, if it ever was. A device on another machine
 * can do nothing with a loopback address. */
static bool describe(const struct ps_peer *of, const struct ps_peer *to,
                     struct ps_peer_endpoints *out)
{
    size_t count = ps_remember_endpoint_count(of);
    bool near = ps_reach_is_near(ps_remember_endpoint_at(to, 0));
    out->device = of->device;
    out->endpoint_count = 0;
    for (size_t i = 0; i < count && ps_remember_was_seen(of); i++) {
        const char *endpoint = ps_remember_endpoint_at(of, i);
        /* A zone such as %wlan0 is an interface of this machine. */
        if ((near || !ps_reach_is_near(endpoint)) && strchr(endpoint, '%') == NULL) {
            out->endpoints[out->endpoint_count++] = ps_bytes_text(endpoint);
        }
    }
    return out->endpoint_count > 0;
}
