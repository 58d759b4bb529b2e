/* One simulated run from its seed. In the first phase there are faults, and nothing may be lost. In
 * the second phase there are none: all nodes must come to hold the same, and then keep quiet. In
 * the third one the network is a LAN, and what is written must be everywhere at once. */
#ifndef TESTS_SIM_RUN_H
#define TESTS_SIM_RUN_H

#include "tests/sim/live.h"

struct sim_report {
    uint64_t writes;
    uint64_t virtual_ms;
    uint64_t in_sync_ms; /* from the last fault until all are in sync */
    uint64_t
        rounds; /* comparisons that were asked for, while there were faults and until in sync */
    uint64_t messages;
    uint64_t bytes;
    struct sim_idle idle;
    uint64_t digest;
    struct sim_played_counts played;
};

/* Play the run. False: it failed, and the reason was printed. */
bool sim_run(const struct sim_options *options, struct sim_report *report);

#endif
