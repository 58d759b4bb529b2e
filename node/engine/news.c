/* News: what this device wrote is pushed at once to peers whose position is known; what it learnt
 * from others is announced to the rest, or of many to a few who tell others again, after a short,
 * jittered delay, so that it travels on. */
#include <stdlib.h>
#include <string.h>

#include "node/engine/turn.h"
#include "store/log/collection.h"

#define ANNOUNCE_SPAN ((struct ps_span){.least = 5, .most = 30})
#define HEADS_BATCH   16 /* items of one HEADS: they are large while they are made */

static bool make_room(struct ps_turn *turn, uint32_t log);
static bool push(struct ps_turn *turn, const struct ps_log *log);
static bool may_lack_news(struct ps_turn *turn, const struct ps_peer *peer);
static void announce_to(struct ps_turn *turn, struct ps_peer *peer);

void ps_news_scan(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    if (!ps_turn_ok(turn, ps_identity_read(turn->txn, &engine->identity))) {
        return; /* it is read anew because a writer may have begun a new incarnation */
    }
    struct ps_origin origin = {.device = engine->identity.device,
                               .incarnation = engine->identity.incarnation};
    struct ps_log_id own = {.origin = ps_origin_tag(&engine->identity.mesh, &origin)};
    struct ps_collection collection;
    struct ps_log log;
    struct ps_collection_walk walk = {.txn = turn->txn};

    while (ps_collection_walk_next(&walk, &collection)) {
        bool devices = ps_bytes_equal(collection.name, ps_bytes_text(PS_DEVICES_COLLECTION));
        p2psync_result result = ps_log_find(turn->txn, collection.number, &own, &log);
        if (result == P2PSYNC_ENOTFOUND) {
            continue;
        }
        if (!ps_turn_ok(turn, result)) {
            return;
        }
        if (log.number < engine->size_count && engine->sizes[log.number] == log.size) {
            continue;
        }
        turn->dirty = true;
        ps_news_moved(turn, &log);
        if (devices) {
            ps_trust_load(turn); /* the writer has worked the members out */
        }
    }
}

void ps_news_known(struct ps_turn *turn, const struct ps_log *log)
{
    struct ps_engine *engine = turn->engine;
    struct ps_collection collection;
    if (make_room(turn, log->number) &&
        ps_turn_ok(turn, ps_collection_by_number(turn->txn, log->collection, &collection))) {
        engine->sizes[log->number] = log->size;
        if (ps_collection_is_local(collection.name)) {
            engine->flags[log->number] = PS_LOG_LOCAL;
        }
    }
}

void ps_news_moved(struct ps_turn *turn, const struct ps_log *log)
{
    struct ps_engine *engine = turn->engine;
    ps_news_known(turn, log);
    if (turn->result != P2PSYNC_OK || (engine->flags[log->number] & PS_LOG_LOCAL) != 0) {
        return;
    }
    bool own = ps_device_equal(&log->origin.device, &engine->identity.device);
    if (own && !engine->no_push && push(turn, log)) {
        return;
    }
    engine->flags[log->number] |= PS_LOG_FRESH;
    engine->announce_ms =
        ps_sooner(engine->announce_ms, turn->now_ms + ps_jitter(&engine->prng, ANNOUNCE_SPAN));
}

void ps_news_announce(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_draw draw = {0};
    for (size_t i = 0; i < engine->peer_count; i++) {
        draw.of += may_lack_news(turn, engine->peers[i]) ? 1 : 0;
    }
    draw.left = ps_rounds_crowded(engine) ? PS_ROUND_PEERS_MAX : draw.of;
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct ps_peer *peer = engine->peers[i];
        if (may_lack_news(turn, peer) && ps_draw_next(&engine->prng, &draw)) {
            announce_to(turn, peer);
        }
    }
    for (size_t log = 0; log < engine->size_count; log++) {
        engine->flags[log] &= (uint8_t)~PS_LOG_FRESH;
    }
    engine->announce_ms = PS_NEVER;
}

static bool may_lack_news(struct ps_turn *turn, const struct ps_peer *peer)
{
    return peer->session != 0 && !ps_rounds_same(turn, peer);
}

bool ps_news_heads_item(struct ps_turn *turn, const struct ps_log *log, uint64_t proof_size,
                        struct ps_heads_item *out)
{
    struct ps_collection collection;
    if (!ps_turn_ok(turn, ps_collection_by_number(turn->txn, log->collection, &collection))) {
        return false;
    }
    out->log.collection = collection.name;
    out->log.origin = log->origin;
    memcpy(out->log.branch, log->id.branch, sizeof out->log.branch);
    out->size = log->size;
    out->head = log->head;
    out->proof_size = proof_size == 0 || proof_size > log->size ? log->size : proof_size;
    if (out->proof_size > 2 && (out->proof_size & (out->proof_size - 1)) == 0) {
        /* A proof from a power of two leaves its first node to the receiver (RFC 9162), and so
         * cannot show that the receiver's own is another: one less can. */
        out->proof_size--;
    }
    return ps_turn_ok(turn, ps_log_prove(turn->txn, log, out->proof_size, &out->proof, NULL));
}

void ps_news_send_heads(struct ps_turn *turn, struct ps_peer *peer,
                        const struct ps_heads_item *items, size_t count)
{
    if (count > 0) {
        ps_emit_send(turn, peer, peer->session, ps_heads_encode(items, count, ps_emit_begin(turn)));
    }
}

static bool make_room(struct ps_turn *turn, uint32_t log)
{
    struct ps_engine *engine = turn->engine;
    if (log < engine->size_count) {
        return true;
    }
    size_t count = engine->size_count == 0 ? 64 : engine->size_count;
    while (count <= log) {
        count *= 2;
    }
    uint64_t *sizes = realloc(engine->sizes, count * sizeof *sizes);
    if (sizes != NULL) {
        engine->sizes = sizes;
    }
    uint8_t *flags = realloc(engine->flags, count * sizeof *flags);
    if (flags != NULL) {
        engine->flags = flags;
    }
    if (sizes == NULL || flags == NULL) {
        return ps_turn_ok(turn, P2PSYNC_ENOMEM);
    }
    memset(sizes + engine->size_count, 0, (count - engine->size_count) * sizeof *sizes);
    memset(flags + engine->size_count, 0, (count - engine->size_count) * sizeof *flags);
    engine->size_count = count;
    return true;
}

/* Send our own new changes to everyone whose position is known. False if someone's is not. */
static bool push(struct ps_turn *turn, const struct ps_log *log)
{
    struct ps_engine *engine = turn->engine;
    bool all = true;
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct ps_peer *peer = engine->peers[i];
        if (peer->session == 0) {
            continue;
        }
        uint64_t size = ps_peer_size(peer, log->number);
        if (size == 0 && peer->state != PS_PEER_IN_SYNC) {
            all = false;
            continue;
        }
        struct ps_serve_want want = {.from = size, .credit = PS_CREDIT_MAX};
        all = ps_transfer_serve(turn, peer, log->number, &want) && all;
    }
    return all;
}

static void announce_to(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_engine *engine = turn->engine;
    struct ps_heads_item items[HEADS_BATCH];
    size_t count = 0;
    struct ps_log log;
    for (uint32_t number = 0; number < engine->size_count; number++) {
        uint64_t known = ps_peer_size(peer, number);
        if ((engine->flags[number] & PS_LOG_FRESH) == 0 || known >= engine->sizes[number]) {
            continue;
        }
        if (!ps_turn_ok(turn, ps_log_by_number(turn->txn, number, &log)) ||
            !ps_news_heads_item(turn, &log, known, &items[count])) {
            return;
        }
        if (++count == HEADS_BATCH) {
            ps_news_send_heads(turn, peer, items, count);
            count = 0;
        }
    }
    ps_news_send_heads(turn, peer, items, count);
}
