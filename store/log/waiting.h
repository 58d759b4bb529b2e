/* The logs that hold changes which are not applied yet: an index by log number, so that nobody has
 * to look at all logs. Each of its rows says where to look on: see apply/apply.h. */
#ifndef PS_STORE_LOG_WAITING_H
#define PS_STORE_LOG_WAITING_H

#include "store/env/keys.h"
#include "store/log/log.h"

struct ps_waiting {
    struct ps_log_brief log;
    uint64_t looked_at;  /* changes before it need not be looked at again */
    uint64_t size_bytes; /* of those from `applied` on, as a transaction's size is counted */
};

/* Errors  P2PSYNC_EIO. */
p2psync_result ps_waiting_count(struct ps_txn *txn, uint64_t *count_out) P2PSYNC_MUST_CHECK;

/* A walk over all waiting logs, by number. As struct ps_collection_walk. */
struct ps_waiting_walk {
    struct ps_txn *txn;
    p2psync_result result;
    struct ps_key from;
};
bool ps_waiting_walk_next(struct ps_waiting_walk *walk, struct ps_waiting *out);

/* Keep where to look on in a log that is listed. */
p2psync_result ps_waiting_look_on(struct ps_txn *txn, uint32_t log, uint64_t looked_at,
                                  uint64_t size_bytes) P2PSYNC_MUST_CHECK;

#endif
