/* Collections: names, local numbers and counters. */
#ifndef PS_STORE_LOG_COLLECTION_H
#define PS_STORE_LOG_COLLECTION_H

#include "store/env/db.h"
#include "wire/id.h"

struct ps_collection {
    uint32_t number;
    uint64_t records;   /* live: neither deleted nor archived */
    uint64_t changes;   /* held in all logs */
    uint64_t conflicts; /* records with several versions that differ */
    uint32_t logs;
    struct ps_bytes name; /* in the map, until the next write of the transaction */
};

/* Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT. */
p2psync_result ps_collection_find(struct ps_txn *txn, struct ps_bytes name,
                                  struct ps_collection *out) P2PSYNC_MUST_CHECK;

/* Find it or make it.
 *
 * Errors  P2PSYNC_EFORMAT not a valid name; P2PSYNC_ELIMIT PS_ROOTS_MAX collections.
 */
p2psync_result ps_collection_intern(struct ps_txn *txn, struct ps_bytes name,
                                    struct ps_collection *out) P2PSYNC_MUST_CHECK;

/* The collection with the next name above `after` (empty bytes: the first), in byte order.
 *
 * Errors  P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT.
 */
p2psync_result ps_collection_next(struct ps_txn *txn, struct ps_bytes after,
                                  struct ps_collection *out) P2PSYNC_MUST_CHECK;

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

#endif
