/* The nodes of the suites of links. */
#include "linked.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <zmq.h>

#include "node/links/socket.h"

struct linked_node linked_nodes[LINKED_NODES_MAX];

static void *raw_dealer(void *context);
static void raw_connect(void *dealer);

uint64_t linked_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* No thread is begun. */
void linked_identify(void)
{
    cr_assert(sodium_init() >= 0);
    for (size_t i = 0; i < LINKED_NODES_MAX; i++) {
        struct linked_node *node = &linked_nodes[i];
        uint8_t seed[crypto_sign_SEEDBYTES];
        memset(seed, (int)i + 1, sizeof seed);
        do {
            seed[0]++;
            crypto_sign_seed_keypair(node->device.key, node->secret_key, seed);
        } while (!ps_device_valid(&node->device));
    }
}

/* Node 0 listens, and admits node 1; node 2 is a stranger. */
void linked_setup(void)
{
    linked_identify();
    for (size_t i = 0; i < LINKED_NODES_MAX; i++) {
        struct linked_node *node = &linked_nodes[i];
        struct ps_links_options options = {
            .secret_key = node->secret_key, .bind = i == 0, .host = "127.0.0.1"};
        cr_assert_eq(ps_links_new(&options, &node->links), P2PSYNC_OK);
    }
    linked_nodes[0].port = ps_links_port(linked_nodes[0].links);
    cr_assert_eq(ps_links_allow(linked_nodes[0].links, &linked_nodes[1].device, 1), P2PSYNC_OK);
}

void linked_teardown(void)
{
    for (size_t i = 0; i < LINKED_NODES_MAX; i++) {
        ps_links_destroy(&linked_nodes[i].links);
    }
}

static void collect(struct linked_node *node)
{
    struct ps_link_event event;
    while (node->told_count < LINKED_EVENTS_MAX && !ps_links_next(node->links, &event)) {
        if (event.type == PS_LINK_PASSES) {
            continue; /* when much was sent, at some heartbeat or other */
        }
        struct linked_told *told = &node->told[node->told_count++];
        told->event = event;
        size_t size =
            event.bytes.size < sizeof told->text ? event.bytes.size : sizeof told->text - 1;
        if (size) {
            memcpy(told->text, event.bytes.data, size);
        }
    }
}

/* Wait until a node has something to tell, not over `until_ms`, then let all of them tell it. */
void linked_turn(uint64_t until_ms)
{
    struct pollfd items[LINKED_NODES_MAX];
    nfds_t count = 0;
    for (size_t i = 0; i < LINKED_NODES_MAX; i++) {
        if (linked_nodes[i].links) {
            items[count++] =
                (struct pollfd){.fd = ps_links_fd(linked_nodes[i].links), .events = POLLIN};
        }
    }
    uint64_t now = linked_now_ms();
    poll(items, count, until_ms > now ? (int)(until_ms - now) : 0);
    for (size_t i = 0; i < LINKED_NODES_MAX; i++) {
        if (linked_nodes[i].links) {
            collect(&linked_nodes[i]);
        }
    }
}

/* The next event of `node`, which must be of this type. */
const struct linked_told *linked_await(struct linked_node *node, ps_link_event_type type)
{
    uint64_t until_ms = linked_now_ms() + LINKED_DEADLINE_MS;
    while (node->taken == node->told_count && linked_now_ms() < until_ms) {
        linked_turn(until_ms);
    }
    cr_assert_lt(node->taken, node->told_count, "no event came");
    const struct linked_told *told = &node->told[node->taken++];
    cr_assert_eq(told->event.type, type, "event %d instead of %d", (int)told->event.type,
                 (int)type);
    return told;
}

p2psync_result linked_dial(struct linked_node *node, const struct ps_device *device, uint16_t port)
{
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u", (unsigned)port);
    return ps_links_dial(node->links, LINKED_LINK, device, endpoint);
}

void linked_dial_up(struct linked_node *node)
{
    cr_assert_eq(linked_dial(node, &linked_nodes[0].device, linked_nodes[0].port), P2PSYNC_OK);
    const struct linked_told *up = linked_await(node, PS_LINK_UP);
    cr_assert_eq(up->event.link, LINKED_LINK);
    cr_assert(ps_device_equal(&up->event.device, &linked_nodes[0].device));
}

/* Node 1 dials node 0 and says hello; the number that node 0 gave the link. */
uint64_t linked_connect_both(void)
{
    linked_dial_up(&linked_nodes[1]);
    cr_assert_eq(ps_links_send(linked_nodes[1].links, LINKED_LINK, ps_bytes_text("hello")),
                 P2PSYNC_OK);
    uint64_t link = linked_await(&linked_nodes[0], PS_LINK_UP)->event.link;
    cr_assert_eq(linked_await(&linked_nodes[0], PS_LINK_MESSAGE)->event.link, link);
    return link;
}

/* Give a socket of this test's own the key of `own`. */
static void set_keys(void *socket, const struct linked_node *own)
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
void *linked_raw_dealer_pinging(void *context, const void *routing_id, size_t routing_id_size,
                                int ping_ms)
{
    void *dealer = raw_dealer(context);
    zmq_setsockopt(dealer, ZMQ_HEARTBEAT_IVL, &ping_ms, sizeof ping_ms);
    zmq_setsockopt(dealer, ZMQ_HEARTBEAT_TIMEOUT, &(int){LINKED_DEADLINE_MS}, sizeof(int));
    if (routing_id_size) {
        zmq_setsockopt(dealer, ZMQ_ROUTING_ID, routing_id, routing_id_size);
    }
    raw_connect(dealer);
    return dealer;
}

void *linked_raw_dealer(void *context, const void *routing_id, size_t routing_id_size)
{
    return linked_raw_dealer_pinging(context, routing_id, routing_id_size, 0);
}

void *linked_raw_dealer_deaf(void *context)
{
    void *dealer = raw_dealer(context);
    zmq_setsockopt(dealer, ZMQ_RCVHWM, &(int){1}, sizeof(int));
    zmq_setsockopt(dealer, ZMQ_RCVBUF, &(int){16384}, sizeof(int));
    raw_connect(dealer);
    return dealer;
}

static void *raw_dealer(void *context)
{
    uint8_t server_key[32];
    cr_assert_eq(crypto_sign_ed25519_pk_to_curve25519(server_key, linked_nodes[0].device.key), 0);
    void *dealer = zmq_socket(context, ZMQ_DEALER);
    set_keys(dealer, &linked_nodes[1]);
    zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, server_key, sizeof server_key);
    return dealer;
}

static void raw_connect(void *dealer)
{
    char endpoint[48];
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", (unsigned)linked_nodes[0].port);
    cr_assert_eq(zmq_connect(dealer, endpoint), 0);
}

/* A ROUTER likewise, with node 2's key, that lets anybody in. */
void *linked_raw_router(void *context, int ping_ms, uint16_t *port_out)
{
    char endpoint[64] = "";
    size_t size = sizeof endpoint;
    void *router = zmq_socket(context, ZMQ_ROUTER);
    set_keys(router, &linked_nodes[2]);
    zmq_setsockopt(router, ZMQ_CURVE_SERVER, &(int){1}, sizeof(int));
    zmq_setsockopt(router, ZMQ_HEARTBEAT_IVL, &ping_ms, sizeof ping_ms);
    zmq_setsockopt(router, ZMQ_HEARTBEAT_TIMEOUT, &(int){LINKED_DEADLINE_MS}, sizeof(int));
    cr_assert_eq(zmq_bind(router, "tcp://127.0.0.1:*"), 0);
    cr_assert_eq(zmq_getsockopt(router, ZMQ_LAST_ENDPOINT, endpoint, &size), 0);
    *port_out = (uint16_t)strtoul(strrchr(endpoint, ':') + 1, NULL, 10);
    return router;
}

/* Node 1 dials it and says hello: the id of the connection. */
size_t linked_raw_router_accept(void *router, uint16_t port, uint8_t id_out[static 32])
{
    char text[16];
    cr_assert_eq(linked_dial(&linked_nodes[1], &linked_nodes[2].device, port), P2PSYNC_OK);
    linked_await(&linked_nodes[1], PS_LINK_UP);
    cr_assert_eq(ps_links_send(linked_nodes[1].links, LINKED_LINK, ps_bytes_text("hello")),
                 P2PSYNC_OK);
    int size = zmq_recv(router, id_out, 32, 0);
    cr_assert_gt(size, 0);
    cr_assert_eq(zmq_recv(router, text, sizeof text, 0), 5);
    return (size_t)size;
}
