/* What a device has written itself is there at once: a reader sees it, as it was given. */
#ifndef TESTS_SIM_WRITTEN_H
#define TESTS_SIM_WRITTEN_H

#include "tests/sim/mesh.h"

/* Check a write that was committed. */
void sim_written_check(struct sim_net *net, unsigned node, const struct sim_write *write);

#endif
