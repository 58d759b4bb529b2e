/* The pairing socket of the hub: any device may connect to it, and nothing is kept of those but
 * what they have sent. */
#include <assert.h>
#include <string.h>

#include "node/host/descriptors.h"
#include "node/links/hub.h"

#define RECEIVE_MAX  64 /* messages in one call */
#define STRANGER_MAX 4  /* messages of one stranger that wait: pairing needs one */

p2psync_result ps_hub_pair_open(struct ps_hub *hub, uint16_t *port_out)
{
    if (!hub->router.socket) {
        return P2PSYNC_EMISUSE;
    }
    if (hub->pair.socket) {
        /* It goes on for the next invite: libzmq lets go of a port only a while after a close. */
        ps_backlog_clear(&hub->strangers);
        *port_out = hub->pair_port;
        return P2PSYNC_OK;
    }
    if (!ps_descriptors_left(PS_LINKS_DIAL_DESCRIPTORS + PS_DESCRIPTORS_KEPT)) {
        return P2PSYNC_EFILES;
    }
    const struct ps_socket_router_options options = {
        .domain = PS_ZAP_DOMAIN_PAIR,
        .message_size_max = PS_PAIR_MESSAGE_SIZE_MAX,
        .ipv6 = !hub->host || strchr(hub->host, ':'),
        .monitored = true,
    };
    p2psync_result result = ps_socket_router_open(&hub->pair, hub->context, hub->keys, &options);
    if (result) {
        return result;
    }
    result =
        ps_socket_router_bind(&hub->pair, hub->host, PS_LINKS_PAIR_PORT, false, &hub->pair_port);
    if (result) {
        ps_hub_pair_close(hub);
        return result;
    }
    *port_out = hub->pair_port;
    return P2PSYNC_OK;
}

void ps_hub_pair_close(struct ps_hub *hub)
{
    ps_socket_close(&hub->pair, PS_SOCKET_LINGER_MS);
    ps_backlog_clear(&hub->strangers);
    ps_silent_init(&hub->pairing, PS_SILENT_PAIR_MAX, PS_SILENT_PAIR_MS);
}

p2psync_result ps_hub_pair_send(struct ps_hub *hub, uint64_t link, struct ps_bytes bytes)
{
    assert(bytes.size > 0);
    if (bytes.size > PS_PAIR_MESSAGE_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    return hub->pair.socket ? ps_socket_router_send(&hub->pair, (uint32_t)link, bytes, NULL)
                            : P2PSYNC_EUNREACHABLE;
}

void ps_hub_pair_receive(struct ps_hub *hub)
{
    for (size_t i = 0; hub->pair.socket && i < RECEIVE_MAX; i++) {
        zmq_msg_t body;
        uint32_t number = 0;
        enum ps_socket_receipt receipt = ps_socket_router_receive(&hub->pair, &number, &body);
        if (receipt == PS_SOCKET_RECEIPT_NONE) {
            hub->ready[PS_HUB_PAIR] = false;
            return;
        }
        if (receipt == PS_SOCKET_RECEIPT_EMPTY) {
            /* No list is kept of strangers, so that heartbeats are answered here. */
            (void)ps_socket_router_reaches(&hub->pair, number);
        }
        if (receipt != PS_SOCKET_RECEIPT_MESSAGE) {
            continue;
        }
        struct ps_link_event event = {.type = PS_LINK_PAIR_MESSAGE,
                                      .link = PS_LINK_ACCEPTED | PS_LINK_PAIR | number};
        bool named = !ps_zap_user(zmq_msg_gets(&body, "User-Id"), event.curve_key);
        ps_backlog_name(&event, &body);
        size_t size = hub->strangers.size + PS_BACKLOG_OVERHEAD + event.bytes.size;
        bool room = size <= PS_PEER_MEMORY_MAX &&
                    ps_backlog_count(&hub->strangers, event.link, STRANGER_MAX) < STRANGER_MAX;
        if (named && room && ps_backlog_add(&hub->strangers, &event)) {
            hub->news = true;
        } else {
            ps_socket_cut(zmq_msg_get(&body, ZMQ_SRCFD), hub->pair_port);
        }
        (void)zmq_msg_close(&body);
    }
    hub->ready[PS_HUB_PAIR] = hub->pair.socket != NULL;
}
