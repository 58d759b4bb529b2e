/* The disk under the stores of simulated devices. It stands in the place of the system's writes and
 * flushes, for our own calls and for LMDB's, and keeps of every page what it held at the last
 * flush. So it can lose power: of what was written since, some pages are there, some are as they
 * were, and some are torn between two sectors. It can also fail, stop, or be full.
 *
 * Only files below the watched folder are concerned; all others are written as ever. A process has
 * one such disk. Thread  one. */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/lib/prng.h"

/* Watch the files below `dir` from now on; what was known of others is forgotten. */
void sim_disk_watch(const char *dir);
void sim_disk_unwatch(void);

/* Let write or flush number `n` (from 0) below `dir` fail with this errno, and only that one; of a
 * file that grows by it, or of any. */
void sim_disk_fail(const char *dir, unsigned n, int error);
/* Let all writes and flushes below `dir` fail from number `n` (from 0) on: its process is dead. */
void sim_disk_stop(const char *dir, unsigned n);
/* Nothing below `dir` may grow, and it says that nothing is free. */
void sim_disk_fill(const char *dir);
/* From now on all goes well. Returns how many calls have failed. */
unsigned sim_disk_mend(void);

/* The power fails: what is below `dir` and was not flushed is lost, torn or there, as is drawn.
 * Returns how many pages were lost or torn. Nothing may have a file there open. */
unsigned sim_disk_cut(const char *dir, struct prng *random);

/* How often something below the watched folder was flushed: calls that flush, and writes that do
 * not return before they are on the disk. */
uint64_t sim_disk_flushes(void);

#endif
