/* The floor of what is sent: two processes on loopback with ZeroMQ and CURVE alone. */
#ifndef BENCH_RAW_ZMQ_H
#define BENCH_RAW_ZMQ_H

#include "tools/bench/bench.h"

/* Half of the median round trip of a message of `size` bytes, in seconds. Each is alone, `pause_ms`
 * behind the one before it, and so finds every thread asleep. */
double raw_zmq_half_round_trip(size_t size, unsigned pause_ms);

/* The straw man of a first sync: one process reads `count` records out of LMDB and sends them, the
 * other hashes each with BLAKE2b and does the two raw inserts, in commits of 10,000. Seconds from
 * the connection's begin to the last commit. */
double raw_zmq_first_sync(const struct bench_record *records, size_t count);

#endif
