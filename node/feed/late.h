/* Transactions that waited when the feed came to them. The feed goes on after them, as the log
 * does, and tells them when they are applied, in whatever order that happens. For this folder. */
#ifndef PS_NODE_FEED_LATE_H
#define PS_NODE_FEED_LATE_H

#include "store/log/waiting.h"

/* Changes [at, last] of a log. */
struct ps_late_range {
    uint32_t log; /* number */
    uint64_t at;
    uint64_t last;
};

/* Zeroed is empty and valid. */
struct ps_late {
    struct ps_late_range *ranges;
    size_t count;
    size_t capacity;
    size_t telling; /* the range that is being told, from 1 on; 0: none */
    uint64_t ended; /* as ps_waiting_sum() said when none was applied */
};

void ps_late_deinit(struct ps_late *late);

/* Remember one. Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_late_add(struct ps_late *late,
                           const struct ps_late_range *range) P2PSYNC_MUST_CHECK;

/* Begin with all that wait now. Errors  P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT. */
p2psync_result ps_late_begin(struct ps_late *late, struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* One that is applied, to be told from range->at on.
 *
 * Errors  P2PSYNC_ENOTFOUND there is none; P2PSYNC_ECORRUPT. */
p2psync_result ps_late_next(struct ps_late *late, struct ps_txn *txn,
                            struct ps_late_range *out) P2PSYNC_MUST_CHECK;

/* The change at the place that ps_late_next() gave was told, or passed over. */
void ps_late_told(struct ps_late *late);

#endif
