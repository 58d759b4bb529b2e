/* Stalls, as node/engine/stalls.h says. */
#include "node/engine/stalls.h"

#include <stdio.h>

#include "node/engine/emit.h"
#include "node/engine/tell.h"
#include "node/engine/turn.h"

#define REMEMBER_MS 600000 /* since it was met last */

static void note_first(struct ps_engine *engine);

void ps_stalls_found(struct ps_turn *turn)
{
    struct ps_peer *peer = ps_peers_find(turn->engine, &turn->event->device);
    if (peer == NULL) {
        return;
    }
    bool known = peer->stall.until_ms != 0;
    peer->stall.until_ms = turn->now_ms + REMEMBER_MS;
    note_first(turn->engine);
    if (!known) {
        char text[PS_ALERT_SIZE];
        ps_stalls_describe_peer(peer, text);
        ps_emit_log(turn, P2PSYNC_LOG_WARNING, "packets-vanish", "%s; %s", text, PS_STALLS_FIX);
        ps_tell_error_text(turn, P2PSYNC_EUNREACHABLE, text);
    }
}

void ps_stalls_passes(struct ps_turn *turn, struct ps_peer *peer)
{
    if (peer != NULL && peer->stall.until_ms != 0) {
        peer->stall.until_ms = 0;
        ps_emit_log(turn, P2PSYNC_LOG_INFO, "packets-pass", "large packets to %s pass again",
                    peer->name);
    }
}

void ps_stalls_tick(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    if (engine->stalls.first_ms == 0 || turn->now_ms < engine->stalls.first_ms) {
        return;
    }
    for (size_t i = 0; i < engine->peers.count; i++) {
        struct ps_stall *stall = &engine->peers.items[i]->stall;
        if (turn->now_ms >= stall->until_ms) {
            stall->until_ms = 0;
        }
    }
    note_first(engine);
}

/* When the first one is forgotten. */
static void note_first(struct ps_engine *engine)
{
    uint64_t first_ms = PS_NEVER;
    for (size_t i = 0; i < engine->peers.count; i++) {
        uint64_t until_ms = engine->peers.items[i]->stall.until_ms;
        first_ms = until_ms != 0 ? ps_deadline_sooner(first_ms, until_ms) : first_ms;
    }
    engine->stalls.first_ms = first_ms != PS_NEVER ? first_ms : 0;
}

uint64_t ps_stalls_deadline(const struct ps_engine *engine)
{
    return engine->stalls.first_ms != 0 ? engine->stalls.first_ms : PS_NEVER;
}

void ps_stalls_describe_peer(const struct ps_peer *peer, char out[static PS_ALERT_SIZE])
{
    const char *where = ps_remember_where(peer);
    out[0] = '\0';
    if (peer->stall.until_ms != 0) {
        (void)snprintf(out, PS_ALERT_SIZE,
                       "large packets to %s%s%s vanish on the way, while small ones pass: what is "
                       "to be sent there waits",
                       peer->name, where[0] != '\0' ? " at " : "", where);
    }
}
