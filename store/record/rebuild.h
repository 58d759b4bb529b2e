/* The value of a record as one of its changes left it. */
#ifndef PS_STORE_RECORD_REBUILD_H
#define PS_STORE_RECORD_REBUILD_H

#include "store/log/stored.h"

/* Append the value that a change leaves on top of `base` (empty bytes: none). A body that is
 * malformed, or gives a value that is too large, changes nothing.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_rebuild_value(const struct ps_stored *entry, const struct ps_skeleton *skeleton,
                                struct ps_bytes base, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Whether a change starts from an empty value: full, without parents, or a delete. */
bool ps_rebuild_is_base(const struct ps_skeleton *skeleton);

/* A change by its place, known to be applied and valid. */
struct ps_rebuild {
    uint32_t collection;
    uint32_t log;
    uint64_t seq;
};

/* Append to `out` the value of the record as the change `from` left it, rebuilt by walking its
 * parents back to one that starts from an empty value: at most PS_CHAIN_MAX steps.
 *
 * depth_out   how many steps it took.
 * bodies_out  bytes of the bodies on the way, as their skeletons say; or NULL.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_rebuild(struct ps_txn *txn, const struct ps_rebuild *from, struct ps_buf *out,
                          uint8_t *depth_out, uint64_t *bodies_out) P2PSYNC_MUST_CHECK;

#endif
