/* HEADS offers logs of which the peer holds more than we do, or another history. Each offer is
 * checked against our own tree before we ask for anything of it. Heads of devices that we do not
 * know yet are passed over, and the peer is compared with again when the members have changed. */
#include "node/engine/emit.h"
#include "node/engine/offer.h"
#include "node/engine/on_message.h"
#include "node/engine/turn.h"
#include "store/log/receive.h"

#define IDLE_COST 100 /* microseconds; what a useless offer costs us, mostly for its signature */

static bool named(struct ps_turn *turn, struct ps_peer *peer, struct ps_log_name *name,
                  char text[static PS_COLLECTION_SIZE_MAX]);
static bool take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_heads_item *item);
static bool credible(struct ps_turn *turn, struct ps_peer *peer, const struct ps_heads_item *item);
static bool contradicts(struct ps_turn *turn, struct ps_peer *peer,
                        const struct ps_heads_item *item, struct ps_log *log);
static void own_log_ahead(struct ps_turn *turn, const struct ps_heads_item *item);

void ps_on_heads(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_cursor cursor;
    struct ps_heads_item item;
    if (ps_heads_decode(turn->event->bytes, &cursor) != P2PSYNC_OK) {
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FORMAT, "malformed HEADS");
        return;
    }
    while (ps_heads_next(&cursor, &item)) {
        char collection[PS_COLLECTION_SIZE_MAX];
        size_t before = ps_transfer_count(peer);
        bool goes_on = named(turn, peer, &item.log, collection) && take(turn, peer, &item);
        bool idle = ps_transfer_count(peer) == before && before < PS_FETCHES_QUEUED_MAX;
        if (!goes_on || (idle && !ps_session_spend(turn, peer, peer->session.id, IDLE_COST))) {
            return;
        }
    }
}

/* Whether it is known which log that is. */
static bool named(struct ps_turn *turn, struct ps_peer *peer, struct ps_log_name *name,
                  char text[static PS_COLLECTION_SIZE_MAX])
{
    p2psync_result result = ps_names_heard(turn, peer, name, text);
    if (result == P2PSYNC_EFORMAT) {
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FORMAT,
                         "HEADS of a log that was not named");
        return false;
    }
    return ps_turn_ok(turn, result);
}

/* False if the session is over, or the store has failed. */
static bool take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_heads_item *item)
{
    struct ps_log log;
    struct ps_log_id id =
        ps_log_id_of(&turn->engine->identity.mesh, &item->log.origin, item->log.branch);
    if (ps_collection_is_local(item->log.collection)) {
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT, "HEADS of a local log");
        return false;
    }
    if (!ps_trust_member(turn, &item->log.origin.device)) {
        ps_rounds_pass_over(peer);
        return turn->result == P2PSYNC_OK;
    }
    p2psync_result result = ps_log_named(turn->txn, &turn->engine->identity.mesh, &item->log, &log);
    if (result == P2PSYNC_EFORK) {
        return true; /* its tag is another origin's here: of two, the first one stays */
    }
    if (result != P2PSYNC_ENOTFOUND && !ps_turn_ok(turn, result)) {
        return false;
    }
    uint64_t ours = result == P2PSYNC_OK ? log.size : 0;
    if (result == P2PSYNC_OK) {
        if (!ps_holds_note(turn, peer, log.number, item->size)) {
            return false;
        }
        if (contradicts(turn, peer, item, &log)) {
            return peer->session.id != 0 && turn->result == P2PSYNC_OK;
        }
    }
    if (item->size > ours && credible(turn, peer, item)) {
        struct ps_fetch_want want = {
            .log = item->log, .id = id, .from = ours, .target = item->size};
        own_log_ahead(turn, item);
        ps_transfer_fetch(turn, peer, &want);
    }
    return peer->session.id != 0 && turn->result == P2PSYNC_OK;
}

/* Whether the log exists, as far as its signed head shows. We ask for a log at one peer at a time,
 * so an invented log would keep us from asking others. */
static bool credible(struct ps_turn *turn, struct ps_peer *peer, const struct ps_heads_item *item)
{
    struct ps_head_context context =
        ps_message_head_context(&item->log, &turn->engine->identity.mesh);
    if (!ps_branch_is_trunk(item->log.branch) || ps_transfer_count(peer) >= PS_FETCHES_QUEUED_MAX) {
        return false; /* if the queue is full, the log is offered again later */
    }
    p2psync_result result = ps_head_verify(&item->head, &context);
    if (result == P2PSYNC_ESIGNATURE) {
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT, "a false head");
        return false;
    }
    return ps_turn_ok(turn, result);
}

/* Whether we may take nothing of this log, because the log is forked or the offer is false. Whoever
 * detects a fork shows its own head in return, so that the other side can detect the fork, too. */
static bool contradicts(struct ps_turn *turn, struct ps_peer *peer,
                        const struct ps_heads_item *item, struct ps_log *log)
{
    struct ps_head_context context =
        ps_message_head_context(&item->log, &turn->engine->identity.mesh);
    struct ps_head_offer offer = {
        .head = item->head, .proof_size = item->proof_size, .proof = &item->proof};
    bool was_forked = log->forked;
    if (log->size == 0) {
        return false;
    }
    p2psync_result result = ps_receive_head(turn->txn, log, &context, &offer);
    switch (result) {
    case P2PSYNC_OK:
    case P2PSYNC_EAGAIN:
        return log->forked;
    case P2PSYNC_EFORK:
        if (!was_forked) {
            char device[PS_DEVICE_TEXT_SIZE];
            ps_device_text(&item->log.origin.device, device);
            ps_emit_log(turn, P2PSYNC_LOG_ERROR, "log-forked",
                        "device %s has signed two histories that contradict", device);
            ps_offer_show(turn, peer, log);
        }
        return true;
    case P2PSYNC_EPROOF:
        if (item->proof_size <= 2) { /* a proof this short cannot tell a fork from a lie */
            ps_offer_show(turn, peer, log);
            return true;
        }
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT, "a false proof");
        return true;
    case P2PSYNC_ESIGNATURE:
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT, "a false head");
        return true;
    default:
        (void)ps_turn_ok(turn, result);
        return true;
    }
}

/* If a peer holds more of our own log than we do, this store has been rolled back. From here on we
 * write in a new incarnation, so that our log does not fork. The peer sends the lost changes back
 * like those of any other log. */
static void own_log_ahead(struct ps_turn *turn, const struct ps_heads_item *item)
{
    struct ps_engine *engine = turn->engine;
    struct ps_head_context context = ps_message_head_context(&item->log, &engine->identity.mesh);
    if (!ps_device_equal(&item->log.origin.device, &engine->identity.device) ||
        item->log.origin.incarnation != engine->identity.incarnation ||
        ps_head_verify(&item->head, &context) != P2PSYNC_OK) {
        return;
    }
    engine->identity.incarnation = ps_prng_next(&engine->prng);
    if (ps_turn_ok(turn, ps_identity_write(turn->txn, &engine->identity))) {
        ps_emit_log(turn, P2PSYNC_LOG_WARNING, "incarnation-new",
                    "this store was rolled back: a peer holds more of what was written here");
    }
}
