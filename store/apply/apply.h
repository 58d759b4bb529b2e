/* Applying: from log entries to records. DESIGN section 5.
 *
 *     version' = (version - change.parents) + {change}
 *
 * `applied` of a log moves over a change when all its parents are applied, and only to the end of a
 * transaction. Changes are taken in causal order, sorted by record id, stably, so that a large
 * batch walks the records' tree once. */
#ifndef PS_STORE_APPLY_APPLY_H
#define PS_STORE_APPLY_APPLY_H

#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/record/record.h"

struct ps_applied {
    uint64_t changes; /* moved over, inert ones too */
    uint64_t transactions;
    uint64_t conflicts_opened; /* records */
    uint64_t conflicts_closed;
    bool more; /* the limit ended it: call again */
};

/* Apply what can be applied of all waiting logs: whole transactions, up to `limit` changes (the
 * last transaction may go over it).
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ENOMEM: abort the transaction.
 */
p2psync_result ps_apply(struct ps_txn *txn, uint64_t limit,
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
};
p2psync_result ps_apply_change(struct ps_txn *txn, const struct ps_apply_change *change,
                               struct ps_collection_delta *counts,
                               struct ps_applied *out) P2PSYNC_MUST_CHECK;

#endif
