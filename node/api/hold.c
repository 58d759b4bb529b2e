/* Two locks, because there are two ways to use a directory: a node has one as long as it runs, and
 * everybody who opens the store has the other. */
#include "node/api/hold.h"

#include <unistd.h>

#include "node/host/lock.h"

p2psync_result ps_hold_take(int dir_fd, struct ps_hold *out, struct p2psync_detail *detail)
{
    struct ps_hold hold = PS_HOLD_NONE;
    const char *user = "a node runs there, or a backup is being restored there";
    p2psync_result result = ps_lock_take(dir_fd, &hold.lock_fd);
    if (result == P2PSYNC_OK) {
        user = "another program has the store there open";
        result = ps_stamp_take(dir_fd, &hold.stamp);
    }
    if (result != P2PSYNC_OK) {
        ps_lock_release(hold.lock_fd);
        return result == P2PSYNC_EBUSY ? ps_detail_say(detail, result, "%s", user) : result;
    }
    hold.dir_fd = dir_fd;
    *out = hold;
    return P2PSYNC_OK;
}

void ps_hold_release(struct ps_hold *hold)
{
    ps_stamp_release(&hold->stamp);
    ps_lock_release(hold->lock_fd);
    if (hold->dir_fd >= 0) {
        (void)close(hold->dir_fd);
    }
    *hold = (struct ps_hold)PS_HOLD_NONE;
}
