/* Beacons, as node/engine/on_beacon.h says. Nothing that a beacon says is believed: it is tried. */
#include "node/engine/on_beacon.h"

#include <string.h>

#include "node/engine/emit.h"
#include "node/engine/turn.h"

static void take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_stranger *from);

void ps_on_beacon(struct ps_turn *turn)
{
    const struct ps_event *event = turn->event;
    struct ps_strangers *strangers = &turn->engine->strangers;
    struct ps_stranger from = {.tag = event->tag, .instance = event->instance};
    if (event->address.size > PS_ENDPOINT_SIZE_MAX) {
        return;
    }
    memcpy(from.endpoint, event->address.data, event->address.size);
    struct ps_peer *peer = ps_peers_find_tag(turn->engine, event->tag);
    if (peer != NULL) {
        take(turn, peer, &from);
        return;
    }
    strangers->items[strangers->next] = from;
    strangers->next = (strangers->next + 1) % PS_STRANGERS_MAX;
    ps_emit_log(turn, P2PSYNC_LOG_DEBUG, "stranger-heard",
                "a device of this mesh that is not known here yet");
    ps_emit_plain(turn, PS_EFFECT_BURST);
}

void ps_on_beacon_recall(struct ps_turn *turn, struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_STRANGERS_MAX; i++) {
        const struct ps_stranger *stranger = &turn->engine->strangers.items[i];
        if (stranger->endpoint[0] != '\0' && ps_tag_compare(peer->tag, stranger->tag) == 0) {
            take(turn, peer, stranger);
        }
    }
}

/* A member is said to be at an endpoint: dial it there first. If it is connected, a new address or
 * a new run of it puts the session in doubt. */
static void take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_stranger *from)
{
    bool moved = ps_remember_endpoint(peer, ps_bytes_text(from->endpoint), PS_FOUND_BEACON, false);
    if (peer->session.id != 0) {
        if (moved || from->instance != ps_session_instance(peer)) {
            ps_session_doubt(peer);
        }
        return;
    }
    ps_dial_again(peer, turn->now_ms + ps_dial_yield_ms(turn, peer));
    ps_dial_first(peer, from->endpoint);
}
