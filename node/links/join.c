/* Joining, in three steps: prepare the identity, ask the inviter, take up the new mesh. The first
 * and the last are one transaction each. A crash between them leaves a device with a mesh of its
 * own, which may try again. */
#include "node/links/join.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "node/host/endpoint.h"
#include "node/host/link_local.h"
#include "node/host/lock.h"
#include "node/host/time.h"
#include "node/links/knock.h"
#include "node/links/links.h"
#include "store/env/identity.h"
#include "store/log/collection.h"
#include "store/mesh/members.h"
#include "store/mesh/name.h"
#include "store/mesh/peers.h"
#include "store/mesh/removal.h"
#include "wire/message.h"
#include "wire/pairing_code.h"

#define ENDPOINTS_MAX 16   /* to dial */
#define REDIAL_MS     1000 /* after nobody replied at an endpoint */
#define SILENT_MS                                                                                  \
    5000 /* an endpoint that has not failed until then is one that nothing answers for */

/* One attempt in progress. */
struct attempt {
    const struct ps_pairing_code *code;
    size_t endpoint_count; /* those of the code; see complete_endpoints() */
    char endpoints[ENDPOINTS_MAX][PS_ENDPOINT_SIZE_MAX + 1];
    const struct ps_report *report;
    int cancel_fd;
    struct ps_links *links;
    struct ps_buf join;     /* the encoded JOIN */
    struct ps_buf welcome;  /* its reply */
    const char *endpoint;   /* where it came from */
    p2psync_result refused; /* what the inviter said, if it said no */
    uint64_t next_link;
    uint64_t links_of[ENDPOINTS_MAX];  /* 0: not dialled now */
    uint64_t redial_ms[ENDPOINTS_MAX]; /* when to dial again */
    uint64_t dialled_ms[ENDPOINTS_MAX];
    bool waits;                      /* a person has to accept this device there */
    bool answered_no[ENDPOINTS_MAX]; /* its machine or network said that nobody is there */
};

static void explain(p2psync_result result, const struct ps_pairing_code *code,
                    struct p2psync_detail *detail);
static p2psync_result check_foreign(const struct ps_join_options *options,
                                    const struct ps_device *inviter);
static p2psync_result prepare(const struct ps_join_options *options,
                              const struct ps_device *inviter, struct ps_identity *out);
static p2psync_result part_if_removed(struct ps_txn *txn, const struct ps_join_options *options,
                                      struct ps_identity *identity);
static p2psync_result check_joinable(struct ps_txn *txn, const struct ps_identity *identity,
                                     const struct ps_device *inviter);
static p2psync_result check_empty(struct ps_txn *txn);
static p2psync_result join_by(const struct ps_join_options *options,
                              const struct ps_pairing_code *code, struct p2psync_detail *detail);
static p2psync_result ask(struct attempt *attempt, const struct ps_join_options *options,
                          const struct ps_device *device);
static p2psync_result open_links(struct attempt *attempt, struct ps_store *store);
static void complete_endpoints(struct attempt *attempt);
static bool nobody_is_there(const struct attempt *attempt);
static p2psync_result dial(struct attempt *attempt, uint64_t now_ms);
static bool take_events(struct attempt *attempt, uint64_t now_ms);
static bool take_message(struct attempt *attempt, size_t index, struct ps_bytes bytes);
static void wait_for_person(struct attempt *attempt, size_t index);
static p2psync_result wait_links(struct attempt *attempt, uint64_t left_ms);
static p2psync_result settle(const struct ps_join_options *options,
                             const struct ps_identity *identity, const struct attempt *attempt);
static void keep_endpoints(const struct ps_welcome *welcome, const char *endpoint,
                           struct ps_peer_row *row);

p2psync_result ps_join(const struct ps_join_options *options, struct ps_device *inviter_out,
                       struct p2psync_detail *detail)
{
    struct ps_pairing_code *code = ps_secret_allocate(sizeof *code);
    if (code == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = ps_pairing_code_decode(options->code, code);
    if (result != P2PSYNC_OK || code->endpoint_count == 0) {
        result = ps_detail_say(detail, P2PSYNC_EFORMAT, "the code is malformed or mistyped");
    } else {
        result = join_by(options, code, detail);
    }
    if (result == P2PSYNC_OK) {
        *inviter_out = code->device;
    }
    ps_secret_free(code);
    return result;
}

static p2psync_result join_by(const struct ps_join_options *options,
                              const struct ps_pairing_code *code, struct p2psync_detail *detail)
{
    struct ps_identity identity = {0};
    struct attempt attempt = {
        .code = code, .report = options->report, .cancel_fd = options->cancel_fd, .next_link = 1};
    int lock = -1;
    ps_buf_init(&attempt.join, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&attempt.welcome, PS_MESSAGE_SIZE_MAX);
    p2psync_result result = check_foreign(options, &code->device);
    if (result == P2PSYNC_OK) {
        /* The lock is held to the end: no node may start in the middle. */
        result = ps_lock_take(options->dir_fd, &lock);
    }
    if (result == P2PSYNC_OK) {
        result = prepare(options, &code->device, &identity);
    }
    if (result == P2PSYNC_OK) {
        result = ask(&attempt, options, &identity.device);
    }
    if (result == P2PSYNC_OK) {
        result = settle(options, &identity, &attempt);
    }
    explain(result, code, detail);
    ps_links_destroy(&attempt.links);
    sodium_memzero(attempt.join.data, attempt.join.size); /* it holds the token */
    ps_buf_deinit(&attempt.join);
    ps_buf_deinit(&attempt.welcome);
    ps_lock_release(lock);
    return result;
}

/* Say what a result means here. */
static void explain(p2psync_result result, const struct ps_pairing_code *code,
                    struct p2psync_detail *detail)
{
    switch (result) {
    case P2PSYNC_EEXIST:
        (void)ps_detail_say(detail, result,
                            "this device is a member of the mesh of this code already, as far as "
                            "it knows");
        break;
    case P2PSYNC_ECONFLICT:
        (void)ps_detail_say(detail, result,
                            "this device belongs to a mesh with other members or records already");
        break;
    case P2PSYNC_EBUSY:
        (void)ps_detail_say(detail, result, "a node runs in this directory");
        break;
    case P2PSYNC_EDENIED:
        (void)ps_detail_say(detail, result, "the inviter refused the code");
        break;
    case P2PSYNC_EEXPIRED:
        (void)ps_detail_say(detail, result, "the invite is closed");
        break;
    case P2PSYNC_EUNREACHABLE:
        (void)ps_detail_say(
            detail, result, "the inviter was not reached at %s%s", code->endpoints[0],
            code->endpoint_count > 1 ? " nor at the other addresses of the code" : "");
        break;
    default:
        break; /* the result says all */
    }
}

/* Whether the inviter is none of the mesh here: neither this device nor another member of it. What
 * was made of a copy joins just that mesh, and so does a device that was removed. */
static p2psync_result check_foreign(const struct ps_join_options *options,
                                    const struct ps_device *inviter)
{
    struct ps_txn txn = {0};
    struct ps_identity identity = {0};
    struct ps_removal removal = {.kind = PS_REMOVAL_NONE};
    p2psync_result result = ps_txn_begin(options->store, false, &txn);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = ps_identity_read(&txn, &identity);
    if (result == P2PSYNC_OK) {
        result = ps_removal_read(&txn, &identity, &removal);
    }
    if (result == P2PSYNC_OK && removal.kind == PS_REMOVAL_NONE &&
        !ps_identity_is_copy(&identity)) {
        struct ps_member_walk walk = {.txn = &txn};
        struct ps_member member;
        while (result == P2PSYNC_OK && ps_member_walk_next(&walk, &member)) {
            result = ps_device_equal(&member.device, inviter) ? P2PSYNC_EEXIST : P2PSYNC_OK;
        }
        result = walk.result != P2PSYNC_OK ? walk.result : result;
    }
    ps_txn_abort(&txn);
    return result == P2PSYNC_ENODEVICE ? P2PSYNC_OK : result;
}

/* Make the device if there is none, and see that nothing is lost by joining. */
static p2psync_result prepare(const struct ps_join_options *options,
                              const struct ps_device *inviter, struct ps_identity *out)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(options->store, true, &txn);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = ps_identity_read(&txn, out);
    if (result == P2PSYNC_OK) {
        result = part_if_removed(&txn, options, out);
    }
    if (result == P2PSYNC_OK) {
        result = check_joinable(&txn, out, inviter);
    } else if (result == P2PSYNC_ENODEVICE) {
        ps_identity_draw(out);
        result = ps_identity_write(&txn, out);
        if (result == P2PSYNC_OK) {
            result = ps_name_device(&txn, out, &out->device, ps_bytes_text(options->name),
                                    ps_time_wall_ms());
        }
        if (result == P2PSYNC_OK) {
            result = ps_txn_commit(&txn);
        }
        ps_identity_wipe(out);
    }
    ps_txn_abort(&txn);
    return result;
}

/* A removed key never comes back: the device gets another one, and keeps what it holds. */
static p2psync_result part_if_removed(struct ps_txn *txn, const struct ps_join_options *options,
                                      struct ps_identity *identity)
{
    struct ps_removal removal = {.kind = PS_REMOVAL_NONE};
    p2psync_result result = ps_removal_read(txn, identity, &removal);
    if (result != P2PSYNC_OK || removal.kind == PS_REMOVAL_NONE) {
        return result;
    }
    result = ps_identity_part(txn, &identity->mesh, ps_bytes_text(options->name));
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(txn);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(options->store, true, txn);
    }
    return result == P2PSYNC_OK ? ps_identity_read(txn, identity) : result;
}

static p2psync_result check_joinable(struct ps_txn *txn, const struct ps_identity *identity,
                                     const struct ps_device *inviter)
{
    if (ps_identity_is_copy(identity)) {
        return P2PSYNC_OK; /* it keeps what it holds */
    }
    if (identity->has_sponsor && !ps_device_equal(&identity->sponsor, inviter)) {
        return P2PSYNC_ECONFLICT;
    }
    struct ps_member_walk walk = {.txn = txn};
    struct ps_member member;
    while (ps_member_walk_next(&walk, &member)) {
        if (!ps_device_equal(&member.device, &identity->device)) {
            return P2PSYNC_ECONFLICT;
        }
    }
    return walk.result == P2PSYNC_OK ? check_empty(txn) : walk.result;
}

/* No collection but `_devices` may hold anything. */
static p2psync_result check_empty(struct ps_txn *txn)
{
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    while (ps_collection_walk_next(&walk, &collection)) {
        bool devices = ps_bytes_equal(collection.name, ps_bytes_text(PS_DEVICES_COLLECTION));
        if (!devices && collection.changes > 0) {
            return P2PSYNC_ECONFLICT;
        }
    }
    return walk.result;
}

/* Ask at all endpoints until one replies. */
static p2psync_result ask(struct attempt *attempt, const struct ps_join_options *options,
                          const struct ps_device *device)
{
    struct ps_join join = {.device = *device, .name = ps_bytes_text(options->name)};
    memcpy(join.token, attempt->code->token, sizeof join.token);
    p2psync_result result = ps_join_encode(&join, &attempt->join);
    sodium_memzero(&join, sizeof join);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = open_links(attempt, options->store);
    complete_endpoints(attempt);
    uint64_t now_ms = ps_time_monotonic_ms();
    uint64_t deadline_ms = now_ms + PS_JOIN_TIMEOUT_MS;
    while (result == P2PSYNC_OK) {
        result = dial(attempt, now_ms);
        if (take_events(attempt, now_ms)) {
            return attempt->refused;
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        if (attempt->waits) { /* as long as the invite is open */
            deadline_ms = now_ms + PS_JOIN_TIMEOUT_MS;
        }
        if (now_ms >= deadline_ms || nobody_is_there(attempt)) {
            return attempt->waits ? P2PSYNC_EEXPIRED : P2PSYNC_EUNREACHABLE;
        }
        result = wait_links(attempt, deadline_ms - now_ms);
        now_ms = ps_time_monotonic_ms();
    }
    return result;
}

static p2psync_result open_links(struct attempt *attempt, struct ps_store *store)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_knock_links(&txn, &attempt->links);
    }
    ps_txn_abort(&txn);
    return result;
}

/* A link-local address is dialled on each interface of this machine: the inviter could not know
 * which of them leads to it. */
static void complete_endpoints(struct attempt *attempt)
{
    attempt->endpoint_count = 0;
    for (size_t i = 0; i < attempt->code->endpoint_count; i++) {
        attempt->endpoint_count += ps_link_local_complete(
            attempt->code->endpoints[i], attempt->endpoints + attempt->endpoint_count,
            ENDPOINTS_MAX - attempt->endpoint_count);
    }
}

/* Every endpoint has answered that nobody listens there: the invite is closed, or it was elsewhere.
 * Where nothing answers, the device may be on its way to this network. */
static bool nobody_is_there(const struct attempt *attempt)
{
    size_t count = 0;
    while (count < attempt->endpoint_count && attempt->answered_no[count]) {
        count++;
    }
    return count == attempt->endpoint_count;
}

/* Errors  P2PSYNC_EFILES, if there is no other link to hope for. */
static p2psync_result dial(struct attempt *attempt, uint64_t now_ms)
{
    bool starved = false;
    bool hopes = false;
    for (size_t i = 0; i < attempt->endpoint_count; i++) {
        if (attempt->links_of[i] != 0 || now_ms < attempt->redial_ms[i]) {
            hopes = hopes || attempt->links_of[i] != 0;
            continue;
        }
        const char *endpoint = attempt->endpoints[i];
        uint64_t link = attempt->next_link++;
        p2psync_result result =
            ps_links_dial(attempt->links, link, &attempt->code->device, endpoint);
        attempt->redial_ms[i] = now_ms + REDIAL_MS;
        if (result == P2PSYNC_OK) {
            attempt->links_of[i] = link;
            attempt->dialled_ms[i] = now_ms;
            hopes = true;
        } else {
            starved = starved || result == P2PSYNC_EFILES;
            ps_report(attempt->report, P2PSYNC_LOG_WARNING, "join-dial", "cannot dial %s: %s",
                      endpoint, p2psync_strerror(result));
        }
    }
    return starved && !hopes ? P2PSYNC_EFILES : P2PSYNC_OK;
}

/* True once the inviter has replied: the WELCOME is kept, or why it refused. */
static bool take_events(struct attempt *attempt, uint64_t now_ms)
{
    struct ps_link_event event;
    while (ps_links_next(attempt->links, &event) == P2PSYNC_OK) { /* ends when nothing waits */
        size_t index = 0;
        while (index < attempt->endpoint_count && attempt->links_of[index] != event.link) {
            index++;
        }
        if (index == attempt->endpoint_count) {
            continue;
        }
        const char *endpoint = attempt->endpoints[index];
        if (event.type == PS_LINK_MESSAGE && take_message(attempt, index, event.bytes)) {
            return true;
        }
        if (event.type == PS_LINK_DOWN) {
            attempt->links_of[index] = 0;
            attempt->redial_ms[index] = now_ms + REDIAL_MS;
            attempt->answered_no[index] = event.reason == PS_LINK_UNREACHABLE &&
                                          now_ms - attempt->dialled_ms[index] < SILENT_MS;
            ps_report(attempt->report, P2PSYNC_LOG_INFO, "join-down", "no link to %s", endpoint);
        } else if (event.type == PS_LINK_UP) {
            ps_report(attempt->report, P2PSYNC_LOG_INFO, "join-up", "connected to %s", endpoint);
            if (ps_links_send(attempt->links, event.link, ps_buf_view(&attempt->join)) !=
                P2PSYNC_OK) {
                ps_links_hangup(attempt->links, event.link);
                attempt->links_of[index] = 0;
            }
        }
    }
    return false;
}

static bool take_message(struct attempt *attempt, size_t index, struct ps_bytes bytes)
{
    uint64_t type = 0;
    uint64_t version = 0;
    struct ps_welcome welcome;
    struct ps_error error;
    if (ps_message_peek(bytes, &type, &version) != P2PSYNC_OK) {
        return false;
    }
    if (type == PS_MESSAGE_WELCOME) {
        p2psync_result result = ps_welcome_decode(bytes, &welcome);
        if (result == P2PSYNC_EVERSION) {
            attempt->refused = result;
            return true;
        }
        if (result == P2PSYNC_OK && ps_device_equal(&welcome.device, &attempt->code->device)) {
            attempt->endpoint = attempt->endpoints[index];
            attempt->refused = ps_buf_append(&attempt->welcome, bytes.data, bytes.size);
            return true;
        }
    }
    if (type != PS_MESSAGE_ERROR || ps_error_decode(bytes, &error) != P2PSYNC_OK) {
        return false;
    }
    switch (error.code) {
    case PS_ERROR_EXPIRED:
        attempt->refused = P2PSYNC_EEXPIRED;
        return true;
    case PS_ERROR_VERSION:
        attempt->refused = P2PSYNC_EVERSION;
        return true;
    case PS_ERROR_BYE:
        return false; /* it stops; it may come back */
    case PS_ERROR_WAITS:
        wait_for_person(attempt, index);
        return false;
    default:
        attempt->refused = P2PSYNC_EDENIED;
        return true;
    }
}

/* Ask again, on another connection: the inviter's live for a short time. */
static void wait_for_person(struct attempt *attempt, size_t index)
{
    if (!attempt->waits) {
        ps_report(attempt->report, P2PSYNC_LOG_WARNING, "join-waits",
                  "this device waits until somebody accepts it there ('p2psync devices accept')");
    }
    attempt->waits = true;
    ps_links_hangup(attempt->links, attempt->links_of[index]);
    attempt->links_of[index] = 0;
    attempt->redial_ms[index] = ps_time_monotonic_ms() + REDIAL_MS;
}

static p2psync_result wait_links(struct attempt *attempt, uint64_t left_ms)
{
    struct pollfd items[] = {{.fd = ps_links_fd(attempt->links), .events = POLLIN},
                             {.fd = attempt->cancel_fd, .events = POLLIN}};
    int wait_ms = left_ms < REDIAL_MS / 4 ? (int)left_ms : REDIAL_MS / 4;
    int ready = poll(items, 2, wait_ms);
    if (ready < 0 && errno != EINTR) {
        return P2PSYNC_EIO;
    }
    return ready > 0 && items[1].revents != 0 ? P2PSYNC_ECANCELLED : P2PSYNC_OK;
}

/* Take up the mesh of the WELCOME, with the same key, in a new incarnation. What was made of a copy
 * holds records of its mesh, and keeps them: it joins no other. */
static p2psync_result settle(const struct ps_join_options *options,
                             const struct ps_identity *identity, const struct attempt *attempt)
{
    struct ps_welcome welcome;
    struct ps_txn txn = {0};
    struct ps_identity current = {0};
    struct ps_identity joined = *identity;
    struct ps_peer_row row = {0};
    p2psync_result result = ps_welcome_decode(ps_buf_view(&attempt->welcome), &welcome);
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(options->store, true, &txn);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    /* Another process may have written records while we waited for the inviter. */
    struct ps_secret *secret = ps_txn_secret(&txn);
    result = ps_identity_read(&txn, &current);
    if (result == P2PSYNC_OK) {
        result = check_joinable(&txn, &current, &welcome.device);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_read_secret(&txn, secret);
        memcpy(joined.seed, secret->key, sizeof joined.seed); /* the row may be cleared */
        ps_secret_wipe(secret);
    }
    if (result == P2PSYNC_OK && !ps_device_equal(&current.device, &joined.device)) {
        result = P2PSYNC_ECONFLICT;
    }
    if (result != P2PSYNC_OK) {
        goto out;
    }
    bool copy = ps_identity_is_copy(&current);
    if (copy && memcmp(&welcome.mesh, &current.mesh, sizeof current.mesh) != 0) {
        result = P2PSYNC_ECONFLICT;
        goto out;
    }
    joined.mesh = welcome.mesh;
    joined.has_sponsor = true;
    joined.sponsor = welcome.device;
    randombytes_buf(&joined.incarnation, sizeof joined.incarnation);
    keep_endpoints(&welcome, attempt->endpoint, &row);
    if (!copy) {
        result = ps_identity_clear_all(&txn);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_write(&txn, &joined);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_write_name(&txn, ps_bytes_text(options->name));
    }
    if (result == P2PSYNC_OK) {
        result = ps_mesh_peer_write(&txn, &welcome.device, &row);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
out:
    ps_txn_abort(&txn);
    ps_identity_wipe(&joined);
    return result;
}

/* ":port" means at the address that we dialled. */
static void keep_endpoints(const struct ps_welcome *welcome, const char *endpoint,
                           struct ps_peer_row *row)
{
    const char *colon = strrchr(endpoint, ':');
    size_t host_size = colon != NULL ? (size_t)(colon - endpoint) : 0;
    for (size_t i = 0; i < welcome->endpoint_count; i++) {
        struct ps_bytes given = welcome->endpoints[i];
        char *out = row->endpoints[row->endpoint_count];
        size_t prefix = given.size > 0 && given.data[0] == ':' ? host_size : 0;
        struct ps_endpoint parsed;
        if (given.size == 0 || prefix + given.size > PS_ENDPOINT_SIZE_MAX) {
            continue;
        }
        memcpy(out, endpoint, prefix);
        memcpy(out + prefix, given.data, given.size);
        out[prefix + given.size] = '\0';
        if (ps_endpoint_parse(out, &parsed) == P2PSYNC_OK && parsed.port != 0) {
            row->found_by[row->endpoint_count] = PS_FOUND_PAIRING;
            row->endpoint_count++;
        } else {
            out[0] = '\0';
        }
    }
}
