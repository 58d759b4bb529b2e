/* The engine when a commit fails: what it noted of the turn is void, and nobody else is to blame.
 */
#include <criterion/criterion.h>
#include <sodium.h>
#include <string.h>

#include "node/engine/engine.h"
#include "tests/fault/fault.h"
#include "tests/lib/author.h"
#include "tests/lib/decided.h"
#include "wire/message.h"

#define LINK    (PS_LINK_ACCEPTED | 1)
#define HOLD_MS 120000 /* after a failure it writes again no later */

static struct store_case here;
static struct author peer; /* a member, which is connected */
static struct ps_engine *engine;
static struct ps_effects effects;
static struct ps_buf message;
static uint64_t now_ms;

static p2psync_result send_message(p2psync_result encoded)
{
    cr_assert_eq(encoded, P2PSYNC_OK, "%s", p2psync_result_name(encoded));
    struct ps_event event = {.type = PS_EVENT_MESSAGE,
                             .now_ms = now_ms,
                             .wall_ms = now_ms,
                             .link = LINK,
                             .device = peer.identity.device,
                             .bytes = ps_buf_view(&message)};
    p2psync_result result = ps_engine_step(engine, &event, 1, &effects);
    ps_buf_clear(&message);
    return result;
}

static void say_hello(void)
{
    struct ps_hello hello = {.version_min = PS_PROTOCOL_VERSION_MIN,
                             .version_max = PS_PROTOCOL_VERSION,
                             .device = peer.identity.device,
                             .mesh = here.identity.mesh,
                             .name = ps_bytes_text("peer"),
                             .instance = 1,
                             .clock_ms = now_ms};
    cr_assert_eq(send_message(ps_hello_encode(&hello, &message)), P2PSYNC_OK);
}

static void begin(void)
{
    now_ms = 1000;
    case_open(&here, 1);
    author_init(&peer, 2);
    decided_admin(&here, &peer.identity.device, "peer");
    ps_effects_init(&effects);
    ps_buf_init(&message, PS_MESSAGE_SIZE_MAX);
    const struct ps_engine_options options = {
        .store = here.store, .now_ms = now_ms, .wall_ms = now_ms};
    cr_assert_eq(ps_engine_new(&options, &engine), P2PSYNC_OK);
    say_hello();
}

static void end(void)
{
    ps_buf_deinit(&message);
    ps_effects_deinit(&effects);
    ps_engine_destroy(&engine);
    author_deinit(&peer);
    case_close(&here);
}

TestSuite(engine_faults, .init = begin, .fini = end, .timeout = 120);

static struct ps_changes make_change(const char *collection)
{
    char id[] = "r0";
    id[1] = (char)('0' + peer.count);
    peer.collection = collection;
    struct author_change change = {.op_and_flags = PS_OP_CREATE, .id = id, .hlc = 10};
    (void)author_add(&peer, &change);
    return (struct ps_changes){.from = peer.count - 1,
                               .encoding = PS_ENCODING_PLAIN,
                               .entries = ps_buf_view(&peer.bytes[peer.count - 1]),
                               .head = author_head(&peer, peer.count),
                               .root_implied = true,
                               .log = {.collection = ps_bytes_text(collection),
                                       .origin = {.device = peer.identity.device,
                                                  .incarnation = peer.identity.incarnation}}};
}

/* The peer writes one change more into a collection and sends it, under a number of its own.
 * in_full: it names the log, and does not rely on the number. */
static p2psync_result send_change(const char *collection, uint64_t number, bool in_full)
{
    struct ps_changes changes = make_change(collection);
    changes.log = in_full ? changes.log : (struct ps_log_name){.number = 0};
    changes.log.number = number;
    return send_message(ps_changes_encode(&changes, &message));
}

static bool is_blamed(void)
{
    struct ps_peer_info info;
    cr_assert(ps_engine_peer(engine, 0, &info));
    return info.faults > 0;
}

Test(engine_faults, number_that_a_failed_commit_gave_stands_for_nothing)
{
    fault_arm(FAULT_COMMIT, 1);
    cr_assert_eq(send_change("notes", 7, true), P2PSYNC_EIO);
    cr_assert(fault_disarm());
    now_ms += HOLD_MS;
    say_hello(); /* on the same connection: the numbers stay */
    cr_assert_not(is_blamed());
    cr_assert_eq(send_change("notes", 7, false), P2PSYNC_OK);
    cr_assert(is_blamed());
}

/* The peer has an acknowledgement of it, and uses it alone from then on. */
Test(engine_faults, number_from_before_a_failed_commit_stands_for_its_log)
{
    cr_assert_eq(send_change("notes", 7, true), P2PSYNC_OK);
    fault_arm(FAULT_COMMIT, 1);
    cr_assert_eq(send_change("notes", 7, false), P2PSYNC_EIO);
    cr_assert(fault_disarm());
    now_ms += HOLD_MS;
    say_hello();
    struct ps_log log;
    cr_assert_eq(author_log(&peer, &here, &log), P2PSYNC_OK);
    cr_assert_eq(log.size, 1);
    peer.count = 1; /* what was lost is written anew */
    ps_buf_deinit(&peer.bytes[1]);
    cr_assert_eq(send_change("notes", 7, false), P2PSYNC_OK);
    cr_assert_not(is_blamed());
    cr_assert_eq(author_log(&peer, &here, &log), P2PSYNC_OK);
    cr_assert_eq(log.size, 2);
}

static size_t count_told(p2psync_event_type type)
{
    size_t count = 0;
    for (size_t i = 0; i < effects.count; i++) {
        count += effects.items[i].type == PS_EFFECT_TELL && effects.items[i].event == type;
    }
    return count;
}

/* An app that counts who is connected would be wrong for ever. */
Test(engine_faults, peer_that_leaves_when_a_commit_fails_is_told)
{
    struct ps_bytes bye = ps_bytes_text("bye");
    struct ps_error error = {.code = PS_ERROR_BYE, .text = bye};
    struct ps_event events[2] = {{.type = PS_EVENT_MESSAGE}, {.type = PS_EVENT_STOP}};
    cr_assert_eq(ps_error_encode(&error, &message), P2PSYNC_OK);
    for (size_t i = 0; i < 2; i++) {
        events[i].now_ms = now_ms;
        events[i].wall_ms = now_ms;
        events[i].link = LINK;
        events[i].device = peer.identity.device;
        events[i].bytes = ps_buf_view(&message);
    }
    fault_arm(FAULT_COMMIT, 1);
    cr_assert_eq(ps_engine_step(engine, events, 2, &effects), P2PSYNC_EIO);
    cr_assert(fault_disarm());
    cr_assert_eq(count_told(P2PSYNC_EVENT_PEER_DOWN), 1);
}

static p2psync_result send_join(const struct ps_device *device, const uint8_t *token)
{
    struct ps_join join = {.device = *device, .name = ps_bytes_text("new")};
    struct ps_event event = {.type = PS_EVENT_PAIR_MESSAGE,
                             .now_ms = now_ms,
                             .wall_ms = now_ms,
                             .link = LINK + 1,
                             .address = ps_bytes_text("10.0.0.9")};
    memcpy(join.token, token, PS_TOKEN_SIZE);
    ps_buf_clear(&message);
    cr_assert_eq(ps_join_encode(&join, &message), P2PSYNC_OK);
    cr_assert_eq(crypto_sign_ed25519_pk_to_curve25519(event.curve_key, device->key), 0);
    event.bytes = ps_buf_view(&message);
    return ps_engine_step(engine, &event, 1, &effects);
}

/* It tries again, and only then it is a member. */
Test(engine_faults, device_that_joins_when_a_commit_fails_is_told_when_it_has_joined)
{
    struct ps_identity other = case_identity(3, NULL);
    struct ps_event invite = {
        .type = PS_EVENT_INVITE, .now_ms = now_ms, .wall_ms = now_ms, .timeout_ms = 600000};
    memset(invite.token, 7, sizeof invite.token);
    cr_assert_eq(ps_engine_step(engine, &invite, 1, &effects), P2PSYNC_OK);
    fault_arm(FAULT_COMMIT, 1);
    cr_assert_eq(send_join(&other.device, invite.token), P2PSYNC_EIO);
    cr_assert(fault_disarm());
    cr_assert_eq(count_told(P2PSYNC_EVENT_DEVICE_JOINED), 0);
    now_ms += HOLD_MS;
    cr_assert_eq(send_join(&other.device, invite.token), P2PSYNC_OK);
    cr_assert_eq(count_told(P2PSYNC_EVENT_DEVICE_JOINED), 1);
    now_ms += 1000;
    cr_assert_eq(send_join(&other.device, invite.token), P2PSYNC_OK);
    cr_assert_eq(count_told(P2PSYNC_EVENT_DEVICE_JOINED), 0);
}

/* A change, and the question what is held: the reply would say that it is. */
static size_t messages_after_a_change(p2psync_result expected)
{
    struct ps_buf question;
    struct ps_summary summary = {.reply = true, .clock_ms = now_ms};
    size_t sent = 0;
    ps_buf_init(&question, 1024);
    cr_assert_eq(ps_summary_encode(&summary, &question), P2PSYNC_OK);
    struct ps_changes changes = make_change("notes");
    cr_assert_eq(ps_changes_encode(&changes, &message), P2PSYNC_OK);
    struct ps_event events[2];
    for (size_t i = 0; i < 2; i++) {
        events[i] =
            (struct ps_event){.type = PS_EVENT_MESSAGE,
                              .now_ms = now_ms,
                              .wall_ms = now_ms,
                              .link = LINK,
                              .device = peer.identity.device,
                              .bytes = i == 0 ? ps_buf_view(&message) : ps_buf_view(&question)};
    }
    cr_assert_eq(ps_engine_step(engine, events, 2, &effects), expected);
    for (size_t i = 0; i < effects.count; i++) {
        sent += effects.items[i].type == PS_EFFECT_SEND ? 1 : 0;
    }
    ps_buf_clear(&message);
    ps_buf_deinit(&question);
    return sent;
}

Test(engine_faults, nothing_is_sent_of_a_turn_whose_commit_fails)
{
    fault_arm(FAULT_COMMIT, 1);
    cr_assert_eq(messages_after_a_change(P2PSYNC_EIO), 0);
    cr_assert(fault_disarm());
    now_ms += HOLD_MS;
    say_hello();
    author_deinit(&peer); /* what was lost is written anew */
    cr_assert_geq(messages_after_a_change(P2PSYNC_OK), 1);
}
