/* What a commit promises is on the disk when it returns, and is whole there whenever the power
 * goes: the calls of LMDB into the system are counted here. Where a page of data.mdb was written
 * and not flushed yet, a power cut may lose it, and keep what was written after it. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/lib/store_case.h"

#define META_PAGES 2 /* the first pages of the file; one of them completes a commit */
#define PAGE_SIZE  4096

static struct store_case here;

static struct disk {
    bool watched;
    ino_t file;
    unsigned unflushed;     /* writes of pages since the last flush */
    unsigned meta_writes;   /* of the page that completes a commit */
    unsigned meta_early;    /* ... while a page that it points to was not flushed */
    unsigned meta_unsynced; /* ... through a descriptor that does not wait for the disk */
    unsigned flushes;
} disk;

static void note_write(int fd, off_t at)
{
    struct stat info;
    if (!disk.watched || fstat(fd, &info) != 0 || info.st_ino != disk.file) {
        return;
    }
    if (at >= (off_t)META_PAGES * PAGE_SIZE) {
        disk.unflushed++;
        return;
    }
    bool waits = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    disk.meta_writes++;
    disk.meta_early += disk.unflushed > 0 ? 1 : 0;
    disk.meta_unsynced += waits ? 0 : 1;
    disk.unflushed += waits ? 0 : 1;
}

static void note_flush(int fd)
{
    struct stat info;
    if (disk.watched && fstat(fd, &info) == 0 && info.st_ino == disk.file) {
        disk.unflushed = 0;
        disk.meta_unsynced = 0;
        disk.flushes++;
    }
}

/* In the place of libc's, for the libraries as well: the program comes first in their search. */
#define NAMED(name) __asm__(name) __attribute__((visibility("default")))
ssize_t seen_pwrite(int fd, const void *bytes, size_t size, off_t at) NAMED("pwrite");
ssize_t seen_writev(int fd, const struct iovec *parts, int count) NAMED("writev");
int seen_fdatasync(int fd) NAMED("fdatasync");

ssize_t seen_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
    note_write(fd, at);
    return real(fd, bytes, size, at);
}

ssize_t seen_writev(int fd, const struct iovec *parts, int count)
{
    ssize_t (*real)(int, const struct iovec *, int) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "writev");
    note_write(fd, lseek(fd, 0, SEEK_CUR));
    return real(fd, parts, count);
}

int seen_fdatasync(int fd)
{
    int (*real)(int) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    note_flush(fd);
    return real(fd);
}

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

/* From now on, what is written to the store. */
static void watch(void)
{
    char path[160];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/data.mdb", here.dir);
    cr_assert_eq(stat(path, &info), 0);
    disk = (struct disk){.watched = true, .file = info.st_ino};
}

Test(flush, of_its_pages_and_then_of_their_meta_page_ends_every_commit)
{
    watch();
    for (unsigned i = 1; i <= 5; i++) {
        case_set(&here, 1000 + i, "r", i);
        cr_assert_eq(disk.meta_writes, i, "one commit each");
        cr_assert_eq(disk.meta_early, 0, "the meta page was written before what it points to");
        cr_assert_eq(disk.meta_unsynced, 0, "the meta page was not flushed");
        cr_assert_eq(disk.unflushed, 0, "pages were not flushed");
        cr_assert_eq(disk.flushes, i, "no more than one for each commit");
    }
    case_set(&here, 2000, "r", 5);
    cr_assert_eq(disk.meta_writes, 5, "what changes nothing writes nothing");
}

/* What --no-flush leaves out, and makes up for at a clean end. */
Test(flush, is_left_to_the_system_where_that_is_asked_for)
{
    here.flush = false;
    case_reopen(&here);
    watch();
    case_set(&here, 1000, "r", 1);
    cr_assert_eq(disk.flushes, 0);
    cr_assert_gt(disk.unflushed, 0);
    ps_store_destroy(&here.store);
    cr_assert_eq(disk.unflushed, 0, "a clean end flushes what was not flushed");
    cr_assert_geq(disk.flushes, 1);
}
