/* Joining: what is refused before anything is sent, what the inviter refuses, and that a second
 * attempt with the same code is safe. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "node/links/join.h"
#include "node/links/links.h"
#include "nodes.h"
#include "wire/message.h"
#include "wire/pairing_code.h"

static char dirs[3][NODES_DIR_SIZE];
static p2psync_node *host;
static p2psync_node *guest;

static void setup(void)
{
    for (size_t i = 0; i < 3; i++) {
        nodes_dir(dirs[i]);
    }
    host = nodes_open(dirs[0], "host");
    guest = nodes_open(dirs[1], NULL);
    cr_assert_eq(p2psync_start(host), P2PSYNC_OK);
}

static void teardown(void)
{
    p2psync_close(guest);
    p2psync_close(host);
    for (size_t i = 0; i < 3; i++) {
        nodes_remove(dirs[i]);
    }
}

TestSuite(test_join, .init = setup, .fini = teardown, .timeout = 600);

static void invite(char *code, size_t size)
{
    struct p2psync_buffer reply = {0};
    nodes_text(nodes_json(p2psync_invite(host, 0, &reply), &reply), "code", code, size);
}

static p2psync_result join(p2psync_node *node, const char *code)
{
    struct p2psync_buffer reply = {0};
    p2psync_result result = p2psync_join(node, code, "guest", &reply, NULL);
    p2psync_buffer_free(&reply);
    return result;
}

static void device_of(p2psync_node *node, char out[80])
{
    struct p2psync_buffer reply = {0};
    nodes_text(nodes_json(p2psync_identity(node, &reply), &reply), "device", out, 80);
}

Test(test_join, takes_up_the_mesh_of_the_inviter)
{
    char code[2048];
    char mesh[128];
    char fingerprint[32];
    char expected[64];
    struct p2psync_buffer reply = {0};
    const char *json = nodes_json(p2psync_identity(host, &reply), &reply);
    nodes_text(json, "mesh", mesh, sizeof mesh);
    nodes_text(json, "fingerprint", fingerprint, sizeof fingerprint);
    (void)snprintf(expected, sizeof expected, "\"inviter_fingerprint\":\"%s\"", fingerprint);
    invite(code, sizeof code);
    json = nodes_json(p2psync_join(guest, code, "guest", &reply, NULL), &reply);
    cr_expect_not_null(strstr(json, mesh), "%s", json);
    cr_expect_not_null(strstr(json, expected), "%s", json);
    cr_expect_not_null(strstr(json, "\"name\":\"guest\""), "%s", json);
    json = nodes_json(p2psync_devices(host, &reply), &reply);
    cr_expect_not_null(strstr(json, "\"name\":\"guest\",\"role\":\"admin\""), "%s", json);
}

Test(test_join, tells_the_inviter)
{
    char code[2048];
    int fd = -1;
    cr_assert_eq(p2psync_event_fd(host, &fd), P2PSYNC_OK);
    invite(code, sizeof code);
    cr_assert_eq(join(guest, code), P2PSYNC_OK);
    (void)nodes_await(host, P2PSYNC_EVENT_DEVICE_JOINED, "\"name\":\"guest\"");
}

Test(test_join, may_try_again_with_the_same_code)
{
    char code[2048];
    char first[80];
    char second[80];
    struct p2psync_buffer reply = {0};
    invite(code, sizeof code);
    cr_assert_eq(join(guest, code), P2PSYNC_OK);
    device_of(guest, first);
    cr_assert_eq(join(guest, code), P2PSYNC_OK, "as if the first reply had been lost");
    device_of(guest, second);
    cr_expect_str_eq(first, second, "it is the same device");
    const char *json = nodes_json(p2psync_status(host, &reply), &reply);
    cr_expect_not_null(strstr(json, "\"devices\":2"), "%s", json);
}

Test(test_join, keeps_the_key_of_a_device_alone)
{
    char code[2048];
    char before[80];
    char after[80];
    cr_assert_eq(p2psync_init(guest, "early", NULL, NULL), P2PSYNC_OK);
    device_of(guest, before);
    invite(code, sizeof code);
    cr_assert_eq(join(guest, code), P2PSYNC_OK);
    device_of(guest, after);
    cr_expect_str_eq(before, after);
}

Test(test_join, ends_an_invite_that_is_cancelled)
{
    char code[2048];
    char second[2048];
    int fd = -1;
    cr_assert_eq(p2psync_event_fd(host, &fd), P2PSYNC_OK);
    cr_expect_eq(p2psync_invite_cancel(host, NULL), P2PSYNC_ENOTFOUND);
    invite(code, sizeof code);
    cr_expect_eq(p2psync_invite_cancel(host, "P2P1"), P2PSYNC_EFORMAT);
    cr_expect_eq(p2psync_invite_cancel(host, code), P2PSYNC_OK);
    (void)nodes_await(host, P2PSYNC_EVENT_INVITE_CLOSED, "\"reason\":\"it was cancelled\"");
    cr_expect_eq(p2psync_invite_cancel(host, code), P2PSYNC_ENOTFOUND);
    invite(code, sizeof code);
    invite(second, sizeof second);
    (void)nodes_await(host, P2PSYNC_EVENT_INVITE_CLOSED, "\"reason\":\"another invite took");
    cr_expect_eq(p2psync_invite_cancel(host, code), P2PSYNC_ENOTFOUND, "it is another's");
    cr_expect_eq(join(guest, second), P2PSYNC_OK);
}

Test(test_join, gives_nothing_up_for_a_code)
{
    char code[2048];
    invite(code, sizeof code);
    cr_assert_eq(p2psync_init(guest, "rich", NULL, NULL), P2PSYNC_OK);
    cr_assert_eq(nodes_put(guest, "notes", "a", "{}"), P2PSYNC_OK);
    cr_expect_eq(join(guest, code), P2PSYNC_ECONFLICT, "it has records");
    cr_expect_str_neq(nodes_get(guest, "notes", "a"), "");
}

Test(test_join, stays_in_a_mesh_with_others)
{
    char code[2048];
    p2psync_node *third = nodes_open(dirs[2], "third");
    struct p2psync_buffer reply = {0};
    cr_assert_eq(p2psync_start(third), P2PSYNC_OK);
    nodes_text(nodes_json(p2psync_invite(third, 0, &reply), &reply), "code", code, sizeof code);
    nodes_join(host, guest, "guest");
    cr_expect_eq(join(guest, code), P2PSYNC_ECONFLICT, "it has a sponsor");
    cr_assert_eq(p2psync_stop(host), P2PSYNC_OK);
    cr_expect_eq(join(host, code), P2PSYNC_ECONFLICT, "it has another member");
    p2psync_close(third);
}

Test(test_join, does_not_join_itself_or_while_running)
{
    char code[2048];
    invite(code, sizeof code);
    cr_expect_eq(join(host, code), P2PSYNC_EEXIST, "it need not be stopped to be told");
    cr_assert_eq(p2psync_stop(host), P2PSYNC_OK);
    cr_expect_eq(join(host, code), P2PSYNC_EEXIST);
    cr_assert_eq(p2psync_init(guest, "running", NULL, NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_start(guest), P2PSYNC_OK);
    cr_expect_eq(join(guest, code), P2PSYNC_EBUSY);
}

Test(test_join, refuses_what_is_no_code)
{
    char code[2048];
    cr_expect_eq(join(guest, ""), P2PSYNC_EFORMAT);
    cr_expect_eq(join(guest, "P2P1ABC"), P2PSYNC_EFORMAT);
    invite(code, sizeof code);
    code[strlen(code) / 2] = code[strlen(code) / 2] == 'A' ? 'B' : 'A';
    cr_expect_eq(join(guest, code), P2PSYNC_EFORMAT, "the check bytes differ");
    struct p2psync_buffer reply = {0};
    cr_expect_eq(p2psync_identity(guest, &reply), P2PSYNC_ENODEVICE, "nothing was made");
}

Test(test_join, is_refused_with_a_wrong_token)
{
    char text[2048];
    struct ps_pairing_code code;
    invite(text, sizeof text);
    cr_assert_eq(ps_pairing_code_decode(text, &code), P2PSYNC_OK);
    code.token[0] ^= 1;
    char wrong[PS_PAIRING_CODE_SIZE_MAX];
    cr_assert_eq(ps_pairing_code_encode(&code, wrong), P2PSYNC_OK);
    cr_expect_eq(join(guest, wrong), P2PSYNC_EDENIED);
    cr_expect_eq(join(guest, text), P2PSYNC_OK, "the right one still works");
}

Test(test_join, is_refused_a_code_that_another_used)
{
    char code[2048];
    p2psync_node *third = nodes_open(dirs[2], NULL);
    invite(code, sizeof code);
    cr_assert_eq(join(guest, code), P2PSYNC_OK);
    cr_expect_eq(join(third, code), P2PSYNC_EDENIED);
    p2psync_close(third);
}

Test(test_join, finds_the_inviter_at_any_of_its_endpoints)
{
    char text[2048];
    struct ps_pairing_code code;
    invite(text, sizeof text);
    cr_assert_eq(ps_pairing_code_decode(text, &code), P2PSYNC_OK);
    cr_assert_eq(code.endpoint_count, 1);
    memcpy(code.endpoints[1], code.endpoints[0], sizeof code.endpoints[1]);
    (void)snprintf(code.endpoints[0], sizeof code.endpoints[0], "127.0.0.1:1");
    code.endpoint_count = 2;
    char longer[PS_PAIRING_CODE_SIZE_MAX];
    cr_assert_eq(ps_pairing_code_encode(&code, longer), P2PSYNC_OK);
    cr_expect_eq(join(guest, longer), P2PSYNC_OK);
}

/* ---- what does not wait, and what ends waiting ---- */

/* A code like `text` whose only endpoint is another one. */
static void move_code(const char *text, const char *endpoint, char out[PS_PAIRING_CODE_SIZE_MAX])
{
    struct ps_pairing_code code;
    cr_assert_eq(ps_pairing_code_decode(text, &code), P2PSYNC_OK);
    (void)snprintf(code.endpoints[0], sizeof(code.endpoints[0]), "%s", endpoint);
    code.endpoint_count = 1;
    cr_assert_eq(ps_pairing_code_encode(&code, out), P2PSYNC_OK);
}

static time_t seconds_now(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* The limit is far from both: at once, or after the whole of PS_JOIN_TIMEOUT_MS. */
Test(test_join, does_not_wait_where_all_say_that_nobody_listens)
{
    char text[2048];
    char moved[PS_PAIRING_CODE_SIZE_MAX];
    invite(text, sizeof(text));
    move_code(text, "127.0.0.1:1", moved);
    time_t begun = seconds_now();
    cr_expect_eq(join(guest, moved), P2PSYNC_EUNREACHABLE);
    cr_expect_lt(seconds_now() - begun, PS_JOIN_TIMEOUT_MS / 1000 - 5);
}

struct joining {
    const char *code;
    p2psync_result result;
};

static void *join_in_thread(void *context)
{
    struct joining *joining = context;
    joining->result = join(guest, joining->code);
    return NULL;
}

Test(test_join, is_cancelled_from_another_thread)
{
    /* Somebody listens there, and never says a word. */
    int silent = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    cr_assert_eq(bind(silent, (struct sockaddr *)&address, size), 0);
    cr_assert_eq(listen(silent, 1), 0);
    cr_assert_eq(getsockname(silent, (struct sockaddr *)&address, &size), 0);
    char text[2048];
    char endpoint[32];
    char moved[PS_PAIRING_CODE_SIZE_MAX];
    invite(text, sizeof(text));
    (void)snprintf(endpoint, sizeof(endpoint), "127.0.0.1:%u", ntohs(address.sin_port));
    move_code(text, endpoint, moved);
    struct joining joining = {.code = moved};
    pthread_t thread;
    cr_assert_eq(p2psync_cancel(guest), P2PSYNC_OK, "nobody waits");
    cr_assert_eq(pthread_create(&thread, NULL, join_in_thread, &joining), 0);
    /* Once it is connected, it waits; a call that has not begun is not cancelled. */
    struct pollfd item = {.fd = silent, .events = POLLIN};
    cr_assert_eq(poll(&item, 1, 60000), 1);
    cr_assert_eq(p2psync_cancel(guest), P2PSYNC_OK);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_expect_eq(joining.result, P2PSYNC_ECANCELLED);
    (void)close(silent);
    cr_expect_eq(join(guest, text), P2PSYNC_OK, "what comes later is not cancelled");
}

Test(test_join, names_two_devices_alike_only_by_their_fingerprints)
{
    nodes_join(host, guest, "host");
    struct p2psync_buffer reply = {0};
    char fingerprint[32];
    nodes_text(nodes_json(p2psync_identity(guest, &reply), &reply), "fingerprint", fingerprint,
               sizeof fingerprint);
    cr_expect_eq(p2psync_device_rename(host, "host", "other", NULL), P2PSYNC_EAMBIGUOUS);
    cr_assert_eq(p2psync_device_rename(host, fingerprint, "other", NULL), P2PSYNC_OK);
    cr_expect_eq(p2psync_device_rename(host, "host", "same", NULL), P2PSYNC_EAMBIGUOUS,
                 "both were called so");
    cr_expect_eq(p2psync_device_rename(host, "other", "same", NULL), P2PSYNC_OK);
}

/* An inviter that answers whoever comes with the same message. */
struct inviter {
    struct ps_pairing_code code;
    struct ps_links *links;
    struct ps_buf reply;
    bool ended;
};

static void *reply_to_one(void *argument)
{
    struct inviter *inviter = argument;
    struct ps_link_event event;
    while (!inviter->ended) {
        struct pollfd item = {.fd = ps_links_fd(inviter->links), .events = POLLIN};
        (void)poll(&item, 1, 60000);
        while (!inviter->ended && ps_links_next(inviter->links, &event) == P2PSYNC_OK) {
            inviter->ended = event.type == PS_LINK_PAIR_MESSAGE &&
                             ps_links_pair_send(inviter->links, event.link,
                                                ps_buf_view(&inviter->reply)) == P2PSYNC_OK;
        }
    }
    ps_links_destroy(&inviter->links);
    return NULL;
}

static p2psync_result join_one_who_replies(struct inviter *inviter)
{
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    char text[PS_PAIRING_CODE_SIZE_MAX];
    uint16_t port = 0;
    pthread_t thread;
    do {
        cr_assert_eq(crypto_sign_keypair(inviter->code.device.key, secret_key), 0);
    } while (!ps_device_valid(&inviter->code.device));
    const struct ps_links_options options = {
        .secret_key = secret_key, .bind = true, .host = "127.0.0.1"};
    cr_assert_eq(ps_links_new(&options, &inviter->links), P2PSYNC_OK);
    cr_assert_eq(ps_links_pair_open(inviter->links, &port), P2PSYNC_OK);
    inviter->code.endpoint_count = 1;
    (void)snprintf(inviter->code.endpoints[0], sizeof inviter->code.endpoints[0], "127.0.0.1:%u",
                   (unsigned)port);
    cr_assert_eq(ps_pairing_code_encode(&inviter->code, text), P2PSYNC_OK);
    cr_assert_eq(pthread_create(&thread, NULL, reply_to_one, inviter), 0);
    p2psync_result result = join(guest, text);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    ps_buf_deinit(&inviter->reply);
    return result;
}

/* Its invite has just expired: its pairing socket is open still. */
Test(test_join, says_that_an_invite_has_expired)
{
    struct inviter inviter = {.ended = false};
    const struct ps_error error = {.code = PS_ERROR_EXPIRED, .text = ps_bytes_text("it expired")};
    ps_buf_init(&inviter.reply, PS_MESSAGE_SIZE_MAX);
    cr_assert_eq(ps_error_encode(&error, &inviter.reply), P2PSYNC_OK);
    cr_expect_eq(join_one_who_replies(&inviter), P2PSYNC_EEXPIRED);
}

Test(test_join, says_that_the_inviter_speaks_an_earlier_version)
{
    struct inviter inviter = {.ended = false};
    const struct ps_welcome welcome = {.name = ps_bytes_text("an earlier one")};
    ps_buf_init(&inviter.reply, PS_MESSAGE_SIZE_MAX);
    cr_assert_eq(ps_welcome_encode(&welcome, &inviter.reply), P2PSYNC_OK);
    inviter.reply.data[2] = PS_PROTOCOL_VERSION_MIN - 1; /* behind the header and the type */
    cr_expect_eq(join_one_who_replies(&inviter), P2PSYNC_EVERSION);
}
