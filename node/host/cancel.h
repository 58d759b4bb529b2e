/* Calls of the app that wait, and that another thread of it may cancel. */
#ifndef PS_NODE_HOST_CANCEL_H
#define PS_NODE_HOST_CANCEL_H

#include <pthread.h>
#include <stdbool.h>

#include <p2psync.h>

struct ps_cancel {
    pthread_mutex_t mutex; /* guards waiting */
    unsigned waiting;      /* calls between begin and end */
    int fd;                /* readable: they shall end; polled by them, never read */
};

/* Errors  P2PSYNC_EIO no descriptors left. Deinit it in any case. */
p2psync_result ps_cancel_init(struct ps_cancel *cancel) P2PSYNC_MUST_CHECK;
void ps_cancel_deinit(struct ps_cancel *cancel);

/* A call that waits begins, and ends. */
void ps_cancel_begin(struct ps_cancel *cancel);
void ps_cancel_end(struct ps_cancel *cancel);

/* For a call between begin and end: wait, for timeout_ms at most, for being cancelled. True if it
 * is. */
bool ps_cancel_wait(const struct ps_cancel *cancel, int timeout_ms);

/* The same, but for `fd` to be readable as well: true if it is. NULL: nobody cancels. For a thread
 * that takes no signals: each begins the time anew. */
bool ps_cancel_wait_for(const struct ps_cancel *cancel, int fd, int timeout_ms);

/* Have all end that wait now. Who begins while one of them has not ended yet ends, too. */
void ps_cancel_all(struct ps_cancel *cancel);

#endif
