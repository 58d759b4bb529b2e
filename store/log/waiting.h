/* Transactions that wait: complete ones, of which a change names a parent that is not applied here.
 * The parent may come later, or never. A log goes on after them, so each harms only itself and
 * what builds on it; `settled` of a log has passed them, and `applied` stands before the first.
 *
 * Two tables hold them: one by place, and one by the parent that each waits for. When a parent is
 * applied, those that wait for it become due; they are judged again, and are applied or wait for
 * their next parent. Being due is a row too, so that nothing is forgotten, whenever a call ends.
 *
 * At most PS_WAITING_MAX transactions of a log wait. If there are so many, `settled` of this log
 * goes no further, and all other logs do. The bound is of each log by itself, so that who holds the
 * same changes comes to the same set, in whatever order they came. */
#ifndef PS_STORE_LOG_WAITING_H
#define PS_STORE_LOG_WAITING_H

#include "store/env/keys.h"
#include "store/log/log.h"

struct ps_waiting {
    uint32_t log; /* number */
    uint32_t collection;
    uint64_t begin; /* the changes [begin, last] */
    uint64_t last;
    uint64_t judged;         /* changes before this one have their parents; this one has not */
    struct ps_parent parent; /* which it waits for */
    uint64_t since_ms;       /* wall clock, when it was found to wait */
};

/* Add one. Errors  P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ECORRUPT. */
p2psync_result ps_waiting_add(struct ps_txn *txn,
                              const struct ps_waiting *waiting) P2PSYNC_MUST_CHECK;

/* One that is due waits for another parent now: waiting->judged and waiting->parent. Errors  as
 * above. */
p2psync_result ps_waiting_again(struct ps_txn *txn,
                                const struct ps_waiting *waiting) P2PSYNC_MUST_CHECK;

/* One that is due is applied. Errors  as above. */
p2psync_result ps_waiting_end(struct ps_txn *txn,
                              const struct ps_waiting *waiting) P2PSYNC_MUST_CHECK;

/* The log forks at the change `at`, behind the first of the transaction: what comes before it and
 * what comes from it on wait as two now, and both are due. Errors  as above. */
p2psync_result ps_waiting_cut(struct ps_txn *txn, const struct ps_waiting *waiting,
                              uint64_t at) P2PSYNC_MUST_CHECK;

/* The changes [begin, end) of an origin are applied: those that wait for one of them are due. */
struct ps_waiting_for {
    uint32_t collection;
    struct ps_tag origin;
    uint64_t begin;
    uint64_t end;
};
p2psync_result ps_waiting_wake(struct ps_txn *txn,
                               const struct ps_waiting_for *applied) P2PSYNC_MUST_CHECK;

/* One that is due. Errors  P2PSYNC_ENOTFOUND none is; P2PSYNC_ECORRUPT. */
p2psync_result ps_waiting_due(struct ps_txn *txn, struct ps_waiting *out) P2PSYNC_MUST_CHECK;

/* Nothing of the log waits any more: all of it will be looked at anew. For a whole collection at a
 * time: before it, what is awaited of `collection` must be dropped. Errors  P2PSYNC_EFULL;
 * P2PSYNC_EIO. */
p2psync_result ps_waiting_drop(struct ps_txn *txn, uint32_t log) P2PSYNC_MUST_CHECK;
p2psync_result ps_waiting_drop_awaited(struct ps_txn *txn, uint32_t collection) P2PSYNC_MUST_CHECK;
/* Who waits for what is not known any more: all that wait are judged again. Errors  as above;
 * P2PSYNC_ECORRUPT. */
p2psync_result ps_waiting_rejudge(struct ps_txn *txn) P2PSYNC_MUST_CHECK;
/* Count anew how many changes wait. Errors  P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_waiting_recount(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* The one that holds this change. Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT. */
p2psync_result ps_waiting_find(struct ps_txn *txn, uint32_t log, uint64_t seq,
                               struct ps_waiting *out) P2PSYNC_MUST_CHECK;

/* Whether a change is applied: it lies below `settled`, and in no transaction that waits. */
p2psync_result ps_waiting_is_applied(struct ps_txn *txn, const struct ps_log *log, uint64_t seq,
                                     bool *out) P2PSYNC_MUST_CHECK;

/* A walk over those that wait, by log and place. As struct ps_collection_walk. */
struct ps_waiting_walk {
    struct ps_txn *txn;
    p2psync_result result;
    struct ps_key from;
};
bool ps_waiting_walk_next(struct ps_waiting_walk *walk, struct ps_waiting *out);

/* How many transactions of a log wait, PS_WAITING_MAX at most. */
p2psync_result ps_waiting_count(struct ps_txn *txn, uint32_t log, uint32_t *out) P2PSYNC_MUST_CHECK;

/* How many changes wait in all, and how often one that waited was applied, ever. */
struct ps_waiting_sum {
    uint64_t changes;
    uint64_t ended;
};
p2psync_result ps_waiting_sum(struct ps_txn *txn, struct ps_waiting_sum *out) P2PSYNC_MUST_CHECK;

#endif
