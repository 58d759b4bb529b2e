/* What the suites of links share: links over real sockets on 127.0.0.1, each node with its own
 * context. Whatever is waited for is waited for with poll, and never comes if it has not in two
 * minutes; nothing is timed. */
#ifndef PS_TESTS_NODE_LINKED_H
#define PS_TESTS_NODE_LINKED_H

#include <sodium.h>

#include "node/links/links.h"

#define LINKED_NODES_MAX   3
#define LINKED_EVENTS_MAX  256
#define LINKED_DEADLINE_MS 120000
#define LINKED_LINK        7 /* any number that is not PS_LINK_ACCEPTED */

struct linked_told {
    struct ps_link_event event;
    char text[32]; /* beginning of a message */
};

struct linked_node {
    struct ps_links *links;
    struct ps_device device;
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    uint16_t port; /* of node 0 */
    struct linked_told told[LINKED_EVENTS_MAX];
    size_t told_count;
    size_t taken;
};

extern struct linked_node linked_nodes[LINKED_NODES_MAX];

uint64_t linked_now_ms(void);

/* Only the keys of all, for a process that has no links: no thread is begun. */
void linked_identify(void);

/* Node 0 listens, and admits node 1; node 2 is a stranger. For the suites' .init and .fini. */
void linked_setup(void);
void linked_teardown(void);

/* Wait until a node has something to tell, not over `until_ms`, then let all of them tell it. */
void linked_turn(uint64_t until_ms);

/* The next event of `node`, which must be of this type. */
const struct linked_told *linked_await(struct linked_node *node, ps_link_event_type type);

p2psync_result linked_dial(struct linked_node *node, const struct ps_device *device, uint16_t port);
/* Dial node 0, and wait until that is up. */
void linked_dial_up(struct linked_node *node);

/* Node 1 dials node 0 and says hello; the number that node 0 gave the link. */
uint64_t linked_connect_both(void);

/* A DEALER of the test's own, with node 1's key but none of the link's manners. `ping_ms`: of
 * libzmq's heartbeats; 0: none. */
void *linked_raw_dealer_pinging(void *context, const void *routing_id, size_t routing_id_size,
                                int ping_ms);
void *linked_raw_dealer(void *context, const void *routing_id, size_t routing_id_size);
/* One for which hardly anything of what it does not receive leaves the sender. */
void *linked_raw_dealer_deaf(void *context);

/* A ROUTER likewise, with node 2's key, that lets anybody in. */
void *linked_raw_router(void *context, int ping_ms, uint16_t *port_out);

/* Node 1 dials it and says hello: the id of the connection. */
size_t linked_raw_router_accept(void *router, uint16_t port, uint8_t id_out[static 32]);

#endif
