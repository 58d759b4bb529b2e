/* A record's past: which changes are in it, in what order, and what each did. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/history/history.h"
#include "store/history/past.h"
#include "tests/lib/author.h"

static struct store_case here;
static struct author one;
static struct author two;
static struct ps_buf buf;
static struct ps_history history;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&one, 2);
    author_init(&two, 3);
    ps_buf_init(&buf, 1024);
}

static void teardown(void)
{
    ps_history_deinit(&history);
    ps_buf_deinit(&buf);
    author_deinit(&two);
    author_deinit(&one);
    case_close(&here);
}

TestSuite(history, .init = setup, .fini = teardown, .timeout = 300);

/* A change of "r" that sets {field: number}. */
static struct ps_parent add(struct author *author, uint32_t op_and_flags, uint64_t hlc,
                            struct author_change change)
{
    change.id = change.id == NULL ? "r" : change.id;
    change.op_and_flags = op_and_flags;
    change.hlc = hlc;
    if (change.fields.size == 0) {
        change.fields = case_fields(&buf, "n", (int64_t)hlc);
    }
    return author_add(author, &change);
}

static struct ps_parent add_on(struct author *author, uint64_t hlc, struct ps_parent parent)
{
    struct author_change change = {.parent_count = 1, .parents = {parent}};
    return add(author, PS_OP_UPDATE, hlc, change);
}

static void deliver(void)
{
    author_deliver_all(&one, &here);
    if (two.count > 0) {
        author_deliver_all(&two, &here);
    }
    (void)case_apply(&here);
}

static p2psync_result read_history(struct ps_txn *txn, const char *id)
{
    ps_history_deinit(&history);
    return ps_history_read(txn, case_collection(&here, CASE_NOTES).number, ps_bytes_text(id),
                           &history);
}

/* The times of the history of "r", newest first. */
static const char *hlcs(void)
{
    static char text[256];
    size_t used = 0;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(read_history(&txn, "r"), P2PSYNC_OK);
    ps_txn_abort(&txn);
    text[0] = '\0';
    for (size_t i = 0; i < history.count; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%u", i == 0 ? "" : " ",
                                 (unsigned)history.changes[i].hlc);
    }
    return text;
}

/* ---- which changes, in what order ---- */

Test(history, lists_a_chain_newest_first)
{
    struct ps_parent parent = add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    parent = add_on(&two, 20, parent);
    (void)add_on(&one, 30, parent);
    deliver();
    cr_assert_str_eq(hlcs(), "30 20 10");
    cr_assert_eq(history.changes[2].parent_count, 0);
    cr_assert_eq(history.parents[history.changes[0].first_parent], 1);
    cr_assert_eq(history.parents[history.changes[1].first_parent], 2);
}

Test(history, lists_what_two_edits_build_on_once)
{
    struct ps_parent base = add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    struct author_change merge = {.parent_count = 2};
    merge.parents[0] = add_on(&one, 30, base);
    merge.parents[1] = add_on(&two, 20, base);
    if (ps_dot_compare(merge.parents[0].dot, merge.parents[1].dot) > 0) {
        struct ps_parent first = merge.parents[0];
        merge.parents[0] = merge.parents[1];
        merge.parents[1] = first;
    }
    (void)add(&two, PS_OP_UPDATE | PS_CHANGE_FULL, 40, merge);
    deliver();
    cr_assert_str_eq(hlcs(), "40 30 20 10");
    cr_assert_eq(history.changes[0].parent_count, 2);
    cr_assert_eq(history.parent_count, 4);
}

Test(history, lists_all_versions_of_a_conflict_with_what_is_behind_them)
{
    struct ps_parent base = add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    (void)add_on(&one, 20, base);
    (void)add_on(&two, 30, add_on(&two, 15, base));
    (void)add(&two, PS_OP_CREATE, 25, (struct author_change){0});
    deliver();
    cr_assert_eq(case_version_count(&here, "r"), 3);
    cr_assert_str_eq(hlcs(), "30 25 20 15 10");
}

/* At the end of time nothing is later: there what comes after what is only in the parents. */
Test(history, puts_no_change_before_one_made_on_top_of_it_at_the_end_of_time)
{
    struct ps_parent parent = add(&one, PS_OP_CREATE, UINT64_MAX, (struct author_change){0});
    parent = add_on(&two, UINT64_MAX, parent);
    parent = add_on(&one, UINT64_MAX, parent);
    (void)add_on(&two, UINT64_MAX, parent);
    deliver();
    (void)hlcs();
    cr_assert_eq(history.count, 4);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(history.changes[i].parent_count, 1);
        cr_assert_eq(history.parents[history.changes[i].first_parent], i + 1);
    }
}

Test(history, leaves_out_a_change_of_an_earlier_time_than_its_parent)
{
    struct ps_parent parent = add(&one, PS_OP_CREATE, 50, (struct author_change){0});
    (void)add_on(&two, 50, parent);
    (void)add_on(&one, 51, parent);
    deliver();
    cr_assert_str_eq(hlcs(), "51 50");
}

Test(history, ranks_equal_times_by_dot)
{
    (void)add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    (void)add(&two, PS_OP_CREATE, 10, (struct author_change){0});
    (void)add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    deliver();
    cr_assert_str_eq(hlcs(), "10 10 10");
    for (size_t i = 1; i < history.count; i++) {
        cr_assert_gt(ps_dot_compare(history.changes[i - 1].dot, history.changes[i].dot), 0);
    }
}

Test(history, leaves_out_inert_changes_and_those_not_applied)
{
    struct ps_parent base = add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    struct ps_parent other =
        add(&one, PS_OP_CREATE, 11, (struct author_change){.id = "s", .parent_count = 0});
    (void)add_on(&one, 20, other); /* a parent of another record */
    struct ps_parent unknown = base;
    unknown.leaf[0] ^= 1;
    (void)add_on(&two, 30, base);
    (void)add_on(&two, 40, unknown); /* waits for ever */
    deliver();
    cr_assert_str_eq(hlcs(), "30 10");
}

Test(history, takes_an_operation_of_a_later_version_as_what_it_is_here)
{
    struct ps_past_walk walk;
    struct ps_past_step step;
    struct author_change change = {.parent_count = 1};
    change.parents[0] = add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    change.fields = case_fields(&buf, "n", 7);
    (void)add(&one, 0x0b, 20, change);
    deliver();
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(read_history(&txn, "r"), P2PSYNC_OK);
    cr_assert_eq(history.count, 2);
    cr_assert_eq(history.changes[0].op_and_flags, 0x0b);
    ps_past_walk_init(&walk, &txn, &history);
    cr_assert_eq(ps_past_walk_next(&walk, &step), P2PSYNC_OK);
    cr_assert_eq(ps_past_walk_next(&walk, &step), P2PSYNC_OK);
    cr_assert_eq(step.after_state, PS_RECORD_LIVE);
    cr_assert(ps_value_equal(step.after, case_fields(&buf, "n", 7)));
    ps_past_walk_deinit(&walk);
    ps_txn_abort(&txn);
}

Test(history, says_that_there_is_no_such_record)
{
    case_set(&here, 1000, "r", 1);
    struct ps_txn txn = case_begin(&here, false);
    cr_expect_eq(read_history(&txn, "s"), P2PSYNC_ENOTFOUND);
    cr_expect_eq(read_history(&txn, ""), P2PSYNC_ENOTFOUND);
    cr_expect_eq(history.count, 0);
    ps_txn_abort(&txn);
}

/* ---- what each did ---- */

/* More branches at once than values are kept, each longer than a chain may be without a full
 * change: every value is right, whether it is at hand or has to be rebuilt. */
Test(history, walks_through_the_values_of_many_branches)
{
    enum { BRANCHES = PS_PAST_KEPT + 2, LENGTH = 10 };
    struct ps_parent tip[BRANCHES];
    struct ps_past_walk walk;
    struct ps_past_step step;
    struct ps_parent base = add(&one, PS_OP_CREATE, 1, (struct author_change){0});
    for (size_t i = 0; i < BRANCHES; i++) {
        tip[i] = base;
    }
    for (uint64_t hlc = 2; hlc < 2 + BRANCHES * LENGTH; hlc++) {
        size_t branch = hlc % BRANCHES;
        tip[branch] = add_on(branch % 2 == 0 ? &one : &two, hlc, tip[branch]);
    }
    deliver();
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(read_history(&txn, "r"), P2PSYNC_OK);
    cr_assert_eq(history.count, 1 + BRANCHES * LENGTH);
    ps_past_walk_init(&walk, &txn, &history);
    for (uint64_t hlc = 1; hlc < 2 + BRANCHES * LENGTH; hlc++) {
        uint64_t before = hlc < 2 + BRANCHES ? 1 : hlc - BRANCHES;
        cr_assert_eq(ps_past_walk_next(&walk, &step), P2PSYNC_OK);
        cr_assert_eq(step.change->hlc, hlc);
        cr_assert(ps_value_equal(step.after, case_fields(&buf, "n", (int64_t)hlc)));
        cr_assert(hlc == 1 ? step.before.size == 0
                           : ps_value_equal(step.before, case_fields(&buf, "n", (int64_t)before)));
    }
    cr_assert_eq(ps_past_walk_next(&walk, &step), P2PSYNC_ENOTFOUND);
    ps_past_walk_deinit(&walk);
    ps_txn_abort(&txn);
}

/* A long chain has whole values in between; what is told of those is what they changed, too. */
Test(history, walks_through_a_thousand_edits)
{
    struct ps_past_walk walk;
    struct ps_past_step step;
    for (int64_t i = 0; i < 1000; i++) {
        case_set(&here, 1000 + (uint64_t)i, "r", i);
    }
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(read_history(&txn, "r"), P2PSYNC_OK);
    cr_assert_eq(history.count, 1000);
    ps_past_walk_init(&walk, &txn, &history);
    for (int64_t i = 0; i < 1000; i++) {
        cr_assert_eq(ps_past_walk_next(&walk, &step), P2PSYNC_OK);
        cr_assert(ps_value_equal(step.after, case_fields(&buf, "n", i)));
        cr_assert(i == 0 || ps_value_equal(step.before, case_fields(&buf, "n", i - 1)));
        cr_assert_eq(step.before_state, i == 0 ? PS_RECORD_DELETED : PS_RECORD_LIVE);
    }
    ps_past_walk_deinit(&walk);
    ps_txn_abort(&txn);
}

Test(history, takes_a_full_change_as_the_whole_value)
{
    struct ps_past_walk walk;
    struct ps_past_step step;
    struct author_change change = {.parent_count = 1};
    change.parents[0] = add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    change.fields = case_fields(&buf, "other", 1);
    (void)add(&one, PS_OP_UPDATE | PS_CHANGE_FULL, 20, change);
    deliver();
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(read_history(&txn, "r"), P2PSYNC_OK);
    ps_past_walk_init(&walk, &txn, &history);
    cr_assert_eq(ps_past_walk_next(&walk, &step), P2PSYNC_OK);
    cr_assert_eq(ps_past_walk_next(&walk, &step), P2PSYNC_OK);
    cr_assert(ps_value_equal(step.before, case_fields(&buf, "n", 10)));
    cr_assert(ps_value_equal(step.after, case_fields(&buf, "other", 1)));
    ps_past_walk_deinit(&walk);
    ps_txn_abort(&txn);
}

Test(history, compares_a_resolution_with_the_last_of_its_parents)
{
    struct ps_buf value;
    ps_record_state state = PS_RECORD_DELETED;
    struct ps_parent base = add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    (void)add_on(&one, 20, base);
    (void)add_on(&two, 30, base);
    deliver();
    case_set(&here, 1000, "r", 99);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(read_history(&txn, "r"), P2PSYNC_OK);
    cr_assert_eq(history.changes[0].parent_count, 2);
    struct ps_found found;
    cr_assert_eq(
        ps_past_find(&txn, history.collection, ps_bytes_text("r"), history.changes[0].dot, &found),
        P2PSYNC_OK);
    ps_buf_init(&value, PS_VALUE_SIZE_MAX);
    cr_assert_eq(ps_past_before(&txn, history.collection, &found.skeleton, &value, &state),
                 P2PSYNC_OK);
    cr_assert_eq(state, PS_RECORD_LIVE);
    cr_assert(ps_value_equal(ps_buf_view(&value), case_fields(&buf, "n", 30)));
    ps_buf_deinit(&value);
    ps_txn_abort(&txn);
}

/* ---- one change ---- */

static p2psync_result find(struct ps_dot dot, const char *id)
{
    struct ps_found found;
    struct ps_txn txn = case_begin(&here, false);
    p2psync_result result = ps_past_find(&txn, case_collection(&here, CASE_NOTES).number,
                                         ps_bytes_text(id), dot, &found);
    ps_txn_abort(&txn);
    return result;
}

Test(history, finds_only_valid_changes_of_the_record)
{
    struct ps_parent base = add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    struct ps_parent other =
        add(&one, PS_OP_CREATE, 11, (struct author_change){.id = "s", .parent_count = 0});
    struct ps_parent inert = add_on(&one, 20, other);
    struct ps_parent unknown = base;
    unknown.leaf[0] ^= 1;
    struct ps_parent waiting = add_on(&two, 40, unknown);
    deliver();
    cr_expect_eq(find(base.dot, "r"), P2PSYNC_OK);
    cr_expect_eq(find(other.dot, "s"), P2PSYNC_OK);
    cr_expect_eq(find(other.dot, "r"), P2PSYNC_ENOTFOUND);
    cr_expect_eq(find(inert.dot, "r"), P2PSYNC_ENOTFOUND);
    cr_expect_eq(find(waiting.dot, "r"), P2PSYNC_ENOTFOUND);
    base.dot.seq = 3;
    cr_expect_eq(find(base.dot, "r"), P2PSYNC_ENOTFOUND);
    base.dot.seq = UINT64_MAX;
    cr_expect_eq(find(base.dot, "r"), P2PSYNC_ENOTFOUND);
    base.dot.seq = 0;
    base.dot.origin.bytes[0] ^= 1;
    cr_expect_eq(find(base.dot, "r"), P2PSYNC_ENOTFOUND);
}

/* ---- before it was deleted ---- */

/* The field n of what comes back, or -1 if nothing does. */
static int64_t undeleted(void)
{
    struct ps_buf value;
    struct ps_reader reader;
    struct ps_txn txn = case_begin(&here, false);
    ps_buf_init(&value, PS_VALUE_SIZE_MAX);
    p2psync_result result = ps_past_undeleted(&txn, case_collection(&here, CASE_NOTES).number,
                                              ps_bytes_text("r"), &value);
    int64_t number = -1;
    if (result == P2PSYNC_OK) {
        ps_reader_init(&reader, ps_value_field(ps_buf_view(&value), ps_bytes_text("n")));
        number = (int64_t)ps_read_uint(&reader);
    } else {
        cr_assert_eq(result, P2PSYNC_ENOTFOUND);
    }
    ps_buf_deinit(&value);
    ps_txn_abort(&txn);
    return number;
}

static struct ps_parent delete_on(struct author *author, uint64_t hlc, struct ps_parent parent)
{
    struct author_change change = {.parent_count = 1, .parents = {parent}};
    return add(author, PS_OP_DELETE, hlc, change);
}

Test(history, goes_back_over_every_delete)
{
    struct ps_parent parent = add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    parent = delete_on(&one, 20, parent);
    (void)delete_on(&two, 30, parent);
    deliver();
    cr_assert_eq(undeleted(), 10);
}

Test(history, brings_back_an_edit_that_was_concurrent_with_the_delete)
{
    struct ps_parent base = add(&one, PS_OP_CREATE, 10, (struct author_change){0});
    (void)add_on(&one, 20, base);
    (void)delete_on(&two, 30, base);
    deliver();
    cr_assert_eq(case_shown(&here, "r"), 20, "the edit beats the delete");
    cr_assert_eq(undeleted(), 20);
}

Test(history, brings_nothing_back_where_nothing_was)
{
    (void)add(&one, PS_OP_DELETE, 10, (struct author_change){0});
    deliver();
    cr_assert_eq(undeleted(), -1);
}
