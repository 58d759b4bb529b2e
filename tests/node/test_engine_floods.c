/* Members that send or ask for more than is their share, in virtual time: how much that is depends
 * on the engine's clock, and no real clock could show it on every machine. Floods over real sockets
 * are in tests/hostile. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "node/engine/budget.h"
#include "node/engine/transfer.h"
#include "store/log/begun.h"
#include "store/log/receive.h"
#include "store/log/summary.h"
#include "tests/lib/author.h"
#include "tests/sim/script.h"

#define net sim_script

#define TOO_MUCH    "too much, too fast"
#define HELLO_COST  20000U /* microseconds, as the engine charges */
#define FLOOD_MAX   2000U  /* messages of one flood: far more than any may have */
#define RECORD_SIZE 200000U
#define ITEMS       PS_HEADS_MAX
#define MANY_LOGS   14000U
#define BARRED_MS   61000 /* longer than anybody is barred */

static unsigned puppet;
static size_t dialled;
static struct ps_buf message;

static void begin(void)
{
    sim_script_begin(2);
    puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    sim_net_run(&net, 60000);
    cr_assert(sim_script_settle(10000));
    dialled = sim_link_open(&net, puppet, 0);
    ps_buf_init(&message, PS_MESSAGE_SIZE_MAX);
}

static void end(void)
{
    ps_buf_deinit(&message);
    sim_script_end();
}

TestSuite(test_engine_floods, .init = begin, .fini = end, .timeout = 300);

static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

static struct ps_peer_info info(void)
{
    struct ps_peer_info out;
    cr_assert(sim_node_peer(&net, 0, puppet, &out));
    return out;
}

static void say_hello(void)
{
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, dialled, &hello);
    play(100);
}

static void send_message(p2psync_result encoded)
{
    cr_assert_eq(encoded, P2PSYNC_OK, "%s", p2psync_result_name(encoded));
    sim_link_send_as(&net, puppet, dialled, ps_buf_view(&message));
}

/* Be in sync once, so that this device is no newcomer, who gets everything unasked. */
static void be_in_sync(void)
{
    struct ps_txn txn = {0};
    struct ps_ack ack = {.positions = ps_bytes("\x90", 1)};
    cr_assert_eq(ps_txn_begin(net.nodes[0].store, false, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_summary_state(&txn, &ack.state), P2PSYNC_OK);
    ps_txn_abort(&txn);
    send_message(ps_ack_encode(&ack, &message));
    ps_buf_clear(&message);
    play(100);
    cr_assert_eq(info().state, PS_PEER_IN_SYNC);
}

/* Send what is in `message` once every `pause_ms`, until it is too much; how often. */
static unsigned flood(uint64_t pause_ms)
{
    unsigned sent = 0;
    while (sent < FLOOD_MAX && info().faults == 0) {
        send_message(P2PSYNC_OK);
        play(pause_ms);
        sent++;
    }
    return sent;
}

/* That many messages of a flood were enough to be cut off, and the other device has not noticed. */
static void check_cut_off(unsigned sent, unsigned least, unsigned most)
{
    play(1000);
    const struct sim_capture *capture = sim_script_newest(puppet, PS_MESSAGE_ERROR);
    struct ps_error error;
    printf("# %u messages\n", sent);
    cr_assert_geq(sent, least);
    cr_assert_leq(sent, most);
    cr_assert_eq(info().faults, 1);
    cr_assert_str_eq(info().last_fault, TOO_MUCH);
    cr_assert_not_null(capture);
    cr_assert_eq(ps_error_decode(ps_buf_view(&capture->bytes), &error), P2PSYNC_OK);
    cr_assert_eq(error.code, PS_ERROR_LIMIT);
    sim_put(&net, 1, "notes", "after", 7);
    play(1000);
    cr_assert_eq(sim_get(&net, 0, "notes", "after"), 7);
    struct ps_peer_info other;
    cr_assert(sim_node_peer(&net, 0, 1, &other));
    cr_assert_eq(other.state, PS_PEER_IN_SYNC);
    cr_assert_eq(other.faults, 0);
}

/* What a peer may be ahead, in messages of this cost that come once every millisecond. */
static unsigned ahead(unsigned cost)
{
    return PS_BUDGET_MAX / (cost - PS_BUDGET_PER_MS);
}

static void write_hello(void)
{
    struct ps_hello hello = sim_script_hello(puppet);
    cr_assert_eq(ps_hello_encode(&hello, &message), P2PSYNC_OK);
}

Test(test_engine_floods, cuts_off_a_flood_of_hellos)
{
    write_hello();
    check_cut_off(flood(1), ahead(HELLO_COST), ahead(HELLO_COST) + 5);
}

/* As much as time takes out of the bucket again, and no message more. */
Test(test_engine_floods, lets_a_member_have_its_share_for_ever)
{
    write_hello();
    cr_assert_eq(flood(HELLO_COST / PS_BUDGET_PER_MS), FLOOD_MAX);
    cr_assert_eq(info().faults, 0);
}

Test(test_engine_floods, cuts_off_who_takes_a_little_more_than_its_share)
{
    write_hello();
    unsigned sent = flood(HELLO_COST / PS_BUDGET_PER_MS * 3 / 4);
    check_cut_off(sent, 4 * (PS_BUDGET_MAX / HELLO_COST) - 10,
                  4 * (PS_BUDGET_MAX / HELLO_COST) + 10);
}

/* Each SUMMARY differs from what is here in every collection, asks for a reply, and would be
 * followed by another for ever. */
Test(test_engine_floods, cuts_off_a_summary_that_never_ends)
{
    struct ps_buf roots;
    struct ps_writer writer;
    struct ps_hash root = {.bytes = {1}};
    struct ps_summary summary = {.reply = true, .state = {.common = {.bytes = {1}}}};
    say_hello();
    ps_buf_init(&roots, PS_MESSAGE_SIZE_MAX);
    ps_writer_init(&writer, &roots);
    ps_write_array(&writer, PS_ROOTS_MAX);
    for (unsigned i = 0; i < PS_ROOTS_MAX; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "false-%04u", i);
        ps_summary_write_root(&writer, ps_bytes_text(name), &root);
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    summary.roots = ps_buf_view(&roots);
    cr_assert_eq(ps_summary_encode(&summary, &message), P2PSYNC_OK);
    unsigned cost = (unsigned)message.size / 4;
    check_cut_off(flood(1), ahead(cost) / 2, ahead(cost) + 5);
    ps_buf_deinit(&roots);
}

/* A flood of SUMMARYs, each with histories of a log of 2 changes that nobody wrote. */
static unsigned flood_made_up_histories(uint64_t size)
{
    const struct ps_identity *author = &net.nodes[0].identity;
    const struct ps_origin origin = {author->device, author->incarnation};
    struct ps_summary_part part = {.name = ps_bytes_text("bulk"), .logs = ps_log_range_all()};
    struct ps_summary summary = {.state = {.common = {.bytes = {1}}}};
    struct ps_buf heads;
    struct ps_writer writer;
    sim_put_many(&net, 0, "bulk", 2, RECORD_SIZE);
    play(1000);
    say_hello();
    ps_buf_init(&heads, PS_MESSAGE_SIZE_MAX);
    ps_writer_init(&writer, &heads);
    ps_write_array(&writer, 1);
    ps_summary_write_collection(&writer, &part, PS_BRANCHES_MAX);
    for (uint8_t i = 1; i <= PS_BRANCHES_MAX; i++) {
        const uint8_t branch[PS_HASH_SHORT_SIZE] = {i};
        struct ps_short_head head = {.log = ps_log_id_of(&author->mesh, &origin, branch),
                                     .size = size};
        ps_summary_write_head(&writer, &head);
    }
    ps_summary_end_collection(&writer, &part);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    summary.heads = ps_buf_view(&heads);
    cr_assert_eq(ps_summary_encode(&summary, &message), P2PSYNC_OK);
    ps_buf_deinit(&heads);
    return flood(1);
}

/* To see that nobody wrote them, a root is worked out for each of them. */
Test(test_engine_floods, cuts_off_a_flood_of_made_up_histories)
{
    unsigned sent = flood_made_up_histories(1);
    unsigned cost = 500 + (unsigned)message.size / 4 + PS_BRANCHES_MAX * PS_BUDGET_BLOCK;
    check_cut_off(sent, ahead(cost) / 2, ahead(cost) + 5);
}

/* But not for those of the size of the log here: an honest device names thousands of them. */
Test(test_engine_floods, charges_no_root_that_is_there)
{
    cr_assert_eq(flood_made_up_histories(2), FLOOD_MAX);
}

/* An old head of a log, offered as often as one message can: each time its signature is checked. */
Test(test_engine_floods, cuts_off_a_flood_of_heads)
{
    static struct ps_heads_item items[ITEMS];
    sim_put(&net, 1, "notes", "a", 1); /* what is not its own it offers, and does not just send */
    play(1000);
    say_hello();
    be_in_sync();
    struct ps_summary none = {.roots = ps_bytes("\x90", 1), .heads = ps_bytes("\x90", 1)};
    send_message(ps_summary_encode(&none, &message));
    play(1000); /* which brings the devices */
    send_message(P2PSYNC_OK);
    play(1000);
    const struct sim_capture *capture = sim_script_newest(puppet, PS_MESSAGE_HEADS);
    cr_assert_not_null(capture);
    struct ps_cursor cursor;
    cr_assert_eq(ps_heads_decode(ps_buf_view(&capture->bytes), &cursor), P2PSYNC_OK);
    cr_assert(ps_heads_next(&cursor, &items[0]));
    sim_put(&net, 1, "notes", "a", 2);
    play(1000);
    for (size_t i = 1; i < ITEMS; i++) {
        items[i] = items[0];
    }
    ps_buf_clear(&message);
    cr_assert_eq(ps_heads_encode(items, ITEMS, &message), P2PSYNC_OK);
    unsigned cost = ITEMS * 100;
    check_cut_off(flood(1), ahead(cost) / 2, ahead(cost) + 5);
}

/* Offers of as many logs of the puppet as one message can hold, each with a head that it signed. */
static void write_offers(struct author *author, uint64_t first)
{
    static struct ps_heads_item items[ITEMS];
    for (size_t i = 0; i < ITEMS; i++) {
        author->identity.incarnation = first + i;
        items[i] = (struct ps_heads_item){
            .log = {.collection = ps_bytes_text(author->collection),
                    .origin = {.device = author->identity.device, .incarnation = first + i}},
            .size = 1,
            .head = author_head(author, 1),
            .proof_size = 1};
    }
    ps_buf_clear(&message);
    cr_assert_eq(ps_heads_encode(items, ITEMS, &message), P2PSYNC_OK);
}

static void begin_author(struct author *author)
{
    struct author_change change = {.op_and_flags = PS_OP_CREATE, .id = "r", .hlc = 10};
    author_init(author, 1);
    author->identity = net.nodes[puppet].identity;
    author->identity.mesh = net.nodes[0].identity.mesh;
    author->secret = net.nodes[puppet].secret;
    author->collection = "new";
    (void)author_add(author, &change);
}

/* How often what is in `message` makes device 0 say in its log that it takes a log not. */
static size_t refusals(void)
{
    struct ps_event event = {.type = PS_EVENT_MESSAGE,
                             .link = net.links[dialled].number[1],
                             .device = net.nodes[puppet].identity.device,
                             .bytes = ps_buf_view(&message)};
    size_t count = 0;
    sim_node_step(&net, 0, &event, 1);
    for (size_t i = 0; i < net.effects.count; i++) {
        const struct ps_effect *effect = &net.effects.items[i];
        count += effect->type == PS_EFFECT_LOG && strcmp(effect->name, "changes-refused") == 0;
    }
    return count;
}

/* Each message offers logs that are to wait, as an honest peer does in each round, and would take
 * half of a core if the signatures were checked. */
Test(test_engine_floods, blames_nobody_for_offers_that_are_to_wait)
{
    static struct author author;
    struct ps_txn txn = {0};
    begin_author(&author);
    cr_assert_eq(ps_txn_begin(net.nodes[0].store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_begun_add(&txn, &author.identity.device, PS_BEGUN_MAX), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    say_hello();
    write_offers(&author, 1);
    cr_assert_eq(refusals(), 1, "and not for each of them");
    cr_assert_eq(refusals(), 0);
    cr_assert_eq(flood(100), FLOOD_MAX);
    author_deinit(&author);
}

/* The same offers, with room for the logs: they are asked for, and never come. */
Test(test_engine_floods, checks_no_offer_that_it_has_no_place_to_note)
{
    static struct author author;
    begin_author(&author);
    say_hello();
    for (uint64_t first = 1; first < PS_FETCHES_QUEUED_MAX; first += ITEMS) {
        write_offers(&author, first);
        send_message(P2PSYNC_OK);
    }
    play(1000);
    cr_assert_gt(sim_script_captured(puppet, PS_MESSAGE_WANT), 0);
    author.secret.key[0] ^= 1; /* what it signs now is no signature of its */
    write_offers(&author, 10000);
    send_message(P2PSYNC_OK);
    play(1000);
    cr_assert_eq(info().faults, 0);
    author_deinit(&author);
}

/* How many of its logs were offered to the puppet, and with how many bytes. */
static size_t offered(size_t *bytes_out)
{
    static bool seen[MANY_LOGS + 1]; /* by incarnation */
    size_t count = 0;
    memset(seen, 0, sizeof seen);
    *bytes_out = 0;
    for (size_t i = 0; i < net.capture_count; i++) {
        const struct sim_capture *capture = &net.captures[i];
        struct ps_cursor cursor;
        struct ps_heads_item item;
        if (capture->type == PS_MESSAGE_HEADS &&
            ps_heads_decode(ps_buf_view(&capture->bytes), &cursor) == P2PSYNC_OK) {
            *bytes_out += capture->bytes.size;
            while (ps_heads_next(&cursor, &item)) {
                uint64_t at = item.log.origin.incarnation;
                count += at <= MANY_LOGS && !seen[at] ? 1 : 0;
                seen[at <= MANY_LOGS ? at : 0] = true;
            }
        }
    }
    return count;
}

/* The puppet holds nothing, and takes nothing: what there is comes to it in pieces that a send
 * queue can hold, one for each SUMMARY. */
Test(test_engine_floods, offers_all_without_flooding_the_peer)
{
    static struct author author;
    struct ps_proof proof = {.count = 0};
    struct ps_txn txn = {0};
    begin_author(&author);
    author.collection = "a-collection-whose-name-is-as-long-as-names-may-be-or-nearly-so";
    cr_assert_eq(ps_txn_begin(net.nodes[0].store, true, &txn), P2PSYNC_OK);
    for (uint64_t i = 1; i <= MANY_LOGS; i++) {
        struct ps_log log;
        author.identity.incarnation = i;
        struct ps_log_name name = {.collection = ps_bytes_text(author.collection),
                                   .origin = {.device = author.identity.device, .incarnation = i}};
        struct ps_chunk chunk = {.entries = ps_buf_view(&author.bytes[0]),
                                 .head = author_head(&author, 1),
                                 .proof = &proof};
        cr_assert_eq(ps_receive_first(&txn, &net.nodes[0].identity.mesh, &name, &chunk, &log),
                     P2PSYNC_OK);
    }
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    author_deinit(&author);
    say_hello();
    be_in_sync();
    struct ps_summary none = {.roots = ps_bytes("\x90", 1),
                              .heads = ps_bytes("\x90", 1),
                              .state = {.common = {.bytes = {1}}}};
    size_t bytes = 0;
    size_t before = 0;
    size_t count = offered(&before);
    for (unsigned i = 0; i < 5; i++) {
        cr_assert_eq(ps_summary_encode(&none, &message), P2PSYNC_OK);
        send_message(P2PSYNC_OK);
        ps_buf_clear(&message);
        play(10);
        count = offered(&bytes);
        printf("# %zu logs, %zu bytes\n", count, bytes - before);
        cr_assert_leq(bytes - before, PS_CREDIT_MAX + PS_CREDIT_MAX / 16);
        before = bytes;
    }
    cr_assert_geq(count, MANY_LOGS);
    cr_assert_eq(info().faults, 0);
}

/* A log of the other device that is asked for. */
static struct ps_want want_of(uint64_t credit)
{
    const struct ps_identity *author = &net.nodes[0].identity;
    sim_put_many(&net, 0, "bulk", 2, RECORD_SIZE);
    play(1000);
    say_hello();
    return (struct ps_want){.log = {.collection = ps_bytes_text("bulk"),
                                    .origin = {author->device, author->incarnation}},
                            .credit = credit,
                            .again = true};
}

/* What it has sent comes back to it: sound, and nothing new. */
Test(test_engine_floods, cuts_off_a_flood_of_changes_that_bring_nothing)
{
    struct ps_want want = want_of(PS_CREDIT_MAX);
    send_message(ps_want_encode(&want, &message));
    play(1000);
    const struct sim_capture *capture = sim_script_newest(puppet, PS_MESSAGE_CHANGES);
    cr_assert_not_null(capture);
    ps_buf_clear(&message);
    cr_assert_eq(ps_buf_append(&message, capture->bytes.data, capture->bytes.size), P2PSYNC_OK);
    unsigned cost = (unsigned)message.size / 16;
    check_cut_off(flood(1), ahead(cost) / 2, ahead(cost) + 5);
}

/* Each has what was sent last sent once more. */
Test(test_engine_floods, cuts_off_a_flood_of_wants)
{
    struct ps_want want = want_of(1);
    cr_assert_eq(ps_want_encode(&want, &message), P2PSYNC_OK);
    unsigned cost = RECORD_SIZE / 16;
    check_cut_off(flood(1), ahead(cost) / 2, ahead(cost) + 5);
}

/* Each asks for one small change from another place of a log: what it gets is little, but the proof
 * with it is as much work as any. */
Test(test_engine_floods, cuts_off_a_flood_of_wants_for_a_change_here_and_there)
{
    enum { TIMES = 20, CHANGES = 50, HELLOS = 195 };
    struct ps_want want = want_of(1);
    unsigned left = PS_BUDGET_MAX - HELLOS * (HELLO_COST - PS_BUDGET_PER_MS);
    unsigned sent = 0;
    for (size_t i = 0; i < TIMES; i++) { /* every change has another size, or it would be none */
        sim_put_many(&net, 0, "bits", CHANGES, 16 + i);
    }
    play(1000);
    want.log.collection = ps_bytes_text("bits");
    write_hello();
    for (unsigned i = 0; i < HELLOS; i++) { /* most of the budget goes for these, which are fast */
        send_message(P2PSYNC_OK);
        play(1);
    }
    cr_assert_eq(info().faults, 0);
    while (sent < FLOOD_MAX && info().faults == 0) {
        want.from = sent * UINT64_C(7919) % (TIMES * CHANGES - 1);
        ps_buf_clear(&message);
        send_message(ps_want_encode(&want, &message));
        play(1);
        sent++;
    }
    unsigned cost = 20 + 2 * PS_BUDGET_BLOCK - PS_BUDGET_PER_MS;
    check_cut_off(sent, left / cost / 2, left / cost + 5);
}

/* How often two messages, one after the other, until that is too much. */
static unsigned flood_both(const struct ps_buf *second)
{
    struct ps_buf first = message;
    unsigned sent = 0;
    ps_buf_init(&message, PS_MESSAGE_SIZE_MAX);
    while (sent < FLOOD_MAX && info().faults == 0) {
        sim_link_send_as(&net, puppet, dialled, ps_buf_view(sent % 2 == 0 ? &first : second));
        play(1);
        sent++;
    }
    ps_buf_deinit(&first);
    return sent / 2;
}

/* What is under way is given up, and asked for once more. */
Test(test_engine_floods, cuts_off_who_closes_its_window_and_opens_it_again)
{
    struct ps_buf close;
    struct ps_want want = want_of(1);
    want.again = false;
    cr_assert_eq(ps_want_encode(&want, &message), P2PSYNC_OK);
    want.credit = 0;
    ps_buf_init(&close, 1024);
    cr_assert_eq(ps_want_encode(&want, &close), P2PSYNC_OK);
    unsigned cost = RECORD_SIZE / 16;
    check_cut_off(flood_both(&close), ahead(cost) / 2, ahead(cost) + 5);
    ps_buf_deinit(&close);
}

/* What is under way is acknowledged, and asked for once more. */
Test(test_engine_floods, cuts_off_who_has_a_log_sent_again_and_again)
{
    struct ps_buf bytes;
    struct ps_buf positions;
    struct ps_writer writer;
    struct ps_want want = want_of(PS_CREDIT_MAX);
    want.again = false;
    cr_assert_eq(ps_want_encode(&want, &message), P2PSYNC_OK);
    struct ps_position position = {.log = want.log, .size = 2, .settled = 2};
    ps_buf_init(&positions, 1024);
    ps_writer_init(&writer, &positions);
    ps_write_array(&writer, 1);
    ps_ack_write_position(&writer, &position);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    struct ps_ack ack = {.positions = ps_buf_view(&positions)};
    ps_buf_init(&bytes, 1024);
    cr_assert_eq(ps_ack_encode(&ack, &bytes), P2PSYNC_OK);
    unsigned cost = 2 * RECORD_SIZE / 16;
    check_cut_off(flood_both(&bytes), ahead(cost) / 2, ahead(cost) + 5);
    ps_buf_deinit(&positions);
    ps_buf_deinit(&bytes);
}

Test(test_engine_floods, lets_nobody_back_soon_who_was_cut_off)
{
    say_hello();
    size_t answered = sim_script_captured(puppet, PS_MESSAGE_HELLO);
    sim_link_send_as(&net, puppet, dialled, ps_bytes("\xc1", 1));
    play(100);
    cr_assert_str_eq(info().last_fault, "no message");
    dialled = sim_link_open(&net, puppet, 0);
    say_hello();
    const struct sim_capture *capture = sim_script_newest(puppet, PS_MESSAGE_ERROR);
    struct ps_error error;
    cr_assert_not_null(capture);
    cr_assert_eq(ps_error_decode(ps_buf_view(&capture->bytes), &error), P2PSYNC_OK);
    cr_assert_eq(error.code, PS_ERROR_LIMIT);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_HELLO), answered);
    play(BARRED_MS);
    dialled = sim_link_open(&net, puppet, 0);
    say_hello();
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_HELLO), answered + 1);
    cr_assert_eq(info().faults, 1);
}

static size_t count_dials(void)
{
    size_t count = 0;
    for (size_t i = 0; i < net.link_count; i++) {
        count += net.links[i].dialler == 0 && net.links[i].target == puppet ? 1 : 0;
    }
    return count;
}

/* It would only refuse the HELLO that it asks for by that, and then wait longer and longer. */
Test(test_engine_floods, dials_whom_it_has_barred_when_that_is_over_and_not_before)
{
    struct ps_hello hello = sim_script_hello(puppet);
    hello.listen[0] = ps_bytes_text(":47470");
    hello.listen_count = 1;
    sim_script_send_hello(puppet, dialled, &hello);
    play(100);
    sim_link_send_as(&net, puppet, dialled, ps_bytes("\xc1", 1));
    play(100);
    uint64_t until_ms = sim_node_barred_ms(&net, 0, puppet);
    cr_assert_gt(until_ms, net.now_ms);
    size_t before = count_dials();
    while (net.now_ms + 50 < until_ms) { /* an app wants to be in sync, again and again */
        sim_node_now(&net, 0, net.now_ms, 1);
        play(25);
    }
    cr_assert_eq(count_dials(), before);
    play(100);
    cr_assert_gt(count_dials(), before);
}
