/* When a link counts as stalled, and when large packets pass. */
#include <criterion/criterion.h>

#include "node/links/flow.h"

#define BEAT_MS 2000U

static struct ps_flow flow;
static uint64_t now_ms;

static void setup(void)
{
    flow = (struct ps_flow){0};
    now_ms = 1000;
}

TestSuite(test_flow, .init = setup);

/* What is told at the next heartbeat, with the peer heard `quiet_ms` before. */
static ps_flow_news beat(uint64_t acked_bytes, uint32_t under_way, uint32_t timeouts,
                         uint64_t quiet_ms)
{
    const struct ps_flow_sample sample = {acked_bytes, under_way, timeouts};
    now_ms += BEAT_MS;
    return ps_flow_look(&flow, &sample, now_ms - quiet_ms, now_ms);
}

Test(test_flow, is_stalled_where_the_peer_is_heard_and_acknowledges_nothing)
{
    cr_assert_eq(beat(500, 2, 0, 100), PS_FLOW_NONE);
    cr_assert_eq(beat(500, 2, 3, 100), PS_FLOW_NONE, "two seconds may be a slow way");
    cr_assert_eq(beat(500, 2, 4, 100), PS_FLOW_STALLED);
    cr_assert_eq(beat(500, 2, 5, 100), PS_FLOW_NONE, "it is told once");
    cr_assert_eq(beat(501, 1, 0, 100), PS_FLOW_PASSES);
    cr_assert_eq(beat(502, 0, 0, 100), PS_FLOW_NONE, "also once");
}

Test(test_flow, is_not_stalled_where_small_packets_do_not_pass_either)
{
    cr_assert_eq(beat(500, 2, 0, 100), PS_FLOW_NONE);
    for (uint64_t i = 1; i < 5; i++) { /* one heartbeat came after the last acknowledgement */
        cr_assert_eq(beat(500, 2, 5, i * BEAT_MS - 1000), PS_FLOW_NONE);
    }
}

Test(test_flow, is_not_stalled_where_nothing_is_under_way)
{
    for (uint64_t i = 0; i < 5; i++) { /* the peer has no room, or nothing is to be sent */
        cr_assert_eq(beat(500, 0, 5, 100), PS_FLOW_NONE);
    }
}

Test(test_flow, is_not_stalled_where_it_is_slow)
{
    for (uint64_t i = 0; i < 5; i++) {
        cr_assert_eq(beat(500 + i, 9, 5, 100), PS_FLOW_NONE);
    }
    for (uint64_t i = 0; i < 5; i++) { /* nothing was sent again: it waits for its turn */
        cr_assert_eq(beat(505, 9, 2, 100), PS_FLOW_NONE);
    }
}

Test(test_flow, passes_once_much_was_acknowledged)
{
    cr_assert_eq(beat(PS_FLOW_LARGE - 1, 0, 0, 100), PS_FLOW_NONE,
                 "small packets may be that many");
    cr_assert_eq(beat(PS_FLOW_LARGE, 0, 0, 100), PS_FLOW_PASSES);
    cr_assert_eq(beat(2 * (uint64_t)PS_FLOW_LARGE, 0, 0, 100), PS_FLOW_NONE);
}
