/* Checks of the file system, before LMDB may map a file of it. */
#ifndef PS_STORE_ENV_DISK_H
#define PS_STORE_ENV_DISK_H

#include <p2psync.h>

/* Whether a file system of this magic number (statfs(2), f_type) is on the network: LMDB's locks
 * and maps are not safe there. */
bool ps_disk_is_network(uint32_t magic);

/* Make a directory and those above it, 0700, and open it.
 *
 * Errors  P2PSYNC_EDENIED; P2PSYNC_ENOSPC; P2PSYNC_ENETFS; P2PSYNC_EIO.
 */
p2psync_result ps_disk_open_dir(const char *dir, int *fd_out) P2PSYNC_MUST_CHECK;

/* Flush the names of what was made in a directory, and its own in the one above it, if that can be
 * opened. Errors  P2PSYNC_EIO. */
p2psync_result ps_disk_sync_dir(int fd) P2PSYNC_MUST_CHECK;

/* Bytes that are free for this user on the file system of `fd`. Errors  P2PSYNC_EIO. */
p2psync_result ps_disk_free(int fd, uint64_t *bytes_out) P2PSYNC_MUST_CHECK;

/* A result for an errno. */
p2psync_result ps_disk_result(int error);

#endif
