/* Copies, restored files and unclean ends are told from the original, and nothing else is. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/env/stamp.h"
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

/* How a backup comes back. */
enum { WHOLE, DATA_ALONE, STAMP_ALONE, ONLY_WHAT_DIFFERS, RENAMED };

/* Write `from` over what is in the file `to`, which keeps its inode, and set its times as they were
 * in the backup. */
static void put_back(const char *dir, const char *name, int how)
{
    static uint8_t old[1024 * 1024];
    static uint8_t now[1024 * 1024];
    char from[256];
    char to[256];
    struct stat info;
    (void)snprintf(from, sizeof from, "%s/%s", dir, name);
    (void)snprintf(to, sizeof to, "%s/%s", here.dir, name);
    if (how == RENAMED) {
        cr_assert_eq(rename(from, to), 0);
        return;
    }
    int in = open(from, O_RDONLY | O_CLOEXEC);
    int out =
        open(to, O_RDWR | O_CREAT | O_CLOEXEC | (how == ONLY_WHAT_DIFFERS ? 0 : O_TRUNC), 0600);
    ssize_t size = pread(in, old, sizeof old, 0);
    ssize_t there = pread(out, now, sizeof now, 0);
    cr_assert_eq(fstat(in, &info), 0);
    if (size != there || memcmp(old, now, (size_t)size) != 0) {
        cr_assert_eq(pwrite(out, old, (size_t)size, 0), size);
        cr_assert_eq(ftruncate(out, size), 0);
        const struct timespec times[2] = {info.st_atim, info.st_mtim};
        cr_assert_eq(futimens(out, times), 0);
    }
    cr_assert_eq(close(in), 0);
    cr_assert_eq(close(out), 0);
}

static void back_up(const char *dir)
{
    copy_file("data.mdb", dir, "data.mdb");
    copy_file("stamp", dir, "stamp");
    copy_file("clean", dir, "clean");
}

static void bring_back(const char *dir, int how)
{
    if (how != STAMP_ALONE) {
        put_back(dir, "data.mdb", how);
    }
    if (how != DATA_ALONE) {
        put_back(dir, "stamp", how);
    }
    if (how == WHOLE || how == ONLY_WHAT_DIFFERS) {
        put_back(dir, "clean", how);
    }
}

/* A backup is made of a device, which then writes more, and another device gets that. The backup
 * comes back. What the device writes from then on must be seen by the other. */
static void come_back(int how)
{
    char backup[sizeof here.dir + 16];
    struct store_case other = {.store = NULL};
    struct exchange whole = {.prng = NULL};
    (void)snprintf(backup, sizeof backup, "%s-backup-XXXXXX", here.dir);
    cr_assert_not_null(mkdtemp(backup));
    case_open(&other, 2);
    uint64_t before = incarnation();
    case_set(&here, 1000, "r", 1);
    ps_store_destroy(&here.store);
    back_up(backup);
    case_reopen(&here);
    case_set(&here, 2000, "lost", 1);
    case_exchange(&here, &other, &whole);
    (void)case_apply(&other);
    ps_store_destroy(&here.store);
    bring_back(backup, how);
    case_reopen(&here);
    cr_assert_neq(incarnation(), before, "%d", how);
    here.identity.incarnation = incarnation();
    case_set(&here, 3000, "later", 7);
    case_exchange(&here, &other, &whole);
    (void)case_apply(&other);
    cr_assert_eq(case_shown(&other, "later"), 7, "%d", how);
    cr_assert_eq(case_shown(&other, "lost"), 1, "%d", how);
    case_exchange(&other, &here, &whole);
    (void)case_apply(&here);
    cr_assert_eq(case_shown(&here, "lost"), 1, "%d", how);
    cr_assert(case_same_records(&here, &other), "%d", how);
    uint64_t after = incarnation();
    case_reopen(&here);
    cr_assert_eq(incarnation(), after, "%d", how);
    case_close(&other);
    case_remove_dir(backup);
}

Test(stamp, backup_copied_back_in_place_is_noticed)
{
    come_back(WHOLE);
}

Test(stamp, data_file_alone_copied_back_in_place_is_noticed)
{
    come_back(DATA_ALONE);
}

Test(stamp, backup_brought_back_by_writing_only_what_differs_is_noticed)
{
    come_back(ONLY_WHAT_DIFFERS);
}

Test(stamp, stamp_alone_copied_back_is_noticed)
{
    come_back(STAMP_ALONE);
}

Test(stamp, data_file_put_back_from_a_copy_is_noticed)
{
    come_back(RENAMED);
}

/* A copy that was made while the store was open, put back after a kill. */
Test(stamp, copy_of_an_open_store_is_noticed)
{
    char backup[sizeof here.dir + 16];
    (void)snprintf(backup, sizeof backup, "%s-backup-XXXXXX", here.dir);
    cr_assert_not_null(mkdtemp(backup));
    here.flush = true;
    case_reopen(&here);
    uint64_t before = incarnation();
    case_set(&here, 1000, "r", 1);
    copy_file("data.mdb", backup, "data.mdb");
    copy_file("stamp", backup, "stamp");
    case_set(&here, 2000, "r", 2);
    ps_store_destroy(&here.store);
    put_back(backup, "data.mdb", DATA_ALONE);
    case_reopen(&here);
    cr_assert_neq(incarnation(), before);
    case_remove_dir(backup);
}

Test(stamp, reading_alone_writes_nothing_at_the_end)
{
    case_reopen(&here);
    here.flush = true;
    case_reopen(&here);
    uint64_t commit = ps_store_txn_id(here.store);
    case_reopen(&here);
    cr_assert_eq(ps_store_txn_id(here.store), commit + 1, "the first open alone drew the stamp");
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

/* A process that flushes has the store open, and beside it one that does not flush writes and ends
 * without closing. Then the first one ends too. */
static void end_beside(bool well)
{
    ps_store_destroy(&here.store);
    here.flush = true;
    pid_t first = fork();
    if (first == 0) {
        int status = 0;
        case_reopen(&here);
        pid_t second = fork();
        if (second == 0) {
            struct ps_store_options options = {
                .dir = here.dir, .map_size_bytes = CASE_MAP_SIZE, .no_flush = true};
            cr_assert_eq(ps_store_open(&options, &here.store), P2PSYNC_OK);
            case_set(&here, 1000, "r", 1);
            _exit(0);
        }
        bool good = waitpid(second, &status, 0) == second && status == 0;
        if (well) {
            ps_store_destroy(&here.store);
        }
        _exit(good ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(first, &status, 0), first);
    cr_assert_eq(status, 0);
    case_reopen(&here);
    cr_assert_eq(case_shown(&here, "r"), 1);
}

Test(stamp, unclean_end_of_one_that_does_not_flush_beside_another_gets_a_new_incarnation)
{
    uint64_t before = incarnation();
    end_beside(false);
    cr_assert_neq(incarnation(), before);
}

Test(stamp, mark_of_one_that_does_not_flush_beside_another_goes_with_the_last)
{
    uint64_t before = incarnation();
    end_beside(true);
    cr_assert_eq(incarnation(), before);
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

Test(stamp, who_takes_it_keeps_everybody_out)
{
    struct ps_stamp stamp;
    int dir_fd = open(here.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq(ps_stamp_take(dir_fd, &stamp), P2PSYNC_EBUSY, "the store is open");
    ps_store_destroy(&here.store);
    cr_assert_eq(ps_stamp_take(dir_fd, &stamp), P2PSYNC_OK);
    const struct ps_store_options options = {
        .dir = here.dir, .map_size_bytes = CASE_MAP_SIZE, .stamp = &stamp};
    cr_assert_eq(ps_store_open(&options, &here.store), P2PSYNC_OK, "but not itself");
    ps_store_destroy(&here.store);
    struct ps_stamp other;
    cr_assert_eq(ps_stamp_take(dir_fd, &other), P2PSYNC_EBUSY, "closing the store keeps it");
    ps_stamp_release(&stamp);
    cr_assert_eq(ps_stamp_take(dir_fd, &stamp), P2PSYNC_OK);
    ps_stamp_release(&stamp);
    cr_assert_eq(close(dir_fd), 0);
    case_reopen(&here);
}

/* Wait until the kernel lists a process as one that waits for a lock. */
static void await_blocked(pid_t pid)
{
    char line[256];
    char who[32];
    bool blocked = false;
    (void)snprintf(who, sizeof who, " %lld ", (long long)pid);
    while (!blocked) {
        FILE *locks = fopen("/proc/locks", "re");
        cr_assert_not_null(locks);
        while (fgets(line, sizeof line, locks) != NULL) {
            blocked = blocked || (strstr(line, "-> FLOCK") != NULL && strstr(line, who) != NULL);
        }
        cr_assert_eq(fclose(locks), 0);
    }
}

/* Who waits for the lock finds another directory there once it is free, with a stamp of its own or
 * none yet. */
static void replace_while_one_waits(bool with_stamp)
{
    struct ps_stamp stamp;
    int status = 0;
    ps_store_destroy(&here.store);
    int dir_fd = open(here.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert_eq(ps_stamp_take(dir_fd, &stamp), P2PSYNC_OK);
    pid_t child = fork();
    if (child == 0) {
        struct ps_store *store = NULL;
        const struct ps_store_options options = {.dir = here.dir, .map_size_bytes = CASE_MAP_SIZE};
        (void)close(stamp.fd); /* which would keep the lock */
        _exit(ps_store_open(&options, &store) == P2PSYNC_EBUSY ? 0 : 1);
    }
    await_blocked(child);
    cr_assert_eq(unlinkat(dir_fd, "stamp", 0), 0);
    if (with_stamp) {
        cr_assert_eq(close(openat(dir_fd, "stamp", O_RDWR | O_CREAT | O_CLOEXEC, 0600)), 0);
    }
    ps_stamp_release(&stamp);
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    cr_assert_eq(close(dir_fd), 0);
    case_reopen(&here);
}

Test(stamp, who_waits_while_the_directory_is_replaced_does_not_open_it)
{
    replace_while_one_waits(true);
}

Test(stamp, who_waits_while_the_directory_is_removed_does_not_open_it)
{
    replace_while_one_waits(false);
}
