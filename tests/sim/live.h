/* Liveness: what must happen, and within what time. After faults all nodes come to hold the same,
 * and then keep quiet. On a LAN without faults a write is everywhere, and known to be, at once; and
 * one node that holds something back, or was away for long, holds nobody up. */
#ifndef TESTS_SIM_LIVE_H
#define TESTS_SIM_LIVE_H

#include "tests/sim/checker.h"
#include "tests/sim/net.h"
#include "tests/sim/workload.h"

/* A run that is played, with what looks on. */
struct sim_live {
    struct sim_net *net;
    struct sim_checker *checker;
    struct sim_workload *workload;
};

/* Play `ms` milliseconds and check each node that moved. False after a failure. */
bool sim_live_advance(struct sim_live *live, uint64_t ms);

/* Faults have ended: play until all are in sync and equal. How long that took, in ms. */
uint64_t sim_live_recover(struct sim_live *live);

/* Nothing happens, and little is said. */
struct sim_idle {
    uint64_t pair_messages; /* an hour, of the pair that says most */
    uint64_t messages;      /* a minute, of all */
    uint64_t wakes;         /* a minute, of all: steps of engines */
};
struct sim_idle sim_live_rest(struct sim_live *live);

/* From here on the network is a LAN. */
void sim_live_prompt(struct sim_live *live);

#endif
