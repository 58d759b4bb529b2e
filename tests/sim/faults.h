/* The faults of a simulated run. While they are on, the dice are rolled every half second of
 * virtual time. */
#ifndef TESTS_SIM_FAULTS_H
#define TESTS_SIM_FAULTS_H

#include "tests/sim/net.h"

void sim_faults_begin(struct sim_net *net);

/* End the faults: the network is whole again, and nodes that are down restart. */
void sim_faults_end(struct sim_net *net);

/* Roll the dice once; net.c calls it. */
void sim_faults_roll(struct sim_net *net);

#endif
