/* The logs that hold changes which are not settled: behind `settled` nobody has looked yet, or a
 * transaction is not here whole, or too many of the log wait. An index by log number, so that
 * nobody has to look at all logs. Each of its rows says where to look on: see store/apply/plan.h.
 * Saving a log keeps the row. */
#ifndef PS_STORE_LOG_UNSETTLED_H
#define PS_STORE_LOG_UNSETTLED_H

#include "store/env/keys.h"
#include "store/log/log.h"

/* Where to look on in one. */
struct ps_unsettled_look {
    uint64_t looked_at;  /* the transaction that begins at `settled` goes on at least to here ... */
    uint64_t size_bytes; /* ... and from counted_from on it has so many bytes: see cut.h */
    uint64_t counted_from; /* `settled`, or before it if a fork has cut the transaction there */
    uint64_t judged; /* no change of it before this one waits for anything; below `settled`: none */
};

struct ps_unsettled {
    struct ps_log_brief log;
    struct ps_unsettled_look look;
};

/* Errors  P2PSYNC_EIO. */
p2psync_result ps_unsettled_count(struct ps_txn *txn, uint64_t *count_out) P2PSYNC_MUST_CHECK;

/* A walk over all of these logs, by number. As struct ps_collection_walk. */
struct ps_unsettled_walk {
    struct ps_txn *txn;
    p2psync_result result;
    struct ps_key from;
};
bool ps_unsettled_walk_next(struct ps_unsettled_walk *walk, struct ps_unsettled *out);

/* Keep where to look on in a log that is listed. */
p2psync_result ps_unsettled_look_on(struct ps_txn *txn, uint32_t log,
                                    const struct ps_unsettled_look *look) P2PSYNC_MUST_CHECK;
/* Errors  P2PSYNC_ENOTFOUND it is not listed; P2PSYNC_ECORRUPT. */
p2psync_result ps_unsettled_looked(struct ps_txn *txn, uint32_t log,
                                   struct ps_unsettled_look *out) P2PSYNC_MUST_CHECK;

#endif
