/* Beacons, as node/engine/on_beacon.h says. Nothing that a beacon says is believed: it is tried. */
#include "node/engine/on_beacon.h"

#include <string.h>

#include "node/engine/emit.h"
#include "node/engine/turn.h"

static bool may_look(struct ps_turn *turn);
static struct ps_peer *find_peer(struct ps_engine *engine, const struct ps_stranger *from);
static bool is_of(const struct ps_engine *engine, const struct ps_peer *peer,
                  const struct ps_stranger *from);
static bool is_new(struct ps_nonces *nonces, uint64_t nonce);
static void take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_stranger *from);

void ps_on_beacon(struct ps_turn *turn)
{
    const struct ps_event *event = turn->event;
    struct ps_strangers *strangers = &turn->engine->strangers;
    struct ps_stranger from = {.nonce = event->nonce, .tag = event->tag};
    if (event->address.size == 0 || event->address.size > PS_ENDPOINT_SIZE_MAX || !may_look(turn)) {
        return;
    }
    memcpy(from.endpoint, event->address.data, event->address.size);
    struct ps_peer *peer = find_peer(turn->engine, &from);
    if (peer != NULL) {
        take(turn, peer, &from);
        return;
    }
    struct ps_tag own =
        ps_device_tag(&turn->engine->identity.mesh, from.nonce, &turn->engine->identity.device);
    if (ps_tag_compare(own, from.tag) == 0) {
        ps_twins_hear(turn, from.endpoint);
        return;
    }
    strangers->count++;
    strangers->items[strangers->next] = from;
    strangers->next = (strangers->next + 1) % PS_STRANGERS_MAX;
    ps_emit_log(turn, P2PSYNC_LOG_DEBUG, "stranger-heard",
                "a device of this mesh that is not known here yet");
    ps_emit_plain(turn, PS_EFFECT_BURST);
}

/* Whether there were not too many strangers in this second. */
static bool may_look(struct ps_turn *turn)
{
    struct ps_strangers *strangers = &turn->engine->strangers;
    if (turn->now_ms >= strangers->begun_ms + 1000) {
        strangers->begun_ms = turn->now_ms;
        strangers->count = 0;
    }
    return strangers->count < PS_STRANGERS_RATE;
}

void ps_on_beacon_recall(struct ps_turn *turn, struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_STRANGERS_MAX; i++) {
        const struct ps_stranger *stranger = &turn->engine->strangers.items[i];
        if (stranger->endpoint[0] != '\0' && is_of(turn->engine, peer, stranger)) {
            take(turn, peer, stranger);
        }
    }
}

static struct ps_peer *find_peer(struct ps_engine *engine, const struct ps_stranger *from)
{
    for (size_t i = 0; i < engine->peers.count; i++) {
        if (is_of(engine, engine->peers.items[i], from)) {
            return engine->peers.items[i];
        }
    }
    return NULL;
}

static bool is_of(const struct ps_engine *engine, const struct ps_peer *peer,
                  const struct ps_stranger *from)
{
    struct ps_tag tag = ps_device_tag(&engine->identity.mesh, from->nonce, &peer->device);
    return ps_tag_compare(tag, from->tag) == 0;
}

/* Whether the peer was heard before, and not under this nonce. */
static bool is_new(struct ps_nonces *nonces, uint64_t nonce)
{
    for (size_t i = 0; i < nonces->count; i++) {
        if (nonces->items[i] == nonce) {
            return false;
        }
    }
    bool heard_before = nonces->count > 0;
    nonces->items[nonces->next] = nonce;
    nonces->next = (nonces->next + 1) % PS_NONCES_MAX;
    nonces->count += nonces->count < PS_NONCES_MAX ? 1 : 0;
    return heard_before;
}

/* A member is said to be at an endpoint: dial it there first. If it is connected, a new address or
 * a new nonce, which may be one of a new run, puts the session in doubt. */
static void take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_stranger *from)
{
    ps_peers_come(turn->engine, peer);
    bool moved = ps_remember_endpoint(peer, ps_bytes_text(from->endpoint), PS_FOUND_BEACON, false);
    bool fresh = is_new(&peer->nonces, from->nonce);
    if (peer->session.id != 0) {
        if (moved || fresh) {
            ps_session_doubt(peer);
        }
        return;
    }
    ps_dial_again(peer, turn->now_ms + ps_dial_yield_ms(turn, peer));
    ps_dial_first(peer, from->endpoint);
}
