/* LMDB's calls into the system, as disk_calls.h says. */
#include "tests/lib/disk_calls.h"

#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define META_PAGES 2 /* the first pages of the file; one of them completes a commit */
#define PAGE_SIZE  4096

struct disk_calls disk_calls;
struct disk_calls_dirs disk_calls_dirs;

void disk_calls_watch(const char *dir)
{
    char path[160];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/data.mdb", dir);
    cr_assert_eq(stat(path, &info), 0);
    disk_calls = (struct disk_calls){.watched = true, .file = info.st_ino};
}

static bool is_watched(int fd)
{
    struct stat info;
    return disk_calls.watched && fstat(fd, &info) == 0 && info.st_ino == disk_calls.file;
}

/* Whether a call fails with that error. */
static bool fails(int fd, int error)
{
    if (error == 0 || !is_watched(fd)) {
        return false;
    }
    errno = error;
    return true;
}

static void note_write(int fd, off_t at)
{
    if (!is_watched(fd)) {
        return;
    }
    if (at >= (off_t)META_PAGES * PAGE_SIZE) {
        disk_calls.unflushed++;
        return;
    }
    bool waits = (fcntl(fd, F_GETFL) & O_DSYNC) != 0;
    disk_calls.meta_writes++;
    disk_calls.meta_early += disk_calls.unflushed > 0 ? 1 : 0;
    disk_calls.meta_unsynced += waits ? 0 : 1;
    disk_calls.unflushed += waits ? 0 : 1;
}

static void note_flush(int fd)
{
    if (is_watched(fd)) {
        disk_calls.unflushed = 0;
        disk_calls.meta_unsynced = 0;
        disk_calls.flushes++;
    }
}

/* In the place of libc's, for the libraries as well: the program comes first in their search. */
#define NAMED(name) __asm__(name) __attribute__((visibility("default")))
ssize_t seen_pwrite(int fd, const void *bytes, size_t size, off_t at) NAMED("pwrite");
ssize_t seen_writev(int fd, const struct iovec *parts, int count) NAMED("writev");
int seen_fdatasync(int fd) NAMED("fdatasync");
int seen_fsync(int fd) NAMED("fsync");

ssize_t seen_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    ssize_t (*real)(int, const void *, size_t, off_t) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "pwrite");
    bool is_meta = at < (off_t)META_PAGES * PAGE_SIZE;
    if (fails(fd, disk_calls.write_fails) || (is_meta && fails(fd, disk_calls.meta_fails))) {
        return -1;
    }
    note_write(fd, at);
    return real(fd, bytes, size, at);
}

ssize_t seen_writev(int fd, const struct iovec *parts, int count)
{
    ssize_t (*real)(int, const struct iovec *, int) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "writev");
    if (fails(fd, disk_calls.write_fails)) {
        return -1;
    }
    note_write(fd, lseek(fd, 0, SEEK_CUR));
    return real(fd, parts, count);
}

int seen_fdatasync(int fd)
{
    int (*real)(int) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "fdatasync");
    if (fails(fd, disk_calls.flush_fails)) {
        return -1;
    }
    note_flush(fd);
    return real(fd);
}

int seen_fsync(int fd)
{
    int (*real)(int) = NULL;
    struct stat info;
    *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    if (fstat(fd, &info) == 0 && S_ISDIR(info.st_mode)) {
        bool has_store = fstatat(fd, "data.mdb", &info, 0) == 0;
        disk_calls_dirs.of_store += has_store ? 1 : 0;
        disk_calls_dirs.of_others += has_store ? 0 : 1;
    }
    return real(fd);
}
