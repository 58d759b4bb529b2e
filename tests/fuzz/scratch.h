/* A directory in which a target works. */
#ifndef TESTS_FUZZ_SCRATCH_H
#define TESTS_FUZZ_SCRATCH_H

/* Make it; it is removed when the process ends, with `file`, the one that the target may leave in
 * it. Returns its descriptor. Once in a process. */
int scratch_begin(const char *file);

#endif
