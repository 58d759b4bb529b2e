/* Asking the node that runs in a directory, from any process: the client of control.h. */
#ifndef PS_NODE_CONTROL_ASK_H
#define PS_NODE_CONTROL_ASK_H

#include "node/control/control.h"

/* How long to wait for a reply: of what only reads, for much of it is known without the node; and
 * of what acts. The node's loop may be in the middle of a large transaction. */
#define PS_ASK_READ_MS 5000
#define PS_ASK_ACT_MS  10000

/* Which node to ask, and how long to wait. */
struct ps_asking {
    int dir_fd;
    int cancel_fd; /* readable: give it up; -1: nobody does */
    uint32_t timeout_ms;
};

/* Ask one thing and wait for the reply, which is appended to `out`.
 *
 * argument    as ps_control_ask says.
 * Errors      P2PSYNC_ENOTRUNNING no node runs here, or it ended before it replied;
 * P2PSYNC_ENOANSWER no reply in time; P2PSYNC_ECANCELLED; P2PSYNC_EBUSY too many ask at once;
 * P2PSYNC_EVERSION; P2PSYNC_EDENIED; P2PSYNC_EIO; P2PSYNC_ENOMEM; what the node replied.
 */
p2psync_result ps_ask(const struct ps_asking *asking, ps_control_ask what, uint64_t argument,
                      struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Ask the running node to stop, and wait until it has, for timeout_ms at most.
 *
 * Errors  as ps_ask(); P2PSYNC_ETIMEDOUT it has answered, and has not ended in time.
 * P2PSYNC_ENOTRUNNING: there was none.
 */
p2psync_result ps_ask_stop(int dir_fd, uint32_t timeout_ms) P2PSYNC_MUST_CHECK;

/* Subscribe to the node's events. The connection is non-blocking, and is the caller's to close;
 * frames come on it as ps_control_frame says.
 *
 * Errors  as ps_ask().
 */
p2psync_result ps_ask_events(int dir_fd, int *fd_out) P2PSYNC_MUST_CHECK;

/* The process that listens in the directory: 0 if the system does not tell. It is not asked, so
 * this waits for nothing.
 *
 * Errors  P2PSYNC_ENOTRUNNING; P2PSYNC_EIO.
 */
p2psync_result ps_ask_pid(int dir_fd, int64_t *pid_out) P2PSYNC_MUST_CHECK;

#endif
