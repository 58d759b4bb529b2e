/* The store of one node: one LMDB environment in a directory, opened, grown and locked here, and
 * the transactions over it.
 *
 * A store knows no peer, no socket and no clock. Any number of read transactions and one write
 * transaction, of all processes together, go on at the same time. What a write transaction did is
 * on the disk once its commit has returned, unless the store was opened with no_flush. */
#ifndef PS_STORE_ENV_STORE_H
#define PS_STORE_ENV_STORE_H

#include "store/env/txn.h"

#define PS_STORE_FORMAT_VERSION 6

struct ps_stamp;

struct ps_store_options {
    const char *dir;             /* made, 0700, if missing */
    uint64_t map_size_bytes;     /* 0: 1 TiB, halved down to 1 GiB where the system refuses */
    bool no_flush;               /* commits do not wait for the disk */
    p2psync_checked_fn *checked; /* as in struct p2psync_options */
    void *checked_user;
    const struct ps_stamp *stamp; /* taken by the caller (ps_stamp_take()), who keeps it; or NULL */
};

/* Check the format of a store, which is written if there is none. Errors  P2PSYNC_EOLDER;
 * P2PSYNC_ENEWER; P2PSYNC_ECORRUPT. */
p2psync_result ps_store_check_format(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* Open or make the store in a directory; files are readable by their owner only.
 *
 * Errors  P2PSYNC_EBUSY open in this process already, or another directory has taken the place of
 * this one meanwhile; P2PSYNC_ENETFS; P2PSYNC_ENEWER,
 * P2PSYNC_EOLDER format version; P2PSYNC_ECORRUPT not an LMDB file, of a wrong size, or a row of it
 * malformed; P2PSYNC_ENOSPC; P2PSYNC_EDENIED; P2PSYNC_EIO; P2PSYNC_ENOMEM; P2PSYNC_EMISUSE no
 * directory can be at this path.
 */
p2psync_result ps_store_open(const struct ps_store_options *options,
                             struct ps_store **out) P2PSYNC_MUST_CHECK;

/* Close and free; all transactions have ended. Nulls the pointer; NULL is fine. */
void ps_store_destroy(struct ps_store **store);

/* The number of the last transaction that a reader who begins now would see. It grows with every
 * commit of every process. Thread  any. */
uint64_t ps_store_txn_id(const struct ps_store *store);

/* Whether a commit has changed the file already, but readers who begin now do not see it yet. That
 * lasts a moment; or until the next write, if the process that committed was killed in between.
 * Thread  any. */
bool ps_store_txn_pending(const struct ps_store *store);

/* Whether a commit has failed while its last page was written, the one that makes it valid: then
 * LMDB does not know what is on the disk, and refuses everything to this process. All that another
 * commit has promised is there when the store is opened again. Thread  any. */
bool ps_store_is_lost(const struct ps_store *store);

/* Free reader slots of processes that died. Thread  any. */
void ps_store_check_readers(struct ps_store *store);

struct ps_store_usage {
    uint64_t used_bytes; /* of the map */
    uint64_t map_bytes;
    uint64_t disk_free_bytes; /* for this user */
};
p2psync_result ps_store_usage(struct ps_store *store,
                              struct ps_store_usage *out) P2PSYNC_MUST_CHECK;

/* Who has a read transaction open, in all processes. Slots of processes that died are freed first.
 * Thread  any. */
struct ps_store_readers {
    uint64_t dead;  /* slots that were freed just now */
    uint64_t open;  /* read transactions that are open */
    uint64_t lag;   /* commits since the one that the oldest of these sees */
    uint64_t slots; /* the most that can be open at a time */
};
p2psync_result ps_store_readers(struct ps_store *store,
                                struct ps_store_readers *out) P2PSYNC_MUST_CHECK;

#endif
