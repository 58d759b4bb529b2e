/* What must be true of simulated nodes. While faults are on, no verified change is altered or lost,
 * logs of equal size have equal roots, transactions are seen whole or not at all, and local
 * collections stay on their node. At the end every node holds the same records, and they are what
 * the version rule makes of the logs. */
#ifndef TESTS_SIM_CHECKER_H
#define TESTS_SIM_CHECKER_H

#include "tests/sim/net.h"

struct sim_checker;

struct sim_checker *sim_checker_new(void);
void sim_checker_destroy(struct sim_checker **checker);

/* Check the logs and the transactions of a node. Cheap if nothing was committed since the last
 * call.
 */
void sim_check_node(struct sim_checker *checker, struct sim_net *net, unsigned node);

/* Hashes of the node's common root, and of all that readers see of what travels. On the way its
 * list of conflicts and its counters are checked. False: there are changes that are not applied, so
 * another node with the same root may show something else. */
bool sim_shown(struct sim_net *net, unsigned node, uint64_t *root_out, uint64_t *shown_out);

/* Check what the engine of a node claims of its peers. Not for runs in which stores lose their
 * past.
 */
void sim_check_claims(struct sim_net *net, unsigned node);

/* Check that the engine of a node blames nobody who is honest. Not for runs in which messages are
 * corrupted on their way. */
void sim_check_blame(struct sim_net *net, unsigned node);

/* Whether all nodes run, hold the same, have no changes pending, and know that they are in sync. */
bool sim_check_in_sync(struct sim_net *net);

/* The same of all pairs but those that cannot have met yet, though there have been no faults since
 * `since_ms`: one has barred the other, or is new to all and pauses between two dials.
 * until_ms_out: when the last of these must have met, in virtual time; 0: there are none. */
bool sim_check_in_sync_but_parted(struct sim_net *net, uint64_t since_ms, uint64_t *until_ms_out);

/* Print for people why they are not. */
void sim_check_explain(struct sim_net *net);

/* Check that all nodes have byte-identical records, the same members, and correct counters. */
void sim_check_equal(struct sim_net *net);

/* Check that the records of a node are what its applied changes make of them. The checker computes
 * this in another way than the store. */
void sim_check_rule(struct sim_net *net, unsigned node);

/* The state of a node, computed from its store. */
/* Whether a node holds something of closed logs that is not covered, and so is in no root: then it
 * may show other records than others do at equal roots. */
bool sim_hides(struct sim_net *net, unsigned node);
struct ps_state sim_state(struct sim_net *net, unsigned node);

/* The number in the field "value" of a record, as a reader on the node sees it. UINT64_MAX: there
 * is no such record, or it is deleted. */
uint64_t sim_get(struct sim_net *net, unsigned node, const char *collection, const char *id);

/* How many changes of a collection the node holds. */
uint64_t sim_changes(struct sim_net *net, unsigned node, const char *collection);

#endif
