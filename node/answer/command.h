/* Running the command that answers a conflict: a child process, with the conflict on its stdin and
 * the answer on its stdout, killed with all that it started when its time is over. */
#ifndef PS_NODE_ANSWER_COMMAND_H
#define PS_NODE_ANSWER_COMMAND_H

#include "wire/bytes.h"

#define PS_COMMAND_WHY_SIZE 160 /* bytes of why it failed, with its NUL */

struct ps_command {
    const char *line; /* for /bin/sh -c */
    uint32_t timeout_ms;
    int stop_fd; /* readable: the node stops, so give up */
};

/* Run it to its end, with `input` on its stdin. Appends what it wrote to stdout.
 *
 * why     on an error: what happened, with the last line of its stderr, if there was one.
 * Thread  one that has no signal of its own to lose; SIGPIPE is never raised.
 * Errors  P2PSYNC_ETIMEDOUT; P2PSYNC_EAGAIN the node stops; P2PSYNC_ELIMIT it wrote more than
 *         output->size_max; P2PSYNC_EIO it could not be started, or did not end with 0;
 *         P2PSYNC_ENOMEM.
 */
p2psync_result ps_command_run(const struct ps_command *command, struct ps_bytes input,
                              struct ps_buf *output,
                              char why[static PS_COMMAND_WHY_SIZE]) P2PSYNC_MUST_CHECK;

#endif
