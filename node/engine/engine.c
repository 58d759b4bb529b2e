/* The engine's one entry point: a batch of events in, one transaction of the store, effects out.
 * What each event means is in the module that takes it; here is only the order of things. */
#include "node/engine/engine.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "node/engine/backlog.h"
#include "node/engine/dispatch.h"
#include "node/engine/distance.h"
#include "node/engine/news.h"
#include "node/engine/report.h"
#include "node/engine/settle.h"
#include "node/engine/turn.h"
#include "store/mesh/refresh.h"

#define INTERVAL_MS 30000
#define JUMP_MS     5000 /* of one clock against the other: the machine was suspended */
#define RESUME_MS   10   /* until what had no room is tried again */

static p2psync_result copy_texts(const char *const *texts, size_t count,
                                 char (**out)[PS_ENDPOINT_SIZE_MAX + 1]);
static p2psync_result start(struct ps_engine *engine, const struct ps_engine_options *options);
static void load(struct ps_turn *turn);
static bool wants_write(const struct ps_engine *engine, const struct ps_event *events,
                        size_t count);
static bool event_writes(const struct ps_event *event);
static void run(struct ps_turn *turn, const struct ps_event *events, size_t count);
static void take_events(struct ps_turn *turn, const struct ps_event *events, size_t count);
static void watch_clocks(struct ps_turn *turn);
static void dispatch(struct ps_turn *turn);
static void stop(struct ps_turn *turn);

p2psync_result ps_engine_new(const struct ps_engine_options *options, struct ps_engine **out)
{
    struct ps_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        return P2PSYNC_ENOMEM;
    }
    engine->invite = ps_secret_allocate(sizeof *engine->invite);
    if (engine->invite == NULL) {
        free(engine);
        return P2PSYNC_ENOMEM;
    }
    engine->store = options->store;
    engine->instance = options->instance;
    engine->interval_ms = options->interval_ms == 0 ? INTERVAL_MS : options->interval_ms;
    engine->no_push = options->no_push;
    engine->page_max = options->page_max;
    engine->pace = (struct ps_pace){.clock_ms = options->clock_ms, .share_ms = PS_PACE_TURN_MS};
    engine->next_link = 1;
    engine->announce_ms = PS_NEVER;
    engine->introduce_ms = PS_NEVER;
    engine->apply_ms = PS_NEVER;
    engine->report_ms = PS_NEVER;
    engine->refresh_ms = 0; /* something may be left to be merged */
    engine->persist_ms = PS_NEVER;
    engine->resume_ms = PS_NEVER;
    ps_peers_look(engine);
    engine->clock_offset_ms = options->wall_ms - options->now_ms;
    ps_prng_init(&engine->prng, options->seed);

    p2psync_result result = copy_texts(options->listen, options->listen_count, &engine->listen);
    if (result == P2PSYNC_OK) {
        engine->listen_count = options->listen_count;
        result = copy_texts(options->peers, options->peer_count, &engine->statics);
    }
    if (result == P2PSYNC_OK) {
        engine->static_count = options->peer_count;
        result = start(engine, options);
        if (result == P2PSYNC_ECORRUPT) {
            result = ps_recover_salvage_first(engine, options->wall_ms);
            result = result == P2PSYNC_OK ? start(engine, options) : result;
        }
    }
    if (result != P2PSYNC_OK) {
        ps_engine_destroy(&engine);
        return result;
    }
    *out = engine;
    return P2PSYNC_OK;
}

p2psync_result ps_engine_configure(struct ps_engine *engine, const char *const *peers,
                                   size_t peer_count, uint32_t interval_ms)
{
    char(*statics)[PS_ENDPOINT_SIZE_MAX + 1] = NULL;
    p2psync_result result = copy_texts(peers, peer_count, &statics);
    if (result != P2PSYNC_OK) {
        return result;
    }
    free(engine->statics);
    engine->statics = statics;
    engine->static_count = peer_count;
    engine->interval_ms = interval_ms == 0 ? INTERVAL_MS : interval_ms;
    ps_peers_look(engine);
    return P2PSYNC_OK;
}

void ps_engine_destroy(struct ps_engine **engine)
{
    struct ps_engine *it = *engine;
    if (it == NULL) {
        return;
    }
    ps_peers_deinit(&it->peers);
    ps_trust_deinit(&it->allowed);
    ps_logs_deinit(&it->logs);
    ps_by_log_deinit(&it->vouched);
    ps_damage_deinit(&it->damage);
    ps_roots_deinit(&it->roots);
    ps_known_forget(&it->known);
    free(it->listen);
    free(it->statics);
    ps_secret_free(it->invite);
    free(it);
    *engine = NULL;
}

p2psync_result ps_engine_step(struct ps_engine *engine, const struct ps_event *events, size_t count,
                              struct ps_effects *effects)
{
    struct ps_txn txn = {0};
    struct ps_turn turn = {.engine = engine, .txn = &txn, .effects = effects};
    assert(count > 0);
    turn.now_ms = events[count - 1].now_ms;
    turn.wall_ms = events[count - 1].wall_ms;
    ps_effects_clear(effects);
    ps_recover_salvage(&turn);

    bool write = turn.now_ms >= ps_recover_hold_ms(engine) && wants_write(engine, events, count);
    p2psync_result begun = P2PSYNC_OK;
    if (write) {
        begun = ps_txn_begin(engine->store, true, &txn);
    }
    uint64_t seen = ps_store_txn_id(engine->store);
    if (!write || begun != P2PSYNC_OK) {
        /* A disk that is full stops what writes; the rest, serving others too, goes on. */
        turn.result = ps_txn_begin(engine->store, false, &txn);
    }
    ps_state_begin(&turn, seen);
    ps_pace_begin(&turn);
    if (turn.result == P2PSYNC_OK) {
        run(&turn, events, count);
    }
    if (txn.writable && turn.result == P2PSYNC_OK) {
        turn.result = ps_txn_commit(&txn);
        ps_pace_end(&turn);
        ps_state_end(&turn, ps_txn_writes(&txn) > 0 ? seen + 1 : seen);
        if (turn.result == P2PSYNC_OK) {
            ps_recover_succeeded(engine);
        }
    } else {
        ps_txn_abort(&txn);
        ps_state_end(&turn, seen);
    }
    if (turn.result != P2PSYNC_OK) {
        ps_roots_forget(engine);
        ps_known_forget(&engine->known);
        engine->written = 0;
    }
    p2psync_result result = turn.result == P2PSYNC_OK ? begun : turn.result;
    if (result != P2PSYNC_OK) {
        effects->events_taken = count;
        ps_recover(&turn, result);
    }
    return result;
}

uint64_t ps_engine_deadline_ms(const struct ps_engine *engine)
{
    uint64_t deadline = ps_deadline_sooner(ps_backlog_deadline(engine), engine->persist_ms);
    uint64_t hold_ms = ps_recover_hold_ms(engine);
    deadline = ps_deadline_sooner(deadline, engine->report_ms);
    deadline = deadline > hold_ms ? deadline : hold_ms; /* all of these write */
    deadline = ps_deadline_sooner(deadline, engine->resume_ms);
    deadline = ps_deadline_sooner(deadline, engine->announce_ms);
    deadline = ps_deadline_sooner(deadline, engine->introduce_ms);
    deadline = ps_deadline_sooner(deadline, ps_pairing_deadline(engine));
    deadline = ps_deadline_sooner(deadline, ps_now_deadline(engine));
    deadline = ps_deadline_sooner(deadline, ps_dial_deadline(engine));
    deadline = ps_deadline_sooner(deadline, ps_twins_deadline(engine));
    deadline = ps_deadline_sooner(deadline, ps_mend_deadline(engine));
    deadline = ps_deadline_sooner(deadline, ps_stalls_deadline(engine));
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        const struct ps_peer *peer = engine->peers.present[i];
        deadline = ps_deadline_sooner(deadline, ps_session_deadline(peer));
        deadline = ps_deadline_sooner(deadline, ps_rounds_deadline(engine, peer));
        deadline = ps_deadline_sooner(deadline, ps_transfer_deadline(peer));
        deadline = ps_deadline_sooner(deadline, ps_receipts_deadline(peer));
    }
    return deadline;
}

const struct ps_device *ps_engine_allowed(const struct ps_engine *engine, size_t *count_out)
{
    *count_out = engine->allowed.count;
    return engine->allowed.devices;
}

bool ps_engine_peer(const struct ps_engine *engine, size_t index, struct ps_peer_info *out)
{
    if (index >= engine->peers.count) {
        return false;
    }
    const struct ps_peer *peer = engine->peers.items[index];
    *out = (struct ps_peer_info){.device = peer->device, .state = peer->state};
    memcpy(out->name, peer->name, sizeof out->name);
    ps_remember_describe(peer, out);
    ps_session_describe(peer, out);
    ps_blame_describe(peer, out);
    ps_twins_describe_peer(peer, out->alert);
    ps_stalls_describe_peer(peer, out->stall);
    struct ps_distance distance = ps_distance_of(engine, peer);
    out->behind = distance.behind;
    out->ahead = distance.ahead;
    return true;
}

bool ps_engine_peer_brief(const struct ps_engine *engine, size_t index, struct ps_peer_brief *out)
{
    if (index >= engine->peers.count) {
        return false;
    }
    const struct ps_peer *peer = engine->peers.items[index];
    *out = (struct ps_peer_brief){.device = &peer->device,
                                  .state = peer->state,
                                  .last_sync_ms = ps_remember_row(peer)->last_sync_ms};
    return true;
}

void ps_engine_alert(const struct ps_engine *engine, char out[static PS_ALERT_SIZE])
{
    ps_twins_describe(engine, out);
}

static p2psync_result copy_texts(const char *const *texts, size_t count,
                                 char (**out)[PS_ENDPOINT_SIZE_MAX + 1])
{
    if (count == 0) {
        return P2PSYNC_OK;
    }
    char(*copies)[PS_ENDPOINT_SIZE_MAX + 1] = calloc(count, sizeof *copies);
    if (copies == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(texts[i]);
        if (size > PS_ENDPOINT_SIZE_MAX) {
            free(copies);
            return P2PSYNC_ELIMIT;
        }
        memcpy(copies[i], texts[i], size);
    }
    *out = copies;
    return P2PSYNC_OK;
}

static p2psync_result start(struct ps_engine *engine, const struct ps_engine_options *options)
{
    struct ps_txn txn = {0};
    struct ps_effects effects;
    struct ps_members_came came;
    ps_effects_init(&effects);
    struct ps_turn turn = {.engine = engine,
                           .txn = &txn,
                           .effects = &effects,
                           .now_ms = options->now_ms,
                           .wall_ms = options->wall_ms};

    turn.result = ps_txn_begin(engine->store, true, &txn);
    if (turn.result == P2PSYNC_ENOSPC) {
        turn.result = ps_txn_begin(engine->store, false, &txn);
    }
    if (ps_turn_ok(&turn, P2PSYNC_OK) &&
        ps_turn_ok(&turn, ps_identity_read(&txn, &engine->identity))) {
        if (!txn.writable ||
            ps_turn_ok(&turn, ps_members_refresh_known(&txn, &engine->identity.mesh, &engine->known,
                                                       &came))) {
            load(&turn);
        }
    }
    if (txn.writable && turn.result == P2PSYNC_OK) {
        turn.result = ps_txn_commit(&txn);
    } else {
        ps_txn_abort(&txn);
    }
    ps_effects_deinit(&effects);
    return turn.result;
}

/* Read the members, and how far every log is. */
static void load(struct ps_turn *turn)
{
    ps_trust_load(turn);
    if (ps_logs_load(turn)) {
        ps_backlog_found(turn);
    }
    ps_report_look(turn);
}

static bool wants_write(const struct ps_engine *engine, const struct ps_event *events, size_t count)
{
    uint64_t now_ms = events[count - 1].now_ms;
    if (ps_backlog_waits(engine, now_ms) || ps_damage_waits(engine) ||
        now_ms >= engine->persist_ms || now_ms >= engine->report_ms) {
        return true;
    }
    for (size_t i = 0; i < count; i++) {
        if (event_writes(&events[i])) {
            return true;
        }
    }
    return false;
}

static bool event_writes(const struct ps_event *event)
{
    if (event->type == PS_EVENT_PAIR_MESSAGE || event->type == PS_EVENT_STOP) {
        return true;
    }
    if (event->type != PS_EVENT_MESSAGE) {
        return false;
    }
    struct ps_reader reader;
    ps_reader_init(&reader, event->bytes);
    (void)ps_read_array_at_least(&reader, 2);
    uint64_t type = ps_read_uint(&reader);
    return type == PS_MESSAGE_CHANGES || type == PS_MESSAGE_HEADS;
}

static void run(struct ps_turn *turn, const struct ps_event *events, size_t count)
{
    struct ps_engine *engine = turn->engine;
    engine->resume_ms = PS_NEVER;
    if (!ps_turn_ok(turn, ps_db_free_number(turn->txn, PS_META_LOGS, &turn->logs))) {
        return;
    }
    if (ps_recover_take_reload(engine) &&
        ps_turn_ok(turn, ps_identity_read(turn->txn, &engine->identity))) {
        load(turn);
    }
    watch_clocks(turn);
    ps_peers_begin(engine);
    take_events(turn, events, count);
    for (size_t i = 0; i < engine->peers.present_count && turn->result == P2PSYNC_OK; i++) {
        ps_session_tick(turn, engine->peers.present[i]);
    }
    if (turn->result == P2PSYNC_OK) {
        ps_twins_tick(turn);
        ps_stalls_tick(turn);
        ps_dial_tick(turn);
        ps_rounds_tick(turn);
        ps_pairing_tick(turn);
        ps_settle(turn);
    }
    if (ps_remember_is_due(turn)) {
        ps_distance_remember(turn);
    }
    ps_remember_flush(turn);
    if (turn->out_of_room) {
        ps_turn_again(turn, turn->now_ms + RESUME_MS);
    }
}

static void take_events(struct ps_turn *turn, const struct ps_event *events, size_t count)
{
    bool over = false;
    for (size_t i = 0; i < count && turn->result == P2PSYNC_OK && !over; i++) {
        turn->event = &events[i];
        turn->now_ms = events[i].now_ms;
        turn->wall_ms = events[i].wall_ms;
        bool stops = events[i].type == PS_EVENT_STOP;
        if (turn->txn->writable || stops || !event_writes(&events[i])) {
            dispatch(turn);
        }
        turn->effects->events_taken++;
        over = ps_pace_is_over(turn);
    }
}

/* The monotonic clock stands still while the machine is suspended; the wall clock does not. */
static void watch_clocks(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    uint64_t offset_ms = turn->wall_ms - turn->now_ms;
    int64_t jump_ms = (int64_t)(offset_ms - engine->clock_offset_ms);
    engine->clock_offset_ms = offset_ms;
    if (jump_ms > JUMP_MS || jump_ms < -JUMP_MS) {
        ps_session_resume(turn, "the clock has jumped, as after a suspend");
    }
}

static void dispatch(struct ps_turn *turn)
{
    const struct ps_event *event = turn->event;
    switch (event->type) {
    case PS_EVENT_TICK:
        break;
    case PS_EVENT_LINK_UP:
        if (!ps_twins_link_up(turn, event->link)) {
            ps_session_link_up(turn, event->link);
        }
        break;
    case PS_EVENT_LINK_DOWN:
        if (!ps_twins_link_down(turn, event->link)) {
            ps_session_link_down(turn, event->link, event->refused);
        }
        break;
    case PS_EVENT_LINK_STALLED:
        ps_stalls_found(turn);
        break;
    case PS_EVENT_LINK_PASSES:
        ps_stalls_passes(turn, ps_peers_find(turn->engine, &event->device));
        break;
    case PS_EVENT_MESSAGE:
        ps_dispatch_message(turn);
        break;
    case PS_EVENT_BEACON_HEARD:
        ps_on_beacon(turn);
        break;
    case PS_EVENT_NETWORK_CHANGED:
        ps_session_resume(turn, "the network has changed");
        break;
    case PS_EVENT_STORE_CHANGED:
        ps_news_scan(turn);
        break;
    case PS_EVENT_NOW:
        ps_news_scan(turn);
        ps_now_begin(turn);
        break;
    case PS_EVENT_INVITE:
        ps_pairing_invite(turn);
        break;
    case PS_EVENT_INVITE_CANCEL:
        ps_pairing_cancel(turn);
        break;
    case PS_EVENT_PAIR_MESSAGE:
        ps_pairing_message(turn);
        break;
    case PS_EVENT_STOP:
        stop(turn);
        break;
    }
}

static void stop(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    engine->stopped = true;
    ps_remember_now(turn);
    for (size_t i = 0; i < engine->peers.count; i++) {
        ps_session_say_goodbye(turn, engine->peers.items[i]);
    }
}
