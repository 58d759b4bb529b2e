/* WANT: the peer asks for a log from some entry on, and says how much may be under way. */
#include "node/engine/forks.h"
#include "node/engine/offer.h"
#include "node/engine/on_message.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"

/* There is no log of that name: it was told so before a restore, or before a fork was found. Show
 * how our histories of that origin are named now, if there are any. */
static void show_histories(struct ps_turn *turn, struct ps_peer *peer,
                           const struct ps_log_name *name)
{
    struct ps_log log;
    struct ps_offers offers = {.count = 0};
    if (!ps_forks_any(turn, name, &log)) {
        return;
    }
    struct ps_log_walk walk = ps_log_walk_origin(turn->txn, log.collection, log.id.origin);
    while (ps_log_walk_next(&walk, &log) && ps_offer_add(turn, peer, &offers, &log, 0)) {
    }
    (void)ps_turn_ok(turn, walk.result);
    ps_offer_flush(turn, peer, &offers);
}

void ps_on_want(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_want want;
    struct ps_log log = {0};
    bool whole = ps_want_decode(turn->event->bytes, &want) == P2PSYNC_OK;
    p2psync_result result =
        whole ? ps_names_answered(turn, peer, &want.log, &log) : P2PSYNC_EFORMAT;
    if (result == P2PSYNC_EFORMAT) {
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FORMAT, "a malformed WANT");
        return;
    }
    if (result == P2PSYNC_ENOTFOUND || result == P2PSYNC_EFORK) {
        show_histories(turn, peer, &want.log);
        return;
    }
    if (!ps_turn_ok(turn, result)) {
        return;
    }
    if (want.from > log.size) {
        ps_offer_show(turn, peer, &log);
        return;
    }
    if (want.again) {
        ps_offer_wanted(peer);
    }
    struct ps_serve_want serve = {.from = want.from, .credit = want.credit, .again = want.again};
    bool ends = want.again || want.credit == 0;
    uint64_t lost = ends ? ps_transfer_flight(peer, log.number) : 0;
    uint64_t cost = (lost + ps_resent_take(peer)) / 16;
    if (!ps_holds_note(turn, peer, log.number, want.from) ||
        !ps_session_spend(turn, peer, peer->session.id, cost)) {
        return;
    }
    (void)ps_transfer_serve(turn, peer, log.number, &serve); /* else it asks again */
}
