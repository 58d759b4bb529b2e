/* Copies, restored files and unclean ends are told from the original, and nothing else is. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/store_case.h"

static struct store_case here;

static void setup(void)
{
    case_open(&here, 1);
}

static void teardown(void)
{
    case_close(&here);
}

TestSuite(stamp, .init = setup, .fini = teardown, .timeout = 120);

static uint64_t incarnation(void)
{
    struct ps_identity identity;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_identity_read(&txn, &identity), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return identity.incarnation;
}

/* Copy one file of the store to a new one. */
static void copy_file(const char *name, const char *to_dir, const char *to_name)
{
    char from[256];
    char to[256];
    static uint8_t bytes[1024 * 1024];
    (void)snprintf(from, sizeof from, "%s/%s", here.dir, name);
    (void)snprintf(to, sizeof to, "%s/%s", to_dir, to_name);
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t size = read(in, bytes, sizeof bytes);
    cr_assert_eq(write(out, bytes, (size_t)size), size);
    cr_assert_eq(close(in), 0);
    cr_assert_eq(close(out), 0);
}

Test(stamp, reopening_keeps_the_incarnation)
{
    uint64_t before = incarnation();
    case_reopen(&here);
    cr_assert_eq(incarnation(), before);
    here.flush = true;
    case_reopen(&here);
    case_reopen(&here);
    cr_assert_eq(incarnation(), before);
}

Test(stamp, copied_directory_gets_a_new_incarnation_and_the_original_keeps_its_own)
{
    char copy[] = "/tmp/p2psync-copy-XXXXXX";
    char original[sizeof here.dir];
    cr_assert_not_null(mkdtemp(copy));
    uint64_t before = incarnation();
    ps_store_destroy(&here.store);
    copy_file("data.mdb", copy, "data.mdb");
    copy_file("stamp", copy, "stamp");
    memcpy(original, here.dir, sizeof original);
    memcpy(here.dir, copy, sizeof copy);
    case_reopen(&here);
    cr_assert_neq(incarnation(), before);
    uint64_t in_copy = incarnation();
    case_reopen(&here);
    cr_assert_eq(incarnation(), in_copy);
    case_close(&here);
    memcpy(here.dir, original, sizeof original);
    case_reopen(&here);
    cr_assert_eq(incarnation(), before);
}

Test(stamp, data_file_put_back_from_a_copy_gets_a_new_incarnation)
{
    char path[256];
    char backup[256];
    uint64_t before = incarnation();
    ps_store_destroy(&here.store);
    copy_file("data.mdb", here.dir, "backup");
    (void)snprintf(path, sizeof path, "%s/data.mdb", here.dir);
    (void)snprintf(backup, sizeof backup, "%s/backup", here.dir);
    cr_assert_eq(rename(backup, path), 0);
    case_reopen(&here);
    cr_assert_neq(incarnation(), before);
}

static void end_uncleanly(bool flush)
{
    ps_store_destroy(&here.store);
    pid_t child = fork();
    if (child == 0) {
        here.flush = flush;
        case_reopen(&here);
        case_set(&here, 1000, "r", 1);
        _exit(0);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
}

Test(stamp, unclean_end_without_flushing_gets_a_new_incarnation)
{
    uint64_t before = incarnation();
    end_uncleanly(false);
    here.flush = true;
    case_reopen(&here);
    cr_assert_neq(incarnation(), before);
    before = incarnation();
    case_reopen(&here);
    cr_assert_eq(incarnation(), before);
}

Test(stamp, unclean_end_with_flushing_keeps_the_incarnation)
{
    uint64_t before = incarnation();
    end_uncleanly(true);
    case_reopen(&here);
    cr_assert_eq(incarnation(), before);
    cr_assert_eq(case_shown(&here, "r"), 1);
}

Test(stamp, second_process_does_not_take_the_first_for_an_unclean_end)
{
    uint64_t before = incarnation(); /* the store is open here, and not flushed */
    pid_t child = fork();
    if (child == 0) {
        struct ps_store_options options = {.dir = here.dir, .map_size_bytes = CASE_MAP_SIZE};
        struct ps_store *store = NULL;
        bool good = ps_store_open(&options, &store) == P2PSYNC_OK;
        ps_store_destroy(&store);
        _exit(good ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    cr_assert_eq(incarnation(), before);
    case_reopen(&here);
    cr_assert_eq(incarnation(), before);
}
