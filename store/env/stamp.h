/* How a store knows that it is a copy, or was put back to an older state. If a device went on
 * writing from an old or a doubled past, it would sign two histories under one name. A new
 * incarnation prevents that and costs little, so it is drawn whenever there is doubt. DESIGN
 * section 9.
 *
 * The file `stamp` lies beside the environment and holds random bytes. The environment holds the
 * same bytes, the inode of its data file and the id of this machine. In a copied directory, or
 * after a data file was put back from elsewhere, they do not match. Every process that has the
 * store open holds a lock on the same file, so a process can find out that it is the only one. */
#ifndef PS_STORE_ENV_STAMP_H
#define PS_STORE_ENV_STAMP_H

#include "store/env/db.h"

struct ps_stamp {
    int fd;        /* of the file, locked; -1: none */
    bool alone;    /* no other process had the store open when this one took the lock */
    bool existing; /* the file is not new: a store was made here before */
};

/* Open or make the file in the directory and lock it. Errors  P2PSYNC_EDENIED; P2PSYNC_EIO;
 * P2PSYNC_ENOSPC. */
p2psync_result ps_stamp_lock(int dir_fd, struct ps_stamp *out) P2PSYNC_MUST_CHECK;

/* Let other processes open the store too, from now on. */
void ps_stamp_share(struct ps_stamp *stamp);

/* Whether no other process has the store open now. Ask it before closing: after a yes, others wait.
 */
bool ps_stamp_is_last(struct ps_stamp *stamp);

/* Close the file. One that was never locked is fine. */
void ps_stamp_release(struct ps_stamp *stamp);

/* Compare the stamp with the environment. If they do not match, draw a new stamp. If they do not
 * match, or a process that did not flush has ended without saying so, draw a new incarnation, if
 * there is an identity.
 *
 * data_inode  of the data file.
 * no_flush    mark the store as not flushed, until ps_stamp_clean().
 * changed_out whether something was written: commit, else abort.
 * Errors      P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOSPC.
 */
struct ps_stamp_check {
    uint64_t data_inode;
    bool no_flush;
};
p2psync_result ps_stamp_check(struct ps_txn *txn, const struct ps_stamp *stamp,
                              const struct ps_stamp_check *check,
                              bool *changed_out) P2PSYNC_MUST_CHECK;

/* Take out the mark which says that the store was not flushed. */
p2psync_result ps_stamp_clean(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

#endif
