/* Who waits to write. LMDB has one write transaction for all processes, and a writer waits in the
 * system, where the one at work cannot see it. So each announces itself before it waits: whoever
 * holds the transaction for long can find out that it is awaited, end it soon, and stand back.
 *
 * An announcement is a count within the process, and towards others a lock on a byte of the stamp's
 * file, which the kernel takes away with a process that dies. It blocks nobody: a process that is
 * stopped while it waits costs others nothing but their politeness. */
#ifndef PS_STORE_ENV_GATE_H
#define PS_STORE_ENV_GATE_H

#include <pthread.h>
#include <stdbool.h>

struct ps_gate {
    pthread_mutex_t mutex; /* of what follows */
    unsigned waiting;      /* threads of this process */
};

/* Errors  none: false if there is no memory. */
bool ps_gate_init(struct ps_gate *gate);
void ps_gate_deinit(struct ps_gate *gate);

/* A thread is about to wait, and has waited. `fd` is open for the same file all the time. */
void ps_gate_enter(struct ps_gate *gate, int fd);
void ps_gate_leave(struct ps_gate *gate, int fd);

/* Whether any thread of any process waits. */
bool ps_gate_is_awaited(struct ps_gate *gate, int fd);

#endif
