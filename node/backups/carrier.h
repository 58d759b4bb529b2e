/* Carries a backup to the directory where it stays, in a thread of its own: what lies on a network
 * mount whose server is gone, or on a disk that hangs, is in calls of the system that do not
 * return. The thread uses nothing of the node. So whoever waits for it can go on without it: then
 * it ends by itself, once the system lets it. */
#ifndef PS_NODE_BACKUPS_CARRIER_H
#define PS_NODE_BACKUPS_CARRIER_H

#include "node/backups/series.h"
#include "node/host/config.h"

#define PS_CARRIER_PATH_SIZE  (PS_CONFIG_PATH_SIZE_MAX + 1 + PS_SERIES_NAME_SIZE)
#define PS_CARRIER_GRACE_MS   2000 /* that a thread has to come back once its backup is given up */
#define PS_CARRIER_STALLED_MS 900000 /* that the last flush and reading back may take */

struct ps_carrier;

struct ps_carry {
    const char *dir;         /* of PS_CONFIG_PATH_SIZE_MAX bytes at most */
    struct ps_device device; /* whose backups they are */
    size_t keep;             /* how many stay */
};

struct ps_carried {
    bool kept; /* it is whole, and was read back, also if an older one could not be removed */
    char path[PS_CARRIER_PATH_SIZE];
};

/* Start one, which waits for what is written to `fd_out`, a pipe.
 *
 * Errors  P2PSYNC_EFILES; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_carrier_start(const struct ps_carry *carry, struct ps_carrier **out,
                                int *fd_out) P2PSYNC_MUST_CHECK;

/* Nothing more is written. `whole`: all of the backup was; else what was carried is removed. Waits
 * until it is in place and was read back, and the oldest ones are gone. Once `cancel` is cancelled
 * that is PS_CARRIER_GRACE_MS at most.
 *
 * Errors  those of ps_series_open(), ps_target_open() and ps_target_write(), and of the rest of
 *         both; P2PSYNC_ETIMEDOUT it hangs; P2PSYNC_ECANCELLED. `detail` says more of most.
 */
p2psync_result ps_carrier_end(struct ps_carrier *carrier, bool whole,
                              const struct ps_cancel *cancel, struct ps_carried *out,
                              struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Whether its thread has come back. */
bool ps_carrier_is_done(struct ps_carrier *carrier);

/* Let go of it: a thread that hangs is left alone, and frees what is its own when it comes back. It
 * leaves the file *.backup.p2psync-tmp behind if the process ends first; the next one removes that.
 * After ps_carrier_end() only. Nulls the pointer; NULL is fine. */
void ps_carrier_destroy(struct ps_carrier **carrier_ptr);

#endif
