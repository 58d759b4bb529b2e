/* The libzmq sockets that links are made of: their options, binding, connecting and monitors. What
 * is about libzmq alone is here; what is about devices and links is in links.c. */
#ifndef PS_NODE_LINKS_SOCKET_H
#define PS_NODE_LINKS_SOCKET_H

#include <stdatomic.h>
#include <zmq.h>

#include "node/links/flow.h"
#include "wire/bytes.h"
#include "wire/id.h"
#include "wire/limits.h"

#define PS_SOCKET_LINGER_MS 200 /* for what was just sent, when a socket closes */

/* This device's key as CURVE has it. */
struct ps_curve_keys {
    uint8_t public_key[PS_CURVE_KEY_SIZE];
    uint8_t secret_key[PS_CURVE_KEY_SIZE];
};

/* A socket with its monitor; both NULL if closed. */
struct ps_socket {
    void *socket;
    void *monitor; /* PAIR: see ps_socket_monitor_next(); NULL if it is not monitored */
};

struct ps_socket_router_options {
    const char *domain;       /* of ZAP */
    int64_t message_size_max; /* bytes */
    bool ipv6;                /* it will be bound to an IPv6 address, or to all addresses */
    bool monitored;           /* tell of connections that come and end, with their descriptors:
                                 ZMQ_EVENT_ACCEPTED, ZMQ_EVENT_DISCONNECTED */
};

/* Make a ROUTER that is a CURVE server. Not bound yet.
 *
 * Errors  P2PSYNC_EIO no descriptors left.
 */
p2psync_result
ps_socket_router_open(struct ps_socket *out, void *context, const struct ps_curve_keys *keys,
                      const struct ps_socket_router_options *options) P2PSYNC_MUST_CHECK;

/* Bind it to `host` (NULL: all addresses, of both families) and `port`; if that is taken and not
 * `fixed`, to any free port. If it is monitored, both sides of its connections send packets that
 * every way of IPv6 must let through: 1,280 bytes. So the tunnels and routers that drop larger ones
 * in silence do no harm. Who dials needs not do the same: TCP keeps to the smaller of both sides.
 *
 * Errors  P2PSYNC_EADDRINUSE; P2PSYNC_EFORMAT; P2PSYNC_ENOTFOUND; P2PSYNC_EDENIED; P2PSYNC_EIO.
 */
p2psync_result ps_socket_router_bind(struct ps_socket *router, const char *host, uint16_t port,
                                     bool fixed, uint16_t *port_out) P2PSYNC_MUST_CHECK;

/* Make a DEALER and begin to connect it to `endpoint` ("host:port"), whose CURVE key must be
 * `server_key`. Its monitor tells how that went; the DEALER does not try twice.
 *
 * Errors  P2PSYNC_EFORMAT the endpoint is malformed; P2PSYNC_EIO no descriptors left.
 */
p2psync_result ps_socket_dealer_open(struct ps_socket *out, void *context,
                                     const struct ps_curve_keys *keys,
                                     const uint8_t server_key[static PS_CURVE_KEY_SIZE],
                                     const char *endpoint) P2PSYNC_MUST_CHECK;

/* The bytes that were sent on one link and have not left this process: libzmq counts messages only.
 * They are PS_PEER_MEMORY_MAX at most, and twice that on all links of a device: one that ends may
 * hold its own still while the next takes over, and nobody has more by opening more. libzmq may
 * free a message after the link has ended, so the memory belongs to a pool. */
struct ps_socket_queue {
    atomic_size_t size;          /* bytes */
    struct ps_socket_queue *all; /* of all links of its device; NULL: it is that one itself */
    struct ps_device device;     /* of that one */
    unsigned taken;              /* by so many */
    struct ps_socket_queue *next;
};

/* A queue for a link of this device; NULL: no memory. */
struct ps_socket_queue *ps_socket_queue_take(struct ps_socket_queue **pool,
                                             const struct ps_device *device);
/* Its link has ended. NULL is fine. */
void ps_socket_queue_give(struct ps_socket_queue *queue);
/* Free the pool, when libzmq's context has ended. */
void ps_socket_queues_free(struct ps_socket_queue **pool);

/* Close a connection that a ROUTER bound to `port` has accepted, whatever the other side wants. The
 * descriptor may belong to something else by now, so it is checked first. -1 is fine. */
void ps_socket_cut(int descriptor, uint16_t port);

/* Where a connection is from, as a number: the IPv4 address, or the network of the IPv6 one, of
 * which a single machine may have any number of addresses. 0: it has ended. */
uint64_t ps_socket_from(int descriptor);
/* How many bytes have come on it, ever. 0: it has ended, or the system does not count them. */
uint64_t ps_socket_received(int descriptor);
/* How what is sent on it fares. False: it has ended, or the system does not tell. */
bool ps_socket_flow(int descriptor, struct ps_flow_sample *out);

enum ps_socket_receipt {
    PS_SOCKET_RECEIPT_NONE,    /* nothing waits */
    PS_SOCKET_RECEIPT_DROPPED, /* something came that is no message of ours */
    PS_SOCKET_RECEIPT_EMPTY,   /* a message of no bytes */
    PS_SOCKET_RECEIPT_MESSAGE,
};

/* Receive one message from a ROUTER: of one part, on a connection whose routing id
 * libzmq has chosen. Anything else is dropped whole.
 *
 * number_out which connection of this ROUTER it came on.
 * body_out   initialised for PS_SOCKET_RECEIPT_MESSAGE only, and then the caller's to close. */
enum ps_socket_receipt ps_socket_router_receive(struct ps_socket *router, uint32_t *number_out,
                                                zmq_msg_t *body_out);

/* Send a copy of `bytes` to a connection of a ROUTER. Never blocks.
 *
 * queue   counts them; NULL: only libzmq's own limit counts.
 * Errors  P2PSYNC_EAGAIN its queue is full; P2PSYNC_EUNREACHABLE it has ended; P2PSYNC_ENOMEM.
 */
p2psync_result ps_socket_router_send(struct ps_socket *router, uint32_t number,
                                     struct ps_bytes bytes,
                                     struct ps_socket_queue *queue) P2PSYNC_MUST_CHECK;

/* Whether a connection of a ROUTER is there still, or its queue is full: sends an empty message. */
bool ps_socket_router_reaches(struct ps_socket *router, uint32_t number);

/* Send a copy of `bytes` on a DEALER; as above. */
p2psync_result ps_socket_send(struct ps_socket *dealer, struct ps_bytes bytes,
                              struct ps_socket_queue *queue) P2PSYNC_MUST_CHECK;

/* What to poll for reading, of a socket or a monitor. It tells once that something has come, so
 * what is there must be received until there is nothing, also after sending. */
int ps_socket_fd(void *socket);

/* Close both; what is still to be sent has linger_ms. A zeroed one is fine. Never blocks. */
void ps_socket_close(struct ps_socket *socket, int linger_ms);

/* The next event of the monitor: a ZMQ_EVENT_*, and its value. False if there is none. */
bool ps_socket_monitor_next(void *monitor, uint16_t *event_out, uint32_t *value_out);

/* Whether `endpoint` is "host:port" or "[IPv6]:port", perhaps with a zone as in
 * "[fe80::1%wlan0]:1", with nothing that libzmq would take for more. */
bool ps_socket_endpoint_valid(const char *endpoint);

#endif
