/* CHANGES: entries of a log, asked for or pushed. All of it is verified against the author's signed
 * head before anything is stored; applying comes at the end of the step. */
#include "node/engine/backlog.h"
#include "node/engine/emit.h"
#include "node/engine/news.h"
#include "node/engine/offer.h"
#include "node/engine/on_message.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"
#include "store/log/receive.h"
#include "wire/compress.h"

#define IDLE_COST 200 /* microseconds that CHANGES take which bring nothing new, and their size */

static p2psync_result unpack(struct ps_changes *changes, struct ps_buf *unpacked);
static void take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_changes *changes);
static p2psync_result receive(struct ps_turn *turn, const struct ps_changes *changes,
                              struct ps_log *log, uint64_t *added_out);
static p2psync_result find_or_make(struct ps_turn *turn, const struct ps_changes *changes,
                                   const struct ps_head_context *context, struct ps_chunk *chunk,
                                   struct ps_log *out);
static void received(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log,
                     uint64_t added);
static void failed(struct ps_turn *turn, struct ps_peer *peer, const struct ps_changes *changes,
                   const struct ps_log *log, p2psync_result result);
static void doubt(struct ps_turn *turn, struct ps_peer *peer, struct ps_fetch *fetch,
                  const struct ps_log *log);

void ps_on_changes(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_changes changes;
    struct ps_buf unpacked;
    char collection[PS_COLLECTION_SIZE_MAX];
    ps_buf_init(&unpacked, PS_MESSAGE_SIZE_MAX);
    p2psync_result result = ps_changes_decode(turn->event->bytes, &changes);
    if (result == P2PSYNC_OK) {
        ps_state_note(turn, peer, &changes.state);
        result = ps_names_heard(turn, peer, &changes.log, collection);
    }
    if (result == P2PSYNC_OK && ps_collection_is_local(changes.log.collection)) {
        result = P2PSYNC_EFORMAT;
    }
    if (result == P2PSYNC_OK) {
        result = unpack(&changes, &unpacked);
    }
    if (result == P2PSYNC_EFORMAT || result == P2PSYNC_ELIMIT || result == P2PSYNC_EVERSION) {
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FORMAT, "malformed CHANGES");
    } else if (!ps_turn_ok(turn, result)) {
        /* the store has failed */
    } else if (ps_trust_member(turn, &changes.log.origin.device)) {
        uint64_t before = turn->engine->counts.received;
        take(turn, peer, &changes);
        if (turn->engine->counts.received == before && peer->session.id != 0) {
            (void)ps_session_spend(turn, peer, peer->session.id,
                                   IDLE_COST + changes.entries.size / 16);
        }
    } else {
        ps_rounds_pass_over(peer);
        (void)ps_session_spend(turn, peer, peer->session.id, IDLE_COST);
    }
    ps_buf_deinit(&unpacked);
}

static p2psync_result unpack(struct ps_changes *changes, struct ps_buf *unpacked)
{
    if (changes->encoding == PS_ENCODING_PLAIN) {
        return P2PSYNC_OK;
    }
    if (changes->encoding != PS_ENCODING_ZSTD) {
        return P2PSYNC_EFORMAT; /* nobody was told that it would be understood */
    }
    p2psync_result result = ps_decompress(changes->entries, PS_MESSAGE_SIZE_MAX, unpacked);
    changes->entries = ps_buf_view(unpacked);
    return result;
}

static void take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_changes *changes)
{
    struct ps_log log = {0};
    uint64_t added = 0;
    p2psync_result result = receive(turn, changes, &log, &added);
    if (result != P2PSYNC_OK) {
        failed(turn, peer, changes, &log, result);
        return;
    }
    if (ps_bytes_equal(changes->log.collection, ps_bytes_text(PS_DEVICES_COLLECTION))) {
        turn->members_dirty = turn->members_dirty || added > 0;
    }
    struct ps_fetch *fetch = ps_transfer_find(peer, changes->log.collection, &log.id);
    uint64_t target = fetch != NULL && fetch->target > log.size ? fetch->target : log.size;
    if (ps_holds_size(peer, log.number) < target) {
        (void)ps_holds_note(turn, peer, log.number, target);
    }
    (void)ps_names_learn(turn, peer, &changes->log, log.number);
    ps_receipts_note(turn, peer, log.number, changes->log.number);
    received(turn, peer, &log, added);
    if (fetch != NULL) {
        ps_transfer_moved(turn, peer, fetch, log.size);
    }
}

static p2psync_result receive(struct ps_turn *turn, const struct ps_changes *changes,
                              struct ps_log *log, uint64_t *added_out)
{
    struct ps_head_context context =
        ps_message_head_context(&changes->log, &turn->engine->identity.mesh);
    struct ps_chunk chunk = {.from = changes->from,
                             .entries = changes->entries,
                             .head = changes->head,
                             .root_implied = changes->root_implied,
                             .proof = &changes->proof};
    if (!ps_branch_is_trunk(changes->log.branch)) {
        return P2PSYNC_ENOTFOUND;
    }
    p2psync_result result = find_or_make(turn, changes, &context, &chunk, log);
    if (result == P2PSYNC_OK && log->forked) {
        return P2PSYNC_EFORK;
    }
    if (result == P2PSYNC_OK) {
        result = ps_receive_chunk(turn->txn, log, &context, &chunk, added_out);
    }
    return result;
}

/* A log that is not here yet gets a row only once its head is known to be signed, so that nonsense
 * leaves no trace. */
static p2psync_result find_or_make(struct ps_turn *turn, const struct ps_changes *changes,
                                   const struct ps_head_context *context, struct ps_chunk *chunk,
                                   struct ps_log *out)
{
    struct ps_collection collection;
    p2psync_result result =
        ps_log_named(turn->txn, &turn->engine->identity.mesh, &changes->log, out);
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    result = chunk->root_implied ? ps_receive_implied_root(chunk, &chunk->head.root) : P2PSYNC_OK;
    if (result == P2PSYNC_OK) {
        result = ps_head_verify(&chunk->head, context);
    }
    if (result == P2PSYNC_OK) {
        result = ps_collection_intern(turn->txn, changes->log.collection, &collection);
    }
    if (result == P2PSYNC_OK) {
        result = ps_log_intern(turn->txn, &turn->engine->identity.mesh, collection.number,
                               &changes->log.origin, out);
    }
    return result;
}

static void received(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log *log,
                     uint64_t added)
{
    if (added == 0) {
        return;
    }
    turn->dirty = true;
    ps_roots_moved(turn, log, added);
    ps_progress_received(turn, peer, added);
    ps_rounds_moved(peer);
    ps_rounds_put_off(turn, peer);
    ps_backlog_grew(turn);
    ps_news_moved(turn, log);
}

static void failed(struct ps_turn *turn, struct ps_peer *peer, const struct ps_changes *changes,
                   const struct ps_log *log, p2psync_result result)
{
    struct ps_log_id id =
        ps_log_id_of(&turn->engine->identity.mesh, &changes->log.origin, changes->log.branch);
    struct ps_fetch *fetch = ps_transfer_find(peer, changes->log.collection, &id);
    switch (result) {
    case P2PSYNC_EGAP: /* something before it was lost, or it was pushed too early */
        if (fetch != NULL && fetch->active) {
            ps_transfer_again(fetch);
        } else {
            struct ps_fetch_want want = {.log = changes->log, .id = id, .target = changes->from};
            ps_transfer_fetch(turn, peer, &want);
        }
        return;
    case P2PSYNC_ENOTFOUND:
    case P2PSYNC_EFORK:
    case P2PSYNC_ELIMIT:
        ps_emit_log(turn, P2PSYNC_LOG_WARNING, "changes-refused", "from %s: %s", peer->name,
                    p2psync_strerror(result));
        if (fetch != NULL) {
            ps_transfer_drop(peer, fetch);
        }
        return;
    case P2PSYNC_EPROOF:
        if (fetch == NULL) { /* a push that crossed with something: compare, do not blame */
            ps_rounds_soon(turn, peer);
            return;
        }
        if (log->size > 0 && (log->size & (log->size - 1)) == 0) {
            doubt(turn, peer, fetch, log);
            return;
        }
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT,
                         "entries that do not verify");
        return;
    case P2PSYNC_ESIGNATURE:
    case P2PSYNC_EFORMAT:
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT, "a head nobody signed");
        return;
    default:
        (void)ps_turn_ok(turn, result);
    }
}

/* On a tree of a power of two a proof is checked with our own root, so that entries which do not
 * verify may as well follow another history than ours: a fork, which is not the sender's fault. Who
 * holds more can tell, if it sees what we hold. */
static void doubt(struct ps_turn *turn, struct ps_peer *peer, struct ps_fetch *fetch,
                  const struct ps_log *log)
{
    ps_transfer_drop(peer, fetch);
    ps_offer_show(turn, peer, log);
}
