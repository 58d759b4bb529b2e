/* The checks. Each is a function that says what it found, and false if it has nothing to look at;
 * the order of the tables is the order in which they are shown: from the cable upwards. */
#include "node/view/doctor.h"

#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "node/engine/skew.h"
#include "node/engine/twins.h"
#include "node/view/damage.h"
#include "node/view/excess.h"
#include "node/view/forks.h"
#include "node/view/look.h"
#include "node/view/members.h"
#include "node/view/pending.h"
#include "node/view/removal.h"
#include "store/backup/last.h"
#include "store/env/identity.h"
#include "store/log/collection.h"
#include "store/log/summary.h"
#include "store/mesh/members.h"
#include "store/mesh/peers.h"
#include "wire/map.h"

#define SIZE_MAX_BYTES   ((size_t)1024 * 1024) /* of all checks; a thousand times what they take */
#define DISK_LOW_BYTES   ((uint64_t)256 * 1024 * 1024)
#define MAP_LOW_PERCENT  90
#define MAP_FULL_PERCENT 98
#define READER_LAG_MAX   10000 /* transactions that a reader may hold the store's space back */
#define MINUTE_MS        ((uint64_t)60000)
#define MEBIBYTE         ((uint64_t)1024 * 1024)

struct entry {
    const char *name;
    ps_look_fn *run;
};

static ps_look_fn check_clock;
static ps_look_fn check_membership;
static ps_look_fn check_twins;
static ps_look_fn check_versions;
static ps_look_fn check_waiting;
static ps_look_fn check_forks;
static ps_look_fn check_excess;
static ps_look_fn check_damage;
static ps_look_fn check_disk;
static ps_look_fn check_map;
static ps_look_fn check_readers;
static ps_look_fn check_backups;

static const struct entry network_checks[] = {
    {"node", ps_look_node}, {"interfaces", ps_look_interfaces}, {"beacons", ps_look_beacons},
    {"port", ps_look_port}, {"packets", ps_look_packets},
};
static const struct entry device_checks[] = {
    {"clock", check_clock},       {"membership", check_membership}, {"twins", check_twins},
    {"versions", check_versions}, {"waiting", check_waiting},       {"forks", check_forks},
    {"excess", check_excess},     {"damage", check_damage},         {"disk", check_disk},
    {"map", check_map},           {"readers", check_readers},       {"backups", check_backups},
};

static p2psync_result run_checks(const struct ps_look *look, const struct entry *entries,
                                 size_t count, uint64_t *failed, struct ps_buf *out);
static p2psync_result write_endpoints(const struct ps_look *look, struct ps_buf *out);
static size_t add_row(const struct ps_look *look, struct ps_writer *writer,
                      const struct ps_device *device, const char *name);
static size_t add_endpoint(struct ps_writer *writer, const char *name, const char *endpoint);

p2psync_result ps_doctor_check(const struct ps_doctor *doctor, struct ps_buf *out)
{
    struct ps_txn txn = {0};
    struct ps_look look = {.doctor = doctor, .txn = &txn};
    uint64_t failed = 0;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    p2psync_result result = ps_txn_begin(doctor->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &look.identity);
        look.has_device = result == P2PSYNC_OK;
        result = result == P2PSYNC_ENODEVICE ? P2PSYNC_OK : result;
    }
    ps_write_array(&writer, 4);
    if (result == P2PSYNC_OK) {
        result = run_checks(&look, network_checks, sizeof network_checks / sizeof network_checks[0],
                            &failed, out);
    }
    if (result == P2PSYNC_OK) {
        result = write_endpoints(&look, out);
    }
    if (result == P2PSYNC_OK) {
        result = run_checks(&look, device_checks, sizeof device_checks / sizeof device_checks[0],
                            &failed, out);
    }
    ps_write_uint(&writer, failed);
    ps_txn_abort(&txn);
    return result == P2PSYNC_OK ? ps_writer_finish(&writer) : result;
}

/* Append an array of those that had something to look at. */
static p2psync_result run_checks(const struct ps_look *look, const struct entry *entries,
                                 size_t count, uint64_t *failed, struct ps_buf *out)
{
    struct ps_buf items;
    struct ps_writer item_writer;
    struct ps_writer writer;
    size_t made = 0;
    ps_buf_init(&items, SIZE_MAX_BYTES);
    ps_writer_init(&item_writer, &items);
    ps_writer_init(&writer, out);
    for (size_t i = 0; i < count; i++) {
        struct ps_check check = {.name = entries[i].name};
        if (entries[i].run(look, &check)) {
            ps_check_write(&item_writer, &check);
            made++;
            *failed += check.state == PS_CHECK_FAIL ? 1 : 0;
        }
    }
    p2psync_result result = ps_writer_finish(&item_writer);
    ps_write_array(&writer, made);
    ps_write_raw(&writer, ps_buf_view(&items));
    ps_buf_deinit(&items);
    return result == P2PSYNC_OK ? ps_writer_finish(&writer) : result;
}

/* ---- where others are ---- */

/* Append an array of [name or nil, endpoint]. */
static p2psync_result write_endpoints(const struct ps_look *look, struct ps_buf *out)
{
    const struct ps_config *config = look->doctor->config;
    const struct ps_engine *engine = look->doctor->engine;
    struct ps_buf items;
    struct ps_writer item_writer;
    struct ps_writer writer;
    struct ps_peer_info peer;
    struct ps_member member = {0};
    struct ps_member_walk walk = {.txn = look->txn};
    size_t count = 0;
    ps_buf_init(&items, SIZE_MAX_BYTES);
    ps_writer_init(&item_writer, &items);
    ps_writer_init(&writer, out);
    for (size_t i = 0; i < config->peer_count; i++) {
        count += add_endpoint(&item_writer, NULL, config->peers[i]);
    }
    for (size_t i = 0; engine != NULL && ps_engine_peer(engine, i, &peer); i++) {
        count += add_endpoint(&item_writer, peer.name, peer.endpoint);
    }
    if (look->identity.has_sponsor) {
        char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
        ps_device_fingerprint(&look->identity.sponsor, fingerprint);
        bool known = ps_member_get(look->txn, &look->identity.sponsor, &member) == P2PSYNC_OK;
        count += known ? 0 : add_row(look, &item_writer, &look->identity.sponsor, fingerprint);
    }
    while (ps_member_walk_next(&walk, &member)) {
        char name[PS_DEVICE_NAME_SIZE_MAX + 1] = {0};
        memcpy(name, member.name, member.name_size);
        count += add_row(look, &item_writer, &member.device, name);
    }
    p2psync_result result = ps_writer_finish(&item_writer);
    ps_write_array(&writer, count);
    ps_write_raw(&writer, ps_buf_view(&items));
    ps_buf_deinit(&items);
    return result == P2PSYNC_OK ? ps_writer_finish(&writer) : result;
}

/* Where a device was last reached; nothing of this one. */
static size_t add_row(const struct ps_look *look, struct ps_writer *writer,
                      const struct ps_device *device, const char *name)
{
    struct ps_peer_row row;
    size_t count = 0;
    if (ps_device_equal(device, &look->identity.device) ||
        ps_mesh_peer_read(look->txn, device, &row) != P2PSYNC_OK) {
        return 0;
    }
    for (size_t i = 0; i < row.endpoint_count; i++) {
        count += add_endpoint(writer, name, row.endpoints[i]);
    }
    return count;
}

/* How many were added: none for an empty one. */
static size_t add_endpoint(struct ps_writer *writer, const char *name, const char *endpoint)
{
    if (endpoint[0] == '\0') {
        return 0;
    }
    ps_write_array(writer, 2);
    if (name != NULL) {
        ps_write_text(writer, name);
    } else {
        ps_write_nil(writer);
    }
    ps_write_text(writer, endpoint);
    return 1;
}

/* ---- this device ---- */

static bool check_clock(const struct ps_look *look, struct ps_check *check)
{
    int64_t skews[64];
    size_t count = 0;
    struct ps_peer_info peer;
    const struct ps_engine *engine = look->doctor->engine;
    for (size_t i = 0; engine != NULL && count < 64 && ps_engine_peer(engine, i, &peer); i++) {
        if (peer.protocol == 0) {
            continue; /* not connected */
        }
        skews[count++] = peer.skew_ms;
        if (peer.skewed) {
            ps_check_say(check, "%s's clock differs by %" PRId64 " s; ", peer.name,
                         peer.skew_ms / 1000);
            ps_check_set(check, PS_CHECK_WARN, "set the clock of that device");
        }
    }
    if (count == 0) {
        return false; /* nobody to compare with */
    }
    int64_t median = ps_skew_median(skews, count);
    ps_check_say(check, "%" PRId64 " ms off the median of %zu connected devices", -median, count);
    if (ps_skew_is_large(median)) {
        ps_check_set(check, PS_CHECK_FAIL, "set this device's clock, or let it be set by NTP");
    }
    return true;
}

static bool check_membership(const struct ps_look *look, struct ps_check *check)
{
    struct ps_member self;
    char removed[PS_VIEW_REMOVAL_TEXT_SIZE];
    if (!look->has_device) {
        ps_check_say(check, "there is no device here");
        ps_check_set(check, PS_CHECK_FAIL, "make one with 'p2psync init' or 'p2psync join CODE'");
        return true;
    }
    size_t members = ps_look_members(look->txn);
    if (ps_identity_is_copy(&look->identity)) {
        ps_check_say(check, "made of a copy, and no device of its mesh yet");
        ps_check_set(check, PS_CHECK_FAIL,
                     "run 'p2psync invite' on another device, and 'p2psync join CODE' here");
        return true;
    }
    if (ps_view_removal_text(look->txn, &look->identity, removed) == P2PSYNC_OK &&
        removed[0] != '\0') {
        ps_check_say(check, "%s", removed);
        ps_check_set(check, PS_CHECK_FAIL, PS_VIEW_REMOVAL_FIX);
        return true;
    }
    if (ps_member_get(look->txn, &look->identity.device, &self) != P2PSYNC_OK) {
        ps_check_say(check, "joined, but no member has told it yet");
        ps_check_set(check, PS_CHECK_WARN, "let this device reach the one that invited it");
        return true;
    }
    if (members <= 1) {
        ps_check_say(check, "alone in its mesh");
        ps_check_set(check, PS_CHECK_OK, "'p2psync invite' lets another device join");
        return true;
    }
    ps_check_say(check, "one of %zu devices", members);
    struct ps_peer_info peer;
    const struct ps_engine *engine = look->doctor->engine;
    for (size_t i = 0; engine != NULL && ps_engine_peer(engine, i, &peer); i++) {
        if (peer.state == PS_PEER_REFUSED) {
            ps_check_say(check, "; %s refuses this device", peer.name);
            ps_check_set(check, PS_CHECK_WARN,
                         "wait until it has heard of this device from another, or pair again");
        }
    }
    return true;
}

/* Devices whose key two nodes have. Not shown if there are none. */
static bool check_twins(const struct ps_look *look, struct ps_check *check)
{
    char own[PS_ALERT_SIZE] = "";
    struct ps_peer_info peer;
    const struct ps_engine *engine = look->doctor->engine;
    if (engine != NULL) {
        ps_engine_alert(engine, own);
    }
    ps_check_say(check, "%s", own);
    if (own[0] != '\0') {
        ps_check_set(check, PS_CHECK_FAIL, PS_TWINS_FIX);
    }
    for (size_t i = 0; engine != NULL && ps_engine_peer(engine, i, &peer); i++) {
        if (peer.alert[0] != '\0') {
            ps_check_say(check, "%s%s", check->detail[0] != '\0' ? "; " : "", peer.alert);
            ps_check_set(check, own[0] != '\0' ? PS_CHECK_FAIL : PS_CHECK_WARN, PS_TWINS_FIX);
        }
    }
    return check->detail[0] != '\0';
}

static bool check_versions(const struct ps_look *look, struct ps_check *check)
{
    struct ps_peer_info peer;
    const struct ps_engine *engine = look->doctor->engine;
    ps_check_say(check, "p2psync %s, protocol %d to %d, store %d", p2psync_version(),
                 PS_PROTOCOL_VERSION_MIN, PS_PROTOCOL_VERSION, PS_STORE_FORMAT_VERSION);
    for (size_t i = 0; engine != NULL && ps_engine_peer(engine, i, &peer); i++) {
        if (peer.protocol != 0 && peer.protocol < PS_PROTOCOL_VERSION) {
            ps_check_say(check, "; %s speaks protocol %" PRIu64 " only", peer.name, peer.protocol);
            ps_check_set(check, PS_CHECK_WARN, "bring p2psync on that device up to date");
        }
    }
    return true;
}

static bool check_disk(const struct ps_look *look, struct ps_check *check)
{
    struct ps_store_usage usage;
    if (ps_store_usage(look->doctor->store, &usage) != P2PSYNC_OK) {
        ps_check_say(check, "the system does not tell how much is free");
        ps_check_set(check, PS_CHECK_FAIL, "see that the file system is sound");
        return true;
    }
    ps_check_say(check, "%" PRIu64 " MiB free", usage.disk_free_bytes / MEBIBYTE);
    if (usage.disk_free_bytes < DISK_LOW_BYTES) {
        bool full = usage.disk_free_bytes < PS_DISK_FREE_MIN;
        ps_check_set(check, full ? PS_CHECK_FAIL : PS_CHECK_WARN, "free space on this disk");
    }
    return true;
}

static bool check_map(const struct ps_look *look, struct ps_check *check)
{
    struct ps_store_usage usage;
    if (ps_store_usage(look->doctor->store, &usage) != P2PSYNC_OK) {
        return false; /* said by the disk's check */
    }
    uint64_t percent = usage.used_bytes / (usage.map_bytes / 100 + 1);
    ps_check_say(check, "%" PRIu64 " MiB of %" PRIu64 " MiB used", usage.used_bytes / MEBIBYTE,
                 usage.map_bytes / MEBIBYTE);
    if (percent >= MAP_LOW_PERCENT) {
        ps_check_set(check, percent >= MAP_FULL_PERCENT ? PS_CHECK_FAIL : PS_CHECK_WARN,
                     "open the store with a larger map_size_bytes");
    }
    return true;
}

static bool check_readers(const struct ps_look *look, struct ps_check *check)
{
    struct ps_store_readers readers;
    if (ps_store_readers(look->doctor->store, &readers) != P2PSYNC_OK) {
        ps_check_say(check, "the store does not tell who reads");
        ps_check_set(check, PS_CHECK_FAIL, "see that the file system is sound");
        return true;
    }
    ps_check_say(check, "%" PRIu64 " of %" PRIu64 " read, the oldest %" PRIu64 " transactions back",
                 readers.open, readers.slots, readers.lag);
    if (readers.dead > 0) {
        ps_check_say(check, "; freed %" PRIu64 " of processes that died", readers.dead);
    }
    if (readers.lag > READER_LAG_MAX) {
        ps_check_set(check, PS_CHECK_WARN,
                     "a program keeps a snapshot open and the store grows: end it");
    }
    return true;
}

static bool check_excess(const struct ps_look *look, struct ps_check *check)
{
    static_assert(PS_VIEW_EXCESS_TEXT_SIZE <= PS_CHECK_DETAIL_SIZE, "what there is to say fits");
    if (ps_view_excess_text(look->txn, true, check->detail) != P2PSYNC_OK ||
        check->detail[0] == '\0') {
        return false;
    }
    ps_check_set(check, PS_CHECK_WARN, PS_VIEW_EXCESS_FIX);
    return true;
}

static bool check_forks(const struct ps_look *look, struct ps_check *check)
{
    static_assert(PS_VIEW_FORKS_TEXT_SIZE <= PS_CHECK_DETAIL_SIZE, "what there is to say fits");
    bool past = false;
    bool any = ps_view_forks_text(look->txn, &look->identity.device, check->detail, &past);
    if (any && !past) {
        ps_check_set(check, PS_CHECK_WARN, PS_VIEW_FORKS_FIX);
    }
    return any;
}

/* Changes whose bytes this disk has lost. Not shown if there are none. */
static bool check_damage(const struct ps_look *look, struct ps_check *check)
{
    static_assert(PS_VIEW_DAMAGE_TEXT_SIZE <= PS_CHECK_DETAIL_SIZE, "what there is to say fits");
    ps_check_set(check, PS_CHECK_FAIL,
                 look->doctor->engine != NULL
                     ? "changes are fetched again from a device that has them, as soon as one is "
                       "connected, and the rest is worked out anew; see that the disk is sound"
                     : "'p2psync start': the node fetches changes again from a device that has "
                       "them, and works the rest out anew; see that the disk is sound");
    return ps_view_damage_text(look->txn, check->detail);
}

/* Changes that wait for others: whose, which record, for what. Not shown if there are none. */
static bool check_waiting(const struct ps_look *look, struct ps_check *check)
{
    struct ps_view_pending_walk walk = {.txn = look->txn};
    struct ps_view_pending first;
    struct ps_collection collection;
    struct ps_member author;
    struct ps_bytes id;
    char dot[PS_DOT_TEXT_SIZE];
    uint64_t changes = 0;
    bool found = false;
    do { /* what is only to be applied yet comes last, and waits for nothing */
        found = ps_view_pending_next(&walk, &first);
    } while (found && first.cause == PS_PENDING_TURN);
    if (!found || ps_summary_pending(look->txn, &changes) != P2PSYNC_OK ||
        ps_collection_by_number(look->txn, first.log.collection, &collection) != P2PSYNC_OK ||
        ps_view_members_get(look->txn, &first.log.device, &author) != P2PSYNC_OK ||
        ps_view_pending_record(look->txn, &first, &id) != P2PSYNC_OK) {
        return false;
    }
    ps_dot_text(first.awaited, dot);
    ps_check_say(check,
                 "%" PRIu64 " %s for others that are not here; the first: %.*s's of %.*s in %.*s, "
                 "for %s%s",
                 changes, changes == 1 ? "change waits" : "changes wait", (int)author.name_size,
                 (const char *)author.name, (int)id.size, (const char *)id.data,
                 (int)collection.name.size, (const char *)collection.name.data,
                 first.cause == PS_PENDING_TRANSACTION ? "the rest of its transaction, " : "", dot);
    ps_check_set(check, PS_CHECK_WARN,
                 "'p2psync pending' lists them; let the devices meet that had seen those; if they "
                 "are lost, edit these records anew");
    return true;
}

/* Those that the node makes by itself. Not shown if it makes none. */
static bool check_backups(const struct ps_look *look, struct ps_check *check)
{
    const struct ps_config *config = look->doctor->config;
    const uint64_t every_ms =
        config->backup_every_ms != 0 ? config->backup_every_ms : PS_CONFIG_BACKUP_EVERY_MS;
    uint64_t now_ms = look->doctor->wall_ms;
    struct ps_last last = {.made_ms = 0};
    if (config->backup_dir[0] == '\0') {
        ps_check_say(check, "backup_every is set, but no directory: none are made");
        ps_check_set(check, PS_CHECK_WARN, "name one: 'p2psync config set backup_dir DIR'");
        return config->backup_every_ms != 0;
    }
    if (ps_last_read(look->txn, &last) != P2PSYNC_OK) {
        return false; /* damage, which others tell of */
    }
    uint64_t age_ms = now_ms > last.made_ms ? now_ms - last.made_ms : 0;
    if (last.made_ms == 0) {
        ps_check_say(check, "none was made yet");
    } else {
        ps_check_say(check, "the last one was made %" PRIu64 " minutes ago", age_ms / MINUTE_MS);
    }
    if (age_ms > 2 * every_ms) {
        ps_check_set(check, PS_CHECK_WARN, "let the node run ('p2psync start'): it makes one");
    }
    if (last.failed_ms != 0) {
        ps_check_say(check, "; the next one failed: %s", last.why);
        ps_check_set_to(check, PS_CHECK_FAIL,
                        "see that '%s' is there, can be written and has room; it is tried again",
                        config->backup_dir);
    }
    return true;
}
