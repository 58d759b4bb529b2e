/* Values in a record's past: of one change, of what its author saw, and of all changes in turn. */
#ifndef PS_STORE_HISTORY_PAST_H
#define PS_STORE_HISTORY_PAST_H

#include "store/history/found.h"
#include "store/history/history.h"

/* One change with what it did. Values are maps, or empty bytes; valid until the next step. */
struct ps_past_step {
    const struct ps_history_change *change;
    struct ps_stored entry;
    struct ps_bytes before; /* the value that its author saw: see ps_past_before() */
    struct ps_bytes after;  /* the value that it left */
    ps_record_state before_state;
    ps_record_state after_state;
};

#define PS_PAST_KEPT 4 /* values that a walk keeps: so many concurrent edits need no rebuild */

/* A walk through a stretch of a history, oldest first. Each value is made from the one before it,
 * so that the whole costs about as much as applying the changes did. */
struct ps_past_walk {
    struct ps_txn *txn;
    const struct ps_history *history;
    size_t left;   /* changes still to come */
    uint64_t turn; /* steps so far */
    struct {
        size_t change; /* whose value it is; SIZE_MAX: no change's */
        uint64_t used; /* the step at which it was last asked for */
        struct ps_buf value;
    } kept[PS_PAST_KEPT];
    struct ps_buf merged;
};

/* Nothing may be written in the transaction during the walk. */
void ps_past_walk_init(struct ps_past_walk *walk, struct ps_txn *txn,
                       const struct ps_history *history);

/* The next change.
 *
 * Errors  P2PSYNC_ENOTFOUND there are no more; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_past_walk_next(struct ps_past_walk *walk,
                                 struct ps_past_step *out) P2PSYNC_MUST_CHECK;

void ps_past_walk_deinit(struct ps_past_walk *walk);

/* Find a change of a record by its dot.
 *
 * Errors  P2PSYNC_ENOTFOUND there is none, it is of another record, inert, or not applied yet;
 *         P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_past_find(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                            struct ps_dot dot, struct ps_found *out) P2PSYNC_MUST_CHECK;

/* Append the value that it left. Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM. */
p2psync_result ps_past_value(struct ps_txn *txn, const struct ps_found *found,
                             struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Append the value that its author saw, which is nothing for a change without parents.
 *
 * state_out  the record's state then; deleted if there was no record.
 * Errors     P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_past_before(struct ps_txn *txn, uint32_t collection,
                              const struct ps_skeleton *skeleton, struct ps_buf *out,
                              ps_record_state *state_out) P2PSYNC_MUST_CHECK;

/* Append the value that a deleted record had before it was deleted. That is the value of the last
 * version which is not a delete. If all are, it is what the author of the last delete saw; if that
 * was deleted too, it is looked for further back in the same way.
 *
 * Errors  P2PSYNC_ENOTFOUND no such record, or nothing but deletes; P2PSYNC_ELIMIT that lies more
 *         than PS_HISTORY_MAX changes back; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_past_undeleted(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                                 struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
