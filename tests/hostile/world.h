/* Two honest nodes in this process, members of one mesh and connected: `victim`, whom hostile
 * devices harm, and `honest`, who must not notice. */
#ifndef TESTS_HOSTILE_WORLD_H
#define TESTS_HOSTILE_WORLD_H

#include "tests/hostile/hostile.h"
#include "tests/node/nodes.h"

struct world {
    char dirs[2][NODES_DIR_SIZE];
    char endpoints[2][NODES_ENDPOINT_SIZE]; /* where they listen, always */
    p2psync_node *victim;
    p2psync_node *honest;
    unsigned puts;
    size_t allocated; /* when everything was quiet */
};

void world_begin(struct world *world);
/* Sees first that the honest ones still agree. */
void world_end(struct world *world);

/* Open and start what was closed, 0: the victim, 1: the honest one; where it was before, so that
 * the others find it. */
void world_restart(struct world *world, unsigned index);

/* Make `hostile` a member, and connect it. */
void world_admit(struct world *world, struct hostile *hostile);

/* What either writes comes to the other. */
void world_check_sync(struct world *world);

/* Wait until `node` has counted a fault of `device` whose text is `text`. */
void world_await_fault(p2psync_node *node, const struct ps_device *device, const char *text);
/* How many it has counted. */
unsigned world_faults(p2psync_node *node, const struct ps_device *device);
struct ps_device world_device(p2psync_node *node);

/* Bytes that this process has allocated: of all nodes, and of the hostile clients. */
size_t world_allocated(void);
/* Fails if it is more than `peers` hostile peers may cost. */
void world_check_memory(const struct world *world, size_t peers);

#endif
