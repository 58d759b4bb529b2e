/* The store of one node: one LMDB environment in a directory, opened, grown and locked here, and
 * the transactions over it.
 *
 * A store knows no peer, no socket and no clock. Any number of read transactions and one write
 * transaction (of all processes) go on at the same time; a transaction belongs to the thread that
 * uses it, one at a time. What a committed write transaction did is on the disk (flush). */
#ifndef PS_STORE_ENV_STORE_H
#define PS_STORE_ENV_STORE_H

#include "store/env/db.h"

#define PS_STORE_FORMAT_VERSION 2

struct ps_store_options {
    const char *dir;         /* made, 0700, if missing */
    uint64_t map_size_bytes; /* 0: 1 TiB, halved down to 1 GiB where the system refuses */
    bool no_flush;           /* commits do not wait for the disk */
};

/* Open or make the store in a directory; files are readable by their owner only.
 *
 * Errors  P2PSYNC_EBUSY open in this process already; P2PSYNC_ENETFS; P2PSYNC_ENEWER format
 * version; P2PSYNC_ECORRUPT not an LMDB file, of a wrong size, or a row of it malformed;
 * P2PSYNC_ENOSPC; P2PSYNC_EDENIED; P2PSYNC_EIO; P2PSYNC_ENOMEM; P2PSYNC_EMISUSE no directory can be
 * at this path.
 */
p2psync_result ps_store_open(const struct ps_store_options *options,
                             struct ps_store **out) P2PSYNC_MUST_CHECK;

/* Close and free; all transactions have ended. Nulls the pointer; NULL is fine. */
void ps_store_destroy(struct ps_store **store);

/* The number of the last transaction, of any process, that a reader who begins now sees: it moves
 * whenever anything was committed. Thread  any. */
uint64_t ps_store_txn_id(const struct ps_store *store);

/* Whether a commit has changed the file, and readers who begin now do not see it yet. For a moment
 * only, or until the next writer comes, if its own was killed in between. Thread  any. */
bool ps_store_txn_pending(const struct ps_store *store);

/* Free reader slots of processes that died. Thread  any. */
void ps_store_check_readers(struct ps_store *store);

struct ps_store_usage {
    uint64_t used_bytes; /* of the map */
    uint64_t map_bytes;
    uint64_t disk_free_bytes; /* for this user */
};
p2psync_result ps_store_usage(struct ps_store *store,
                              struct ps_store_usage *out) P2PSYNC_MUST_CHECK;

/* Who has a read transaction open, of all processes; slots of processes that died are freed first.
 * Thread  any. */
struct ps_store_readers {
    uint64_t dead;  /* that were freed */
    uint64_t open;  /* that read now */
    uint64_t lag;   /* transactions since the one that the oldest of them sees */
    uint64_t slots; /* at most so many at a time */
};
p2psync_result ps_store_readers(struct ps_store *store,
                                struct ps_store_readers *out) P2PSYNC_MUST_CHECK;

/* Begin a transaction. A write transaction waits for the one before it, of any process.
 *
 * Errors  P2PSYNC_ENOSPC (write) less than PS_DISK_FREE_MIN is free; P2PSYNC_EIO; P2PSYNC_ENOMEM;
 *         P2PSYNC_EMISUSE in a process forked since the open; P2PSYNC_EBUSY all reader slots are
 *         taken, or another process made the map larger while a transaction is open here: end that,
 *         and try again.
 */
p2psync_result ps_txn_begin(struct ps_store *store, bool write,
                            struct ps_txn *out) P2PSYNC_MUST_CHECK;

/* End a transaction: what it wrote is durable when this returns OK, and nowhere otherwise. The
 * transaction is over in both cases.
 *
 * Errors  P2PSYNC_ENOSPC; P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result ps_txn_commit(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* End a transaction and drop what it wrote. One that is over, or zeroed, is fine. */
void ps_txn_abort(struct ps_txn *txn);

#endif
