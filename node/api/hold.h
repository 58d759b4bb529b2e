/* A directory kept for one call: no node runs in it, nobody has its store open, and nobody can open
 * it before the directory is let go. Who tries to open it waits for that (store/env/stamp.h). */
#ifndef PS_NODE_API_HOLD_H
#define PS_NODE_API_HOLD_H

#include "node/host/detail.h"
#include "store/env/stamp.h"

struct ps_hold {
    int dir_fd;  /* -1: none is held */
    int lock_fd; /* of node/host/lock.h */
    struct ps_stamp stamp;
};
#define PS_HOLD_NONE                                                                               \
    {                                                                                              \
        .dir_fd = -1, .lock_fd = -1, .stamp = {.fd = -1 }                                          \
    }

/* Hold a directory that is there, without waiting. What is locked are files in it, which are made.
 *
 * dir_fd  of the directory; it is the hold's from here on, if this succeeds.
 * Errors  P2PSYNC_EBUSY somebody uses it; P2PSYNC_EDENIED; P2PSYNC_ENOSPC; P2PSYNC_EIO.
 */
p2psync_result ps_hold_take(int dir_fd, struct ps_hold *out,
                            struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Let it go. None is fine. */
void ps_hold_release(struct ps_hold *hold);

#endif
