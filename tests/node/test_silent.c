/* The list of connections that have said nothing yet. */
#include <criterion/criterion.h>

#include "node/links/silent.h"

static struct ps_silent silent;
static struct ps_accepted_table links;

static void setup(void)
{
    silent.count = 0;
    ps_accepted_init(&links, 4);
}

static void teardown(void)
{
    ps_accepted_deinit(&links);
}

TestSuite(test_silent, .init = setup, .fini = teardown);

Test(test_silent, gives_each_its_time)
{
    cr_assert_eq(ps_silent_add(&silent, &links, 5), -1);
    cr_assert_eq(ps_silent_deadline_ms(&silent), 0, "its time begins with the next look");
    cr_assert_eq(ps_silent_due(&silent, &links, 100), -1);
    cr_assert_eq(ps_silent_deadline_ms(&silent), 100 + PS_SILENT_MS);
    cr_assert_eq(ps_silent_due(&silent, &links, 100 + PS_SILENT_MS), 5);
    cr_assert_eq(ps_silent_due(&silent, &links, 100 + PS_SILENT_MS), -1);
    cr_assert_eq(ps_silent_deadline_ms(&silent), UINT64_MAX);
}

Test(test_silent, forgets_those_that_speak_or_end)
{
    (void)ps_silent_add(&silent, &links, 5);
    (void)ps_silent_add(&silent, &links, 6);
    ps_silent_remove(&silent, 5);
    ps_silent_remove(&silent, 7);
    (void)ps_silent_due(&silent, &links, 0);
    cr_assert_eq(ps_silent_due(&silent, &links, PS_SILENT_MS), 6);
    cr_assert_eq(ps_silent_due(&silent, &links, PS_SILENT_MS), -1);
}

Test(test_silent, gives_up_the_oldest_when_it_is_full)
{
    for (int i = 0; i < PS_SILENT_MAX; i++) {
        cr_assert_eq(ps_silent_add(&silent, &links, i), -1);
    }
    cr_assert_eq(ps_silent_add(&silent, &links, PS_SILENT_MAX), 0);
    cr_assert_eq(ps_silent_add(&silent, &links, PS_SILENT_MAX + 1), 1);
}

Test(test_silent, never_closes_what_is_a_link)
{
    const struct ps_accepted accepted = {.link = 1, .descriptor = 5};
    (void)ps_silent_add(&silent, &links, 5);
    cr_assert_not_null(ps_accepted_add(&links, &accepted));
    (void)ps_silent_due(&silent, &links, 0);
    cr_assert_eq(ps_silent_due(&silent, &links, PS_SILENT_MS), -1);
}
