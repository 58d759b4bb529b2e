/* What a change builds on: see ready.h. */
#include "store/apply/ready.h"

#include <string.h>

#include "store/record/rebuild.h"

p2psync_result ps_ready_in_log(struct ps_txn *txn, const struct ps_ready_change *change,
                               ps_readiness *out, struct ps_parent *awaited_out)
{
    const struct ps_skeleton *skeleton = change->skeleton;
    bool valid = true;
    for (size_t i = 0; i < skeleton->parent_count && valid; i++) {
        const struct ps_parent *parent = &skeleton->parents[i];
        struct ps_stored entry;
        if (ps_tag_compare(parent->dot.origin, change->origin) != 0) {
            continue;
        }
        valid = parent->dot.seq < change->seq;
        if (!valid) {
            continue;
        }
        p2psync_result result = ps_stored_get(txn, change->log, parent->dot.seq, &entry);
        if (result == P2PSYNC_ECORRUPT || result == P2PSYNC_ENOTFOUND) {
            *awaited_out = *parent;
            *out = PS_READY_BLOCKED;
            return P2PSYNC_OK;
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        valid = memcmp(entry.leaf, parent->leaf, PS_HASH_SHORT_SIZE) == 0;
    }
    *out = valid ? PS_READY : PS_READY_INERT;
    return P2PSYNC_OK;
}

p2psync_result ps_ready_chain(struct ps_txn *txn, const struct ps_ready_change *change,
                              ps_readiness *out, struct ps_parent *awaited_out)
{
    struct ps_skeleton skeleton = *change->skeleton;
    *out = PS_READY;
    for (size_t i = 0; i <= PS_CHAIN_MAX && !ps_rebuild_is_base(&skeleton); i++) {
        const struct ps_parent parent = skeleton.parents[0];
        struct ps_log_place place;
        p2psync_result result = ps_log_locate(txn, change->collection, &parent, &place);
        if (result == P2PSYNC_ECORRUPT) {
            *awaited_out = parent;
            *out = PS_READY_BLOCKED;
            return P2PSYNC_OK;
        }
        if (result == P2PSYNC_OK) {
            result = ps_skeleton_decode(place.entry.skeleton, &skeleton);
        }
        if (result != P2PSYNC_OK) { /* it is not valid, which applying it will find */
            bool known = result == P2PSYNC_ENOMEM || result == P2PSYNC_EIO;
            return known ? result : P2PSYNC_OK;
        }
    }
    return P2PSYNC_OK;
}
