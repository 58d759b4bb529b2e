/* Devices that drop their past, as `p2psync reset` does (node/api/reset.c), and only where that
 * does it: another device was in sync when this one stopped, and is there now. So nothing may be
 * lost by it. */
#ifndef TESTS_SIM_RESET_H
#define TESTS_SIM_RESET_H

#include "tests/sim/net.h"

/* A node that is down starts again: reset it now and then, while there are faults, if it may be. */
void sim_reset_roll(struct sim_net *net, unsigned node);

#endif
