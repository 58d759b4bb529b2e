/* How much of a log is shown to others. Most logs are shown whole. Of one that is closed
 * (wire/PROTOCOL.md, section 13, rules 9 and 10) only so much is as is covered, whatever was taken
 * before it was known to be closed: that stays, and is in no root, offer or count. What is covered
 * is worked out in store/mesh/cover.h; here is what was found.
 *
 * Invariant: there is a row for each log that is not shown whole, and for no other. So there are
 * few, and most often none. */
#ifndef PS_STORE_LOG_SHOWN_H
#define PS_STORE_LOG_SHOWN_H

#include "store/env/keys.h"
#include "store/log/log.h"

struct ps_shown {
    uint64_t size; /* 0: nothing, or all that is shown is shown of another history as well */
    struct ps_hash root;
    uint8_t branch[PS_HASH_SHORT_SIZE]; /* its name among those that are shown */
};

/* What is shown of a log; all of it if there is no row. Errors  P2PSYNC_ECORRUPT; P2PSYNC_EIO. */
p2psync_result ps_shown_get(struct ps_txn *txn, const struct ps_log_brief *log,
                            struct ps_shown *out) P2PSYNC_MUST_CHECK;
/* The same, of a log that was read whole. */
p2psync_result ps_shown_of(struct ps_txn *txn, const struct ps_log *log,
                           struct ps_shown *out) P2PSYNC_MUST_CHECK;
/* Whether any log is not shown whole. Errors  as above. */
p2psync_result ps_shown_any(struct ps_txn *txn, bool *out) P2PSYNC_MUST_CHECK;

/* So much of this log is shown. Errors  P2PSYNC_EFULL; P2PSYNC_EIO; P2PSYNC_ECORRUPT. */
p2psync_result ps_shown_set(struct ps_txn *txn, const struct ps_log_brief *log,
                            const struct ps_shown *shown) P2PSYNC_MUST_CHECK;

/* A walk over the logs that are not shown whole, by number. As struct ps_collection_walk. */
struct ps_shown_walk {
    struct ps_txn *txn;
    p2psync_result result;
    struct ps_key from;
};
bool ps_shown_walk_next(struct ps_shown_walk *walk, struct ps_log_brief *log_out,
                        struct ps_shown *out);

/* How often any of this has moved, so that what was computed of it is known to be old; and whether
 * it is known at all: a row may have rotted. Errors  P2PSYNC_EIO. */
struct ps_shown_moves {
    uint64_t count;
    bool is_known;
};
p2psync_result ps_shown_moves(struct ps_txn *txn, struct ps_shown_moves *out) P2PSYNC_MUST_CHECK;
/* It is all to be found out anew; and it was. Errors  P2PSYNC_EFULL; P2PSYNC_EIO. */
p2psync_result ps_shown_forget(struct ps_txn *txn) P2PSYNC_MUST_CHECK;
p2psync_result ps_shown_found(struct ps_txn *txn) P2PSYNC_MUST_CHECK;

/* How many changes are held behind what is shown, and are not applied. Errors  as above. */
p2psync_result ps_shown_hidden_pending(struct ps_txn *txn, uint64_t *out) P2PSYNC_MUST_CHECK;

#endif
