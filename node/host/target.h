/* A file that is written whole or not at all: beside its place first, and moved there once it is on
 * the disk. Whoever is killed meanwhile leaves a file FILE.p2psync-tmp behind, which the next one
 * removes. A pipe or a device, and a descriptor of the app's, are written to as they are. */
#ifndef PS_NODE_HOST_TARGET_H
#define PS_NODE_HOST_TARGET_H

#include "node/host/detail.h"
#include "wire/bytes.h"

#define PS_TARGET_SUFFIX     ".p2psync-tmp" /* of the file beside the place */
#define PS_TARGET_STALLED_MS 60000          /* that whoever reads a pipe may take nothing */

struct ps_target {
    int fd;
    int cancel_fd; /* readable: give up; -1: none */
    bool owned;    /* the descriptor is ours to close */
    bool waits;    /* it may have to wait for a reader: no regular file */
    char *path;    /* NULL: a descriptor of the app's */
    char *beside;  /* where it is written first; NULL: nowhere */
    uint64_t size; /* bytes that were written */
};

/* Begin. `secret`: nobody but the owner may read the file; else as the umask says.
 *
 * Errors  P2PSYNC_EBUSY another process writes there; P2PSYNC_EDENIED; P2PSYNC_ENOSPC;
 *         P2PSYNC_ENOTFOUND no such directory; P2PSYNC_EIO; P2PSYNC_EFILES; P2PSYNC_ENOMEM.
 * `detail` says more of all but the last three.
 */
p2psync_result ps_target_open(const char *path, bool secret, struct ps_target *out,
                              struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;
/* Begin with a descriptor of the app's. */
p2psync_result ps_target_use(int fd, struct ps_target *out) P2PSYNC_MUST_CHECK;

/* Errors  P2PSYNC_ENOSPC; P2PSYNC_EIO; P2PSYNC_EUNREACHABLE whoever read it has gone;
 *         P2PSYNC_ETIMEDOUT nobody reads it; P2PSYNC_ECANCELLED. */
p2psync_result ps_target_write(struct ps_target *target, struct ps_bytes bytes) P2PSYNC_MUST_CHECK;

/* Put it on the disk and in its place. Errors  as above. */
p2psync_result ps_target_finish(struct ps_target *target) P2PSYNC_MUST_CHECK;

/* Close it, and remove what was not finished. A zeroed one with fd -1 is fine. */
void ps_target_drop(struct ps_target *target);

/* Lock what is open for this process alone. False if another one has it, or has moved it away or
 * removed it: then `path` names something else. */
bool ps_target_lock(int fd, const char *path);

/* Have the names in the directory that holds `path` reach the disk. Errors  P2PSYNC_EIO and its
 * like. */
p2psync_result ps_target_flush_dir(const char *path) P2PSYNC_MUST_CHECK;

#endif
