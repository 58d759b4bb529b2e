/* What this node holds, as hashes: a leaf for each log, a root for each collection over its logs,
 * and one common hash over all roots. DESIGN section 3. */
#ifndef PS_STORE_LOG_SUMMARY_H
#define PS_STORE_LOG_SUMMARY_H

#include "store/log/collection.h"
#include "store/log/log.h"
#include "wire/message.h"

/* The common hash over all collections that travel, and how many changes are held but not applied.
 * Both include what the transaction itself has written.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_summary_state(struct ps_txn *txn, struct ps_state *out) P2PSYNC_MUST_CHECK;

/* The parts of it, for who keeps the roots: what the common hash is over, collection by collection
 * ascending by name, and the changes that are not applied. Errors  as above. */
p2psync_result ps_summary_begin_common(struct ps_buf *text) P2PSYNC_MUST_CHECK;
p2psync_result ps_summary_add_common(struct ps_buf *text, struct ps_bytes name,
                                     const struct ps_hash *root) P2PSYNC_MUST_CHECK;
p2psync_result ps_summary_pending(struct ps_txn *txn, uint64_t *out) P2PSYNC_MUST_CHECK;

/* Where the last computation of a collection's root stood now and then: what its first logs come
 * to. The next one begins behind those that have not moved. Zeroed is valid: it begins with the
 * first.
 */
struct ps_summary_stops {
    struct ps_summary_stop *items; /* ascending */
    size_t count;
};
/* A log of this origin has come or moved since. */
void ps_summary_moved(struct ps_summary_stops *stops, struct ps_tag origin);
/* It is not known which have. */
void ps_summary_forget(struct ps_summary_stops *stops);

/* The root of one collection; has_logs_out: false if it is empty and so in no root. stops: NULL, or
 * those of the last computation, which are kept up. Errors as above. */
p2psync_result ps_summary_root(struct ps_txn *txn, uint32_t collection,
                               struct ps_summary_stops *stops, struct ps_hash *root_out,
                               bool *has_logs_out) P2PSYNC_MUST_CHECK;

/* Of which logs short heads are wanted: parts that ascend by name, each name once. */
struct ps_summary_wanted {
    const struct ps_summary_part *parts; /* their `heads` are not looked at */
    size_t count;
    size_t skip;      /* so many logs are passed over */
    size_t heads_max; /* short heads in one message: 1..PS_SHORT_HEADS_MAX */
};
struct ps_summary_told {
    size_t total; /* logs that are wanted, those that are passed over included */
    bool whole;   /* none that is not passed over is left out for want of room */
};

/* Append an encoded SUMMARY `heads` list of what is wanted; a name that is not here gives an empty
 * list of heads. It says of which logs it is, if not of all.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_EIO; P2PSYNC_ENOMEM; P2PSYNC_ELIMIT out->size_max.
 */
p2psync_result ps_summary_heads(struct ps_txn *txn, const struct ps_summary_wanted *wanted,
                                struct ps_summary_told *told_out,
                                struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
