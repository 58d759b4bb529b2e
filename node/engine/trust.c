/* From members to peers and to the list of who is admitted, as node/engine/trust.h says. */
#include "node/engine/trust.h"

#include <stdlib.h>
#include <string.h>

#include "node/engine/emit.h"
#include "node/engine/tell.h"
#include "node/engine/turn.h"
#include "store/mesh/named.h"
#include "store/mesh/roles.h"
#include "wire/message.h"

#define REMOVED_MAX 256 /* of those that were removed: they are told, and that is all */

static bool load_members(struct ps_turn *turn);
static bool trusts_sponsor(struct ps_turn *turn);
static bool admit(struct ps_turn *turn, const struct ps_device *device,
                  const struct ps_member *member);
static void note_role(struct ps_turn *turn, struct ps_peer *peer, const struct ps_member *member);
static void tell_gone(struct ps_turn *turn, const struct ps_peer *peer);
static size_t add_removed(struct ps_turn *turn, struct ps_device *devices, size_t room);
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
    if (trusts_sponsor(turn) && !admit(turn, &engine->identity.sponsor, NULL)) {
        return;
    }
    if (turn->result != P2PSYNC_OK) {
        return;
    }
    drop_others(turn);
    ps_own_note(turn);
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
    bool open = false;
    return ps_turn_ok(turn, ps_role_opens(turn->txn, &turn->engine->identity.mesh,
                                          &log->origin.device, log->collection, &open)) &&
           open;
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
        } else if (!admit(turn, &member.device, &member)) {
            return false;
        }
    }
    return ps_turn_ok(turn, walk.result);
}

/* member: NULL of a sponsor that is not known yet. */
static bool admit(struct ps_turn *turn, const struct ps_device *device,
                  const struct ps_member *member)
{
    struct ps_peer *peer = ps_peers_find(turn->engine, device);
    if (peer == NULL) {
        peer = ps_peers_add(turn, device);
        if (peer == NULL) {
            return false;
        }
        prove_endpoints(turn, peer);
        ps_dial_at(peer, turn->now_ms);
        peer->role = member != NULL ? member->role : PS_ROLE_NONE;
        ps_on_beacon_recall(turn, peer);
    }
    peer->allowed = true;
    if (member != NULL) {
        memset(peer->name, 0, sizeof peer->name);
        memcpy(peer->name, member->name, member->name_size);
        note_role(turn, peer, member);
    }
    return true;
}

/* Of a sponsor none was known. */
static void note_role(struct ps_turn *turn, struct ps_peer *peer, const struct ps_member *member)
{
    ps_role before = peer->role;
    peer->role = member->role;
    if (before != PS_ROLE_NONE && before != member->role) {
        ps_tell_role(turn, member, before);
    }
}

bool ps_trust_is_removed(struct ps_turn *turn, const struct ps_device *device)
{
    struct ps_named named = {.is_removed = false};
    p2psync_result result = ps_named_get(turn->txn, device, &named);
    return (result == P2PSYNC_ENOTFOUND || ps_turn_ok(turn, result)) && named.is_removed;
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
            tell_gone(turn, engine->peers.items[i]);
            ps_session_expel(turn, engine->peers.items[i]);
        }
    }
    ps_peers_drop_others(engine);
}

static void tell_gone(struct ps_turn *turn, const struct ps_peer *peer)
{
    struct ps_named named = {.is_removed = false};
    p2psync_result result = ps_named_get(turn->txn, &peer->device, &named);
    if ((result == P2PSYNC_ENOTFOUND || ps_turn_ok(turn, result)) && named.is_removed) {
        ps_tell_gone(turn, peer, &named);
    }
}

/* List the peers anew, and this device, so that its twin gets as far as to be known, and those that
 * were removed, so that they get as far as to be told; and have the links told if the list is
 * another one. */
static void list_allowed(struct ps_turn *turn)
{
    const struct ps_peers *peers = &turn->engine->peers;
    struct ps_allowed *allowed = &turn->engine->allowed;
    size_t count = peers->count;
    struct ps_device *devices = calloc(count + 1 + REMOVED_MAX, sizeof *devices);
    if (devices == NULL) {
        (void)ps_turn_ok(turn, P2PSYNC_ENOMEM);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        devices[i] = peers->items[i]->device;
    }
    if (count < PS_MEMBERS_MAX) {
        devices[count] = turn->engine->identity.device;
        count++;
    }
    size_t room = PS_MEMBERS_MAX - count < REMOVED_MAX ? PS_MEMBERS_MAX - count : REMOVED_MAX;
    count += add_removed(turn, devices + count, room);
    bool moved =
        allowed->count != count || memcmp(allowed->devices, devices, count * sizeof *devices) != 0;
    free(allowed->devices);
    allowed->devices = devices;
    allowed->count = count;
    if (moved) {
        ps_emit_plain(turn, PS_EFFECT_ALLOW);
    }
}

/* Returns how many. Those that are too many are strangers. */
static size_t add_removed(struct ps_turn *turn, struct ps_device *devices, size_t room)
{
    struct ps_named_walk walk = {.txn = turn->txn};
    struct ps_named named;
    size_t count = 0;
    while (count < room && ps_named_walk_next(&walk, &named)) {
        if (named.is_removed && !ps_device_equal(&named.device, &turn->engine->identity.device)) {
            devices[count] = named.device;
            count++;
        }
    }
    (void)ps_turn_ok(turn, walk.result);
    return count;
}
