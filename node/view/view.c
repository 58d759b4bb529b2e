/* Answers with many parts, put together from the store in one read transaction each. */
#include "node/view/view.h"

#include <sodium.h>
#include <string.h>

#include "discovery/interfaces.h"
#include "node/api/life.h"
#include "store/log/collection.h"
#include "store/log/summary.h"
#include "store/mesh/peers.h"
#include "store/record/rules.h"

#define MESH_TEXT_SIZE (2 * PS_MESH_SIZE + 1)
#define HASH_TEXT_SIZE (2 * PS_HASH_SIZE + 1)

#define FORKED_MAX 256 /* devices told of as forked: more are not told apart from honest ones */

/* Devices of which two signed histories contradict each other. */
struct forked {
    size_t count;
    struct ps_device devices[FORKED_MAX];
};

static void write_interface(struct ps_writer *writer, const struct ps_peer_info *peer);
static const char *found_by_name(ps_found_by found_by);
static void write_device(struct ps_writer *writer, const struct ps_device *device);
static void write_hash(struct ps_writer *writer, const struct ps_hash *hash);
static void write_mesh(struct ps_writer *writer, const struct ps_mesh *mesh);
static void write_known_name(struct ps_writer *writer, const char *name);
static p2psync_result write_collections(struct ps_txn *txn, struct ps_writer *writer);
static p2psync_result write_collection(struct ps_txn *txn, struct ps_writer *writer,
                                       const struct ps_collection *collection);
static p2psync_result write_strategy(struct ps_txn *txn, struct ps_writer *writer,
                                     const struct ps_collection *collection);
static p2psync_result list_forked(struct ps_txn *txn, struct forked *out);
static p2psync_result list_forked_of(struct ps_txn *txn, uint32_t collection, struct forked *out);
static bool is_forked(const struct forked *forked, const struct ps_device *device);
static void write_member(struct ps_writer *writer, const struct ps_member *member,
                         const struct ps_mesh *mesh, bool forked);
static p2psync_result remembered_peer(struct ps_txn *txn, const struct ps_member *member,
                                      struct ps_peer_info *out);
static p2psync_result latest_sync(struct ps_txn *txn, const struct ps_device *self,
                                  uint64_t *latest_out);

p2psync_result ps_view_own_name(struct ps_txn *txn, const struct ps_device *device,
                                char out[static PS_DEVICE_NAME_SIZE_MAX + 1])
{
    struct ps_member member;
    struct ps_bytes name = {NULL, 0};
    p2psync_result result = ps_member_get(txn, device, &member);
    if (result == P2PSYNC_OK) {
        name = ps_bytes(member.name, member.name_size);
    } else if (result == P2PSYNC_ENOTFOUND) {
        result = ps_identity_read_name(txn, &name);
    }
    if (result == P2PSYNC_OK) {
        if (name.size > 0) {
            memcpy(out, name.data, name.size);
        }
        out[name.size] = '\0';
    }
    return result;
}

p2psync_result ps_view_identity(struct ps_txn *txn, const struct ps_device *inviter,
                                struct ps_buf *out)
{
    struct ps_identity identity = {0};
    char known[PS_DEVICE_NAME_SIZE_MAX + 1];
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    p2psync_result result = ps_identity_read(txn, &identity);
    sodium_memzero(identity.seed, sizeof(identity.seed));
    if (result == P2PSYNC_OK) {
        result = ps_view_own_name(txn, &identity.device, known);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_write_map(&writer, inviter != NULL ? 5 : 4);
    write_device(&writer, &identity.device);
    ps_write_text(&writer, "name");
    write_known_name(&writer, known);
    write_mesh(&writer, &identity.mesh);
    if (inviter != NULL) {
        char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
        ps_device_fingerprint(inviter, fingerprint);
        ps_write_text(&writer, "inviter_fingerprint");
        ps_write_text(&writer, fingerprint);
    }
    return ps_writer_finish(&writer);
}

p2psync_result ps_view_status(struct ps_txn *txn, const struct ps_view_running *running,
                              struct ps_buf *out)
{
    struct ps_identity identity = {0};
    struct ps_state state = {0};
    char name[PS_DEVICE_NAME_SIZE_MAX + 1] = {0};
    uint32_t members = 0;
    uint64_t last_sync = running->last_sync_ms;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    p2psync_result result = ps_identity_read(txn, &identity);
    sodium_memzero(identity.seed, sizeof(identity.seed));
    if (result == P2PSYNC_OK) {
        result = ps_view_own_name(txn, &identity.device, name);
    }
    if (result == P2PSYNC_OK) {
        result = ps_summary_state(txn, &state);
    }
    if (result == P2PSYNC_OK) {
        result = ps_member_count(txn, &members);
    }
    if (result == P2PSYNC_OK && last_sync == 0) {
        result = latest_sync(txn, &identity.device, &last_sync);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    bool alone = members <= 1 && !identity.has_sponsor;
    bool in_sync = running->running && state.pending == 0 &&
                   running->peers_in_sync == running->peers_connected &&
                   (alone || running->peers_connected > 0);
    ps_write_map(&writer, 14);
    write_device(&writer, &identity.device);
    ps_write_text(&writer, "name");
    write_known_name(&writer, name);
    write_mesh(&writer, &identity.mesh);
    ps_write_text(&writer, "root");
    write_hash(&writer, &state.common);
    ps_write_text(&writer, "running");
    ps_write_bool(&writer, running->running);
    ps_write_text(&writer, "in_sync");
    ps_write_bool(&writer, in_sync);
    ps_write_text(&writer, "peers_in_sync");
    ps_write_uint(&writer, running->peers_in_sync);
    ps_write_text(&writer, "peers_connected");
    ps_write_uint(&writer, running->peers_connected);
    ps_write_text(&writer, "devices");
    ps_write_uint(&writer, members);
    ps_write_text(&writer, "pending");
    ps_write_uint(&writer, state.pending);
    ps_write_text(&writer, "last_sync");
    ps_write_time(&writer, last_sync);
    ps_write_text(&writer, "last_error");
    write_known_name(&writer, running->last_error != NULL ? running->last_error : "");
    ps_write_text(&writer, "collections");
    result = write_collections(txn, &writer);
    return result == P2PSYNC_OK ? ps_writer_finish(&writer) : result;
}

p2psync_result ps_view_devices(struct ps_txn *txn, struct ps_buf *out)
{
    struct ps_identity identity = {0};
    struct forked forked = {.count = 0};
    struct ps_member member;
    uint32_t count = 0;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    p2psync_result result = ps_identity_read(txn, &identity);
    sodium_memzero(identity.seed, sizeof(identity.seed));
    if (result == P2PSYNC_OK) {
        result = ps_member_count(txn, &count);
    }
    if (result == P2PSYNC_OK) {
        result = list_forked(txn, &forked);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_write_array(&writer, count);
    struct ps_member_walk walk = {.txn = txn};
    while (ps_member_walk_next(&walk, &member)) {
        write_member(&writer, &member, &identity.mesh, is_forked(&forked, &member.device));
    }
    return walk.result == P2PSYNC_OK ? ps_writer_finish(&writer) : walk.result;
}

p2psync_result ps_view_peers(struct ps_txn *txn, struct ps_buf *out)
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
            ps_view_peer(&writer, &peer);
        }
    }
    return walk.result == P2PSYNC_OK ? ps_writer_finish(&writer) : walk.result;
}

void ps_view_peer(struct ps_writer *writer, const struct ps_peer_info *peer)
{
    bool known = peer->last_seen_ms != 0;
    ps_write_map(writer, 18);
    write_device(writer, &peer->device);
    ps_write_text(writer, "name");
    write_known_name(writer, peer->name);
    ps_write_text(writer, "endpoint");
    write_known_name(writer, peer->endpoint);
    ps_write_text(writer, "interface");
    write_interface(writer, peer);
    ps_write_text(writer, "found_by");
    write_known_name(writer, found_by_name(peer->found_by));
    ps_write_text(writer, "state");
    ps_write_text(writer, peer->skewed ? "skewed" : ps_peer_state_name(peer->state));
    ps_write_text(writer, "rtt_ms");
    if (peer->rtt_ms == UINT64_MAX) {
        ps_write_nil(writer);
    } else {
        ps_write_uint(writer, peer->rtt_ms);
    }
    ps_write_text(writer, "last_seen");
    ps_write_time(writer, peer->last_seen_ms);
    ps_write_text(writer, "last_sync");
    ps_write_time(writer, peer->last_sync_ms);
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
    write_known_name(writer, peer->last_fault == NULL ? "" : peer->last_fault);
}

/* The one on which a connected peer is reached; nil if it is not connected, or by a name. */
static void write_interface(struct ps_writer *writer, const struct ps_peer_info *peer)
{
    char name[PS_INTERFACE_NAME_SIZE] = "";
    struct ps_endpoint endpoint;
    if (peer->protocol != 0 && ps_endpoint_parse(peer->endpoint, &endpoint) == P2PSYNC_OK) {
        ps_interface_toward(endpoint.host, name);
    }
    write_known_name(writer, name);
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

/* Two pairs of a map. */
static void write_device(struct ps_writer *writer, const struct ps_device *device)
{
    char id[PS_DEVICE_TEXT_SIZE];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    ps_device_text(device, id);
    ps_device_fingerprint(device, fingerprint);
    ps_write_text(writer, "device");
    ps_write_text(writer, id);
    ps_write_text(writer, "fingerprint");
    ps_write_text(writer, fingerprint);
}

/* One pair of a map: founder and nonce as hex. */
static void write_mesh(struct ps_writer *writer, const struct ps_mesh *mesh)
{
    char text[MESH_TEXT_SIZE];
    uint8_t bytes[PS_MESH_SIZE];
    memcpy(bytes, mesh, sizeof(bytes));
    (void)sodium_bin2hex(text, sizeof(text), bytes, sizeof(bytes));
    ps_write_text(writer, "mesh");
    ps_write_text(writer, text);
}

static void write_hash(struct ps_writer *writer, const struct ps_hash *hash)
{
    char text[HASH_TEXT_SIZE];
    (void)sodium_bin2hex(text, sizeof(text), hash->bytes, sizeof(hash->bytes));
    ps_write_text(writer, text);
}

/* A text, or nil if it is empty. */
static void write_known_name(struct ps_writer *writer, const char *name)
{
    if (name[0] == '\0') {
        ps_write_nil(writer);
    } else {
        ps_write_text(writer, name);
    }
}

/* The node's own collections are left out: they are not what people ask for. */
static p2psync_result write_collections(struct ps_txn *txn, struct ps_writer *writer)
{
    struct ps_collection_walk counting = {.txn = txn};
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    size_t count = 0;
    while (ps_collection_walk_next(&counting, &collection)) {
        count += ps_collection_is_internal(collection.name) ? 0 : 1;
    }
    if (counting.result != P2PSYNC_OK) {
        return counting.result;
    }
    ps_write_array(writer, count);
    while (ps_collection_walk_next(&walk, &collection)) {
        if (!ps_collection_is_internal(collection.name)) {
            walk.result = write_collection(txn, writer, &collection);
        }
    }
    return walk.result;
}

static p2psync_result write_collection(struct ps_txn *txn, struct ps_writer *writer,
                                       const struct ps_collection *collection)
{
    struct ps_hash root;
    bool has_logs = false;
    p2psync_result result = ps_summary_root(txn, collection->number, &root, &has_logs);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_write_map(writer, 6);
    ps_write_text(writer, "name");
    ps_write_str(writer, collection->name);
    ps_write_text(writer, "records");
    ps_write_uint(writer, collection->records);
    ps_write_text(writer, "changes");
    ps_write_uint(writer, collection->changes);
    ps_write_text(writer, "conflicts");
    ps_write_uint(writer, collection->conflicts);
    ps_write_text(writer, "root");
    if (has_logs) {
        write_hash(writer, &root);
    } else {
        ps_write_nil(writer);
    }
    ps_write_text(writer, "strategy");
    return write_strategy(txn, writer, collection);
}

/* As `collection set` takes it. */
static p2psync_result write_strategy(struct ps_txn *txn, struct ps_writer *writer,
                                     const struct ps_collection *collection)
{
    struct ps_rules rules;
    char text[PS_STRATEGY_TEXT_SIZE];
    p2psync_result result = ps_rules_read(txn, collection->name, &rules);
    if (result == P2PSYNC_OK) {
        ps_rules_strategy_text(&rules, text);
        ps_write_text(writer, text);
        ps_rules_deinit(&rules);
    }
    return result;
}

static p2psync_result list_forked(struct ps_txn *txn, struct forked *out)
{
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    while (ps_collection_walk_next(&walk, &collection)) {
        walk.result = list_forked_of(txn, collection.number, out);
    }
    return walk.result;
}

static p2psync_result list_forked_of(struct ps_txn *txn, uint32_t collection, struct forked *out)
{
    struct ps_log_walk walk = {.txn = txn, .collection = collection};
    struct ps_log log;
    while (ps_log_walk_next(&walk, &log)) {
        if (log.forked && !is_forked(out, &log.origin.device) && out->count < FORKED_MAX) {
            out->devices[out->count] = log.origin.device;
            out->count++;
        }
    }
    return walk.result;
}

static bool is_forked(const struct forked *forked, const struct ps_device *device)
{
    for (size_t i = 0; i < forked->count; i++) {
        if (ps_device_equal(&forked->devices[i], device)) {
            return true;
        }
    }
    return false;
}

static void write_member(struct ps_writer *writer, const struct ps_member *member,
                         const struct ps_mesh *mesh, bool forked)
{
    char added_by[PS_DEVICE_TEXT_SIZE];
    ps_device_text(&member->added_by, added_by);
    ps_write_map(writer, 8);
    write_device(writer, &member->device);
    ps_write_text(writer, "name");
    ps_write_str(writer, ps_bytes(member->name, member->name_size));
    ps_write_text(writer, "role");
    ps_write_text(writer, ps_device_equal(&member->device, &mesh->founder) ? "founder" : "member");
    ps_write_text(writer, "added");
    ps_write_time(writer, member->added_ms);
    ps_write_text(writer, "added_by");
    ps_write_text(writer, added_by);
    ps_write_text(writer, "removed");
    ps_write_nil(writer);
    ps_write_text(writer, "forked");
    ps_write_bool(writer, forked);
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

static p2psync_result latest_sync(struct ps_txn *txn, const struct ps_device *self,
                                  uint64_t *latest_out)
{
    struct ps_member_walk walk = {.txn = txn};
    struct ps_member member;
    uint64_t latest = 0;
    while (ps_member_walk_next(&walk, &member)) {
        struct ps_peer_row row;
        walk.result = ps_mesh_peer_read(txn, &member.device, &row);
        bool other = !ps_device_equal(&member.device, self);
        if (walk.result == P2PSYNC_OK && other && row.last_sync_ms > latest) {
            latest = row.last_sync_ms;
        }
    }
    if (walk.result == P2PSYNC_OK) {
        *latest_out = latest;
    }
    return walk.result;
}
