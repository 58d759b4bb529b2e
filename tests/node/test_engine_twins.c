/* Two nodes with the key of one device, met by one of them, or by others. The part of the second is
 * played by a puppet. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/script.h"

#define net sim_script

static unsigned puppet;

TestSuite(test_engine_twins, .fini = sim_script_end, .timeout = 120);

static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

/* A network of device 0, and of a puppet with the same key. */
static void begin_with_twin(void)
{
    sim_script_begin(1);
    puppet = sim_node_add_puppet(&net);
    net.nodes[puppet].identity = net.nodes[0].identity;
    play(1000);
}

static void begin_with_peer(void)
{
    sim_script_begin(1);
    puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    play(1000);
}

/* Let device 0 hear a beacon with its own tag, from where node `from` is. */
static void hear_own(unsigned from)
{
    char address[32];
    int size = snprintf(address, sizeof address, "10.0.0.%u:47470", from);
    struct ps_event event = {
        .type = PS_EVENT_BEACON_HEARD,
        .nonce = 77,
        .tag = ps_device_tag(&net.nodes[0].identity.mesh, 77, &net.nodes[0].identity.device),
        .address = ps_bytes(address, (size_t)size),
    };
    sim_node_step(&net, 0, &event, 1);
    play(1000);
}

static const char *alert(void)
{
    static char text[PS_ALERT_SIZE];
    ps_engine_alert(net.nodes[0].engine, text);
    return text;
}

static const char *alert_of_puppet(void)
{
    static struct ps_peer_info info;
    cr_assert(sim_node_peer(&net, 0, puppet, &info));
    return info.alert;
}

/* The puppet says HELLO as the run `instance`, which has a link of its own. */
static void say_hello(uint64_t instance)
{
    struct ps_hello hello = sim_script_hello(puppet);
    hello.instance = instance;
    sim_script_send_hello(puppet, sim_link_open(&net, puppet, 0), &hello);
    play(1000);
}

Test(test_engine_twins, are_looked_for_where_a_beacon_with_our_own_tag_comes_from)
{
    begin_with_twin();
    hear_own(puppet);
    const struct sim_capture *captured = sim_script_newest(puppet, PS_MESSAGE_HELLO);
    cr_assert_not_null(captured);
    cr_assert_str_empty(alert(), "a beacon proves nothing, nor does who is connected");
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, captured->link, &hello);
    play(1000);
    cr_assert_not_null(strstr(alert(), "another device runs with this one's key at 10.0.0."));
    cr_assert_eq(net.nodes[0].told[P2PSYNC_EVENT_ERROR], 1);
}

Test(test_engine_twins, are_not_made_of_a_beacon_that_was_replayed)
{
    begin_with_twin();
    hear_own(puppet + 1); /* where nobody is */
    play(30000);
    cr_assert_str_empty(alert());
    hear_own(puppet);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_HELLO), 0, "one look a minute");
}

Test(test_engine_twins, are_not_made_of_this_node_itself)
{
    sim_script_begin(1);
    play(1000);
    hear_own(0);
    cr_assert_eq(net.link_count, 1, "it has dialled itself");
    play(30000);
    cr_assert_str_empty(alert());
    cr_assert_eq(sim_link_count(&net, 0, 0), 0);
}

Test(test_engine_twins, are_told_by_who_dials_us_with_our_own_key)
{
    begin_with_twin();
    say_hello(1);
    cr_assert_not_null(strstr(alert(), "10.0.0."), "%s", alert());
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_HELLO), 1, "so that it knows, too");
}

Test(test_engine_twins, are_forgotten_when_they_are_not_met_for_long)
{
    begin_with_twin();
    say_hello(1);
    play(300000);
    cr_assert_str_not_empty(alert());
    play(400000);
    cr_assert_str_empty(alert());
}

Test(test_engine_twins, of_a_peer_are_runs_that_come_in_turn)
{
    begin_with_peer();
    say_hello(1);
    say_hello(2);
    say_hello(1);
    cr_assert_str_empty(alert_of_puppet(), "its last HELLO may have come late");
    say_hello(2);
    cr_assert_not_null(strstr(alert_of_puppet(), "two devices run with the key of puppet: at "));
    const struct sim_capture *captured = sim_script_newest(puppet, PS_MESSAGE_ERROR);
    struct ps_error error;
    cr_assert_eq(ps_error_decode(ps_buf_view(&captured->bytes), &error), P2PSYNC_OK);
    cr_assert_eq(error.code, PS_ERROR_TWIN);
}

Test(test_engine_twins, are_not_made_of_a_device_that_starts_anew)
{
    begin_with_peer();
    for (uint64_t i = 1; i < 20; i++) {
        say_hello(i);
        say_hello(i);
    }
    cr_assert_str_empty(alert_of_puppet());
}

/* What another says of us is said to be its word; what it gives as an address is one, or is none.
 */
Test(test_engine_twins, of_ours_are_heard_of_from_others)
{
    begin_with_peer();
    static const struct {
        const char *text;
        const char *alert;
    } words[] = {
        {"<b>here</b>", "puppet says: another device runs with this one's key at another address"},
        {"10.0.0.9:1", "puppet says: another device runs with this one's key at 10.0.0.9:1"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct ps_hello hello = sim_script_hello(puppet);
        struct ps_buf bytes;
        const struct ps_error error = {.code = PS_ERROR_TWIN, .text = ps_bytes_text(words[i].text)};
        size_t link = sim_link_open(&net, puppet, 0);
        hello.instance = i + 1;
        sim_script_send_hello(puppet, link, &hello);
        play(1000);
        ps_buf_init(&bytes, 4096);
        cr_assert_eq(ps_error_encode(&error, &bytes), P2PSYNC_OK);
        sim_link_send_as(&net, puppet, link, ps_buf_view(&bytes));
        ps_buf_deinit(&bytes);
        play(1000);
        cr_assert_str_eq(alert(), words[i].alert);
        play(700000); /* it is forgotten */
        cr_assert_str_empty(alert());
    }
}
