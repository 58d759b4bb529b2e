/* One backup that is restored on two machines: the same device runs twice, in two incarnations,
 * until somebody makes the second one a device of its own, which then joins by an invite. */
#ifndef TESTS_SIM_TWINS_H
#define TESTS_SIM_TWINS_H

#include "tests/sim/net.h"

/* Some time from now a device, drawn then, is saved, and restored in its place and elsewhere. */
void sim_twins_plan(struct sim_net *net, uint64_t within_ms);

/* Do so with this device now. It must run. */
void sim_twins_begin(struct sim_net *net, unsigned node);

/* The second machine becomes a device of its own. Does nothing if there is none, or it is one
 * already. */
void sim_twins_end(struct sim_net *net);

/* Whether there are two now. */
bool sim_twins_run(const struct sim_net *net);

/* Whether a node is one of two with the same device, or was: what others say of that device was
 * said of either. */
bool sim_twins_has(const struct sim_net *net, unsigned node);

/* net.c calls it. */
void sim_twins_due(struct sim_net *net);

#endif
