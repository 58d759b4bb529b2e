#include <criterion/criterion.h>

#include "node/links/accepted.h"

static struct ps_accepted_table table;

static void setup(void)
{
    ps_accepted_init(&table, 3);
}

static void teardown(void)
{
    ps_accepted_deinit(&table);
}

TestSuite(test_accepted, .init = setup, .fini = teardown);

static struct ps_accepted *add(uint64_t link, int descriptor)
{
    return ps_accepted_add(&table, &(struct ps_accepted){.link = link, .descriptor = descriptor});
}

/* Look at what is due until nothing is suspected any more; how often that was, and until when. */
static size_t look_out(uint64_t now_ms, uint64_t *end_ms)
{
    size_t looks = 0;
    while (table.deadline_ms != UINT64_MAX) {
        now_ms = table.deadline_ms > now_ms ? table.deadline_ms : now_ms;
        while (ps_accepted_due(&table, now_ms)) {
            looks++;
        }
    }
    *end_ms = now_ms;
    return looks;
}

Test(test_accepted, holds_no_more_than_its_limit)
{
    for (uint64_t link = 0; link < 3; link++) {
        cr_assert_not_null(add(link, 5));
    }
    cr_assert_null(add(3, 5));
    cr_assert_not_null(ps_accepted_find(&table, 2));
    cr_assert_null(ps_accepted_find(&table, 3));
}

Test(test_accepted, looks_at_a_suspected_link_ten_times_within_seconds_then_trusts_it)
{
    uint64_t end_ms = 0;
    add(1, 5);
    cr_assert_null(ps_accepted_due(&table, 0));
    ps_accepted_suspect(&table, 5);
    cr_assert_eq(look_out(1000, &end_ms), 10);
    cr_assert_geq(end_ms, 1000 + 1000);
    cr_assert_leq(end_ms, 1000 + 5000);
}

Test(test_accepted, suspects_only_links_of_the_ended_descriptor)
{
    uint64_t end_ms = 0;
    add(1, 5);
    add(2, 6);
    look_out(0, &end_ms);
    ps_accepted_suspect(&table, 6);
    const struct ps_accepted *due = ps_accepted_due(&table, end_ms);
    cr_assert_eq(due, ps_accepted_find(&table, 2));
    cr_assert_null(ps_accepted_due(&table, end_ms));
    cr_assert_gt(table.deadline_ms, end_ms);
}

Test(test_accepted, ends_each_gone_link_once_and_looks_at_it_no_more)
{
    uint64_t end_ms = 0;
    add(1, 5);
    add(2, 6);
    ps_accepted_suspect(&table, 5);
    ps_accepted_suspect(&table, 6);
    ps_accepted_set_gone(&table, ps_accepted_find(&table, 1));
    cr_assert_eq(look_out(0, &end_ms), 10);
    cr_assert_eq(ps_accepted_end_gone(&table), ps_accepted_find(&table, 1));
    cr_assert(ps_accepted_find(&table, 1)->ended);
    cr_assert_null(ps_accepted_end_gone(&table));
    cr_assert_not(ps_accepted_find(&table, 2)->ended);
    ps_accepted_remove(&table, ps_accepted_find(&table, 1));
    cr_assert_eq(table.gone_count, 0);
    cr_assert_not_null(ps_accepted_find(&table, 2));
}

Test(test_accepted, forgets_a_removed_link_that_was_gone)
{
    add(1, 5);
    ps_accepted_set_gone(&table, ps_accepted_find(&table, 1));
    ps_accepted_remove(&table, ps_accepted_find(&table, 1));
    cr_assert_null(ps_accepted_end_gone(&table));
    cr_assert_eq(table.gone_count, 0);
    cr_assert_eq(table.count, 0);
}

/* It was hung up: the other side has half a second to close it. */
Test(test_accepted, closes_a_muted_link_once_after_a_moment)
{
    uint64_t end_ms = 0;
    cr_assert_not_null(add(1, 5));
    (void)look_out(1000, &end_ms);
    ps_accepted_mute(&table, ps_accepted_find(&table, 1));
    cr_assert_eq(table.deadline_ms, 0);
    cr_assert_null(ps_accepted_due(&table, end_ms));
    cr_assert_null(ps_accepted_overdue(&table, end_ms));
    uint64_t deadline_ms = table.deadline_ms;
    cr_assert_gt(deadline_ms, end_ms);
    cr_assert_eq(ps_accepted_overdue(&table, deadline_ms)->descriptor, 5);
    cr_assert_null(ps_accepted_overdue(&table, deadline_ms));
}
