/* Members that lie: of what a real engine says, one field is made untrue, in each field of each
 * message that somebody could believe. What it has signed for itself it signs again, so that the
 * lie is a good signature's. */
#ifndef TESTS_SIM_LIES_H
#define TESTS_SIM_LIES_H

#include "tests/sim/net.h"

/* Put what `from` says instead of `bytes` into `out`. The lie that it is; SIM_LIE_NONE: nothing in
 * the message can be made untrue in the way that was drawn. */
sim_lie sim_lies_tell(struct sim_net *net, unsigned from, struct ps_bytes bytes,
                      struct ps_buf *out);

/* For people: "HEADS: a root". */
const char *sim_lies_name(sim_lie lie);

#endif
