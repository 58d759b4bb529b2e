/* A record's past: all its changes, found from its versions back along parents. Inert changes and
 * those that are not applied yet are in no version, and so in no history.
 *
 * Order: newest first. That is descending (hlc, origin, seq), except that no change comes before
 * one that was made on top of it, whatever the times say. All nodes that hold the same changes
 * list them in the same order. */
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

/* Zeroed is empty and valid. A fixed amount of memory for each change and for each parent. */
struct ps_history {
    uint32_t collection;
    struct ps_history_change *changes; /* newest first, each once */
    size_t count;
    uint32_t *parents; /* of all changes: the index in `changes`, always above the child's */
    size_t parent_count;
};

/* Read the history of a record. `out` is zeroed.
 *
 * Memory  freed by ps_history_deinit(), also after an error.
 * Errors  P2PSYNC_ENOTFOUND no such record; P2PSYNC_ELIMIT more than PS_HISTORY_MAX changes;
 *         P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_history_read(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                               struct ps_history *out) P2PSYNC_MUST_CHECK;

/* A zeroed one is fine. */
void ps_history_deinit(struct ps_history *history);

#endif
