/* The control socket against clients of all kinds. Server and client are driven by hand in one
 * thread, so nothing is timed: time is an argument. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "node/control/ask.h"
#include "node/control/control.h"
#include "nodes.h"
#include "wire/limits.h"

static char dir[NODES_DIR_SIZE];
static int dir_fd;
static struct ps_control *control;

static void setup(void)
{
    nodes_dir(dir);
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    cr_assert_geq(dir_fd, 0);
    cr_assert_eq(ps_control_new(dir_fd, &control), P2PSYNC_OK);
}

static void teardown(void)
{
    ps_control_destroy(&control);
    (void)close(dir_fd);
    nodes_remove(dir);
}

TestSuite(test_control, .init = setup, .fini = teardown, .timeout = 600);

static int client(void)
{
    struct sockaddr_un address;
    ps_control_address(dir_fd, &address);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void ask(int fd, const char *frame, size_t size)
{
    cr_assert_eq(send(fd, frame, size, MSG_NOSIGNAL), (ssize_t)size);
}

/* What the server's next turn takes. */
static p2psync_result serve(struct ps_control_request *out)
{
    return ps_control_next(control, 0, out);
}

/* Whether the server has closed the connection; what it sent before is passed over. */
static bool is_cut_off(int fd)
{
    char bytes[4096];
    ssize_t got = 0;
    do {
        got = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    } while (got > 0);
    return got == 0 || errno == ECONNRESET;
}

#define STATUS_FRAME "\0\0\0\4\x93\1\1\0"
#define EVENTS_FRAME "\0\0\0\4\x93\1\6\0"
#define STOP_FRAME   "\0\0\0\4\x93\1\5\0"
#define FRAME_SIZE   8

static int listener(void)
{
    struct ps_control_request request;
    char reply[7];
    int fd = client();
    ask(fd, EVENTS_FRAME, FRAME_SIZE);
    cr_assert_eq(serve(&request), P2PSYNC_EAGAIN);
    cr_assert_eq(recv(fd, reply, sizeof reply, MSG_DONTWAIT), 7);
    cr_assert_eq(memcmp(reply, "\0\0\0\3\x92\0\xc0", 7), 0);
    return fd;
}

static void expect_nudge(int fd)
{
    char nudge[PS_CONTROL_NUDGE_SIZE];
    cr_assert_eq(recv(fd, nudge, sizeof nudge, MSG_DONTWAIT), PS_CONTROL_NUDGE_SIZE);
    cr_assert_eq(memcmp(nudge, PS_CONTROL_NUDGE, sizeof nudge), 0);
}

Test(test_control, answers_a_request)
{
    struct ps_control_request request;
    char reply[64];
    int fd = client();
    ask(fd, STATUS_FRAME, FRAME_SIZE);
    cr_assert_eq(serve(&request), P2PSYNC_OK);
    cr_expect_eq(request.what, PS_CONTROL_STATUS);
    ps_control_reply(control, request.id, P2PSYNC_OK, ps_bytes("\xa2hi", 3));
    cr_assert_eq(recv(fd, reply, sizeof reply, 0), 9);
    cr_expect_eq(memcmp(reply, "\0\0\0\5\x92\0\xa2hi", 9), 0);
    cr_expect(is_cut_off(fd), "one question per connection");
    (void)close(fd);
}

Test(test_control, takes_a_request_that_comes_byte_by_byte)
{
    struct ps_control_request request;
    int fd = client();
    for (size_t i = 0; i < FRAME_SIZE; i++) {
        cr_assert_eq(serve(&request), P2PSYNC_EAGAIN);
        ask(fd, &STATUS_FRAME[i], 1);
    }
    cr_assert_eq(serve(&request), P2PSYNC_OK);
    (void)close(fd);
}

Test(test_control, cuts_off_nonsense)
{
    static const struct {
        const char *bytes;
        size_t size;
    } bad[] = {
        {"\xff\xff\xff\xff", 4},              /* 4 GiB to come */
        {"\0\0\0\5\xdd\xff\xff\xff\xff", 9},  /* an array of 2^32 - 1 */
        {"\0\0\0\4\x93\2\1\0", 8},            /* another version */
        {"\0\0\0\4\x93\1\0\0", 8},            /* asks nothing known */
        {"\0\0\0\4\x93\1\x7f\0", 8},          /* nor here */
        {"\0\0\0\3\x92\1\1", 7},              /* no argument */
        {"\0\0\0\4\x93\1\1\0x", 9},           /* more than a request */
        {"\0\0\0\6\x93\1\1\xa2\xff\xff", 10}, /* an argument of another type */
        {"\0\0\0\0", 4},                      /* nothing */
        {"GET / HTTP/1.1\r\n\r\n", 18},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct ps_control_request request;
        int fd = client();
        ask(fd, bad[i].bytes, bad[i].size);
        cr_expect_eq(serve(&request), P2PSYNC_EAGAIN, "%zu", i);
        cr_expect(is_cut_off(fd), "%zu", i);
        (void)close(fd);
    }
}

Test(test_control, cuts_off_who_does_not_go_on)
{
    struct ps_control_request request;
    int slow = client();
    int silent = client();
    int waits = client();
    ask(slow, STATUS_FRAME, 3);
    ask(waits, STATUS_FRAME, FRAME_SIZE);
    cr_assert_eq(serve(&request), P2PSYNC_OK);
    cr_assert_eq(serve(&request), P2PSYNC_EAGAIN);
    ps_control_tick(control, PS_CONTROL_PATIENCE_MS);
    cr_expect_not(is_cut_off(slow));
    ps_control_tick(control, PS_CONTROL_PATIENCE_MS + 1);
    cr_expect(is_cut_off(slow));
    cr_expect(is_cut_off(silent));
    cr_expect_not(is_cut_off(waits), "it has asked: the reply is ours to give");
    (void)close(slow);
    (void)close(silent);
    (void)close(waits);
}

Test(test_control, is_not_troubled_by_who_goes_away)
{
    struct ps_control_request request;
    int fd = client();
    ask(fd, STATUS_FRAME, FRAME_SIZE);
    cr_assert_eq(serve(&request), P2PSYNC_OK);
    (void)close(fd);
    struct ps_control_request none;
    cr_assert_eq(serve(&none), P2PSYNC_EAGAIN);
    ps_control_reply(control, request.id, P2PSYNC_OK, ps_bytes(NULL, 0));
    ps_control_reply(control, 12345, P2PSYNC_OK, ps_bytes(NULL, 0));
}

Test(test_control, lets_the_rest_wait_when_all_places_are_taken)
{
    int fds[PS_CONTROL_CLIENTS_MAX + 1];
    struct ps_control_request request;
    for (size_t i = 0; i < PS_CONTROL_CLIENTS_MAX; i++) {
        fds[i] = client();
        cr_assert_eq(serve(&request), P2PSYNC_EAGAIN);
    }
    fds[PS_CONTROL_CLIENTS_MAX] = client();
    ask(fds[PS_CONTROL_CLIENTS_MAX], STATUS_FRAME, FRAME_SIZE);
    cr_expect_eq(serve(&request), P2PSYNC_EAGAIN);
    struct pollfd item = {.fd = ps_control_fd(control), .events = POLLIN};
    cr_expect_eq(poll(&item, 1, 0), 0, "it does not spin on who waits");
    (void)close(fds[0]);
    cr_assert_eq(serve(&request), P2PSYNC_OK, "a free place is given away");
    for (size_t i = 1; i <= PS_CONTROL_CLIENTS_MAX; i++) {
        (void)close(fds[i]);
    }
}

Test(test_control, keeps_who_asked_to_stop_until_the_end)
{
    struct ps_control_request request;
    char reply[7];
    int fd = client();
    ask(fd, STOP_FRAME, FRAME_SIZE);
    cr_assert_eq(serve(&request), P2PSYNC_OK);
    cr_assert_eq(request.what, PS_CONTROL_STOP);
    ps_control_reply(control, request.id, P2PSYNC_OK, ps_bytes(NULL, 0));
    cr_assert_eq(recv(fd, reply, sizeof reply, 0), 7);
    cr_expect_not(is_cut_off(fd));
    ps_control_destroy(&control);
    cr_expect(is_cut_off(fd));
    (void)close(fd);
}

Test(test_control, nudges_once_however_much_changes)
{
    struct ps_control_request request;
    char byte;
    int fd = listener();
    expect_nudge(fd);
    ps_control_nudge(control);
    expect_nudge(fd);
    cr_expect_eq(recv(fd, &byte, 1, MSG_DONTWAIT), -1, "nothing more");

    /* Fill the socket; whatever is nudged meanwhile becomes one nudge when there is room. */
    for (size_t i = 0; i < 200000; i++) {
        ps_control_nudge(control);
    }
    size_t taken = 0;
    while (recv(fd, &byte, 1, MSG_DONTWAIT) == 1) {
        taken++;
    }
    cr_expect_lt(taken, (size_t)200000 * PS_CONTROL_NUDGE_SIZE);
    cr_assert_eq(serve(&request), P2PSYNC_EAGAIN);
    while (recv(fd, &byte, 1, MSG_DONTWAIT) == 1) {
        taken++;
    }
    cr_expect_eq(taken % PS_CONTROL_NUDGE_SIZE, 0, "no nudge is cut");
    (void)close(fd);
}

/* Read frames until there are no more; counts them, and remembers whether a loss was told. */
static size_t take_events(int fd, bool *loss_out)
{
    struct ps_control_request request;
    uint8_t header[4];
    size_t count = 0;
    while (recv(fd, header, 4, MSG_DONTWAIT | MSG_WAITALL) == 4) {
        char frame[4096];
        size_t size = ps_get_u32(header);
        cr_assert_leq(size, sizeof frame);
        size_t done = 0;
        while (done < size) {
            ssize_t got = recv(fd, frame + done, size - done, MSG_DONTWAIT);
            if (got < 0) {
                cr_assert_eq(serve(&request), P2PSYNC_EAGAIN);
                continue;
            }
            done += (size_t)got;
        }
        if (memmem(frame, size, "dropped", 7) != NULL) {
            *loss_out = true;
        } else if (size > 3) {
            count++;
        }
        cr_assert_eq(serve(&request), P2PSYNC_EAGAIN);
    }
    return count;
}

Test(test_control, drops_the_oldest_events_and_says_so)
{
    uint8_t map[1024] = {0x81, 0xa1, 'a', 0xc5, 0x03, 0xf0};
    bool loss = false;
    int fd = listener();
    int size = 4096;
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size), 0);
    const size_t told = (size_t)3 * PS_EVENTS_MAX;
    for (size_t i = 0; i < told; i++) {
        ps_control_tell(control, P2PSYNC_EVENT_PEER_UP, ps_bytes(map, 6 + 0x3f0));
    }
    size_t got = take_events(fd, &loss);
    cr_expect(loss, "one event says that some were dropped");
    cr_expect_geq(got, PS_EVENTS_MAX);
    cr_expect_lt(got, told);
    loss = false;
    ps_control_tell(control, P2PSYNC_EVENT_PEER_UP, ps_bytes(map, 6 + 0x3f0));
    cr_expect_eq(take_events(fd, &loss), 1, "it goes on afterwards");
    cr_expect_not(loss);
    (void)close(fd);
}

Test(test_control, is_closed_to_others)
{
    struct stat info;
    cr_assert_eq(fstatat(dir_fd, PS_CONTROL_FILE, &info, 0), 0);
    cr_expect(S_ISSOCK(info.st_mode));
    cr_expect_eq(info.st_mode & 0777, 0600);
}

Test(test_control, finds_no_node_behind_a_dead_socket)
{
    struct ps_buf reply;
    ps_buf_init(&reply, 4096);
    ps_control_destroy(&control); /* as a killed process does: the file stays */
    cr_assert_eq(faccessat(dir_fd, PS_CONTROL_FILE, F_OK, 0), 0);
    cr_expect_eq(
        ps_ask(&(const struct ps_asking){.dir_fd = dir_fd, .cancel_fd = -1, .timeout_ms = 1000},
               PS_CONTROL_STATUS, 0, &reply),
        P2PSYNC_ENOTRUNNING);
    cr_assert_eq(ps_control_new(dir_fd, &control), P2PSYNC_OK, "it is replaced");
    ps_control_destroy(&control);
    cr_assert_eq(unlinkat(dir_fd, PS_CONTROL_FILE, 0), 0);
    cr_expect_eq(
        ps_ask(&(const struct ps_asking){.dir_fd = dir_fd, .cancel_fd = -1, .timeout_ms = 1000},
               PS_CONTROL_STATUS, 0, &reply),
        P2PSYNC_ENOTRUNNING);
    ps_buf_deinit(&reply);
}

Test(test_control, gives_up_on_a_node_that_does_not_answer)
{
    struct ps_buf reply;
    ps_buf_init(&reply, 4096);
    cr_expect_eq(
        ps_ask(&(const struct ps_asking){.dir_fd = dir_fd, .cancel_fd = -1, .timeout_ms = 1},
               PS_CONTROL_STATUS, 0, &reply),
        P2PSYNC_ENOANSWER);
    ps_buf_deinit(&reply);
}

/* Whoever has been told that it failed does not find it done later. */
Test(test_control, does_nothing_for_who_has_given_up)
{
    struct ps_control_request request;
    int gone = client();
    int waits = client();
    ask(gone, STOP_FRAME, FRAME_SIZE);
    ask(waits, STATUS_FRAME, FRAME_SIZE);
    (void)close(gone);
    cr_assert_eq(serve(&request), P2PSYNC_OK);
    cr_expect_eq(request.what, PS_CONTROL_STATUS);
    cr_expect_eq(serve(&request), P2PSYNC_EAGAIN);
    (void)close(waits);
}

Test(test_control, works_in_a_directory_with_a_long_name)
{
    char name[240];
    memset(name, 'd', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert_eq(mkdirat(dir_fd, name, 0700), 0);
    int deep_fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY);
    cr_assert_geq(deep_fd, 0);
    struct ps_control *deep = NULL;
    cr_assert_eq(ps_control_new(deep_fd, &deep), P2PSYNC_OK);
    cr_expect_eq(faccessat(deep_fd, PS_CONTROL_FILE, F_OK, 0), 0);
    ps_control_destroy(&deep);
    cr_assert_eq(unlinkat(deep_fd, PS_CONTROL_FILE, 0), 0);
    (void)close(deep_fd);
    cr_assert_eq(unlinkat(dir_fd, name, AT_REMOVEDIR), 0);
}
