/* Members that lie where devices meet: in JOIN and WELCOME, in beacons, and in the name of a HELLO.
 * As in tests/sim/lies.h, which has the rest. */
#ifndef TESTS_SIM_GREETINGS_H
#define TESTS_SIM_GREETINGS_H

#include "tests/sim/net.h"

/* What `from` says instead of `bytes`, a JOIN, a WELCOME or a HELLO: itself, or a lie, in `out`. */
struct ps_bytes sim_greetings_differ(struct sim_net *net, unsigned from, struct ps_bytes bytes,
                                     struct ps_buf *out);

/* What `to` hears of a beacon of `from`, which may be a lie from here on. */
void sim_greetings_beacon(struct sim_net *net, unsigned from, unsigned to, struct ps_event *event);

#endif
