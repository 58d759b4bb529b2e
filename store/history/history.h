/* A record's past: all its changes, found from its versions back along parents. Inert changes and
 * those that are not applied yet are in no version, and so in no history.
 *
 * Order: newest first. That is descending (hlc, origin, seq), except that no change comes before
 * one that was made on top of it, whatever the times say. All nodes that hold the same changes
 * list them in the same order.
 *
 * A past may be longer than memory, so it is read in stretches, the newest first. A change is later
 * than its parents, so a stretch that ends between two times has all that is later than its end.
 * (At the end of time a change may be as late as its parents: such ones are all in one stretch.) */
#ifndef PS_STORE_HISTORY_HISTORY_H
#define PS_STORE_HISTORY_HISTORY_H

#include "store/log/log.h"
#include "store/record/record.h"

struct ps_history_change {
    struct ps_dot dot; /* told apart (ps_dot_apart) from another one that has the same */
    uint64_t hlc;
    uint32_t op_and_flags;
    uint32_t log;          /* number */
    uint32_t first_parent; /* in ps_history.parents */
    uint32_t parent_count;
};

/* One stretch. Zeroed is empty and valid. A fixed amount of memory for each change and for each
 * parent. */
struct ps_history {
    uint32_t collection;
    struct ps_history_change *changes; /* newest first, each once; then those further back */
    size_t count;
    size_t further_count; /* behind these: parents whose own parents are in later stretches */
    uint32_t *parents;    /* of all changes: the index in `changes`, always above the child's */
    size_t parent_count;
};

/* Read the newest stretch of a record's history: some thousand changes, fewer if they are large.
 * `out` is zeroed.
 *
 * Memory  freed by ps_history_deinit(), also after an error.
 * Errors  P2PSYNC_ENOTFOUND no such record; P2PSYNC_ELIMIT more than PS_HISTORY_MAX changes at the
 *         end of time; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_history_read(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                               struct ps_history *out) P2PSYNC_MUST_CHECK;

/* Read the stretch before it in its place. The transaction may be another one than before.
 *
 * Errors  P2PSYNC_EEND that one began with the record; otherwise as above.
 */
p2psync_result ps_history_read_on(struct ps_txn *txn,
                                  struct ps_history *history) P2PSYNC_MUST_CHECK;

/* Read all in one stretch that is as late as `hlc` or later, and so much more that at most one
 * change is further back: all before the stretch has come to what that one left.
 *
 * Errors  as ps_history_read(); P2PSYNC_ELIMIT these are more than PS_HISTORY_MAX.
 */
p2psync_result ps_history_read_since(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                                     uint64_t hlc, struct ps_history *out) P2PSYNC_MUST_CHECK;

/* A zeroed one is fine. */
void ps_history_deinit(struct ps_history *history);

#endif
