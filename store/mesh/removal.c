/* What this device knows of its own removal: see removal.h. */
#include "store/mesh/removal.h"

#include "store/mesh/members.h"
#include "store/mesh/named.h"
#include "store/mesh/peers.h"

static p2psync_result read_told(struct ps_txn *txn, struct ps_removal *out);

p2psync_result ps_removal_read(struct ps_txn *txn, const struct ps_identity *identity,
                               struct ps_removal *out)
{
    struct ps_removal removal = {.kind = PS_REMOVAL_NONE};
    struct ps_member self;
    struct ps_named named = {.is_removed = false};
    p2psync_result result = ps_named_get(txn, &identity->device, &named);
    if (result == P2PSYNC_OK && named.is_removed) {
        *out = (struct ps_removal){
            .kind = PS_REMOVAL_ACT, .by = named.removed_by, .at_ms = named.removed_ms};
        return P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
        result = ps_member_get(txn, &identity->device, &self);
    }
    if (result == P2PSYNC_OK) {
        result = read_told(txn, &removal);
    } else if (result == P2PSYNC_ENOTFOUND) {
        result = P2PSYNC_OK; /* nobody admits it yet */
    }
    if (result == P2PSYNC_OK) {
        *out = removal;
    }
    return result;
}

static p2psync_result read_told(struct ps_txn *txn, struct ps_removal *out)
{
    struct ps_member_walk walk = {.txn = txn};
    struct ps_member member;
    uint64_t synced_ms = 0;
    while (ps_member_walk_next(&walk, &member)) {
        struct ps_peer_row row;
        walk.result = ps_mesh_peer_read(txn, &member.device, &row);
        if (walk.result == P2PSYNC_OK && row.refused_ms > out->at_ms) {
            *out = (struct ps_removal){
                .kind = PS_REMOVAL_TOLD, .by = member.device, .at_ms = row.refused_ms};
        }
        if (walk.result == P2PSYNC_OK && row.last_sync_ms > synced_ms) {
            synced_ms = row.last_sync_ms;
        }
    }
    if (synced_ms > out->at_ms) {
        out->kind = PS_REMOVAL_NONE;
    }
    return walk.result;
}
