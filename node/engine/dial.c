/* Endpoints in turn, as node/engine/dial.h says. */
#include "node/engine/dial.h"

#include <string.h>

#include "node/engine/emit.h"
#include "node/engine/turn.h"

#define RACE_MS 250 /* head start of each before the next; RFC 8305 section 5 */
#define BACKOFF ((struct ps_backoff){.base = 500, .cap = 60000})
#define HEARSAY ((struct ps_backoff){.base = 500, .cap = 3600000})
#define REFUSED ((struct ps_backoff){.base = 1000, .cap = 60000}) /* the peer closed the link */

#define YIELD_SPAN ((struct ps_span){.least = 300, .most = 1000})

static bool possible(const struct ps_engine *engine, const struct ps_peer *peer);
static size_t candidate_count(const struct ps_engine *engine, const struct ps_peer *peer);
static struct ps_peer *next_due(struct ps_turn *turn, bool look);
static uint64_t due_ms(const struct ps_peer *peer);
static void look_at_absent(struct ps_engine *engine);
static void dial(struct ps_turn *turn, struct ps_peer *peer);
static void give_up(struct ps_turn *turn, struct ps_peer *peer);
static bool begin(struct ps_turn *turn, struct ps_peer *peer, const char *endpoint);
static bool is_known_by_hearsay(const struct ps_engine *engine, const struct ps_peer *peer);
static const char *next_candidate(struct ps_turn *turn, struct ps_peer *peer);
static bool is_of_another(const struct ps_engine *engine, const struct ps_peer *peer,
                          const char *endpoint);
static void end_cycle(struct ps_turn *turn, struct ps_peer *peer);

void ps_dial_tick(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_dials *dials = &engine->dials;
    struct ps_peer *peer = NULL;
    struct ps_elsewhere_try elsewhere;
    if (ps_reach_free_ms(engine) > turn->now_ms || engine->stopped) {
        return;
    }
    if (ps_elsewhere_take(turn, &elsewhere)) {
        begin(turn, elsewhere.peer, ps_remember_endpoint_at(elsewhere.peer, elsewhere.endpoint));
    }
    bool look = engine->peers.look || turn->now_ms >= dials->due_ms;
    /* Each time a peer is dialled: none is due twice in a turn. */
    while (ps_reach_free_ms(engine) <= turn->now_ms && (peer = next_due(turn, look)) != NULL) {
        dial(turn, peer);
    }
    if (look) {
        look_at_absent(engine);
    }
}

/* Of those that have an endpoint to be tried now. Whoever has none ends its cycle. look: at all
 * peers, and not only at those that are present. */
static struct ps_peer *next_due(struct ps_turn *turn, bool look)
{
    const struct ps_engine *engine = turn->engine;
    const struct ps_peers *peers = &engine->peers;
    struct ps_peer *const *items = look ? peers->items : peers->present;
    size_t count = look ? peers->count : peers->present_count;
    struct ps_peer *next = NULL;
    for (size_t i = 0; i < count; i++) {
        struct ps_peer *peer = items[i];
        if (turn->now_ms < due_ms(peer) || !possible(engine, peer)) {
            continue;
        }
        if (next_candidate(turn, peer) == NULL) {
            give_up(turn, peer);
            continue;
        }
        bool better =
            next == NULL || peer->dial.failures < next->dial.failures ||
            (peer->dial.failures == next->dial.failures && peer->dial.at_ms < next->dial.at_ms);
        next = better ? peer : next;
    }
    return next;
}

/* When it may be dialled next: while it is barred, whatever makes it worth a dial waits, because
 * its HELLO would be refused. */
static uint64_t due_ms(const struct ps_peer *peer)
{
    uint64_t barred_ms = ps_blame_barred_ms(peer);
    return peer->dial.at_ms > barred_ms ? peer->dial.at_ms : barred_ms;
}

/* When the first of those that are absent is due. */
static void look_at_absent(struct ps_engine *engine)
{
    struct ps_dials *dials = &engine->dials;
    ps_peers_looked(engine);
    dials->due_ms = PS_NEVER;
    for (size_t i = 0; i < engine->peers.count; i++) {
        const struct ps_peer *peer = engine->peers.items[i];
        if (!ps_link_any(peer) && possible(engine, peer)) {
            dials->due_ms = ps_deadline_sooner(dials->due_ms, due_ms(peer));
        }
    }
}

static void dial(struct ps_turn *turn, struct ps_peer *peer)
{
    const char *endpoint = next_candidate(turn, peer);
    peer->dial.tried++;
    if (!begin(turn, peer, endpoint)) {
        give_up(turn, peer);
    }
}

/* Nothing is left to be tried in this cycle, but for what is under way. */
static void give_up(struct ps_turn *turn, struct ps_peer *peer)
{
    if (ps_link_count_dialled(peer) == 0) {
        end_cycle(turn, peer);
    } else {
        peer->dial.at_ms = turn->now_ms + RACE_MS;
    }
}

/* False if there is no room for a link. */
static bool begin(struct ps_turn *turn, struct ps_peer *peer, const char *endpoint)
{
    struct ps_engine *engine = turn->engine;
    struct ps_link *link = ps_link_add(peer, engine->next_link);
    if (link == NULL) {
        return false;
    }
    ps_peers_come(engine, peer);
    engine->next_link++;
    link->since_ms = turn->now_ms;
    memcpy(link->endpoint, endpoint, strlen(endpoint) + 1);
    peer->state = PS_PEER_CONNECTING;
    peer->dial.at_ms = turn->now_ms + RACE_MS;
    ps_reach_spend(turn);
    ps_emit_dial(turn, link->id, &peer->device, endpoint);
    return true;
}

void ps_dial_failed(struct ps_turn *turn, struct ps_peer *peer, const char *reason)
{
    ps_emit_log(turn, P2PSYNC_LOG_DEBUG, "dial-failed", "%s: %s", peer->name, reason);
    if (possible(turn->engine, peer)) {
        ps_dial_by(peer, turn->now_ms);
    } else if (ps_link_count_dialled(peer) == 0) {
        end_cycle(turn, peer);
    }
}

void ps_dial_unresolved(struct ps_peer *peer)
{
    peer->dial.unresolved = true;
}

void ps_dial_again(struct ps_peer *peer, uint64_t at_ms)
{
    peer->dial.first = 0;
    peer->dial.tried = 0;
    peer->dial.failures = 0;
    peer->dial.unresolved = false;
    peer->dial.at_ms = at_ms;
}

void ps_dial_first(struct ps_peer *peer, const char *endpoint)
{
    for (uint32_t at = 0; at < ps_remember_endpoint_count(peer); at++) {
        if (strcmp(ps_remember_endpoint_at(peer, at), endpoint) == 0) {
            peer->dial.first = at;
        }
    }
}

void ps_dial_at(struct ps_peer *peer, uint64_t at_ms)
{
    peer->dial.at_ms = at_ms;
}

void ps_dial_by(struct ps_peer *peer, uint64_t at_ms)
{
    peer->dial.at_ms = ps_deadline_sooner(peer->dial.at_ms, at_ms);
}

void ps_dial_back_off(struct ps_turn *turn, struct ps_peer *peer)
{
    uint32_t failures = peer->dial.failures;
    peer->dial.failures = ps_prng_backoff_count(failures);
    peer->dial.at_ms = turn->now_ms + ps_prng_backoff_ms(&turn->engine->prng, REFUSED, failures);
}

uint64_t ps_dial_yield_ms(struct ps_turn *turn, const struct ps_peer *peer)
{
    bool lower = ps_peers_we_are_lower(turn->engine, peer);
    return lower ? 0 : ps_prng_jitter(&turn->engine->prng, YIELD_SPAN);
}

uint64_t ps_dial_cycles_failed(const struct ps_peer *peer)
{
    return peer->dial.cycles;
}

uint64_t ps_dial_deadline(const struct ps_engine *engine)
{
    uint64_t deadline = engine->peers.look ? 0 : engine->dials.due_ms;
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        const struct ps_peer *peer = engine->peers.present[i];
        if (possible(engine, peer)) {
            deadline = ps_deadline_sooner(deadline, due_ms(peer));
        }
    }
    uint64_t free_ms = ps_reach_free_ms(engine);
    deadline = ps_deadline_sooner(deadline, ps_elsewhere_deadline(engine));
    deadline = deadline > free_ms ? deadline : free_ms;
    return engine->stopped ? PS_NEVER : deadline;
}

static bool possible(const struct ps_engine *engine, const struct ps_peer *peer)
{
    return !engine->stopped && peer->session.id == 0 &&
           ps_link_count_dialled(peer) < PS_DIALS_PER_PEER_MAX &&
           peer->dial.tried < candidate_count(engine, peer);
}

bool ps_dial_is_known(const struct ps_engine *engine, const struct ps_peer *peer)
{
    return candidate_count(engine, peer) > 0;
}

static size_t candidate_count(const struct ps_engine *engine, const struct ps_peer *peer)
{
    return ps_remember_endpoint_count(peer) + engine->static_count;
}

/* The next endpoint of this cycle that may be dialled; NULL if there is none. Those before it are
 * passed over. */
static const char *next_candidate(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    size_t own = ps_remember_endpoint_count(peer);
    size_t count = candidate_count(engine, peer);
    while (peer->dial.tried < count) {
        size_t at = (peer->dial.first + peer->dial.tried) % count;
        const char *endpoint =
            at < own ? ps_remember_endpoint_at(peer, at) : engine->statics[at - own];
        bool free = !ps_link_is_dialled_to(peer, endpoint) &&
                    (at < own ? ps_reach_is_free(engine, endpoint, ps_remember_found_by(peer, at))
                              : !is_of_another(engine, peer, endpoint));
        if (free) {
            return endpoint;
        }
        peer->dial.tried++;
    }
    return NULL;
}

/* Whether a static endpoint is where another peer is connected. */
static bool is_of_another(const struct ps_engine *engine, const struct ps_peer *peer,
                          const char *endpoint)
{
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        const struct ps_peer *other = engine->peers.present[i];
        if (other != peer && other->session.id != 0 &&
            strcmp(ps_remember_endpoint_at(other, 0), endpoint) == 0) {
            return true;
        }
    }
    return false;
}

static void end_cycle(struct ps_turn *turn, struct ps_peer *peer)
{
    uint32_t failures = peer->dial.failures;
    struct ps_backoff backoff = is_known_by_hearsay(turn->engine, peer) ? HEARSAY : BACKOFF;
    uint64_t delay = ps_prng_backoff_ms(&turn->engine->prng, backoff, failures);
    peer->dial.cycles += peer->dial.unresolved ? 0 : 1;
    ps_dial_again(peer, turn->now_ms + delay);
    peer->dial.failures = ps_prng_backoff_count(failures);
    if (peer->state == PS_PEER_CONNECTING) {
        peer->state = PS_PEER_OFFLINE;
    }
}

/* Nobody has ever met it here, and this device knows of no endpoint by itself. */
static bool is_known_by_hearsay(const struct ps_engine *engine, const struct ps_peer *peer)
{
    bool own = engine->static_count > 0 || ps_remember_was_seen(peer);
    for (uint32_t i = 0; i < ps_remember_endpoint_count(peer); i++) {
        own = own || ps_remember_found_by(peer, i) == PS_FOUND_PAIRING;
    }
    return !own;
}
