/* Peers to which large packets vanish: what the links found is told, kept over their ends, and
 * forgotten. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/sim/script.h"

#define net sim_script

static unsigned puppet;

static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

static void setup(void)
{
    sim_script_begin(1);
    puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    play(1000);
}

TestSuite(test_engine_stalls, .init = setup, .fini = sim_script_end, .timeout = 120);

static void tell(ps_event_type type)
{
    struct ps_event event = {.type = type, .device = net.nodes[puppet].identity.device};
    sim_node_step(&net, 0, &event, 1);
}

static const char *alert(void)
{
    static struct ps_peer_info info;
    cr_assert(sim_node_peer(&net, 0, puppet, &info));
    return info.stall;
}

Test(test_engine_stalls, are_told_once_and_outlive_links)
{
    cr_assert_str_empty(alert());
    tell(PS_EVENT_LINK_STALLED);
    tell(PS_EVENT_LINK_STALLED);
    cr_assert_not_null(strstr(alert(), "large packets to puppet"), "%s", alert());
    cr_assert_eq(net.nodes[0].told[P2PSYNC_EVENT_ERROR], 1);
    sim_link_cut_all(&net, 0);
    play(60000);
    cr_assert_str_not_empty(alert());
}

Test(test_engine_stalls, end_when_large_packets_pass)
{
    tell(PS_EVENT_LINK_PASSES);
    cr_assert_str_empty(alert());
    tell(PS_EVENT_LINK_STALLED);
    tell(PS_EVENT_LINK_PASSES);
    cr_assert_str_empty(alert());
    tell(PS_EVENT_LINK_STALLED);
    cr_assert_eq(net.nodes[0].told[P2PSYNC_EVENT_ERROR], 2, "it is another one");
}

Test(test_engine_stalls, end_in_sync)
{
    tell(PS_EVENT_LINK_STALLED);
    struct ps_hello hello = sim_script_hello(puppet);
    hello.state = sim_state(&net, 0);
    sim_script_send_hello(puppet, sim_link_open(&net, puppet, 0), &hello);
    play(1000);
    cr_assert_str_empty(alert());
}

Test(test_engine_stalls, are_forgotten_when_they_are_not_met_for_long)
{
    tell(PS_EVENT_LINK_STALLED);
    play(300000);
    tell(PS_EVENT_LINK_STALLED);
    play(400000);
    cr_assert_str_not_empty(alert());
    play(300000);
    cr_assert_str_empty(alert());
}

Test(test_engine_stalls, of_who_is_no_member_are_nothing)
{
    struct ps_event event = {.type = PS_EVENT_LINK_STALLED};
    sim_node_step(&net, 0, &event, 1);
    cr_assert_str_empty(alert());
}
