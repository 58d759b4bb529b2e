/* The faults of a simulated run, rolled each half second of virtual time while they are on. */
#ifndef TESTS_SIM_FAULTS_H
#define TESTS_SIM_FAULTS_H

#include "tests/sim/net.h"

void sim_faults_begin(struct sim_net *net);

/* End them: whole network, all nodes running or about to. */
void sim_faults_end(struct sim_net *net);

/* For the network. */
void sim_faults_roll(struct sim_net *net);

#endif
