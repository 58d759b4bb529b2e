/* Credit is kept: of no log more is under way than a WANT has granted, and a first message more. It
 * is looked at where nothing is sent unasked, because a push grants itself its credit. */
#ifndef TESTS_SIM_CREDIT_H
#define TESTS_SIM_CREDIT_H

#include "tests/sim/net.h"

/* A WANT or an ACK reaches who sends, at one end of a link; other messages do not matter. */
void sim_credit_granted(struct sim_net *net, size_t link, unsigned node, struct ps_bytes bytes);

/* CHANGES leave, with plain entries. */
void sim_credit_spent(struct sim_net *net, size_t link, unsigned node,
                      const struct ps_changes *changes, struct ps_bytes entries);

/* A step of `node` has failed: it forgets what is under way, as what its store did not take may be
 * of that. */
void sim_credit_forget(struct sim_net *net, unsigned node);

#endif
