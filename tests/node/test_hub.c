/* Links by a clock of the test's own: the sockets are real, and no thread moves them, so that what
 * is due after seconds is due at once, and neither too early nor too late. */
#include <criterion/criterion.h>
#include <poll.h>
#include <string.h>

#include "linked.h"
#include "node/links/hub.h"

#define GONE_MS 10000 /* so long after the last sign of life a peer is gone at the latest */

static struct ps_hub hubs[2]; /* the second one dials the first */
static uint64_t now_ms = 1000000;

static void setup(void)
{
    linked_identify();
    for (size_t i = 0; i < 2; i++) {
        const struct ps_links_options options = {
            .secret_key = linked_nodes[i].secret_key, .bind = i == 0, .host = "127.0.0.1"};
        cr_assert_eq(ps_hub_init(&hubs[i], &options), P2PSYNC_OK);
    }
    cr_assert_eq(ps_zap_allow(&hubs[0].zap, &linked_nodes[1].device, 1), P2PSYNC_OK);
}

static void teardown(void)
{
    ps_hub_deinit(&hubs[1]);
    ps_hub_deinit(&hubs[0]);
}

TestSuite(test_hub, .init = setup, .fini = teardown, .timeout = 120);

/* Whatever is due and has come. */
static void turn(size_t which)
{
    bool more = true;
    ps_hub_polled(&hubs[which], NULL);
    ps_hub_tick(&hubs[which], now_ms);
    while (more) {
        more = ps_hub_receive(&hubs[which], now_ms);
    }
}

/* The next event of one of both; time stands still. */
static struct ps_link_event await(size_t which)
{
    struct ps_link_event event = {.link = 0};
    turn(which);
    while (ps_hub_next(&hubs[which], &event) != P2PSYNC_OK || event.type == PS_LINK_PASSES) {
        struct pollfd items[2 * PS_HUB_POLL_MAX];
        size_t count = ps_hub_poll_items(&hubs[0], items);
        count += ps_hub_poll_items(&hubs[1], items + count);
        (void)poll(items, count, LINKED_DEADLINE_MS);
        turn(0);
        turn(1);
    }
    return event;
}

/* Both are connected, and each has heard the other now, so long after its last heartbeat. Gives the
 * numbers of the link. */
static void connect_both(uint64_t links[static 2], uint64_t after_ms)
{
    char endpoint[32];
    const struct ps_bytes hello = ps_bytes_text("hello");
    (void)snprintf(endpoint, sizeof endpoint, "127.0.0.1:%u", (unsigned)hubs[0].port);
    cr_assert_eq(ps_hub_dial(&hubs[1], LINKED_LINK, &linked_nodes[0].device, endpoint), P2PSYNC_OK);
    cr_assert_eq(await(1).type, PS_LINK_UP);
    links[1] = LINKED_LINK;
    now_ms += after_ms;
    cr_assert_eq(ps_hub_send(&hubs[1], LINKED_LINK, hello), P2PSYNC_OK);
    struct ps_link_event up = await(0);
    cr_assert_eq(up.type, PS_LINK_UP);
    links[0] = up.link;
    cr_assert_eq(await(0).type, PS_LINK_MESSAGE);
    cr_assert_eq(ps_hub_send(&hubs[0], up.link, hello), P2PSYNC_OK);
    cr_assert_eq(await(1).type, PS_LINK_MESSAGE);
}

/* How long after now `which` tells that the other one has gone, which does nothing any more. */
static uint64_t gone_after_ms(size_t which, uint64_t link)
{
    uint64_t begun_ms = now_ms;
    struct ps_link_event event = {.link = 0};
    while (event.type != PS_LINK_DOWN && now_ms - begun_ms <= GONE_MS) {
        turn(which);
        while (event.type != PS_LINK_DOWN && ps_hub_next(&hubs[which], &event) == P2PSYNC_OK) {
        }
        if (event.type != PS_LINK_DOWN) {
            uint64_t due_ms = ps_hub_deadline_ms(&hubs[which]);
            now_ms = due_ms > now_ms ? due_ms : now_ms + 1;
        }
    }
    cr_assert_eq(event.type, PS_LINK_DOWN, "it is still taken for there");
    cr_assert_eq(event.link, link);
    return now_ms - begun_ms;
}

/* Heartbeats are due every two seconds: so the last sign of life is played at any part of that. */
static void vanish_at_any_time(size_t from)
{
    for (uint64_t after_ms = 0; after_ms < 2000; after_ms += 499) {
        uint64_t links[2];
        teardown();
        setup();
        connect_both(links, after_ms);
        uint64_t ms = gone_after_ms(from, links[from]);
        cr_assert_leq(ms, GONE_MS, "%d ms, if it was heard %d ms after a heartbeat", (int)ms,
                      (int)after_ms);
    }
}

Test(test_hub, who_dialled_and_vanished_is_gone_ten_seconds_later)
{
    vanish_at_any_time(0);
}

Test(test_hub, who_was_dialled_and_vanished_is_gone_ten_seconds_later)
{
    vanish_at_any_time(1);
}

Test(test_hub, who_was_suspended_hears_the_others_first)
{
    uint64_t links[2];
    connect_both(links, 0);
    now_ms += UINT64_C(9) * GONE_MS;
    turn(0); /* it has heard nobody for so long */
    cr_assert_eq(ps_hub_send(&hubs[1], links[1], ps_bytes_text("hello")), P2PSYNC_OK);
    cr_assert_eq(await(0).type, PS_LINK_MESSAGE);
}
