/* Pushes and announcements, as node/engine/news.h says. */
#include "node/engine/news.h"

#include <string.h>

#include "node/engine/in_sync.h"
#include "node/engine/offer.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"

#define ANNOUNCE_SPAN ((struct ps_span){.least = 5, .most = 30})

static void scan_collection(struct ps_turn *turn, const struct ps_log_id *own, uint32_t number);
static bool has_grown(const struct ps_turn *turn, const struct ps_log *log);
static void grew(struct ps_turn *turn, const struct ps_log *log, bool devices);
static bool push(struct ps_turn *turn, const struct ps_log *log);
static void announce(struct ps_turn *turn);
static bool may_lack_news(struct ps_turn *turn, const struct ps_peer *peer);
static void announce_to(struct ps_turn *turn, struct ps_peer *peer);

void ps_news_scan(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    ps_mend_wanted(turn); /* another process may have found damage */
    ps_damage_wanted(turn);
    if (!ps_turn_ok(turn, ps_identity_read(turn->txn, &engine->identity))) {
        return; /* it is read anew because a writer may have begun a new incarnation */
    }
    struct ps_origin origin = {.device = engine->identity.device,
                               .incarnation = engine->identity.incarnation};
    const struct ps_log_id own = {.origin = ps_origin_tag(&engine->identity.mesh, &origin)};
    /* What was written just before a new incarnation began is in logs of the one before. */
    const struct ps_log_id *only = engine->scanned == origin.incarnation ? &own : NULL;
    struct ps_written_last last;
    if (!ps_turn_ok(turn, ps_collection_written(turn->txn, &last))) {
        return;
    }
    uint64_t since = engine->written;
    engine->written = last.count;
    engine->scanned = origin.incarnation;
    if (since > 0 && last.count >= since && last.count - since <= PS_WRITTEN_MAX) {
        for (uint64_t i = since; i < last.count; i++) {
            scan_collection(turn, only, last.numbers[i % PS_WRITTEN_MAX]);
        }
        return;
    }
    struct ps_collection collection;
    struct ps_collection_walk walk = {.txn = turn->txn};
    while (turn->result == P2PSYNC_OK && ps_collection_walk_next(&walk, &collection)) {
        scan_collection(turn, only, collection.number);
    }
    (void)ps_turn_ok(turn, walk.result);
}

/* Look whether our own log of a collection has grown; own is NULL: whether any of this device's
 * has. In `_devices` the recovery key may have written here, each time under another origin. */
static void scan_collection(struct ps_turn *turn, const struct ps_log_id *own, uint32_t number)
{
    struct ps_collection collection;
    struct ps_log log;
    p2psync_result result = ps_collection_by_number(turn->txn, number, &collection);
    if (result == P2PSYNC_ENOTFOUND || !ps_turn_ok(turn, result)) {
        return;
    }
    bool devices = ps_bytes_equal(collection.name, ps_bytes_text(PS_DEVICES_COLLECTION));
    if (own != NULL && !devices) {
        result = ps_log_find(turn->txn, number, own, &log);
        if (result != P2PSYNC_ENOTFOUND && ps_turn_ok(turn, result) && has_grown(turn, &log)) {
            grew(turn, &log, devices);
        }
        return;
    }
    struct ps_log_walk walk = {.txn = turn->txn, .collection = number};
    while (turn->result == P2PSYNC_OK && ps_log_walk_next(&walk, &log)) {
        const struct ps_device *author = &log.origin.device;
        if (has_grown(turn, &log) && (ps_device_equal(author, &turn->engine->identity.device) ||
                                      (devices && ps_trust_recovery(turn, author)))) {
            grew(turn, &log, devices);
        }
    }
    (void)ps_turn_ok(turn, walk.result);
}

static bool has_grown(const struct ps_turn *turn, const struct ps_log *log)
{
    return ps_logs_size(turn->engine, log->number) != log->size;
}

static void grew(struct ps_turn *turn, const struct ps_log *log, bool devices)
{
    turn->dirty = true;
    ps_news_moved(turn, log);
    if (devices) {
        ps_trust_load(turn); /* the writer has worked the members out */
    }
}

void ps_news_moved(struct ps_turn *turn, const struct ps_log *log)
{
    struct ps_engine *engine = turn->engine;
    if (!ps_logs_note(turn, log) || ps_logs_is_local(engine, log->number)) {
        return;
    }
    bool own = ps_device_equal(&log->origin.device, &engine->identity.device);
    if (own && !engine->no_push && push(turn, log)) {
        return;
    }
    ps_logs_freshen(turn, log->number);
    engine->announce_ms = ps_deadline_sooner(
        engine->announce_ms, turn->now_ms + ps_prng_jitter(&engine->prng, ANNOUNCE_SPAN));
}

/* Send our own new changes to everyone whose position is known. False if someone's is not. */
static bool push(struct ps_turn *turn, const struct ps_log *log)
{
    struct ps_engine *engine = turn->engine;
    bool all = true;
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        struct ps_peer *peer = engine->peers.present[i];
        if (peer->session.id == 0) {
            continue;
        }
        uint64_t size = ps_holds_size(peer, log->number);
        if (size == 0 && peer->state != PS_PEER_IN_SYNC) {
            all = false;
            continue;
        }
        struct ps_serve_want want = {.from = size, .credit = PS_CREDIT_MAX};
        all = ps_transfer_serve(turn, peer, log->number, &want) && all;
    }
    return all;
}

void ps_news_tick(struct ps_turn *turn)
{
    if (turn->now_ms >= turn->engine->announce_ms) {
        announce(turn);
    }
}

static void announce(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_draw draw = {0};
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        draw.of += may_lack_news(turn, engine->peers.present[i]) ? 1 : 0;
    }
    draw.left = ps_peers_are_many(engine) ? PS_ROUND_PEERS_MAX : draw.of;
    for (size_t i = 0; i < engine->peers.present_count; i++) {
        struct ps_peer *peer = engine->peers.present[i];
        if (may_lack_news(turn, peer) && ps_prng_draw(&engine->prng, &draw)) {
            announce_to(turn, peer);
        }
    }
    ps_logs_announced(engine);
    engine->announce_ms = PS_NEVER;
}

static bool may_lack_news(struct ps_turn *turn, const struct ps_peer *peer)
{
    return peer->session.id != 0 && !ps_in_sync_with(turn, peer);
}

static void announce_to(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    struct ps_offers offers = {.count = 0};
    struct ps_log log;
    for (uint32_t number = 0; number < ps_logs_count(engine); number++) {
        uint64_t known = ps_holds_size(peer, number);
        if (!ps_logs_is_fresh(engine, number) || known >= ps_logs_size(engine, number)) {
            continue;
        }
        if (!ps_turn_ok(turn, ps_log_by_number(turn->txn, number, &log)) ||
            !ps_offer_add(turn, peer, &offers, &log, known)) {
            break;
        }
    }
    ps_offer_flush(turn, peer, &offers);
}
