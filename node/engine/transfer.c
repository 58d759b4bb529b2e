/* Fetches and serves, as node/engine/transfer.h says. */
#include "node/engine/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "node/engine/closed.h"
#include "node/engine/damage.h"
#include "node/engine/emit.h"
#include "node/engine/fetches.h"
#include "node/engine/search.h"
#include "node/engine/turn.h"
#include "node/engine/vouch.h"
#include "store/log/collection.h"
#include "wire/compress.h"

#define STALLED_MS 10000 /* a transfer without progress for so long is stalled */
#define TRIES_MAX  3
#define MOVING_MS  500   /* a fetch that moved so lately is expected to bring more */
#define SLOW_MS    60000 /* how long we do not count on a peer whose fetch has stalled */

#define PACK_SIZE_MIN 512 /* bytes; to compress fewer does not pay */

static struct ps_fetch *find(struct ps_peer *peer, const struct ps_log_name *name,
                             const struct ps_log_id *id);
static void activate(struct ps_turn *turn, struct ps_peer *peer);
static bool begin_fetch(struct ps_turn *turn, struct ps_fetch *fetch);
static bool is_devices(const struct ps_fetch *fetch);
static bool fetched_elsewhere(const struct ps_turn *turn, const struct ps_peer *peer,
                              const struct ps_fetch *fetch);
static bool same_log(const struct ps_fetch *fetch, struct ps_bytes collection,
                     const struct ps_log_id *id);
static void send_want(struct ps_turn *turn, struct ps_peer *peer, struct ps_fetch *fetch);
static struct ps_serve *serve_slot(struct ps_peer *peer, uint32_t log);
static void land(struct ps_serve *serve, uint64_t size);
static uint64_t flight_size(const struct ps_serve *serve);
static void push_next(struct ps_turn *turn, struct ps_peer *peer);
static void pump_one(struct ps_turn *turn, struct ps_peer *peer, struct ps_serve *serve);
static size_t chunk_room(const struct ps_peer *peer, const struct ps_serve *serve);
static p2psync_result send_chunk(struct ps_turn *turn, struct ps_peer *peer,
                                 const struct ps_log *log, struct ps_serve *serve);

void ps_transfer_fetch(struct ps_turn *turn, struct ps_peer *peer, const struct ps_fetch_want *want)
{
    struct ps_fetch *fetch = find(peer, &want->log, &want->id);
    if (fetch != NULL) {
        ps_fetches_renew(fetch, want);
        return;
    }
    if (peer->transfer.fetch_count >= PS_FETCHES_QUEUED_MAX) {
        return; /* a later round offers the log again */
    }
    if (!ps_turn_ok(turn, ps_fetches_reserve(&peer->transfer))) {
        return;
    }
    fetch = &peer->transfer.fetches[peer->transfer.fetch_count++];
    *fetch = (struct ps_fetch){
        .collection_size = want->log.collection.size,
        .id = want->id,
        .origin = want->log.origin,
        .number = want->log.number,
        .from = want->from,
        .target = want->target,
        .search = want->search,
        .excess = want->excess,
        .covered = want->covered,
        .head = want->head,
        .progress_ms = turn->now_ms,
    };
    memcpy(fetch->collection, want->log.collection.data, want->log.collection.size);
}

struct ps_fetch *ps_transfer_find(struct ps_peer *peer, const struct ps_mesh *mesh,
                                  const struct ps_log_name *name)
{
    struct ps_log_id id = ps_log_id_of(mesh, &name->origin, name->branch);
    return find(peer, name, &id);
}

/* By the peer's number, for the same history may have another name by now, or has one here that the
 * peer does not know; without a number by its name. */
static struct ps_fetch *find(struct ps_peer *peer, const struct ps_log_name *name,
                             const struct ps_log_id *id)
{
    for (size_t i = 0; i < peer->transfer.fetch_count; i++) {
        struct ps_fetch *fetch = &peer->transfer.fetches[i];
        bool numbered = fetch->number != 0 && name->number != 0;
        if (numbered ? fetch->number == name->number : same_log(fetch, name->collection, id)) {
            return fetch;
        }
    }
    return NULL;
}

void ps_transfer_moved(struct ps_turn *turn, struct ps_peer *peer, struct ps_fetch *fetch,
                       uint64_t size)
{
    if (size >= fetch->target) {
        ps_transfer_drop(peer, fetch);
        return;
    }
    if (size > fetch->from) {
        fetch->progress_ms = turn->now_ms;
        fetch->tries = 0;
        fetch->from = size;
    }
    fetch->due = fetch->active;
}

void ps_transfer_again(struct ps_fetch *fetch)
{
    fetch->due = true;
    fetch->again = true;
}

void ps_transfer_drop(struct ps_peer *peer, struct ps_fetch *fetch)
{
    ps_fetches_drop(&peer->transfer, fetch);
}

void ps_transfer_flush(struct ps_turn *turn, struct ps_peer *peer)
{
    for (size_t i = peer->transfer.fetch_count; i > 0; i--) {
        struct ps_fetch *fetch = &peer->transfer.fetches[i - 1];
        if (!fetch->active || turn->now_ms < fetch->progress_ms + STALLED_MS) {
            continue;
        }
        if (fetch->tries >= TRIES_MAX) {
            ps_transfer_drop(peer, fetch);
            continue;
        }
        peer->transfer.slow_ms = turn->now_ms + SLOW_MS;
        fetch->tries++;
        fetch->progress_ms = turn->now_ms;
        ps_transfer_again(fetch);
    }
    for (size_t i = 0; i < PS_SERVES_MAX; i++) {
        struct ps_serve *serve = &peer->transfer.serves[i];
        if (serve->used && turn->now_ms >= serve->touched_ms + STALLED_MS) {
            serve->used = false;
        }
    }
    activate(turn, peer);
    for (size_t i = 0; i < peer->transfer.fetch_count; i++) {
        if (peer->transfer.fetches[i].due) {
            send_want(turn, peer, &peer->transfer.fetches[i]);
        }
    }
}

bool ps_transfer_serve(struct ps_turn *turn, struct ps_peer *peer, uint32_t log,
                       const struct ps_serve_want *want)
{
    struct ps_serve *serve = serve_slot(peer, log);
    if (serve == NULL) {
        return false;
    }
    uint64_t credit = want->credit < PS_CREDIT_MAX ? want->credit : PS_CREDIT_MAX;
    if (!serve->used || serve->log != log || want->again) {
        *serve = (struct ps_serve){.used = true, .log = log, .next = want->from};
    }
    land(serve, want->from);
    serve->next = want->from > serve->next ? want->from : serve->next;
    serve->credit = credit;
    serve->touched_ms = turn->now_ms;
    if (credit == 0) {
        serve->used = false;
        return true;
    }
    pump_one(turn, peer, serve);
    return true;
}

void ps_transfer_push(struct ps_turn *turn, struct ps_peer *peer, uint32_t log)
{
    struct ps_transfer *transfer = &peer->transfer;
    if (transfer->push_count == transfer->push_capacity) {
        size_t capacity = transfer->push_capacity == 0 ? 16 : transfer->push_capacity * 2;
        uint32_t *pushes = reallocarray(transfer->pushes, capacity, sizeof *pushes);
        if (pushes == NULL) {
            (void)ps_turn_ok(turn, P2PSYNC_ENOMEM);
            return;
        }
        transfer->pushes = pushes;
        transfer->push_capacity = capacity;
    }
    transfer->pushes[transfer->push_count] = log;
    transfer->push_count++;
    push_next(turn, peer);
}

void ps_transfer_push_anew(struct ps_peer *peer)
{
    peer->transfer.push_at = 0;
    peer->transfer.push_count = 0;
}

/* Begin what waits to be pushed, as far as there is room. */
static void push_next(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_transfer *transfer = &peer->transfer;
    while (transfer->push_at < transfer->push_count && ps_emit_has_room(turn) &&
           transfer->turn_bytes < PS_CREDIT_MAX) {
        uint32_t log = transfer->pushes[transfer->push_at];
        struct ps_serve_want want = {.from = ps_holds_size(peer, log), .credit = PS_CREDIT_MAX};
        if (!ps_transfer_serve(turn, peer, log, &want)) {
            return;
        }
        transfer->push_at++;
    }
    if (transfer->push_at == transfer->push_count) {
        ps_transfer_push_anew(peer);
    } else {
        ps_turn_again(turn, turn->now_ms); /* there was no room in this turn */
    }
}

void ps_transfer_arrived(struct ps_turn *turn, struct ps_peer *peer, uint32_t log, uint64_t size)
{
    (void)ps_holds_note(turn, peer, log, size);
    for (size_t i = 0; i < PS_SERVES_MAX; i++) {
        struct ps_serve *serve = &peer->transfer.serves[i];
        if (serve->used && serve->log == log) {
            land(serve, size);
            serve->touched_ms = turn->now_ms;
            pump_one(turn, peer, serve);
        }
    }
}

void ps_transfer_pump(struct ps_turn *turn, struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_SERVES_MAX; i++) {
        if (peer->transfer.serves[i].used) {
            pump_one(turn, peer, &peer->transfer.serves[i]);
        }
    }
    push_next(turn, peer);
}

bool ps_transfer_busy(const struct ps_peer *peer)
{
    for (size_t i = 0; i < PS_SERVES_MAX; i++) {
        if (peer->transfer.serves[i].used) {
            return true;
        }
    }
    return peer->transfer.fetch_count > 0 || peer->transfer.push_count > 0;
}

bool ps_transfer_fetching(const struct ps_turn *turn)
{
    const struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        const struct ps_peer *peer = engine->peers.present[i];
        for (size_t k = 0; turn->now_ms >= peer->transfer.slow_ms && k < peer->transfer.fetch_count;
             k++) {
            const struct ps_fetch *fetch = &peer->transfer.fetches[k];
            if (fetch->active && turn->now_ms < fetch->progress_ms + MOVING_MS) {
                return true;
            }
        }
    }
    return false;
}

size_t ps_transfer_count(const struct ps_peer *peer)
{
    return peer->transfer.fetch_count;
}

uint64_t ps_transfer_left(const struct ps_peer *peer)
{
    uint64_t left = 0;
    for (size_t i = 0; i < peer->transfer.fetch_count; i++) {
        left += peer->transfer.fetches[i].target - peer->transfer.fetches[i].from;
    }
    return left;
}

uint64_t ps_transfer_unseen(const struct ps_peer *peer)
{
    uint64_t unseen = 0;
    for (size_t i = 0; i < peer->transfer.fetch_count; i++) {
        const struct ps_fetch *fetch = &peer->transfer.fetches[i];
        unseen += fetch->from == 0 ? fetch->target : 0;
    }
    return unseen;
}

uint64_t ps_transfer_flight(const struct ps_peer *peer, uint32_t log)
{
    uint64_t size = 0;
    for (size_t i = 0; i < PS_SERVES_MAX; i++) {
        const struct ps_serve *serve = &peer->transfer.serves[i];
        size += serve->log == log ? flight_size(serve) : 0;
    }
    return size;
}

void ps_transfer_begin(struct ps_peer *peer)
{
    peer->transfer.turn_bytes = 0;
}

bool ps_transfer_has_room(const struct ps_peer *peer)
{
    return peer->transfer.turn_bytes < PS_CREDIT_MAX;
}

void ps_transfer_spend(struct ps_peer *peer, size_t size)
{
    peer->transfer.turn_bytes += size;
}

void ps_transfer_pack(struct ps_peer *peer, bool understands)
{
    peer->transfer.pack = understands;
}

void ps_transfer_fetched_all(struct ps_peer *peer)
{
    peer->transfer.fetch_count = 0;
}

void ps_transfer_forget(struct ps_peer *peer)
{
    peer->transfer.fetch_count = 0;
    ps_transfer_push_anew(peer);
    memset(peer->transfer.serves, 0, sizeof peer->transfer.serves);
    ps_resent_forget(&peer->resent);
}

void ps_transfer_deinit(struct ps_transfer *transfer)
{
    free(transfer->fetch_room);
    free(transfer->pushes);
    *transfer = (struct ps_transfer){.fetch_count = 0};
}

uint64_t ps_transfer_deadline(const struct ps_peer *peer)
{
    uint64_t deadline = PS_NEVER;
    for (size_t i = 0; i < peer->transfer.fetch_count; i++) {
        if (peer->transfer.fetches[i].active) {
            deadline =
                ps_deadline_sooner(deadline, peer->transfer.fetches[i].progress_ms + STALLED_MS);
        }
    }
    for (size_t i = 0; i < PS_SERVES_MAX; i++) {
        if (peer->transfer.serves[i].used) {
            deadline =
                ps_deadline_sooner(deadline, peer->transfer.serves[i].touched_ms + STALLED_MS);
        }
    }
    return deadline;
}

/* Ask for queued logs while there is room. Logs of `_devices` come before all others (DESIGN,
 * "Syncing"). A log that another peer is sending is not asked for a second time. */
static void activate(struct ps_turn *turn, struct ps_peer *peer)
{
    size_t active = 0;
    bool devices_first = false;
    for (size_t i = 0; i < peer->transfer.fetch_count; i++) {
        active += peer->transfer.fetches[i].active ? 1 : 0;
        devices_first = devices_first || is_devices(&peer->transfer.fetches[i]);
    }
    size_t i = 0;
    while (i < peer->transfer.fetch_count && active < PS_FETCHES_MAX) {
        struct ps_fetch *fetch = &peer->transfer.fetches[i];
        bool eligible = !fetch->active && (!devices_first || is_devices(fetch)) &&
                        !fetched_elsewhere(turn, peer, fetch);
        if (!eligible) {
            i++;
        } else if (begin_fetch(turn, fetch)) {
            active++;
            i++;
        } else {
            ps_transfer_drop(peer, fetch);
        }
    }
}

/* False if there is nothing to fetch: its changes have come from another peer in the meantime. */
static bool begin_fetch(struct ps_turn *turn, struct ps_fetch *fetch)
{
    struct ps_log log = {0};
    struct ps_log_name name = {.collection = ps_bytes(fetch->collection, fetch->collection_size),
                               .origin = fetch->origin};
    memcpy(name.branch, fetch->id.branch, sizeof name.branch);
    p2psync_result result = ps_log_named(turn->txn, &turn->engine->identity.mesh, &name, &log);
    if (result == P2PSYNC_EFORK || (result != P2PSYNC_ENOTFOUND && !ps_turn_ok(turn, result))) {
        return false;
    }
    if (result == P2PSYNC_OK && !fetch->search) {
        if (log.size >= fetch->target) {
            return false;
        }
        fetch->from = log.size;
    } else {
        ps_search_begin(turn, fetch, &name);
    }
    fetch->active = true;
    ps_transfer_again(fetch);
    fetch->progress_ms = turn->now_ms;
    return true;
}

static bool is_devices(const struct ps_fetch *fetch)
{
    return ps_bytes_equal(ps_bytes(fetch->collection, fetch->collection_size),
                          ps_bytes_text(PS_DEVICES_COLLECTION));
}

static bool fetched_elsewhere(const struct ps_turn *turn, const struct ps_peer *peer,
                              const struct ps_fetch *fetch)
{
    const struct ps_engine *engine = turn->engine;
    struct ps_bytes collection = ps_bytes(fetch->collection, fetch->collection_size);
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        const struct ps_peer *other = engine->peers.present[i];
        if (other == peer || turn->now_ms < other->transfer.slow_ms) {
            continue;
        }
        size_t active = 0; /* most often the first ones are */
        for (size_t k = 0; k < other->transfer.fetch_count && active < PS_FETCHES_MAX; k++) {
            if (!other->transfer.fetches[k].active) {
                continue;
            }
            active++;
            if (same_log(&other->transfer.fetches[k], collection, &fetch->id)) {
                return true;
            }
        }
    }
    return false;
}

static bool same_log(const struct ps_fetch *fetch, struct ps_bytes collection,
                     const struct ps_log_id *id)
{
    return ps_log_id_compare(&fetch->id, id) == 0 &&
           ps_bytes_equal(ps_bytes(fetch->collection, fetch->collection_size), collection);
}

static void send_want(struct ps_turn *turn, struct ps_peer *peer, struct ps_fetch *fetch)
{
    struct ps_want want = {
        .log = {.number = fetch->number},
        .from = fetch->from,
        .credit = fetch->step > 0 ? 1 : PS_CREDIT_MAX, /* to find the place, one entry is enough */
        .again = fetch->again,
    };
    if (fetch->number == 0) {
        want.log.collection = ps_bytes(fetch->collection, fetch->collection_size);
        want.log.origin = fetch->origin;
        memcpy(want.log.branch, fetch->id.branch, sizeof want.log.branch);
    }
    ps_emit_send(turn, peer, peer->session.id, ps_want_encode(&want, ps_emit_begin(turn)));
    fetch->due = false;
    fetch->again = false;
}

/* The slot that sends `log`, or else a free slot; NULL if there is neither. A slot is never taken
 * from another log, because the bytes of that log that are under way would no longer be counted. */
static struct ps_serve *serve_slot(struct ps_peer *peer, uint32_t log)
{
    struct ps_serve *slot = NULL;
    for (size_t i = 0; i < PS_SERVES_MAX; i++) {
        struct ps_serve *serve = &peer->transfer.serves[i];
        if (serve->used && serve->log == log) {
            return serve;
        }
        if (slot == NULL && !serve->used) {
            slot = serve;
        }
    }
    return slot;
}

/* The peer holds `size` entries now: chunks up to there have arrived and are under way no more. */
static void land(struct ps_serve *serve, uint64_t size)
{
    size_t landed = 0;
    while (landed < serve->flight_count && serve->flight[landed].end <= size) {
        landed++;
    }
    serve->flight_count -= landed;
    memmove(serve->flight, serve->flight + landed, serve->flight_count * sizeof serve->flight[0]);
}

/* How many bytes of the log are under way. */
static uint64_t flight_size(const struct ps_serve *serve)
{
    uint64_t size = 0;
    for (size_t i = 0; serve->used && i < serve->flight_count; i++) {
        size += serve->flight[i].size;
    }
    return size;
}

static void pump_one(struct ps_turn *turn, struct ps_peer *peer, struct ps_serve *serve)
{
    struct ps_log log;
    if (!ps_turn_ok(turn, ps_log_by_number(turn->txn, serve->log, &log))) {
        return;
    }
    if (!ps_vouch(turn, &log)) {
        serve->used = false;
        return;
    }
    serve->end = ps_closed_tell(turn, &log, serve->next).size;
    while (serve->next < serve->end && chunk_room(peer, serve) > 0) {
        /* However much the peer says has arrived, it gets only so much in one turn, so that there
         * is room for the other peers. */
        if (!ps_emit_has_room(turn) || peer->transfer.turn_bytes >= PS_CREDIT_MAX) {
            ps_turn_again(turn, turn->now_ms);
            return;
        }
        if (!ps_damage_ok(turn, &log, send_chunk(turn, peer, &log, serve))) {
            serve->used = false;
            return;
        }
    }
    if (serve->next >= serve->end && serve->flight_count == 0) {
        serve->used = false;
    }
}

/* How many bytes the next chunk may have; 0: no chunk may be sent now. If nothing of the log is
 * under way, any credit lets one entry go. However much credit the peer grants, at most
 * PS_CREDIT_MAX bytes of all logs together are under way. */
static size_t chunk_room(const struct ps_peer *peer, const struct ps_serve *serve)
{
    uint64_t here = flight_size(serve);
    uint64_t all = 0;
    for (size_t i = 0; i < PS_SERVES_MAX; i++) {
        all += flight_size(&peer->transfer.serves[i]);
    }
    uint64_t room = serve->credit > here ? serve->credit - here : 0;
    uint64_t shared = PS_CREDIT_MAX > all ? PS_CREDIT_MAX - all : 0;
    if (shared < PS_CHUNK_SIZE_MAX && all > 0) {
        return 0;
    }
    if (room >= PS_CHUNK_SIZE_MAX && serve->flight_count < PS_IN_FLIGHT_MAX) {
        return PS_CHUNK_SIZE_MAX;
    }
    return serve->flight_count == 0 ? (size_t)room : 0;
}

static p2psync_result send_chunk(struct ps_turn *turn, struct ps_peer *peer,
                                 const struct ps_log *log, struct ps_serve *serve)
{
    struct ps_collection collection;
    struct ps_changes changes = {.from = serve->next, .encoding = PS_ENCODING_PLAIN};
    struct ps_buf entries;
    struct ps_buf packed;
    struct ps_log_run run = {
        .begin = serve->next, .end = serve->end, .size_max = chunk_room(peer, serve)};
    ps_buf_init(&entries, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&packed, PS_MESSAGE_SIZE_MAX);

    p2psync_result result = ps_collection_by_number(turn->txn, log->collection, &collection);
    if (result == P2PSYNC_OK) {
        result = ps_log_read(turn->txn, log, &run, &entries);
    }
    if (result == P2PSYNC_OK) {
        result = ps_log_prove(turn->txn, log, run.end, &changes.proof, NULL);
    }
    if (result == P2PSYNC_OK && ps_names_give(turn, peer, log, collection.name, &changes.log)) {
        changes.entries = ps_buf_view(&entries);
        if (peer->transfer.pack && entries.size >= PACK_SIZE_MIN &&
            ps_compress(ps_buf_view(&entries), &packed) == P2PSYNC_OK) {
            changes.encoding = PS_ENCODING_ZSTD;
            changes.entries = ps_buf_view(&packed);
        }
        changes.head = log->head;
        changes.root_implied = run.end == log->head.size;
        changes.state = ps_state_tell(turn, peer);
        ps_emit_send(turn, peer, peer->session.id,
                     ps_changes_encode(&changes, ps_emit_begin(turn)));
        serve->flight[serve->flight_count++] =
            (struct ps_flight){.end = run.end, .size = entries.size};
        peer->transfer.turn_bytes += entries.size;
        ps_resent_note(turn, peer, log, &run, entries.size);
        ps_progress_sent(turn, peer, run.end - run.begin);
        serve->next = run.end;
    }
    ps_buf_deinit(&packed);
    ps_buf_deinit(&entries);
    return result;
}
