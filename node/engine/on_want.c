/* WANT: the peer asks for a log from some entry on, and says how much may be under way. */
#include "node/engine/offer.h"
#include "node/engine/on_message.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"

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
        return; /* it was told so by mistake, or before a restore; the next round corrects it */
    }
    if (!ps_turn_ok(turn, result)) {
        return;
    }
    if (want.from > log.size) {
        ps_offer_show(turn, peer, &log);
        return;
    }
    struct ps_serve_want serve = {.from = want.from, .credit = want.credit, .again = want.again};
    uint64_t lost = want.again ? ps_transfer_flight(peer, log.number) : 0;
    if (!ps_holds_note(turn, peer, log.number, want.from) ||
        !ps_session_spend(turn, peer, peer->session.id, lost / 16)) {
        return;
    }
    (void)ps_transfer_serve(turn, peer, log.number, &serve); /* else it asks again */
}
