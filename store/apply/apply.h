/* Applying: from log entries to records. DESIGN section 5.
 *
 *     version' = (version - change.parents) + {change}
 *
 * `applied` of a log moves over a change when all its parents are applied, and only to the end of a
 * transaction.
 *
 * A call works in three steps: plan, sort, apply. Say three logs wait:
 *
 *     log 1:  p (record x)          q (record y, on top of s)
 *     log 2:  r (record x, on top of p)
 *     log 3:  s (record y)
 *
 * The plan looks at log 1: p is ready, q is not, so log 1 waits for log 3. Log 2: p is planned, so
 * r is ready. Log 3: s is ready; it has moved, so log 1 is looked at again, and q is ready now. The
 * plan is p, r, s, q: every change after its parents. Sorted by record, stably, it is p, r for x
 * and s, q for y, each record's changes still after their parents. So each record is read and
 * written once, and a large batch goes through the tree of records in order.
 *
 * What is planned must be applied, or the store would hold a part of it. So a call makes several
 * plans, one after another, and can be ended between two of them: a writer that waits for the
 * transaction waits for the rest of one plan and not for all that others have sent. */
#ifndef PS_STORE_APPLY_APPLY_H
#define PS_STORE_APPLY_APPLY_H

#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/record/record.h"

/* What a call may spend on merging, in steps (merge/merge.h): some 20 ms, and as much again as the
 * changes themselves may cost. What is left over is listed as stale (merge/stale.h). */
#define PS_PIECE_WORK_MAX  2097152
#define PS_CHANGE_WORK_MAX 512 /* more for each change */

struct ps_applied {
    uint64_t changes; /* that were applied, or found not valid */
    uint64_t transactions;
    uint64_t conflicts_opened; /* records */
    uint64_t conflicts_closed;
    uint64_t work_bytes; /* read and written for values that are built on others, merged with
                            others, or stored beside others, and read of parents; all else costs
                            what it takes to send */
    bool more;           /* a bound was reached: call again */
};

/* How much one call applies. */
struct ps_apply_bounds {
    uint64_t limit;                 /* changes; the last transaction may go over it */
    bool (*is_over)(void *context); /* asked between two plans, each of PS_APPLY_PLAN_MAX changes;
                                       NULL: never */
    void *context;
    uint64_t now_ms; /* wall clock: since when what begins to wait now waits */
};

/* Apply what can be applied of all waiting logs, in whole transactions.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM: abort the transaction.
 */
p2psync_result ps_apply(struct ps_txn *txn, const struct ps_apply_bounds *bounds,
                        struct ps_applied *out) P2PSYNC_MUST_CHECK;

/* Apply one change, whose parents are applied, to its record. For this folder.
 *
 * counts  what to add to the collection's counters is added here.
 * Errors  as above.
 */
struct ps_apply_change {
    uint32_t collection;
    uint32_t log; /* number */
    struct ps_dot dot;
    const struct ps_stored *entry;
    const struct ps_skeleton *skeleton;
    bool passing; /* the same transaction changes this record again: what it shows is no matter */
};
p2psync_result ps_apply_change(struct ps_txn *txn, const struct ps_apply_change *change,
                               struct ps_collection_delta *counts,
                               struct ps_applied *out) P2PSYNC_MUST_CHECK;

#endif
