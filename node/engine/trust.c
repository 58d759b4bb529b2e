/* From members to peers and to the list of who is admitted, as node/engine/trust.h says. */
#include "node/engine/trust.h"

#include <stdlib.h>
#include <string.h>

#include "node/engine/emit.h"
#include "node/engine/turn.h"
#include "store/mesh/named.h"
#include "wire/message.h"

static bool load_members(struct ps_turn *turn);
static bool trusts_sponsor(struct ps_turn *turn);
static bool admit(struct ps_turn *turn, const struct ps_device *device, struct ps_bytes name);
static void prove_endpoints(struct ps_turn *turn, const struct ps_peer *peer);
static void drop_others(struct ps_turn *turn);
static void list_allowed(struct ps_turn *turn);

void ps_trust_load(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < engine->peers.count; i++) {
        engine->peers.items[i]->allowed = false;
    }
    if (!load_members(turn)) {
        return;
    }
    if (trusts_sponsor(turn) && !admit(turn, &engine->identity.sponsor, ps_bytes(NULL, 0))) {
        return;
    }
    if (turn->result != P2PSYNC_OK) {
        return;
    }
    drop_others(turn);
    list_allowed(turn);
}

/* Whoever brought this device in is all that it knows, until it knows that it is a member. */
static bool trusts_sponsor(struct ps_turn *turn)
{
    const struct ps_identity *identity = &turn->engine->identity;
    struct ps_named named = {.is_removed = false};
    struct ps_member self;
    if (!identity->has_sponsor) {
        return false;
    }
    p2psync_result result = ps_member_get(turn->txn, &identity->device, &self);
    if (result == P2PSYNC_OK) {
        return false;
    }
    if (result == P2PSYNC_ENOTFOUND) {
        result = ps_named_get(turn->txn, &identity->sponsor, &named);
    }
    return (result == P2PSYNC_ENOTFOUND || ps_turn_ok(turn, result)) && !named.is_removed;
}

bool ps_trust_member(struct ps_turn *turn, const struct ps_device *device)
{
    struct ps_member member;
    struct ps_named named = {.is_removed = false};
    p2psync_result result = ps_member_get(turn->txn, device, &member);
    if (result != P2PSYNC_ENOTFOUND) {
        return ps_turn_ok(turn, result);
    }
    if (!ps_device_equal(device, &turn->engine->identity.mesh.founder)) {
        return false;
    }
    result = ps_named_get(turn->txn, device, &named); /* the recovery key may have removed it */
    return (result == P2PSYNC_ENOTFOUND || ps_turn_ok(turn, result)) && !named.is_removed;
}

bool ps_trust_recovery(const struct ps_turn *turn, const struct ps_device *device)
{
    return ps_mesh_recovers(&turn->engine->identity.mesh, device) && ps_device_valid(device);
}

bool ps_trust_log(struct ps_turn *turn, const struct ps_log_name *log)
{
    const struct ps_device *device = &log->origin.device;
    bool named = false;
    if (ps_trust_member(turn, device)) {
        return true;
    }
    if (ps_bytes_equal(log->collection, ps_bytes_text(PS_DEVICES_COLLECTION)) &&
        ps_trust_recovery(turn, device)) {
        return turn->result == P2PSYNC_OK;
    }
    return turn->result == P2PSYNC_OK &&
           ps_turn_ok(turn, ps_named_has(turn->txn, device, &named)) && named;
}

void ps_trust_deinit(struct ps_allowed *allowed)
{
    free(allowed->devices);
    *allowed = (struct ps_allowed){0};
}

static bool load_members(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_member_walk walk = {.txn = turn->txn};
    struct ps_member member;
    while (ps_member_walk_next(&walk, &member)) {
        struct ps_bytes name = ps_bytes(member.name, member.name_size);
        if (ps_device_equal(&member.device, &engine->identity.device)) {
            memset(engine->name, 0, sizeof engine->name);
            memcpy(engine->name, name.data, name.size);
        } else if (!admit(turn, &member.device, name)) {
            return false;
        }
    }
    return ps_turn_ok(turn, walk.result);
}

static bool admit(struct ps_turn *turn, const struct ps_device *device, struct ps_bytes name)
{
    struct ps_peer *peer = ps_peers_find(turn->engine, device);
    if (peer == NULL) {
        peer = ps_peers_add(turn, device);
        if (peer == NULL) {
            return false;
        }
        prove_endpoints(turn, peer);
        ps_dial_at(peer, turn->now_ms);
        ps_on_beacon_recall(turn, peer);
    }
    peer->allowed = true;
    if (name.size > 0) {
        memset(peer->name, 0, sizeof peer->name);
        memcpy(peer->name, name.data, name.size);
    }
    return true;
}

/* Where the peer was reached, or came from, in an earlier run. What others have said of it, or it
 * of itself, proves nothing. */
static void prove_endpoints(struct ps_turn *turn, const struct ps_peer *peer)
{
    size_t count = ps_remember_was_seen(peer) ? ps_remember_endpoint_count(peer) : 0;
    for (size_t i = 0; i < count; i++) {
        if (ps_remember_worked(peer, i) || ps_reach_is_own(ps_remember_found_by(peer, i))) {
            ps_reach_prove(&turn->engine->reach, ps_bytes_text(ps_remember_endpoint_at(peer, i)));
        }
    }
}

static void drop_others(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    for (size_t i = 0; i < engine->peers.count; i++) {
        if (!engine->peers.items[i]->allowed) {
            ps_session_expel(turn, engine->peers.items[i]);
        }
    }
    ps_peers_drop_others(engine);
}

/* List the peers anew, and this device, so that its twin gets as far as to be known; and have the
 * links told if the list is another one. */
static void list_allowed(struct ps_turn *turn)
{
    const struct ps_peers *peers = &turn->engine->peers;
    struct ps_allowed *allowed = &turn->engine->allowed;
    size_t count = peers->count + (peers->count < PS_MEMBERS_MAX ? 1 : 0);
    bool moved = allowed->count != count;
    struct ps_device *devices =
        realloc(allowed->devices, (peers->count + 1) * sizeof *allowed->devices);
    if (devices == NULL) {
        (void)ps_turn_ok(turn, P2PSYNC_ENOMEM);
        return;
    }
    for (size_t i = 0; i < peers->count; i++) {
        const struct ps_device *device = &peers->items[i]->device;
        moved = moved || !ps_device_equal(&devices[i], device);
        devices[i] = *device;
    }
    if (count > peers->count) {
        devices[peers->count] = turn->engine->identity.device;
    }
    allowed->devices = devices;
    allowed->count = count;
    if (moved) {
        ps_emit_plain(turn, PS_EFFECT_ALLOW);
    }
}
