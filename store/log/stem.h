/* Stems: a log that forks has one branch for each of its histories, and what two of them share lies
 * in one place. A branch has entries of its own from where it begins; those before it are its
 * stem's, which is the log that was here first. Who reads a log by its number sees all of its
 * history: entries and tree look here for what is not the log's own.
 *
 * Invariant: a stem has a smaller number than its branches, for it was made before them. Which log
 * became the stem depends on what came first, and shows nowhere. */
#ifndef PS_STORE_LOG_STEM_H
#define PS_STORE_LOG_STEM_H

#include "store/env/db.h"

struct ps_stem {
    uint32_t log;   /* the branch */
    uint32_t stem;  /* the log that has the entries before `begin`, or whose stem has them */
    uint64_t begin; /* the branch's first entry of its own; the stem has another one there */
};

/* Errors  P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_stem_put(struct ps_txn *txn, const struct ps_stem *stem) P2PSYNC_MUST_CHECK;

/* Errors  P2PSYNC_ENOTFOUND all entries are the log's own; P2PSYNC_ECORRUPT. */
p2psync_result ps_stem_of(struct ps_txn *txn, uint32_t log, struct ps_stem *out) P2PSYNC_MUST_CHECK;

/* The log that has this entry of the log's history as its own. Errors  P2PSYNC_ECORRUPT. */
p2psync_result ps_stem_owner(struct ps_txn *txn, uint32_t log, uint64_t seq,
                             uint32_t *out) P2PSYNC_MUST_CHECK;

/* The first branch that leaves `stem` at the entry `from` or later. Errors  P2PSYNC_ENOTFOUND;
 * P2PSYNC_ECORRUPT. */
p2psync_result ps_stem_next(struct ps_txn *txn, uint32_t stem, uint64_t from,
                            struct ps_stem *out) P2PSYNC_MUST_CHECK;

/* Of the two rows of a stem each follows from the other: put those that are lacking. lacked_out:
 * how many. Errors  P2PSYNC_ECORRUPT; P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_stem_complete(struct ps_txn *txn, uint64_t *lacked_out) P2PSYNC_MUST_CHECK;

#endif
