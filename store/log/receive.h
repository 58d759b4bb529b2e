/* Taking entries and heads from a peer into a log. */
#ifndef PS_STORE_LOG_RECEIVE_H
#define PS_STORE_LOG_RECEIVE_H

#include "store/log/log.h"

/* A run of entries from a peer, as it came. */
struct ps_chunk {
    uint64_t from;
    struct ps_bytes entries; /* plain, for ps_changes_next() */
    struct ps_head head;
    bool root_implied;            /* head.root is what the entries give, and not known */
    const struct ps_proof *proof; /* end of the run -> head.size */
    size_t histories_max;         /* no fork makes more of the log than these; 0: any number */
};

/* Verify a chunk against its signed head, and store those of its entries that are new. Nothing is
 * stored before all of it is verified. Entries that are here already are passed over. Nothing is
 * applied.
 *
 * context    what the head's signature speaks of.
 * added_out  entries that are new.
 * Errors     P2PSYNC_EGAP from is above the log's size; P2PSYNC_ESIGNATURE; P2PSYNC_EPROOF the
 * entries do not lead to the signed root, or to any signed one if it is implied; P2PSYNC_EFORK the
 * signed head contradicts the log as it is here (proven; nothing is stored: see branch.h);
 * P2PSYNC_EFORMAT; P2PSYNC_EVERSION a change without its body (ps_stored_takes()); P2PSYNC_ECORRUPT
 * if rows were written, abort the transaction (ps_txn_writes()): else the log is damaged, and as it
 * was; P2PSYNC_EFULL, P2PSYNC_EIO: abort the transaction.
 */
p2psync_result ps_receive_chunk(struct ps_txn *txn, struct ps_log *log,
                                const struct ps_head_context *context, const struct ps_chunk *chunk,
                                uint64_t *added_out) P2PSYNC_MUST_CHECK;

/* The same with a log that is not here. Its row is made, and that of its collection if that is not
 * here either, once the chunk is verified: what does not verify leaves no trace, so that nobody can
 * use up the numbers of logs and collections with names that stand for nothing.
 *
 * log_out  the log with the chunk's entries, all of which are new.
 * Errors   as above, EGAP if the chunk does not begin with the log; P2PSYNC_ELIMIT all
 * numbers of logs are taken.
 */
p2psync_result ps_receive_first(struct ps_txn *txn, const struct ps_mesh *mesh,
                                const struct ps_log_name *name, const struct ps_chunk *chunk,
                                struct ps_log *log_out) P2PSYNC_MUST_CHECK;

/* Take a newer signed head for entries that are here, or beyond them. head->size >= log->size needs
 * the proof from proof_size (== log->size); a smaller or equal one is only compared with our own
 * tree.
 *
 * Errors  P2PSYNC_ESIGNATURE; P2PSYNC_EPROOF; P2PSYNC_EFORK proven: see branch.h.
 * P2PSYNC_EAGAIN the proof does not start at the log's size, so nothing can be said.
 */
struct ps_head_offer {
    struct ps_head head;
    uint64_t proof_size;
    const struct ps_proof *proof;
};
p2psync_result ps_receive_head(struct ps_txn *txn, struct ps_log *log,
                               const struct ps_head_context *context,
                               const struct ps_head_offer *offer) P2PSYNC_MUST_CHECK;

/* Put bytes back that this disk has lost (damage.h): a chunk whose first entry is the first damaged
 * one of the log's own. It must lead to the very head that is stored here, or complete subtrees
 * whose hashes are, so who sends it can put in nothing that the log did not have. What of it lies
 * beyond the log's size is not looked at. Its entries that are damaged here are written anew, and
 * are listed as to be judged; ps_judge_mended() must follow.
 *
 * mended_out  the entries [begin, end) that were looked at.
 * Errors      P2PSYNC_EPROOF the chunk does not lead there, or cannot be judged here: that is no
 * fault, because other damage may be the reason; P2PSYNC_EFORMAT; P2PSYNC_EVERSION a change without
 * its body; P2PSYNC_EFULL, P2PSYNC_EIO: abort
 * the transaction.
 */
p2psync_result ps_receive_mend(struct ps_txn *txn, const struct ps_log *log,
                               const struct ps_chunk *chunk,
                               struct ps_range *mended_out) P2PSYNC_MUST_CHECK;

/* Verify the head that is stored, which must be there. One that does not verify is dropped: it must
 * reach nobody, because whoever gets it blames who sent it. The entries stay; without a head they
 * are shown to nobody until a true one comes.
 *
 * Errors  P2PSYNC_ESIGNATURE it was dropped; P2PSYNC_EFULL, P2PSYNC_EIO: abort the transaction.
 */
p2psync_result ps_receive_recheck(struct ps_txn *txn, struct ps_log *log,
                                  const struct ps_head_context *context) P2PSYNC_MUST_CHECK;

#endif
