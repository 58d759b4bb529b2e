/* A run as lines for people: when, who, and what, with the devices under names.
 *
 *       12.431 s  ada → ben  HEADS notes/cleo 3 of 7
 *
 * A run is its seed's, so the same command gives the same lines, byte for byte. */
#ifndef TESTS_SIM_TRACE_H
#define TESTS_SIM_TRACE_H

#include "tests/sim/net.h"

/* What a simulated device is called: ada, ben, cleo, ..., zoe, ada2, ... Of SIM_NODES_MAX: nobody.
 * Static. */
const char *sim_name(unsigned node);

/* Print a line, if the run is traced. */
__attribute__((format(printf, 2, 3))) void sim_trace(const struct sim_net *net, const char *format,
                                                     ...);

/* Print what a node sends, if the run is traced. Logs that are named by number are looked up in the
 * stores of both. */
void sim_trace_message(const struct sim_net *net, unsigned from, unsigned to,
                       struct ps_bytes message);

#endif
