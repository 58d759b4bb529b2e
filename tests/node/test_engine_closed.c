/* Closed logs: what honest members had of a removed device reaches all, and what it writes later
 * reaches nobody, whoever brings it. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/mesh/decide.h"
#include "tests/lib/author.h"
#include "tests/sim/script.h"

#define net sim_script

static unsigned puppet; /* a member that relays what it likes */
static struct author author;
static size_t link_to_0;

static void begin(unsigned nodes)
{
    struct sim_options options;
    sim_options_calm(&options, nodes);
    options.removals = 1; /* who was removed need not be in sync */
    sim_script_begin_with(&options);
    cr_assert(sim_script_settle(120000));
}

static void end(void)
{
    author_deinit(&author);
    sim_script_end();
}

TestSuite(test_engine_closed, .fini = end, .timeout = 300);

static void play(uint64_t ms)
{
    sim_net_run(&net, ms);
    cr_assert_str_empty(net.failure);
}

static void decide(unsigned node, const struct ps_device *subject, ps_act_kind kind, ps_role role)
{
    const struct ps_decision decision = {.kind = kind, .subject = *subject, .role = role};
    cr_assert_eq(sim_mesh_decide(&net, node, &decision), P2PSYNC_OK);
}

static void check_same(void)
{
    cr_assert(sim_script_settle(120000));
    sim_check_equal(&net);
    cr_assert_str_empty(net.failure);
}

/* Nodes 1 and 3 are apart from 0 and 2. */
static void split(void)
{
    begin(4);
    sim_script_part(0, 1);
    sim_script_part(0, 3);
    sim_script_part(2, 1);
    sim_script_part(2, 3);
    sim_put(&net, 3, "notes", "before", 7);
    play(5000);
    cr_assert_eq(sim_get(&net, 1, "notes", "before"), 7);
    cr_assert_eq(sim_get(&net, 0, "notes", "before"), UINT64_MAX);
    sim_node_stop(&net, 3);
}

static void unite(void)
{
    sim_script_join(0, 1);
    sim_script_join(2, 1);
    play(60000); /* a second for each member, until somebody reports */
}

Test(test_engine_closed, what_a_member_had_of_a_removed_device_reaches_all)
{
    split();
    decide(0, &net.nodes[3].identity.device, PS_ACT_REMOVED, PS_ROLE_NONE);
    unite();
    cr_assert_eq(sim_get(&net, 0, "notes", "before"), 7);
    cr_assert_eq(sim_get(&net, 2, "notes", "before"), 7);
    check_same();
}

/* Only node 1 has it, and may not report it: it is in no root, and nobody waits for it. */
Test(test_engine_closed, what_only_a_reader_had_is_kept_there_and_shown_to_nobody)
{
    split();
    decide(0, &net.nodes[1].identity.device, PS_ACT_ROLE, PS_ROLE_READER);
    decide(0, &net.nodes[3].identity.device, PS_ACT_REMOVED, PS_ROLE_NONE);
    unite();
    cr_assert_eq(sim_get(&net, 1, "notes", "before"), 7);
    cr_assert_eq(sim_get(&net, 0, "notes", "before"), UINT64_MAX);
    cr_assert(sim_hides(&net, 1));
    check_same();
    decide(0, &net.nodes[1].identity.device, PS_ACT_ROLE, PS_ROLE_WRITER);
    play(60000);
    cr_assert_eq(sim_get(&net, 0, "notes", "before"), 7, "it may report now");
    cr_assert_not(sim_hides(&net, 1));
    check_same();
}

/* Its log opens again, and goes on. */
Test(test_engine_closed, who_was_lowered_and_raised_goes_on)
{
    begin(3);
    sim_put(&net, 2, "notes", "first", 1);
    play(2000);
    sim_script_part(0, 2);
    sim_script_part(1, 2);
    sim_put(&net, 2, "notes", "unsent", 2);
    decide(0, &net.nodes[2].identity.device, PS_ACT_ROLE, PS_ROLE_READER);
    play(2000);
    sim_script_join(0, 2);
    sim_script_join(1, 2);
    play(60000);
    cr_assert_eq(sim_get(&net, 0, "notes", "first"), 1);
    cr_assert_eq(sim_get(&net, 0, "notes", "unsent"), UINT64_MAX);
    cr_assert(sim_hides(&net, 2), "it keeps what nobody takes");
    check_same();
    decide(0, &net.nodes[2].identity.device, PS_ACT_ROLE, PS_ROLE_WRITER);
    play(5000);
    cr_assert_eq(sim_get(&net, 0, "notes", "unsent"), 2);
    cr_assert_not(sim_hides(&net, 2));
    sim_put(&net, 2, "notes", "later", 3);
    play(2000);
    cr_assert_eq(sim_get(&net, 1, "notes", "later"), 3);
    check_same();
}

/* A device of which the puppet has the key of nobody, but its changes. */
static void begin_author(void)
{
    puppet = sim_node_add_puppet(&net);
    sim_mesh_name(&net, 0, puppet, "puppet");
    author_init(&author, 9);
    author.identity.mesh = net.nodes[0].identity.mesh;
    author.collection = "notes";
    decide(0, &author.identity.device, PS_ACT_ROLE, PS_ROLE_WRITER);
    play(2000);
    link_to_0 = sim_link_open(&net, puppet, 0);
    struct ps_hello hello = sim_script_hello(puppet);
    sim_script_send_hello(puppet, link_to_0, &hello);
    play(1000);
}

static void add(const char *id)
{
    struct ps_buf fields;
    ps_buf_init(&fields, 64);
    const struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                         .id = id,
                                         .hlc = 10 + author.count,
                                         .fields = case_fields(&fields, "value", 5)};
    (void)author_add(&author, &change);
    ps_buf_deinit(&fields);
}

static struct ps_log_name name_of(void)
{
    return (struct ps_log_name){
        .number = 5,
        .collection = ps_bytes_text("notes"),
        .origin = {.device = author.identity.device, .incarnation = author.identity.incarnation}};
}

static void push(size_t from)
{
    struct ps_buf entries;
    struct ps_buf message;
    ps_buf_init(&entries, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&message, PS_MESSAGE_SIZE_MAX);
    for (size_t i = from; i < author.count; i++) {
        cr_assert_eq(ps_buf_append(&entries, author.bytes[i].data, author.bytes[i].size),
                     P2PSYNC_OK);
    }
    const struct ps_changes changes = {.log = name_of(),
                                       .from = from,
                                       .entries = ps_buf_view(&entries),
                                       .head = author_head(&author, author.count),
                                       .state = {.pending = 0}};
    cr_assert_eq(ps_changes_encode(&changes, &message), P2PSYNC_OK);
    sim_link_send_as(&net, puppet, link_to_0, ps_buf_view(&message));
    ps_buf_deinit(&message);
    ps_buf_deinit(&entries);
    play(2000);
}

/* Offer so many changes, with a proof from there. */
static void offer(size_t held)
{
    struct ps_buf message;
    ps_buf_init(&message, PS_MESSAGE_SIZE_MAX);
    const struct ps_heads_item item = {.log = name_of(),
                                       .size = held,
                                       .head = author_head(&author, author.count),
                                       .proof_size = held,
                                       .proof = author_proof(&author, held, author.count)};
    cr_assert_eq(ps_heads_encode(&item, 1, &message), P2PSYNC_OK);
    sim_link_send_as(&net, puppet, link_to_0, ps_buf_view(&message));
    ps_buf_deinit(&message);
    play(2000);
}

static uint64_t held(unsigned node)
{
    return sim_changes(&net, node, "notes");
}

Test(test_engine_closed, what_a_removed_device_writes_later_is_taken_from_nobody)
{
    begin(2);
    begin_author();
    add("r0");
    add("r1");
    push(0);
    cr_assert_eq(held(0), 2);
    decide(0, &author.identity.device, PS_ACT_REMOVED, PS_ROLE_NONE);
    play(2000);
    cr_assert_eq(held(1), 2);
    add("r2");
    push(2);
    push(0);
    offer(3);
    offer(2);
    cr_assert_eq(held(0), 2);
    cr_assert_eq(held(1), 2);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_WANT), 0);
    cr_assert_eq(sim_script_captured(puppet, PS_MESSAGE_ERROR), 0, "nobody is blamed");
    check_same();
}

/* Node 0 has reported two changes, of which node 1 has none: it takes them of who proves that they
 * are those, and in one piece with no others. */
Test(test_engine_closed, what_is_covered_is_taken_with_a_proof_and_goes_no_further)
{
    begin(2);
    begin_author();
    add("r0");
    add("r1");
    sim_script_part(0, 1);
    play(2000);
    push(0);
    decide(0, &author.identity.device, PS_ACT_REMOVED, PS_ROLE_NONE);
    play(2000);
    cr_assert_eq(held(1), 0);
    sim_script_join(0, 1);
    play(60000);
    cr_assert_eq(held(1), 2);
    check_same();
}
