/* The table of node/engine/peers.h: a sorted array of pointers. */
#include "node/engine/peers.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "node/engine/turn.h"

static size_t find_place(struct ps_peer *const *items, size_t count,
                         const struct ps_device *device);
static void forget_absent(struct ps_engine *engine);
static bool make_room(struct ps_peers *peers);

struct ps_peer *ps_peers_find(struct ps_engine *engine, const struct ps_device *device)
{
    const struct ps_peers *peers = &engine->peers;
    size_t at = find_place(peers->items, peers->count, device);
    bool found = at < peers->count && ps_device_equal(&peers->items[at]->device, device);
    return found ? peers->items[at] : NULL;
}

/* Where a device is, or belongs. */
static size_t find_place(struct ps_peer *const *items, size_t count, const struct ps_device *device)
{
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ps_device_compare(&items[middle]->device, device) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool ps_peers_told(struct ps_turn *turn, struct ps_peer *peer, struct ps_bytes endpoint,
                   struct ps_peer *teller)
{
    const struct ps_device *by = ps_remember_told_by(peer, endpoint);
    ps_peers_come(turn->engine, peer);
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
    size_t at = find_place(peers->items, peers->count, device);
    memmove(&peers->items[at + 1], &peers->items[at],
            (peers->count - at) * sizeof(struct ps_peer *));
    peers->items[at] = peer;
    peers->count++;
    ps_peers_look(engine);
    return peer;
}

void ps_peers_drop_others(struct ps_engine *engine)
{
    struct ps_peers *peers = &engine->peers;
    size_t kept = 0;
    forget_absent(engine);
    for (size_t i = 0; i < peers->count; i++) {
        if (peers->items[i]->allowed) {
            peers->items[kept++] = peers->items[i];
        } else {
            ps_peer_destroy(&peers->items[i]);
        }
    }
    peers->count = kept;
}

void ps_peers_come(struct ps_engine *engine, struct ps_peer *peer)
{
    struct ps_peers *peers = &engine->peers;
    size_t at = find_place(peers->present, peers->present_count, &peer->device);
    if (at < peers->present_count && peers->present[at] == peer) {
        return;
    }
    assert(peers->present_count < peers->count);
    ps_transfer_begin(peer);
    memmove(&peers->present[at + 1], &peers->present[at],
            (peers->present_count - at) * sizeof(struct ps_peer *));
    peers->present[at] = peer;
    peers->present_count++;
}

void ps_peers_look(struct ps_engine *engine)
{
    engine->peers.look = true;
}

void ps_peers_looked(struct ps_engine *engine)
{
    engine->peers.look = false;
}

void ps_peers_deinit(struct ps_peers *peers)
{
    for (size_t i = 0; i < peers->count; i++) {
        ps_peer_destroy(&peers->items[i]);
    }
    free(peers->items);
    free(peers->present);
    *peers = (struct ps_peers){0};
}

void ps_peers_begin(struct ps_engine *engine)
{
    struct ps_peers *peers = &engine->peers;
    forget_absent(engine);
    peers->connected = 0;
    for (size_t i = 0; i < peers->present_count; i++) {
        ps_transfer_begin(peers->present[i]);
        peers->connected += peers->present[i]->session.id != 0 ? 1 : 0;
    }
}

static void forget_absent(struct ps_engine *engine)
{
    struct ps_peers *peers = &engine->peers;
    size_t kept = 0;
    for (size_t i = 0; i < peers->present_count; i++) {
        if (ps_link_any(peers->present[i])) {
            peers->present[kept] = peers->present[i];
            kept++;
        }
    }
    if (kept < peers->present_count) {
        ps_peers_look(engine);
    }
    peers->present_count = kept;
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
    struct ps_peer **present = realloc(peers->present, capacity * sizeof(struct ps_peer *));
    if (present == NULL) {
        return false;
    }
    peers->present = present;
    peers->capacity = capacity;
    return true;
}
