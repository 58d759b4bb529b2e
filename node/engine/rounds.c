/* When to compare and with whom, as node/engine/rounds.h says. */
#include "node/engine/rounds.h"

#include <string.h>

#include "node/engine/emit.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"
#include "store/log/summary.h"

#define REPLY_MS       30000 /* until a SUMMARY without a reply means that the link is dead */
#define HURRY_MS       5000  /* the same, when the link may well be dead */
#define SOON_SPAN      ((struct ps_span){.least = 100, .most = 300})
#define PUT_OFF_MS     2000U /* how long what comes may put a round off: the first one, ... */
#define PUT_OFF_SHIFT  2     /* ... and each further one twice as long, this often */
#define FETCHED_MS     30000 /* the same, while logs are fetched that the peer has offered */
#define VAIN_BASE_MS   500
#define QUIET_SHIFT    2                   /* the interval grows fourfold at most */
#define HEADS_SIZE_MAX ((size_t)16 * 1024) /* bytes of short heads that go along at once */
#define NAMES_MAX      64                  /* collections whose heads go along at once */
#define NO_ROOTS       ps_bytes("\x90", 1) /* an empty array */
#define ROUND_MS       2000                /* from one round to the next, with many peers */

static void send_summary(struct ps_turn *turn, struct ps_peer *peer,
                         const struct ps_summary *summary);
static bool write_roots(struct ps_turn *turn, struct ps_peer *peer, struct ps_summary *summary,
                        struct ps_buf *out);
static size_t first_root(const struct ps_roots *all, struct ps_round *round, size_t most);
static size_t count_roots(const struct ps_roots *all, size_t begin, size_t most, size_t *end_out);
static p2psync_result few_heads(struct ps_turn *turn, struct ps_buf *out);
static void plan_next(struct ps_turn *turn, struct ps_peer *peer);
static uint64_t rest_ms(const struct ps_engine *engine);
static void rest(struct ps_turn *turn, struct ps_peer *peer);
static void check_sessions(struct ps_turn *turn);
static void begin_round(struct ps_turn *turn, struct ps_draw *draw);
static bool is_due(const struct ps_turn *turn, const struct ps_peer *peer);

void ps_rounds_ask(struct ps_turn *turn, struct ps_peer *peer)
{
    if (peer->round.asked_ms != PS_NEVER) {
        return;
    }
    struct ps_summary summary = {
        .reply = true, .state = ps_state_tell_anew(turn, peer), .clock_ms = turn->wall_ms};
    struct ps_buf roots;
    struct ps_buf heads;
    ps_buf_init(&roots, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&heads, HEADS_SIZE_MAX);
    if (!ps_state_is_equal(turn, peer)) {
        p2psync_result result = few_heads(turn, &heads);
        if (result == P2PSYNC_ELIMIT) {
            (void)write_roots(turn, peer, &summary, &roots);
        } else if (ps_turn_ok(turn, result)) {
            summary.roots = NO_ROOTS; /* the heads name all collections */
            summary.heads = ps_buf_view(&heads);
        }
    }
    send_summary(turn, peer, &summary);
    ps_buf_deinit(&heads);
    ps_buf_deinit(&roots);
    ps_rounds_asked(turn, peer);
    peer->round.latest_ms = PS_NEVER;
    peer->round.fetches = false;
    plan_next(turn, peer);
}

void ps_rounds_reply(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_summary summary = {.state = ps_state_tell_anew(turn, peer),
                                 .clock_ms = turn->wall_ms};
    send_summary(turn, peer, &summary);
    if (peer->state == PS_PEER_IN_SYNC) { /* what is left to be applied may lead away from it */
        rest(turn, peer);
    }
}

static void send_summary(struct ps_turn *turn, struct ps_peer *peer,
                         const struct ps_summary *summary)
{
    ps_emit_send(turn, peer, peer->session.id, ps_summary_encode(summary, ps_emit_begin(turn)));
}

/* The roots of all collections, or if they are too many of as many as fit, from where the last
 * round ended. */
static bool write_roots(struct ps_turn *turn, struct ps_peer *peer, struct ps_summary *summary,
                        struct ps_buf *out)
{
    const struct ps_roots *all = NULL;
    struct ps_round *round = &peer->round;
    struct ps_writer writer;
    size_t most = turn->engine->page_max == 0 ? PS_ROOTS_MAX : turn->engine->page_max;
    size_t end = 0;
    if (!ps_roots_list(turn, &all)) {
        return false;
    }
    size_t begin = first_root(all, round, most);
    size_t count = count_roots(all, begin, most, &end);
    ps_writer_init(&writer, out);
    ps_write_array(&writer, count);
    for (size_t i = begin; i < end; i++) {
        if (all->items[i].any) {
            ps_summary_write_root(&writer, ps_root_name(&all->items[i]), &all->items[i].root);
        }
    }
    summary->from = begin > 0 ? ps_root_name(&all->items[begin]) : ps_bytes(NULL, 0);
    summary->to = end < all->count ? ps_root_name(&all->items[end]) : ps_bytes(NULL, 0);
    summary->roots = ps_buf_view(out);
    round->page_size = summary->to.size;
    if (summary->to.size > 0) {
        memcpy(round->page, summary->to.data, summary->to.size);
    }
    return ps_turn_ok(turn, ps_writer_finish(&writer));
}

/* Where to begin: if all do not fit, first with `_devices`, because it says whose logs are taken.
 */
static size_t first_root(const struct ps_roots *all, struct ps_round *round, size_t most)
{
    struct ps_bytes name = ps_bytes(round->page, round->page_size);
    if (all->count > most && !round->devices_first) {
        round->devices_first = true;
        name = ps_bytes_text(PS_DEVICES_COLLECTION);
    }
    size_t begin = ps_roots_find(all, name);
    return begin < all->count ? begin : 0;
}

/* How many collections from `begin` on hold something, up to `most`. end_out: behind the last. */
static size_t count_roots(const struct ps_roots *all, size_t begin, size_t most, size_t *end_out)
{
    size_t count = 0;
    size_t end = begin;
    while (end < all->count && (count < most || !all->items[end].any)) {
        count += all->items[end].any ? 1 : 0;
        end++;
    }
    *end_out = end;
    return count;
}

/* The short heads of all collections, if they are few.
 *
 * Errors  P2PSYNC_ELIMIT they are not; P2PSYNC_ECORRUPT; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
static p2psync_result few_heads(struct ps_turn *turn, struct ps_buf *out)
{
    char names[NAMES_MAX][PS_COLLECTION_SIZE_MAX];
    struct ps_summary_part parts[NAMES_MAX];
    struct ps_summary_told told;
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
        parts[count] = (struct ps_summary_part){
            .name = ps_bytes(names[count], collection.name.size), .logs = ps_log_range_all()};
        count++;
    }
    if (walk.result != P2PSYNC_OK) {
        return walk.result;
    }
    const struct ps_summary_wanted wanted = {
        .parts = parts, .count = count, .heads_max = ps_rounds_heads_max(turn->engine)};
    p2psync_result result = ps_summary_heads(turn->txn, &wanted, &told, out);
    return result == P2PSYNC_OK && !told.whole ? P2PSYNC_ELIMIT : result;
}

size_t ps_rounds_heads_max(const struct ps_engine *engine)
{
    return engine->page_max == 0 ? PS_SHORT_HEADS_MAX : engine->page_max;
}

void ps_rounds_asked(struct ps_turn *turn, struct ps_peer *peer)
{
    if (peer->round.asked_ms == PS_NEVER) {
        peer->round.asked_ms = turn->now_ms;
        peer->round.reply_by_ms = turn->now_ms + REPLY_MS;
    }
}

void ps_rounds_replied(struct ps_turn *turn, struct ps_peer *peer)
{
    if (peer->round.asked_ms != PS_NEVER) {
        ps_session_replied(turn, peer, peer->round.asked_ms);
        peer->round.asked_ms = PS_NEVER;
    }
}

static void plan_next(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    struct ps_round *round = &peer->round;
    if (peer->state == PS_PEER_IN_SYNC) {
        rest(turn, peer);
        return;
    }
    if (round->page_size > 0) { /* there is more to be told */
        round->next_ms = turn->now_ms + ps_prng_jitter(&engine->prng, SOON_SPAN);
        return;
    }
    struct ps_backoff backoff = {.base = VAIN_BASE_MS, .cap = engine->interval_ms};
    round->next_ms = turn->now_ms + ps_prng_backoff_ms(&engine->prng, backoff, round->vain);
    round->vain = ps_prng_backoff_count(round->vain);
}

/* How long a peer in sync is left alone: with many, the longer the more they are. */
static uint64_t rest_ms(const struct ps_engine *engine)
{
    if (!ps_peers_are_many(engine)) {
        return engine->interval_ms;
    }
    return engine->interval_ms * engine->peers.connected / PS_ROUND_PEERS_MAX;
}

/* Nothing to do with a peer in sync for an interval, which grows while nothing happens. */
static void rest(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_round *round = &peer->round;
    uint64_t interval = rest_ms(turn->engine) << round->quiet;
    struct ps_span span = {.least = interval - interval / 4, .most = interval + interval / 4};
    round->quiet += round->quiet < QUIET_SHIFT ? 1 : 0;
    round->next_ms = turn->now_ms + ps_prng_jitter(&turn->engine->prng, span);
}

void ps_rounds_await(struct ps_turn *turn, struct ps_peer *peer)
{
    peer->round.vain = 1;
    ps_rounds_soon(turn, peer);
}

void ps_rounds_soon(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_round *round = &peer->round;
    if (round->vain == 0) {
        uint64_t soon = turn->now_ms + ps_prng_jitter(&turn->engine->prng, SOON_SPAN);
        soon = soon > round->put_off_ms ? soon : round->put_off_ms;
        round->next_ms = ps_deadline_sooner(round->next_ms, soon);
    } else if (round->next_ms == PS_NEVER) {
        round->next_ms = turn->now_ms + VAIN_BASE_MS;
    }
}

void ps_rounds_at(struct ps_peer *peer, uint64_t at_ms)
{
    peer->round.next_ms = at_ms;
}

void ps_rounds_moved(struct ps_peer *peer)
{
    peer->round.vain = 0;
    peer->round.quiet = 0;
}

void ps_rounds_put_off(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_round *round = &peer->round;
    if (round->next_ms == PS_NEVER || peer->state == PS_PEER_IN_SYNC) {
        return;
    }
    if (round->latest_ms == PS_NEVER) {
        round->latest_ms = turn->now_ms + (PUT_OFF_MS << round->put_off);
        round->put_off += round->put_off < PUT_OFF_SHIFT ? 1 : 0;
    }
    if (ps_transfer_count(peer) > 0 && !round->fetches) {
        round->fetches = true;
        round->latest_ms = turn->now_ms + FETCHED_MS;
    }
    /* What is sent because something arrived comes a way there and back later. */
    uint64_t rtt_ms = peer->session.rtt_ms < PUT_OFF_MS ? peer->session.rtt_ms : PUT_OFF_MS;
    uint64_t soon = turn->now_ms + rtt_ms + ps_prng_jitter(&turn->engine->prng, SOON_SPAN);
    round->put_off_ms = ps_deadline_sooner(soon, round->latest_ms);
    round->next_ms = round->put_off_ms;
}

bool ps_rounds_are_fresh(const struct ps_peer *peer)
{
    return peer->round.vain <= 1;
}

void ps_rounds_in_sync(struct ps_turn *turn, struct ps_peer *peer)
{
    ps_rounds_moved(peer);
    peer->round.put_off = 0;
    peer->round.next_ms = turn->now_ms + rest_ms(turn->engine);
}

void ps_rounds_out_of_sync(struct ps_peer *peer)
{
    peer->round.quiet = 0;
}

void ps_rounds_pass_over(struct ps_peer *peer)
{
    peer->round.passed_over = true;
}

void ps_rounds_members_came(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        struct ps_peer *peer = engine->peers.present[i];
        if (peer->session.id != 0 && peer->round.passed_over) {
            peer->round.passed_over = false;
            peer->round.vain = 0;
            ps_rounds_soon(turn, peer);
        }
    }
}

void ps_rounds_tick(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_draw draw = {.left = SIZE_MAX};
    check_sessions(turn);
    begin_round(turn, &draw);
    for (size_t i = 0; i < engine->peers.present_count && draw.left > 0 && draw.of > 0; i++) {
        struct ps_peer *peer = engine->peers.present[i];
        if (is_due(turn, peer) && ps_prng_draw(&engine->prng, &draw)) {
            ps_rounds_ask(turn, peer);
            engine->crowd.count += ps_peers_are_many(engine) ? 1 : 0;
        }
    }
}

static void check_sessions(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        struct ps_peer *peer = engine->peers.present[i];
        struct ps_round *round = &peer->round;
        if (ps_session_take_doubt(peer, turn->now_ms)) {
            round->vain = 0;
            ps_rounds_ask(turn, peer);
            round->reply_by_ms = ps_deadline_sooner(round->reply_by_ms, turn->now_ms + HURRY_MS);
        }
        if (peer->session.id != 0 && round->asked_ms != PS_NEVER &&
            turn->now_ms >= round->reply_by_ms) {
            ps_session_close(turn, peer, peer->session.id, "it does not reply");
        }
    }
}

/* Count those that are due, and how many of them this round may go to. */
static void begin_round(struct ps_turn *turn, struct ps_draw *draw)
{
    struct ps_engine *engine = turn->engine;
    struct ps_crowd *crowd = &engine->crowd;
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        draw->of += is_due(turn, engine->peers.present[i]) ? 1 : 0;
    }
    if (ps_peers_are_many(engine)) {
        if (turn->now_ms >= crowd->begun_ms + ROUND_MS) {
            crowd->begun_ms = turn->now_ms;
            crowd->count = 0;
        }
        draw->left = PS_ROUND_PEERS_MAX - crowd->count;
    }
}

/* Whether a round with the peer may begin. One at a time: the reply comes first. */
static bool is_due(const struct ps_turn *turn, const struct ps_peer *peer)
{
    return peer->session.id != 0 && peer->round.asked_ms == PS_NEVER &&
           turn->now_ms >= peer->round.next_ms;
}

uint64_t ps_rounds_deadline(const struct ps_engine *engine, const struct ps_peer *peer)
{
    const struct ps_crowd *crowd = &engine->crowd;
    if (peer->session.id == 0) {
        return PS_NEVER;
    }
    uint64_t doubt_ms = ps_session_doubt_ms(peer);
    if (peer->round.asked_ms != PS_NEVER) {
        return ps_deadline_sooner(peer->round.reply_by_ms, doubt_ms);
    }
    bool full = ps_peers_are_many(engine) && crowd->count >= PS_ROUND_PEERS_MAX;
    uint64_t next_ms = full ? crowd->begun_ms + ROUND_MS : 0;
    next_ms = peer->round.next_ms > next_ms ? peer->round.next_ms : next_ms;
    return ps_deadline_sooner(next_ms, doubt_ms);
}
