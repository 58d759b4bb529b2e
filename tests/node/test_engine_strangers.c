/* The engine against those that do not behave: strangers, nonsense, greed; and pairing, where a
 * stranger becomes a member. Their part is played by puppets. */
#include <criterion/criterion.h>
#include <string.h>

#include "node/engine/transfer.h"
#include "tests/sim/script.h"

#define net sim_script

static unsigned puppet;

static void begin_with_puppet(unsigned nodes, bool member);
static void play(uint64_t ms);
static uint64_t newest_error(void);
static void send_raw(size_t link, const void *bytes, size_t size);

TestSuite(test_engine_strangers, .fini = sim_script_end, .timeout = 120);

static void begin_with_puppet(unsigned nodes, bool member)
{
    sim_script_begin(nodes);
    puppet = sim_node_add_puppet(&net);
    if (member) {
        sim_mesh_name(&net, 0, puppet, "puppet");
    }
    sim_net_run(&net, 60000);
    cr_assert_str_empty(net.failure);
}

static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

/* The code of the newest ERROR that came back; 0: none. */
static uint64_t newest_error(void)
{
    const struct sim_capture *capture = sim_script_newest(puppet, PS_MESSAGE_ERROR);
    struct ps_error error;
    if (capture == NULL || ps_error_decode(ps_buf_view(&capture->bytes), &error) != P2PSYNC_OK) {
        return 0;
    }
    return error.code;
}

static void send_raw(size_t link, const void *bytes, size_t size)
{
    sim_link_send_as(&net, puppet, link, ps_bytes(bytes, size));
}

Test(test_engine_strangers, answers_a_member_that_says_hello)
{
    begin_with_puppet(1, true);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_HELLO), 1);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_ERROR), 0);
}

/* Each HELLO has a reply and PEERS, for whoever sends it; the others hear once of the one place,
 * and not at once of others that it says it is at. */
Test(test_engine_strangers, tells_others_once_where_a_member_is)
{
    char listen[32];
    begin_with_puppet(1, true);
    unsigned other = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, other, "other");
    play(1000);
    size_t ear = sim_link_open(&net, other, 0);
    struct ps_hello hello = sim_script_hello(other);
    sim_script_send_hello(other, ear, &hello);
    play(1000);
    size_t before = sim_script_captured(other, PS_MESSAGE_PEERS);
    size_t link = sim_link_open(&net, puppet, 0);
    hello = sim_script_hello(puppet);
    hello.listen_count = 1;
    for (unsigned i = 0; i < 50; i++) {
        (void)snprintf(listen, sizeof listen, "10.0.0.9:%u", 1000 + i);
        hello.listen[0] = ps_bytes_text(listen);
        sim_script_send_hello(puppet, link, &hello);
        play(100);
    }
    cr_assert_eq(sim_script_captured(other, PS_MESSAGE_PEERS), before + 1);
    play(60000); /* both connections end, because no puppet replies to anything */
    ear = sim_link_open(&net, other, 0);
    struct ps_hello again = sim_script_hello(other);
    sim_script_send_hello(other, ear, &again);
    play(1000);
    before = sim_script_captured(other, PS_MESSAGE_PEERS);
    link = sim_link_open(&net, puppet, 0);
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    cr_assert_eq(sim_script_captured(other, PS_MESSAGE_PEERS), before + 1);
}

/* Whether the newest SUMMARY with short heads names a collection. */
static bool compares(const char *collection)
{
    for (size_t i = net.capture_count; i-- > 0;) {
        const struct sim_capture *capture = &net.captures[i];
        struct ps_summary summary;
        struct ps_cursor cursor;
        struct ps_summary_part part;
        bool found = false;
        if (capture->type != PS_MESSAGE_SUMMARY ||
            ps_summary_decode(ps_buf_view(&capture->bytes), &summary) != P2PSYNC_OK ||
            summary.heads.size == 0 || summary.roots.size > 0) {
            continue;
        }
        (void)ps_message_cursor_begin(&cursor, summary.heads);
        while (ps_summary_next_collection(&cursor, &part)) {
            found = found || ps_bytes_equal(part.name, ps_bytes_text(collection));
        }
        return found;
    }
    return false;
}

static void send_summary(size_t link, const struct ps_summary *summary)
{
    struct ps_buf bytes;
    ps_buf_init(&bytes, 65536);
    cr_assert_eq(ps_summary_encode(summary, &bytes), P2PSYNC_OK);
    sim_link_send_as(&net, puppet, link, ps_buf_view(&bytes));
    ps_buf_deinit(&bytes);
}

/* A member with another `_devices`, which it neither offers nor takes: at first only that is
 * compared, but the rest must not wait for it for ever. */
Test(test_engine_strangers, compares_the_rest_where_devices_differ_for_good)
{
    static const struct ps_hash other = {.bytes = {1}};
    const struct ps_state state = {.common = {.bytes = {1}}};
    struct ps_buf roots;
    struct ps_writer writer;
    begin_with_puppet(1, true);
    sim_put(&net, 0, "notes", "a", 1);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    hello.state = state;
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    ps_buf_init(&roots, 1000);
    ps_writer_init(&writer, &roots);
    ps_write_array(&writer, 2);
    ps_summary_write_root(&writer, ps_bytes_text(PS_DEVICES_COLLECTION), &other);
    ps_summary_write_root(&writer, ps_bytes_text("notes"), &other);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    struct ps_summary asks = {.reply = true, .state = state, .roots = ps_buf_view(&roots)};
    struct ps_summary nothing = {.state = state, .heads = ps_bytes("\x90", 1)};
    send_summary(link, &asks);
    play(1000);
    cr_assert(compares(PS_DEVICES_COLLECTION));
    cr_assert_not(compares("notes"));
    for (unsigned i = 0; i < 10; i++) {
        send_summary(link, &nothing);
        play(20000);
        send_summary(link, &asks);
        play(1000);
    }
    cr_assert(compares(PS_DEVICES_COLLECTION));
    cr_assert(compares("notes"));
    ps_buf_deinit(&roots);
}

Test(test_engine_strangers, tells_a_stranger_nothing_but_an_error)
{
    begin_with_puppet(2, false);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link, &hello);
    play(60000);
    cr_assert_eq(net.capture_count, sim_script_captured(puppet, PS_MESSAGE_ERROR));
    cr_assert(sim_check_in_sync(&net));
}

Test(test_engine_strangers, refuses_a_hello_of_another_mesh)
{
    begin_with_puppet(1, true);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    hello.mesh.nonce[0] ^= 1;
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    cr_assert_eq(newest_error(), PS_ERROR_MESH);
    cr_assert_eq(net.capture_count, 1);
}

Test(test_engine_strangers, refuses_a_hello_in_the_name_of_another_device)
{
    begin_with_puppet(2, true);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    hello.device = net.nodes[1].identity.device;
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    cr_assert_eq(newest_error(), PS_ERROR_MESH);
    cr_assert_eq(net.capture_count, 1);
}

Test(test_engine_strangers, refuses_versions_that_it_does_not_speak)
{
    begin_with_puppet(1, true);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    hello.version_min = PS_PROTOCOL_VERSION + 1;
    hello.version_max = PS_PROTOCOL_VERSION + 1;
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    cr_assert_eq(newest_error(), PS_ERROR_VERSION);
    link = sim_link_open(&net, puppet, 0);
    hello.version_min = PS_PROTOCOL_VERSION_MIN - 1;
    hello.version_max = PS_PROTOCOL_VERSION_MIN - 1;
    size_t errors = sim_script_captured(puppet, PS_MESSAGE_ERROR);
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_ERROR), errors + 1);
    cr_assert_eq(newest_error(), PS_ERROR_VERSION);
}

Test(test_engine_strangers, asks_for_a_hello_first)
{
    begin_with_puppet(1, true);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_buf bytes;
    struct ps_ack ack = {.positions = ps_bytes("\x90", 1)};
    ps_buf_init(&bytes, 1024);
    cr_assert_eq(ps_ack_encode(&ack, &bytes), P2PSYNC_OK);
    send_raw(link, bytes.data, bytes.size);
    ps_buf_deinit(&bytes);
    play(1000);
    cr_assert_eq(newest_error(), PS_ERROR_STRANGER);
}

Test(test_engine_strangers, ends_the_session_of_who_sends_nonsense)
{
    begin_with_puppet(2, true);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_HELLO), 1);
    send_raw(link, "\xdd\xff\xff\xff\xff", 5);
    play(1000);
    cr_assert_eq(newest_error(), PS_ERROR_FORMAT);
    struct ps_peer_info info;
    cr_assert(sim_node_peer(&net, 0, puppet, &info));
    cr_assert(info.state == PS_PEER_OFFLINE || info.state == PS_PEER_CONNECTING);
    cr_assert(sim_node_peer(&net, 0, 1, &info));
    cr_assert_eq(info.state, PS_PEER_IN_SYNC);
    sim_put(&net, 0, "notes", "a", 7);
    play(1000);
    cr_assert_eq(sim_get(&net, 1, "notes", "a"), 7);
}

Test(test_engine_strangers, passes_over_messages_of_a_later_type)
{
    begin_with_puppet(1, true);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    send_raw(link, "\x93\x63\x01\xc0", 4);
    play(1000);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_ERROR), 0);
}

/* Two origins with one tag cannot be made. So node 0's own log is put where the puppet's log would
 * be found. */
static void plant_log_of_another(const struct ps_origin *origin)
{
    struct sim_node *node = &net.nodes[0];
    struct ps_origin own = {node->identity.device, node->identity.incarnation};
    struct ps_log_name name = {.collection = ps_bytes_text("notes"), .origin = own};
    struct ps_txn txn;
    struct ps_log log;
    cr_assert_eq(ps_txn_begin(node->store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_log_named(&txn, &node->identity.mesh, &name, &log), P2PSYNC_OK);
    log.id.origin = ps_origin_tag(&node->identity.mesh, origin);
    cr_assert_eq(ps_log_save(&txn, &log), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
}

Test(test_engine_strangers, blames_nobody_for_a_tag_that_another_origin_has)
{
    begin_with_puppet(1, true);
    sim_put(&net, 0, "notes", "a", 1);
    play(1000);
    struct ps_origin origin = {net.nodes[puppet].identity.device, 7};
    struct ps_log_name log = {.collection = ps_bytes_text("notes"), .origin = origin};
    plant_log_of_another(&origin);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    struct ps_buf bytes;
    struct ps_heads_item item = {.log = log, .size = 2, .head = {.size = 2}};
    struct ps_want want = {.log = log, .credit = 1000};
    size_t sent = sim_script_captured(puppet, PS_MESSAGE_CHANGES);
    ps_buf_init(&bytes, 1024);
    cr_assert_eq(ps_heads_encode(&item, 1, &bytes), P2PSYNC_OK);
    send_raw(link, bytes.data, bytes.size);
    ps_buf_clear(&bytes);
    cr_assert_eq(ps_want_encode(&want, &bytes), P2PSYNC_OK);
    send_raw(link, bytes.data, bytes.size);
    ps_buf_deinit(&bytes);
    play(1000);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_ERROR), 0);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_CHANGES), sent,
                 "another's log is not served");
}

/* The log of node 1, as node 0 holds it, gets another signature. */
static void falsify_log_of_node_1(void)
{
    struct sim_node *node = &net.nodes[0];
    const struct ps_identity *author = &net.nodes[1].identity;
    struct ps_log_name name = {.collection = ps_bytes_text("notes"),
                               .origin = {author->device, author->incarnation}};
    struct ps_txn txn;
    struct ps_log log;
    cr_assert_eq(ps_txn_begin(node->store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_log_named(&txn, &node->identity.mesh, &name, &log), P2PSYNC_OK);
    log.head.signature[0] ^= 1U;
    cr_assert_eq(ps_log_save(&txn, &log), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
}

/* The disk has changed a signature. The log is asked about, and would be offered. */
Test(test_engine_strangers, tells_nobody_a_head_that_was_not_signed)
{
    sim_script_begin(2);
    puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    sim_net_run(&net, 60000);
    sim_put(&net, 1, "notes", "a", 1);
    cr_assert(sim_script_settle(60000));
    sim_node_stop(&net, 1);
    sim_node_stop(&net, 0);
    falsify_log_of_node_1();
    sim_node_start(&net, 0);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    struct ps_summary none = {.roots = ps_bytes("\x90", 1), .heads = ps_bytes("\x90", 1)};
    struct ps_buf bytes;
    ps_buf_init(&bytes, 1024);
    cr_assert_eq(ps_summary_encode(&none, &bytes), P2PSYNC_OK);
    send_raw(link, bytes.data, bytes.size);
    ps_buf_deinit(&bytes);
    play(1000);
    const struct sim_capture *capture = sim_script_newest(puppet, PS_MESSAGE_HEADS);
    struct ps_cursor cursor;
    struct ps_heads_item item;
    bool more =
        capture != NULL && ps_heads_decode(ps_buf_view(&capture->bytes), &cursor) == P2PSYNC_OK;
    while (more && ps_heads_next(&cursor, &item)) {
        cr_assert_not(ps_device_equal(&item.log.origin.device, &net.nodes[1].identity.device) &&
                          ps_bytes_equal(item.log.collection, ps_bytes_text("notes")),
                      "it is offered");
    }
}

static void send_want(size_t link, const char *collection, uint64_t credit)
{
    const struct ps_identity *author = &net.nodes[0].identity;
    struct ps_want want = {.log = {.collection = ps_bytes_text(collection),
                                   .origin = {author->device, author->incarnation}},
                           .credit = credit};
    struct ps_buf bytes;
    ps_buf_init(&bytes, 1024);
    cr_assert_eq(ps_want_encode(&want, &bytes), P2PSYNC_OK);
    send_raw(link, bytes.data, bytes.size);
    ps_buf_deinit(&bytes);
}

/* Make the puppet a member, and connect it. */
static size_t let_in(void)
{
    puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    sim_net_run(&net, 10000);
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link, &hello);
    sim_net_run(&net, 1000);
    return link;
}

/* Ask for a log of four megabytes, more than is ever sent without ACK, with `credit`, never again;
 * how many bytes come. */
static uint64_t bytes_for_credit(uint64_t credit)
{
    sim_script_begin(1);
    for (size_t i = 0; i < 8; i++) {
        sim_put_many(&net, 0, "notes", 50, 10000 + i);
    }
    size_t link = let_in();
    send_want(link, "notes", credit);
    sim_net_run(&net, 20000);
    cr_assert_str_empty(net.failure);
    cr_assert_geq(sim_script_captured(puppet, PS_MESSAGE_CHANGES), 1);
    return net.by_type[PS_MESSAGE_CHANGES].bytes;
}

Test(test_engine_strangers, sends_no_more_than_the_credit_it_was_given)
{
    uint64_t bytes = bytes_for_credit(300000);
    cr_assert_leq(bytes, 300000 + PS_CHUNK_SIZE_MAX);
}

/* Impossible credit is credit of PS_CREDIT_MAX. */
Test(test_engine_strangers, takes_no_more_credit_than_its_own_limit)
{
    uint64_t bytes = bytes_for_credit((uint64_t)1 << 63);
    cr_assert_geq(bytes, PS_CHUNK_SIZE_MAX);
    cr_assert_leq(bytes, PS_CREDIT_MAX + PS_CHUNK_SIZE_MAX);
}

/* Twenty logs of half a megabyte each are asked for, and nothing is acknowledged. */
Test(test_engine_strangers, bounds_what_is_under_way_to_one_peer_in_all_logs_together)
{
    char names[20][16];
    sim_script_begin(1);
    for (size_t i = 0; i < 20; i++) {
        snprintf(names[i], sizeof names[i], "c%zu", i);
        sim_put_many(&net, 0, names[i], 2, 250000);
    }
    size_t link = let_in();
    for (size_t i = 0; i < 20; i++) {
        send_want(link, names[i], UINT32_MAX);
    }
    sim_net_run(&net, 5000);
    cr_assert_str_empty(net.failure);
    uint64_t bytes = net.by_type[PS_MESSAGE_CHANGES].bytes;
    cr_assert_geq(bytes, 250000);
    cr_assert_leq(bytes, PS_CREDIT_MAX + PS_MESSAGE_SIZE_MAX);
    cr_assert_leq(bytes, PS_PEER_MEMORY_MAX);
}

Test(test_engine_strangers, admits_one_entry_with_any_credit)
{
    uint64_t bytes = bytes_for_credit(1);
    cr_assert_leq(bytes, 20000);
}

/* Each write is a chunk of its own, and none is acknowledged. */
Test(test_engine_strangers, bounds_how_many_chunks_of_one_log_are_under_way)
{
    sim_script_begin(1);
    sim_put(&net, 0, "notes", "r", 1);
    size_t link = let_in();
    send_want(link, "notes", UINT32_MAX);
    play(100);
    size_t before = sim_script_captured(puppet, PS_MESSAGE_CHANGES);
    for (uint64_t i = 0; i < (uint64_t)2 * PS_IN_FLIGHT_MAX; i++) {
        sim_put(&net, 0, "notes", "r", 2 + i);
        play(100);
    }
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_CHANGES) - before, PS_IN_FLIGHT_MAX - 1);
}

static const uint8_t token[PS_TOKEN_SIZE] = "right token....";

/* One try to join device 0 with a token; the type of the reply, 0: none. */
static uint64_t try_to_join(unsigned device, const uint8_t with[PS_TOKEN_SIZE])
{
    net.pair_reply = 0;
    sim_mesh_send_join(&net, device, 0, with);
    play(1000);
    return net.pair_reply;
}

Test(test_engine_strangers, welcomes_the_right_token)
{
    begin_with_puppet(1, false);
    sim_mesh_invite(&net, 0, token, 60000);
    cr_assert_not(sim_node_allows(&net, 0, puppet));
    cr_assert_eq(try_to_join(puppet, token), PS_MESSAGE_WELCOME);
    cr_assert(sim_node_allows(&net, 0, puppet));
    cr_assert_eq(net.nodes[0].told[P2PSYNC_EVENT_DEVICE_JOINED], 1);
}

Test(test_engine_strangers, welcomes_the_same_device_again_but_no_second_one)
{
    begin_with_puppet(1, false);
    unsigned second = sim_node_add_puppet(&net);
    sim_mesh_invite(&net, 0, token, 60000);
    cr_assert_eq(try_to_join(puppet, token), PS_MESSAGE_WELCOME);
    cr_assert_neq(try_to_join(second, token), PS_MESSAGE_WELCOME);
    cr_assert_eq(try_to_join(puppet, token), PS_MESSAGE_WELCOME);
    cr_assert_not(sim_node_allows(&net, 0, second));
    cr_assert_eq(net.nodes[0].told[P2PSYNC_EVENT_DEVICE_JOINED], 1);
}

/* A device of the mesh and its twin would have one CURVE key. The right token does not help. */
Test(test_engine_strangers, welcomes_no_id_that_is_not_valid)
{
    begin_with_puppet(1, false);
    sim_mesh_invite(&net, 0, token, 60000);
    net.nodes[puppet].identity.device.key[PS_DEVICE_SIZE - 1] ^= 0x80U;
    cr_assert_neq(try_to_join(puppet, token), PS_MESSAGE_WELCOME);
    cr_assert_not(sim_node_allows(&net, 0, puppet));
    cr_assert(net.nodes[0].inviting, "it was no wrong token");
}

/* One who has an old code, or guesses, is refused from then on, also with the right token. The
 * invite stays open for whom it is meant. */
Test(test_engine_strangers, refuses_a_key_after_five_wrong_tokens_and_lets_others_in)
{
    uint8_t wrong[PS_TOKEN_SIZE] = {0};
    begin_with_puppet(1, false);
    unsigned guest = sim_node_add_puppet(&net);
    sim_mesh_invite(&net, 0, token, 60000);
    for (unsigned i = 0; i < PS_PAIR_WRONG_MAX; i++) {
        wrong[0] = (uint8_t)i;
        cr_assert_neq(try_to_join(puppet, wrong), PS_MESSAGE_WELCOME);
    }
    cr_assert(net.nodes[0].inviting);
    cr_assert_eq(net.nodes[0].told[P2PSYNC_EVENT_INVITE_CLOSED], 0);
    cr_assert_neq(try_to_join(puppet, token), PS_MESSAGE_WELCOME);
    cr_assert_not(sim_node_allows(&net, 0, puppet));
    cr_assert_eq(try_to_join(guest, token), PS_MESSAGE_WELCOME);
    cr_assert(sim_node_allows(&net, 0, guest));
}

/* Wrong once or twice, as after a typing error. */
Test(test_engine_strangers, welcomes_who_was_wrong_before)
{
    uint8_t wrong[PS_TOKEN_SIZE] = {0};
    begin_with_puppet(1, false);
    sim_mesh_invite(&net, 0, token, 60000);
    for (unsigned i = 0; i + 1 < PS_PAIR_WRONG_MAX; i++) {
        cr_assert_neq(try_to_join(puppet, wrong), PS_MESSAGE_WELCOME);
    }
    cr_assert_eq(try_to_join(puppet, token), PS_MESSAGE_WELCOME);
}

Test(test_engine_strangers, closes_an_invite_when_it_expires)
{
    begin_with_puppet(1, false);
    sim_mesh_invite(&net, 0, token, 60000);
    play(61000);
    cr_assert_not(net.nodes[0].inviting);
    cr_assert_eq(net.nodes[0].told[P2PSYNC_EVENT_INVITE_CLOSED], 1);
    net.nodes[0].inviting = true;
    cr_assert_neq(try_to_join(puppet, token), PS_MESSAGE_WELCOME);
    cr_assert_not(sim_node_allows(&net, 0, puppet));
}

/* While a machine is suspended its monotonic clock stands still. */
Test(test_engine_strangers, closes_an_invite_whose_time_has_passed_while_the_machine_slept)
{
    begin_with_puppet(1, false);
    sim_mesh_invite(&net, 0, token, 60000);
    net.nodes[0].skew_ms += 61000;
    cr_assert_neq(try_to_join(puppet, token), PS_MESSAGE_WELCOME);
    cr_assert_not(sim_node_allows(&net, 0, puppet));
    cr_assert_eq(net.nodes[0].told[P2PSYNC_EVENT_INVITE_CLOSED], 1);
}

/* A JOIN names a device; the key of the connection must be that device's. */
Test(test_engine_strangers, welcomes_no_device_under_the_key_of_another)
{
    begin_with_puppet(1, false);
    unsigned second = sim_node_add_puppet(&net);
    sim_mesh_invite(&net, 0, token, 60000);
    struct ps_device own = net.nodes[puppet].identity.device;
    net.nodes[puppet].identity.device = net.nodes[second].identity.device;
    sim_mesh_send_join(&net, puppet, 0, token);
    net.nodes[puppet].identity.device = own;
    play(1000);
    cr_assert_neq(net.pair_reply, PS_MESSAGE_WELCOME);
    cr_assert_not(sim_node_allows(&net, 0, second));
    cr_assert_not(sim_node_allows(&net, 0, puppet));
}

Test(test_engine_strangers, survives_nonsense_on_the_pairing_socket)
{
    begin_with_puppet(1, false);
    sim_mesh_invite(&net, 0, token, 60000);
    struct sim_packet packet = {.kind = SIM_PACKET_JOIN, .node = 0, .from = puppet};
    ps_buf_init(&packet.bytes, 64);
    cr_assert_eq(ps_buf_append(&packet.bytes, "\xdd\xff\xff\xff\xff", 5), P2PSYNC_OK);
    sim_plan(&net, 1, &packet);
    play(1000);
    cr_assert_neq(net.pair_reply, PS_MESSAGE_WELCOME);
    cr_assert_eq(try_to_join(puppet, token), PS_MESSAGE_WELCOME);
}
