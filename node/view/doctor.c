/* The checks. Each is a function that says what it found, and false if it has nothing to look at;
 * the order of the tables is the order in which they are shown: from the cable upwards. */
#include "node/view/doctor.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "node/engine/skew.h"
#include "node/host/endpoint.h"
#include "node/links/links.h"
#include "node/view/forks.h"
#include "node/view/members.h"
#include "node/view/pending.h"
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
#define MEBIBYTE         ((uint64_t)1024 * 1024)

/* A look in progress. */
struct look {
    const struct ps_doctor *doctor;
    struct ps_txn *txn;
    struct ps_identity identity;
    bool has_device;
};

typedef bool check_fn(const struct look *look, struct ps_check *check);

struct entry {
    const char *name;
    check_fn *run;
};

static check_fn check_node;
static check_fn check_interfaces;
static check_fn check_beacons;
static check_fn check_port;
static check_fn check_clock;
static check_fn check_membership;
static check_fn check_versions;
static check_fn check_waiting;
static check_fn check_forks;
static check_fn check_disk;
static check_fn check_map;
static check_fn check_readers;

static const struct entry network_checks[] = {
    {"node", check_node},
    {"interfaces", check_interfaces},
    {"beacons", check_beacons},
    {"port", check_port},
};
static const struct entry device_checks[] = {
    {"clock", check_clock},     {"membership", check_membership}, {"versions", check_versions},
    {"waiting", check_waiting}, {"forks", check_forks},           {"disk", check_disk},
    {"map", check_map},         {"readers", check_readers},
};

static p2psync_result run_checks(const struct look *look, const struct entry *entries, size_t count,
                                 uint64_t *failed, struct ps_buf *out);
static p2psync_result write_endpoints(const struct look *look, struct ps_buf *out);
static size_t add_row(const struct look *look, struct ps_writer *writer,
                      const struct ps_device *device, const char *name);
static size_t add_endpoint(struct ps_writer *writer, const char *name, const char *endpoint);
static void say_heard(const struct look *look, struct ps_check *check);
static bool name_of(const struct look *look, const struct ps_hint *hint,
                    char out[static PS_DEVICE_NAME_SIZE_MAX + 1]);
static uint16_t wanted_port(const struct ps_config *config);
static bool port_free(const struct ps_config *config, uint16_t port);

p2psync_result ps_doctor_check(const struct ps_doctor *doctor, struct ps_buf *out)
{
    struct ps_txn txn = {0};
    struct look look = {.doctor = doctor, .txn = &txn};
    uint64_t failed = 0;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    p2psync_result result = ps_txn_begin(doctor->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &look.identity);
        sodium_memzero(look.identity.seed, sizeof look.identity.seed);
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

void ps_check_say(struct ps_check *check, const char *format, ...)
{
    size_t size = strlen(check->detail);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(check->detail + size, sizeof check->detail - size, format, arguments);
    va_end(arguments);
    size = strlen(check->detail);
    if (size < sizeof check->detail - 1) {
        return;
    }
    /* It may have been cut within a character of UTF-8: that one goes whole. */
    while (size > 0 && ((uint8_t)check->detail[size - 1] & 0xc0U) == 0x80U) {
        size--;
    }
    if (size > 0 && (uint8_t)check->detail[size - 1] >= 0xc0U) {
        size--;
    }
    check->detail[size] = '\0';
}

void ps_check_set(struct ps_check *check, ps_check_state state, const char *fix)
{
    check->state = state;
    check->fix = fix;
}

void ps_check_write(struct ps_writer *writer, const struct ps_check *check)
{
    static const char *const states[] = {"ok", "warn", "fail"};
    struct ps_map map;
    ps_map_begin(&map, writer);
    ps_map_text(&map, "check", check->name);
    ps_map_text(&map, "state", states[check->state]);
    ps_map_text(&map, "detail", check->detail);
    ps_map_known(&map, "fix", check->fix);
    ps_map_end(&map);
}

/* Append an array of those that had something to look at. */
static p2psync_result run_checks(const struct look *look, const struct entry *entries, size_t count,
                                 uint64_t *failed, struct ps_buf *out)
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

/* ---- the network ---- */

static bool check_node(const struct look *look, struct ps_check *check)
{
    if (look->doctor->engine != NULL) {
        ps_check_say(check, "running");
    } else if (look->doctor->unanswered != NULL) {
        ps_check_say(check, "%s; what follows is what the store knows", look->doctor->unanswered);
        ps_check_set(check, PS_CHECK_FAIL,
                     "let it go on with 'kill -CONT PID' if it is suspended; else end it with "
                     "'kill -KILL PID' and start it again: nothing that was written is lost");
    } else {
        ps_check_say(check, "not running: nothing is synced");
        ps_check_set(check, PS_CHECK_WARN, "start it with 'p2psync start'");
    }
    return true;
}

static bool check_interfaces(const struct look *look, struct ps_check *check)
{
    const struct ps_config *config = look->doctor->config;
    struct ps_interfaces all;
    struct ps_interfaces used;
    const char *between = "announcing on ";
    if (config->no_beacon) {
        ps_check_say(check, "announcing is turned off");
        return true;
    }
    if (ps_interfaces_read(&all) != P2PSYNC_OK) {
        ps_check_say(check, "the system does not tell its interfaces");
        ps_check_set(check, PS_CHECK_FAIL, "see that this program may read them");
        return true;
    }
    ps_interfaces_select(&all, &config->filter, &used);
    for (size_t i = 0; i < used.count; i++) {
        ps_check_say(check, "%s%s %s", between, used.items[i].name, used.items[i].address);
        between = ", ";
    }
    if (check->detail[0] == '\0') {
        ps_check_say(check, "none can be used");
        ps_check_set(check, config->peer_count > 0 ? PS_CHECK_WARN : PS_CHECK_FAIL,
                     "connect this device to a network, or allow another interface in the settings "
                     "'interfaces' and 'interfaces_exclude'");
    }
    between = "; not on ";
    for (size_t i = 0; i < all.count; i++) {
        ps_interface_verdict verdict = ps_interface_judge(&all.items[i], &config->filter);
        bool again = i > 0 && strcmp(all.items[i].name, all.items[i - 1].name) == 0;
        if (verdict != PS_INTERFACE_USED && !again && !all.items[i].ipv6) {
            ps_check_say(check, "%s%s (%s)", between, all.items[i].name,
                         ps_interface_verdict_text(verdict));
            between = ", ";
        }
    }
    return true;
}

static bool check_beacons(const struct look *look, struct ps_check *check)
{
    const struct ps_doctor *doctor = look->doctor;
    if (doctor->engine == NULL || doctor->config->no_beacon) {
        return false;
    }
    if (doctor->finder == NULL || doctor->hints == NULL) {
        ps_check_say(check, "announcing could not be set up");
        ps_check_set(check, PS_CHECK_FAIL,
                     "raise the limit of open files, and start the node anew");
        return true;
    }
    unsigned port = doctor->config->beacon_port != 0 ? doctor->config->beacon_port : PS_FINDER_PORT;
    uint64_t sent = ps_finder_sent_count(doctor->finder);
    ps_check_say(check, "%" PRIu64 " sent on UDP port %u", sent, port);
    say_heard(look, check);
    if (sent == 0) {
        ps_check_set(check, PS_CHECK_WARN, "connect this device to a network");
    } else if (ps_hints_count(doctor->hints) == 0 && ps_view_members_count(look->txn) > 1) {
        ps_check_say(check, "; nothing heard of other devices of this mesh");
        ps_check_set(check, PS_CHECK_WARN,
                     "see that they are on and on the same LAN, and that no firewall and no guest "
                     "network keeps UDP broadcasts back; or name their addresses with --peer");
    }
    return true;
}

static void say_heard(const struct look *look, struct ps_check *check)
{
    const struct ps_doctor *doctor = look->doctor;
    const struct ps_hint *hint = NULL;
    const struct ps_foreign *foreign = NULL;
    for (size_t i = 0; (hint = ps_hints_at(doctor->hints, i)) != NULL; i++) {
        char name[PS_DEVICE_NAME_SIZE_MAX + 1];
        bool known = name_of(look, hint, name);
        ps_check_say(check, "; heard %s at %s %" PRIu64 " s ago",
                     known ? name : "an unknown device", hint->endpoint,
                     (doctor->now_ms - hint->heard_ms) / 1000);
    }
    for (size_t i = 0; (foreign = ps_hints_foreign_at(doctor->hints, i)) != NULL; i++) {
        ps_check_say(check, "; heard a device of another mesh at %s %" PRIu64 " s ago",
                     foreign->endpoint, (doctor->now_ms - foreign->heard_ms) / 1000);
    }
}

static bool check_port(const struct look *look, struct ps_check *check)
{
    const struct ps_doctor *doctor = look->doctor;
    uint16_t wanted = wanted_port(doctor->config);
    if (doctor->unanswered != NULL) {
        return false; /* where it listens only it can tell */
    }
    if (doctor->engine == NULL) {
        bool fixed = doctor->config->listen[0] != '\0';
        if (port_free(doctor->config, wanted)) {
            ps_check_say(check, "TCP port %u is free", (unsigned)wanted);
            return true;
        }
        ps_check_say(check, "TCP port %u is taken by another program", (unsigned)wanted);
        ps_check_set(check, fixed ? PS_CHECK_FAIL : PS_CHECK_WARN,
                     "end that program, or choose another port with --listen");
        return true;
    }
    ps_check_say(check, "listening on TCP port %u", (unsigned)doctor->port);
    if (doctor->port != wanted) {
        ps_check_say(check, ", because %u was taken", (unsigned)wanted);
        ps_check_set(check, PS_CHECK_WARN,
                     "nothing, as long as beacons get through; else end the other program, or name "
                     "this port where this device is given to --peer");
    }
    return true;
}

static uint16_t wanted_port(const struct ps_config *config)
{
    struct ps_endpoint listen = {.port = 0};
    if (config->listen[0] != '\0' && ps_endpoint_parse(config->listen, &listen) != P2PSYNC_OK) {
        listen.port = 0;
    }
    return listen.port != 0 ? listen.port : PS_ENDPOINT_PORT;
}

/* Whether a node could listen there: it is tried, as the node would. */
static bool port_free(const struct ps_config *config, uint16_t port)
{
    static const uint8_t any_key[64];
    struct ps_endpoint listen = {.port = 0};
    struct ps_links *links = NULL;
    bool named =
        config->listen[0] != '\0' && ps_endpoint_parse(config->listen, &listen) == P2PSYNC_OK;
    const struct ps_links_options options = {
        .secret_key = any_key,
        .bind = true,
        .port_fixed = true,
        .port = port,
        .host = named ? listen.host : NULL,
    };
    p2psync_result result = ps_links_new(&options, &links);
    ps_links_destroy(&links);
    return result != P2PSYNC_EADDRINUSE;
}

/* ---- where others are ---- */

/* Append an array of [name or nil, endpoint]. */
static p2psync_result write_endpoints(const struct look *look, struct ps_buf *out)
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
static size_t add_row(const struct look *look, struct ps_writer *writer,
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

static bool check_clock(const struct look *look, struct ps_check *check)
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

static bool check_membership(const struct look *look, struct ps_check *check)
{
    struct ps_member self;
    if (!look->has_device) {
        ps_check_say(check, "there is no device here");
        ps_check_set(check, PS_CHECK_FAIL, "make one with 'p2psync init' or 'p2psync join CODE'");
        return true;
    }
    size_t members = ps_view_members_count(look->txn);
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

static bool check_versions(const struct look *look, struct ps_check *check)
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

static bool check_disk(const struct look *look, struct ps_check *check)
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

static bool check_map(const struct look *look, struct ps_check *check)
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

static bool check_readers(const struct look *look, struct ps_check *check)
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

/* Changes that wait for others: whose, which record, for what. Not shown if there are none. */
static bool check_waiting(const struct look *look, struct ps_check *check)
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

static bool check_forks(const struct look *look, struct ps_check *check)
{
    ps_check_set(check, PS_CHECK_WARN, PS_VIEW_FORKS_FIX);
    return ps_view_forks_text(look->txn, &look->identity.device, check->detail);
}

/* ---- members ---- */

static bool name_of(const struct look *look, const struct ps_hint *hint,
                    char out[static PS_DEVICE_NAME_SIZE_MAX + 1])
{
    struct ps_member_walk walk = {.txn = look->txn};
    struct ps_member member;
    while (ps_member_walk_next(&walk, &member)) {
        struct ps_tag known = ps_device_tag(&look->identity.mesh, hint->nonce, &member.device);
        if (ps_tag_compare(known, hint->device) == 0) {
            memcpy(out, member.name, member.name_size);
            out[member.name_size] = '\0';
            return true;
        }
    }
    return false;
}
