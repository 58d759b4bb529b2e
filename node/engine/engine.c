/* The engine's one entry point: a batch of events in, one transaction of the store, effects out.
 * What each event means is in the files that node/engine/turn.h names; here is only the order of
 * things.
 */
#include "node/engine/engine.h"

#include <stdlib.h>
#include <string.h>

#include "node/engine/skew.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"

#define INTERVAL_MS 30000
#define JUMP_MS     5000  /* of one clock against the other: the machine was suspended */
#define PERSIST_MS  10000 /* between two writes of what is remembered of peers */

static p2psync_result copy_texts(const char *const *texts, size_t count,
                                 char (**out)[PS_ENDPOINT_SIZE_MAX + 1]);
static p2psync_result start(struct ps_engine *engine, const struct ps_engine_options *options);
static void load(struct ps_turn *turn);
static bool wants_write(const struct ps_engine *engine, const struct ps_event *events,
                        size_t count);
static bool event_writes(const struct ps_event *event);
static void run(struct ps_turn *turn, const struct ps_event *events, size_t count);
static void watch_clocks(struct ps_turn *turn);
static void dispatch(struct ps_turn *turn);
static void message(struct ps_turn *turn);
static uint64_t message_cost(const struct ps_turn *turn, uint64_t type);
static struct ps_link *message_link(struct ps_turn *turn, struct ps_peer *peer, uint64_t type);
static void session_message(struct ps_turn *turn, struct ps_peer *peer, uint64_t type);
static void stop(struct ps_turn *turn);
static void persist(struct ps_turn *turn);

bool ps_turn_ok(struct ps_turn *turn, p2psync_result result)
{
    if (turn->result == P2PSYNC_OK) {
        turn->result = result;
    }
    return turn->result == P2PSYNC_OK;
}

p2psync_result ps_engine_new(const struct ps_engine_options *options, struct ps_engine **out)
{
    struct ps_engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) {
        return P2PSYNC_ENOMEM;
    }
    engine->store = options->store;
    engine->instance = options->instance;
    engine->interval_ms = options->interval_ms == 0 ? INTERVAL_MS : options->interval_ms;
    engine->no_push = options->no_push;
    engine->next_link = 1;
    engine->announce_ms = PS_NEVER;
    engine->apply_ms = PS_NEVER;
    engine->persist_ms = PS_NEVER;
    engine->resume_ms = PS_NEVER;
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
    }
    if (result != P2PSYNC_OK) {
        ps_engine_destroy(&engine);
        return result;
    }
    *out = engine;
    return P2PSYNC_OK;
}

void ps_engine_destroy(struct ps_engine **engine)
{
    struct ps_engine *it = *engine;
    if (it == NULL) {
        return;
    }
    for (size_t i = 0; i < it->peer_count; i++) {
        ps_peer_destroy(&it->peers[i]);
    }
    free(it->peers);
    free(it->allowed);
    free(it->sizes);
    free(it->flags);
    free(it->listen);
    free(it->statics);
    ps_identity_wipe(&it->identity);
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

    bool write = turn.now_ms >= engine->hold_ms && wants_write(engine, events, count);
    p2psync_result begun = P2PSYNC_OK;
    if (write) {
        begun = ps_txn_begin(engine->store, true, &txn);
    }
    uint64_t seen = ps_store_txn_id(engine->store);
    if (!write || begun != P2PSYNC_OK) {
        /* A disk that is full stops what writes; the rest, serving others too, goes on. */
        turn.result = ps_txn_begin(engine->store, false, &txn);
    }
    if (engine->state_txn != seen) {
        engine->state_txn = 0;
    }
    if (turn.result == P2PSYNC_OK) {
        run(&turn, events, count);
    }
    if (txn.writable && turn.result == P2PSYNC_OK) {
        turn.result = ps_txn_commit(&txn);
        engine->state_txn = 0;
        engine->failures = turn.result == P2PSYNC_OK ? 0 : engine->failures;
    } else {
        ps_txn_abort(&txn);
        engine->state_txn = engine->state_txn == 0 || turn.dirty ? 0 : seen;
    }
    p2psync_result result = turn.result == P2PSYNC_OK ? begun : turn.result;
    if (result != P2PSYNC_OK) {
        ps_recover(&turn, result);
    }
    return result;
}

uint64_t ps_engine_deadline_ms(const struct ps_engine *engine)
{
    uint64_t deadline = ps_sooner(engine->apply_ms, engine->persist_ms);
    deadline = deadline > engine->hold_ms ? deadline : engine->hold_ms; /* both write */
    deadline = ps_sooner(deadline, engine->resume_ms);
    deadline = ps_sooner(deadline, engine->announce_ms);
    deadline = ps_sooner(deadline, ps_pairing_deadline(engine));
    for (size_t i = 0; i < PS_NOWS_MAX; i++) {
        if (engine->nows[i].waiting) {
            deadline = ps_sooner(deadline, engine->nows[i].expires_ms);
        }
    }
    for (size_t i = 0; i < engine->peer_count; i++) {
        const struct ps_peer *peer = engine->peers[i];
        deadline = ps_sooner(deadline, ps_session_deadline(engine, peer));
        deadline = ps_sooner(deadline, ps_rounds_deadline(engine, peer));
        deadline = ps_sooner(deadline, ps_transfer_deadline(peer));
    }
    return deadline;
}

const struct ps_device *ps_engine_allowed(const struct ps_engine *engine, size_t *count_out)
{
    *count_out = engine->allowed_count;
    return engine->allowed;
}

const char *ps_peer_state_name(ps_peer_state state)
{
    static const char *const names[] = {
        [PS_PEER_OFFLINE] = "offline", [PS_PEER_CONNECTING] = "connecting",
        [PS_PEER_REFUSED] = "refused", [PS_PEER_SYNCING] = "syncing",
        [PS_PEER_IN_SYNC] = "in_sync",
    };
    return names[state];
}

bool ps_engine_peer(const struct ps_engine *engine, size_t index, struct ps_peer_info *out)
{
    if (index >= engine->peer_count) {
        return false;
    }
    const struct ps_peer *peer = engine->peers[index];
    *out = (struct ps_peer_info){
        .device = peer->device,
        .state = peer->state,
        .skewed = peer->session != 0 && ps_clock_skewed(peer->row.skew_ms),
        .rtt_ms = peer->session != 0 ? peer->rtt_ms : UINT64_MAX,
        .last_seen_ms = peer->row.last_seen_ms,
        .last_sync_ms = peer->row.last_sync_ms,
        .behind = peer->row.behind,
        .ahead = peer->row.ahead,
        .skew_ms = peer->row.skew_ms,
        .received_bytes = peer->row.received_bytes,
        .sent_bytes = peer->row.sent_bytes,
        .protocol = peer->protocol,
        .faults = peer->faults_ever,
        .last_fault = peer->fault,
    };
    memcpy(out->name, peer->name, sizeof out->name);
    const char *endpoint = ps_peer_endpoint(peer);
    memcpy(out->endpoint, endpoint, strlen(endpoint) + 1);
    out->found_by = ps_peer_found_by(peer);
    if (peer->session != 0) {
        ps_rounds_distance(engine, peer, &out->behind, &out->ahead);
    }
    return true;
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
    bool changed = false;
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
            ps_turn_ok(&turn, ps_members_refresh(&txn, &engine->identity.mesh, &changed))) {
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
    struct ps_collection_walk collections = {.txn = turn->txn};
    struct ps_collection collection;
    struct ps_log log;
    ps_trust_load(turn);
    while (turn->result == P2PSYNC_OK && ps_collection_walk_next(&collections, &collection)) {
        struct ps_log_walk logs = {.txn = turn->txn, .collection = collection.number};
        while (ps_log_walk_next(&logs, &log)) {
            ps_news_known(turn, &log);
            if (log.applied < log.size) {
                turn->engine->apply_ms = turn->now_ms;
            }
        }
        (void)ps_turn_ok(turn, logs.result);
    }
}

static bool wants_write(const struct ps_engine *engine, const struct ps_event *events, size_t count)
{
    uint64_t now_ms = events[count - 1].now_ms;
    if (engine->apply_ms != PS_NEVER || now_ms >= engine->persist_ms) {
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
    if (engine->reload) {
        engine->reload = false;
        if (ps_turn_ok(turn, ps_identity_read(turn->txn, &engine->identity))) {
            load(turn);
        }
    }
    watch_clocks(turn);
    engine->connected = 0;
    for (size_t i = 0; i < engine->peer_count; i++) {
        engine->peers[i]->step_bytes = 0;
        engine->connected += engine->peers[i]->session != 0 ? 1 : 0;
    }
    for (size_t i = 0; i < count && turn->result == P2PSYNC_OK; i++) {
        turn->event = &events[i];
        turn->now_ms = events[i].now_ms;
        turn->wall_ms = events[i].wall_ms;
        bool stops = events[i].type == PS_EVENT_STOP;
        if (turn->txn->writable || stops || !event_writes(&events[i])) {
            dispatch(turn);
        }
    }
    for (size_t i = 0; i < engine->peer_count && turn->result == P2PSYNC_OK; i++) {
        ps_session_tick(turn, engine->peers[i]);
    }
    if (turn->result == P2PSYNC_OK) {
        ps_rounds_tick(turn);
        ps_pairing_tick(turn);
        ps_rounds_settle(turn);
    }
    persist(turn);
    if (turn->out_of_room) {
        engine->resume_ms = ps_sooner(engine->resume_ms, turn->now_ms + 10);
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
        ps_session_link_up(turn, event->link);
        break;
    case PS_EVENT_LINK_DOWN:
        ps_session_link_down(turn, event->link, event->refused);
        break;
    case PS_EVENT_MESSAGE:
        message(turn);
        break;
    case PS_EVENT_HEARD:
        ps_session_heard(turn);
        break;
    case PS_EVENT_NETWORK_CHANGED:
        ps_session_resume(turn, "the network has changed");
        break;
    case PS_EVENT_STORE_CHANGED:
        ps_news_scan(turn);
        break;
    case PS_EVENT_NOW:
        ps_news_scan(turn);
        ps_rounds_now(turn);
        break;
    case PS_EVENT_INVITE:
        ps_pairing_invite(turn);
        break;
    case PS_EVENT_PAIR_MESSAGE:
        ps_pairing_message(turn);
        break;
    case PS_EVENT_STOP:
        stop(turn);
        break;
    }
}

static void message(struct ps_turn *turn)
{
    const struct ps_event *event = turn->event;
    struct ps_peer *peer = ps_session_find(turn->engine, &event->device);
    uint64_t type = 0;
    uint64_t version = 0;
    if (event->bytes.size == 0) {
        return; /* a probe of the link */
    }
    if (peer == NULL) {
        ps_emit_hangup(turn, event->link);
        return;
    }
    peer->row.received_bytes += event->bytes.size;
    peer->row.last_seen_ms = turn->wall_ms;
    p2psync_result peeked = ps_message_peek(event->bytes, &type, &version);
    struct ps_link *link = message_link(turn, peer, type);
    if (link == NULL || !ps_session_spend(turn, peer, link->id, message_cost(turn, type))) {
        return;
    }
    if (peeked != P2PSYNC_OK) {
        ps_session_fault(turn, peer, link->id, PS_ERROR_FORMAT, "no message");
    } else if (type == PS_MESSAGE_HELLO) {
        ps_on_hello(turn, peer, link);
    } else if (type == PS_MESSAGE_ERROR) {
        ps_on_error(turn, peer, link);
    } else if (!link->hello_received) {
        ps_session_refuse(turn, peer, link->id, PS_ERROR_STRANGER, "HELLO comes first");
    } else if (link->id == peer->session) {
        session_message(turn, peer, type);
    }
}

/* About how many microseconds a message takes, with what it is answered by. For CHANGES and HEADS
 * more is charged once it is known that they were of no use. */
static uint64_t message_cost(const struct ps_turn *turn, uint64_t type)
{
    uint64_t size = turn->event->bytes.size;
    switch (type) {
    case PS_MESSAGE_HELLO:
        return 20000; /* a session begins: HELLO, SUMMARY and PEERS go out */
    case PS_MESSAGE_SUMMARY:
        return 500 + size / 4;
    case PS_MESSAGE_HEADS:
        return 2 + size / 64;
    case PS_MESSAGE_WANT:
        return 20;
    case PS_MESSAGE_CHANGES:
        return 1;
    case PS_MESSAGE_ACK:
        return 2 + size / 16;
    default:
        return 100 + size / 16;
    }
}

/* The link a message came on. An accepted one is known from its first message on. */
static struct ps_link *message_link(struct ps_turn *turn, struct ps_peer *peer, uint64_t type)
{
    uint64_t id = turn->event->link;
    struct ps_link *link = ps_peer_link(peer, id);
    if (link != NULL) {
        return link;
    }
    if (ps_emit_hung_up(turn, id)) {
        return NULL;
    }
    if ((id & PS_LINK_ACCEPTED) == 0 || type == PS_MESSAGE_ERROR) {
        ps_emit_hangup(turn, id);
        return NULL;
    }
    link = ps_peer_link_add(peer, id);
    if (link == NULL) {
        struct ps_link *oldest = NULL;
        for (size_t i = 0; i < PS_LINKS_PER_PEER_MAX; i++) {
            struct ps_link *other = &peer->links[i];
            if (other->id != peer->session &&
                (oldest == NULL || other->since_ms < oldest->since_ms)) {
                oldest = other;
            }
        }
        assert(oldest != NULL);
        ps_session_close(turn, peer, oldest->id, "too many connections");
        link = ps_peer_link_add(peer, id);
        assert(link != NULL);
    }
    link->up = true;
    link->since_ms = turn->now_ms;
    return link;
}

static void session_message(struct ps_turn *turn, struct ps_peer *peer, uint64_t type)
{
    switch (type) {
    case PS_MESSAGE_SUMMARY:
        ps_on_summary(turn, peer);
        break;
    case PS_MESSAGE_HEADS:
        ps_on_heads(turn, peer);
        break;
    case PS_MESSAGE_WANT:
        ps_on_want(turn, peer);
        break;
    case PS_MESSAGE_CHANGES:
        ps_on_changes(turn, peer);
        break;
    case PS_MESSAGE_ACK:
        ps_on_ack(turn, peer);
        break;
    case PS_MESSAGE_PEERS:
        ps_on_peers(turn, peer);
        break;
    default: /* what later versions add: no fault */
        ps_emit_log(turn, P2PSYNC_LOG_DEBUG, "message-ignored", "type %llu from %s",
                    (unsigned long long)type, peer->name);
    }
}

static void stop(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    engine->stopped = true;
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct ps_peer *peer = engine->peers[i];
        for (size_t k = 0; k < PS_LINKS_PER_PEER_MAX; k++) {
            if (peer->links[k].id != 0) {
                ps_session_refuse(turn, peer, peer->links[k].id, PS_ERROR_BYE, "stopping");
            }
        }
    }
    engine->persist_ms = turn->now_ms;
}

/* Write what is remembered of peers: seldom, because each commit is a flush of the disk. */
static void persist(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    bool due = turn->txn->writable && turn->now_ms >= engine->persist_ms;
    for (size_t i = 0; i < engine->peer_count && turn->result == P2PSYNC_OK; i++) {
        struct ps_peer *peer = engine->peers[i];
        if (due && (peer->row_dirty || engine->stopped)) {
            if (peer->session != 0) {
                ps_rounds_distance(engine, peer, &peer->row.behind, &peer->row.ahead);
            }
            (void)ps_turn_ok(turn, ps_mesh_peer_write(turn->txn, &peer->device, &peer->row));
            peer->row_dirty = false;
        } else if (peer->row_dirty && engine->persist_ms == PS_NEVER) {
            engine->persist_ms = turn->now_ms + PERSIST_MS;
        }
    }
    if (due) {
        engine->persist_ms = PS_NEVER;
    }
}
