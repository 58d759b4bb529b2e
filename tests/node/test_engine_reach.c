/* Whom the engine dials when a member says of others whatever it likes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/engine/reach.h"
#include "tests/sim/script.h"

#define net       sim_script
#define MADE_UP   12 /* devices, made members by one */
#define MINUTE_MS 60000ULL
#define HOUR_MS   3600000ULL

static unsigned puppet;
static unsigned made_up[MADE_UP];

TestSuite(test_engine_reach, .fini = sim_script_end, .timeout = 300);

static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

/* Device 0, and perhaps honest others, with a member that has made up many more. */
static void begin(unsigned nodes)
{
    sim_script_begin(nodes);
    puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    for (unsigned i = 0; i < MADE_UP; i++) {
        made_up[i] = sim_node_add_puppet(&net);
        sim_mesh_name(&net, 0, made_up[i], "made up");
    }
    play(MINUTE_MS);
}

/* How many dials of device 0 there were ever, and how many are under way. */
static size_t count_dials(bool under_way)
{
    size_t count = 0;
    for (size_t i = 0; i < net.link_count; i++) {
        const struct sim_link *link = &net.links[i];
        count += link->dialler == 0 && (!under_way || (!link->ended[0] && !link->up)) ? 1 : 0;
    }
    return count;
}

/* The member says HELLO, with this of itself (NULL: nothing), and tells of the first `devices` that
 * it made up that each is at eight endpoints: `before`, a number, `after`. */
static void tell(unsigned devices, const char *before, const char *after, const char *listen)
{
    static char texts[MADE_UP][PS_ENDPOINTS_MAX][64];
    struct ps_peer_endpoints items[MADE_UP];
    struct ps_buf bytes;
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    if (listen != NULL) {
        hello.listen[0] = ps_bytes_text(listen);
        hello.listen_count = 1;
    }
    sim_script_send_hello(puppet, link, &hello);
    for (unsigned i = 0; i < devices; i++) {
        items[i].device = net.nodes[made_up[i]].identity.device;
        items[i].endpoint_count = PS_ENDPOINTS_MAX;
        for (unsigned k = 0; k < PS_ENDPOINTS_MAX; k++) {
            (void)snprintf(texts[i][k], sizeof texts[i][k], "%s%u%s", before, 100 + i * 8 + k,
                           after);
            items[i].endpoints[k] = ps_bytes_text(texts[i][k]);
        }
    }
    ps_buf_init(&bytes, PS_MESSAGE_SIZE_MAX);
    cr_assert_eq(ps_peers_encode(items, devices, &bytes), P2PSYNC_OK);
    sim_link_send_as(&net, puppet, link, ps_buf_view(&bytes));
    ps_buf_deinit(&bytes);
}

/* A member that says HELLO and tells of one device that it is at one endpoint. */
static void tell_one(unsigned by, unsigned of, const char *endpoint)
{
    struct ps_buf bytes;
    size_t link = sim_link_open(&net, by, 0);
    struct ps_hello hello = sim_script_hello(by);
    const struct ps_peer_endpoints item = {.device = net.nodes[of].identity.device,
                                           .endpoints = {ps_bytes_text(endpoint)},
                                           .endpoint_count = 1};
    sim_script_send_hello(by, link, &hello);
    ps_buf_init(&bytes, PS_MESSAGE_SIZE_MAX);
    cr_assert_eq(ps_peers_encode(&item, 1, &bytes), P2PSYNC_OK);
    sim_link_send_as(&net, by, link, ps_buf_view(&bytes));
    ps_buf_deinit(&bytes);
    play(1000);
}

/* Whether device 0 has dialled that endpoint. */
static bool was_dialled(const char *endpoint)
{
    bool was = false;
    for (size_t i = 0; i < net.link_count; i++) {
        was = was || (net.links[i].dialler == 0 && strcmp(net.links[i].endpoint, endpoint) == 0);
    }
    return was;
}

Test(test_engine_reach, dials_few_at_once_and_few_a_second)
{
    begin(1);
    size_t before = count_dials(false);
    tell(MADE_UP, "10.0.0.", ":9", NULL);
    for (unsigned i = 1; i <= 300; i++) {
        play(100);
        cr_assert_leq(count_dials(true), PS_DIALS_MAX);
        cr_assert_leq(count_dials(false) - before, PS_DIALS_RATE + PS_DIALS_RATE * i / 10);
    }
    cr_assert_gt(count_dials(false) - before, PS_DIALS_MAX, "it has tried none");
}

/* End all dials of device 0 that are under way. */
static void refuse_dials(void)
{
    for (size_t i = 0; i < net.link_count; i++) {
        const struct sim_link *link = &net.links[i];
        struct sim_packet down = {
            .kind = SIM_PACKET_DOWN, .node = 0, .link = i, .epoch = link->epoch[0]};
        if (link->dialler == 0 && !link->ended[0] && !link->up) {
            sim_plan(&net, 0, &down);
        }
    }
}

/* Those that fail at once are not under way for long, and few a second all the same. */
Test(test_engine_reach, dials_few_a_second_where_each_is_refused_at_once)
{
    begin(1);
    size_t before = count_dials(false);
    tell(MADE_UP, "10.0.0.", ":9", NULL);
    for (unsigned i = 1; i <= 300; i++) {
        play(10);
        refuse_dials();
        cr_assert_leq(count_dials(false) - before, PS_DIALS_RATE + PS_DIALS_RATE * i / 100);
    }
    cr_assert_gt(count_dials(false) - before, PS_DIALS_RATE, "it does not go on");
}

/* An uninvolved host, in a network where no member ever was. */
Test(test_engine_reach, dials_elsewhere_once_an_hour)
{
    begin(1);
    size_t before = count_dials(false);
    tell(MADE_UP, "192.0.2.", ":9", NULL);
    play(MINUTE_MS);
    cr_assert_eq(count_dials(false) - before, 1);
    play(3 * HOUR_MS);
    cr_assert_leq(count_dials(false) - before, 4);
    cr_assert_geq(count_dials(false) - before, 3, "it never tries again");
}

/* What an honest member tells is tried, however much another one makes up: of other devices, or of
 * the very one that the honest member tells of, before it and after it. */
Test(test_engine_reach, tries_what_each_member_tells_in_turn)
{
    begin(1);
    unsigned honest = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, honest, "honest");
    play(MINUTE_MS);
    tell(MADE_UP, "192.0.2.", ":9", NULL);
    play(MINUTE_MS);
    tell_one(puppet, made_up[0], "198.51.100.7:9");
    tell_one(honest, made_up[0], "198.51.100.7:9");
    tell(MADE_UP, "203.0.113.", ":9", NULL);
    size_t before = count_dials(false);
    play(2 * HOUR_MS + MINUTE_MS);
    cr_assert(was_dialled("198.51.100.7:9"));
    cr_assert_leq(count_dials(false) - before, 3, "more than one an hour");
    play(8 * HOUR_MS);
    cr_assert_leq(count_dials(false) - before, 11);
}

Test(test_engine_reach, looks_up_no_name_that_others_tell)
{
    begin(1);
    size_t before = count_dials(false);
    tell(MADE_UP, "host-", ".example:9", "victim.example:9");
    play(MINUTE_MS);
    sim_link_cut_all(&net, puppet);
    play(HOUR_MS);
    cr_assert_eq(count_dials(false), before);
}

Test(test_engine_reach, dials_nothing_of_this_machine_for_others)
{
    begin(1);
    size_t before = count_dials(false);
    tell(MADE_UP, "127.0.0.1:", "", "127.0.0.1:22");
    play(MINUTE_MS);
    sim_link_cut_all(&net, puppet);
    play(HOUR_MS);
    cr_assert_eq(count_dials(false), before);
}

/* A device that nobody has ever met. */
Test(test_engine_reach, gives_up_slowly_who_was_never_reached)
{
    begin(1);
    tell(1, "10.0.0.", ":9", NULL);
    play(3 * HOUR_MS);
    size_t before = count_dials(false);
    play(6 * HOUR_MS);
    size_t later = count_dials(false) - before;
    cr_assert_leq(later, (size_t)8 * PS_ENDPOINTS_MAX);
    cr_assert_geq(later, PS_ENDPOINTS_MAX, "it is given up for ever");
}

/* Networks that this device is not on, but where a member is that has proved its key. */
Test(test_engine_reach, dials_around_where_a_member_has_proved_its_key)
{
    begin(1);
    ps_engine_networks(net.nodes[0].engine, NULL, 0);
    size_t before = count_dials(false);
    tell(2, "10.0.0.", ":9", NULL); /* it comes from there itself */
    play(MINUTE_MS);
    cr_assert_geq(count_dials(false) - before, 2UL * PS_ENDPOINTS_MAX);
}

/* What the member says of itself is no proof that it is there, after a restart either. */
Test(test_engine_reach, takes_nobody_at_its_word_after_a_restart)
{
    begin(1);
    tell(0, "", "", "192.0.2.7:9");
    play(MINUTE_MS);
    sim_node_stop(&net, 0);
    sim_node_start(&net, 0);
    play(MINUTE_MS);
    size_t before = count_dials(false);
    tell(MADE_UP, "192.0.2.", ":9", NULL);
    play(MINUTE_MS);
    cr_assert_leq(count_dials(false) - before, 1);
}

/* But where it was reached before a restart is. */
Test(test_engine_reach, remembers_over_a_restart_where_a_member_was_reached)
{
    struct ps_peer_row row = {.endpoint_count = 2,
                              .worked_count = 1,
                              .endpoints = {"192.0.2.7:9", "198.51.100.7:9"},
                              .found_by = {PS_FOUND_BEACON, PS_FOUND_PEERS},
                              .last_seen_ms = SIM_WALL_MS};
    struct ps_txn txn = {0};
    begin(1);
    sim_node_stop(&net, 0);
    cr_assert_eq(ps_txn_begin(net.nodes[0].store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_mesh_peer_write(&txn, &net.nodes[puppet].identity.device, &row), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    sim_node_start(&net, 0);
    size_t before = count_dials(false);
    tell(MADE_UP, "192.0.2.", ":9", NULL);
    play(MINUTE_MS);
    cr_assert_geq(count_dials(false) - before, 2UL * PS_ENDPOINTS_MAX);
}

/* Two honest devices that have not met find each other while a member has one of them dial. */
Test(test_engine_reach, finds_honest_devices_meanwhile)
{
    begin(2);
    cr_assert(sim_script_settle(MINUTE_MS));
    tell(MADE_UP, "10.0.0.", ":9", NULL);
    play(1000);
    for (unsigned i = 0; i < 5; i++) {
        sim_link_cut_all(&net, 1);
        sim_put(&net, 0, "notes", "a", i);
        cr_assert(sim_script_settle(2 * MINUTE_MS));
    }
}
