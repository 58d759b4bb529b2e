/* Those whom nobody knows, and those who connect and say nothing. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "node/links/silent.h"
#include "tests/hostile/world.h"
#include "wire/pairing_code.h"

#define STRANGERS      8
#define MADE_UP        50 /* devices */
#define DIALS_A_SECOND 10
#define CLAIMERS       256
#define CLAIMERS_COST  8  /* as so many members */
#define GREETING_SIZE  64 /* bytes, of ZMTP */
#define CLAIM_SIZE     9  /* the beginning of a long frame */
#define PART_SIZE      32768

static struct world world;
static struct hostile hostile;

static void setup(void)
{
    world_begin(&world);
    world_admit(&world, &hostile);
}

static void teardown(void)
{
    hostile_deinit(&hostile);
    world_end(&world);
}

TestSuite(test_strangers, .init = setup, .fini = teardown, .timeout = 600);

Test(test_strangers, lets_no_stranger_in)
{
    for (size_t i = 0; i < STRANGERS; i++) {
        struct hostile stranger;
        hostile_init(&stranger);
        stranger.author.identity.mesh = hostile.author.identity.mesh;
        hostile_connect(&stranger, &hostile.victim, hostile.where);
        (void)hostile_send_hello(&stranger);
        cr_assert(hostile_await_end(&stranger));
        cr_assert_lt(zmq_recv(stranger.socket, NULL, 0, ZMQ_DONTWAIT), 0, "it was answered");
        hostile_deinit(&stranger);
    }
    world_check_memory(&world, 1);
}

/* JOIN with the right token: the code of the ERROR that comes back. */
static uint64_t refused_with(struct hostile *newcomer, uint8_t version)
{
    char text[2048];
    struct ps_pairing_code code;
    struct p2psync_buffer answer = {0};
    const char *json = nodes_json(p2psync_invite(world.victim, 0, &answer), &answer);
    nodes_text(json, "code", text, sizeof text);
    cr_assert_eq(ps_pairing_code_decode(text, &code), P2PSYNC_OK);
    hostile_connect(newcomer, &code.device, code.endpoints[0]);
    struct ps_join join = {.device = newcomer->author.identity.device,
                           .name = ps_bytes_text("newcomer")};
    memcpy(join.token, code.token, sizeof join.token);
    cr_assert_eq(ps_join_encode(&join, &newcomer->draft), P2PSYNC_OK);
    newcomer->draft.data[2] = version; /* behind the header and the type */
    cr_assert(hostile_send_draft(newcomer, P2PSYNC_OK));
    return hostile_await_error(newcomer);
}

/* Who holds a key may call itself by the other id that has this CURVE key. */
Test(test_strangers, admits_nobody_under_an_id_that_is_not_valid)
{
    struct hostile twin;
    hostile_init(&twin);
    twin.author.identity.device.key[PS_DEVICE_SIZE - 1] ^= 0x80U;
    cr_assert_eq(refused_with(&twin, PS_PROTOCOL_VERSION), PS_ERROR_FORMAT);
    hostile_deinit(&twin);
}

Test(test_strangers, tells_who_speaks_an_earlier_version)
{
    struct hostile earlier;
    hostile_init(&earlier);
    cr_assert_eq(refused_with(&earlier, PS_PROTOCOL_VERSION_MIN - 1), PS_ERROR_VERSION);
    hostile_deinit(&earlier);
}

/* A connection of no ZeroMQ to the victim. */
static int connect_plainly(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char *colon = strrchr(hostile.where, ':');
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    *colon = '\0';
    cr_assert_eq(inet_pton(AF_INET, hostile.where, &address.sin_addr), 1);
    *colon = ':';
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* No ZeroMQ at all. */
Test(test_strangers, is_not_moved_by_other_protocols)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    for (size_t i = 0; i < STRANGERS; i++) {
        int fd = connect_plainly();
        (void)!write(fd, text, sizeof text);
        (void)close(fd);
    }
}

/* Wait until the victim has ended all of these connections but `left`, and close what it has ended:
 * its fd is -1 then. */
static void await_open_at_most(struct pollfd *fds, size_t count, size_t left)
{
    size_t open = 0;
    for (size_t i = 0; i < count; i++) {
        open += fds[i].fd >= 0;
    }
    while (open > left) { /* the victim ends them, or the test takes too long */
        cr_assert_gt(poll(fds, count, -1), 0);
        for (size_t i = 0; i < count; i++) {
            char bytes[256]; /* its greeting, of which nothing is wanted */
            if (fds[i].revents != 0 && recv(fds[i].fd, bytes, sizeof bytes, 0) <= 0) {
                (void)close(fds[i].fd);
                fds[i].fd = -1;
                open--;
            }
            fds[i].revents = 0;
        }
    }
}

/* Whoever connects may claim a message of the largest size, and send a part of it, before it has
 * said who it is. */
Test(test_strangers, bounds_what_those_cost_who_have_not_said_who_they_are)
{
    static const uint8_t opening[GREETING_SIZE + CLAIM_SIZE] = {0xff,
                                                                0,
                                                                0,
                                                                0,
                                                                0,
                                                                0,
                                                                0,
                                                                0,
                                                                1,
                                                                0x7f,
                                                                3,
                                                                1,
                                                                'C',
                                                                'U',
                                                                'R',
                                                                'V',
                                                                'E',
                                                                [GREETING_SIZE] = 2,
                                                                [GREETING_SIZE + 6] = 0x13};
    static const uint8_t part[PART_SIZE];
    static struct pollfd fds[CLAIMERS];
    for (size_t i = 0; i < CLAIMERS; i++) {
        fds[i].fd = connect_plainly();
        fds[i].events = POLLIN;
        (void)!send(fds[i].fd, opening, sizeof opening, MSG_NOSIGNAL);
        (void)!send(fds[i].fd, part, sizeof part, MSG_NOSIGNAL);
        if (i % 8 == 7) {
            await_open_at_most(fds, i + 1, PS_SILENT_MAX / PS_SILENT_PART);
            world_check_sync(&world);
            world_check_memory(&world, CLAIMERS_COST);
        }
    }
    await_open_at_most(fds, CLAIMERS, 0);
    world_check_sync(&world);
    world_check_memory(&world, 0);
}

Test(test_strangers, cuts_off_who_connects_and_says_nothing)
{
    hostile_connect(&hostile, &hostile.victim, hostile.where);
    world_check_sync(&world);
    cr_assert(hostile_await_end(&hostile));
}

/* An uninvolved host, of which a member says that many devices are there, which it has made up. */
Test(test_strangers, is_not_made_to_flood_somebody_else)
{
    struct ps_peer_endpoints items[MADE_UP];
    struct ps_buf entries;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    char where[32];
    int host = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(inet_pton(AF_INET, "127.0.0.9", &address.sin_addr), 1);
    cr_assert_eq(bind(host, (const struct sockaddr *)&address, sizeof address), 0);
    cr_assert_eq(listen(host, 1024), 0);
    cr_assert_eq(getsockname(host, (struct sockaddr *)&address, &size), 0);
    (void)snprintf(where, sizeof where, "127.0.0.9:%u", (unsigned)ntohs(address.sin_port));
    struct ps_act_id grant = world_grant(&world, &hostile.author.identity.device);
    hostile.author.collection = "_devices";
    for (size_t i = 0; i < MADE_UP; i++) {
        struct ps_identity identity;
        ps_identity_draw(&identity);
        decided_by(&hostile.author, &grant,
                   &(struct ps_act){.subject = identity.device, .role = PS_ROLE_WRITER}, 1);
        items[i].device = identity.device;
        items[i].endpoint_count = 1;
        items[i].endpoints[0] = ps_bytes_text(where);
    }
    struct ps_changes changes = hostile_changes(&hostile, MADE_UP, &entries);
    cr_assert(hostile_send_changes(&hostile, &changes));
    cr_assert(hostile_await(&hostile, PS_MESSAGE_ACK));
    cr_assert(hostile_send_draft(&hostile, ps_peers_encode(items, MADE_UP, &hostile.draft)));
    time_t since = time(NULL);
    unsigned count = 0;
    for (; count < MADE_UP; count++) {
        int fd = accept(host, NULL, NULL);
        cr_assert_geq(fd, 0);
        (void)close(fd);
    }
    cr_assert_leq(count, (unsigned)(time(NULL) - since + 2) * DIALS_A_SECOND, "too many at once");
    world_check_sync(&world);
    ps_buf_deinit(&entries);
    (void)close(host);
}

/* A connection that was given up is closed, though the other side would keep it. */
Test(test_strangers, closes_what_it_has_cut_off)
{
    cr_assert(hostile_send(&hostile, "\xc1", 1));
    world_await_fault(world.victim, &hostile.author.identity.device, "no message");
    cr_assert(hostile_await_end(&hostile));
}
