/* The backups of one device in one directory, a file each:
 *
 *     p2psync-KX3F-9QPA-02MV-T5DC-20261129T195351Z.backup
 *
 * Their names say whose they are and when they were made, and sort in the order in which they were
 * made: whatever the clock says, a new one is named later than all others. Other files may lie in
 * the directory, also the backups of other devices; they are left alone. */
#ifndef PS_NODE_BACKUPS_SERIES_H
#define PS_NODE_BACKUPS_SERIES_H

#include "node/host/cancel.h"
#include "node/host/detail.h"
#include "wire/bytes.h"
#include "wire/id.h"

#define PS_SERIES_NAME_SIZE   64 /* of a file, with the NUL */
#define PS_SERIES_PREFIX_SIZE 32 /* of what all names begin with, with the NUL */

struct ps_series {
    int dir_fd; /* -1: not open */
    struct ps_device device;
    size_t prefix_size;
    char prefix[PS_SERIES_PREFIX_SIZE];
};

/* Open a directory that is there; it is not made, for it may lie on a disk that is not mounted.
 *
 * Errors  P2PSYNC_ENOTFOUND; P2PSYNC_EDENIED; P2PSYNC_EIO; `detail` says more.
 */
p2psync_result ps_series_open(const char *dir, const struct ps_device *device,
                              struct ps_series *out,
                              struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;
/* One that was not opened, with dir_fd -1, is fine. */
void ps_series_close(struct ps_series *series);

/* The name of one that is made now. Errors  P2PSYNC_EIO; P2PSYNC_ENOMEM. */
p2psync_result ps_series_name(const struct ps_series *series, uint64_t wall_ms,
                              char out[static PS_SERIES_NAME_SIZE]) P2PSYNC_MUST_CHECK;

/* Read one to its end, as restoring would; it is removed if that fails. Errors  P2PSYNC_ECORRUPT;
 * P2PSYNC_EFORMAT; P2PSYNC_EIO; P2PSYNC_ENOMEM; P2PSYNC_ECANCELLED: then it stays. */
p2psync_result ps_series_check(const struct ps_series *series, const char *name,
                               const struct ps_cancel *cancel) P2PSYNC_MUST_CHECK;

/* Remove all but the last `keep`, and what a process that was killed has left. A file that is no
 * backup of this device, whatever its name says, stays and does not count.
 *
 * Errors  P2PSYNC_EDENIED; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_series_trim(const struct ps_series *series, size_t keep) P2PSYNC_MUST_CHECK;

#endif
