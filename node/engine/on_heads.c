/* HEADS offers logs of which the peer holds more than we do, or another history. Each offer is
 * checked against our own tree before we ask for anything of it. Heads of devices that we do not
 * know yet are passed over, and the peer is compared with again when the members have changed. */
#include "node/engine/excess.h"
#include "node/engine/forks.h"
#include "node/engine/offer.h"
#include "node/engine/on_message.h"
#include "node/engine/refusal.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"
#include "store/mesh/ends.h"

#define IDLE_COST 100 /* microseconds; what an offer costs us whose signature we check in vain */

/* An offer, and whether its signature had to be checked. */
struct offer {
    const struct ps_heads_item *item;
    bool checked;
};

typedef enum fit {
    FITS,  /* as far as it shows */
    OTHER, /* it is of another history of the author */
    FALSE, /* the session is over */
} fit;

static bool named(struct ps_turn *turn, struct ps_peer *peer, struct ps_log_name *name,
                  char text[static PS_COLLECTION_SIZE_MAX]);
static bool take(struct ps_turn *turn, struct ps_peer *peer, struct offer *offer);
static bool take_closed(struct ps_turn *turn, struct ps_peer *peer, struct offer *offer);
static bool may_take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log_name *name,
                     const struct ps_log *other, bool *excess_out);
static bool credible(struct ps_turn *turn, struct ps_peer *peer, struct offer *offer);
static fit judge(struct ps_turn *turn, struct ps_peer *peer, struct offer *offer,
                 struct ps_log *log);
static void take_other(struct ps_turn *turn, struct ps_peer *peer, struct offer *offer,
                       const struct ps_log *ours);

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
        struct offer offer = {.item = &item};
        size_t before = ps_transfer_count(peer);
        bool goes_on = named(turn, peer, &item.log, collection) && take(turn, peer, &offer);
        bool idle = offer.checked && ps_transfer_count(peer) == before;
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

/* Nothing that a member has signed is charged to who offers it, unless its signature was checked in
 * vain: an honest peer offers in each round what is refused here for reasons of ours. False if the
 * session is over, or the store has failed. */
static bool take(struct ps_turn *turn, struct ps_peer *peer, struct offer *offer)
{
    const struct ps_heads_item *item = offer->item;
    struct ps_log log;
    struct ps_log_id id =
        ps_log_id_of(&turn->engine->identity.mesh, &item->log.origin, item->log.branch);
    if (ps_collection_is_local(item->log.collection)) {
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT, "HEADS of a local log");
        return false;
    }
    if (ps_transfer_count(peer) >= PS_FETCHES_QUEUED_MAX) {
        return true; /* it is offered again when there is room */
    }
    if (!ps_trust_log(turn, &item->log)) {
        return turn->result == P2PSYNC_OK && take_closed(turn, peer, offer);
    }
    p2psync_result result = ps_log_named(turn->txn, &turn->engine->identity.mesh, &item->log, &log);
    if (result == P2PSYNC_EFORK) {
        return true; /* its tag is another origin's here: of two, the first one stays */
    }
    if (result != P2PSYNC_ENOTFOUND && !ps_turn_ok(turn, result)) {
        return false;
    }
    uint64_t ours = result == P2PSYNC_OK ? log.size : 0;
    bool here = result == P2PSYNC_OK;
    bool excess = false;
    fit fits = here ? judge(turn, peer, offer, &log) : FITS;
    if (fits == OTHER || (!here && ps_forks_any(turn, &item->log, &log))) {
        take_other(turn, peer, offer, here ? &log : NULL);
    } else if (fits == FITS && (here || may_take(turn, peer, &item->log, NULL, &excess))) {
        if (here && !ps_holds_note(turn, peer, log.number, item->size)) {
            return false;
        }
        if (item->size > ours && credible(turn, peer, offer)) {
            struct ps_fetch_want want = {
                .log = item->log, .id = id, .from = ours, .target = item->size, .excess = excess};
            ps_forks_own(turn, &item->log.origin);
            ps_transfer_fetch(turn, peer, &want);
        }
    }
    return peer->session.id != 0 && turn->result == P2PSYNC_OK;
}

/* Of a closed log what is covered is taken, once the offer proves that it is of a history that is
 * reported. Nobody is blamed for others: it is asked again when `_devices` has moved. */
static bool take_closed(struct ps_turn *turn, struct ps_peer *peer, struct offer *offer)
{
    const struct ps_mesh *mesh = &turn->engine->identity.mesh;
    struct ps_heads_item covered = *offer->item;
    const struct ps_log_name *name = &covered.log;
    const struct ps_ends_of of = {.origin = ps_origin_tag(mesh, &name->origin),
                                  .collection = name->collection};
    const struct ps_head_offer head = {
        .head = covered.head, .proof_size = covered.proof_size, .proof = &covered.proof};
    struct ps_end end;
    struct ps_log log = {.size = 0};
    p2psync_result result = ps_ends_prove(turn->txn, &of, &head, &end);
    if (result == P2PSYNC_ENOTFOUND) {
        ps_rounds_pass_over(peer);
        return true;
    }
    if (!ps_turn_ok(turn, result) || !credible(turn, peer, offer)) {
        return false;
    }
    covered.head = (struct ps_head){.size = end.size, .root = end.root};
    if (ps_forks_hold(turn, &covered, &log)) {
        return ps_holds_note(turn, peer, log.number, end.size);
    }
    result = ps_log_named(turn->txn, mesh, name, &log);
    bool here = result == P2PSYNC_OK && log.size < end.size;
    if (result == P2PSYNC_EFORK || (result != P2PSYNC_ENOTFOUND && !ps_turn_ok(turn, result))) {
        return turn->result == P2PSYNC_OK; /* its tag is another origin's here */
    }
    const struct ps_fetch_want want = {.log = *name,
                                       .id = ps_log_id_of(mesh, &name->origin, name->branch),
                                       .from = here ? log.size : 0,
                                       .target = end.size,
                                       .search = !here && ps_forks_any(turn, name, &log),
                                       .excess = true, /* it is none */
                                       .covered = true,
                                       .head = head.head};
    ps_forks_own(turn, &name->origin);
    ps_transfer_fetch(turn, peer, &want);
    return turn->result == P2PSYNC_OK;
}

/* Whether a log that is not here may be taken now, or a history beside `other`; it need not be
 * asked a second time for one that is being fetched. */
static bool may_take(struct ps_turn *turn, struct ps_peer *peer, const struct ps_log_name *name,
                     const struct ps_log *other, bool *excess_out)
{
    if (ps_transfer_find(peer, &turn->engine->identity.mesh, name) != NULL) {
        return true;
    }
    ps_excess excess = other == NULL ? ps_excess_log(turn, peer, &name->origin.device)
                                     : ps_excess_history(turn, peer, other);
    *excess_out = excess == PS_EXCESS_TAKEN;
    if (excess == PS_EXCESS_OVER) {
        ps_refusal_tell(turn, peer, name, P2PSYNC_ELIMIT);
    }
    return excess != PS_EXCESS_OVER;
}

/* Whether the log exists, as far as its signed head shows. We ask for a log at one peer at a time,
 * so an invented log would keep us from asking others. */
static bool credible(struct ps_turn *turn, struct ps_peer *peer, struct offer *offer)
{
    struct ps_head_context context =
        ps_message_head_context(&offer->item->log, &turn->engine->identity.mesh);
    offer->checked = true;
    p2psync_result result = ps_head_verify(&offer->item->head, &context);
    if (result == P2PSYNC_ESIGNATURE) {
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT, "a false head");
        return false;
    }
    return ps_turn_ok(turn, result);
}

/* How an offer fits the history of that name that is here. */
static fit judge(struct ps_turn *turn, struct ps_peer *peer, struct offer *offer,
                 struct ps_log *log)
{
    const struct ps_heads_item *item = offer->item;
    struct ps_head_context context =
        ps_message_head_context(&item->log, &turn->engine->identity.mesh);
    struct ps_head_offer head = {
        .head = item->head, .proof_size = item->proof_size, .proof = &item->proof};
    if (log->size == 0) {
        return FITS;
    }
    offer->checked =
        item->head.size != log->head.size || !ps_hash_equal(&item->head.root, &log->head.root);
    p2psync_result result = ps_receive_head(turn->txn, log, &context, &head);
    switch (result) {
    case P2PSYNC_OK:
    case P2PSYNC_EAGAIN:
        return FITS;
    case P2PSYNC_EFORK:
        return OTHER;
    case P2PSYNC_EPROOF:
        if (item->proof_size <= 2) { /* a proof this short cannot tell a fork from a lie */
            return OTHER;
        }
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT, "a false proof");
        return FALSE;
    case P2PSYNC_ESIGNATURE:
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FAULT, "a false head");
        return FALSE;
    default: /* ECORRUPT: what it is to be compared with cannot be read, and nothing was written */
        (void)ps_damage_ok(turn, log, result);
        /* What lies beyond is proven when it comes, from the log's row alone. */
        return result == P2PSYNC_ECORRUPT && item->head.size > log->size ? FITS : FALSE;
    }
}

/* The offer is of another history than ours of that name, or we have none of that name: the peer
 * may know of other forks than we do. What of it is not here under any name is fetched, and the
 * peer is shown what we hold, unless it has been while this fetch was under way. */
static void take_other(struct ps_turn *turn, struct ps_peer *peer, struct offer *offer,
                       const struct ps_log *ours)
{
    const struct ps_heads_item *item = offer->item;
    struct ps_log held;
    bool excess = false;
    if (!credible(turn, peer, offer)) {
        return;
    }
    if (ps_forks_hold(turn, item, &held)) {
        (void)ps_holds_note(turn, peer, held.number, item->size);
        return;
    }
    if (!ps_forks_any(turn, &item->log, &held) ||
        !may_take(turn, peer, &item->log, &held, &excess)) {
        return;
    }
    struct ps_log_id id =
        ps_log_id_of(&turn->engine->identity.mesh, &item->log.origin, item->log.branch);
    struct ps_fetch_want want = {
        .log = item->log, .id = id, .target = item->size, .search = true, .excess = excess};
    bool known = ps_transfer_find(peer, &turn->engine->identity.mesh, &item->log) != NULL;
    ps_forks_own(turn, &item->log.origin);
    ps_transfer_fetch(turn, peer, &want);
    if (ours != NULL && !known) {
        ps_offer_show(turn, peer, ours);
    }
}
