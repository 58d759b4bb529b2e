/* Links over real sockets on 127.0.0.1, each node with its own context. Whatever is waited for is
 * waited for with poll, and never comes if it has not in two minutes; nothing is timed. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "node/links/links.h"
#include "node/links/socket.h"

#define NODES_MAX   3
#define EVENTS_MAX  256
#define DEADLINE_MS 120000
#define ROUNDS      8
#define FLOOD_MS    400
#define LINK        7 /* any number that is not PS_LINK_ACCEPTED */

struct told {
    struct ps_link_event event;
    char text[32]; /* beginning of a message */
};

struct node {
    struct ps_links *links;
    struct ps_device device;
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    struct told told[EVENTS_MAX];
    size_t told_count;
    size_t taken;
};

static struct node nodes[NODES_MAX];

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void start(struct node *node, uint8_t seed_byte, bool bind)
{
    uint8_t seed[crypto_sign_SEEDBYTES];
    memset(seed, seed_byte, sizeof seed);
    crypto_sign_seed_keypair(node->device.key, node->secret_key, seed);
    struct ps_links_options options = {
        .secret_key = node->secret_key, .bind = bind, .host = "127.0.0.1"};
    cr_assert_eq(ps_links_new(&options, &node->links), P2PSYNC_OK);
}

/* Node 0 listens, and admits node 1; node 2 is a stranger. */
static void setup(void)
{
    cr_assert(sodium_init() >= 0);
    start(&nodes[0], 1, true);
    start(&nodes[1], 2, false);
    start(&nodes[2], 3, false);
    cr_assert_eq(ps_links_allow(nodes[0].links, &nodes[1].device, 1), P2PSYNC_OK);
}

static void teardown(void)
{
    for (size_t i = 0; i < NODES_MAX; i++) {
        ps_links_destroy(&nodes[i].links);
    }
}

TestSuite(test_links, .init = setup, .fini = teardown);

static void collect(struct node *node)
{
    struct ps_link_event event;
    while (node->told_count < EVENTS_MAX && !ps_links_next(node->links, &event)) {
        struct told *told = &node->told[node->told_count++];
        told->event = event;
        size_t size =
            event.bytes.size < sizeof told->text ? event.bytes.size : sizeof told->text - 1;
        if (size) {
            memcpy(told->text, event.bytes.data, size);
        }
    }
}

/* Wait until a node has something to tell, not over `until_ms`, then let all of them tell it. */
static void turn(uint64_t until_ms)
{
    struct pollfd items[NODES_MAX];
    nfds_t count = 0;
    for (size_t i = 0; i < NODES_MAX; i++) {
        if (nodes[i].links) {
            items[count++] = (struct pollfd){.fd = ps_links_fd(nodes[i].links), .events = POLLIN};
        }
    }
    uint64_t now = now_ms();
    poll(items, count, until_ms > now ? (int)(until_ms - now) : 0);
    for (size_t i = 0; i < NODES_MAX; i++) {
        if (nodes[i].links) {
            collect(&nodes[i]);
        }
    }
}

/* The next event of `node`, which must be of this type. */
static const struct told *await(struct node *node, ps_link_event_type type)
{
    uint64_t until_ms = now_ms() + DEADLINE_MS;
    while (node->taken == node->told_count && now_ms() < until_ms) {
        turn(until_ms);
    }
    cr_assert_lt(node->taken, node->told_count, "no event came");
    const struct told *told = &node->told[node->taken++];
    cr_assert_eq(told->event.type, type, "event %d instead of %d", (int)told->event.type,
                 (int)type);
    return told;
}

static p2psync_result dial(struct node *node, const struct ps_device *device, uint16_t port)
{
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u", (unsigned)port);
    return ps_links_dial(node->links, LINK, device, endpoint);
}

static void dial_up(struct node *node)
{
    cr_assert_eq(dial(node, &nodes[0].device, ps_links_port(nodes[0].links)), P2PSYNC_OK);
    const struct told *up = await(node, PS_LINK_UP);
    cr_assert_eq(up->event.link, LINK);
    cr_assert(ps_device_equal(&up->event.device, &nodes[0].device));
}

/* Node 1 dials node 0 and says hello; the number that node 0 gave the link. */
static uint64_t connect_both(void)
{
    dial_up(&nodes[1]);
    cr_assert_eq(ps_links_send(nodes[1].links, LINK, ps_bytes_text("hello")), P2PSYNC_OK);
    uint64_t link = await(&nodes[0], PS_LINK_UP)->event.link;
    cr_assert_eq(await(&nodes[0], PS_LINK_MESSAGE)->event.link, link);
    return link;
}

/* Give a socket of this test's own the key of `own`. */
static void set_keys(void *socket, const struct node *own)
{
    uint8_t secret_key[32];
    uint8_t public_key[32];
    cr_assert_eq(crypto_sign_ed25519_sk_to_curve25519(secret_key, own->secret_key), 0);
    cr_assert_eq(crypto_scalarmult_base(public_key, secret_key), 0);
    zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_key, sizeof secret_key);
    zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public_key, sizeof public_key);
    zmq_setsockopt(socket, ZMQ_LINGER, &(int){0}, sizeof(int));
    zmq_setsockopt(socket, ZMQ_RECONNECT_IVL, &(int){-1}, sizeof(int));
    zmq_setsockopt(socket, ZMQ_SNDHWM, &(int){8}, sizeof(int));
    zmq_setsockopt(socket, ZMQ_RCVHWM, &(int){1}, sizeof(int));
    zmq_setsockopt(socket, ZMQ_RCVBUF, &(int){16384}, sizeof(int));
}

/* A DEALER of this test's own, with node 1's key but none of the link's manners. `ping_ms`: of
 * libzmq's heartbeats; 0: none. */
static void *raw_dealer_pinging(void *context, const void *routing_id, size_t routing_id_size,
                                int ping_ms)
{
    uint8_t server_key[32];
    char endpoint[48];
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u",
             (unsigned)ps_links_port(nodes[0].links));
    cr_assert_eq(crypto_sign_ed25519_pk_to_curve25519(server_key, nodes[0].device.key), 0);
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    set_keys(dealer, &nodes[1]);
    zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, server_key, sizeof server_key);
    zmq_setsockopt(dealer, ZMQ_HEARTBEAT_IVL, &ping_ms, sizeof ping_ms);
    zmq_setsockopt(dealer, ZMQ_HEARTBEAT_TIMEOUT, &(int){DEADLINE_MS}, sizeof(int));
    if (routing_id_size) {
        zmq_setsockopt(dealer, ZMQ_ROUTING_ID, routing_id, routing_id_size);
    }
    cr_assert_eq(zmq_connect(dealer, endpoint), 0);
    return dealer;
}

static void *raw_dealer(void *context, const void *routing_id, size_t routing_id_size)
{
    return raw_dealer_pinging(context, routing_id, routing_id_size, 0);
}

/* A ROUTER likewise, with node 2's key, that lets anybody in. */
static void *raw_router(void *context, int ping_ms, uint16_t *port_out)
{
    char endpoint[64] = "";
    size_t size = sizeof endpoint;
    void *router = zmq_socket(context, ZMQ_ROUTER);
    set_keys(router, &nodes[2]);
    zmq_setsockopt(router, ZMQ_CURVE_SERVER, &(int){1}, sizeof(int));
    zmq_setsockopt(router, ZMQ_HEARTBEAT_IVL, &ping_ms, sizeof ping_ms);
    zmq_setsockopt(router, ZMQ_HEARTBEAT_TIMEOUT, &(int){DEADLINE_MS}, sizeof(int));
    cr_assert_eq(zmq_bind(router, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq(zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    *port_out = (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
    return router;
}

/* Node 1 dials it and says hello: the id of the connection. */
static size_t raw_router_accept(void *router, uint16_t port, uint8_t id_out[static 32])
{
    char text[16];
    cr_assert_eq(dial(&nodes[1], &nodes[2].device, port), P2PSYNC_OK);
    await(&nodes[1], PS_LINK_UP);
    cr_assert_eq(ps_links_send(nodes[1].links, LINK, ps_bytes_text("hello")), P2PSYNC_OK);
    int size = zmq_recv(router, id_out, 32, 0);
    cr_assert_gt(size, 0);
    cr_assert_eq(zmq_recv(router, text, sizeof text, 0), 5);
    return (size_t)size;
}

Test(test_links, carries_messages_both_ways_between_authenticated_devices)
{
    dial_up(&nodes[1]);
    cr_assert_eq(ps_links_send(nodes[1].links, LINK, ps_bytes_text("ping")), P2PSYNC_OK);

    const struct told *up = await(&nodes[0], PS_LINK_UP);
    const struct told *ping = await(&nodes[0], PS_LINK_MESSAGE);
    cr_assert(up->event.link & PS_LINK_ACCEPTED);
    cr_assert(ps_device_equal(&up->event.device, &nodes[1].device));
    cr_assert_eq(ping->event.link, up->event.link);
    cr_assert(ps_device_equal(&ping->event.device, &nodes[1].device));
    cr_assert_str_eq(ping->event.address, "127.0.0.1");
    cr_assert_str_eq(ping->text, "ping");

    cr_assert_eq(ps_links_send(nodes[0].links, up->event.link, ps_bytes_text("pong")), P2PSYNC_OK);
    const struct told *pong = await(&nodes[1], PS_LINK_MESSAGE);
    cr_assert_eq(pong->event.link, LINK);
    cr_assert(ps_device_equal(&pong->event.device, &nodes[0].device));
    cr_assert_str_eq(pong->text, "pong");
}

Test(test_links, refuses_a_stranger_and_tells_it)
{
    cr_assert_eq(dial(&nodes[2], &nodes[0].device, ps_links_port(nodes[0].links)), P2PSYNC_OK);
    cr_assert_eq(await(&nodes[2], PS_LINK_DOWN)->event.reason, PS_LINK_REFUSED);
    cr_assert_eq(ps_links_send(nodes[2].links, LINK, ps_bytes_text("x")), P2PSYNC_EUNREACHABLE);
    cr_assert_eq(nodes[0].told_count, 0);
}

Test(test_links, admits_a_device_only_while_it_is_allowed)
{
    cr_assert_eq(ps_links_allow(nodes[0].links, &nodes[2].device, 1), P2PSYNC_OK);
    dial_up(&nodes[2]);
    cr_assert_eq(dial(&nodes[1], &nodes[0].device, ps_links_port(nodes[0].links)), P2PSYNC_OK);
    cr_assert_eq(await(&nodes[1], PS_LINK_DOWN)->event.reason, PS_LINK_REFUSED);
}

Test(test_links, allows_no_more_devices_than_a_mesh_has)
{
    static struct ps_device devices[PS_MEMBERS_MAX + 1];
    cr_assert_eq(ps_links_allow(nodes[0].links, devices, PS_MEMBERS_MAX + 1), P2PSYNC_ELIMIT);
    dial_up(&nodes[1]);
}

Test(test_links, takes_down_a_link_to_somebody_else)
{
    cr_assert_eq(dial(&nodes[1], &nodes[2].device, ps_links_port(nodes[0].links)), P2PSYNC_OK);
    cr_assert_eq(await(&nodes[1], PS_LINK_DOWN)->event.reason, PS_LINK_HANDSHAKE);
}

/* A port that is bound refuses connections until somebody listens, and nobody else gets it. */
Test(test_links, takes_down_a_link_to_where_nobody_listens)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, size), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    cr_assert_eq(dial(&nodes[1], &nodes[0].device, ntohs(address.sin_port)), P2PSYNC_OK);
    cr_assert_eq(await(&nodes[1], PS_LINK_DOWN)->event.reason, PS_LINK_UNREACHABLE);
    close(fd);
}

Test(test_links, rejects_a_device_that_is_no_point_of_the_curve)
{
    const struct ps_device nobody = {{1}};
    cr_assert_eq(ps_links_dial(nodes[1].links, LINK, &nobody, "127.0.0.1:1"), P2PSYNC_EFORMAT);
}

Test(test_links, tells_the_accepted_side_when_the_dialler_ends)
{
    uint64_t link = connect_both();
    ps_links_destroy(&nodes[1].links);
    const struct told *down = await(&nodes[0], PS_LINK_DOWN);
    cr_assert_eq(down->event.link, link);
    cr_assert(ps_device_equal(&down->event.device, &nodes[1].device));
    cr_assert_eq(ps_links_send(nodes[0].links, link, ps_bytes_text("x")), P2PSYNC_EUNREACHABLE);
}

Test(test_links, tells_the_dialler_when_the_accepted_side_ends)
{
    connect_both();
    ps_links_destroy(&nodes[0].links);
    cr_assert_eq(await(&nodes[1], PS_LINK_DOWN)->event.reason, PS_LINK_CLOSED);
}

Test(test_links, delivers_a_goodbye_before_the_end)
{
    uint64_t link = connect_both();
    cr_assert_eq(ps_links_send(nodes[1].links, LINK, ps_bytes_text("bye")), P2PSYNC_OK);
    ps_links_hangup(nodes[1].links, LINK);
    cr_assert_str_eq(await(&nodes[0], PS_LINK_MESSAGE)->text, "bye");
    cr_assert_eq(await(&nodes[0], PS_LINK_DOWN)->event.link, link);
    cr_assert_eq(nodes[1].told_count, 1, "a hangup of one's own is not told");
}

Test(test_links, drops_what_comes_on_a_hung_up_accepted_link)
{
    uint64_t link = connect_both();
    ps_links_hangup(nodes[0].links, link);
    cr_assert_eq(ps_links_send(nodes[0].links, link, ps_bytes_text("x")), P2PSYNC_EUNREACHABLE);
    cr_assert_eq(ps_links_send(nodes[1].links, LINK, ps_bytes_text("ignored")), P2PSYNC_OK);
    ps_links_hangup(nodes[1].links, LINK);
    connect_both();
}

/* To one who does not read. */
Test(test_links, gives_eagain_instead_of_waiting_when_a_queue_is_full)
{
    static const uint8_t bytes[64 * 1024];
    uint8_t id[32];
    uint16_t port = 0;
    void *context = zmq_ctx_new();
    void *dealer = raw_dealer(context, NULL, 0);
    zmq_send(dealer, "hello", 5, 0);
    uint64_t link = await(&nodes[0], PS_LINK_UP)->event.link;
    void *router = raw_router(context, 0, &port);
    (void)raw_router_accept(router, port, id);
    p2psync_result dialled = P2PSYNC_OK;
    p2psync_result accepted = P2PSYNC_OK;
    for (int i = 0; i < 100000 && !dialled; i++) {
        dialled = ps_links_send(nodes[1].links, LINK, ps_bytes(bytes, sizeof bytes));
    }
    for (int i = 0; i < 100000 && !accepted; i++) {
        accepted = ps_links_send(nodes[0].links, link, ps_bytes(bytes, sizeof bytes));
    }
    cr_assert_eq(dialled, P2PSYNC_EAGAIN);
    cr_assert_eq(accepted, P2PSYNC_EAGAIN);
    zmq_close(dealer);
    zmq_close(router);
    zmq_ctx_term(context);
}

Test(test_links, carries_the_largest_message_and_sends_none_above)
{
    static const uint8_t bytes[PS_MESSAGE_SIZE_MAX + 1];
    connect_both();
    cr_assert_eq(ps_links_send(nodes[1].links, LINK, ps_bytes(bytes, PS_MESSAGE_SIZE_MAX)),
                 P2PSYNC_OK);
    cr_assert_eq(ps_links_send(nodes[1].links, LINK, ps_bytes(bytes, sizeof bytes)),
                 P2PSYNC_ELIMIT);
    cr_assert_eq(await(&nodes[0], PS_LINK_MESSAGE)->event.bytes.size, PS_MESSAGE_SIZE_MAX);
}

/* A peer that sends more than is allowed loses its connection, and the message is not told. */
Test(test_links, cuts_off_a_peer_that_sends_an_oversized_message)
{
    static const uint8_t bytes[2 * PS_MESSAGE_SIZE_MAX];
    void *context = zmq_ctx_new();
    void *dealer = raw_dealer(context, NULL, 0);
    zmq_send(dealer, "first", 5, 0);
    await(&nodes[0], PS_LINK_UP);
    await(&nodes[0], PS_LINK_MESSAGE);
    zmq_send(dealer, bytes, sizeof bytes, 0);
    await(&nodes[0], PS_LINK_DOWN);
    zmq_close(dealer);
    zmq_ctx_term(context);
}

Test(test_links, drops_empty_messages_and_messages_of_several_parts)
{
    void *context = zmq_ctx_new();
    void *dealer = raw_dealer(context, NULL, 0);
    zmq_send(dealer, "", 0, 0);
    zmq_send(dealer, "one", 3, ZMQ_SNDMORE);
    zmq_send(dealer, "two", 3, 0);
    zmq_send(dealer, "whole", 5, 0);
    await(&nodes[0], PS_LINK_UP);
    cr_assert_str_eq(await(&nodes[0], PS_LINK_MESSAGE)->text, "whole");
    zmq_close(dealer);
    zmq_ctx_term(context);
}

/* A routing id that the peer chose could be that of another link. */
Test(test_links, serves_no_connection_that_names_itself)
{
    static const uint8_t bytes[64 * 1024];
    void *context = zmq_ctx_new();
    void *named = raw_dealer(context, "peer1", 5);
    uint64_t until_ms = now_ms() + DEADLINE_MS;
    /* More than all queues hold: what was sent has been read. */
    for (int sent = 0; sent < 2000;) {
        if (zmq_send(named, bytes, sizeof bytes, ZMQ_DONTWAIT) >= 0) {
            sent++;
        } else {
            cr_assert_lt(now_ms(), until_ms);
            turn(now_ms() + 1);
        }
    }
    cr_assert_eq(nodes[0].told_count, 0);
    zmq_close(named);
    zmq_ctx_term(context);
}

/* Send so much to one who does not read that its system ends the connection with a reset. */
static void fill(struct node *node, uint64_t link)
{
    static const uint8_t bytes[64 * 1024];
    p2psync_result result = P2PSYNC_OK;
    for (int i = 0; i < 1000 && !result; i++) {
        result = ps_links_send(node->links, link, ps_bytes(bytes, sizeof bytes));
    }
}

/* Take slowly: of what is sent meanwhile there is a PING in every few kilobytes. */
static void take_some(struct node *node)
{
    struct ps_link_event event;
    for (int i = 0; i < 16 && !ps_links_next(node->links, &event); i++) {
        if (node->told_count < EVENTS_MAX) {
            node->told[node->told_count++].event = event;
        }
        if (event.type == PS_LINK_MESSAGE) {
            node->told_count--;
        }
    }
    zmq_poll(NULL, 0, 1);
}

/* Take what was told to a node, until it is told that its link is down. */
static void await_down(struct node *node)
{
    uint64_t until_ms = now_ms() + DEADLINE_MS;
    bool down = false;
    while (!down) {
        cr_assert_lt(now_ms(), until_ms, "it was never told");
        for (; node->taken < node->told_count; node->taken++) {
            down = down || node->told[node->taken].event.type == PS_LINK_DOWN;
        }
        node->told_count = node->taken = 0;
        if (!down) {
            turn(until_ms);
        }
    }
}

/* Take slowly until the other process has ended, then all, to the link's end. */
static void outlive(struct node *node, pid_t other)
{
    while (waitpid(other, NULL, WNOHANG) == 0) { /* it ends by itself */
        take_some(node);
    }
    await_down(node);
}

/* A process of its own, which libzmq may abort as well. */
static void flood_accepted(void)
{
    static const uint8_t bytes[200];
    void *dealer = raw_dealer_pinging(zmq_ctx_new(), NULL, 0, 1);
    zmq_send(dealer, "hello", 5, 0);
    uint64_t until_ms = now_ms() + FLOOD_MS;
    while (now_ms() < until_ms) {
        (void)zmq_send(dealer, bytes, sizeof bytes, ZMQ_DONTWAIT);
    }
    _exit(0);
}

/* The same where it was dialled; tells its port first. */
static void flood_dialler(int port_fd)
{
    static const uint8_t bytes[200];
    uint8_t id[32];
    uint16_t port = 0;
    void *router = raw_router(zmq_ctx_new(), 1, &port);
    (void)!write(port_fd, &port, sizeof port);
    int id_size = zmq_recv(router, id, sizeof id, 0);
    uint64_t until_ms = now_ms() + FLOOD_MS;
    while (id_size > 0 && now_ms() < until_ms) {
        if (zmq_send(router, id, (size_t)id_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
            (void)zmq_send(router, bytes, sizeof bytes, ZMQ_DONTWAIT);
        }
    }
    _exit(0);
}

/* libzmq aborts the process (its issue 4364) if it has stopped reading, the peer goes away, and a
 * PING is among what waits. So it must never stop reading, whoever does not take what comes. */
Test(test_links, survives_who_floods_and_pings_and_goes_away, .timeout = 120)
{
    for (int round = 0; round < ROUNDS; round++) {
        pid_t other = fork();
        if (other == 0) {
            flood_accepted();
        }
        fill(&nodes[0], await(&nodes[0], PS_LINK_UP)->event.link);
        outlive(&nodes[0], other);
    }
}

/* The same on a link that was dialled. */
Test(test_links, survives_being_flooded_and_pinged_and_left_where_it_dialled, .timeout = 120)
{
    for (int round = 0; round < ROUNDS; round++) {
        int port_fds[2];
        uint16_t port = 0;
        cr_assert_eq(pipe(port_fds), 0);
        pid_t other = fork();
        if (other == 0) {
            flood_dialler(port_fds[1]);
        }
        cr_assert_eq(read(port_fds[0], &port, sizeof port), (ssize_t)sizeof port);
        cr_assert_eq(dial(&nodes[1], &nodes[2].device, port), P2PSYNC_OK);
        await(&nodes[1], PS_LINK_UP);
        cr_assert_eq(ps_links_send(nodes[1].links, LINK, ps_bytes_text("hello")), P2PSYNC_OK);
        fill(&nodes[1], LINK);
        outlive(&nodes[1], other);
        (void)close(port_fds[0]);
        (void)close(port_fds[1]);
    }
}

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Nobody takes what comes, as when a commit takes long: who sends too much is hung up on, and what
 * others have sent is told. */
Test(test_links, bounds_what_a_device_may_have_waiting, .timeout = 120)
{
    static const uint8_t bytes[64 * 1024];
    const struct ps_device both[] = {nodes[1].device, nodes[2].device};
    cr_assert_eq(ps_links_allow(nodes[0].links, both, 2), P2PSYNC_OK);
    dial_up(&nodes[2]);
    cr_assert_eq(ps_links_send(nodes[2].links, LINK, ps_bytes_text("honest")), P2PSYNC_OK);
    void *context = zmq_ctx_new();
    void *dealer = raw_dealer(context, NULL, 0);
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    cr_assert_eq(zmq_socket_monitor(dealer, "inproc://end", ZMQ_EVENT_DISCONNECTED), 0);
    cr_assert_eq(zmq_connect(monitor, "inproc://end"), 0);
    size_t before = allocated();
    zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
    uint64_t until_ms = now_ms() + DEADLINE_MS;
    size_t most = 0;
    while (zmq_poll(&item, 1, 0) == 0) {
        cr_assert_lt(now_ms(), until_ms, "it is never hung up on");
        (void)zmq_send(dealer, bytes, sizeof bytes, ZMQ_DONTWAIT);
        (void)zmq_recv(dealer, NULL, 0, ZMQ_DONTWAIT); /* or it is not told of its end */
        size_t now = allocated();
        most = now > before + most ? now - before : most;
    }
    /* Beside the device's own: what libzmq's two threads have in their hands. */
    cr_assert_lt(most, 3 * (size_t)PS_PEER_MEMORY_MAX, "%zu bytes", most);
    await(&nodes[0], PS_LINK_UP);
    cr_assert_str_eq(await(&nodes[0], PS_LINK_MESSAGE)->text, "honest");
    zmq_close(monitor);
    zmq_close(dealer);
    zmq_ctx_term(context);
}

Test(test_links, takes_another_port_unless_it_was_asked_for)
{
    uint16_t taken = ps_links_port(nodes[0].links);
    struct ps_links *links = NULL;
    struct ps_links_options options = {.secret_key = nodes[2].secret_key,
                                       .bind = true,
                                       .port_fixed = true,
                                       .port = taken,
                                       .host = "127.0.0.1"};
    cr_assert_eq(ps_links_new(&options, &links), P2PSYNC_EADDRINUSE);
    options.port_fixed = false;
    cr_assert_eq(ps_links_new(&options, &links), P2PSYNC_OK);
    cr_assert_neq(ps_links_port(links), taken);
    cr_assert_neq(ps_links_port(links), 0);
    ps_links_destroy(&links);
}

Test(test_links, rejects_hosts_that_are_not_of_this_machine)
{
    struct ps_links *links = NULL;
    struct ps_links_options options = {
        .secret_key = nodes[2].secret_key, .bind = true, .host = "192.0.2.1"};
    cr_assert_eq(ps_links_new(&options, &links), P2PSYNC_ENOTFOUND);
    options.host = "";
    cr_assert_eq(ps_links_new(&options, &links), P2PSYNC_EFORMAT);
    cr_assert_null(links);
}

Test(test_links, dials_no_more_than_its_limit)
{
    for (uint64_t i = 0; i < PS_LINKS_DIALLED_MAX; i++) {
        cr_assert_eq(ps_links_dial(nodes[1].links, i, &nodes[0].device, "127.0.0.1:1"), P2PSYNC_OK);
    }
    cr_assert_eq(
        ps_links_dial(nodes[1].links, PS_LINKS_DIALLED_MAX, &nodes[0].device, "127.0.0.1:1"),
        P2PSYNC_ELIMIT);
}

Test(test_links, pairs_with_a_stranger_under_the_key_it_proved)
{
    uint16_t port = 0;
    uint8_t curve_key[PS_CURVE_KEY_SIZE];
    cr_assert_eq(ps_links_pair_open(nodes[0].links, &port), P2PSYNC_OK);
    cr_assert_eq(crypto_sign_ed25519_pk_to_curve25519(curve_key, nodes[2].device.key), 0);
    cr_assert_eq(dial(&nodes[2], &nodes[0].device, port), P2PSYNC_OK);
    await(&nodes[2], PS_LINK_UP);
    cr_assert_eq(ps_links_send(nodes[2].links, LINK, ps_bytes_text("join")), P2PSYNC_OK);

    const struct told *join = await(&nodes[0], PS_LINK_PAIR_MESSAGE);
    cr_assert_str_eq(join->text, "join");
    cr_assert_arr_eq(join->event.curve_key, curve_key, sizeof curve_key);
    cr_assert_str_eq(join->event.address, "127.0.0.1");

    cr_assert_eq(ps_links_pair_send(nodes[0].links, join->event.link, ps_bytes_text("welcome")),
                 P2PSYNC_OK);
    ps_links_pair_close(nodes[0].links);
    cr_assert_str_eq(await(&nodes[2], PS_LINK_MESSAGE)->text, "welcome");
    await(&nodes[2], PS_LINK_DOWN);
}

Test(test_links, does_not_pair_without_listening)
{
    uint16_t port = 0;
    cr_assert_eq(ps_links_pair_open(nodes[1].links, &port), P2PSYNC_EMISUSE);
    cr_assert_eq(ps_links_pair_send(nodes[1].links, LINK, ps_bytes_text("x")),
                 P2PSYNC_EUNREACHABLE);
}

Test(test_links, takes_only_plain_endpoints)
{
    static const char *const valid[] = {"127.0.0.1:1", "host.example:65535", "[::1]:47470",
                                        "my_host-2:9"};
    static const char *const invalid[] = {
        "",    ":1",    "host",      "host:", "host:0",    "host:65536", "host:123456", "host:1x",
        "*:1", "a;b:1", "tcp://a:1", "a b:1", "::1:47470", "[]:1",       "[::1:47470"};
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        cr_assert(ps_socket_endpoint_valid(valid[i]), "%s", valid[i]);
    }
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        cr_assert_not(ps_socket_endpoint_valid(invalid[i]), "%s", invalid[i]);
    }
}
