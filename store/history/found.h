/* One change of a record, found in a log. */
#ifndef PS_STORE_HISTORY_FOUND_H
#define PS_STORE_HISTORY_FOUND_H

#include "store/log/log.h"
#include "wire/change.h"

/* The skeleton points into the map. */
struct ps_found {
    uint32_t collection;
    uint32_t log; /* number */
    uint64_t seq;
    struct ps_origin origin;
    struct ps_skeleton skeleton;
};

/* Find the change at `seq` among a log's own.
 *
 * Errors  P2PSYNC_ENOTFOUND it is not there, is of another record, inert, or not applied yet;
 *         P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_found_in_log(struct ps_txn *txn, const struct ps_log *log, uint64_t seq,
                               struct ps_bytes id, struct ps_found *out) P2PSYNC_MUST_CHECK;

/* The skeleton of a change that was applied, so that it was valid once.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_found_skeleton(const struct ps_stored *entry,
                                 struct ps_skeleton *out) P2PSYNC_MUST_CHECK;

#endif
