/* Rounds: comparing what both sides hold, from one hash down to log sizes, and deciding who is in
 * sync. Quiet peers in sync exchange one hash per interval, with back-off; peers that differ and
 * have nothing under way compare again soon, and later and later while that brings nothing.
 *
 * With many peers a round goes to a few of those that are due, drawn by lot, and the next one comes
 * a little later; all get their turn, so that who is in sync becomes known of each, and what a mesh
 * of n devices says grows with n and not with its square. */
#include <string.h>

#include "node/engine/turn.h"
#include "store/apply/apply.h"
#include "store/log/collection.h"
#include "store/log/summary.h"

#define HURRY_MS       5000  /* the same, when the link may well be dead */
#define ANSWER_MS      30000 /* until an unanswered SUMMARY means that the link is dead */
#define SOON_SPAN      ((struct ps_span){.least = 100, .most = 300})
#define VAIN_BASE_MS   500
#define QUIET_SHIFT    2                   /* the interval grows fourfold at most */
#define APPLY_MS       2000                /* behind a backlog: visible at the latest */
#define HEADS_SIZE_MAX ((size_t)16 * 1024) /* bytes of short heads that go along at once */
#define NAMES_MAX      64                  /* collections of which heads go along at once */
#define TELL_MS        500                 /* between two SYNC_PROGRESS */
#define ROUND_MS       2000                /* from one round to the next, with many peers */

static bool apply(struct ps_turn *turn);
static void members_moved(struct ps_turn *turn);
static bool is_due(const struct ps_turn *turn, const struct ps_peer *peer);
static uint64_t rest_ms(const struct ps_engine *engine);
static void settle_peer(struct ps_turn *turn, struct ps_peer *peer);
static void send_ack(struct ps_turn *turn, struct ps_peer *peer);
static p2psync_result write_positions(struct ps_turn *turn, const struct ps_peer *peer,
                                      struct ps_buf *out);
static void in_sync(struct ps_turn *turn, struct ps_peer *peer);
static void tell_sync(struct ps_turn *turn, struct ps_peer *peer, p2psync_event_type event);
static p2psync_result few_heads(struct ps_turn *turn, struct ps_buf *out);
static void now_done(struct ps_turn *turn, struct ps_now *now, p2psync_result result);

const struct ps_state *ps_rounds_state(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    if (engine->state_txn == 0 || turn->dirty) {
        struct ps_state state;
        if (ps_turn_ok(turn, ps_summary_state(turn->txn, &state))) {
            engine->state = state;
            engine->state_txn = UINT64_MAX; /* valid for this step */
            turn->dirty = false;
        }
    }
    return &engine->state;
}

bool ps_rounds_same(struct ps_turn *turn, const struct ps_peer *peer)
{
    const struct ps_state *ours = ps_rounds_state(turn);
    return peer->heard && peer->theirs.pending == 0 && ours->pending == 0 &&
           ps_hash_equal(&peer->theirs.common, &ours->common);
}

void ps_rounds_heard(struct ps_turn *turn, struct ps_peer *peer, const struct ps_state *state)
{
    peer->theirs = *state;
    peer->heard = true;
    peer->now_heard = true;
    peer->row.last_seen_ms = turn->wall_ms;
}

void ps_rounds_send(struct ps_turn *turn, struct ps_peer *peer, bool answer)
{
    struct ps_engine *engine = turn->engine;
    struct ps_summary summary = {.answer = answer, .state = *ps_rounds_state(turn)};
    bool equal = peer->heard && ps_hash_equal(&peer->theirs.common, &summary.state.common);
    struct ps_buf roots;
    struct ps_buf heads;
    ps_buf_init(&roots, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&heads, HEADS_SIZE_MAX);

    if (!equal && answer && ps_turn_ok(turn, ps_summary_roots(turn->txn, &roots))) {
        summary.roots = ps_buf_view(&roots);
        if (few_heads(turn, &heads) == P2PSYNC_OK) {
            summary.heads = ps_buf_view(&heads);
        }
    }
    ps_emit_send(turn, peer, peer->session, ps_summary_encode(&summary, ps_emit_begin(turn)));
    ps_buf_deinit(&heads);
    ps_buf_deinit(&roots);
    if (!answer) {
        return;
    }
    if (peer->asked_ms == PS_NEVER) {
        peer->asked_ms = turn->now_ms;
    }
    if (peer->state == PS_PEER_IN_SYNC) {
        ps_rounds_rest(turn, peer);
        return;
    }
    struct ps_backoff backoff = {.base = VAIN_BASE_MS, .cap = engine->interval_ms};
    peer->summary_ms = turn->now_ms + ps_backoff_ms(&engine->prng, backoff, peer->vain_rounds);
    peer->vain_rounds += peer->vain_rounds < 30 ? 1 : 0;
}

void ps_rounds_hurry(struct ps_turn *turn, struct ps_peer *peer)
{
    uint64_t asked_ms = turn->now_ms > ANSWER_MS ? turn->now_ms - ANSWER_MS + HURRY_MS : 0;
    peer->asked_ms = ps_sooner(peer->asked_ms, asked_ms);
}

void ps_rounds_rest(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    uint64_t interval = rest_ms(engine) << peer->quiet_rounds;
    struct ps_span span = {.least = interval - interval / 4, .most = interval + interval / 4};
    peer->quiet_rounds += peer->quiet_rounds < QUIET_SHIFT ? 1 : 0;
    peer->summary_ms = turn->now_ms + ps_jitter(&engine->prng, span);
}

void ps_rounds_soon(struct ps_turn *turn, struct ps_peer *peer)
{
    if (peer->vain_rounds == 0) {
        uint64_t soon = turn->now_ms + ps_jitter(&turn->engine->prng, SOON_SPAN);
        peer->summary_ms = ps_sooner(peer->summary_ms, soon);
    } else if (peer->summary_ms == PS_NEVER) {
        peer->summary_ms = turn->now_ms + VAIN_BASE_MS;
    }
}

void ps_rounds_settle(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < engine->peer_count && turn->result == P2PSYNC_OK; i++) {
        if (engine->peers[i]->session != 0) {
            ps_transfer_flush(turn, engine->peers[i]);
        }
    }
    bool applied = turn->txn->writable && apply(turn);
    if (turn->members_dirty) {
        members_moved(turn);
    }
    if (turn->now_ms >= engine->announce_ms) {
        ps_news_announce(turn);
    }
    for (size_t i = 0; i < engine->peer_count && turn->result == P2PSYNC_OK; i++) {
        struct ps_peer *peer = engine->peers[i];
        if (peer->session != 0) {
            /* Whoever has the same is in sync at once; of many, those that wait for us. */
            bool tell = applied && (peer->ack_again || !ps_rounds_crowded(engine));
            peer->ack_due = peer->ack_due || tell;
            settle_peer(turn, peer);
        }
    }
    ps_rounds_now_check(turn);
}

void ps_rounds_tick(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_draw draw = {.left = SIZE_MAX};
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct ps_peer *peer = engine->peers[i];
        if (peer->session != 0 && peer->asked_ms != PS_NEVER &&
            turn->now_ms >= peer->asked_ms + ANSWER_MS) {
            ps_session_close(turn, peer, peer->session, "it does not answer");
        }
        draw.of += is_due(turn, peer) ? 1 : 0;
    }
    if (ps_rounds_crowded(engine)) {
        if (turn->now_ms >= engine->round_ms + ROUND_MS) {
            engine->round_ms = turn->now_ms;
            engine->round_count = 0;
        }
        draw.left = PS_ROUND_PEERS_MAX - engine->round_count;
    }
    for (size_t i = 0; i < engine->peer_count && draw.left > 0 && draw.of > 0; i++) {
        if (is_due(turn, engine->peers[i]) && ps_draw_next(&engine->prng, &draw)) {
            ps_rounds_send(turn, engine->peers[i], true);
            engine->round_count += ps_rounds_crowded(engine) ? 1 : 0;
        }
    }
}

uint64_t ps_rounds_deadline(const struct ps_engine *engine, const struct ps_peer *peer)
{
    if (peer->session == 0) {
        return PS_NEVER;
    }
    if (peer->asked_ms != PS_NEVER) {
        return peer->asked_ms + ANSWER_MS;
    }
    bool full = ps_rounds_crowded(engine) && engine->round_count >= PS_ROUND_PEERS_MAX;
    uint64_t next_ms = full ? engine->round_ms + ROUND_MS : 0;
    return peer->summary_ms > next_ms ? peer->summary_ms : next_ms;
}

bool ps_rounds_crowded(const struct ps_engine *engine)
{
    return engine->connected > PS_ROUND_PEERS_MAX;
}

/* Whether a round with the peer may begin. One at a time: the answer comes first. */
static bool is_due(const struct ps_turn *turn, const struct ps_peer *peer)
{
    return peer->session != 0 && peer->asked_ms == PS_NEVER && turn->now_ms >= peer->summary_ms;
}

/* How long a peer in sync is left alone: with many, the longer the more they are. */
static uint64_t rest_ms(const struct ps_engine *engine)
{
    if (!ps_rounds_crowded(engine)) {
        return engine->interval_ms;
    }
    return engine->interval_ms * engine->connected / PS_ROUND_PEERS_MAX;
}

void ps_rounds_now(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_now *now = NULL;
    for (size_t i = 0; i < PS_NOWS_MAX; i++) {
        if (!engine->nows[i].waiting) {
            now = &engine->nows[i];
        }
    }
    if (now == NULL) {
        ps_emit_now_done(turn, turn->event->request, P2PSYNC_EBUSY, P2PSYNC_OK);
        return;
    }
    *now = (struct ps_now){.waiting = true,
                           .request = turn->event->request,
                           .begun_ms = turn->now_ms,
                           .expires_ms = turn->now_ms + turn->event->timeout_ms,
                           .received_before = engine->changes_received,
                           .sent_before = engine->changes_sent,
                           .conflicts_before = engine->conflicts};
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct ps_peer *peer = engine->peers[i];
        peer->now_heard = false;
        peer->now_waiting = peer->session != 0;
        peer->now_dialling = false;
        if (peer->session != 0) {
            peer->vain_rounds = 0;
            ps_rounds_send(turn, peer, true);
        } else if (ps_dial_known(engine, peer)) {
            peer->now_waiting = true;
            peer->now_dialling = true;
            ps_dial_again(peer, turn->now_ms);
        }
    }
}

void ps_rounds_now_check(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    bool waiting = false;
    uint64_t synced = 0;
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct ps_peer *peer = engine->peers[i];
        if (peer->state == PS_PEER_IN_SYNC && peer->now_heard) {
            peer->now_waiting = false;
            synced++;
        }
        waiting = waiting || peer->now_waiting;
    }
    for (size_t i = 0; i < PS_NOWS_MAX; i++) {
        struct ps_now *now = &engine->nows[i];
        if (!now->waiting || (waiting && turn->now_ms < now->expires_ms)) {
            continue;
        }
        now->peers = synced;
        p2psync_result result = P2PSYNC_OK;
        if (waiting) {
            result = P2PSYNC_ETIMEDOUT;
        } else if (synced == 0 && engine->peer_count > 0) {
            result = P2PSYNC_EUNREACHABLE;
        }
        now_done(turn, now, result);
    }
}

void ps_rounds_distance(const struct ps_engine *engine, const struct ps_peer *peer,
                        uint64_t *behind_out, uint64_t *ahead_out)
{
    *behind_out = 0;
    *ahead_out = 0;
    for (uint32_t log = 0; log < engine->size_count && peer->state != PS_PEER_IN_SYNC; log++) {
        uint64_t theirs = ps_peer_size(peer, log);
        if ((engine->flags[log] & PS_LOG_LOCAL) == 0 && theirs < engine->sizes[log]) {
            *behind_out += engine->sizes[log] - theirs;
        }
    }
    for (size_t i = 0; i < peer->fetch_count; i++) {
        *ahead_out += peer->fetches[i].target - peer->fetches[i].from;
    }
}

void ps_rounds_sync_ended(struct ps_turn *turn, struct ps_peer *peer, const char *reason)
{
    peer->now_waiting = false;
    if (!peer->syncing_told) {
        return;
    }
    peer->syncing_told = false;
    struct ps_writer writer;
    char device[PS_DEVICE_TEXT_SIZE];
    ps_device_text(&peer->device, device);
    ps_writer_init(&writer, ps_emit_begin(turn));
    ps_write_map(&writer, 3);
    ps_write_text(&writer, "device");
    ps_write_text(&writer, device);
    ps_write_text(&writer, "name");
    ps_write_text(&writer, peer->name);
    ps_write_text(&writer, "reason");
    ps_write_text(&writer, reason);
    ps_emit_tell(turn, P2PSYNC_EVENT_SYNC_FAILED, ps_writer_finish(&writer));
}

/* Apply what has come: at once if nothing more is on its way, else in batches that grow with the
 * backlog (DESIGN section 5). True if anything moved. */
static bool apply(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_applied applied = {0};
    if (engine->apply_ms == PS_NEVER) {
        return false;
    }
    bool backlog = ps_transfer_fetching(turn) && !turn->members_dirty;
    if (backlog && turn->now_ms < engine->apply_ms &&
        ps_rounds_state(turn)->pending < PS_APPLY_BATCH_MAX) {
        return false;
    }
    if (!ps_turn_ok(turn, ps_apply(turn->txn, PS_APPLY_BATCH_MAX, &applied))) {
        return false;
    }
    engine->apply_ms = PS_NEVER;
    if (applied.more) {
        engine->apply_ms = turn->now_ms;
    }
    engine->conflicts += applied.conflicts_opened;
    turn->dirty = turn->dirty || applied.changes > 0;
    return applied.changes > 0;
}

/* `_devices` has moved: who is a member may have, and heads that were passed over may be wanted
 * now. */
static void members_moved(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    bool changed = false;
    turn->members_dirty = false;
    if (turn->txn->writable) {
        if (!ps_turn_ok(turn, ps_members_refresh(turn->txn, &engine->identity.mesh, &changed))) {
            return;
        }
    }
    ps_trust_load(turn);
    for (size_t i = 0; i < engine->peer_count && changed; i++) {
        struct ps_peer *peer = engine->peers[i];
        if (peer->session != 0 && peer->passed_over) {
            peer->passed_over = false;
            peer->vain_rounds = 0;
            ps_rounds_soon(turn, peer);
        }
    }
    if (changed) {
        ps_emit_plain(turn, PS_EFFECT_BURST);
    }
}

static void settle_peer(struct ps_turn *turn, struct ps_peer *peer)
{
    ps_transfer_pump(turn, peer);
    bool equal = ps_rounds_same(turn, peer);
    if (peer->ack_due) {
        send_ack(turn, peer);
    }
    bool busy = ps_transfer_busy(peer);
    if (busy && !peer->syncing_told) {
        peer->syncing_told = true;
        peer->sync_started_ms = turn->now_ms;
        peer->sync_told_ms = turn->now_ms;
        peer->sync_received = 0;
        peer->sync_expected = 0;
        tell_sync(turn, peer, P2PSYNC_EVENT_SYNC_STARTED);
    } else if (busy && turn->now_ms >= peer->sync_told_ms + TELL_MS) {
        peer->sync_told_ms = turn->now_ms;
        tell_sync(turn, peer, P2PSYNC_EVENT_SYNC_PROGRESS);
    }
    if (equal && peer->state != PS_PEER_IN_SYNC) {
        in_sync(turn, peer);
    } else if (!equal && peer->state == PS_PEER_IN_SYNC) {
        peer->state = PS_PEER_SYNCING;
        peer->quiet_rounds = 0;
    }
    if (peer->peers_due || (equal && peer->peers_again)) {
        ps_peers_tell(turn, peer);
    }
    if (equal) {
        peer->row.last_sync_ms = turn->wall_ms;
    } else if (!busy) {
        ps_rounds_soon(turn, peer);
    }
}

static void send_ack(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_ack ack = {.state = *ps_rounds_state(turn)};
    struct ps_buf positions;
    ps_buf_init(&positions, PS_MESSAGE_SIZE_MAX);
    if (ps_turn_ok(turn, write_positions(turn, peer, &positions))) {
        ack.positions = ps_buf_view(&positions);
        ps_emit_send(turn, peer, peer->session, ps_ack_encode(&ack, ps_emit_begin(turn)));
    }
    ps_buf_deinit(&positions);
    peer->ack_due = false;
    peer->ack_again = ack.state.pending > 0;
    peer->ack_count = 0;
}

static p2psync_result write_positions(struct ps_turn *turn, const struct ps_peer *peer,
                                      struct ps_buf *out)
{
    struct ps_writer writer;
    struct ps_log log;
    struct ps_collection collection;
    ps_writer_init(&writer, out);
    ps_write_array(&writer, peer->ack_count);
    for (size_t i = 0; i < peer->ack_count; i++) {
        p2psync_result result = ps_log_by_number(turn->txn, peer->ack_logs[i], &log);
        if (result == P2PSYNC_OK) {
            result = ps_collection_by_number(turn->txn, log.collection, &collection);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        struct ps_position position = {
            .collection = collection.name, .log = log.id, .size = log.size, .applied = log.applied};
        ps_ack_write_position(&writer, &position);
    }
    return ps_writer_finish(&writer);
}

static void in_sync(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    peer->state = PS_PEER_IN_SYNC;
    peer->row_dirty = true;
    peer->vain_rounds = 0;
    peer->quiet_rounds = 0;
    peer->fetch_count = 0;
    peer->summary_ms = turn->now_ms + rest_ms(engine);
    for (uint32_t log = 0; log < engine->size_count; log++) {
        (void)ps_turn_ok(turn, ps_peer_set_size(peer, log, engine->sizes[log]));
    }
    if (peer->syncing_told) {
        peer->syncing_told = false;
        tell_sync(turn, peer, P2PSYNC_EVENT_SYNC_COMPLETED);
        peer->sync_sent = 0;
    }
}

static void tell_sync(struct ps_turn *turn, struct ps_peer *peer, p2psync_event_type event)
{
    char device[PS_DEVICE_TEXT_SIZE];
    struct ps_writer writer;
    bool started = event == P2PSYNC_EVENT_SYNC_STARTED;
    bool completed = event == P2PSYNC_EVENT_SYNC_COMPLETED;
    ps_device_text(&peer->device, device);
    ps_writer_init(&writer, ps_emit_begin(turn));
    ps_write_map(&writer, started ? 2 : completed ? 5 : 4);
    ps_write_text(&writer, "device");
    ps_write_text(&writer, device);
    ps_write_text(&writer, "name");
    ps_write_text(&writer, peer->name);
    if (!started) {
        ps_write_text(&writer, "received");
        ps_write_uint(&writer, peer->sync_received);
    }
    if (completed) {
        ps_write_text(&writer, "sent");
        ps_write_uint(&writer, peer->sync_sent);
        ps_write_text(&writer, "duration_ms");
        ps_write_uint(&writer, turn->now_ms - peer->sync_started_ms);
    } else if (!started) {
        uint64_t left = 0;
        for (size_t i = 0; i < peer->fetch_count; i++) {
            left += peer->fetches[i].target - peer->fetches[i].from;
        }
        ps_write_text(&writer, "expected");
        ps_write_uint(&writer, peer->sync_received + left);
    }
    ps_emit_tell(turn, event, ps_writer_finish(&writer));
}

/* The short heads of all collections, if they are few. Errors  P2PSYNC_ELIMIT they are not. */
static p2psync_result few_heads(struct ps_turn *turn, struct ps_buf *out)
{
    char names[NAMES_MAX][PS_COLLECTION_SIZE_MAX];
    struct ps_bytes views[NAMES_MAX];
    struct ps_collection_walk walk = {.txn = turn->txn};
    struct ps_collection collection;
    size_t count = 0;
    while (ps_collection_walk_next(&walk, &collection)) {
        if (ps_collection_is_local(collection.name) || collection.changes == 0) {
            continue;
        }
        if (count == NAMES_MAX) {
            return P2PSYNC_ELIMIT;
        }
        memcpy(names[count], collection.name.data, collection.name.size);
        views[count] = ps_bytes(names[count], collection.name.size);
        count++;
    }
    return ps_summary_heads(turn->txn, views, count, out);
}

static void now_done(struct ps_turn *turn, struct ps_now *now, p2psync_result result)
{
    const struct ps_engine *engine = turn->engine;
    struct ps_writer writer;
    ps_writer_init(&writer, ps_emit_begin(turn));
    ps_write_map(&writer, 5);
    ps_write_text(&writer, "peers");
    ps_write_uint(&writer, now->peers);
    ps_write_text(&writer, "changes_received");
    ps_write_uint(&writer, engine->changes_received - now->received_before);
    ps_write_text(&writer, "changes_sent");
    ps_write_uint(&writer, engine->changes_sent - now->sent_before);
    ps_write_text(&writer, "conflicts");
    ps_write_uint(&writer, engine->conflicts - now->conflicts_before);
    ps_write_text(&writer, "duration_ms");
    ps_write_uint(&writer, turn->now_ms - now->begun_ms);
    ps_emit_now_done(turn, now->request, result, ps_writer_finish(&writer));
    now->waiting = false;
}
