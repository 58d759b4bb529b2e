/* The plan: which changes are to be applied now, each after its parents. For this folder.
 *
 * A log is looked at one transaction after another, from `settled` on. One that is not here whole
 * stops its log: its rest may come. Of one that is whole each change is judged:
 *
 *   - it cannot be valid, as its own log shows: it waits for nothing;
 *   - all its parents are applied, or come before it in the plan: it is ready;
 *   - a parent is not, or is damaged: the transaction waits for that parent (store/log/waiting.h),
 *     and the log goes on after it. When the parent is planned, or mended, the transaction is
 *     due, and is judged again from this change on;
 *   - entries are damaged, and one of those that its value is rebuilt from is: likewise.
 *
 * Invariant: a change is in the plan only after its parents; what a plan has settled, and what it
 * has made wait or due, is in the store before the plan is applied, in the same transaction of it.
 */
#ifndef PS_STORE_APPLY_PLAN_H
#define PS_STORE_APPLY_PLAN_H

#include "store/log/log.h"

/* One change to apply. */
struct ps_plan_item {
    uint32_t collection;
    uint32_t log;
    uint64_t order; /* in the plan */
    struct ps_dot dot;
    size_t id_at; /* of the record's id in the plan's `ids`; ps_plan_sort() makes `id` of it */
    struct ps_bytes id;
    bool first; /* it is the first of its record */
    bool inert; /* its log alone shows that it is not valid */
};

struct ps_plan_log;

/* Zeroed but for `txn` and `since_ms`. */
struct ps_plan {
    struct ps_txn *txn;
    uint64_t since_ms;        /* of what begins to wait now */
    struct ps_plan_log *logs; /* those that are not settled, by number */
    uint32_t log_count;
    uint32_t first_queued; /* logs to look at: a stack */
    uint32_t full_count;   /* logs of which no more may wait: at least as many are `full` */
    bool waiting;          /* transactions wait, or may */
    uint64_t damaged;      /* entries that are listed so */
    struct ps_plan_item *items;
    size_t item_count;
    size_t item_capacity;
    struct ps_buf ids;
    uint64_t transactions; /* planned, ever */
    uint64_t read_bytes;   /* of bodies of parents, for this plan: each is read with its skeleton */
};

/* Read which logs are to be looked at.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_plan_begin(struct ps_plan *plan) P2PSYNC_MUST_CHECK;

/* Whether there may be more to plan. Logs that were full, and may not be any more because others
 * have gone on, are looked at again then. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_plan_has_more(struct ps_plan *plan, bool *out) P2PSYNC_MUST_CHECK;

/* Plan whole transactions, up to `limit` changes, and until PS_APPLY_WORK_MAX bytes were read of
 * parents (the last one may go over both), in place of what was
 * planned before and is applied.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM; P2PSYNC_EFULL; P2PSYNC_EIO.
 */
p2psync_result ps_plan_next(struct ps_plan *plan, uint64_t limit) P2PSYNC_MUST_CHECK;

/* Sort the items by collection and record, stably, and mark where each record begins. */
void ps_plan_sort(struct ps_plan *plan);

/* Write how far every log is. Errors  as above. */
p2psync_result ps_plan_end(struct ps_plan *plan) P2PSYNC_MUST_CHECK;

void ps_plan_deinit(struct ps_plan *plan);

#endif
