/* All endpoints are looked at twice: for the teller whose turn it is, and for the one of its
 * endpoints that the lot falls on. That is once an hour. */
#include "node/engine/elsewhere.h"

#include "node/engine/turn.h"

/* The teller whose turn it is, as far as was looked. */
struct choice {
    bool found;
    struct ps_device teller;
    size_t waits; /* tries since its last one: SIZE_MAX if that is not known */
    uint64_t lot; /* among those that wait as long, the lowest goes first */
    uint64_t salt;
};

static bool is_candidate(const struct ps_engine *engine, const struct ps_peer *peer, size_t index);
static void consider(const struct ps_engine *engine, const struct ps_device *teller,
                     struct choice *choice);
static size_t tries_since(const struct ps_elsewhere *elsewhere, const struct ps_device *teller);
static bool draw(struct ps_turn *turn, const struct ps_device *teller,
                 struct ps_elsewhere_try *out);

uint64_t ps_elsewhere_deadline(const struct ps_engine *engine)
{
    return engine->elsewhere.wanted ? engine->elsewhere.next_ms : PS_NEVER;
}

bool ps_elsewhere_take(struct ps_turn *turn, struct ps_elsewhere_try *out)
{
    struct ps_engine *engine = turn->engine;
    struct ps_elsewhere *elsewhere = &engine->elsewhere;
    struct choice choice = {.found = false};
    if (!elsewhere->wanted || turn->now_ms < elsewhere->next_ms) {
        return false;
    }
    choice.salt = ps_prng_next(&engine->prng);
    for (size_t i = 0; i < engine->peers.count; i++) {
        const struct ps_peer *peer = engine->peers.items[i];
        for (size_t k = 0; k < ps_remember_endpoint_count(peer); k++) {
            if (is_candidate(engine, peer, k)) {
                consider(engine, ps_remember_teller(peer, k), &choice);
            }
        }
    }
    elsewhere->wanted = choice.found;
    if (!choice.found || !draw(turn, &choice.teller, out)) {
        return false;
    }
    elsewhere->next_ms = turn->now_ms + PS_ELSEWHERE_MS;
    elsewhere->tellers[elsewhere->teller_count % PS_ELSEWHERE_KNOWN_MAX] = choice.teller;
    elsewhere->teller_count++;
    return true;
}

static bool is_candidate(const struct ps_engine *engine, const struct ps_peer *peer, size_t index)
{
    const char *endpoint = ps_remember_endpoint_at(peer, index);
    return !engine->stopped && peer->session.id == 0 &&
           ps_link_count_dialled(peer) < PS_DIALS_PER_PEER_MAX &&
           !ps_link_is_dialled_to(peer, endpoint) &&
           ps_reach_is_elsewhere(engine, endpoint, ps_remember_found_by(peer, index));
}

/* Whom it is the turn of does not depend on how much each has told. */
static void consider(const struct ps_engine *engine, const struct ps_device *teller,
                     struct choice *choice)
{
    struct ps_prng lots;
    size_t waits = tries_since(&engine->elsewhere, teller);
    ps_prng_init(&lots, ps_get_u64(teller->key) ^ choice->salt);
    uint64_t lot = ps_prng_next(&lots);
    if (!choice->found || waits > choice->waits || (waits == choice->waits && lot < choice->lot)) {
        choice->found = true;
        choice->teller = *teller;
        choice->waits = waits;
        choice->lot = lot;
    }
}

static size_t tries_since(const struct ps_elsewhere *elsewhere, const struct ps_device *teller)
{
    size_t known = elsewhere->teller_count < PS_ELSEWHERE_KNOWN_MAX ? elsewhere->teller_count
                                                                    : PS_ELSEWHERE_KNOWN_MAX;
    for (size_t i = 0; i < known; i++) {
        size_t at = (elsewhere->teller_count - 1 - i) % PS_ELSEWHERE_KNOWN_MAX;
        if (ps_device_equal(&elsewhere->tellers[at], teller)) {
            return i;
        }
    }
    return SIZE_MAX;
}

/* One of what the teller has told. */
static bool draw(struct ps_turn *turn, const struct ps_device *teller, struct ps_elsewhere_try *out)
{
    const struct ps_engine *engine = turn->engine;
    size_t seen = 0;
    for (size_t i = 0; i < engine->peers.count; i++) {
        struct ps_peer *peer = engine->peers.items[i];
        for (size_t k = 0; k < ps_remember_endpoint_count(peer); k++) {
            if (!ps_device_equal(ps_remember_teller(peer, k), teller) ||
                !is_candidate(engine, peer, k)) {
                continue;
            }
            seen++;
            if (ps_prng_next(&turn->engine->prng) % seen == 0) { /* each with equal chances */
                *out = (struct ps_elsewhere_try){.peer = peer, .endpoint = k};
            }
        }
    }
    return seen > 0;
}
