/* The directory of a node, seen from outside: the files that make up a store without a device. */
#ifndef PS_NODE_HOST_DIR_H
#define PS_NODE_HOST_DIR_H

#include <stdbool.h>

#include <p2psync.h>

/* Whether there is nothing in it but what ps_dir_clear() removes and what nobody misses: no
 * settings, no log records, no files of others. */
bool ps_dir_is_disposable(int dir_fd);

/* Whether nothing at all is in it. */
bool ps_dir_is_empty(int dir_fd);

/* Remove the files of a store and its settings.
 *
 * Errors  P2PSYNC_EEXIST something else is there; P2PSYNC_EDENIED; P2PSYNC_EIO.
 */
p2psync_result ps_dir_clear(int dir_fd) P2PSYNC_MUST_CHECK;

/* In a directory that is reset, the new store that is to take the old one's place. */
#define PS_DIR_RESET "reset.p2psync-tmp"

/* Remove what a reset that was killed has left, if anything: what cannot be removed stays. The
 * caller has the store of the directory open, or holds it: so nobody is about to reset it. */
void ps_dir_remove_reset(int dir_fd);

/* Have the files in it reach the disk, and their names. Errors  P2PSYNC_ENOSPC; P2PSYNC_EIO. */
p2psync_result ps_dir_flush(int dir_fd) P2PSYNC_MUST_CHECK;

#endif
