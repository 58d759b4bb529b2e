/* Links, against who opens more connections than anybody needs. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "linked.h"
#include "node/links/hub.h"

#define IDLE_MAX     1000
#define STRANGER_MAX 4 /* messages of one stranger that wait */

TestSuite(test_links_crowds, .init = linked_setup, .fini = linked_teardown, .timeout = 240);

/* A connection to node 0, from 127.0.0.`from`. */
static int connect_from(unsigned from, uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in own = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + from);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&own, sizeof own), 0);
    cr_assert_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* How many of these connections the other side has not ended. Some of them have greetings to read.
 */
static size_t count_open(const int *fds, size_t count)
{
    size_t open = 0;
    for (size_t i = 0; i < count; i++) {
        char bytes[4096];
        ssize_t got = 0;
        do { /* ends when there is nothing more to read */
            got = recv(fds[i], bytes, sizeof bytes, MSG_DONTWAIT);
        } while (got > 0);
        open += got < 0 && errno == EAGAIN ? 1 : 0;
    }
    return open;
}

static void await_open(const int *fds, size_t count, size_t most)
{
    uint64_t until_ms = linked_now_ms() + LINKED_DEADLINE_MS;
    while (count_open(fds, count) > most) {
        cr_assert_lt(linked_now_ms(), until_ms, "they stay open");
        linked_turn(linked_now_ms() + 10);
    }
}

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        (void)close(fds[i]);
    }
}

/* A device needs one link, or two for a moment. */
Test(test_links_crowds, gives_one_device_no_more_than_its_links)
{
    void *context = zmq_ctx_new();
    void *dealers[PS_HUB_OF_DEVICE_MAX + 1];
    uint64_t until_ms = linked_now_ms() + LINKED_DEADLINE_MS;
    for (size_t i = 0; i < PS_HUB_OF_DEVICE_MAX; i++) {
        dealers[i] = linked_raw_dealer(context, NULL, 0);
        zmq_send(dealers[i], "hello", 5, 0);
        linked_await(&linked_nodes[0], PS_LINK_UP);
        linked_await(&linked_nodes[0], PS_LINK_MESSAGE);
    }
    void *one_more = linked_raw_dealer(context, NULL, 0);
    dealers[PS_HUB_OF_DEVICE_MAX] = one_more;
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    cr_assert_eq(zmq_socket_monitor(one_more, "inproc://end", ZMQ_EVENT_DISCONNECTED), 0);
    cr_assert_eq(zmq_connect(monitor, "inproc://end"), 0);
    zmq_send(one_more, "hello", 5, 0);
    cr_assert_gt(
        zmq_poll(&(zmq_pollitem_t){.socket = monitor, .events = ZMQ_POLLIN}, 1, LINKED_DEADLINE_MS),
        0, "it is not hung up on");
    cr_assert_eq(linked_nodes[0].taken, linked_nodes[0].told_count, "it was told of");
    zmq_close(monitor);

    /* When one of the others has gone there is room again. */
    zmq_close(dealers[0]);
    linked_await(&linked_nodes[0], PS_LINK_DOWN);
    void *again = linked_raw_dealer(context, NULL, 0);
    dealers[0] = again;
    zmq_send(again, "again", 5, 0);
    linked_await(&linked_nodes[0], PS_LINK_UP);
    cr_assert_str_eq(linked_await(&linked_nodes[0], PS_LINK_MESSAGE)->text, "again");
    cr_assert_lt(linked_now_ms(), until_ms);
    for (size_t i = 0; i <= PS_HUB_OF_DEVICE_MAX; i++) {
        zmq_close(dealers[i]);
    }
    zmq_ctx_term(context);
}

/* Pairing needs one message of a stranger: who sends more before it is taken is cut off. */
Test(test_links_crowds, keeps_few_messages_of_a_stranger)
{
    uint16_t port = 0;
    cr_assert_eq(ps_links_pair_open(linked_nodes[0].links, &port), P2PSYNC_OK);
    cr_assert_eq(linked_dial(&linked_nodes[2], &linked_nodes[0].device, port), P2PSYNC_OK);
    uint64_t until_ms = linked_now_ms() + LINKED_DEADLINE_MS;
    struct ps_link_event event = {0};
    while (event.type != PS_LINK_DOWN) {
        cr_assert_lt(linked_now_ms(), until_ms, "it is not cut off");
        (void)!ps_links_send(linked_nodes[2].links, LINKED_LINK, ps_bytes_text("join"));
        struct pollfd item = {.fd = ps_links_fd(linked_nodes[2].links), .events = POLLIN};
        (void)poll(&item, 1, 10);
        while (event.type != PS_LINK_DOWN && !ps_links_next(linked_nodes[2].links, &event)) {
        }
    }
    size_t count = 0;
    while (!ps_links_next(linked_nodes[0].links, &event)) {
        cr_assert_eq(event.type, PS_LINK_PAIR_MESSAGE);
        count++;
    }
    cr_assert_eq(count, STRANGER_MAX);
}

/* So many that connect and say nothing: few of them are kept, and for that others are not given up,
 * not even one that is older and says nothing either. */
static void crowd(int *idle, size_t count, uint16_t port, size_t kept)
{
    int older = connect_from(2, port);
    for (size_t i = 0; i < 2 * kept; i++) {
        idle[i] = connect_from(1, port);
    }
    await_open(idle, 2 * kept, kept);
    cr_assert_eq(count_open(&older, 1), 1, "all were given up alike");
    (void)close(older);
    for (size_t i = 2 * kept; i < count; i++) {
        idle[i] = connect_from(1, port);
    }
    await_open(idle, count, kept);
}

/* A thousand, at either door. Who has a key comes in beside them. */
Test(test_links_crowds, keeps_few_of_those_who_connect_and_say_nothing)
{
    static int idle[IDLE_MAX];
    static int pairing[IDLE_MAX];
    uint16_t port = 0;
    cr_assert_eq(ps_links_pair_open(linked_nodes[0].links, &port), P2PSYNC_OK);
    crowd(pairing, IDLE_MAX, port, PS_SILENT_PAIR_MAX / PS_SILENT_PART);
    crowd(idle, IDLE_MAX, ps_links_port(linked_nodes[0].links), PS_SILENT_MAX / PS_SILENT_PART);
    linked_connect_both();
    cr_assert_eq(linked_dial(&linked_nodes[2], &linked_nodes[0].device, port), P2PSYNC_OK);
    linked_await(&linked_nodes[2], PS_LINK_UP);
    cr_assert_eq(ps_links_send(linked_nodes[2].links, LINKED_LINK, ps_bytes_text("join")),
                 P2PSYNC_OK);
    cr_assert_str_eq(linked_await(&linked_nodes[0], PS_LINK_PAIR_MESSAGE)->text, "join");
    await_open(idle, IDLE_MAX, 0);
    await_open(pairing, IDLE_MAX, 0);
    close_all(idle, IDLE_MAX);
    close_all(pairing, IDLE_MAX);
}

/* Whoever has not said who it is may claim a message of any size, and send it. It is cut off before
 * one that came earlier and is only silent. */
Test(test_links_crowds, takes_little_of_who_has_not_said_who_it_is)
{
    static const uint8_t greeting[64] = {0xff, 0, 0, 0,   0,   0,   0,   0,  1,
                                         0x7f, 3, 1, 'C', 'U', 'R', 'V', 'E'};
    static const uint8_t claim[] = {0x02, 0, 0, 0, 0, 0, 0x13, 0x88, 0};
    static const uint8_t bytes[65536];
    int silent = connect_from(1, ps_links_port(linked_nodes[0].links));
    int fd = connect_from(1, ps_links_port(linked_nodes[0].links));
    cr_assert_eq(send(fd, greeting, sizeof greeting, MSG_NOSIGNAL), (ssize_t)sizeof greeting);
    cr_assert_eq(send(fd, claim, sizeof claim, MSG_NOSIGNAL), (ssize_t)sizeof claim);
    size_t sent = 0;
    while (sent < 2 * sizeof bytes) {
        ssize_t size = send(fd, bytes, sizeof bytes, MSG_NOSIGNAL);
        if (size < 0) {
            break;
        }
        sent += (size_t)size;
    }
    await_open(&fd, 1, 0);
    cr_assert_eq(count_open(&silent, 1), 1, "it has had all the time of the silent");
    close(fd);
    close(silent);
}
