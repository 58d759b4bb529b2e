/* A member's row says how many changes both held, as one number over all logs. So two members that
 * hold different parts do not add up: who holds most counts. */
#include "store/mesh/held.h"

#include "store/env/identity.h"
#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/mesh/keep.h"
#include "store/mesh/members.h"

static p2psync_result count_changes(struct ps_txn *txn, struct ps_held *held);
static p2psync_result count_collection(struct ps_txn *txn, const struct ps_collection *collection,
                                       struct ps_held *held);
static void look_at(struct ps_held *held, const struct ps_device *device,
                    const struct ps_peer_row *row);
static bool is_of_now(const struct ps_held *held, const struct ps_peer_row *row);
static void prefer(struct ps_holder *holder, const struct ps_holder *other);

p2psync_result ps_held_read(struct ps_txn *txn, struct ps_held *out)
{
    struct ps_held held = {0};
    struct ps_identity identity = {0};
    struct ps_member_walk walk = {.txn = txn};
    struct ps_member member;
    walk.result = ps_identity_read(txn, &identity);
    held.incarnation = identity.incarnation;
    if (walk.result == P2PSYNC_OK) {
        walk.result = count_changes(txn, &held);
    }
    while (ps_member_walk_next(&walk, &member)) {
        struct ps_peer_row row;
        if (!ps_device_equal(&member.device, &identity.device)) {
            walk.result = ps_mesh_peer_read(txn, &member.device, &row);
            if (walk.result == P2PSYNC_OK) {
                look_at(&held, &member.device, &row);
            }
        }
    }
    if (walk.result == P2PSYNC_OK) {
        *out = held;
    }
    return walk.result;
}

/* Sizes of logs as the engine adds them up: what two branches share counts twice. */
static p2psync_result count_changes(struct ps_txn *txn, struct ps_held *held)
{
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    while (ps_collection_walk_next(&walk, &collection)) {
        if (!ps_collection_is_local(collection.name)) {
            walk.result = count_collection(txn, &collection, held);
        }
    }
    return walk.result;
}

static p2psync_result count_collection(struct ps_txn *txn, const struct ps_collection *collection,
                                       struct ps_held *held)
{
    bool stays = ps_keep_takes(collection->name);
    struct ps_log_walk walk = {.txn = txn, .collection = collection->number};
    struct ps_log_brief log;
    while (ps_log_walk_next_brief(&walk, &log)) {
        held->changes += log.size;
        held->dropped += stays ? 0 : log.size;
    }
    return walk.result;
}

static void look_at(struct ps_held *held, const struct ps_device *device,
                    const struct ps_peer_row *row)
{
    const struct ps_holder holder = {
        .there = true,
        .device = *device,
        .changes = row->common < held->changes ? row->common : held->changes,
        .last_seen_ms = row->last_seen_ms,
    };
    held->others++;
    prefer(&held->any, &holder);
    if (is_of_now(held, row)) {
        prefer(&held->at_end, &holder);
    }
}

static bool is_of_now(const struct ps_held *held, const struct ps_peer_row *row)
{
    return row->at_end != 0 && row->at_end == held->incarnation;
}

static void prefer(struct ps_holder *holder, const struct ps_holder *other)
{
    if (!holder->there || other->changes > holder->changes) {
        *holder = *other;
    }
}

bool ps_held_by(const struct ps_held *held, const struct ps_peer_row *row)
{
    return is_of_now(held, row) && row->common >= held->at_end.changes;
}

uint64_t ps_held_lost(const struct ps_held *held)
{
    uint64_t missing = held->changes - held->at_end.changes;
    return missing < held->dropped ? missing : held->dropped;
}
