/* The lock that says who runs a node in a directory: one holder of all processes, and the system
 * takes it back when that process dies. */
#ifndef PS_NODE_HOST_LOCK_H
#define PS_NODE_HOST_LOCK_H

#include <p2psync.h>

/* Take it without waiting.
 *
 * fd_out  for ps_lock_release().
 * Errors  P2PSYNC_EBUSY another holds it; P2PSYNC_EDENIED; P2PSYNC_ENOSPC; P2PSYNC_EIO.
 */
p2psync_result ps_lock_take(int dir_fd, int *fd_out) P2PSYNC_MUST_CHECK;

/* Give it back; -1 is fine. */
void ps_lock_release(int fd);

#endif
