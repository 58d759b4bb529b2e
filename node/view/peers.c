/* Peers: of a running node from its engine, else from the store. */
#include "node/view/peers.h"

#include <sodium.h>
#include <string.h>

#include "discovery/interfaces.h"
#include "node/host/endpoint.h"
#include "node/host/time.h"
#include "node/view/members.h"
#include "node/view/view.h"
#include "store/env/identity.h"
#include "store/mesh/members.h"

static void write_interface(struct ps_writer *writer, const struct ps_peer_info *peer);
static const char *found_by_name(ps_found_by found_by);
static p2psync_result remembered_peer(struct ps_txn *txn, const struct ps_member *member,
                                      struct ps_peer_info *out);

p2psync_result ps_view_peers_write(struct ps_txn *txn, struct ps_buf *out)
{
    struct ps_identity identity = {0};
    uint32_t others = 0;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    p2psync_result result = ps_identity_read(txn, &identity);
    sodium_memzero(identity.seed, sizeof(identity.seed));
    struct ps_member self;
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
    ps_write_array(&writer, others);
    struct ps_member_walk walk = {.txn = txn};
    struct ps_member member;
    while (ps_member_walk_next(&walk, &member)) {
        struct ps_peer_info peer;
        walk.result = remembered_peer(txn, &member, &peer);
        if (walk.result == P2PSYNC_OK && !ps_device_equal(&member.device, &identity.device)) {
            ps_view_peers_write_one(&writer, &peer);
        }
    }
    return walk.result == P2PSYNC_OK ? ps_writer_finish(&writer) : walk.result;
}

void ps_view_peers_write_one(struct ps_writer *writer, const struct ps_peer_info *peer)
{
    bool known = peer->last_seen_ms != 0;
    ps_write_map(writer, 18);
    ps_view_write_device(writer, &peer->device);
    ps_write_text(writer, "name");
    ps_view_write_known(writer, peer->name);
    ps_write_text(writer, "endpoint");
    ps_view_write_known(writer, peer->endpoint);
    ps_write_text(writer, "interface");
    write_interface(writer, peer);
    ps_write_text(writer, "found_by");
    ps_view_write_known(writer, found_by_name(peer->found_by));
    ps_write_text(writer, "state");
    ps_write_text(writer, peer->skewed ? "skewed" : ps_peer_state_name(peer->state));
    ps_write_text(writer, "rtt_ms");
    if (peer->rtt_ms == UINT64_MAX) {
        ps_write_nil(writer);
    } else {
        ps_write_uint(writer, peer->rtt_ms);
    }
    ps_write_text(writer, "last_seen");
    ps_time_write(writer, peer->last_seen_ms);
    ps_write_text(writer, "last_sync");
    ps_time_write(writer, peer->last_sync_ms);
    ps_write_text(writer, "behind");
    ps_write_uint(writer, peer->behind);
    ps_write_text(writer, "ahead");
    ps_write_uint(writer, peer->ahead);
    ps_write_text(writer, "skew_ms");
    if (known) {
        ps_write_int(writer, peer->skew_ms);
    } else {
        ps_write_nil(writer);
    }
    ps_write_text(writer, "received_bytes");
    ps_write_uint(writer, peer->received_bytes);
    ps_write_text(writer, "sent_bytes");
    ps_write_uint(writer, peer->sent_bytes);
    ps_write_text(writer, "protocol");
    if (peer->protocol == 0) {
        ps_write_nil(writer);
    } else {
        ps_write_uint(writer, peer->protocol);
    }
    ps_write_text(writer, "faults");
    ps_write_uint(writer, peer->faults);
    ps_write_text(writer, "last_fault");
    ps_view_write_known(writer, peer->last_fault == NULL ? "" : peer->last_fault);
}

/* The one on which a connected peer is reached; nil if it is not connected, or by a name. */
static void write_interface(struct ps_writer *writer, const struct ps_peer_info *peer)
{
    char name[PS_INTERFACE_NAME_SIZE] = "";
    struct ps_endpoint endpoint;
    if (peer->protocol != 0 && ps_endpoint_parse(peer->endpoint, &endpoint) == P2PSYNC_OK) {
        ps_interface_toward(endpoint.host, name);
    }
    ps_view_write_known(writer, name);
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

static p2psync_result remembered_peer(struct ps_txn *txn, const struct ps_member *member,
                                      struct ps_peer_info *out)
{
    struct ps_peer_row row;
    p2psync_result result = ps_mesh_peer_read(txn, &member->device, &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    *out = (struct ps_peer_info){
        .device = member->device,
        .state = PS_PEER_OFFLINE,
        .rtt_ms = UINT64_MAX,
        .last_seen_ms = row.last_seen_ms,
        .last_sync_ms = row.last_sync_ms,
        .behind = row.behind,
        .ahead = row.ahead,
        .skew_ms = row.skew_ms,
        .received_bytes = row.received_bytes,
        .sent_bytes = row.sent_bytes,
    };
    memcpy(out->name, member->name, member->name_size);
    if (row.endpoint_count > 0) {
        memcpy(out->endpoint, row.endpoints[0], sizeof(out->endpoint));
        out->found_by = row.found_by[0];
    }
    return P2PSYNC_OK;
}
