/* Peers that speak differently than our engine, each as it may: one that grants little credit, one
 * of a later version, and members that lie. They are played by real engines, of which some messages
 * are changed on their way. */
#ifndef TESTS_SIM_DIFFER_H
#define TESTS_SIM_DIFFER_H

#include "tests/sim/net.h"

/* What `from` says instead of `bytes`: these, or what is put into `out`. */
struct ps_bytes sim_differ(struct sim_net *net, unsigned from, struct ps_bytes bytes,
                           struct ps_buf *out);

/* A message of a type to come, which goes before one of this type. False: none does. */
bool sim_differ_before(struct sim_net *net, uint64_t type, struct ps_buf *out);

#endif
