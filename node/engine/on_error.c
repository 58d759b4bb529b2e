/* ERROR: the peer closes the link and says why. Nothing is blamed on it; the next dial comes after
 * a back-off that fits the reason. */
#include "node/engine/emit.h"
#include "node/engine/on_message.h"
#include "node/engine/turn.h"

#define DUPLICATE_MS 2000    /* time for the session that stays to come up here too */
#define REMOVED_MS   3600000 /* the removal may stop counting, or be a lie */
#define TWIN_MS      10000   /* for which the twin of this device has the peer to itself */

void ps_on_error(struct ps_turn *turn, struct ps_peer *peer, struct ps_link *link)
{
    struct ps_error error;
    if (ps_error_decode(turn->event->bytes, &error) != P2PSYNC_OK) {
        ps_session_fault(turn, peer, link->id, PS_ERROR_FORMAT, "a malformed ERROR");
        return;
    }
    bool quiet = error.code == PS_ERROR_DUPLICATE || error.code == PS_ERROR_STRANGER ||
                 error.code == PS_ERROR_BYE;
    ps_emit_log(turn, quiet ? P2PSYNC_LOG_DEBUG : P2PSYNC_LOG_WARNING, "peer-error",
                "%s: error %llu: %.*s", peer->name, (unsigned long long)error.code,
                (int)error.text.size, (const char *)error.text.data);
    if (error.code == PS_ERROR_BYE) {
        ps_session_take_goodbye(turn, peer, link->id);
        return;
    }
    ps_session_close(turn, peer, link->id, "it closed the connection");
    if (error.code == PS_ERROR_REMOVED) {
        ps_own_refused(turn, peer);
        ps_dial_at(peer, turn->now_ms + REMOVED_MS);
        return;
    }
    if (error.code == PS_ERROR_TWIN) {
        ps_twins_take_word(turn, peer, error.text);
        ps_dial_at(peer, turn->now_ms + TWIN_MS);
        return;
    }
    if (error.code == PS_ERROR_DUPLICATE && peer->session.id == 0) {
        ps_dial_again(peer, turn->now_ms + DUPLICATE_MS);
    } else if (!quiet && peer->session.id == 0) {
        ps_dial_back_off(turn, peer);
    }
}
