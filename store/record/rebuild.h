/* The value of a record as one of its changes left it. */
#ifndef PS_STORE_RECORD_REBUILD_H
#define PS_STORE_RECORD_REBUILD_H

#include "store/log/stored.h"

/* Append to `out` the value of the record as the change (log, seq) left it, rebuilt by walking its
 * parents back to a full one: at most PS_CHAIN_MAX steps.
 *
 * Errors  P2PSYNC_ENOTFOUND it is not here or not applied; P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_rebuild_applied(struct ps_txn *txn, uint32_t log, uint64_t seq,
                                  struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Append the value that a change leaves on top of `base` (empty bytes: none). A body that is
 * malformed, or gives a value that is too large, changes nothing.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_rebuild_value(const struct ps_stored *entry, const struct ps_skeleton *skeleton,
                                struct ps_bytes base, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Whether a change starts from an empty value: full, without parents, or a delete. */
bool ps_rebuild_is_base(const struct ps_skeleton *skeleton);

/* As ps_rebuild_applied(), of a change known to be applied and valid.
 *
 * depth_out  how many changes it is away from one that starts from an empty value.
 */
struct ps_rebuild {
    uint32_t collection;
    uint32_t log;
    uint64_t seq;
};
p2psync_result ps_rebuild(struct ps_txn *txn, const struct ps_rebuild *from, struct ps_buf *out,
                          uint8_t *depth_out) P2PSYNC_MUST_CHECK;

#endif
