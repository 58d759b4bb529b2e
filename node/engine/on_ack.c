/* ACK: how far the peer is. What was under way to it has arrived, and credit for more is free. */
#include "node/engine/on_message.h"
#include "node/engine/turn.h"

void ps_on_ack(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_ack ack;
    struct ps_cursor cursor;
    struct ps_position position;
    if (ps_ack_decode(turn->event->bytes, &ack) != P2PSYNC_OK) {
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FORMAT, "a malformed ACK");
        return;
    }
    ps_state_note(turn, peer, &ack.state);
    (void)ps_message_cursor_begin(&cursor, ack.positions);
    while (ps_ack_next(&cursor, &position)) {
        struct ps_log log = {0};
        p2psync_result result = ps_names_answered(turn, peer, &position.log, &log);
        if (result == P2PSYNC_ENOTFOUND || result == P2PSYNC_EFORK) {
            continue; /* a log that is not here yet: the next round tells of it */
        }
        if (result == P2PSYNC_EFORMAT) {
            ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FORMAT,
                             "an ACK of a log that was not named");
            return;
        }
        if (!ps_turn_ok(turn, result) || !ps_names_acknowledged(turn, peer, &position.log)) {
            return;
        }
        ps_rounds_moved(peer);
        ps_transfer_arrived(turn, peer, log.number, position.size);
        if (ps_transfer_busy(peer)) {
            ps_rounds_put_off(turn, peer);
        }
    }
}
