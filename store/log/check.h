/* A check of one log: every entry against its leaf, every stored subtree against its entries, and
 * the root and the signed head against all of it. It goes in pieces, each of which may have a
 * transaction of its own, because a log may have millions of entries.
 *
 * One signature covers a log. So what there is to do for each entry is to read and to hash it. A
 * row of a log that claims more than is here costs no more than what is here. In a write
 * transaction what is found is written down: damaged entries are listed (damage.h), and rows of
 * subtrees that are wrong are written anew from the entries. */
#ifndef PS_STORE_LOG_CHECK_H
#define PS_STORE_LOG_CHECK_H

#include "store/log/damage.h"
#include "store/log/log.h"

/* What it is about is in `log`, and how far it is in `at`; the rest is its own. */
struct ps_log_check {
    uint32_t log;
    uint64_t begin; /* its own entries: [begin, end) */
    uint64_t end;
    uint64_t at;             /* the next to be looked at */
    uint64_t looked;         /* how many were, so far; what is not here is passed over in blocks */
    uint64_t gap_end;        /* before it, nothing from `at` on can be read */
    uint64_t damaged;        /* entries, so far */
    uint64_t nodes;          /* rows of subtrees that were wrong, so far: of a gap, the first */
    bool lost;               /* a subtree can be told neither from its row nor from its entries */
    bool hole;               /* an entry of the block at hand is damaged */
    struct ps_frontier low;  /* of the block of 256 leaves at hand */
    struct ps_frontier high; /* over the blocks before it */
};

/* Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT the log's own row. */
p2psync_result ps_log_check_begin(struct ps_txn *txn, uint32_t log,
                                  struct ps_log_check *out) P2PSYNC_MUST_CHECK;

/* Look at `limit` entries more, or at all that are left. Damage is counted and no error. Errors
 * P2PSYNC_EIO; P2PSYNC_EFULL. */
p2psync_result ps_log_check_step(struct ps_txn *txn, struct ps_log_check *check,
                                 uint64_t limit) P2PSYNC_MUST_CHECK;

/* All entries were looked at (at == end). sound_out: they give the log's root, which is proven to
 * be in the head, which its author has signed. If entries have come meanwhile, `end` moves instead,
 * and there is more to look at.
 *
 * Errors  P2PSYNC_ENOTFOUND; P2PSYNC_ECORRUPT; P2PSYNC_EIO.
 */
p2psync_result ps_log_check_end(struct ps_txn *txn, const struct ps_mesh *mesh,
                                struct ps_log_check *check, bool *sound_out) P2PSYNC_MUST_CHECK;

#endif
