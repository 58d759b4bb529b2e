/* From bytes on a link to the handler of a message, as node/engine/dispatch.h says. */
#include "node/engine/dispatch.h"

#include "node/engine/emit.h"
#include "node/engine/on_message.h"
#include "node/engine/turn.h"

static uint64_t cost(const struct ps_turn *turn, uint64_t type);
static void refuse(struct ps_turn *turn);
static void session_message(struct ps_turn *turn, struct ps_peer *peer, uint64_t type);

void ps_dispatch_message(struct ps_turn *turn)
{
    const struct ps_event *event = turn->event;
    struct ps_peer *peer = ps_peers_find(turn->engine, &event->device);
    uint64_t type = 0;
    uint64_t version = 0;
    if (event->bytes.size == 0) {
        return; /* a probe of the link */
    }
    if (ps_device_equal(&event->device, &turn->engine->identity.device)) {
        ps_twins_message(turn);
        return;
    }
    if (peer == NULL) {
        refuse(turn);
        return;
    }
    ps_remember_received(turn, peer, event->bytes.size);
    p2psync_result peeked = ps_message_peek(event->bytes, &type, &version);
    struct ps_link *link = ps_session_link_of_message(turn, peer, type);
    if (link == NULL || !ps_session_spend(turn, peer, link->id, cost(turn, type))) {
        return;
    }
    if (peeked != P2PSYNC_OK) {
        ps_session_fault(turn, peer, link->id, PS_ERROR_FORMAT, "no message");
    } else if (type == PS_MESSAGE_HELLO) {
        ps_on_hello(turn, peer, link);
    } else if (type == PS_MESSAGE_ERROR) {
        ps_on_error(turn, peer, link);
    } else if (!link->hello_received) {
        ps_session_refuse(turn, peer, link->id, PS_ERROR_STRANGER, "HELLO comes first");
    } else if (link->id == peer->session.id) {
        session_message(turn, peer, type);
    }
}

/* It is told why if it was a member. */
static void refuse(struct ps_turn *turn)
{
    const struct ps_error error = {.code = PS_ERROR_REMOVED,
                                   .text = ps_bytes_text("no longer a member")};
    uint64_t link = turn->event->link;
    if (!ps_emit_hung_up(turn, link) && ps_trust_is_removed(turn, &turn->event->device)) {
        ps_emit_send(turn, NULL, link, ps_error_encode(&error, ps_emit_begin(turn)));
    }
    ps_emit_hangup(turn, link);
}

/* About how many microseconds a message takes, with the reply to it. For CHANGES and HEADS
 * more is charged once it is known that they were of no use. */
static uint64_t cost(const struct ps_turn *turn, uint64_t type)
{
    uint64_t size = turn->event->bytes.size;
    switch (type) {
    case PS_MESSAGE_HELLO:
        return 20000; /* a session begins: HELLO, SUMMARY and PEERS go out */
    case PS_MESSAGE_SUMMARY:
        return 500 + size / 4;
    case PS_MESSAGE_HEADS:
        return 2 + size / 64;
    case PS_MESSAGE_WANT:
        return 20;
    case PS_MESSAGE_CHANGES:
        return 1;
    case PS_MESSAGE_ACK:
        return 2 + size / 16;
    default:
        return 100 + size / 16;
    }
}

static void session_message(struct ps_turn *turn, struct ps_peer *peer, uint64_t type)
{
    switch (type) {
    case PS_MESSAGE_SUMMARY:
        ps_on_summary(turn, peer);
        break;
    case PS_MESSAGE_HEADS:
        ps_on_heads(turn, peer);
        break;
    case PS_MESSAGE_WANT:
        ps_on_want(turn, peer);
        break;
    case PS_MESSAGE_CHANGES:
        ps_on_changes(turn, peer);
        break;
    case PS_MESSAGE_ACK:
        ps_on_ack(turn, peer);
        break;
    case PS_MESSAGE_PEERS:
        ps_on_peers(turn, peer);
        break;
    default: /* what later versions add: no fault */
        ps_emit_log(turn, P2PSYNC_LOG_DEBUG, "message-ignored", "type %llu from %s",
                    (unsigned long long)type, peer->name);
    }
}
