/* Collections: names, local numbers and counters. */
#ifndef PS_STORE_LOG_COLLECTION_H
#define PS_STORE_LOG_COLLECTION_H

#include "store/env/db.h"
#include "store/env/keys.h"
#include "wire/id.h"

struct ps_collection {
    uint32_t number;
    uint64_t records;   /* live: neither deleted nor archived */
    uint64_t changes;   /* held in all logs */
    uint64_t conflicts; /* records that are a conflict */
    uint32_t logs;
    struct ps_bytes name; /* in the map, until the next write of the transaction */
};

/* Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT. */
p2psync_result ps_collection_find(struct ps_txn *txn, struct ps_bytes name,
                                  struct ps_collection *out) P2PSYNC_MUST_CHECK;

/* Find the collection of this name, or make it.
 *
 * Errors  P2PSYNC_EFORMAT not a valid name; P2PSYNC_ELIMIT all numbers of collections are taken.
 */
p2psync_result ps_collection_intern(struct ps_txn *txn, struct ps_bytes name,
                                    struct ps_collection *out) P2PSYNC_MUST_CHECK;

/* A walk over the collections, in byte order of their names:
 *
 *     struct ps_collection_walk walk = {.txn = txn};
 *     while (ps_collection_walk_next(&walk, &collection)) {
 *         walk.result = look_at(&collection);
 *     }
 *     return walk.result;
 *
 * It owns its place: the transaction may write while it goes on. */
struct ps_collection_walk {
    struct ps_txn *txn;
    p2psync_result result; /* the first error, the walk's or the caller's: it ends the walk */
    struct ps_key from;    /* the lowest key that may come; zeroed: that of the first */
};

/* A walk that begins with the collection `name`, or with the next one if there is none of this
 * name. `name` is valid, or empty: it begins with the first. */
struct ps_collection_walk ps_collection_walk_from(struct ps_txn *txn, struct ps_bytes name);

bool ps_collection_walk_next(struct ps_collection_walk *walk, struct ps_collection *out);

/* Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT. */
p2psync_result ps_collection_by_number(struct ps_txn *txn, uint32_t number,
                                       struct ps_collection *out) P2PSYNC_MUST_CHECK;

/* What to add to the counters; negative numbers take away. */
struct ps_collection_delta {
    int64_t records;
    int64_t changes;
    int64_t conflicts;
    int64_t logs;
};
p2psync_result ps_collection_count(struct ps_txn *txn, uint32_t number,
                                   const struct ps_collection_delta *delta) P2PSYNC_MUST_CHECK;

/* Set the counters to what was counted. Errors  P2PSYNC_ECORRUPT. */
struct ps_collection_counts {
    uint64_t records;
    uint64_t changes;
    uint64_t conflicts;
    uint32_t logs;
};
p2psync_result ps_collection_recount(struct ps_txn *txn, uint32_t number,
                                     const struct ps_collection_counts *counts) P2PSYNC_MUST_CHECK;

/* Give a collection that lacks one of its two rows that row again; of its counters, if it is the
 * one that has them, nothing is known then. made_out: whether any was lacking. Errors
 * P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_collection_complete(struct ps_txn *txn, uint32_t number, struct ps_bytes name,
                                      bool *made_out) P2PSYNC_MUST_CHECK;

/* Which collections this device has written to last, so that who wants to know what is new need not
 * look at all. */
#define PS_WRITTEN_MAX 32
struct ps_written_last {
    uint64_t count;                   /* of writes, since the store was made */
    uint32_t numbers[PS_WRITTEN_MAX]; /* write i went to that at i mod PS_WRITTEN_MAX */
};
/* Note a write. Errors  P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_collection_note_written(struct ps_txn *txn, uint32_t number) P2PSYNC_MUST_CHECK;
/* Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_collection_written(struct ps_txn *txn,
                                     struct ps_written_last *out) P2PSYNC_MUST_CHECK;

#endif
