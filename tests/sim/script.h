/* What scripted tests of the engine share: a calm network of a few devices of one mesh, and a
 * puppet that speaks as the test wants. Each Criterion test is a process of its own, so one network
 * will do. */
#ifndef TESTS_SIM_SCRIPT_H
#define TESTS_SIM_SCRIPT_H

#include "tests/sim/checker.h"
#include "tests/sim/mesh.h"
#include "tests/sim/net.h"
#include "tests/sim/workload.h"

extern struct sim_net sim_script;

/* Let `nodes` devices be members of one mesh, founded by device 0, and run. */
void sim_script_begin(unsigned nodes);
/* As above, with other options than a calm network's. */
void sim_script_begin_with(const struct sim_options *options);
void sim_script_end(void);

/* Play until all are in sync, or `ms` milliseconds. */
bool sim_script_settle(uint64_t ms);

/* Neither gets anything through to the other; their links break. */
void sim_script_part(unsigned a, unsigned b);
void sim_script_join(unsigned a, unsigned b);

/* The HELLO that a device of the mesh of device 0 would send. */
struct ps_hello sim_script_hello(unsigned puppet);
void sim_script_send_hello(unsigned puppet, size_t link, const struct ps_hello *hello);

/* The messages of a type that have reached a puppet; the newest one. */
size_t sim_script_captured(unsigned puppet, uint64_t type);
const struct sim_capture *sim_script_newest(unsigned puppet, uint64_t type);

#endif
