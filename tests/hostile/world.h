/* Two honest nodes in this process. They are members of one mesh and connected. Hostile devices try
 * to harm the `victim`; the node `honest` must not notice. */
#ifndef TESTS_HOSTILE_WORLD_H
#define TESTS_HOSTILE_WORLD_H

#include "tests/hostile/hostile.h"
#include "tests/lib/decided.h"
#include "tests/node/nodes.h"

struct world {
    char dirs[2][NODES_DIR_SIZE];
    char endpoints[2][NODES_ENDPOINT_SIZE]; /* where they listen, also after a restart */
    p2psync_node *victim;
    p2psync_node *honest;
    p2psync_resolver_fn *resolver; /* of the victim, from its next start on */
    unsigned puts;
    size_t allocated; /* bytes, while nothing happened yet */
};

void world_begin(struct world *world);
/* Check that the honest nodes still agree, and close them. */
void world_end(struct world *world);

/* Open and start a node that was closed. 0: the victim, 1: the honest node. It listens where it
 * listened before, so that the others find it. */
void world_restart(struct world *world, unsigned index);

/* Make `hostile` a member, and connect it to the victim. */
void world_admit(struct world *world, struct hostile *hostile);

/* Check that what one honest node writes reaches the other. */
void world_check_sync(struct world *world);

/* Wait until `node` has counted a fault of `device` whose text is `text`. */
void world_await_fault(p2psync_node *node, const struct ps_device *device, const char *text);
/* How many faults of `device` it has counted. */
unsigned world_faults(p2psync_node *node, const struct ps_device *device);
struct ps_device world_device(p2psync_node *node);

/* Bytes that this process has allocated, for all nodes and hostile clients together. */
size_t world_allocated(void);
/* Fail if that has grown by more than `peers` hostile peers may cost. */
void world_check_memory(const struct world *world, size_t peers);

/* What makes a device an admin, by the victim's store: its own acts name it. */
struct ps_act_id world_grant(struct world *world, const struct ps_device *device);

#endif
