/* How a store knows that it is a copy, or was put back to an older state. If a device went on
 * writing from an old or a doubled past, it would sign two histories under one name. A new
 * incarnation prevents that and costs little, so it is drawn whenever there is doubt. DESIGN
 * section 9.
 *
 * The file `stamp` lies beside the environment and holds random bytes; nothing else is ever written
 * there. The environment holds the same bytes, the inode of that file, the time of its last change
 * (ctime, which no program can set), and the id of this machine. The bytes are drawn anew each time
 * a process opens the store as the only one, and each time the last one closes it after a write. So
 * a copy of the whole directory that is put back in place changes the file's ctime, whatever tool
 * does it; and a copy of the data file alone holds bytes that are no longer in the file. A disk
 * that is put back as a whole cannot be noticed.
 *
 * Every process that has the store open holds a lock on the file, so a process can find out that it
 * is the only one.
 *
 * The file `clean` is written at the end, when the last process has closed the environment: the
 * stamp, size, inode and times of the data file, and a checksum of those of its pages by which LMDB
 * knows what is free. If they still are so, nothing has touched the data file since, and nothing
 * that is in use will be written over; so its pages need not all be checked (store/env/pages.h). */
#ifndef PS_STORE_ENV_STAMP_H
#define PS_STORE_ENV_STAMP_H

#include "store/env/db.h"

#define PS_STAMP_SIZE 16

struct ps_stamp {
    int dir_fd;
    int fd;            /* of the file, locked; -1: none */
    bool alone;        /* no other process had the store open when this one took the lock */
    bool existing;     /* the file is not new: a store was made here before */
    uint64_t drawn_at; /* number of the commit that drew the stamp; 0: this process did not */
};

/* Open or make the file in the directory and lock it; whoever has it for itself is waited for.
 *
 * Errors  P2PSYNC_EBUSY the directory was removed or replaced meanwhile; P2PSYNC_EDENIED;
 *         P2PSYNC_EIO; P2PSYNC_ENOSPC.
 */
p2psync_result ps_stamp_lock(int dir_fd, struct ps_stamp *out) P2PSYNC_MUST_CHECK;

/* The same for this process alone, without waiting: nobody has the store open, and nobody can open
 * it until this is released. Errors  P2PSYNC_EBUSY somebody has; as above. */
p2psync_result ps_stamp_take(int dir_fd, struct ps_stamp *out) P2PSYNC_MUST_CHECK;

/* Let other processes open the store too, from now on. */
void ps_stamp_share(struct ps_stamp *stamp);

/* Whether no other process has the store open now. Ask it before closing: after a yes, others wait.
 */
bool ps_stamp_is_last(struct ps_stamp *stamp);

/* Close the file. One that was never locked is fine. */
void ps_stamp_release(struct ps_stamp *stamp);

/* Compare the stamp with the environment. If they do not match, or a process that did not flush has
 * ended without saying so, draw a new incarnation, if there is an identity. Draw a new stamp in any
 * case, and mark the store as not flushed if it is opened so, until ps_stamp_clean(). Then commit.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOSPC.
 */
p2psync_result ps_stamp_check(struct ps_txn *txn, const struct ps_stamp *stamp,
                              bool no_flush) P2PSYNC_MUST_CHECK;

/* Mark the store as not flushed, until ps_stamp_clean(), beside others who have it open: what one
 * process does not flush is read by all of them. Then commit. Errors  as above. */
p2psync_result ps_stamp_mark(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* Draw a new stamp, and take out the mark which says that the store was not flushed. Errors  as
 * above. */
p2psync_result ps_stamp_clean(struct ps_txn *txn, const struct ps_stamp *stamp) P2PSYNC_MUST_CHECK;

/* Whether the data file is as it was when the last process closed it. */
bool ps_stamp_is_clean(const struct ps_stamp *stamp);

/* Say so, once the environment is closed. If this fails the pages are checked when it is next
 * opened. */
void ps_stamp_say_clean(const struct ps_stamp *stamp);

/* Say the opposite: damage was met. */
void ps_stamp_say_suspect(const struct ps_stamp *stamp);
/* Take that back: the pages are sound. */
void ps_stamp_say_checked(const struct ps_stamp *stamp);

#endif
