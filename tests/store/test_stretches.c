/* A record's past in stretches: all of it, each change once, wherever one ends. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/history/history.h"
#include "store/history/past.h"
#include "store/history/revert.h"
#include "tests/lib/author.h"
#include "wire/map.h"

static struct store_case here;
static struct author one;
static struct author two;
static struct ps_history history;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&one, 2);
    author_init(&two, 3);
}

static void teardown(void)
{
    ps_history_deinit(&history);
    author_deinit(&two);
    author_deinit(&one);
    case_close(&here);
}

TestSuite(stretches, .init = setup, .fini = teardown, .timeout = 300);

/* A change of "r" that is a whole value: a chain of these may be as long as one likes. */
static struct ps_parent add(struct author *author, uint64_t hlc, struct author_change change)
{
    struct ps_buf buf;
    ps_buf_init(&buf, 64);
    change.id = "r";
    change.op_and_flags = change.parent_count == 0 ? PS_OP_CREATE : PS_OP_UPDATE | PS_CHANGE_FULL;
    change.hlc = hlc;
    change.fields = case_fields(&buf, "n", (int64_t)hlc);
    struct ps_parent made = author_add(author, &change);
    ps_buf_deinit(&buf);
    return made;
}

static struct ps_parent create(struct author *author, uint64_t hlc)
{
    return add(author, hlc, (struct author_change){.parent_count = 0});
}

static struct ps_parent add_on(struct author *author, uint64_t hlc, struct ps_parent parent)
{
    return add(author, hlc, (struct author_change){.parent_count = 1, .parents = {parent}});
}

static void deliver(void)
{
    author_deliver_all(&one, &here);
    if (two.count > 0) {
        author_deliver_all(&two, &here);
    }
    (void)case_apply(&here);
}

static p2psync_result read_first(struct ps_txn *txn)
{
    ps_history_deinit(&history);
    return ps_history_read(txn, case_collection(&here, CASE_NOTES).number, ps_bytes_text("r"),
                           &history);
}

static p2psync_result read_since(struct ps_txn *txn, uint64_t hlc)
{
    ps_history_deinit(&history);
    return ps_history_read_since(txn, case_collection(&here, CASE_NOTES).number, ps_bytes_text("r"),
                                 hlc, &history);
}

/* Read all of "r" and check that it comes in order, and that parents come behind their children.
 * Returns how many stretches it took. */
static size_t check_stretches(struct ps_txn *txn, size_t expected)
{
    struct ps_history_change last = {.hlc = UINT64_MAX};
    size_t stretches = 0;
    size_t count = 0;
    p2psync_result result = read_first(txn);
    while (result == P2PSYNC_OK) {
        for (size_t i = 0; i < history.count; i++) {
            const struct ps_history_change *change = &history.changes[i];
            cr_assert(count == 0 || change->hlc < last.hlc || change->hlc == UINT64_MAX);
            for (size_t j = 0; j < change->parent_count; j++) {
                size_t parent = history.parents[change->first_parent + j];
                cr_assert(parent > i && parent < history.count + history.further_count);
            }
            last = *change;
            count++;
        }
        stretches++;
        result = ps_history_read_on(txn, &history);
    }
    cr_expect_eq(result, P2PSYNC_EEND);
    cr_expect_eq(count, expected, "%zu changes", count);
    return stretches;
}

/* PS_HISTORY_MAX changes of one record, and then one more. */
Test(stretches, takes_no_more_changes_at_once_than_its_limit)
{
    static struct ps_edit edits[PS_TRANSACTION_CHANGES_MAX];
    static uint8_t fields[PS_TRANSACTION_CHANGES_MAX][8];
    case_close(&here);
    here.map_size = UINT64_C(1) << 30;
    case_open(&here, 1);
    for (size_t i = 0; i < PS_TRANSACTION_CHANGES_MAX; i++) {
        fields[i][0] = 0x81; /* {"n": uint 32} */
        fields[i][1] = 0xa1;
        fields[i][2] = 'n';
        fields[i][3] = 0xce;
        ps_put_u32(fields[i] + 4, 100000 + (uint32_t)i);
        edits[i] = (struct ps_edit){
            .kind = PS_EDIT_PUT, .id = ps_bytes_text("r"), .fields = ps_bytes(fields[i], 8)};
    }
    struct ps_write write = {.collection = ps_bytes_text(CASE_NOTES),
                             .now_ms = 1000,
                             .edits = edits,
                             .edit_count = PS_TRANSACTION_CHANGES_MAX};
    cr_assert_eq(PS_HISTORY_MAX % PS_TRANSACTION_CHANGES_MAX, 0);
    for (size_t i = 0; i < PS_HISTORY_MAX / PS_TRANSACTION_CHANGES_MAX; i++) {
        cr_assert_eq(case_write(&here, &write, NULL), P2PSYNC_OK);
    }
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(read_since(&txn, 1), P2PSYNC_OK);
    cr_assert_eq(history.count, PS_HISTORY_MAX);
    for (size_t i = 0; i < history.count; i++) {
        cr_assert_eq(history.changes[i].dot.seq, PS_HISTORY_MAX - 1 - i);
    }
    ps_txn_abort(&txn);
    case_set(&here, 5000, "r", 1);
    txn = case_begin(&here, false);
    cr_expect_eq(read_since(&txn, 1), P2PSYNC_ELIMIT);
    cr_assert_eq(read_first(&txn), P2PSYNC_OK);
    cr_expect_eq(read_since(&txn, history.changes[0].hlc), P2PSYNC_OK);
    cr_expect_eq(history.count, 1);
    cr_expect_eq(history.further_count, 1);
    check_stretches(&txn, PS_HISTORY_MAX + 1);
    struct ps_revert_plan plan = {.count = 0};
    struct ps_revert_of of = {.collection = history.collection, .device = here.identity.device};
    cr_expect_eq(ps_revert_plan(&txn, &of, &plan), P2PSYNC_ELIMIT);
    ps_revert_deinit(&plan);
    of.since_ms = 5000;
    cr_expect_eq(ps_revert_plan(&txn, &of, &plan), P2PSYNC_OK);
    cr_expect_eq(plan.count, 1);
    ps_revert_deinit(&plan);
    ps_txn_abort(&txn);
}

/* Two branches that never meet, on what was edited a while: each change comes once, in order, and
 * its parents are behind it, in its stretch or further back. */
Test(stretches, goes_on_where_a_stretch_ended)
{
    struct ps_parent base = create(&one, 1);
    for (uint64_t hlc = 2; hlc <= 200; hlc++) {
        base = add_on(&one, hlc, base);
    }
    struct ps_parent tip[2] = {base, base};
    for (uint64_t hlc = 1000; hlc < 2800; hlc++) {
        tip[hlc % 2] = add_on(hlc % 2 == 0 ? &one : &two, hlc, tip[hlc % 2]);
    }
    deliver();
    struct ps_txn txn = case_begin(&here, false);
    cr_expect_gt(check_stretches(&txn, 2000), 1);
    ps_txn_abort(&txn);
}

/* There times order nothing, so all of it is in one. */
Test(stretches, ends_no_stretch_at_the_end_of_time)
{
    struct ps_parent parent = create(&one, 1);
    for (size_t i = 0; i < 2000; i++) {
        parent = add_on(i % 2 == 0 ? &one : &two, UINT64_MAX, parent);
    }
    deliver();
    struct ps_txn txn = case_begin(&here, false);
    cr_expect_eq(read_first(&txn), P2PSYNC_OK);
    cr_expect_eq(history.count, 2000);
    cr_expect_eq(check_stretches(&txn, 2001), 2);
    ps_txn_abort(&txn);
}

/* Two histories of one log that forks: the second change of one is the latest of all, that of the
 * other is stretches further back. Both are called apart all the same. */
Test(stretches, tells_versions_apart_that_are_in_different_stretches)
{
    struct author rival;
    struct ps_dot seen[2];
    size_t count = 0;
    author_init(&rival, 2); /* the same key as one's */
    struct ps_parent tip = create(&one, 1);
    (void)add_on(&rival, 5000, create(&rival, 1));
    for (uint64_t hlc = 2; hlc < 1090; hlc++) {
        tip = add_on(&one, hlc, tip);
    }
    deliver();
    const struct author_delivery all = {.to = 2, .head_size = 2};
    (void)author_deliver_branch(&rival, &here, &all);
    (void)case_apply(&here);
    author_deinit(&rival);
    struct ps_txn txn = case_begin(&here, false);
    for (p2psync_result result = read_first(&txn); result == P2PSYNC_OK;
         result = ps_history_read_on(&txn, &history)) {
        for (size_t i = 0; i < history.count; i++) {
            if (history.changes[i].dot.seq == 1) {
                cr_assert_lt(count, 2);
                seen[count] = history.changes[i].dot;
                count++;
            }
        }
    }
    cr_assert_eq(count, 2);
    cr_expect_neq(ps_dot_compare(seen[0], seen[1]), 0);
    for (size_t i = 0; i < 2; i++) {
        struct ps_found found;
        cr_expect_eq(ps_past_find(&txn, history.collection, ps_bytes_text("r"), seen[i], &found),
                     P2PSYNC_OK);
        cr_expect_eq(found.skeleton.hlc, i == 0 ? 5000 : 2);
    }
    ps_txn_abort(&txn);
}

Test(stretches, makes_a_stretch_shorter_where_bodies_are_large)
{
    static uint8_t big[PS_VALUE_SIZE_MAX - 64];
    for (uint8_t i = 0; i < 20; i++) {
        struct ps_buf fields;
        struct ps_writer writer;
        struct ps_map map;
        big[0] = i;
        ps_buf_init(&fields, PS_VALUE_SIZE_MAX);
        ps_writer_init(&writer, &fields);
        ps_map_begin(&map, &writer);
        ps_map_key(&map, "n");
        ps_write_bin(&writer, ps_bytes(big, sizeof big));
        ps_map_end(&map);
        cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
        cr_assert_eq(case_put(&here, CASE_NOTES, "r", ps_buf_view(&fields)), P2PSYNC_OK);
        ps_buf_deinit(&fields);
    }
    struct ps_txn txn = case_begin(&here, false);
    cr_expect_gt(check_stretches(&txn, 20), 2);
    ps_txn_abort(&txn);
}

/* What is further back than a time has come to one value. */
Test(stretches, reads_back_to_where_all_was_one)
{
    struct ps_parent base = create(&one, 1);
    struct ps_parent before = add_on(&one, 10, base);
    (void)add_on(&two, 20, before);
    (void)add_on(&one, 30, add_on(&one, 25, before));
    deliver();
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(read_since(&txn, 28), P2PSYNC_OK);
    cr_expect_eq(history.count, 3); /* 20 has another parent than what is shown of 25 */
    cr_expect_eq(history.further_count, 1);
    cr_expect_eq(history.changes[3].hlc, 10);
    cr_assert_eq(read_since(&txn, 5), P2PSYNC_OK);
    cr_expect_eq(history.count, 4);
    cr_expect_eq(history.changes[4].hlc, 1);
    cr_assert_eq(read_since(&txn, 0), P2PSYNC_OK);
    cr_expect_eq(history.count, 5);
    cr_expect_eq(history.further_count, 0);
    ps_txn_abort(&txn);
}
