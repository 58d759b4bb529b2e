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

/* The value of a record as one of its changes left it, for who has it already. */
struct ps_rebuilt {
    uint32_t log;
    uint64_t seq;
    uint8_t depth;
    struct ps_bytes value;
};

/* A change by its place, known to be applied and valid. */
struct ps_rebuild {
    uint32_t collection;
    uint32_t log;
    uint64_t seq;
    const struct ps_rebuilt *known; /* where a walk back may end, too */
    size_t known_count;
};

/* What lies behind a change. */
struct ps_rebuild_past {
    uint32_t log; /* and seq: where a walk back ends */
    uint64_t seq;
    bool is_known;       /* because the value was */
    uint8_t depth;       /* steps back to a change that starts from an empty value */
    uint64_t bodies;     /* bytes of the bodies walked over, as their skeletons say */
    uint64_t work_bytes; /* what was read and written for it: bodies and values */
};

/* Append to `out` the value of the record as the change `from` left it, rebuilt by walking its
 * parents back to one that starts from an empty value, or is known: at most PS_CHAIN_MAX steps. It
 * is put together once, however many changes there are (wire/layers.h).
 *
 * past_out  or NULL.
 *
 * Errors  P2PSYNC_ECORRUPT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_rebuild(struct ps_txn *txn, const struct ps_rebuild *from, struct ps_buf *out,
                          struct ps_rebuild_past *past_out) P2PSYNC_MUST_CHECK;

/* The same walk, but nothing is rebuilt. */
p2psync_result ps_rebuild_walk(struct ps_txn *txn, const struct ps_rebuild *from,
                               struct ps_rebuild_past *past_out) P2PSYNC_MUST_CHECK;

#endif
