/* WANT: the peer asks for a log from some entry on, and says how much may be under way. */
#include <string.h>

#include "node/engine/turn.h"
#include "store/log/collection.h"

void ps_on_want(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_want want;
    struct ps_collection collection;
    struct ps_log log = {0};
    if (ps_want_decode(turn->event->bytes, &want) != P2PSYNC_OK ||
        ps_collection_is_local(want.log.collection)) {
        ps_session_fault(turn, peer, peer->session, PS_ERROR_FORMAT, "a malformed WANT");
        return;
    }
    struct ps_log_id id = {.origin = ps_origin_tag(&turn->engine->identity.mesh, &want.log.origin)};
    memcpy(id.branch, want.log.branch, sizeof id.branch);
    p2psync_result result = ps_collection_find(turn->txn, want.log.collection, &collection);
    if (result == P2PSYNC_OK) {
        result = ps_log_find(turn->txn, collection.number, &id, &log);
    }
    if (result == P2PSYNC_ENOTFOUND) {
        return; /* it was told so by mistake, or before a restore; the next round corrects it */
    }
    if (!ps_turn_ok(turn, result)) {
        return;
    }
    if (want.from > log.size) {
        struct ps_heads_item item;
        if (ps_news_heads_item(turn, &log, log.size, &item)) {
            ps_news_send_heads(turn, peer, &item, 1);
        }
        return;
    }
    struct ps_serve_want serve = {.from = want.from, .credit = want.credit, .again = want.again};
    if (!ps_turn_ok(turn, ps_peer_set_size(peer, log.number, want.from))) {
        return;
    }
    (void)ps_transfer_serve(turn, peer, log.number, &serve); /* else it asks again */
}
