/* The simulated disk, and what a store asks of it: how often a commit flushes, and what is left
 * when the power fails. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/store_case.h"
#include "tests/sim/disk.h"

#define FLUSHES_OF_A_COMMIT 2 /* its pages, and then the page that makes them valid */
#define PAGES               16
#define PAGE_SIZE           4096

static struct store_case here;
static char dir[] = "/tmp/p2psync-disk-XXXXXX";
static char path[64];
static uint8_t page[PAGE_SIZE];

static void watch_store(bool flush)
{
    here.flush = flush;
    case_open(&here, 1);
    case_set(&here, 1000, "r", 1);
    sim_disk_watch(here.dir);
}

static void end(void)
{
    sim_disk_unwatch();
    if (here.store != NULL) {
        case_close(&here);
    } else {
        case_remove_dir(dir);
    }
}

TestSuite(disk, .fini = end, .timeout = 60);

Test(disk, a_commit_flushes_its_pages_and_then_itself)
{
    watch_store(true);
    for (unsigned i = 0; i < 10; i++) {
        uint64_t before = sim_disk_flushes();
        case_set(&here, 1000 + i, "r", i);
        cr_assert_eq(sim_disk_flushes() - before, FLUSHES_OF_A_COMMIT);
    }
}

Test(disk, a_transaction_of_many_records_flushes_no_more)
{
    struct ps_buf fields;
    struct ps_edit edits[100];
    char ids[100][8];
    watch_store(true);
    ps_buf_init(&fields, 64);
    for (unsigned i = 0; i < 100; i++) {
        (void)snprintf(ids[i], sizeof ids[i], "%u", i);
        edits[i] = (struct ps_edit){.kind = PS_EDIT_PUT,
                                    .id = ps_bytes_text(ids[i]),
                                    .fields = case_fields(&fields, "n", 1)};
    }
    struct ps_write write = {
        .collection = ps_bytes_text(CASE_NOTES), .now_ms = 1000, .edits = edits, .edit_count = 100};
    uint64_t before = sim_disk_flushes();
    cr_assert_eq(case_write(&here, &write, NULL), P2PSYNC_OK);
    cr_assert_eq(sim_disk_flushes() - before, FLUSHES_OF_A_COMMIT);
    ps_buf_deinit(&fields);
}

Test(disk, a_store_without_flushing_waits_for_no_disk)
{
    watch_store(false);
    uint64_t before = sim_disk_flushes();
    case_set(&here, 1000, "r", 2);
    cr_assert_eq(sim_disk_flushes(), before);
}

Test(disk, reading_flushes_nothing)
{
    watch_store(true);
    uint64_t before = sim_disk_flushes();
    cr_assert_eq(case_shown(&here, "r"), 1);
    cr_assert_eq(sim_disk_flushes(), before);
}

/* A file of pages that were flushed when they held 1, and hold 2 now. */
static int write_twice(void)
{
    cr_assert_not_null(mkdtemp(dir));
    sim_disk_watch(dir);
    (void)snprintf(path, sizeof path, "%s/file", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    cr_assert_geq(fd, 0);
    for (uint8_t value = 1; value <= 2; value++) {
        for (unsigned i = 0; i < PAGES; i++) {
            memset(page, value, sizeof page);
            cr_assert_eq(pwrite(fd, page, sizeof page, (off_t)i * PAGE_SIZE), PAGE_SIZE);
        }
        cr_assert(value == 2 || fdatasync(fd) == 0);
    }
    return fd;
}

/* How many pages hold 2, and in *torn_out how many hold both. */
static unsigned count_new(int fd, unsigned *torn_out)
{
    unsigned count = 0;
    *torn_out = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        cr_assert_eq(pread(fd, page, sizeof page, (off_t)i * PAGE_SIZE), PAGE_SIZE);
        bool torn = memcmp(page, page + 1, sizeof page - 1) != 0;
        *torn_out += torn;
        count += !torn && page[0] == 2;
    }
    return count;
}

Test(disk, power_that_fails_loses_some_of_what_was_not_flushed)
{
    struct prng random = prng_new(1, 1);
    unsigned torn = 0;
    int fd = write_twice();
    cr_assert_gt(sim_disk_cut(path, &random), 0);
    unsigned count = count_new(fd, &torn);
    cr_assert_gt(count, 0);
    cr_assert_gt(torn, 0);
    cr_assert_lt(count + torn, PAGES);
    cr_assert_eq(close(fd), 0);
}

Test(disk, power_that_fails_loses_nothing_that_was_flushed)
{
    struct prng random = prng_new(1, 1);
    unsigned torn = 0;
    int fd = write_twice();
    cr_assert_eq(fsync(fd), 0);
    cr_assert_eq(sim_disk_cut(path, &random), 0);
    cr_assert_eq(count_new(fd, &torn), PAGES);
    cr_assert_eq(close(fd), 0);
}

/* As LMDB writes the page that ends a commit. */
Test(disk, what_a_synchronous_descriptor_writes_is_flushed_and_nothing_else)
{
    struct prng random = prng_new(1, 1);
    unsigned torn = 0;
    int fd = write_twice();
    int other = open(path, O_WRONLY | O_DSYNC | O_CLOEXEC);
    memset(page, 3, sizeof page);
    cr_assert_eq(pwrite(other, page, 100, 0), 100);
    cr_assert_gt(sim_disk_cut(path, &random), 0);
    (void)count_new(fd, &torn);
    cr_assert_eq(pread(fd, page, 100, 0), 100);
    cr_assert_eq(page[0], 3);
    cr_assert_eq(page[99], 3);
    cr_assert_eq(close(other), 0);
    cr_assert_eq(close(fd), 0);
}

Test(disk, a_call_that_is_to_fail_does_and_changes_nothing)
{
    unsigned torn = 0;
    int fd = write_twice();
    memset(page, 3, sizeof page);
    sim_disk_fail(path, 1, EIO);
    cr_assert_eq(pwrite(fd, page, 1, 0), 1);
    errno = 0;
    cr_assert_eq(pwrite(fd, page, sizeof page, PAGE_SIZE), -1);
    cr_assert_eq(errno, EIO);
    cr_assert_eq(fsync(fd), 0);
    cr_assert_eq(sim_disk_mend(), 1);
    cr_assert_eq(count_new(fd, &torn), PAGES - 1);
    cr_assert_eq(torn, 1);
    cr_assert_eq(close(fd), 0);
}

Test(disk, a_full_disk_takes_what_makes_no_file_larger)
{
    int fd = write_twice();
    sim_disk_fill(path);
    cr_assert_eq(pwrite(fd, page, sizeof page, 0), PAGE_SIZE);
    errno = 0;
    cr_assert_eq(pwrite(fd, page, sizeof page, (off_t)PAGES * PAGE_SIZE), -1);
    cr_assert_eq(errno, ENOSPC);
    cr_assert_eq(sim_disk_mend(), 1);
    cr_assert_eq(pwrite(fd, page, sizeof page, (off_t)PAGES * PAGE_SIZE), PAGE_SIZE);
    cr_assert_eq(close(fd), 0);
}
