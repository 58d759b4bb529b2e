/* The store of one node: one LMDB environment in a directory, opened, grown and locked here, and
 * the transactions over it. The only file that turns LMDB's codes into results.
 *
 * A store knows no peer, no socket and no clock. Any number of read transactions and one write
 * transaction (of all processes) go on at the same time; a transaction belongs to the thread that
 * uses it, one at a time. What a committed write transaction did is on the disk (flush). */
#ifndef PS_STORE_ENV_STORE_H
#define PS_STORE_ENV_STORE_H

#include <lmdb.h>

#include "wire/bytes.h"

#define PS_STORE_FORMAT_VERSION 2

/* Databases, DESIGN section 4. Each page that a commit dirties costs a write, so those with few
 * rows that nearly every commit changes lie together, in LMDB's unnamed database, which every
 * commit changes anyway: see store/env/db.c. */
typedef enum ps_db {
    PS_DB_META,        /* name -> value */
    PS_DB_COLLECTIONS, /* name -> number, counters; number -> name */
    PS_DB_LOGS,        /* collection number, origin tag, branch -> log */
    PS_DB_LOG_NUMBERS, /* log number -> key in PS_DB_LOGS */
    PS_DB_ENTRIES,     /* log number, seq -> entry */
    PS_DB_NODES,       /* log number, level, index -> subtree hash */
    PS_DB_RECORDS,     /* collection number, record id -> versions and values */
    PS_DB_CONFLICTS,   /* collection number, record id -> is it a conflict, since which refresh: of
                        several   versions */
    PS_DB_WAITING,     /* log number -> where to look on: logs with applied < size */
    PS_DB_DEVICES,     /* device -> member */
    PS_DB_PEERS,       /* device -> where and when it was last reached */
    PS_DB_COUNT,
} ps_db;

struct ps_store;

/* Complete only for the files of this folder; `node` passes it on and never looks inside. */
struct ps_txn {
    struct ps_store *store;
    MDB_txn *mdb;
    const MDB_dbi *dbi; /* indexed by ps_db */
    bool writable;
};

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

/* A result for a code of LMDB. For the files of this folder. */
p2psync_result ps_store_result(int mdb_code);

/* Get, put and delete one row, for the files of this folder. get: P2PSYNC_ENOTFOUND; the value
 * points into the map, until the next write of the transaction. */
p2psync_result ps_db_get(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                         struct ps_bytes *value_out) P2PSYNC_MUST_CHECK;
p2psync_result ps_db_put(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                         struct ps_bytes value) P2PSYNC_MUST_CHECK;
/* Put a row of `size` bytes, which the caller must fill before the next write of the transaction.
 */
p2psync_result ps_db_reserve(struct ps_txn *txn, ps_db db, struct ps_bytes key, size_t size,
                             uint8_t **room_out) P2PSYNC_MUST_CHECK;
/* A row that is not there is fine. */
p2psync_result ps_db_delete(struct ps_txn *txn, ps_db db, struct ps_bytes key) P2PSYNC_MUST_CHECK;
/* The row with the lowest key >= `from`. P2PSYNC_ENOTFOUND there is none. */
struct ps_row {
    struct ps_bytes key;
    struct ps_bytes value;
};
p2psync_result ps_db_seek(struct ps_txn *txn, ps_db db, struct ps_bytes from,
                          struct ps_row *out) P2PSYNC_MUST_CHECK;
/* The number of rows. */
p2psync_result ps_db_count(struct ps_txn *txn, ps_db db, uint64_t *count_out) P2PSYNC_MUST_CHECK;
/* Take all rows out. */
p2psync_result ps_db_clear(struct ps_txn *txn, ps_db db) P2PSYNC_MUST_CHECK;

/* Rows in `meta` that count what was ever made, for the next local number. */
#define PS_META_COLLECTIONS "collections"
#define PS_META_LOGS        "logs"
#define PS_META_REFRESHES   "refreshes" /* of what readers see, after a change of settings */
/* Take the next local number of a kind. Errors  P2PSYNC_ELIMIT all 2^32 - 1 are taken. */
p2psync_result ps_db_next_number(struct ps_txn *txn, const char *counter,
                                 uint32_t *number_out) P2PSYNC_MUST_CHECK;

#endif
