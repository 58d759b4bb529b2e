/* Fetching what the disk has lost, as node/engine/mend.h says. */
#include "node/engine/mend.h"

#include <inttypes.h>
#include <string.h>

#include "node/engine/backlog.h"
#include "node/engine/emit.h"
#include "node/engine/turn.h"
#include "store/apply/judge.h"
#include "store/log/collection.h"
#include "store/log/receive.h"

#define ANSWER_MS 10000 /* until who was asked counts as silent */
#define RETRY_MS  2000  /* after that, or when what came was of no use */
#define NOBODY_MS 5000  /* until it is looked again whether somebody has it */
#define CREDIT    65536 /* bytes that one answer may have, past its first entry, at most */
#define ENTRY     1024  /* of these, for each damaged entry that follows the first */
#define LOGS_MAX  64    /* damaged logs that one turn looks for a peer for */

static struct ps_peer *asked_peer(const struct ps_turn *turn);
static bool next_log(struct ps_turn *turn, struct ps_damaged *at);
static struct ps_peer *who_has(struct ps_turn *turn, const struct ps_log *log);
static bool read_log(struct ps_turn *turn, struct ps_log *log, struct ps_collection *collection);
static void ask(struct ps_turn *turn, struct ps_peer *peer, bool again);
static uint64_t credit(struct ps_turn *turn, const struct ps_damaged *first);
static void stop(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log,
                 const struct ps_collection *collection);
static void over(struct ps_turn *turn, uint64_t wait_ms);
static void go_on(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log,
                  const struct ps_collection *collection);

void ps_mend_wanted(struct ps_turn *turn)
{
    struct ps_mend *mend = &turn->engine->mend;
    if (mend->none) {
        mend->none = false;
        mend->due_ms = turn->now_ms;
    }
}

uint64_t ps_mend_deadline(const struct ps_engine *engine)
{
    const struct ps_mend *mend = &engine->mend;
    if (mend->none) {
        return PS_NEVER;
    }
    return mend->session != 0 ? mend->asked_ms + ANSWER_MS : mend->due_ms;
}

void ps_mend_tick(struct ps_turn *turn)
{
    struct ps_mend *mend = &turn->engine->mend;
    if (mend->session != 0 &&
        (asked_peer(turn) == NULL || turn->now_ms >= mend->asked_ms + ANSWER_MS)) {
        mend->next_peer++; /* it may have the same damage */
        over(turn, RETRY_MS);
    }
    if (mend->none || mend->session != 0 || turn->now_ms < mend->due_ms) {
        return;
    }
    struct ps_damaged at = {.log = mend->at.log, .seq = 0};
    for (size_t i = 0; i < LOGS_MAX && next_log(turn, &at); i++) {
        struct ps_log log;
        struct ps_collection collection;
        mend->at = at;
        bool read = read_log(turn, &log, &collection);
        if (read) {
            (void)ps_damage_ok(turn, &log, P2PSYNC_ECORRUPT); /* told once, whoever has found it */
        }
        struct ps_peer *peer = read ? who_has(turn, &log) : NULL;
        if (peer != NULL) {
            ask(turn, peer, true);
            return;
        }
        at = (struct ps_damaged){.log = at.log + 1};
    }
    mend->due_ms = turn->now_ms + NOBODY_MS;
}

/* NULL if its session is over. */
static struct ps_peer *asked_peer(const struct ps_turn *turn)
{
    const struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < engine->peers.count; i++) {
        if (engine->peers.items[i]->session.id == engine->mend.session) {
            return engine->peers.items[i];
        }
    }
    return NULL;
}

/* The first damaged entry of a log with this number or a higher one, or else of any. False if there
 * is none. */
static bool next_log(struct ps_turn *turn, struct ps_damaged *at)
{
    static const struct ps_damaged first = {0};
    p2psync_result result = ps_damage_next(turn->txn, at, at);
    if (result == P2PSYNC_ENOTFOUND && at->log > 0) {
        result = ps_damage_next(turn->txn, &first, at);
    }
    if (result == P2PSYNC_ENOTFOUND) {
        turn->engine->mend.none = true;
        return false;
    }
    return ps_turn_ok(turn, result);
}

static bool read_log(struct ps_turn *turn, struct ps_log *log, struct ps_collection *collection)
{
    const struct ps_mend *mend = &turn->engine->mend;
    if (ps_log_by_number(turn->txn, mend->at.log, log) != P2PSYNC_OK) {
        return false; /* its own row is damaged */
    }
    return ps_turn_ok(turn, ps_collection_by_number(turn->txn, log->collection, collection));
}

/* A peer that holds the log as it is here, and that nothing of it is fetched from. */
static struct ps_peer *who_has(struct ps_turn *turn, const struct ps_log *log)
{
    struct ps_engine *engine = turn->engine;
    if (ps_logs_is_local(engine, log->number)) {
        return NULL;
    }
    for (size_t i = 0; i < engine->peers.count; i++) {
        size_t index = (engine->mend.next_peer + i) % engine->peers.count;
        struct ps_peer *peer = engine->peers.items[index];
        if (peer->session.id != 0 && ps_transfer_count(peer) == 0 &&
            (ps_holds_size(peer, log->number) >= log->size || ps_state_is_equal(turn, peer))) {
            engine->mend.next_peer = index;
            return peer;
        }
    }
    return NULL;
}

/* again: nothing of the log is under way that it should count. */
static void ask(struct ps_turn *turn, struct ps_peer *peer, bool again)
{
    struct ps_mend *mend = &turn->engine->mend;
    struct ps_log log;
    struct ps_collection collection;
    if (!read_log(turn, &log, &collection)) {
        return;
    }
    struct ps_want want = {.log = {.collection = collection.name, .origin = log.origin},
                           .from = mend->at.seq,
                           .credit = credit(turn, &mend->at),
                           .again = again};
    memcpy(want.log.branch, log.id.branch, sizeof want.log.branch);
    ps_emit_send(turn, peer, peer->session.id, ps_want_encode(&want, ps_emit_begin(turn)));
    mend->session = peer->session.id;
    mend->asked_ms = turn->now_ms;
}

/* For what is sent twice, whoever sends it wants to be paid (resent.h): so of an entry that stands
 * alone, it alone comes, and with one that others follow which are damaged as well, these. */
static uint64_t credit(struct ps_turn *turn, const struct ps_damaged *first)
{
    struct ps_damaged next = *first;
    uint64_t bytes = 1;
    bool follows = true;
    while (follows && bytes < CREDIT) {
        const struct ps_damaged from = {.log = next.log, .seq = next.seq + 1};
        follows = ps_damage_next(turn->txn, &from, &next) == P2PSYNC_OK && next.log == from.log &&
                  next.seq == from.seq;
        bytes += follows ? ENTRY : 0;
    }
    return bytes < CREDIT ? bytes : CREDIT;
}

ps_mend_taken ps_mend_take(struct ps_turn *turn, struct ps_peer *peer,
                           const struct ps_changes *changes)
{
    struct ps_mend *mend = &turn->engine->mend;
    struct ps_log log;
    struct ps_collection collection;
    struct ps_range mended;
    if (mend->session == 0 || mend->session != peer->session.id || changes->from != mend->at.seq ||
        !read_log(turn, &log, &collection) ||
        !ps_bytes_equal(changes->log.collection, collection.name) ||
        !ps_device_equal(&changes->log.origin.device, &log.origin.device) ||
        changes->log.origin.incarnation != log.origin.incarnation ||
        memcmp(changes->log.branch, log.id.branch, sizeof log.id.branch) != 0) {
        return PS_MEND_NOT_ASKED;
    }
    struct ps_chunk chunk = {.from = changes->from,
                             .entries = changes->entries,
                             .head = changes->head,
                             .root_implied = changes->root_implied,
                             .proof = &changes->proof};
    p2psync_result result = ps_receive_mend(turn->txn, &log, &chunk, &mended);
    if (result == P2PSYNC_OK) {
        result = ps_judge_mended(turn->txn, &log, mended);
    }
    if (result == P2PSYNC_EPROOF || result == P2PSYNC_EFORMAT || result == P2PSYNC_EVERSION) {
        mend->next_peer++;
        stop(turn, peer, &log, &collection);
        over(turn, RETRY_MS);
        return PS_MEND_VAIN;
    }
    if (ps_turn_ok(turn, result)) {
        go_on(turn, peer, &log, &collection);
    }
    return PS_MEND_DONE;
}

/* Ask for what of the log is still listed, or let it be looked through once more. */
static void go_on(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log,
                  const struct ps_collection *collection)
{
    struct ps_mend *mend = &turn->engine->mend;
    struct ps_damaged next = mend->at;
    p2psync_result result = ps_damage_next(turn->txn, &next, &next);
    if (result == P2PSYNC_OK && next.log == log->number) {
        mend->at = next;
        ask(turn, peer, false);
        return;
    }
    if (result != P2PSYNC_ENOTFOUND && !ps_turn_ok(turn, result)) {
        return;
    }
    stop(turn, peer, log, collection);
    ps_damage_mended(turn, log);
    ps_known_forget(&turn->engine->known);
    turn->engine->members_dirty = true; /* who is a member could not be told, if it was of that */
    ps_backlog_grew(turn);              /* what of it was not applied can be now */
    over(turn, 0);
}

/* Nothing more is wanted, and all of the log is held. */
static void stop(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log,
                 const struct ps_collection *collection)
{
    struct ps_want want = {.log = {.collection = collection->name, .origin = log->origin},
                           .from = log->size,
                           .credit = 0};
    memcpy(want.log.branch, log->id.branch, sizeof want.log.branch);
    ps_emit_send(turn, peer, peer->session.id, ps_want_encode(&want, ps_emit_begin(turn)));
}

static void over(struct ps_turn *turn, uint64_t wait_ms)
{
    struct ps_mend *mend = &turn->engine->mend;
    mend->session = 0;
    mend->due_ms = turn->now_ms + wait_ms;
    mend->at.log += wait_ms > 0 ? 1 : 0; /* other logs first */
}
