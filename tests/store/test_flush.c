/* What a commit promises is on the disk when it returns, and is whole there whenever the power
 * goes. Where a page of data.mdb was written and not flushed yet, a power cut may lose it, and keep
 * what was written after it. */
#include <criterion/criterion.h>

#include "tests/lib/disk_calls.h"
#include "tests/lib/store_case.h"

static struct store_case here;

static void setup(void)
{
    here.flush = true;
    case_open(&here, 1);
}

static void teardown(void)
{
    case_close(&here);
}

TestSuite(flush, .init = setup, .fini = teardown, .timeout = 300);

Test(flush, of_its_pages_and_then_of_their_meta_page_ends_every_commit)
{
    disk_calls_watch(here.dir);
    for (unsigned i = 1; i <= 5; i++) {
        case_set(&here, 1000 + i, "r", i);
        cr_assert_eq(disk_calls.meta_writes, i, "one commit each");
        cr_assert_eq(disk_calls.meta_early, 0,
                     "the meta page was written before what it points to");
        cr_assert_eq(disk_calls.meta_unsynced, 0, "the meta page was not flushed");
        cr_assert_eq(disk_calls.unflushed, 0, "pages were not flushed");
        cr_assert_eq(disk_calls.flushes, i, "no more than one for each commit");
    }
    case_set(&here, 2000, "r", 5);
    cr_assert_eq(disk_calls.meta_writes, 5, "what changes nothing writes nothing");
}

/* What --no-flush leaves out, and makes up for at a clean end. */
Test(flush, is_left_to_the_system_where_that_is_asked_for)
{
    here.flush = false;
    case_reopen(&here);
    disk_calls_watch(here.dir);
    case_set(&here, 1000, "r", 1);
    cr_assert_eq(disk_calls.flushes, 0);
    cr_assert_gt(disk_calls.unflushed, 0);
    ps_store_destroy(&here.store);
    cr_assert_eq(disk_calls.unflushed, 0, "a clean end flushes what was not flushed");
    cr_assert_geq(disk_calls.flushes, 1);
}
