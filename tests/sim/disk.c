/* The disk: see disk.h. A page is kept as it was when it is written to for the first time after a
 * flush; a flush drops what was kept of that file. A write through a descriptor that was opened
 * with O_DSYNC is on the disk when it returns, but only that write. */
#include "tests/sim/disk.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILES_MAX   1024 /* of 200 stores */
#define PAGE_SIZE   4096U
#define SECTOR_SIZE 512U
#define SHARED      __attribute__((visibility("default")))

struct file {
    char path[192];
    ino_t inode;
    uint64_t flushed_size;
    uint8_t **before; /* of each page what it held at the last flush; NULL: it holds that still */
    size_t count;
};

typedef enum mishap { NONE, FAILS_ONCE, STOPS, IS_FULL } mishap;

static struct {
    char watched[PATH_MAX]; /* empty: nothing is */
    struct file files[FILES_MAX];
    unsigned file_count;
    uint64_t flushes;
    mishap mishap;
    char where[PATH_MAX];
    unsigned left; /* calls until it begins */
    int error;
    unsigned failed;
} disk;

/* What LMDB and the store call: where a program shares such functions, libraries take these. */
SHARED ssize_t disk_pwrite(int fd, const void *bytes, size_t size, off_t at) __asm__("pwrite");
SHARED ssize_t disk_write(int fd, const void *bytes, size_t size) __asm__("write");
SHARED ssize_t disk_writev(int fd, const struct iovec *parts, int count) __asm__("writev");
SHARED int disk_fsync(int fd) __asm__("fsync");
SHARED int disk_fdatasync(int fd) __asm__("fdatasync");
SHARED int disk_fstatvfs(int fd, struct statvfs *info) __asm__("fstatvfs");

static void forget(struct file *file);
static bool find_path(int fd, char path[static PATH_MAX]);
static bool is_below(const char *path, const char *dir);
static struct file *find_file(const char *path, const struct stat *info);
static int refuse(const char *path, uint64_t end, uint64_t size);
static void keep(struct file *file, uint64_t at, uint64_t size);
static void settle(struct file *file, uint64_t at, uint64_t size);
static void read_file(const struct file *file, uint64_t at, uint8_t *out, size_t size);
static ssize_t write_through(int fd, const struct iovec *parts, int count, int64_t at);
static int flush(int fd, long call);
static struct iovec part_of(const void *bytes, size_t size);
static unsigned cut_file(struct file *file, struct prng *random);
static unsigned cut_page(struct file *file, int fd, size_t page, struct prng *random);

void sim_disk_watch(const char *dir)
{
    sim_disk_unwatch();
    snprintf(disk.watched, sizeof disk.watched, "%s", dir);
}

void sim_disk_unwatch(void)
{
    for (unsigned i = 0; i < disk.file_count; i++) {
        forget(&disk.files[i]);
        free(disk.files[i].before);
    }
    memset(&disk, 0, sizeof disk);
}

static void forget(struct file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        free(file->before[i]);
        file->before[i] = NULL;
    }
}

static void arm(mishap what, const char *dir, unsigned n, int error)
{
    disk.mishap = what;
    snprintf(disk.where, sizeof disk.where, "%s", dir);
    disk.left = n;
    disk.error = error;
    disk.failed = 0;
}

void sim_disk_fail(const char *dir, unsigned n, int error)
{
    arm(FAILS_ONCE, dir, n, error);
}

void sim_disk_stop(const char *dir, unsigned n)
{
    arm(STOPS, dir, n, EIO);
}

void sim_disk_fill(const char *dir)
{
    arm(IS_FULL, dir, 0, ENOSPC);
}

unsigned sim_disk_mend(void)
{
    disk.mishap = NONE;
    return disk.failed;
}

uint64_t sim_disk_flushes(void)
{
    return disk.flushes;
}

/* The name of an open file that is watched. */
static bool find_path(int fd, char path[static PATH_MAX])
{
    char link[64];
    if (disk.watched[0] == '\0') {
        return false;
    }
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, PATH_MAX - 1);
    errno = before;
    path[size > 0 ? size : 0] = '\0';
    return is_below(path, disk.watched);
}

static bool is_below(const char *path, const char *dir)
{
    size_t size = strlen(dir);
    return strncmp(path, dir, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* What is known of a file, which may be another of the same name now. */
static struct file *find_file(const char *path, const struct stat *info)
{
    struct file *file = NULL;
    for (unsigned i = 0; i < disk.file_count && file == NULL; i++) {
        file = strcmp(disk.files[i].path, path) == 0 ? &disk.files[i] : NULL;
    }
    if (file == NULL) {
        if (disk.file_count == FILES_MAX || strlen(path) >= sizeof file->path) {
            abort();
        }
        file = &disk.files[disk.file_count++];
        *file = (struct file){.inode = info->st_ino, .flushed_size = (uint64_t)info->st_size};
        snprintf(file->path, sizeof file->path, "%s", path);
    }
    if (file->inode != info->st_ino) {
        forget(file);
        file->inode = info->st_ino;
        file->flushed_size = (uint64_t)info->st_size;
    }
    return file;
}

/* The errno of a call that shall fail, or 0. end: of what it writes; size: of the file as it is. */
static int refuse(const char *path, uint64_t end, uint64_t size)
{
    if (disk.mishap == NONE || !is_below(path, disk.where)) {
        return 0;
    }
    if (disk.left > 0) {
        disk.left--;
        return 0;
    }
    if (disk.mishap == IS_FULL && end <= size) {
        return 0;
    }
    disk.mishap = disk.mishap == FAILS_ONCE ? NONE : disk.mishap;
    disk.failed++;
    return disk.error;
}

/* Keep the pages of a range as they are, if they were not written to since the last flush. */
static void keep(struct file *file, uint64_t at, uint64_t size)
{
    size_t last = (size_t)((at + size - 1) / PAGE_SIZE);
    if (last >= file->count) {
        size_t count = (last + 1) * 2;
        file->before = realloc(file->before, count * sizeof *file->before);
        if (file->before == NULL) {
            abort();
        }
        memset(file->before + file->count, 0, (count - file->count) * sizeof *file->before);
        file->count = count;
    }
    for (size_t page = (size_t)(at / PAGE_SIZE); page <= last; page++) {
        if (file->before[page] == NULL) {
            file->before[page] = calloc(1, PAGE_SIZE);
            if (file->before[page] == NULL) {
                abort();
            }
            read_file(file, page * PAGE_SIZE, file->before[page], PAGE_SIZE);
        }
    }
}

/* A range has reached the disk: the pages that were kept now have it, too. */
static void settle(struct file *file, uint64_t at, uint64_t size)
{
    uint64_t end = at + size;
    for (uint64_t from = at; from < end;) {
        size_t page = (size_t)(from / PAGE_SIZE);
        uint64_t page_end = (page + 1ULL) * PAGE_SIZE;
        uint64_t until = end < page_end ? end : page_end;
        read_file(file, from, file->before[page] + from % PAGE_SIZE, (size_t)(until - from));
        from = until;
    }
    file->flushed_size = end > file->flushed_size ? end : file->flushed_size;
}

/* With a descriptor of its own: LMDB's may be for writing only. */
static void read_file(const struct file *file, uint64_t at, uint8_t *out, size_t size)
{
    int fd = open(file->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || pread(fd, out, size, (off_t)at) < 0) {
        abort();
    }
    (void)close(fd);
}

/* Every write; at -1: where the descriptor stands. */
static ssize_t write_through(int fd, const struct iovec *parts, int count, int64_t at)
{
    char path[PATH_MAX];
    struct stat info;
    bool watched = find_path(fd, path) && fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
    uint64_t size = 0;
    for (int i = 0; i < count; i++) {
        size += parts[i].iov_len;
    }
    if (!watched || size == 0) {
        return at < 0 ? syscall(SYS_writev, fd, parts, count)
                      : syscall(SYS_pwritev, fd, parts, count, at, 0);
    }
    bool standing = at < 0;
    at = standing ? lseek(fd, 0, SEEK_CUR) : at;
    int error = refuse(path, (uint64_t)at + size, (uint64_t)info.st_size);
    if (error != 0) {
        errno = error;
        return -1;
    }
    struct file *file = find_file(path, &info);
    keep(file, (uint64_t)at, size);
    ssize_t written = standing ? syscall(SYS_writev, fd, parts, count)
                               : syscall(SYS_pwritev, fd, parts, count, at, 0);
    if (written > 0 && (fcntl(fd, F_GETFL) & O_DSYNC) != 0) {
        settle(file, (uint64_t)at, (uint64_t)written);
        disk.flushes++;
    }
    return written;
}

static int flush(int fd, long call)
{
    char path[PATH_MAX];
    struct stat info;
    if (!find_path(fd, path) || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        return (int)syscall(call, fd);
    }
    int error = refuse(path, 0, 0);
    if (error != 0) {
        errno = error;
        return -1;
    }
    struct file *file = find_file(path, &info);
    forget(file);
    file->flushed_size = (uint64_t)info.st_size;
    disk.flushes++;
    return 0;
}

ssize_t disk_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    struct iovec part = part_of(bytes, size);
    return write_through(fd, &part, 1, at);
}

ssize_t disk_write(int fd, const void *bytes, size_t size)
{
    struct iovec part = part_of(bytes, size);
    return write_through(fd, &part, 1, -1);
}

static struct iovec part_of(const void *bytes, size_t size)
{
    struct iovec part = {.iov_len = size};
    memcpy(&part.iov_base, &bytes, sizeof bytes);
    return part;
}

ssize_t disk_writev(int fd, const struct iovec *parts, int count)
{
    return write_through(fd, parts, count, -1);
}

int disk_fsync(int fd)
{
    return flush(fd, SYS_fsync);
}

int disk_fdatasync(int fd)
{
    return flush(fd, SYS_fdatasync);
}

int disk_fstatvfs(int fd, struct statvfs *info)
{
    char path[PATH_MAX];
    int (*real)(int, struct statvfs *) = NULL;
    *(void **)&real = dlsym(RTLD_NEXT, "fstatvfs");
    int code = real(fd, info);
    if (code == 0 && disk.mishap == IS_FULL && find_path(fd, path) && is_below(path, disk.where)) {
        info->f_bavail = 0;
        disk.failed++;
    }
    return code;
}

unsigned sim_disk_cut(const char *dir, struct prng *random)
{
    unsigned lost = 0;
    for (unsigned i = 0; i < disk.file_count; i++) {
        if (is_below(disk.files[i].path, dir)) {
            lost += cut_file(&disk.files[i], random);
        }
    }
    return lost;
}

static unsigned cut_file(struct file *file, struct prng *random)
{
    struct stat info;
    unsigned lost = 0;
    int fd = open(file->path, O_RDWR | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &info) == 0 && info.st_ino == file->inode) {
        bool short_again = prng_chance(random, 500);
        for (size_t page = 0; page < file->count; page++) {
            lost += cut_page(file, fd, page, random);
        }
        if (short_again && (uint64_t)info.st_size > file->flushed_size &&
            ftruncate(fd, (off_t)file->flushed_size) == 0) {
            lost++;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    forget(file);
    return lost;
}

/* Half of the pages are there; of those that are not, some are torn. */
static unsigned cut_page(struct file *file, int fd, size_t page, struct prng *random)
{
    const uint8_t *before = file->before[page];
    if (before == NULL || prng_chance(random, 500)) {
        return 0;
    }
    bool torn = prng_chance(random, 200);
    for (size_t at = 0; at < PAGE_SIZE; at += SECTOR_SIZE) {
        off_t place = (off_t)(page * PAGE_SIZE + at);
        if ((!torn || prng_chance(random, 500)) &&
            syscall(SYS_pwrite64, fd, before + at, SECTOR_SIZE, place) < 0) {
            abort();
        }
    }
    return 1;
}
