/* Forks, as node/engine/forks.h says. */
#include "node/engine/forks.h"

#include "node/engine/emit.h"
#include "node/engine/tell.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"
#include "store/mesh/members.h"

/* What people are to do. */
#define FIX                                                                                        \
    "both are kept; see 'p2psync conflicts'. If nobody has put that device's disk back, look "     \
    "whether another machine runs with a copy of its directory"
#define FIX_OWN                                                                                    \
    "both are kept; see 'p2psync conflicts'. This device's disk was put back to an older state, "  \
    "or another machine runs with a copy of its directory"

bool ps_forks_hold(struct ps_turn *turn, const struct ps_heads_item *item, struct ps_log *log_out)
{
    struct ps_log any;
    if (!ps_forks_any(turn, &item->log, &any)) {
        return false;
    }
    p2psync_result result =
        ps_branch_holding(turn->txn, any.collection, any.id.origin, &item->head, log_out);
    return result != P2PSYNC_ENOTFOUND && ps_turn_ok(turn, result);
}

bool ps_forks_any(struct ps_turn *turn, const struct ps_log_name *name, struct ps_log *log_out)
{
    struct ps_collection collection;
    p2psync_result result = ps_collection_find(turn->txn, name->collection, &collection);
    if (result == P2PSYNC_ENOTFOUND || !ps_turn_ok(turn, result)) {
        return false;
    }
    struct ps_log_walk walk = ps_log_walk_origin(
        turn->txn, collection.number, ps_origin_tag(&turn->engine->identity.mesh, &name->origin));
    bool found = ps_log_walk_next(&walk, log_out);
    (void)ps_turn_ok(turn, walk.result);
    return found && ps_device_equal(&log_out->origin.device, &name->origin.device) &&
           log_out->origin.incarnation == name->origin.incarnation;
}

void ps_forks_found(struct ps_turn *turn, const struct ps_log *branch)
{
    char device[PS_DEVICE_TEXT_SIZE];
    struct ps_collection collection;
    struct ps_member author = {.name_size = 0};
    p2psync_result result = ps_collection_by_number(turn->txn, branch->collection, &collection);
    if (result == P2PSYNC_OK) {
        result = ps_member_get(turn->txn, &branch->origin.device, &author);
        result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    if (!ps_turn_ok(turn, result)) {
        return;
    }
    bool own = ps_device_equal(&branch->origin.device, &turn->engine->identity.device);
    const struct ps_tell_fork fork = {.device = branch->origin.device,
                                      .name = ps_bytes(author.name, author.name_size),
                                      .collection = collection.name,
                                      .text = own ? FIX_OWN : FIX};
    ps_device_text(&branch->origin.device, device);
    ps_emit_log(turn, P2PSYNC_LOG_WARNING, "log-forked",
                "%.*s (device %s) has written two histories of %.*s that contradict each other; %s",
                (int)author.name_size, (const char *)author.name, device, (int)collection.name.size,
                (const char *)collection.name.data, fork.text);
    ps_tell_forked(turn, &fork);
    ps_forks_own(turn, &branch->origin);
}

void ps_forks_own(struct ps_turn *turn, const struct ps_origin *origin)
{
    struct ps_engine *engine = turn->engine;
    if (!ps_device_equal(&origin->device, &engine->identity.device) ||
        origin->incarnation != engine->identity.incarnation) {
        return;
    }
    engine->identity.incarnation = ps_prng_next(&engine->prng);
    if (ps_turn_ok(turn, ps_identity_write(turn->txn, &engine->identity))) {
        ps_emit_log(turn, P2PSYNC_LOG_WARNING, "incarnation-new",
                    "this store was rolled back: a peer holds more of what was written here");
    }
}
