/* What scripted tests of the engine share: a calm network of a few devices of one mesh, and puppets
 * that send what the test wants. Each Criterion test is a process of its own, so one network is
 * enough. */
#ifndef TESTS_SIM_SCRIPT_H
#define TESTS_SIM_SCRIPT_H

#include "tests/sim/checker.h"
#include "tests/sim/mesh.h"
#include "tests/sim/net.h"
#include "tests/sim/workload.h"

extern struct sim_net sim_script;

/* Make `nodes` devices members of one mesh, which device 0 founds, and start them. */
void sim_script_begin(unsigned nodes);
/* The same with other options than those of a calm network. */
void sim_script_begin_with(const struct sim_options *options);
void sim_script_end(void);

/* Play until all are in sync, but no longer than `ms` milliseconds. True if they are. */
bool sim_script_settle(uint64_t ms);

/* Part two devices: no packet gets from one to the other, and their links break. */
void sim_script_part(unsigned a, unsigned b);
void sim_script_join(unsigned a, unsigned b);

/* The HELLO that a device of the mesh of device 0 would send. */
struct ps_hello sim_script_hello(unsigned puppet);
void sim_script_send_hello(unsigned puppet, size_t link, const struct ps_hello *hello);

/* How many messages of a type have reached a puppet, and the newest of them. */
size_t sim_script_captured(unsigned puppet, uint64_t type);
const struct sim_capture *sim_script_newest(unsigned puppet, uint64_t type);

#endif
