/* The work of apps and people beyond plain edits: settings that change while edits are under way,
 * conflicts that are resolved, copies that are edited, conditions, archives, reverts, and answers
 * that devices give by themselves, each in its own way. */
#ifndef TESTS_SIM_WORK_H
#define TESTS_SIM_WORK_H

#include "tests/sim/workload.h"

/* Do one such thing on one device. */
void sim_work_step(struct sim_workload *workload, struct sim_net *net, unsigned node);

/* Let the device answer the conflicts that it knows, if it is in sync with all that it is connected
 * to; then plan the next time. */
void sim_work_answer(struct sim_net *net, unsigned node);

/* Draw the fields of a record, each of the kind that a rule for it is for. */
void sim_work_fields(struct prng *random, struct ps_writer *writer, uint64_t present);
#define SIM_FIELDS 5

#endif
