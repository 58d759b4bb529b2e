/* Removals and roles: the founder and admins remove devices, lower and raise them, and make admins,
 * while all write on. In the end those that are members agree on all of it, hold the same of each
 * log, and nothing that one of them may report is left unreported; and of what a removed device
 * wrote after all others knew nothing is anywhere. */
#ifndef TESTS_SIM_REMOVALS_H
#define TESTS_SIM_REMOVALS_H

#include "tests/sim/workload.h"

/* Somebody decides something about somebody, if it may. */
void sim_removals_step(struct sim_workload *workload, struct sim_net *net);
/* Whether a node is no member by what the founder knows: it was removed, or who brought it in was,
 * before others had heard of that. Nobody has to be in sync with it. */
bool sim_removals_gone(struct sim_net *net, unsigned node);
/* Note what removed devices had written when all who are not removed know that. */
void sim_removals_watch(struct sim_net *net);
/* See above. */
void sim_removals_check(struct sim_net *net);

#endif
