/* The table of node/engine/peers.h: a sorted array of pointers. */
#include "node/engine/peers.h"

#include <stdlib.h>

#include "node/engine/turn.h"

static bool make_room(struct ps_peers *peers);

struct ps_peer *ps_peers_find(struct ps_engine *engine, const struct ps_device *device)
{
    size_t low = 0;
    size_t high = engine->peers.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ps_device_compare(&engine->peers.items[middle]->device, device);
        if (order == 0) {
            return engine->peers.items[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

bool ps_peers_told(struct ps_turn *turn, struct ps_peer *peer, struct ps_bytes endpoint,
                   struct ps_peer *teller)
{
    const struct ps_device *by = ps_remember_told_by(peer, endpoint);
    const struct ps_peer *before = by == NULL ? NULL : ps_peers_find(turn->engine, by);
    return ps_remember_told(peer, endpoint, teller, before);
}

struct ps_peer *ps_peers_add(struct ps_turn *turn, const struct ps_device *device)
{
    struct ps_engine *engine = turn->engine;
    struct ps_peers *peers = &engine->peers;
    struct ps_peer *peer = NULL;
    if (!make_room(peers)) {
        (void)ps_turn_ok(turn, P2PSYNC_ENOMEM);
        return NULL;
    }
    if (!ps_turn_ok(turn, ps_peer_new(device, &peer))) {
        return NULL;
    }
    if (!ps_turn_ok(turn, ps_remember_read(turn, peer))) {
        ps_peer_destroy(&peer);
        return NULL;
    }
    size_t at = peers->count++;
    while (at > 0 && ps_device_compare(&peers->items[at - 1]->device, device) > 0) {
        peers->items[at] = peers->items[at - 1];
        at--;
    }
    peers->items[at] = peer;
    return peer;
}

void ps_peers_drop_others(struct ps_engine *engine)
{
    struct ps_peers *peers = &engine->peers;
    size_t kept = 0;
    for (size_t i = 0; i < peers->count; i++) {
        if (peers->items[i]->allowed) {
            peers->items[kept++] = peers->items[i];
        } else {
            ps_peer_destroy(&peers->items[i]);
        }
    }
    peers->count = kept;
}

void ps_peers_deinit(struct ps_peers *peers)
{
    for (size_t i = 0; i < peers->count; i++) {
        ps_peer_destroy(&peers->items[i]);
    }
    free(peers->items);
    *peers = (struct ps_peers){0};
}

void ps_peers_begin(struct ps_engine *engine)
{
    engine->peers.connected = 0;
    for (size_t i = 0; i < engine->peers.count; i++) {
        ps_transfer_begin(engine->peers.items[i]);
        engine->peers.connected += engine->peers.items[i]->session.id != 0 ? 1 : 0;
    }
}

bool ps_peers_are_many(const struct ps_engine *engine)
{
    return engine->peers.connected > PS_ROUND_PEERS_MAX;
}

bool ps_peers_we_are_lower(const struct ps_engine *engine, const struct ps_peer *peer)
{
    return ps_device_compare(&engine->identity.device, &peer->device) < 0;
}

static bool make_room(struct ps_peers *peers)
{
    if (peers->count < peers->capacity) {
        return true;
    }
    size_t capacity = peers->capacity == 0 ? 8 : peers->capacity * 2;
    struct ps_peer **items = realloc(peers->items, capacity * sizeof(struct ps_peer *));
    if (items == NULL) {
        return false;
    }
    peers->items = items;
    peers->capacity = capacity;
    return true;
}
