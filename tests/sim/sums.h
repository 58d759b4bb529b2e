/* Numbers and sets that all devices add to, by the field rules `counter` and `union`. Whatever
 * order things come in, in the end everything that was added is there, once: so a merge is known to
 * be right, and not only the same everywhere. */
#ifndef TESTS_SIM_SUMS_H
#define TESTS_SIM_SUMS_H

#include "tests/sim/workload.h"

/* Say by which rules they are merged. Before any device but `node` is there. */
void sim_sums_begin(struct sim_net *net, unsigned node);

/* Add something, if the device knows the rules. */
void sim_sums_step(struct sim_workload *workload, struct sim_net *net, unsigned node);

/* All are in sync: what was added must be there. Not for runs in which a device loses its past. */
void sim_sums_check(struct sim_net *net, unsigned node);

#endif
