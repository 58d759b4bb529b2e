/* What apps do on simulated devices. Many edit the same few records, so that edits conflict.
 * Besides, there are transactions, large values, renames, and requests to sync. */
#ifndef TESTS_SIM_WORKLOAD_H
#define TESTS_SIM_WORKLOAD_H

#include "tests/sim/net.h"

/* SIM_GROUPS holds groups of records. Only one device writes a group, and each of its transactions
 * writes the same number into all records of the group. So on every device, at every moment, the
 * records of a group must agree. */
#define SIM_GROUPS     "groups"
#define SIM_GROUP_SIZE 4
#define SIM_LOCAL      "_local_notes"
#define SIM_NAMES      6 /* records r0 to r5 of each collection are edited by all */

struct sim_workload {
    struct prng random;
    uint64_t counter;
    uint64_t writes; /* that returned OK */
};

void sim_workload_init(struct sim_workload *workload, const struct sim_options *options);

/* Do one thing on one device. */
void sim_workload_step(struct sim_workload *workload, struct sim_net *net);

/* Put the field "value" of one record. */
void sim_put(struct sim_net *net, unsigned node, const char *collection, const char *id,
             uint64_t value);

/* Put `count` records of `size` bytes each, in one transaction. */
void sim_put_many(struct sim_net *net, unsigned node, const char *collection, size_t count,
                  size_t size);

/* Put as many records as one transaction may have, and see that one more are refused. */
void sim_put_vast(struct sim_net *net, unsigned node, const char *collection);

#endif
