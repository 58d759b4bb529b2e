/* Writing beside, then renaming: see target.h. */
#include "node/host/target.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/error.h"

static p2psync_result open_beside(const char *path, bool secret, struct ps_target *out,
                                  struct p2psync_detail *detail);
static p2psync_result remove_stale(const char *beside);
static p2psync_result say_error(int error, struct p2psync_detail *detail);
static p2psync_result await_reader(const struct ps_target *target);

p2psync_result ps_target_open(const char *path, bool secret, struct ps_target *out,
                              struct p2psync_detail *detail)
{
    char resolved[PATH_MAX];
    struct stat info;
    *out = (struct ps_target){.fd = -1, .cancel_fd = -1, .owned = true};
    bool there = stat(path, &info) == 0;
    if (!there && errno != ENOENT) {
        return say_error(errno, detail);
    }
    if (there && !S_ISREG(info.st_mode)) {
        out->waits = true;
        out->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
        return out->fd >= 0 ? P2PSYNC_OK : say_error(errno, detail);
    }
    /* What a link points to is replaced, and not the link. */
    return open_beside(there && realpath(path, resolved) != NULL ? resolved : path, secret, out,
                       detail);
}

static p2psync_result open_beside(const char *path, bool secret, struct ps_target *out,
                                  struct p2psync_detail *detail)
{
    struct ps_target target = *out;
    p2psync_result result = P2PSYNC_ENOMEM;
    target.path = strdup(path);
    if (target.path != NULL && asprintf(&target.beside, "%s" PS_TARGET_SUFFIX, path) < 0) {
        target.beside = NULL;
    }
    if (target.beside != NULL) {
        result = remove_stale(target.beside);
    }
    if (result == P2PSYNC_OK) {
        target.fd = open(target.beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                         secret ? S_IRUSR | S_IWUSR
                                : S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH);
        result = target.fd < 0 ? say_error(errno, detail) : P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK && !ps_target_lock(target.fd, target.beside)) {
        result = P2PSYNC_EBUSY;
    }
    if (result == P2PSYNC_EBUSY) {
        (void)ps_detail_say(detail, result, "another process is writing it");
    }
    if (result != P2PSYNC_OK) {
        if (target.fd >= 0) {
            (void)close(target.fd);
        }
        free(target.path);
        free(target.beside);
        return result;
    }
    *out = target;
    return P2PSYNC_OK;
}

bool ps_target_lock(int fd, const char *path)
{
    struct stat opened;
    struct stat named;
    return flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &opened) == 0 &&
           lstat(path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

/* What somebody who was killed has left; who writes still holds a lock on it. */
static p2psync_result remove_stale(const char *beside)
{
    p2psync_result result = P2PSYNC_OK;
    int fd = open(beside, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return P2PSYNC_OK; /* whoever makes it next says why it cannot */
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        result = P2PSYNC_EBUSY;
    } else {
        (void)unlink(beside);
    }
    (void)close(fd);
    return result;
}

static p2psync_result say_error(int error, struct p2psync_detail *detail)
{
    switch (error) {
    case ENOENT:
        return ps_detail_say(detail, P2PSYNC_ENOTFOUND, "its directory does not exist");
    case EISDIR:
        return ps_detail_say(detail, P2PSYNC_EEXIST, "it is a directory");
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
        return ps_detail_say(detail, P2PSYNC_ENOTFOUND, "no file can be there");
    case EEXIST:
        return ps_detail_say(detail, P2PSYNC_EBUSY, "another process is writing it");
    default:
        return ps_error_of_errno(error);
    }
}

p2psync_result ps_target_use(int fd, struct ps_target *out)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return P2PSYNC_EMISUSE;
    }
    *out = (struct ps_target){.fd = fd, .cancel_fd = -1, .waits = !S_ISREG(info.st_mode)};
    return P2PSYNC_OK;
}

p2psync_result ps_target_write(struct ps_target *target, struct ps_bytes bytes)
{
    size_t done = 0;
    while (done < bytes.size) {
        size_t piece = bytes.size - done;
        p2psync_result result = P2PSYNC_OK;
        if (target->waits) {
            /* So much never blocks, once the system says that there is room. */
            piece = piece < PIPE_BUF ? piece : PIPE_BUF;
            result = await_reader(target);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        ssize_t written = write(target->fd, bytes.data + done, piece);
        if (written < 0 && errno != EINTR && errno != EAGAIN) {
            return errno == EPIPE ? P2PSYNC_EUNREACHABLE : ps_error_of_errno(errno);
        }
        done += written > 0 ? (size_t)written : 0;
    }
    target->size += bytes.size;
    return P2PSYNC_OK;
}

static p2psync_result await_reader(const struct ps_target *target)
{
    struct pollfd polled[] = {{.fd = target->fd, .events = POLLOUT},
                              {.fd = target->cancel_fd, .events = POLLIN}};
    int ready = poll(polled, 2, PS_TARGET_STALLED_MS);
    if (ready < 0) {
        return errno == EINTR ? P2PSYNC_OK : P2PSYNC_EIO;
    }
    if (ready == 0) {
        return P2PSYNC_ETIMEDOUT;
    }
    return polled[1].revents != 0 ? P2PSYNC_ECANCELLED : P2PSYNC_OK;
}

p2psync_result ps_target_finish(struct ps_target *target)
{
    /* A pipe takes no fsync(), and has kept nothing back. */
    if (fsync(target->fd) != 0 && !target->waits) {
        return ps_error_of_errno(errno);
    }
    if (target->beside == NULL) {
        return P2PSYNC_OK;
    }
    if (rename(target->beside, target->path) != 0) {
        return ps_error_of_errno(errno);
    }
    free(target->beside);
    target->beside = NULL;
    return ps_target_flush_dir(target->path);
}

void ps_target_drop(struct ps_target *target)
{
    if (target->beside != NULL) {
        (void)unlink(target->beside);
    }
    if (target->owned && target->fd >= 0) {
        (void)close(target->fd);
    }
    free(target->path);
    free(target->beside);
    *target = (struct ps_target){.fd = -1};
}

p2psync_result ps_target_flush_dir(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int size = slash == NULL ? 1 : slash == path ? 1 : (int)(slash - path);
    if (size >= (int)sizeof dir) {
        return P2PSYNC_EIO;
    }
    (void)snprintf(dir, sizeof dir, "%.*s", size, slash == NULL ? "." : path);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ps_error_of_errno(errno);
    }
    /* Some file systems refuse it for directories: they need none. */
    p2psync_result result =
        fsync(fd) == 0 || errno == EINVAL ? P2PSYNC_OK : ps_error_of_errno(errno);
    (void)close(fd);
    return result;
}
