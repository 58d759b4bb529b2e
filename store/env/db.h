/* The rows of a store, and the one place that turns LMDB's codes into results. */
#ifndef PS_STORE_ENV_DB_H
#define PS_STORE_ENV_DB_H

#include <lmdb.h>

#include "wire/bytes.h"

/* The databases; store/env/keys.h says what each holds. A commit writes every page that it has
 * changed. So the databases with few rows that nearly every commit changes lie together, in LMDB's
 * unnamed database, which every commit changes anyway: see store/env/raw.h. */
typedef enum ps_db {
    PS_DB_META,        /* name -> value */
    PS_DB_COLLECTIONS, /* name -> number, counters; number -> name */
    PS_DB_LOGS,        /* collection number, origin tag, branch -> log */
    PS_DB_LOG_NUMBERS, /* log number -> key in PS_DB_LOGS */
    PS_DB_STEMS,       /* log number -> the log that it goes on from; and the other way round */
    PS_DB_ENTRIES,     /* log number, seq -> entry */
    PS_DB_NODES,       /* log number, level, index -> subtree hash */
    PS_DB_RECORDS,     /* collection number, record id -> versions and values */
    PS_DB_CONFLICTS,   /* collection number, record id -> is it a conflict, since which refresh */
    PS_DB_STALE,       /* collection number, record id or nothing -> records to merge again */
    PS_DB_UNSETTLED,   /* log number -> where to look on: logs with settled < size */
    PS_DB_WAITING,     /* log number, last seq -> a transaction that waits for a parent */
    PS_DB_AWAITED,     /* the parent, log number, last seq -> empty: who waits for it */
    PS_DB_BEGUN,       /* device -> how many logs it has begun */
    PS_DB_DEVICES,     /* device -> member */
    PS_DB_NAMED,       /* device -> who removed it, and when: named, and no member */
    PS_DB_PEERS,       /* device -> where and when it was last reached */
    PS_DB_DAMAGED,     /* log number, seq -> empty, or that it is back: entries that are damaged;
                          and collections and tables in which rows are */
    PS_DB_ROLES,       /* device, collection -> its role there, where that is another one */
    PS_DB_ENDS,        /* collection, origin tag, size, root -> empty: how far a closed log is
                          reported */
    PS_DB_SHOWN,       /* log number -> how much of it is shown: of logs that are not shown whole */
    PS_DB_COUNT,
} ps_db;

struct ps_key;
struct ps_store;

/* A transaction. Its fields are for the files of the store only; `node` passes it on. */
struct ps_txn {
    struct ps_store *store;
    MDB_txn *mdb;
    const MDB_dbi *dbi; /* indexed by ps_db */
    bool writable;
    uint64_t writes;      /* rows, so far: if any, a commit is a new state of the store */
    bool tight;           /* the disk is nearly full: what is written is measured */
    uint64_t pages_begun; /* then: pages in use when it began */
    uint32_t leaves; /* databases of which rotten rows may be taken out, a bit each: leaves.h */
};

/* Get, put and delete one row, for the files of the store. With each row lies a checksum of its key
 * and value, which every read checks. That a row is not there is said only if the rows on both
 * sides of where it would be are sound: a key may have rotted.
 *
 * value_out  points into the map, until the next write of the transaction.
 * Errors     P2PSYNC_ENOTFOUND (get); P2PSYNC_ECORRUPT, also of a row beside it; P2PSYNC_EFULL,
 * P2PSYNC_EIO (put, delete).
 */
p2psync_result ps_db_get(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                         struct ps_bytes *value_out) P2PSYNC_MUST_CHECK;
p2psync_result ps_db_put(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                         struct ps_bytes value) P2PSYNC_MUST_CHECK;
/* Put a row of `size` bytes, which the caller must fill, and then seal, before the next write of
 * the transaction. */
p2psync_result ps_db_reserve(struct ps_txn *txn, ps_db db, struct ps_bytes key, size_t size,
                             uint8_t **room_out) P2PSYNC_MUST_CHECK;
void ps_db_seal(ps_db db, struct ps_bytes key, uint8_t *room, size_t size);
/* Put a row whose key is above all others of its database. Errors  P2PSYNC_ECORRUPT it is not; as
 * ps_db_put(). */
p2psync_result ps_db_append(struct ps_txn *txn, ps_db db, struct ps_bytes key,
                            struct ps_bytes value) P2PSYNC_MUST_CHECK;
/* A row that is not there is fine. */
p2psync_result ps_db_delete(struct ps_txn *txn, ps_db db, struct ps_bytes key) P2PSYNC_MUST_CHECK;
/* The row with the lowest key >= `from`. P2PSYNC_ENOTFOUND there is none. */
struct ps_row {
    struct ps_bytes key;
    struct ps_bytes value;
};
p2psync_result ps_db_seek(struct ps_txn *txn, ps_db db, struct ps_bytes from,
                          struct ps_row *out) P2PSYNC_MUST_CHECK;
/* One step of a walk over the rows of a database in the order of their keys, which all walks of the
 * store are made of. The walk owns its place, so rows may be written and taken out between steps.
 *
 * from    the lowest key that may come: a zeroed one is below all. It moves above the row found.
 * result  OK, and stays so when there are no more rows; the first error otherwise. The step is not
 *         taken if it is an error already, so that a caller can put its own there.
 * Returns whether there is a row.
 */
bool ps_db_walk_next(struct ps_txn *txn, ps_db db, struct ps_key *from, p2psync_result *result,
                     struct ps_row *out);

/* A place in a database that has one of LMDB's for itself, for walks that step from row to row
 * while nothing is written. It ends before its transaction. */
struct ps_db_cursor {
    struct ps_txn txn; /* that it was opened in */
    ps_db db;
    struct ps_bytes last; /* key of the row that it stands at: the next one is above it */
    MDB_cursor *mdb;      /* NULL: none */
};
typedef enum ps_db_move {
    PS_DB_FROM, /* to the row with the lowest key >= `key` */
    PS_DB_NEXT,
    PS_DB_PREVIOUS,
    PS_DB_LAST,
} ps_db_move;
/* Whether it has none for itself: few rows. */
bool ps_db_is_shared(ps_db db);
p2psync_result ps_db_cursor_open(struct ps_txn *txn, ps_db db,
                                 struct ps_db_cursor *out) P2PSYNC_MUST_CHECK;
/* `key` is for PS_DB_FROM only. Errors  P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT. */
p2psync_result ps_db_cursor_move(struct ps_db_cursor *cursor, ps_db_move move, struct ps_bytes key,
                                 struct ps_row *out) P2PSYNC_MUST_CHECK;
/* A zeroed one is fine. */
void ps_db_cursor_close(struct ps_db_cursor *cursor);

/* The number of rows. */
p2psync_result ps_db_count(struct ps_txn *txn, ps_db db, uint64_t *count_out) P2PSYNC_MUST_CHECK;
/* Take the rows out whose keys are not below `from` and below `to`, also those that are damaged. */
p2psync_result ps_db_clear_range(struct ps_txn *txn, ps_db db, struct ps_bytes from,
                                 struct ps_bytes to) P2PSYNC_MUST_CHECK;
/* Take all rows out. */
p2psync_result ps_db_clear(struct ps_txn *txn, ps_db db) P2PSYNC_MUST_CHECK;

/* Rows in PS_DB_META: see store/env/identity.h. */
#define PS_META_IDENTITY "identity"
#define PS_META_NAME     "name"
/* Each the next local number of a kind. No number is ever used twice. */
#define PS_META_COLLECTIONS "collections"
#define PS_META_LOGS        "logs"
#define PS_META_SHOWN       "shown"     /* how often what is shown of logs has moved */
#define PS_META_WAITING     "waiting"   /* how many changes wait, and how often that has ended */
#define PS_META_REFRESHES   "refreshes" /* of what readers see, after a change of settings */
#define PS_META_INVITE      "invite"    /* what the one that was opened last gives */
#define PS_META_BACKUP      "backup"    /* the last one that the node made by itself */
/* The row that says that a process which did not flush has not ended well: what lies beside the
 * logs may be of several moments, and is worked out anew before anything is read
 * (store/verify/anew.h). */
#define PS_META_TORN "torn"
/* The next local number of a kind, which stays free. Error  P2PSYNC_ECORRUPT. */
p2psync_result ps_db_free_number(struct ps_txn *txn, const char *counter,
                                 uint32_t *number_out) P2PSYNC_MUST_CHECK;
/* Take the next local number of a kind. Errors  P2PSYNC_ELIMIT all 2^32 - 1 are taken. */
p2psync_result ps_db_next_number(struct ps_txn *txn, const char *counter,
                                 uint32_t *number_out) P2PSYNC_MUST_CHECK;

#endif
