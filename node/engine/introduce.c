/* Sending PEERS, as node/engine/introduce.h says. */
#include "node/engine/introduce.h"

#include "node/engine/emit.h"
#include "node/engine/remember.h"
#include "node/engine/turn.h"

#define MOVED_MS 60000 /* from one time that all are told of a peer to the next */
#define NEWS_MS  500   /* for which news is collected: many may meet at once */

static void introduce(struct ps_turn *turn, struct ps_peer *peer, uint64_t told);
static bool describe(const struct ps_peer *of, const struct ps_peer *to,
                     struct ps_peer_endpoints *out);

void ps_introduce_begin(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_introduction *introduction = &peer->introduction;
    introduction->due = true;
    if (introduction->known || turn->now_ms < introduction->next_ms) {
        return;
    }
    introduction->known = true;
    introduction->next_ms = turn->now_ms + MOVED_MS;
    introduction->moved = ++turn->engine->introduced;
    if (turn->engine->introduce_ms == PS_NEVER) {
        turn->engine->introduce_ms = turn->now_ms + NEWS_MS;
    }
}

void ps_introduce_end(struct ps_turn *turn)
{
    if (turn->now_ms >= turn->engine->introduce_ms) {
        turn->engine->introduce_ms = PS_NEVER;
    }
}

void ps_introduce_moved(struct ps_peer *peer)
{
    peer->introduction.known = false;
}

void ps_introduce_flush(struct ps_turn *turn, struct ps_peer *peer, bool in_sync)
{
    const struct ps_engine *engine = turn->engine;
    struct ps_introduction *introduction = &peer->introduction;
    bool collecting = engine->introduce_ms != PS_NEVER && turn->now_ms < engine->introduce_ms;
    if (introduction->due || (in_sync && introduction->again)) {
        introduction->due = false;
        /* A peer that is not in sync may not know all members, and passes over those it does not
         * know. So it is told once more when it is in sync. */
        introduction->again = peer->state != PS_PEER_IN_SYNC;
        introduce(turn, peer, 0);
        introduction->told = engine->introduced;
    } else if (introduction->told < engine->introduced && !collecting) {
        introduction->again = introduction->again || peer->state != PS_PEER_IN_SYNC;
        introduce(turn, peer, introduction->told);
        introduction->told = engine->introduced;
    }
}

/* Tell of those of whom there is news after number `told`; 0: of all. So what is said when many
 * meet grows with how many there are for each, and not with the square of that. */
static void introduce(struct ps_turn *turn, struct ps_peer *peer, uint64_t told)
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
        bool news = told == 0 || of->introduction.moved > told;
        if (of != peer && news && describe(of, peer, &items[count])) {
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
