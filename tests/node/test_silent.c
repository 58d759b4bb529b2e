/* The list of connections that have said nothing yet. */
#include <criterion/criterion.h>

#include "node/links/silent.h"

#define PART (PS_SILENT_MAX / PS_SILENT_PART)

static struct ps_silent silent;
static struct ps_accepted_table links;

static void setup(void)
{
    ps_silent_init(&silent, PS_SILENT_MAX, PS_SILENT_MS);
    ps_accepted_init(&links, 4);
}

static void teardown(void)
{
    ps_accepted_deinit(&links);
}

/* A connection from an address; who must be closed. */
static int add(int descriptor, uint64_t from)
{
    return ps_silent_add(&silent, &links, descriptor, from, false);
}

TestSuite(test_silent, .init = setup, .fini = teardown);

Test(test_silent, gives_each_its_time)
{
    cr_assert_eq(add(5, 1), -1);
    cr_assert_eq(ps_silent_deadline_ms(&silent), 0, "its time begins with the next look");
    cr_assert_eq(ps_silent_due(&silent, &links, 100), -1);
    cr_assert_eq(ps_silent_deadline_ms(&silent), 100 + PS_SILENT_MS);
    cr_assert_eq(ps_silent_due(&silent, &links, 100 + PS_SILENT_MS), 5);
    cr_assert_eq(ps_silent_due(&silent, &links, 100 + PS_SILENT_MS), -1);
    cr_assert_eq(ps_silent_deadline_ms(&silent), UINT64_MAX);
}

Test(test_silent, forgets_those_that_speak_or_end)
{
    (void)add(5, 1);
    (void)add(6, 1);
    ps_silent_remove(&silent, 5);
    ps_silent_remove(&silent, 7);
    (void)ps_silent_due(&silent, &links, 0);
    cr_assert_eq(ps_silent_due(&silent, &links, PS_SILENT_MS), 6);
    cr_assert_eq(ps_silent_due(&silent, &links, PS_SILENT_MS), -1);
}

Test(test_silent, gives_up_the_oldest_when_it_is_full)
{
    for (int i = 0; i < PS_SILENT_MAX; i++) {
        cr_assert_eq(add(i, (uint64_t)i), -1);
    }
    cr_assert_eq(add(PS_SILENT_MAX, PS_SILENT_MAX), 0);
    cr_assert_eq(add(PS_SILENT_MAX + 1, PS_SILENT_MAX + 1), 1);
}

Test(test_silent, gives_one_address_a_part_of_the_room)
{
    (void)add(0, 7);
    for (int i = 1; i <= PART; i++) {
        cr_assert_eq(add(i, 9), -1);
    }
    cr_assert_eq(add(PART + 1, 9), 1);
    cr_assert_eq(add(PART + 2, 9), 2);
}

/* Who has few connections is not pushed out by those who have many. */
Test(test_silent, takes_room_from_who_has_most)
{
    (void)add(0, 7);
    for (int i = 1; i < PS_SILENT_MAX; i++) {
        cr_assert_eq(add(i, 8 + (uint64_t)(i % PS_SILENT_PART)), -1);
    }
    int oldest = add(PS_SILENT_MAX, 7);
    cr_assert_gt(oldest, 0);
    cr_assert_lt(oldest, PS_SILENT_MAX);
}

/* No descriptors are left, though the list has room: who came last may be the only one. */
Test(test_silent, gives_up_one_when_room_is_short_elsewhere)
{
    cr_assert_eq(ps_silent_add(&silent, &links, 5, 1, true), 5);
    (void)add(6, 1);
    (void)add(7, 1);
    cr_assert_eq(ps_silent_add(&silent, &links, 8, 2, true), 6);
}

Test(test_silent, never_closes_what_is_a_link)
{
    const struct ps_accepted accepted = {.link = 1, .descriptor = 5};
    (void)add(5, 1);
    cr_assert_not_null(ps_accepted_add(&links, &accepted));
    (void)ps_silent_due(&silent, &links, 0);
    cr_assert_eq(ps_silent_due(&silent, &links, PS_SILENT_MS), -1);
}
