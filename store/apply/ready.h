/* Whether what a change builds on can be read, and is what the change says: as far as entries tell
 * that, without records. For this folder. */
#ifndef PS_STORE_APPLY_READY_H
#define PS_STORE_APPLY_READY_H

#include "store/log/log.h"

struct ps_ready_change {
    uint32_t log; /* number */
    uint32_t collection;
    struct ps_tag origin;
    uint64_t seq;
    const struct ps_skeleton *skeleton;
};

typedef enum ps_readiness {
    PS_READY,
    PS_READY_INERT,   /* its own log shows that it is not valid: it waits for nothing */
    PS_READY_BLOCKED, /* it waits for a change */
} ps_readiness;

/* Whether the parents that a change names in its own log are there, before it. If the leaf of one
 * is another, the parent is on another branch of this origin, and nothing that comes can change
 * that. One that is damaged has to be fetched again: it is awaited.
 *
 * awaited_out  if blocked.
 * Errors       P2PSYNC_EIO.
 */
p2psync_result ps_ready_in_log(struct ps_txn *txn, const struct ps_ready_change *change,
                               ps_readiness *out, struct ps_parent *awaited_out) P2PSYNC_MUST_CHECK;

/* Whether the changes can be read that the value of this one is rebuilt from (record/rebuild.h),
 * all of which are applied: READY, or BLOCKED by the first that cannot. As above. */
p2psync_result ps_ready_chain(struct ps_txn *txn, const struct ps_ready_change *change,
                              ps_readiness *out, struct ps_parent *awaited_out) P2PSYNC_MUST_CHECK;

#endif
