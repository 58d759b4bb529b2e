/* Dialling: every endpoint a peer was ever reached at is tried, the last good one first, then those
 * that were given for no peer in particular. Several race, a moment apart: a network that swallows
 * what is sent to it costs no time. When all have failed, the next cycle comes after a back-off. */
#include <string.h>

#include "node/engine/turn.h"

#define RACE_MAX 3   /* dials of one peer under way */
#define RACE_MS  250 /* head start of each before the next; RFC 8305 section 5 */
#define BACKOFF  ((struct ps_backoff){.base = 500, .cap = 60000})

static size_t under_way(const struct ps_peer *peer);
static size_t candidate_count(const struct ps_engine *engine, const struct ps_peer *peer);
static const char *next_candidate(const struct ps_engine *engine, struct ps_peer *peer);
static bool is_dialled_already(const struct ps_peer *peer, const char *endpoint);
static bool is_of_another(const struct ps_engine *engine, const struct ps_peer *peer,
                          const char *endpoint);
static void end_cycle(struct ps_turn *turn, struct ps_peer *peer);

void ps_dial_tick(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    if (turn->now_ms < peer->dial_ms || !ps_dial_possible(engine, peer)) {
        return;
    }
    const char *endpoint = next_candidate(engine, peer);
    struct ps_link *link = endpoint == NULL ? NULL : ps_peer_link_add(peer, engine->next_link);
    if (link == NULL) {
        if (under_way(peer) == 0) {
            end_cycle(turn, peer);
        }
        return;
    }
    engine->next_link++;
    link->since_ms = turn->now_ms;
    memcpy(link->endpoint, endpoint, strlen(endpoint) + 1);
    peer->state = PS_PEER_CONNECTING;
    peer->dial_ms = turn->now_ms + RACE_MS;
    ps_emit_dial(turn, link->id, &peer->device, endpoint);
}

void ps_dial_failed(struct ps_turn *turn, struct ps_peer *peer, const char *reason)
{
    ps_emit_log(turn, P2PSYNC_LOG_DEBUG, "dial-failed", "%s: %s", peer->name, reason);
    if (ps_dial_possible(turn->engine, peer)) {
        peer->dial_ms = ps_sooner(peer->dial_ms, turn->now_ms);
    } else if (under_way(peer) == 0) {
        end_cycle(turn, peer);
    }
}

void ps_dial_again(struct ps_peer *peer, uint64_t at_ms)
{
    peer->dial_first = 0;
    peer->dial_tried = 0;
    peer->dial_failures = 0;
    peer->dial_ms = at_ms;
}

bool ps_dial_possible(const struct ps_engine *engine, const struct ps_peer *peer)
{
    return !engine->stopped && peer->session == 0 && under_way(peer) < RACE_MAX &&
           peer->dial_tried < candidate_count(engine, peer);
}

bool ps_dial_known(const struct ps_engine *engine, const struct ps_peer *peer)
{
    return candidate_count(engine, peer) > 0;
}

static size_t under_way(const struct ps_peer *peer)
{
    size_t count = 0;
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        uint64_t id = peer->links[i].id;
        count += id != 0 && (id & PS_LINK_ACCEPTED) == 0 ? 1 : 0;
    }
    return count;
}

static size_t candidate_count(const struct ps_engine *engine, const struct ps_peer *peer)
{
    return peer->row.endpoint_count + engine->static_count;
}

static const char *next_candidate(const struct ps_engine *engine, struct ps_peer *peer)
{
    size_t own = peer->row.endpoint_count;
    size_t count = candidate_count(engine, peer);
    while (peer->dial_tried < count) {
        size_t at = (peer->dial_first + peer->dial_tried) % count;
        peer->dial_tried++;
        const char *endpoint = at < own ? peer->row.endpoints[at] : engine->statics[at - own];
        if (!is_dialled_already(peer, endpoint) &&
            (at < own || !is_of_another(engine, peer, endpoint))) {
            return endpoint;
        }
    }
    return NULL;
}

static bool is_dialled_already(const struct ps_peer *peer, const char *endpoint)
{
    for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
        if (peer->links[i].id != 0 && strcmp(peer->links[i].endpoint, endpoint) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether a static endpoint is where another peer is connected. */
static bool is_of_another(const struct ps_engine *engine, const struct ps_peer *peer,
                          const char *endpoint)
{
    for (size_t i = 0; i < engine->peer_count; i++) {
        const struct ps_peer *other = engine->peers[i];
        if (other != peer && other->session != 0 && other->row.endpoint_count > 0 &&
            strcmp(other->row.endpoints[0], endpoint) == 0) {
            return true;
        }
    }
    return false;
}

static void end_cycle(struct ps_turn *turn, struct ps_peer *peer)
{
    uint32_t failures = peer->dial_failures;
    uint64_t delay = ps_backoff_ms(&turn->engine->prng, BACKOFF, failures);
    ps_dial_again(peer, turn->now_ms + delay);
    peer->dial_failures = failures < 30 ? failures + 1 : failures;
    if (peer->state == PS_PEER_CONNECTING) {
        peer->state = PS_PEER_OFFLINE;
    }
    if (peer->now_dialling) {
        peer->now_waiting = false;
        peer->now_dialling = false;
    }
}
