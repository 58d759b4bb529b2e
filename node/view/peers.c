/* Peers: of a running node from its engine, else from the store. */
#include "node/view/peers.h"

#include <sodium.h>
#include <string.h>

#include "discovery/interfaces.h"
#include "node/engine/distance.h"
#include "node/host/endpoint.h"
#include "node/host/time.h"
#include "node/view/members.h"
#include "node/view/view.h"
#include "store/env/identity.h"
#include "store/log/collection.h"
#include "store/mesh/members.h"

static void write_one(struct ps_writer *writer, const struct ps_peer_info *peer, const char *state);
static void interface_name(const struct ps_peer_info *peer,
                           char out[static PS_INTERFACE_NAME_SIZE]);
static const char *found_by_name(ps_found_by found_by);
static void add_known_number(struct ps_map *map, const char *key, uint64_t number);
static p2psync_result remembered_peer(struct ps_txn *txn, const struct ps_member *member,
                                      uint64_t total, struct ps_peer_info *out);
static p2psync_result count_changes(struct ps_txn *txn, uint64_t *total_out);

p2psync_result ps_view_peers_write(struct ps_txn *txn, bool unanswered, struct ps_buf *out)
{
    struct ps_identity identity = {0};
    uint32_t others = 0;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    p2psync_result result = ps_identity_read(txn, &identity);
    struct ps_member self;
    uint64_t total = 0;
    if (result == P2PSYNC_OK) {
        result = count_changes(txn, &total);
    }
    if (result == P2PSYNC_OK) {
        result = ps_member_count(txn, &others);
    }
    if (result == P2PSYNC_OK) {
        result = ps_member_get(txn, &identity.device, &self);
        others -= result == P2PSYNC_OK ? 1 : 0;
        result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_write_array(&writer, (size_t)2 * others);
    struct ps_member_walk walk = {.txn = txn};
    struct ps_member member;
    while (ps_member_walk_next(&walk, &member)) {
        struct ps_peer_info peer;
        walk.result = remembered_peer(txn, &member, total, &peer);
        if (walk.result == P2PSYNC_OK && !ps_device_equal(&member.device, &identity.device)) {
            write_one(&writer, &peer, unanswered ? "unknown" : ps_peer_state_name(peer.state));
        }
    }
    return walk.result == P2PSYNC_OK ? ps_writer_finish(&writer) : walk.result;
}

void ps_view_peers_write_one(struct ps_writer *writer, const struct ps_peer_info *peer)
{
    write_one(writer, peer, peer->skewed ? "skewed" : ps_peer_state_name(peer->state));
}

static void write_one(struct ps_writer *writer, const struct ps_peer_info *peer, const char *state)
{
    struct ps_map map;
    char interface[PS_INTERFACE_NAME_SIZE];
    bool known = peer->last_seen_ms != 0;
    ps_write_bin(writer, ps_bytes(peer->device.key, sizeof peer->device.key));
    ps_map_begin(&map, writer);
    ps_view_add_device(&map, &peer->device);
    ps_map_known(&map, "name", peer->name);
    ps_map_known(&map, "endpoint", peer->endpoint);
    interface_name(peer, interface);
    ps_map_known(&map, "interface", interface);
    ps_map_known(&map, "found_by", found_by_name(peer->found_by));
    ps_map_text(&map, "state", state);
    add_known_number(&map, "rtt_ms", peer->rtt_ms);
    ps_map_key(&map, "last_seen");
    ps_time_write(writer, peer->last_seen_ms);
    ps_map_key(&map, "last_sync");
    ps_time_write(writer, peer->last_sync_ms);
    add_known_number(&map, "behind", peer->behind);
    add_known_number(&map, "ahead", peer->ahead);
    ps_map_key(&map, "skew_ms");
    if (known) {
        ps_write_int(writer, peer->skew_ms);
    } else {
        ps_write_nil(writer);
    }
    ps_map_uint(&map, "received_bytes", peer->received_bytes);
    ps_map_uint(&map, "sent_bytes", peer->sent_bytes);
    ps_map_key(&map, "protocol");
    if (peer->protocol == 0) {
        ps_write_nil(writer);
    } else {
        ps_write_uint(writer, peer->protocol);
    }
    ps_map_uint(&map, "faults", peer->faults);
    ps_map_known(&map, "last_fault", peer->last_fault);
    ps_map_known(&map, "alert", peer->alert[0] != '\0' ? peer->alert : peer->stall);
    ps_map_end(&map);
}

/* The interface on which a connected peer is reached; "" if it is not connected, or by a name. */
static void interface_name(const struct ps_peer_info *peer, char out[static PS_INTERFACE_NAME_SIZE])
{
    struct ps_endpoint endpoint;
    out[0] = '\0';
    if (peer->protocol != 0 && ps_endpoint_parse(peer->endpoint, &endpoint) == P2PSYNC_OK) {
        ps_interface_toward(endpoint.host, out);
    }
}

/* "" if it is not known. */
static const char *found_by_name(ps_found_by found_by)
{
    switch (found_by) {
    case PS_FOUND_UNKNOWN:
        break;
    case PS_FOUND_BEACON:
        return "beacon";
    case PS_FOUND_STATIC:
        return "static";
    case PS_FOUND_PEERS:
        return "peers";
    case PS_FOUND_PAIRING:
        return "pairing";
    case PS_FOUND_ACCEPTED:
        return "accepted";
    }
    return "";
}

/* UINT64_MAX: it is not known. */
static void add_known_number(struct ps_map *map, const char *key, uint64_t number)
{
    if (number == UINT64_MAX) {
        ps_map_nil(map, key);
    } else {
        ps_map_uint(map, key, number);
    }
}

/* Changes that are held here and may leave this device. */
static p2psync_result count_changes(struct ps_txn *txn, uint64_t *total_out)
{
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    uint64_t total = 0;
    while (ps_collection_walk_next(&walk, &collection)) {
        total += ps_collection_is_local(collection.name) ? 0 : collection.changes;
    }
    *total_out = total;
    return walk.result;
}

static p2psync_result remembered_peer(struct ps_txn *txn, const struct ps_member *member,
                                      uint64_t total, struct ps_peer_info *out)
{
    struct ps_peer_row row;
    p2psync_result result = ps_mesh_peer_read(txn, &member->device, &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_distance distance = ps_distance_of_row(&row, total);
    *out = (struct ps_peer_info){
        .device = member->device,
        .state = PS_PEER_OFFLINE,
        .rtt_ms = UINT64_MAX,
        .last_seen_ms = row.last_seen_ms,
        .last_sync_ms = row.last_sync_ms,
        .behind = distance.behind,
        .ahead = distance.ahead,
        .skew_ms = row.skew_ms,
        .received_bytes = row.received_bytes,
        .sent_bytes = row.sent_bytes,
    };
    memcpy(out->name, member->name, member->name_size);
    if (row.endpoint_count > 0) {
        memcpy(out->endpoint, row.endpoints[0], sizeof out->endpoint);
        out->found_by = row.found_by[0];
    }
    return P2PSYNC_OK;
}
