/* Requests that wait, as node/engine/now.h says. A peer is waited for until it is in sync and has
 * said so since the request came, or its session has ended, or it could not be dialled. */
#include "node/engine/now.h"

#include "node/engine/emit.h"
#include "node/engine/turn.h"
#include "wire/map.h"

static struct ps_now *free_slot(struct ps_engine *engine);
static void begin_peer(struct ps_turn *turn, struct ps_peer *peer);
static bool is_synced(const struct ps_peer *peer);
static bool is_lost(const struct ps_peer *peer);
static void done(struct ps_turn *turn, struct ps_now *now, p2psync_result result, uint64_t synced);

void ps_now_begin(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_now *now = free_slot(engine);
    if (now == NULL) {
        ps_emit_now_done(turn, turn->event->request, P2PSYNC_EBUSY, P2PSYNC_OK);
        return;
    }
    *now = (struct ps_now){.waiting = true,
                           .request = turn->event->request,
                           .begun_ms = turn->now_ms,
                           .expires_ms = turn->now_ms + turn->event->timeout_ms,
                           .before = engine->counts};
    ps_peers_look(engine);
    for (size_t i = 0; i < engine->peers.count; i++) {
        begin_peer(turn, engine->peers.items[i]);
    }
}

static struct ps_now *free_slot(struct ps_engine *engine)
{
    for (size_t i = 0; i < PS_NOWS_MAX; i++) {
        if (!engine->nows[i].waiting) {
            return &engine->nows[i];
        }
    }
    return NULL;
}

static void begin_peer(struct ps_turn *turn, struct ps_peer *peer)
{
    bool dials = peer->session.id == 0 && ps_dial_is_known(turn->engine, peer);
    peer->now = (struct ps_now_peer){.waiting = peer->session.id != 0 || dials,
                                     .states_heard = ps_state_times_heard(peer),
                                     .sessions_ended = ps_session_times_ended(peer),
                                     .cycles_failed = ps_dial_cycles_failed(peer)};
    if (dials) {
        ps_dial_again(peer, turn->now_ms);
    } else if (peer->session.id != 0) {
        ps_rounds_moved(peer);
        ps_rounds_ask(turn, peer);
    }
}

void ps_now_check(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    bool waiting = false;
    uint64_t synced = 0;
    if (ps_now_deadline(engine) == PS_NEVER) {
        return; /* nobody has asked */
    }
    for (size_t i = 0; i < engine->peers.count; i++) {
        struct ps_peer *peer = engine->peers.items[i];
        synced += is_synced(peer) ? 1 : 0;
        peer->now.waiting = peer->now.waiting && !is_synced(peer) && !is_lost(peer);
        waiting = waiting || peer->now.waiting;
    }
    for (size_t i = 0; i < PS_NOWS_MAX; i++) {
        struct ps_now *now = &engine->nows[i];
        if (!now->waiting || (waiting && turn->now_ms < now->expires_ms)) {
            continue;
        }
        p2psync_result result = P2PSYNC_OK;
        if (waiting) {
            result = P2PSYNC_ETIMEDOUT;
        } else if (synced == 0 && engine->peers.count > 0) {
            result = P2PSYNC_EUNREACHABLE;
        }
        done(turn, now, result, synced);
    }
}

static bool is_synced(const struct ps_peer *peer)
{
    return peer->state == PS_PEER_IN_SYNC && ps_state_times_heard(peer) != peer->now.states_heard;
}

static bool is_lost(const struct ps_peer *peer)
{
    return ps_session_times_ended(peer) != peer->now.sessions_ended ||
           ps_dial_cycles_failed(peer) != peer->now.cycles_failed;
}

static void done(struct ps_turn *turn, struct ps_now *now, p2psync_result result, uint64_t synced)
{
    const struct ps_counts *counts = &turn->engine->counts;
    struct ps_writer writer;
    struct ps_map map;
    ps_writer_init(&writer, ps_emit_begin(turn));
    ps_map_begin(&map, &writer);
    ps_map_uint(&map, "peers", synced);
    ps_map_uint(&map, "changes_received", counts->received - now->before.received);
    ps_map_uint(&map, "changes_sent", counts->sent - now->before.sent);
    ps_map_uint(&map, "conflicts", counts->conflicts - now->before.conflicts);
    ps_map_uint(&map, "duration_ms", turn->now_ms - now->begun_ms);
    ps_map_end(&map);
    ps_emit_now_done(turn, now->request, result, ps_writer_finish(&writer));
    now->waiting = false;
}

uint64_t ps_now_deadline(const struct ps_engine *engine)
{
    uint64_t deadline = PS_NEVER;
    for (size_t i = 0; i < PS_NOWS_MAX; i++) {
        if (engine->nows[i].waiting) {
            deadline = ps_deadline_sooner(deadline, engine->nows[i].expires_ms);
        }
    }
    return deadline;
}
