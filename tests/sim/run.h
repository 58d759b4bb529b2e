/* One simulated run from its seed: a phase with faults, in which nothing may be lost, and a phase
 * without, in which all nodes must come to hold the same, and then be quiet. */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "tests/sim/net.h"

struct sim_report {
    uint64_t writes;
    uint64_t virtual_ms;
    uint64_t in_sync_ms; /* from the last fault to all in sync */
    uint64_t messages;
    uint64_t idle_messages; /* of the busiest pair while idle, per hour */
    uint64_t digest;
};

/* Play it. False: it failed, and the reason was printed. */
bool sim_run(const struct sim_options *options, struct sim_report *report);

#endif
