/* What apps do on simulated devices: edits of few records by many, so that they conflict;
 * transactions; large values; renames; requests to sync. */
#ifndef TESTS_SIM_WORKLOAD_H
#define TESTS_SIM_WORKLOAD_H

#include "tests/sim/net.h"

/* Groups of records in SIM_GROUPS that one device alone writes, all of a group in each transaction,
 * all with the same number: on every device, at every moment, they must agree. */
#define SIM_GROUPS     "groups"
#define SIM_GROUP_SIZE 4
#define SIM_LOCAL      "_local_notes"

struct sim_workload {
    struct prng random;
    uint64_t counter;
    uint64_t writes; /* acknowledged */
};

void sim_workload_init(struct sim_workload *workload, const struct sim_options *options);

/* One thing on one device. */
void sim_workload_step(struct sim_workload *workload, struct sim_net *net);

/* Put one field of one record. */
void sim_put(struct sim_net *net, unsigned node, const char *collection, const char *id,
             uint64_t value);

/* Put `count` records of `size` bytes each, in one transaction. */
void sim_put_many(struct sim_net *net, unsigned node, const char *collection, size_t count,
                  size_t size);

#endif
