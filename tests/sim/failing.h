/* Disks that fail while a simulated device writes: a write or a flush that gives an error, a disk
 * that is full, power that fails in the middle of a commit. The node must say so, and nothing of
 * what it did not commit may leave it. */
#ifndef TESTS_SIM_FAILING_H
#define TESTS_SIM_FAILING_H

#include "tests/sim/net.h"

/* Before something writes to the store of a node: draw what the disk will do. */
void sim_failing_begin(struct sim_net *net, unsigned node);

/* After that, which gave `result`; the disk is well again. A failure without an error fails the
 * run. So do, of a step of its engine, an error without a failure, and effects that tell others of
 * what was not committed. effects: NULL, it was another write. */
void sim_failing_end(struct sim_net *net, unsigned node, p2psync_result result,
                     const struct ps_effects *effects);

/* Whether what was written last may give this error, because of its disk. */
bool sim_failing_excuses(const struct sim_net *net, unsigned node, p2psync_result result);

/* Whether the power of the node has failed in between. */
bool sim_failing_took_power(const struct sim_net *net, unsigned node);

#endif
