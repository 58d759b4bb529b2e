/* What a commit promises is on the disk when it returns, and is whole there whenever the power
 * goes. Where a page of data.mdb was written and not flushed yet, a power cut may lose it, and keep
 * what was written after it. */
#include <criterion/criterion.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

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

/* It says so in the store before it writes, and that is on the disk_calls. */
Test(flush, is_left_out_beside_one_who_flushes_only_after_that_is_on_the_disk)
{
    pid_t child = fork();
    if (child == 0) {
        struct ps_store_options options = {
            .dir = here.dir, .map_size_bytes = CASE_MAP_SIZE, .no_flush = true};
        disk_calls_watch(here.dir);
        bool good = ps_store_open(&options, &here.store) == P2PSYNC_OK &&
                    disk_calls.meta_writes == 1 && disk_calls.flushes >= 1 &&
                    disk_calls.meta_early == 0 && disk_calls.meta_unsynced == 0;
        case_set(&here, 1000, "r", 1);
        _exit(good && disk_calls.meta_writes == 2 && disk_calls.meta_unsynced == 1 ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
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

/* A file that was made is there after a power cut only if its name was flushed too. */
Test(flush, of_the_names_comes_with_a_new_store)
{
    cr_assert_eq(disk_calls_dirs.of_store, 1);
    cr_assert_eq(disk_calls_dirs.of_others, 1, "the directory above it");
    case_reopen(&here);
    cr_assert_eq(disk_calls_dirs.of_store, 1, "they are there already");
}

/* LMDB does not know then what is on the disk, and refuses everything to this process. */
Test(flush, of_the_last_page_that_fails_loses_the_store_until_it_is_opened_again)
{
    struct ps_txn txn = {0};
    case_set(&here, 1000, "r", 1);
    disk_calls_watch(here.dir);
    cr_assert_not(ps_store_is_lost(here.store));
    txn = case_begin(&here, true);
    cr_assert_eq(ps_db_put(&txn, PS_DB_META, ps_bytes_text("x"), ps_bytes("1", 1)), P2PSYNC_OK);
    disk_calls.meta_fails = EIO;
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_EIO);
    disk_calls.meta_fails = 0;
    cr_assert(ps_store_is_lost(here.store));
    cr_assert_neq(ps_txn_begin(here.store, true, &txn), P2PSYNC_OK);
    case_reopen(&here);
    cr_assert_not(ps_store_is_lost(here.store));
    cr_assert_eq(case_shown(&here, "r"), 1);
}
