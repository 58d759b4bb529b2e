/* CHANGES: entries of a log, asked for or pushed. All of it is verified against the author's signed
 * head before anything is stored; applying comes at the end of the step. */
#include "node/engine/backlog.h"
#include "node/engine/closed.h"
#include "node/engine/emit.h"
#include "node/engine/excess.h"
#include "node/engine/forks.h"
#include "node/engine/mend.h"
#include "node/engine/news.h"
#include "node/engine/on_message.h"
#include "node/engine/refusal.h"
#include "node/engine/search.h"
#include "node/engine/turn.h"
#include "store/log/branch.h"
#include "store/log/collection.h"
#include "wire/compress.h"

#define IDLE_COST 200 /* microseconds that CHANGES take which bring nothing new, and their size */

static p2psync_result unpack(struct ps_changes *changes, struct ps_buf *unpacked);
static void take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_changes *changes);
static bool is_covered(struct ps_turn *turn, struct ps_peer *peer, struct ps_changes *changes);
static p2psync_result receive(struct ps_turn *turn, struct ps_peer *peer,
                              const struct ps_changes *changes, const struct ps_fetch *fetch,
                              struct ps_branch_taken *out);
static p2psync_result take_other(struct ps_turn *turn, struct ps_peer *peer,
                                 const struct ps_head_context *context, struct ps_chunk *chunk,
                                 struct ps_branch_taken *out);
static p2psync_result find(struct ps_turn *turn, const struct ps_changes *changes,
                           const struct ps_fetch *fetch, struct ps_log *out);
static void received(struct ps_turn *turn, struct ps_peer *peer,
                     const struct ps_branch_taken *taken);
static void pass_over(struct ps_turn *turn, struct ps_peer *peer, struct ps_fetch *fetch,
                      const struct ps_log *log);
static void failed(struct ps_turn *turn, struct ps_peer *peer, const struct ps_changes *changes,
                   struct ps_fetch *fetch, p2psync_result result);

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
    } else {
        uint64_t before = turn->engine->counts.received;
        ps_mend_taken mended = ps_mend_take(turn, peer, &changes);
        if (mended != PS_MEND_NOT_ASKED) {
            /* what this disk had lost */
        } else if (ps_trust_log(turn, &changes.log) || is_covered(turn, peer, &changes)) {
            take(turn, peer, &changes);
        } else {
            ps_rounds_pass_over(peer);
        }
        if (turn->engine->counts.received == before && mended != PS_MEND_DONE &&
            peer->session.id != 0) {
            (void)ps_session_spend(turn, peer, peer->session.id,
                                   IDLE_COST + changes.entries.size / 16);
        }
    }
    ps_buf_deinit(&unpacked);
}

/* Of a closed log what an offer has proven to be reported. What goes further is offered anew, if it
 * is reported too. */
static bool is_covered(struct ps_turn *turn, struct ps_peer *peer, struct ps_changes *changes)
{
    struct ps_fetch *fetch = ps_transfer_find(peer, &turn->engine->identity.mesh, &changes->log);
    if (turn->result != P2PSYNC_OK) {
        return false;
    }
    if (fetch != NULL && ps_closed_fits(fetch, changes)) {
        return true;
    }
    if (fetch != NULL) {
        ps_transfer_drop(peer, fetch);
    }
    return false;
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
    struct ps_branch_taken taken = {.added = 0};
    struct ps_fetch *fetch = ps_transfer_find(peer, &turn->engine->identity.mesh, &changes->log);
    uint64_t writes = ps_txn_writes(turn->txn);
    p2psync_result result = receive(turn, peer, changes, fetch, &taken);
    if (result == P2PSYNC_ECORRUPT && ps_txn_writes(turn->txn) == writes) {
        pass_over(turn, peer, fetch, &taken.log);
        return;
    }
    if (result != P2PSYNC_OK) {
        failed(turn, peer, changes, fetch, result);
        return;
    }
    if (ps_bytes_equal(changes->log.collection, ps_bytes_text(PS_DEVICES_COLLECTION))) {
        turn->engine->members_dirty = turn->engine->members_dirty || taken.added > 0;
    }
    bool same = taken.reached == taken.log.size; /* as far as is known */
    uint64_t target =
        fetch != NULL && same && fetch->target > taken.reached ? fetch->target : taken.reached;
    if (ps_holds_size(peer, taken.log.number) < target) {
        (void)ps_holds_note(turn, peer, taken.log.number, target);
    }
    if (fetch == NULL || !fetch->search || taken.added > 0) { /* else it may part from that log */
        (void)ps_names_learn(turn, peer, &changes->log, taken.log.number);
        ps_receipts_note(turn, peer, taken.log.number, changes->log.number);
    }
    received(turn, peer, &taken);
    if (fetch != NULL) {
        fetch->excess = fetch->excess && taken.added == 0;
        ps_search_follows(fetch, &taken);
        ps_transfer_moved(turn, peer, fetch, taken.reached);
    }
}

/* Most chunks go on where a log ends here, or begin one. What does not may be of another history.
 */
static p2psync_result receive(struct ps_turn *turn, struct ps_peer *peer,
                              const struct ps_changes *changes, const struct ps_fetch *fetch,
                              struct ps_branch_taken *out)
{
    const struct ps_mesh *mesh = &turn->engine->identity.mesh;
    struct ps_head_context context = ps_message_head_context(&changes->log, mesh);
    struct ps_chunk chunk = {.from = changes->from,
                             .entries = changes->entries,
                             .head = changes->head,
                             .root_implied = changes->root_implied,
                             .proof = &changes->proof};
    bool other = fetch != NULL && fetch->search;
    bool admitted = fetch != NULL && fetch->excess;
    p2psync_result result = find(turn, changes, fetch, &out->log);
    if (result == P2PSYNC_ENOTFOUND) {
        if (!admitted && ps_excess_log(turn, peer, &changes->log.origin.device) == PS_EXCESS_OVER) {
            return turn->result == P2PSYNC_OK ? P2PSYNC_ELIMIT : turn->result;
        }
        result = ps_receive_first(turn->txn, mesh, &changes->log, &chunk, &out->log);
        out->added = result == P2PSYNC_OK ? out->log.size : 0;
        out->reached = out->added;
        return result == P2PSYNC_EGAP && other ? P2PSYNC_EPROOF : result;
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (!other) {
        result = ps_receive_chunk(turn->txn, &out->log, &context, &chunk, &out->added);
        out->reached = out->log.size;
        other = result == P2PSYNC_EPROOF || result == P2PSYNC_EFORK ||
                (result == P2PSYNC_EGAP && ps_log_is_forked(&out->log));
    }
    if (other) {
        bool gap = result == P2PSYNC_EGAP;
        chunk.histories_max = admitted ? 0 : PS_BRANCHES_MAX;
        result = take_other(turn, peer, &context, &chunk, out);
        result = result == P2PSYNC_EPROOF && gap ? P2PSYNC_EGAP : result;
    }
    return result;
}

/* A chunk of another history than out->log, or of none that is here. */
static p2psync_result take_other(struct ps_turn *turn, struct ps_peer *peer,
                                 const struct ps_head_context *context, struct ps_chunk *chunk,
                                 struct ps_branch_taken *out)
{
    struct ps_log any = out->log;
    p2psync_result result = ps_branch_take(turn->txn, &any, context, chunk, out);
    if (result == P2PSYNC_ELIMIT && ps_excess_history(turn, peer, &any) == PS_EXCESS_TAKEN) {
        chunk->histories_max = 0;
        result = ps_branch_take(turn->txn, &any, context, chunk, out);
    }
    return result;
}

/* The log that the fetch has turned out to be of, that of this name, or else any history of the
 * origin. Errors  P2PSYNC_ENOTFOUND no history of it is here; P2PSYNC_EFORK; P2PSYNC_ECORRUPT. */
static p2psync_result find(struct ps_turn *turn, const struct ps_changes *changes,
                           const struct ps_fetch *fetch, struct ps_log *out)
{
    if (fetch != NULL && fetch->has_log) {
        p2psync_result result = ps_log_by_number(turn->txn, fetch->log, out);
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    p2psync_result result =
        ps_log_named(turn->txn, &turn->engine->identity.mesh, &changes->log, out);
    return result == P2PSYNC_ENOTFOUND && ps_forks_any(turn, &changes->log, out) ? P2PSYNC_OK
                                                                                 : result;
}

static void received(struct ps_turn *turn, struct ps_peer *peer,
                     const struct ps_branch_taken *taken)
{
    if (taken->added == 0) {
        return;
    }
    turn->dirty = true;
    ps_closed_grew(turn, &taken->log);
    ps_roots_moved(turn, &taken->log, taken->added);
    ps_progress_received(turn, peer, taken->added);
    ps_rounds_moved(peer);
    ps_rounds_put_off(turn, peer);
    ps_backlog_grew(turn);
    ps_news_moved(turn, &taken->log);
    if (taken->forked) {
        ps_forks_found(turn, &taken->log);
    }
    ps_forks_own(turn, &taken->log.origin);
}

/* What the check needs of the log is damaged, and nothing was written: the log waits until it is
 * mended. */
static void pass_over(struct ps_turn *turn, struct ps_peer *peer, struct ps_fetch *fetch,
                      const struct ps_log *log)
{
    if (log->size > 0) { /* its row could be read */
        (void)ps_damage_ok(turn, log, P2PSYNC_ECORRUPT);
    }
    if (fetch != NULL) {
        ps_transfer_drop(peer, fetch);
    }
}

static void failed(struct ps_turn *turn, struct ps_peer *peer, const struct ps_changes *changes,
                   struct ps_fetch *fetch, p2psync_result result)
{
    switch (result) {
    case P2PSYNC_EGAP: /* something before it was lost, or it was pushed too early */
        if (fetch != NULL && fetch->active) {
            ps_transfer_again(fetch);
        } else {
            struct ps_log_id id = ps_log_id_of(&turn->engine->identity.mesh, &changes->log.origin,
                                               changes->log.branch);
            struct ps_fetch_want want = {.log = changes->log, .id = id, .target = changes->from};
            ps_transfer_fetch(turn, peer, &want);
        }
        return;
    case P2PSYNC_EFORK:
    case P2PSYNC_ELIMIT:
    case P2PSYNC_EVERSION: /* without bodies: see ps_stored_takes() */
        ps_refusal_tell(turn, peer, &changes->log, result);
        if (fetch != NULL) {
            ps_transfer_drop(peer, fetch);
        }
        return;
    case P2PSYNC_EPROOF:
        /* They follow no history that is here, where they begin: further back they may. */
        if (fetch == NULL && changes->from > 0) {
            ps_rounds_soon(turn, peer); /* a push that crossed with something: compare */
        } else if (fetch == NULL || !ps_search_back(fetch, changes->from)) {
            ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT,
                             "entries that do not verify");
        }
        return;
    case P2PSYNC_ESIGNATURE:
    case P2PSYNC_EFORMAT:
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT, "a head nobody signed");
        return;
    default:
        (void)ps_turn_ok(turn, result);
    }
}
