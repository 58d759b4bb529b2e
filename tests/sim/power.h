/* Simulated devices whose process is killed, or whose power fails. What is committed is there
 * afterwards if the store flushes; if it does not, a device without power may lose its past, or the
 * whole store. */
#ifndef TESTS_SIM_POWER_H
#define TESTS_SIM_POWER_H

#include "tests/sim/net.h"

/* Close the store of a node whose engine is gone as the system does when a process is killed:
 * nothing more is written. */
void sim_power_close(struct sim_net *net, unsigned node);

/* A digest of all that a store has committed. */
uint64_t sim_power_digest(struct sim_net *net, unsigned node);

/* Let the power of a node fail that is up, and look at what is left. */
void sim_power_cut(struct sim_net *net, unsigned node);

#endif
