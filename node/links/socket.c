/* Sockets of links. All of them speak CURVE and nothing else, and tell by a monitor how their
 * connections fare. */
#include "node/links/socket.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define HANDSHAKE_MS    10000
#define CONNECT_MS      10000
#define SEND_HWM        8192 /* messages; their bytes are bounded by the queue of the link */
#define DEVICE_MAX      ((size_t)2 * PS_PEER_MEMORY_MAX) /* bytes on all links of a device */
#define RECEIVE_HWM     0                                /* no limit: see hub.h */
#define HOST_SIZE_MAX   255
#define CURVE_OVERHEAD  33   /* bytes that CURVE adds, which ZMQ_MAXMSGSIZE counts */
#define ROUTING_ID_SIZE 5    /* a zero and a number, when libzmq chooses it */
#define SEGMENT_SIZE    1220 /* bytes of TCP in a packet: 1,280 less the headers of IPv6 and TCP */

/* Never waited out: the socket is closed at the first sign of failure. A positive interval makes
 * libzmq tell of every failure to connect (ZMQ_EVENT_CONNECT_RETRIED); with -1 some are silent. */
#define RECONNECT_MS 3600000

/* What a DNS name or an interface's is made of; not '*', ';' or '/', which libzmq knows. */
#define NAME_CHARACTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_"

/* A message's bytes, and where they count. */
struct counted {
    struct ps_socket_queue *queue;
    size_t size;
    uint8_t data[];
};

static bool address_valid(struct ps_bytes text);
static bool set(void *socket, int option, int value);
static bool set_common(void *socket, const struct ps_curve_keys *keys, int64_t message_size_max);
static void *monitor_open(void *socket, void *context, int events);
static p2psync_result copy(struct ps_bytes bytes, struct ps_socket_queue *queue, zmq_msg_t *out);
static void release_counted(void *data, void *hint);
static bool is_free(struct ps_socket_queue *queue);
static struct ps_socket_queue *take_free(struct ps_socket_queue **pool);
static p2psync_result bind_to(void *socket, const char *host, const char *port);
static p2psync_result bound_port(void *socket, uint16_t *port_out);
static void limit_packets(struct ps_socket *router);
static bool tcp_info(int descriptor, struct tcp_info *info);

p2psync_result ps_socket_router_open(struct ps_socket *out, void *context,
                                     const struct ps_curve_keys *keys,
                                     const struct ps_socket_router_options *options)
{
    struct ps_socket router = {.socket = zmq_socket(context, ZMQ_ROUTER)};
    bool ready =
        router.socket && set_common(router.socket, keys, options->message_size_max) &&
        set(router.socket, ZMQ_IPV6, options->ipv6) &&
        set(router.socket, ZMQ_ROUTER_MANDATORY, 1) && set(router.socket, ZMQ_CURVE_SERVER, 1) &&
        !zmq_setsockopt(router.socket, ZMQ_ZAP_DOMAIN, options->domain, strlen(options->domain));
    if (ready && options->monitored) {
        router.monitor =
            monitor_open(router.socket, context,
                         ZMQ_EVENT_LISTENING | ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED);
        ready = router.monitor;
    }
    if (!ready) {
        ps_socket_close(&router, 0);
        return P2PSYNC_EIO;
    }
    *out = router;
    return P2PSYNC_OK;
}

p2psync_result ps_socket_router_bind(struct ps_socket *router, const char *host, uint16_t port,
                                     bool fixed, uint16_t *port_out)
{
    if (host && (!host[0] || strlen(host) > HOST_SIZE_MAX)) {
        return P2PSYNC_EFORMAT;
    }
    char port_text[8];
    (void)snprintf(port_text, sizeof port_text, "%" PRIu16, port);
    p2psync_result result = bind_to(router->socket, host, port_text);
    if (result == P2PSYNC_EADDRINUSE && !fixed) {
        result = bind_to(router->socket, host, "*");
    }
    if (result) {
        return result;
    }
    limit_packets(router);
    return bound_port(router->socket, port_out);
}

p2psync_result ps_socket_dealer_open(struct ps_socket *out, void *context,
                                     const struct ps_curve_keys *keys,
                                     const uint8_t server_key[static PS_CURVE_KEY_SIZE],
                                     const char *endpoint)
{
    if (!ps_socket_endpoint_valid(endpoint)) {
        return P2PSYNC_EFORMAT;
    }
    p2psync_result result = P2PSYNC_EIO;
    char address[PS_ENDPOINT_SIZE_MAX + sizeof "tcp://"];
    (void)snprintf(address, sizeof address, "tcp://%s", endpoint);
    struct ps_socket dealer = {.socket = zmq_socket(context, ZMQ_DEALER)};
    if (!dealer.socket || !set_common(dealer.socket, keys, PS_MESSAGE_SIZE_MAX) ||
        !set(dealer.socket, ZMQ_IPV6, endpoint[0] == '[') ||
        !set(dealer.socket, ZMQ_CONNECT_TIMEOUT, CONNECT_MS) ||
        !set(dealer.socket, ZMQ_RECONNECT_IVL, RECONNECT_MS) ||
        zmq_setsockopt(dealer.socket, ZMQ_CURVE_SERVERKEY, server_key, PS_CURVE_KEY_SIZE)) {
        goto out;
    }
    dealer.monitor = monitor_open(dealer.socket, context, ZMQ_EVENT_ALL);
    if (!dealer.monitor) {
        goto out;
    }
    result = zmq_connect(dealer.socket, address) ? P2PSYNC_EFORMAT : P2PSYNC_OK;
out:
    if (result) {
        ps_socket_close(&dealer, 0);
        return result;
    }
    *out = dealer;
    return P2PSYNC_OK;
}

enum ps_socket_receipt ps_socket_router_receive(struct ps_socket *router, uint32_t *number_out,
                                                zmq_msg_t *body_out)
{
    uint8_t id[ROUTING_ID_SIZE] = {0};
    int id_size = zmq_recv(router->socket, id, sizeof id, ZMQ_DONTWAIT); /* the whole size */
    if (id_size < 0) {
        return PS_SOCKET_RECEIPT_NONE;
    }
    (void)zmq_msg_init(body_out);
    bool ours = id_size == ROUTING_ID_SIZE && !id[0];
    int size = zmq_msg_recv(body_out, router->socket, ZMQ_DONTWAIT);
    ours = size >= 0 && ours;
    while (zmq_msg_more(body_out)) { /* libzmq gives a message whole or not at all, so it ends */
        ours = false;
        if (zmq_msg_recv(body_out, router->socket, ZMQ_DONTWAIT) < 0) {
            break;
        }
    }
    if (!ours) {
        (void)zmq_msg_close(body_out);
        return PS_SOCKET_RECEIPT_DROPPED;
    }
    *number_out = ps_get_u32(id + 1);
    if (size == 0) {
        (void)zmq_msg_close(body_out);
        return PS_SOCKET_RECEIPT_EMPTY;
    }
    return PS_SOCKET_RECEIPT_MESSAGE;
}

p2psync_result ps_socket_router_send(struct ps_socket *router, uint32_t number,
                                     struct ps_bytes bytes, struct ps_socket_queue *queue)
{
    zmq_msg_t body;
    p2psync_result result = copy(bytes, queue, &body);
    if (result) {
        return result;
    }
    uint8_t id[ROUTING_ID_SIZE] = {0};
    ps_put_u32(id + 1, number);
    if (zmq_send(router->socket, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0) {
        bool ended = zmq_errno() == EHOSTUNREACH;
        (void)zmq_msg_close(&body);
        return ended ? P2PSYNC_EUNREACHABLE : P2PSYNC_EAGAIN;
    }
    int sent = -1;
    do { /* what has begun must be ended, whatever signal comes in between */
        sent = zmq_msg_send(&body, router->socket, ZMQ_DONTWAIT);
    } while (sent < 0 && zmq_errno() == EINTR);
    (void)zmq_msg_close(&body);
    return sent < 0 ? P2PSYNC_EAGAIN : P2PSYNC_OK;
}

bool ps_socket_router_reaches(struct ps_socket *router, uint32_t number)
{
    /* Asking for its events makes the ROUTER take note of connections that have ended. */
    int events = 0;
    size_t size = sizeof events;
    (void)zmq_getsockopt(router->socket, ZMQ_EVENTS, &events, &size);
    /* What it may send does not matter here: only a failure tells that the connection has gone. */
    return ps_socket_router_send(router, number, ps_bytes(NULL, 0), NULL) != P2PSYNC_EUNREACHABLE;
}

p2psync_result ps_socket_send(struct ps_socket *dealer, struct ps_bytes bytes,
                              struct ps_socket_queue *queue)
{
    zmq_msg_t body;
    p2psync_result result = copy(bytes, queue, &body);
    if (result) {
        return result;
    }
    bool sent = zmq_msg_send(&body, dealer->socket, ZMQ_DONTWAIT) >= 0;
    (void)zmq_msg_close(&body);
    return sent ? P2PSYNC_OK : P2PSYNC_EAGAIN;
}

int ps_socket_fd(void *socket)
{
    int fd = -1;
    size_t size = sizeof fd;
    (void)zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
    return fd;
}

void ps_socket_close(struct ps_socket *socket, int linger_ms)
{
    if (socket->monitor) {
        (void)zmq_socket_monitor(socket->socket, NULL, 0);
        (void)zmq_close(socket->monitor);
    }
    if (socket->socket) {
        (void)set(socket->socket, ZMQ_LINGER, linger_ms);
        (void)zmq_close(socket->socket);
    }
    *socket = (struct ps_socket){0};
}

struct ps_socket_queue *ps_socket_queue_take(struct ps_socket_queue **pool,
                                             const struct ps_device *device)
{
    struct ps_socket_queue *all = *pool;
    while (all && (all->all || is_free(all) || !ps_device_equal(&all->device, device))) {
        all = all->next;
    }
    all = all ? all : take_free(pool);
    if (!all) {
        return NULL;
    }
    all->device = *device;
    all->taken++;
    struct ps_socket_queue *queue = take_free(pool);
    if (!queue) {
        all->taken--;
        return NULL;
    }
    queue->all = all;
    queue->taken = 1;
    return queue;
}

static bool is_free(struct ps_socket_queue *queue)
{
    return queue->taken == 0 && atomic_load(&queue->size) == 0;
}

/* One of no device and no link yet, which is still to be taken. */
static struct ps_socket_queue *take_free(struct ps_socket_queue **pool)
{
    struct ps_socket_queue *queue = *pool;
    while (queue && !is_free(queue)) {
        queue = queue->next;
    }
    if (!queue) {
        queue = calloc(1, sizeof *queue);
        if (!queue) {
            return NULL;
        }
        queue->next = *pool;
        *pool = queue;
    }
    queue->all = NULL;
    return queue;
}

void ps_socket_queue_give(struct ps_socket_queue *queue)
{
    if (queue) {
        assert(queue->taken == 1 && queue->all->taken > 0);
        queue->taken = 0;
        queue->all->taken--;
    }
}

void ps_socket_queues_free(struct ps_socket_queue **pool)
{
    while (*pool) {
        struct ps_socket_queue *queue = *pool;
        assert(atomic_load(&queue->size) == 0);
        *pool = queue->next;
        free(queue);
    }
}

void ps_socket_cut(int descriptor, uint16_t port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t size = sizeof address;
    /* The listener has the port too, but no peer. */
    if (getpeername(descriptor, &address.any, &size)) {
        return;
    }
    size = sizeof address;
    if (getsockname(descriptor, &address.any, &size)) {
        return;
    }
    bool ours = (address.any.sa_family == AF_INET && ntohs(address.v4.sin_port) == port) ||
                (address.any.sa_family == AF_INET6 && ntohs(address.v6.sin6_port) == port);
    if (ours) {
        (void)shutdown(descriptor, SHUT_RDWR);
    }
}

uint64_t ps_socket_from(int descriptor)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t size = sizeof address;
    if (getpeername(descriptor, &address.any, &size)) {
        return 0;
    }
    if (address.any.sa_family != AF_INET6) {
        return ntohl(address.v4.sin_addr.s_addr);
    }
    const uint8_t *bytes = address.v6.sin6_addr.s6_addr;
    return IN6_IS_ADDR_V4MAPPED(&address.v6.sin6_addr) ? ps_get_u32(bytes + 12) : ps_get_u64(bytes);
}

uint64_t ps_socket_received(int descriptor)
{
    struct tcp_info info = {0};
    (void)tcp_info(descriptor, &info);
    return info.tcpi_bytes_received;
}

bool ps_socket_flow(int descriptor, struct ps_flow_sample *out)
{
    struct tcp_info info = {0};
    if (!tcp_info(descriptor, &info)) {
        return false;
    }
    *out = (struct ps_flow_sample){
        .acked_bytes = info.tcpi_bytes_acked,
        .under_way = info.tcpi_unacked,
        .timeouts = info.tcpi_retransmits,
    };
    return true;
}

static bool tcp_info(int descriptor, struct tcp_info *info)
{
    socklen_t size = sizeof *info;
    return !getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, info, &size);
}

bool ps_socket_monitor_next(void *monitor, uint16_t *event_out, uint32_t *value_out)
{
    uint8_t frame[sizeof *event_out + sizeof *value_out] = {0};
    int size = zmq_recv(monitor, frame, sizeof frame, ZMQ_DONTWAIT);
    if (size < 0) {
        return false;
    }
    /* The second part is the address. Monitors are of this process: bytes are in its own order. */
    (void)zmq_recv(monitor, NULL, 0, ZMQ_DONTWAIT);
    assert(size == (int)sizeof frame);
    memcpy(event_out, frame, sizeof *event_out);
    memcpy(value_out, frame + sizeof *event_out, sizeof *value_out);
    return true;
}

bool ps_socket_endpoint_valid(const char *endpoint)
{
    size_t size = strlen(endpoint);
    const char *colon = strrchr(endpoint, ':');
    if (size > PS_ENDPOINT_SIZE_MAX || !colon || colon == endpoint) {
        return false;
    }
    size_t host_size = (size_t)(colon - endpoint);
    bool bracketed = endpoint[0] == '[' && endpoint[host_size - 1] == ']' && host_size > 2;
    if (bracketed ? !address_valid(ps_bytes(endpoint + 1, host_size - 2))
                  : strspn(endpoint, NAME_CHARACTERS) < host_size) {
        return false;
    }
    size_t digits = strspn(colon + 1, "0123456789");
    if (!digits || digits > 5 || colon[1 + digits]) {
        return false;
    }
    long port = strtol(colon + 1, NULL, 10);
    return port > 0 && port <= UINT16_MAX;
}

/* An IPv6 address, perhaps with the interface that it is on. */
static bool address_valid(struct ps_bytes text)
{
    const char *characters = (const char *)text.data;
    size_t size = strspn(characters, "0123456789abcdefABCDEF:.");
    if (size < text.size && characters[size] == '%') {
        size_t zone_size = strspn(characters + size + 1, NAME_CHARACTERS);
        size += zone_size ? 1 + zone_size : 0;
    }
    return text.size > 0 && size >= text.size;
}

static bool set(void *socket, int option, int value)
{
    return !zmq_setsockopt(socket, option, &value, sizeof value);
}

static bool set_common(void *socket, const struct ps_curve_keys *keys, int64_t message_size_max)
{
    int64_t sealed_size_max = message_size_max + CURVE_OVERHEAD;
    return set(socket, ZMQ_LINGER, 0) && set(socket, ZMQ_SNDHWM, SEND_HWM) &&
           set(socket, ZMQ_RCVHWM, RECEIVE_HWM) && set(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
           !zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &sealed_size_max, sizeof sealed_size_max) &&
           !zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, PS_CURVE_KEY_SIZE) &&
           !zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, PS_CURVE_KEY_SIZE);
}

/* The monitor holds any number of events: libzmq's thread would wait if it were full. It is emptied
 * whenever links are looked at. NULL if no descriptors are left. */
static void *monitor_open(void *socket, void *context, int events)
{
    char address[48];
    (void)snprintf(address, sizeof address, "inproc://p2psync-monitor-%" PRIxPTR,
                   (uintptr_t)socket);
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    if (!monitor) {
        return NULL;
    }
    if (!set(monitor, ZMQ_LINGER, 0) || !set(monitor, ZMQ_RCVHWM, 0) ||
        zmq_socket_monitor(socket, address, events) || zmq_connect(monitor, address)) {
        (void)zmq_close(monitor);
        return NULL;
    }
    return monitor;
}

/* A message whose bytes count in `queue` until libzmq frees it. */
static p2psync_result copy(struct ps_bytes bytes, struct ps_socket_queue *queue, zmq_msg_t *out)
{
    if (!queue || !bytes.size) {
        if (zmq_msg_init_size(out, bytes.size)) {
            return P2PSYNC_ENOMEM;
        }
        if (bytes.size) {
            memcpy(zmq_msg_data(out), bytes.data, bytes.size);
        }
        return P2PSYNC_OK;
    }
    if (bytes.size > PS_PEER_MEMORY_MAX - atomic_load(&queue->size) ||
        bytes.size > DEVICE_MAX - atomic_load(&queue->all->size)) {
        return P2PSYNC_EAGAIN;
    }
    struct counted *counted = malloc(sizeof *counted + bytes.size);
    if (!counted) {
        return P2PSYNC_ENOMEM;
    }
    *counted = (struct counted){.queue = queue, .size = bytes.size};
    memcpy(counted->data, bytes.data, bytes.size);
    if (zmq_msg_init_data(out, counted->data, bytes.size, release_counted, counted)) {
        free(counted);
        return P2PSYNC_ENOMEM;
    }
    (void)atomic_fetch_add(&queue->size, bytes.size);
    (void)atomic_fetch_add(&queue->all->size, bytes.size);
    return P2PSYNC_OK;
}

/* Called by libzmq, in its own thread or ours. */
static void release_counted(void *data, void *hint)
{
    struct counted *counted = hint;
    struct ps_socket_queue *queue = counted->queue;
    size_t size = counted->size;
    assert(data == counted->data);
    free(counted);
    size_t of_all = atomic_fetch_sub(&queue->all->size, size);
    size_t before = atomic_fetch_sub(&queue->size, size); /* last: it may be of another link then */
    assert(before >= size && of_all >= size);
}

static p2psync_result bind_to(void *socket, const char *host, const char *port)
{
    bool bare_ipv6 = host && strchr(host, ':') && host[0] != '[';
    char address[HOST_SIZE_MAX + sizeof "tcp://[]:65535"];
    (void)snprintf(address, sizeof address, bare_ipv6 ? "tcp://[%s]:%s" : "tcp://%s:%s",
                   host ? host : "*", port);
    if (!zmq_bind(socket, address)) {
        return P2PSYNC_OK;
    }
    switch (zmq_errno()) {
    case EADDRINUSE:
        return P2PSYNC_EADDRINUSE;
    case EACCES:
        return P2PSYNC_EDENIED;
    case ENODEV:
    case EADDRNOTAVAIL:
        return P2PSYNC_ENOTFOUND;
    case EINVAL:
        return P2PSYNC_EFORMAT;
    default:
        return P2PSYNC_EIO;
    }
}

/* The descriptor of what listens is the first that the monitor tells. Connections that come take
 * the option over from it; one that comes this very moment goes without. */
static void limit_packets(struct ps_socket *router)
{
    const int segment_size = SEGMENT_SIZE;
    uint16_t event = 0;
    uint32_t descriptor = 0;
    if (router->monitor && ps_socket_monitor_next(router->monitor, &event, &descriptor) &&
        event == ZMQ_EVENT_LISTENING) {
        (void)setsockopt((int)descriptor, IPPROTO_TCP, TCP_MAXSEG, &segment_size,
                         sizeof segment_size);
    }
}

static p2psync_result bound_port(void *socket, uint16_t *port_out)
{
    char endpoint[HOST_SIZE_MAX + sizeof "tcp://[]:65535"] = "";
    size_t size = sizeof endpoint;
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size)) {
        return P2PSYNC_EIO;
    }
    const char *colon = strrchr(endpoint, ':');
    if (!colon) {
        return P2PSYNC_EIO;
    }
    long port = strtol(colon + 1, NULL, 10);
    if (port <= 0 || port > UINT16_MAX) {
        return P2PSYNC_EIO;
    }
    *port_out = (uint16_t)port;
    return P2PSYNC_OK;
}
