/* Status and identity, put together from the store in one read transaction each. */
#include "node/view/status.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "node/host/time.h"
#include "node/view/excess.h"
#include "node/view/members.h"
#include "node/view/removal.h"
#include "node/view/view.h"
#include "store/apply/refresh.h"
#include "store/backup/last.h"
#include "store/env/identity.h"
#include "store/log/collection.h"
#include "store/log/damage.h"
#include "store/log/summary.h"
#include "store/mesh/peers.h"
#include "store/record/rules.h"

#define MESH_TEXT_SIZE (2 * PS_MESH_SIZE + 1)
#define HASH_TEXT_SIZE (2 * PS_HASH_SIZE + 1)

/* What the store says that people must know. */
struct said {
    struct ps_last backup;
    char excess[PS_VIEW_EXCESS_TEXT_SIZE];   /* "": nothing */
    char removed[PS_VIEW_REMOVAL_TEXT_SIZE]; /* likewise */
};

static void write_hash(struct ps_writer *writer, const struct ps_hash *hash);
static p2psync_result read_repairs(struct ps_txn *txn, bool *merging_out, uint64_t *damaged_out);
static p2psync_result read_self(struct ps_txn *txn, struct ps_identity *identity,
                                char name[static PS_DEVICE_NAME_SIZE_MAX + 1]);
static const char *state_name(const struct ps_status_running *running, bool alone, bool in_sync);
static p2psync_result read_said(struct ps_txn *txn, const struct ps_identity *identity,
                                struct said *out);
static void write_alerts(struct ps_writer *writer, const struct ps_status_running *running,
                         const struct said *said);
static void write_mesh(struct ps_map *map, const struct ps_mesh *mesh);
static p2psync_result write_collections(struct ps_txn *txn, struct ps_writer *writer);
static p2psync_result write_collection(struct ps_txn *txn, struct ps_writer *writer,
                                       const struct ps_collection *collection);
static p2psync_result write_strategy(struct ps_txn *txn, struct ps_writer *writer,
                                     const struct ps_collection *collection);
static p2psync_result latest_sync(struct ps_txn *txn, const struct ps_device *self,
                                  uint64_t *latest_out);

p2psync_result ps_status_identity(struct ps_txn *txn, const struct ps_device *inviter,
                                  struct ps_buf *out)
{
    struct ps_identity identity = {0};
    char known[PS_DEVICE_NAME_SIZE_MAX + 1];
    struct ps_writer writer;
    struct ps_map map;
    ps_writer_init(&writer, out);
    p2psync_result result = read_self(txn, &identity, known);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_map_begin(&map, &writer);
    ps_view_add_device(&map, &identity.device);
    ps_map_known(&map, "name", known);
    write_mesh(&map, &identity.mesh);
    if (inviter != NULL) {
        char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
        ps_device_fingerprint(inviter, fingerprint);
        ps_map_text(&map, "inviter_fingerprint", fingerprint);
    }
    ps_map_end(&map);
    return ps_writer_finish(&writer);
}

p2psync_result ps_status_identity_of(struct ps_store *store, struct ps_buf *out)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_status_identity(&txn, NULL, out);
    }
    ps_txn_abort(&txn);
    return result;
}

p2psync_result ps_status_write(struct ps_txn *txn, const struct ps_status_running *running,
                               struct ps_buf *out)
{
    struct ps_identity identity = {0};
    struct ps_state state = {0};
    char name[PS_DEVICE_NAME_SIZE_MAX + 1] = {0};
    uint32_t members = 0;
    uint64_t last_sync = running->last_sync_ms;
    bool merging = false;
    uint64_t damaged = 0;
    struct said said = {.backup.made_ms = 0};
    struct ps_writer writer;
    struct ps_map map;
    ps_writer_init(&writer, out);
    p2psync_result result = read_self(txn, &identity, name);
    if (result == P2PSYNC_OK) {
        result = read_said(txn, &identity, &said);
    }
    if (result == P2PSYNC_OK) {
        result = ps_summary_state(txn, &state);
    }
    if (result == P2PSYNC_OK) {
        result = ps_member_count(txn, &members);
    }
    if (result == P2PSYNC_OK) {
        result = read_repairs(txn, &merging, &damaged);
    }
    if (result == P2PSYNC_OK && last_sync == 0) {
        result = latest_sync(txn, &identity.device, &last_sync);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    bool removed = said.removed[0] != '\0';
    bool alone = members <= 1 && !identity.has_sponsor && !removed;
    bool in_sync = running->running && !removed && !running->failing && !running->unanswered &&
                   (alone || ps_status_is_equal(running));
    ps_map_begin(&map, &writer);
    ps_view_add_device(&map, &identity.device);
    ps_map_known(&map, "name", name);
    write_mesh(&map, &identity.mesh);
    ps_map_key(&map, "root");
    write_hash(&writer, &state.common);
    ps_map_bool(&map, "running", running->running);
    ps_map_bool(&map, "answers", running->running && !running->unanswered);
    ps_map_text(&map, "state", state_name(running, alone, in_sync));
    ps_map_bool(&map, "in_sync", in_sync);
    ps_map_uint(&map, "peers_in_sync", running->peers_in_sync);
    ps_map_uint(&map, "peers_connected", running->peers_connected);
    ps_map_uint(&map, "devices", members);
    ps_map_bool(&map, "removed", removed);
    ps_map_uint(&map, "pending", state.pending);
    ps_map_bool(&map, "merging", merging);
    ps_map_uint(&map, "damaged", damaged);
    ps_map_key(&map, "last_sync");
    ps_time_write(&writer, last_sync);
    ps_map_key(&map, "last_backup");
    ps_time_write(&writer, said.backup.made_ms);
    ps_map_known(&map, "last_error", running->last_error);
    ps_map_key(&map, "last_error_time");
    ps_time_write(&writer, running->last_error_ms);
    ps_map_key(&map, "alerts");
    write_alerts(&writer, running, &said);
    ps_map_key(&map, "collections");
    result = write_collections(txn, &writer);
    ps_map_end(&map);
    return result == P2PSYNC_OK ? ps_writer_finish(&writer) : result;
}

static p2psync_result read_said(struct ps_txn *txn, const struct ps_identity *identity,
                                struct said *out)
{
    p2psync_result result = ps_last_read(txn, &out->backup);
    if (result == P2PSYNC_OK) {
        result = ps_view_excess_text(txn, false, out->excess);
    }
    return result == P2PSYNC_OK ? ps_view_removal_text(txn, identity, out->removed) : result;
}

/* What the node still has to do to what is stored: merge anew, mend. */
static p2psync_result read_repairs(struct ps_txn *txn, bool *merging_out, uint64_t *damaged_out)
{
    p2psync_result result = ps_refresh_waits(txn, merging_out);
    return result == P2PSYNC_OK ? ps_damage_count(txn, damaged_out) : result;
}

/* This device without its seed, and its name. */
static p2psync_result read_self(struct ps_txn *txn, struct ps_identity *identity,
                                char name[static PS_DEVICE_NAME_SIZE_MAX + 1])
{
    p2psync_result result = ps_identity_read(txn, identity);
    return result == P2PSYNC_OK ? ps_view_members_own_name(txn, &identity->device, name) : result;
}

void ps_status_count_peers(const struct ps_engine *engine, struct ps_status_running *out)
{
    struct ps_peer_brief peer;
    out->peers = 0;
    out->peers_connected = 0;
    out->peers_in_sync = 0;
    out->last_sync_ms = 0;
    for (size_t i = 0; ps_engine_peer_brief(engine, i, &peer); i++) {
        bool in_sync = peer.state == PS_PEER_IN_SYNC;
        out->peers++;
        out->peers_in_sync += in_sync ? 1 : 0;
        out->peers_connected += in_sync || peer.state == PS_PEER_SYNCING ? 1 : 0;
        if (peer.last_sync_ms > out->last_sync_ms) {
            out->last_sync_ms = peer.last_sync_ms;
        }
    }
}

bool ps_status_is_equal(const struct ps_status_running *running)
{
    return running->peers_connected > 0 && running->peers_in_sync == running->peers_connected;
}

/* What people must know of this device and of others. */
static void write_alerts(struct ps_writer *writer, const struct ps_status_running *running,
                         const struct said *said)
{
    const struct ps_last *backup = &said->backup;
    const char *excess = said->excess;
    const struct ps_engine *engine = running->engine;
    char failed[PS_LAST_WHY_SIZE + 32] = "";
    char own[PS_ALERT_SIZE] = "";
    struct ps_peer_info peer;
    size_t count = 0;
    if (engine != NULL) {
        ps_engine_alert(engine, own);
    }
    if (backup->failed_ms != 0) {
        (void)snprintf(failed, sizeof failed, "the last backup failed: %s", backup->why);
    }
    count += (own[0] != '\0' ? 1U : 0U) + (failed[0] != '\0' ? 1U : 0U);
    count += (excess[0] != '\0' ? 1U : 0U) + (running->full ? 1U : 0U);
    count += said->removed[0] != '\0' ? 1U : 0U;
    for (size_t i = 0; engine != NULL && ps_engine_peer(engine, i, &peer); i++) {
        count += peer.alert[0] != '\0' ? 1 : 0;
        count += peer.stall[0] != '\0' ? 1 : 0;
    }
    ps_write_array(writer, count);
    if (said->removed[0] != '\0') {
        ps_write_text(writer, said->removed);
    }
    if (running->full) {
        ps_write_text(writer, "the disk is full: what others send waits for room");
    }
    if (own[0] != '\0') {
        ps_write_text(writer, own);
    }
    if (failed[0] != '\0') {
        ps_write_text(writer, failed);
    }
    if (excess[0] != '\0') {
        ps_write_text(writer, excess);
    }
    for (size_t i = 0; engine != NULL && ps_engine_peer(engine, i, &peer); i++) {
        if (peer.alert[0] != '\0') {
            ps_write_text(writer, peer.alert);
        }
        if (peer.stall[0] != '\0') {
            ps_write_text(writer, peer.stall);
        }
    }
}

/* In one word. A node that is alone in its mesh has nobody to be in sync with, and lacks nothing.
 */
static const char *state_name(const struct ps_status_running *running, bool alone, bool in_sync)
{
    if (!running->running) {
        return "offline";
    }
    if (running->failing || running->unanswered) {
        return "error";
    }
    if (alone) {
        return "alone";
    }
    if (running->peers_connected == 0) {
        return "offline";
    }
    return in_sync ? "in_sync" : "syncing";
}

/* One pair of a map: founder and nonce as hex. */
static void write_mesh(struct ps_map *map, const struct ps_mesh *mesh)
{
    char text[MESH_TEXT_SIZE];
    uint8_t bytes[PS_MESH_SIZE];
    memcpy(bytes, mesh, sizeof bytes);
    (void)sodium_bin2hex(text, sizeof text, bytes, sizeof bytes);
    ps_map_text(map, "mesh", text);
}

static void write_hash(struct ps_writer *writer, const struct ps_hash *hash)
{
    char text[HASH_TEXT_SIZE];
    (void)sodium_bin2hex(text, sizeof text, hash->bytes, sizeof hash->bytes);
    ps_write_text(writer, text);
}

/* Collections of the node itself are left out: people do not ask for them. */
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
    struct ps_map map;
    struct ps_hash root;
    bool has_logs = false;
    p2psync_result result = ps_summary_root(txn, collection->number, NULL, &root, &has_logs);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_map_begin(&map, writer);
    ps_map_str(&map, "name", collection->name);
    ps_map_uint(&map, "records", collection->records);
    ps_map_uint(&map, "changes", collection->changes);
    ps_map_uint(&map, "conflicts", collection->conflicts);
    ps_map_key(&map, "root");
    if (has_logs) {
        write_hash(writer, &root);
    } else {
        ps_write_nil(writer);
    }
    ps_map_key(&map, "strategy");
    result = write_strategy(txn, writer, collection);
    ps_map_end(&map);
    return result;
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
