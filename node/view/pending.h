/* What waits: changes that are here and do not show yet. Whose they are, and for what they wait. */
#ifndef PS_NODE_VIEW_PENDING_H
#define PS_NODE_VIEW_PENDING_H

#include "store/log/log.h"
#include "store/log/unsettled.h"
#include "store/log/waiting.h"

typedef enum ps_pending_cause {
    PS_PENDING_PARENT = 0,  /* a change that it was made on top of is not applied here */
    PS_PENDING_TRANSACTION, /* the rest of its transaction is not here */
    PS_PENDING_CROWD,       /* as many of its log wait as may: those come first */
    PS_PENDING_TURN,        /* nothing: it is applied next */
} ps_pending_cause;

/* A transaction that waits, or the end of a log that nobody has got to. */
struct ps_view_pending {
    ps_pending_cause cause;
    struct ps_log_brief log;
    uint64_t seq;          /* the change that is told of: of a transaction the one that waits */
    uint64_t changes;      /* that wait with it, this one too */
    struct ps_dot awaited; /* of the first two causes: the change that is not here */
    uint64_t since_ms;     /* wall clock; 0: not known */
};

/* A walk over all that waits: transactions by log and place, then the ends of logs. As struct
 * ps_collection_walk, zeroed but for `txn`. */
struct ps_view_pending_walk {
    struct ps_txn *txn;
    p2psync_result result;
    bool at_ends;
    struct ps_waiting_walk waiting;
    struct ps_unsettled_walk ends;
};
bool ps_view_pending_next(struct ps_view_pending_walk *walk, struct ps_view_pending *out);

/* The record that it is about; empty if the change's skeleton does not decode. In the map, as long
 * as the transaction.
 *
 * Errors  P2PSYNC_ECORRUPT.
 */
p2psync_result ps_view_pending_record(struct ps_txn *txn, const struct ps_view_pending *pending,
                                      struct ps_bytes *out) P2PSYNC_MUST_CHECK;

/* Append the array of what waits, with the keys of `p2psync --json pending`: the first
 * PS_PENDING_TOLD_MAX.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_view_pending_write(struct ps_txn *txn, struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
