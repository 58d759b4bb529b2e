/* Loaded into a program (LD_PRELOAD): counts the calls by which it changes what is on a disk, and
 * at one of them kills or interrupts it, or lets the disk be full from there on. So every moment
 * between two changes can be tried, on a machine of any speed.
 *
 *   P2PSYNC_KILL_AT=N  killed before the Nth such call
 *   P2PSYNC_INT_AT=N   interrupted then, as by Ctrl-C
 *   P2PSYNC_FULL_AT=N  from the Nth on, nothing more can be written: ENOSPC
 *
 * Without any it writes the number of calls to the file P2PSYNC_CALLS at the end. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* NOLINTBEGIN: the names and parameters are those of the C library. */
#pragma GCC visibility push(default)

static atomic_ulong calls;

static unsigned long number(const char *name)
{
    const char *text = getenv(name);
    return text != NULL ? strtoul(text, NULL, 10) : 0;
}

/* One more call. Whether the disk is full. */
static int is_full(void)
{
    unsigned long now = atomic_fetch_add(&calls, 1) + 1;
    unsigned long full = number("P2PSYNC_FULL_AT");
    if (now == number("P2PSYNC_KILL_AT")) {
        (void)raise(SIGKILL);
    }
    if (now == number("P2PSYNC_INT_AT")) {
        (void)kill(getpid(), SIGINT);
    }
    errno = ENOSPC;
    return full != 0 && now >= full;
}

__attribute__((destructor)) static void say(void)
{
    const char *path = getenv("P2PSYNC_CALLS");
    unsigned long count = atomic_load(&calls);
    FILE *file = path != NULL ? fopen(path, "we") : NULL;
    if (file != NULL) {
        (void)fprintf(file, "%lu\n", count);
        (void)fclose(file);
    }
}

/* The function that stands behind `name`. */
#define NEXT(name) ((__typeof__(&(name)))(uintptr_t)dlsym(RTLD_NEXT, #name))

/* What is written to a pipe or a terminal is no change of a disk. */
static int is_file(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

/* What lies inside a file has its room already. */
static int grows(int fd, off64_t at)
{
    struct stat info;
    return fstat(fd, &info) != 0 || at >= info.st_size;
}

ssize_t write(int fd, const void *data, size_t size)
{
    return is_file(fd) && is_full() ? -1 : NEXT(write)(fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at)
{
    return is_full() && grows(fd, at) ? -1 : NEXT(pwrite)(fd, data, size, at);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at)
{
    return is_full() && grows(fd, at) ? -1 : NEXT(pwrite64)(fd, data, size, at);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t at)
{
    return is_full() && grows(fd, at) ? -1 : NEXT(pwritev)(fd, parts, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t at)
{
    return is_full() && grows(fd, at) ? -1 : NEXT(pwritev64)(fd, parts, count, at);
}

int mkdir(const char *path, mode_t mode)
{
    return is_full() ? -1 : NEXT(mkdir)(path, mode);
}

int rename(const char *from, const char *to)
{
    (void)is_full(); /* it needs no room */
    return NEXT(rename)(from, to);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    (void)is_full();
    return NEXT(renameat)(from_fd, from, to_fd, to);
}

int unlink(const char *path)
{
    (void)is_full();
    return NEXT(unlink)(path);
}

int unlinkat(int fd, const char *path, int flags)
{
    (void)is_full();
    return NEXT(unlinkat)(fd, path, flags);
}

int fsync(int fd)
{
    (void)is_full();
    return NEXT(fsync)(fd);
}

int fdatasync(int fd)
{
    (void)is_full();
    return NEXT(fdatasync)(fd);
}

#pragma GCC visibility pop
/* NOLINTEND */
