/* Entries that a device signs and that mean nothing here, or not all that they say: of a later
 * version, with a body that counts as none, inert, and such as wait for ever. */
#ifndef TESTS_SIM_MEANINGLESS_H
#define TESTS_SIM_MEANINGLESS_H

#include "tests/sim/workload.h"

/* Write one on a device, in a log of its own. */
void sim_meaningless_step(struct sim_workload *workload, struct sim_net *net, unsigned node);

/* Whether some entry may wait for ever: for a parent, or for the end of its transaction. */
bool sim_meaningless_waits(const struct sim_net *net);

#endif
