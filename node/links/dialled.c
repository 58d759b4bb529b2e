/* Dialled links: what a monitor tells becomes up or an end with a reason. */
#include "node/links/dialled.h"

bool ps_dialled_watch(struct ps_dialled *dialled, uint64_t now_ms)
{
    bool up = dialled->up;
    uint16_t event = 0;
    uint32_t value = 0;
    while (!dialled->ending && ps_socket_monitor_next(dialled->socket.monitor, &event, &value)) {
        switch (event) {
        case ZMQ_EVENT_CONNECTED:
            dialled->descriptor = (int)value;
            break;
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
            dialled->up = true;
            dialled->heard_ms = now_ms;
            break;
        case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
            dialled->reason = PS_LINK_REFUSED;
            break;
        case ZMQ_EVENT_DISCONNECTED:
            dialled->ending = true;
            dialled->reason = dialled->up ? PS_LINK_CLOSED : dialled->reason;
            break;
        case ZMQ_EVENT_CLOSED:
        case ZMQ_EVENT_CONNECT_RETRIED:
            dialled->ending = true;
            dialled->reason = dialled->up ? PS_LINK_CLOSED : PS_LINK_UNREACHABLE;
            break;
        default:
            break;
        }
    }
    return !up && dialled->up;
}

enum ps_socket_receipt ps_dialled_receive(struct ps_dialled *dialled, uint64_t now_ms,
                                          zmq_msg_t *body)
{
    if (!dialled->up || dialled->down) {
        return PS_SOCKET_RECEIPT_NONE;
    }
    (void)zmq_msg_init(body);
    if (zmq_msg_recv(body, dialled->socket.socket, ZMQ_DONTWAIT) < 0) {
        (void)zmq_msg_close(body);
        return PS_SOCKET_RECEIPT_NONE;
    }
    dialled->heard_ms = now_ms;
    return zmq_msg_size(body) ? PS_SOCKET_RECEIPT_MESSAGE : PS_SOCKET_RECEIPT_EMPTY;
}

void ps_dialled_end(struct ps_dialled *dialled, ps_link_reason reason, int linger_ms)
{
    if (dialled->down) {
        return;
    }
    dialled->ending = true;
    dialled->down = true;
    dialled->reason = reason;
    ps_socket_close(&dialled->socket, linger_ms);
    ps_socket_queue_give(dialled->queue);
    dialled->queue = NULL;
}
