/* What must hold of simulated nodes. While faults are on: nothing verified ever changes or is lost,
 * equal sizes have equal roots, transactions are seen whole or not at all, local collections stay.
 * In the end: every node holds the same, and it is what the version rule makes of the logs. */
#ifndef TESTS_SIM_CHECKER_H
#define TESTS_SIM_CHECKER_H

#include "tests/sim/net.h"

struct sim_checker;

struct sim_checker *sim_checker_new(void);
void sim_checker_destroy(struct sim_checker **checker);

/* Look at the logs of a node, and at its transactions; cheap if nothing was committed since. */
void sim_check_node(struct sim_checker *checker, struct sim_net *net, unsigned node);

/* Whether all nodes run, hold the same with nothing pending, and know it. */
bool sim_check_in_sync(struct sim_net *net);

/* Why not, for people. */
void sim_check_explain(struct sim_net *net);

/* All nodes have byte-identical records, the same members, and right counters. */
void sim_check_equal(struct sim_net *net);

/* The records of a node are what its applied changes make of them, worked out in another way. */
void sim_check_rule(struct sim_net *net, unsigned node);

/* Every log that is forked on no node is of the same size on all. */
void sim_check_unforked(struct sim_net *net);

/* The state of a node as its store sees it. */
struct ps_state sim_state(struct sim_net *net, unsigned node);

/* The number in field "value" of a record as read on a node; UINT64_MAX: it is not there, or is
 * deleted. */
uint64_t sim_get(struct sim_net *net, unsigned node, const char *collection, const char *id);

#endif
