/* Trust: the members of the mesh as the store has derived them, and with them the peers. A device
 * that was invited by a member this node does not know yet is nobody here until `_devices` has
 * told. */
#include <stdlib.h>
#include <string.h>

#include "node/engine/turn.h"

static bool admit(struct ps_turn *turn, const struct ps_device *device, struct ps_bytes name);
static struct ps_peer *add_peer(struct ps_turn *turn, const struct ps_device *device);
static bool list_allowed(struct ps_turn *turn);
static void drop_strangers(struct ps_turn *turn);

void ps_trust_load(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_member_walk walk = {.txn = turn->txn};
    struct ps_member member;
    size_t before = engine->allowed_count;

    for (size_t i = 0; i < engine->peer_count; i++) {
        engine->peers[i]->allowed = false;
    }
    while (ps_member_walk_next(&walk, &member)) {
        struct ps_bytes name = ps_bytes(member.name, member.name_size);
        if (ps_device_equal(&member.device, &engine->identity.device)) {
            memset(engine->name, 0, sizeof engine->name);
            memcpy(engine->name, name.data, name.size);
        } else if (!admit(turn, &member.device, name)) {
            return;
        }
    }
    if (!ps_turn_ok(turn, walk.result)) {
        return;
    }
    if (engine->identity.has_sponsor &&
        !admit(turn, &engine->identity.sponsor, ps_bytes(NULL, 0))) {
        return;
    }
    drop_strangers(turn);
    if (list_allowed(turn) && engine->allowed_count != before) {
        ps_emit_plain(turn, PS_EFFECT_ALLOW);
    }
}

bool ps_trust_member(struct ps_turn *turn, const struct ps_device *device)
{
    struct ps_member member;
    p2psync_result result = ps_member_get(turn->txn, device, &member);
    if (result == P2PSYNC_ENOTFOUND) {
        return ps_device_equal(device, &turn->engine->identity.mesh.founder);
    }
    return ps_turn_ok(turn, result);
}

static bool admit(struct ps_turn *turn, const struct ps_device *device, struct ps_bytes name)
{
    struct ps_peer *peer = ps_session_find(turn->engine, device);
    if (peer == NULL) {
        peer = add_peer(turn, device);
    }
    if (peer == NULL) {
        return false;
    }
    peer->allowed = true;
    if (name.size > 0) {
        memset(peer->name, 0, sizeof peer->name);
        memcpy(peer->name, name.data, name.size);
    }
    return true;
}

/* Peers are kept in order of their ids, so that every walk over them is the same in every run. */
static struct ps_peer *add_peer(struct ps_turn *turn, const struct ps_device *device)
{
    struct ps_engine *engine = turn->engine;
    struct ps_peer *peer = NULL;
    if (engine->peer_count == engine->peer_capacity) {
        size_t capacity = engine->peer_capacity == 0 ? 8 : engine->peer_capacity * 2;
        struct ps_peer **peers = realloc(engine->peers, capacity * sizeof(struct ps_peer *));
        if (peers == NULL) {
            (void)ps_turn_ok(turn, P2PSYNC_ENOMEM);
            return NULL;
        }
        engine->peers = peers;
        engine->peer_capacity = capacity;
    }
    if (!ps_turn_ok(turn, ps_peer_new(device, &peer))) {
        return NULL;
    }
    if (!ps_turn_ok(turn, ps_mesh_peer_read(turn->txn, device, &peer->row))) {
        ps_peer_destroy(&peer);
        return NULL;
    }
    peer->tag = ps_device_tag(&engine->identity.mesh, device);
    peer->dial_ms = turn->now_ms;
    size_t at = engine->peer_count++;
    while (at > 0 && ps_device_compare(&engine->peers[at - 1]->device, device) > 0) {
        engine->peers[at] = engine->peers[at - 1];
        at--;
    }
    engine->peers[at] = peer;
    ps_session_recall(turn, peer);
    return peer;
}

static void drop_strangers(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    size_t kept = 0;
    for (size_t i = 0; i < engine->peer_count; i++) {
        struct ps_peer *peer = engine->peers[i];
        if (peer->allowed) {
            engine->peers[kept++] = peer;
            continue;
        }
        for (size_t k = 0; k < PS_LINKS_PER_PEER_MAX; k++) {
            if (peer->links[k].id != 0) {
                ps_session_close(turn, peer, peer->links[k].id, "no longer a member");
            }
        }
        ps_peer_destroy(&peer);
    }
    engine->peer_count = kept;
}

static bool list_allowed(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_device *allowed =
        realloc(engine->allowed, (engine->peer_count + 1) * sizeof *allowed);
    if (allowed == NULL) {
        return ps_turn_ok(turn, P2PSYNC_ENOMEM);
    }
    engine->allowed = allowed;
    for (size_t i = 0; i < engine->peer_count; i++) {
        allowed[i] = engine->peers[i]->device;
    }
    engine->allowed_count = engine->peer_count;
    return true;
}
