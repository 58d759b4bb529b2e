/* Knowing a copy from the original. A device that goes on with an old or a doubled past would sign
 * two histories under one name, so each doubt costs it only a new incarnation. DESIGN section 9.
 *
 * The file `stamp` beside the environment holds random bytes that the environment knows too,
 * together with the inode of its data file and this machine's id: a copied directory or a data file
 * put back from elsewhere does not match. The same file is held locked by every process that has
 * the store open, which tells the first one that it is alone. */
#ifndef PS_STORE_ENV_STAMP_H
#define PS_STORE_ENV_STAMP_H

#include "store/env/db.h"

struct ps_stamp {
    int fd;        /* of the file, locked; -1: none */
    bool alone;    /* when it was locked, no other process had the store open */
    bool existing; /* the file was written before: a store was made here */
};

/* Open or make the file in the directory and lock it. Errors  P2PSYNC_EDENIED; P2PSYNC_EIO;
 * P2PSYNC_ENOSPC. */
p2psync_result ps_stamp_lock(int dir_fd, struct ps_stamp *out) P2PSYNC_MUST_CHECK;

/* From now on others may open the store as well. */
void ps_stamp_share(struct ps_stamp *stamp);

/* Whether no other process has the store open now: for the end. */
bool ps_stamp_is_last(struct ps_stamp *stamp);

/* Close the file. One that was never locked is fine. */
void ps_stamp_release(struct ps_stamp *stamp);

/* Compare the stamp with the environment. If they do not match, or the last process that did not
 * flush ended uncleanly, draw a new stamp, and a new incarnation if there is an identity.
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

/* Take the mark of a store that is not flushed away. */
p2psync_result ps_stamp_clean(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

#endif
