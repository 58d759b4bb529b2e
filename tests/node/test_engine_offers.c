/* What a member offers: in which order it is asked for, who is asked if it does not come, and what
 * is said and claimed until it is applied. The member is a puppet, which writes several logs. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/lib/author.h"
#include "tests/sim/script.h"

#define net  sim_script
#define LOGS 2
#define MANY 200 /* of which a few share an ACK */

TestSuite(test_engine_offers, .fini = sim_script_end, .timeout = 120);

static unsigned puppet;
static struct author logs[LOGS];

/* `nodes` and the puppet, which has written one record in each collection, and keeps it to itself.
 */
static void begin(unsigned nodes, const char *first, const char *second)
{
    const char *collections[LOGS] = {first, second};
    struct ps_buf buf;
    ps_buf_init(&buf, 100);
    sim_script_begin(nodes);
    puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    cr_assert(sim_script_settle(120000));
    for (size_t i = 0; i < LOGS; i++) {
        struct author *author = &logs[i];
        author_init(author, 1);
        author->identity = net.nodes[puppet].identity;
        author->identity.mesh = net.nodes[0].identity.mesh;
        author->secret = net.nodes[puppet].secret;
        author->collection = collections[i];
        struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                       .id = "r",
                                       .hlc = SIM_WALL_MS << 16U,
                                       .fields = case_fields(&buf, "value", 7)};
        (void)author_add(author, &change);
    }
    ps_buf_deinit(&buf);
}

static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

static size_t say_hello(void)
{
    size_t link = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link, &hello);
    play(1000);
    return link;
}

static void send_draft(size_t link, p2psync_result encoded, struct ps_buf *draft)
{
    cr_assert_eq(encoded, P2PSYNC_OK);
    sim_link_send_as(&net, puppet, link, ps_buf_view(draft));
    ps_buf_deinit(draft);
}

static struct ps_log_name name_of(const struct author *author)
{
    return (struct ps_log_name){
        .collection = ps_bytes_text(author->collection),
        .origin = {.device = author->identity.device, .incarnation = author->identity.incarnation}};
}

/* The first `count` of the logs, in one message. */
static void offer(size_t link, size_t count)
{
    struct ps_heads_item items[LOGS];
    struct ps_buf draft;
    ps_buf_init(&draft, PS_MESSAGE_SIZE_MAX);
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct ps_heads_item){
            .log = name_of(&logs[i]), .size = 1, .head = author_head(&logs[i], 1), .proof_size = 1};
    }
    send_draft(link, ps_heads_encode(items, count, &draft), &draft);
}

static void bring(size_t link, const struct author *author)
{
    struct ps_buf draft;
    struct ps_changes changes = {.log = name_of(author),
                                 .entries = ps_buf_view(&author->bytes[0]),
                                 .head = author_head(author, 1)};
    ps_buf_init(&draft, PS_MESSAGE_SIZE_MAX);
    send_draft(link, ps_changes_encode(&changes, &draft), &draft);
}

static void acknowledge(size_t link, struct ps_state state)
{
    struct ps_buf draft;
    const struct ps_ack ack = {.state = state, .positions = ps_bytes("\x90", 1)};
    ps_buf_init(&draft, 1000);
    send_draft(link, ps_ack_encode(&ack, &draft), &draft);
}

static void ask(size_t link, struct ps_state state)
{
    struct ps_buf draft;
    const struct ps_summary summary = {.reply = true, .state = state, .clock_ms = SIM_WALL_MS};
    ps_buf_init(&draft, 1000);
    send_draft(link, ps_summary_encode(&summary, &draft), &draft);
}

static void check_newest_want(size_t count, const struct author *author)
{
    struct ps_want want;
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_WANT), count);
    const struct sim_capture *newest = sim_script_newest(puppet, PS_MESSAGE_WANT);
    cr_assert_eq(ps_want_decode(ps_buf_view(&newest->bytes), &want), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(want.log.collection, ps_bytes_text(author->collection)));
}

static ps_peer_state state_of_puppet(void)
{
    struct ps_peer_info info;
    cr_assert(sim_node_peer(&net, 0, puppet, &info));
    return info.state;
}

/* Who is a member decides what of the rest may be taken. */
Test(test_engine_offers, of_devices_are_asked_for_before_all_others)
{
    begin(1, "notes", "_devices");
    size_t link = say_hello();
    offer(link, 2);
    play(1000);
    check_newest_want(1, &logs[1]);
    bring(link, &logs[1]);
    play(1000);
    check_newest_want(2, &logs[0]);
}

/* Node 1 holds the log, and did not write it: so it sends nothing that it is not asked for. */
Test(test_engine_offers, that_do_not_come_are_asked_for_elsewhere)
{
    begin(2, "notes", "tasks");
    sim_node_stop(&net, 1);
    struct store_case one = {.store = net.nodes[1].store, .identity = net.nodes[1].identity};
    author_deliver_all(&logs[0], &one);
    sim_script_part(0, 1);
    sim_node_start(&net, 1);
    size_t link = say_hello();
    offer(link, 1);
    play(1000);
    check_newest_want(1, &logs[0]);
    sim_script_join(0, 1);
    play(25000);
    cr_assert_eq(sim_get(&net, 0, "notes", "r"), 7);
}

/* One log is offered and does not come at once, so that the other, which does, is not applied at
 * once. */
static size_t leave_one_unapplied(void)
{
    begin(1, "notes", "tasks");
    size_t link = say_hello();
    offer(link, 1);
    play(10);
    bring(link, &logs[1]);
    play(50);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_ACK), 1);
    cr_assert_eq(sim_state(&net, 0).pending, 1);
    return link;
}

Test(test_engine_offers, are_acknowledged_again_once_they_are_applied)
{
    struct ps_ack ack;
    (void)leave_one_unapplied();
    play(3000);
    cr_assert_eq(sim_get(&net, 0, "tasks", "r"), 7);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_ACK), 2);
    const struct sim_capture *newest = sim_script_newest(puppet, PS_MESSAGE_ACK);
    cr_assert_eq(ps_ack_decode(ps_buf_view(&newest->bytes), &ack), P2PSYNC_OK);
    cr_assert_eq(ack.state.pending, 0);
}

/* The puppet holds the same, and has as little of it applied. */
Test(test_engine_offers, are_not_in_sync_until_they_are_applied)
{
    size_t link = leave_one_unapplied();
    acknowledge(link, sim_state(&net, 0));
    play(10);
    cr_assert_eq(sim_state(&net, 0).pending, 1);
    cr_assert_eq(state_of_puppet(), PS_PEER_SYNCING);
    play(3000);
    acknowledge(link, sim_state(&net, 0));
    play(10);
    cr_assert_eq(sim_state(&net, 0).pending, 0);
    cr_assert_eq(state_of_puppet(), PS_PEER_IN_SYNC);
}

/* The puppet asks, and both hold the same; but the node has something left to apply, and before it
 * has, it comes to hold more. Only who is in sync may rest for an interval. */
Test(test_engine_offers, that_are_not_applied_when_the_peer_asks_leave_no_time_to_rest)
{
    size_t link = leave_one_unapplied();
    ask(link, sim_state(&net, 0));
    play(10);
    cr_assert_eq(sim_state(&net, 0).pending, 1);
    sim_put(&net, 0, "other", "r", 8);
    play(10);
    size_t before = sim_script_captured(puppet, PS_MESSAGE_SUMMARY);
    play(10000);
    cr_assert_gt(sim_script_captured(puppet, PS_MESSAGE_SUMMARY), before);
}

static size_t count_acknowledged(void)
{
    size_t count = 0;
    for (size_t i = 0; i < net.capture_count; i++) {
        struct ps_ack ack;
        struct ps_cursor cursor;
        const struct sim_capture *capture = &net.captures[i];
        if (capture->node == puppet && capture->type == PS_MESSAGE_ACK) {
            cr_assert_eq(ps_ack_decode(ps_buf_view(&capture->bytes), &ack), P2PSYNC_OK);
            count += ps_message_cursor_begin(&cursor, ack.positions);
        }
    }
    return count;
}

/* More logs come in one turn than one ACK has room for: as after a suspend. */
Test(test_engine_offers, are_all_acknowledged_if_many_logs_come_at_once)
{
    begin(1, "notes", "tasks");
    size_t link = say_hello();
    net.options.coarse = true;
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%03u", i);
        logs[0].collection = name;
        bring(link, &logs[0]);
    }
    play(100);
    cr_assert_eq(count_acknowledged(), MANY);
    logs[0].collection = "notes";
}
