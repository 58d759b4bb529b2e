/* Links, against who sends more than is taken, and goes away. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

#include "linked.h"
#include "node/links/links.h"
#include "node/links/socket.h"

#define ROUNDS   8
#define FLOOD_MS 400

TestSuite(test_links_floods, .fini = linked_teardown, .timeout = 120);

/* Send so much to one who does not read that its system ends the connection with a reset. */
static void fill(struct linked_node *node, uint64_t link)
{
    static const uint8_t bytes[64 * 1024];
    p2psync_result result = P2PSYNC_OK;
    for (int i = 0; i < 1000 && !result; i++) {
        result = ps_links_send(node->links, link, ps_bytes(bytes, sizeof bytes));
    }
}

/* Take slowly: of what is sent meanwhile there is a PING in every few kilobytes. */
static void take_some(struct linked_node *node)
{
    struct ps_link_event event;
    for (int i = 0; i < 16 && !ps_links_next(node->links, &event); i++) {
        if (node->told_count < LINKED_EVENTS_MAX) {
            node->told[node->told_count++].event = event;
        }
        if (event.type == PS_LINK_MESSAGE) {
            node->told_count--;
        }
    }
    zmq_poll(NULL, 0, 1);
}

/* Take what was told to a node, until it is told that its link is down. */
static void await_down(struct linked_node *node)
{
    uint64_t until_ms = linked_now_ms() + LINKED_DEADLINE_MS;
    bool down = false;
    while (!down) {
        cr_assert_lt(linked_now_ms(), until_ms, "it was never told");
        for (; node->taken < node->told_count; node->taken++) {
            down = down || node->told[node->taken].event.type == PS_LINK_DOWN;
        }
        node->told_count = node->taken = 0;
        if (!down) {
            linked_turn(until_ms);
        }
    }
}

/* Take slowly until the other process has ended, then all, to the link's end. */
static void outlive(struct linked_node *node, pid_t other)
{
    while (waitpid(other, NULL, WNOHANG) == 0) { /* it ends by itself */
        take_some(node);
    }
    await_down(node);
}

/* ---- those who flood ---- */

/* Processes of their own, which libzmq may abort as well. All are begun before this one has a
 * second thread: a thread may hold a lock, of AddressSanitizer's allocator for one, that would be
 * held for ever in what is forked. */
struct flooder {
    pid_t pid;
    int go;    /* to tell it node 0's port, and so to go on */
    int ports; /* from which it tells its own */
};

static struct flooder flooders[ROUNDS];

static bool may_go_on(const struct flooder *flooder)
{
    uint16_t *port = &linked_nodes[0].port;
    return read(flooder->go, port, sizeof *port) == (ssize_t)sizeof *port;
}

/* Floods once it is told that its link is up: one that sends too much before that is never told. */
static void flood_accepted(const struct flooder *flooder)
{
    static const uint8_t bytes[200];
    void *dealer = linked_raw_dealer_pinging(zmq_ctx_new(), NULL, 0, 1);
    zmq_send(dealer, "hello", 5, 0);
    bool goes_on = may_go_on(flooder);
    uint64_t until_ms = linked_now_ms() + FLOOD_MS;
    while (goes_on && linked_now_ms() < until_ms) {
        (void)zmq_send(dealer, bytes, sizeof bytes, ZMQ_DONTWAIT);
    }
}

/* The same where it was dialled; tells its port first. */
static void flood_dialler(const struct flooder *flooder)
{
    static const uint8_t bytes[200];
    uint8_t id[32];
    uint16_t port = 0;
    void *router = linked_raw_router(zmq_ctx_new(), 1, &port);
    (void)!write(flooder->ports, &port, sizeof port);
    int id_size = zmq_recv(router, id, sizeof id, 0);
    uint64_t until_ms = linked_now_ms() + FLOOD_MS;
    while (id_size > 0 && linked_now_ms() < until_ms) {
        if (zmq_send(router, id, (size_t)id_size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0) {
            (void)zmq_send(router, bytes, sizeof bytes, ZMQ_DONTWAIT);
        }
    }
}

static void begin(struct flooder *flooder, void (*flood)(const struct flooder *flooder))
{
    int go[2];
    int ports[2];
    cr_assert_eq(pipe(go), 0);
    cr_assert_eq(pipe(ports), 0);
    flooder->pid = fork();
    cr_assert_geq(flooder->pid, 0);
    if (flooder->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        flooder->go = go[0];
        flooder->ports = ports[1];
        if (may_go_on(flooder)) {
            flood(flooder);
        }
        _exit(0);
    }
    (void)close(go[0]);
    (void)close(ports[1]);
    flooder->go = go[1];
    flooder->ports = ports[0];
}

static void begin_all(void (*flood)(const struct flooder *flooder))
{
    linked_identify();
    for (size_t i = 0; i < ROUNDS; i++) {
        begin(&flooders[i], flood);
    }
    linked_setup();
}

static void let_go(const struct flooder *flooder)
{
    uint16_t port = linked_nodes[0].port;
    cr_assert_eq(write(flooder->go, &port, sizeof port), (ssize_t)sizeof port);
}

/* libzmq aborts the process (its issue 4364) if it has stopped reading, the peer goes away, and a
 * PING is among what waits. So it must never stop reading, whoever does not take what comes. */
Test(test_links_floods, survives_who_floods_and_pings_and_goes_away)
{
    begin_all(flood_accepted);
    for (size_t i = 0; i < ROUNDS; i++) {
        let_go(&flooders[i]);
        uint64_t link = linked_await(&linked_nodes[0], PS_LINK_UP)->event.link;
        let_go(&flooders[i]);
        fill(&linked_nodes[0], link);
        outlive(&linked_nodes[0], flooders[i].pid);
    }
}

/* The same on a link that was dialled. */
Test(test_links_floods, survives_being_flooded_and_pinged_and_left_where_it_dialled)
{
    begin_all(flood_dialler);
    for (size_t i = 0; i < ROUNDS; i++) {
        uint16_t port = 0;
        let_go(&flooders[i]);
        cr_assert_eq(read(flooders[i].ports, &port, sizeof port), (ssize_t)sizeof port);
        cr_assert_eq(linked_dial(&linked_nodes[1], &linked_nodes[2].device, port), P2PSYNC_OK);
        linked_await(&linked_nodes[1], PS_LINK_UP);
        cr_assert_eq(ps_links_send(linked_nodes[1].links, LINKED_LINK, ps_bytes_text("hello")),
                     P2PSYNC_OK);
        fill(&linked_nodes[1], LINKED_LINK);
        outlive(&linked_nodes[1], flooders[i].pid);
    }
}

/* ---- those who are bounded ---- */

static size_t allocated(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

/* Nobody takes what comes, as when a commit takes long: who sends too much is hung up on, and what
 * others have sent is told. */
Test(test_links_floods, bounds_what_a_device_may_have_waiting)
{
    static const uint8_t bytes[64 * 1024];
    linked_setup();
    const struct ps_device both[] = {linked_nodes[1].device, linked_nodes[2].device};
    cr_assert_eq(ps_links_allow(linked_nodes[0].links, both, 2), P2PSYNC_OK);
    linked_dial_up(&linked_nodes[2]);
    cr_assert_eq(ps_links_send(linked_nodes[2].links, LINKED_LINK, ps_bytes_text("honest")),
                 P2PSYNC_OK);
    void *context = zmq_ctx_new();
    void *dealer = linked_raw_dealer(context, NULL, 0);
    void *monitor = zmq_socket(context, ZMQ_PAIR);
    cr_assert_eq(zmq_socket_monitor(dealer, "inproc://end", ZMQ_EVENT_DISCONNECTED), 0);
    cr_assert_eq(zmq_connect(monitor, "inproc://end"), 0);
    size_t before = allocated();
    zmq_pollitem_t item = {.socket = monitor, .events = ZMQ_POLLIN};
    uint64_t until_ms = linked_now_ms() + LINKED_DEADLINE_MS;
    size_t most = 0;
    while (zmq_poll(&item, 1, 0) == 0) {
        cr_assert_lt(linked_now_ms(), until_ms, "it is never hung up on");
        (void)zmq_send(dealer, bytes, sizeof bytes, ZMQ_DONTWAIT);
        (void)zmq_recv(dealer, NULL, 0, ZMQ_DONTWAIT); /* or it is not told of its end */
        size_t now = allocated();
        most = now > before + most ? now - before : most;
    }
    /* Beside the device's own: what libzmq's two threads have in their hands. */
    cr_assert_lt(most, 3 * (size_t)PS_PEER_MEMORY_MAX, "%zu bytes", most);
    linked_await(&linked_nodes[0], PS_LINK_UP);
    cr_assert_str_eq(linked_await(&linked_nodes[0], PS_LINK_MESSAGE)->text, "honest");
    zmq_close(monitor);
    zmq_close(dealer);
    zmq_ctx_term(context);
}

/* A device has several links and reads from none: what waits for it here is not a link's bound many
 * times. */
Test(test_links_floods, bounds_what_waits_to_be_sent_to_a_device)
{
    enum { LINKS = 5 };
    static const uint8_t bytes[64 * 1024];
    void *context = zmq_ctx_new();
    void *dealers[LINKS];
    size_t waits = 0;
    linked_setup();
    size_t before = allocated();
    for (size_t i = 0; i < LINKS; i++) {
        dealers[i] = linked_raw_dealer_deaf(context);
        cr_assert_eq(zmq_send(dealers[i], "hello", 5, 0), 5);
        uint64_t link = linked_await(&linked_nodes[0], PS_LINK_UP)->event.link;
        linked_await(&linked_nodes[0], PS_LINK_MESSAGE);
        while (!ps_links_send(linked_nodes[0].links, link, ps_bytes(bytes, sizeof bytes))) {
        }
    }
    waits = allocated() - before;
    cr_assert_lt(waits, 3 * (size_t)PS_PEER_MEMORY_MAX, "%zu bytes", waits);
    for (size_t i = 0; i < LINKS; i++) {
        zmq_close(dealers[i]);
    }
    zmq_ctx_term(context);
}
