/* Links: what they carry, whom they admit, and how they end. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "linked.h"
#include "node/links/links.h"
#include "node/links/socket.h"

TestSuite(test_links, .init = linked_setup, .fini = linked_teardown);

Test(test_links, carries_messages_both_ways_between_authenticated_devices)
{
    linked_dial_up(&linked_nodes[1]);
    cr_assert_eq(ps_links_send(linked_nodes[1].links, LINKED_LINK, ps_bytes_text("ping")),
                 P2PSYNC_OK);

    const struct linked_told *up = linked_await(&linked_nodes[0], PS_LINK_UP);
    const struct linked_told *ping = linked_await(&linked_nodes[0], PS_LINK_MESSAGE);
    cr_assert(up->event.link & PS_LINK_ACCEPTED);
    cr_assert(ps_device_equal(&up->event.device, &linked_nodes[1].device));
    cr_assert_eq(ping->event.link, up->event.link);
    cr_assert(ps_device_equal(&ping->event.device, &linked_nodes[1].device));
    cr_assert_str_eq(ping->event.address, "127.0.0.1");
    cr_assert_str_eq(ping->text, "ping");

    cr_assert_eq(ps_links_send(linked_nodes[0].links, up->event.link, ps_bytes_text("pong")),
                 P2PSYNC_OK);
    const struct linked_told *pong = linked_await(&linked_nodes[1], PS_LINK_MESSAGE);
    cr_assert_eq(pong->event.link, LINKED_LINK);
    cr_assert(ps_device_equal(&pong->event.device, &linked_nodes[0].device));
    cr_assert_str_eq(pong->text, "pong");
}

Test(test_links, refuses_a_stranger_and_tells_it)
{
    cr_assert_eq(linked_dial(&linked_nodes[2], &linked_nodes[0].device,
                             ps_links_port(linked_nodes[0].links)),
                 P2PSYNC_OK);
    cr_assert_eq(linked_await(&linked_nodes[2], PS_LINK_DOWN)->event.reason, PS_LINK_REFUSED);
    cr_assert_eq(ps_links_send(linked_nodes[2].links, LINKED_LINK, ps_bytes_text("x")),
                 P2PSYNC_EUNREACHABLE);
    cr_assert_eq(linked_nodes[0].told_count, 0);
}

Test(test_links, admits_a_device_only_while_it_is_allowed)
{
    cr_assert_eq(ps_links_allow(linked_nodes[0].links, &linked_nodes[2].device, 1), P2PSYNC_OK);
    linked_dial_up(&linked_nodes[2]);
    cr_assert_eq(linked_dial(&linked_nodes[1], &linked_nodes[0].device,
                             ps_links_port(linked_nodes[0].links)),
                 P2PSYNC_OK);
    cr_assert_eq(linked_await(&linked_nodes[1], PS_LINK_DOWN)->event.reason, PS_LINK_REFUSED);
}

Test(test_links, allows_no_more_devices_than_a_mesh_has)
{
    static struct ps_device devices[PS_MEMBERS_MAX + 1];
    cr_assert_eq(ps_links_allow(linked_nodes[0].links, devices, PS_MEMBERS_MAX + 1),
                 P2PSYNC_ELIMIT);
    linked_dial_up(&linked_nodes[1]);
}

Test(test_links, takes_down_a_link_to_somebody_else)
{
    cr_assert_eq(linked_dial(&linked_nodes[1], &linked_nodes[2].device,
                             ps_links_port(linked_nodes[0].links)),
                 P2PSYNC_OK);
    cr_assert_eq(linked_await(&linked_nodes[1], PS_LINK_DOWN)->event.reason, PS_LINK_HANDSHAKE);
}

/* A port that is bound refuses connections until somebody listens, and nobody else gets it. */
Test(test_links, takes_down_a_link_to_where_nobody_listens)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, size), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    cr_assert_eq(linked_dial(&linked_nodes[1], &linked_nodes[0].device, ntohs(address.sin_port)),
                 P2PSYNC_OK);
    cr_assert_eq(linked_await(&linked_nodes[1], PS_LINK_DOWN)->event.reason, PS_LINK_UNREACHABLE);
    close(fd);
}

Test(test_links, rejects_a_device_that_is_no_point_of_the_curve)
{
    const struct ps_device nobody = {{1}};
    cr_assert_eq(ps_links_dial(linked_nodes[1].links, LINKED_LINK, &nobody, "127.0.0.1:1"),
                 P2PSYNC_EFORMAT);
}

Test(test_links, tells_the_accepted_side_when_the_dialler_ends)
{
    uint64_t link = linked_connect_both();
    ps_links_destroy(&linked_nodes[1].links);
    const struct linked_told *down = linked_await(&linked_nodes[0], PS_LINK_DOWN);
    cr_assert_eq(down->event.link, link);
    cr_assert(ps_device_equal(&down->event.device, &linked_nodes[1].device));
    cr_assert_eq(ps_links_send(linked_nodes[0].links, link, ps_bytes_text("x")),
                 P2PSYNC_EUNREACHABLE);
}

Test(test_links, tells_the_dialler_when_the_accepted_side_ends)
{
    linked_connect_both();
    ps_links_destroy(&linked_nodes[0].links);
    cr_assert_eq(linked_await(&linked_nodes[1], PS_LINK_DOWN)->event.reason, PS_LINK_CLOSED);
}

Test(test_links, delivers_a_goodbye_before_the_end)
{
    uint64_t link = linked_connect_both();
    cr_assert_eq(ps_links_send(linked_nodes[1].links, LINKED_LINK, ps_bytes_text("bye")),
                 P2PSYNC_OK);
    ps_links_hangup(linked_nodes[1].links, LINKED_LINK);
    cr_assert_str_eq(linked_await(&linked_nodes[0], PS_LINK_MESSAGE)->text, "bye");
    cr_assert_eq(linked_await(&linked_nodes[0], PS_LINK_DOWN)->event.link, link);
    cr_assert_eq(linked_nodes[1].told_count, 1, "a hangup of one's own is not told");
}

Test(test_links, drops_what_comes_on_a_hung_up_accepted_link)
{
    uint64_t link = linked_connect_both();
    ps_links_hangup(linked_nodes[0].links, link);
    cr_assert_eq(ps_links_send(linked_nodes[0].links, link, ps_bytes_text("x")),
                 P2PSYNC_EUNREACHABLE);
    cr_assert_eq(ps_links_send(linked_nodes[1].links, LINKED_LINK, ps_bytes_text("ignored")),
                 P2PSYNC_OK);
    ps_links_hangup(linked_nodes[1].links, LINKED_LINK);
    linked_connect_both();
}

/* To one who does not read. */
Test(test_links, gives_eagain_instead_of_waiting_when_a_queue_is_full)
{
    static const uint8_t bytes[64 * 1024];
    uint8_t id[32];
    uint16_t port = 0;
    void *context = zmq_ctx_new();
    void *dealer = linked_raw_dealer(context, NULL, 0);
    zmq_send(dealer, "hello", 5, 0);
    uint64_t link = linked_await(&linked_nodes[0], PS_LINK_UP)->event.link;
    void *router = linked_raw_router(context, 0, &port);
    (void)linked_raw_router_accept(router, port, id);
    p2psync_result dialled = P2PSYNC_OK;
    p2psync_result accepted = P2PSYNC_OK;
    for (int i = 0; i < 100000 && !dialled; i++) {
        dialled = ps_links_send(linked_nodes[1].links, LINKED_LINK, ps_bytes(bytes, sizeof bytes));
    }
    for (int i = 0; i < 100000 && !accepted; i++) {
        accepted = ps_links_send(linked_nodes[0].links, link, ps_bytes(bytes, sizeof bytes));
    }
    cr_assert_eq(dialled, P2PSYNC_EAGAIN);
    cr_assert_eq(accepted, P2PSYNC_EAGAIN);
    zmq_close(dealer);
    zmq_close(router);
    zmq_ctx_term(context);
}

Test(test_links, carries_the_largest_message_and_sends_none_above)
{
    static const uint8_t bytes[PS_MESSAGE_SIZE_MAX + 1];
    linked_connect_both();
    cr_assert_eq(
        ps_links_send(linked_nodes[1].links, LINKED_LINK, ps_bytes(bytes, PS_MESSAGE_SIZE_MAX)),
        P2PSYNC_OK);
    cr_assert_eq(ps_links_send(linked_nodes[1].links, LINKED_LINK, ps_bytes(bytes, sizeof bytes)),
                 P2PSYNC_ELIMIT);
    cr_assert_eq(linked_await(&linked_nodes[0], PS_LINK_MESSAGE)->event.bytes.size,
                 PS_MESSAGE_SIZE_MAX);
}

/* A peer that sends more than is allowed loses its connection, and the message is not told. */
Test(test_links, cuts_off_a_peer_that_sends_an_oversized_message)
{
    static const uint8_t bytes[2 * PS_MESSAGE_SIZE_MAX];
    void *context = zmq_ctx_new();
    void *dealer = linked_raw_dealer(context, NULL, 0);
    zmq_send(dealer, "first", 5, 0);
    linked_await(&linked_nodes[0], PS_LINK_UP);
    linked_await(&linked_nodes[0], PS_LINK_MESSAGE);
    zmq_send(dealer, bytes, sizeof bytes, 0);
    linked_await(&linked_nodes[0], PS_LINK_DOWN);
    zmq_close(dealer);
    zmq_ctx_term(context);
}

Test(test_links, drops_empty_messages_and_messages_of_several_parts)
{
    void *context = zmq_ctx_new();
    void *dealer = linked_raw_dealer(context, NULL, 0);
    zmq_send(dealer, "", 0, 0);
    zmq_send(dealer, "one", 3, ZMQ_SNDMORE);
    zmq_send(dealer, "two", 3, 0);
    zmq_send(dealer, "whole", 5, 0);
    linked_await(&linked_nodes[0], PS_LINK_UP);
    cr_assert_str_eq(linked_await(&linked_nodes[0], PS_LINK_MESSAGE)->text, "whole");
    zmq_close(dealer);
    zmq_ctx_term(context);
}

/* A routing id that the peer chose could be that of another link. Nothing of it is told, and it is
 * as good as silent. */
Test(test_links, serves_no_connection_that_names_itself)
{
    static const uint8_t bytes[64 * 1024];
    void *context = zmq_ctx_new();
    void *named = linked_raw_dealer(context, "peer1", 5);
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    cr_assert_eq(zmq_socket_monitor(named, "inproc://end", ZMQ_EVENT_DISCONNECTED), 0);
    cr_assert_eq(zmq_connect(monitor, "inproc://end"), 0);
    zmq_pollitem_t end = {.socket = monitor, .events = ZMQ_POLLIN};
    uint64_t until_ms = linked_now_ms() + LINKED_DEADLINE_MS;
    while (zmq_poll(&end, 1, 0) == 0) {
        cr_assert_lt(linked_now_ms(), until_ms, "it is never cut off");
        (void)zmq_send(named, bytes, sizeof bytes, ZMQ_DONTWAIT);
        (void)zmq_recv(named, NULL, 0, ZMQ_DONTWAIT); /* or it is not told of its end */
        linked_turn(linked_now_ms() + 1);
    }
    cr_assert_eq(linked_nodes[0].told_count, 0);
    zmq_close(monitor);
    zmq_close(named);
    zmq_ctx_term(context);
}

Test(test_links, takes_another_port_unless_it_was_asked_for)
{
    uint16_t taken = ps_links_port(linked_nodes[0].links);
    struct ps_links *links = NULL;
    struct ps_links_options options = {.secret_key = linked_nodes[2].secret_key,
                                       .bind = true,
                                       .port_fixed = true,
                                       .port = taken,
                                       .host = "127.0.0.1"};
    cr_assert_eq(ps_links_new(&options, &links), P2PSYNC_EADDRINUSE);
    options.port_fixed = false;
    cr_assert_eq(ps_links_new(&options, &links), P2PSYNC_OK);
    cr_assert_neq(ps_links_port(links), taken);
    cr_assert_neq(ps_links_port(links), 0);
    ps_links_destroy(&links);
}

Test(test_links, rejects_hosts_that_are_not_of_this_machine)
{
    struct ps_links *links = NULL;
    struct ps_links_options options = {
        .secret_key = linked_nodes[2].secret_key, .bind = true, .host = "192.0.2.1"};
    cr_assert_eq(ps_links_new(&options, &links), P2PSYNC_ENOTFOUND);
    options.host = "";
    cr_assert_eq(ps_links_new(&options, &links), P2PSYNC_EFORMAT);
    cr_assert_null(links);
}

Test(test_links, dials_no_more_than_its_limit)
{
    for (uint64_t i = 0; i < PS_LINKS_DIALLED_MAX; i++) {
        cr_assert_eq(
            ps_links_dial(linked_nodes[1].links, i, &linked_nodes[0].device, "127.0.0.1:1"),
            P2PSYNC_OK);
    }
    cr_assert_eq(ps_links_dial(linked_nodes[1].links, PS_LINKS_DIALLED_MAX, &linked_nodes[0].device,
                               "127.0.0.1:1"),
                 P2PSYNC_ELIMIT);
}

Test(test_links, pairs_with_a_stranger_under_the_key_it_proved)
{
    uint16_t port = 0;
    uint8_t curve_key[PS_CURVE_KEY_SIZE];
    cr_assert_eq(ps_links_pair_open(linked_nodes[0].links, &port), P2PSYNC_OK);
    cr_assert_eq(crypto_sign_ed25519_pk_to_curve25519(curve_key, linked_nodes[2].device.key), 0);
    cr_assert_eq(linked_dial(&linked_nodes[2], &linked_nodes[0].device, port), P2PSYNC_OK);
    linked_await(&linked_nodes[2], PS_LINK_UP);
    cr_assert_eq(ps_links_send(linked_nodes[2].links, LINKED_LINK, ps_bytes_text("join")),
                 P2PSYNC_OK);

    const struct linked_told *join = linked_await(&linked_nodes[0], PS_LINK_PAIR_MESSAGE);
    cr_assert_str_eq(join->text, "join");
    cr_assert_arr_eq(join->event.curve_key, curve_key, sizeof curve_key);
    cr_assert_str_eq(join->event.address, "127.0.0.1");

    cr_assert_eq(
        ps_links_pair_send(linked_nodes[0].links, join->event.link, ps_bytes_text("welcome")),
        P2PSYNC_OK);
    ps_links_pair_close(linked_nodes[0].links);
    cr_assert_str_eq(linked_await(&linked_nodes[2], PS_LINK_MESSAGE)->text, "welcome");
    linked_await(&linked_nodes[2], PS_LINK_DOWN);
}

/* A firewall may let in that port alone. */
Test(test_links, an_invite_in_the_place_of_another_has_the_same_port)
{
    uint16_t first = 0;
    uint16_t port = 0;
    cr_assert_eq(ps_links_pair_open(linked_nodes[0].links, &first), P2PSYNC_OK);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(ps_links_pair_open(linked_nodes[0].links, &port), P2PSYNC_OK);
        cr_assert_eq(port, first);
    }
    cr_assert_eq(linked_dial(&linked_nodes[2], &linked_nodes[0].device, port), P2PSYNC_OK);
    linked_await(&linked_nodes[2], PS_LINK_UP);
}

Test(test_links, does_not_pair_without_listening)
{
    uint16_t port = 0;
    cr_assert_eq(ps_links_pair_open(linked_nodes[1].links, &port), P2PSYNC_EMISUSE);
    cr_assert_eq(ps_links_pair_send(linked_nodes[1].links, LINKED_LINK, ps_bytes_text("x")),
                 P2PSYNC_EUNREACHABLE);
}

Test(test_links, takes_only_plain_endpoints)
{
    static const char *const valid[] = {"127.0.0.1:1", "host.example:65535", "[::1]:47470",
                                        "my_host-2:9", "[fe80::1%wlan0.7]:47470"};
    static const char *const invalid[] = {"",
                                          ":1",
                                          "host",
                                          "host:",
                                          "host:0",
                                          "host:65536",
                                          "host:123456",
                                          "host:1x",
                                          "*:1",
                                          "a;b:1",
                                          "tcp://a:1",
                                          "a b:1",
                                          "::1:47470",
                                          "[]:1",
                                          "[::1:47470",
                                          "[fe80::1%]:1",
                                          "[fe80::1%a;b]:1",
                                          "[::1]2]:1"};
    for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
        cr_assert(ps_socket_endpoint_valid(valid[i]), "%s", valid[i]);
    }
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        cr_assert_not(ps_socket_endpoint_valid(invalid[i]), "%s", invalid[i]);
    }
}
