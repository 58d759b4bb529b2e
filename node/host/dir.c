/* The directory of a node, file by file. */
#include "node/host/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "wire/error.h"

struct known {
    const char *name;
    bool disposable; /* nobody misses it, if there is no device */
};

static const struct known known[] = {
    {"data.mdb", true},     {"lock.mdb", true},     {"stamp", true},
    {"clean", true},        {"suspect", true},      {"node.lock", true},
    {"control.sock", true}, {"config.json", false}, {"config.json.new", false},
};

typedef p2psync_result visit_fn(int dir_fd, const char *name);

static p2psync_result visit_all(int dir_fd, visit_fn *visit);
static visit_fn accept_disposable;
static visit_fn accept_nothing;
static visit_fn remove_known;
static visit_fn flush_one;

bool ps_dir_is_disposable(int dir_fd)
{
    return visit_all(dir_fd, accept_disposable) == P2PSYNC_OK;
}

bool ps_dir_is_empty(int dir_fd)
{
    return visit_all(dir_fd, accept_nothing) == P2PSYNC_OK;
}

p2psync_result ps_dir_clear(int dir_fd)
{
    return visit_all(dir_fd, remove_known);
}

void ps_dir_remove_reset(int dir_fd)
{
    int fd = openat(dir_fd, PS_DIR_RESET, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return;
    }
    (void)!ps_dir_clear(fd);
    (void)close(fd);
    (void)unlinkat(dir_fd, PS_DIR_RESET, AT_REMOVEDIR);
}

p2psync_result ps_dir_flush(int dir_fd)
{
    p2psync_result result = visit_all(dir_fd, flush_one);
    return result == P2PSYNC_OK && fsync(dir_fd) != 0 ? ps_error_of_errno(errno) : result;
}

static p2psync_result visit_all(int dir_fd, visit_fn *visit)
{
    p2psync_result result = P2PSYNC_OK;
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;
    if (list == NULL) {
        result = ps_error_of_errno(errno);
        if (fd >= 0) {
            (void)close(fd);
        }
        return result;
    }
    while (result == P2PSYNC_OK) { /* as many steps as the directory has names */
        /* Safe on a stream that one thread uses. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        const struct dirent *entry = readdir(list);
        if (entry == NULL) {
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            result = visit(dir_fd, entry->d_name);
        }
    }
    (void)closedir(list);
    return result;
}

static const struct known *find(const char *name)
{
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, name) == 0) {
            return &known[i];
        }
    }
    return NULL;
}

static p2psync_result accept_disposable(int dir_fd, const char *name)
{
    const struct known *file = find(name);
    (void)dir_fd;
    return file != NULL && file->disposable ? P2PSYNC_OK : P2PSYNC_EEXIST;
}

static p2psync_result accept_nothing(int dir_fd, const char *name)
{
    (void)dir_fd;
    (void)name;
    return P2PSYNC_EEXIST;
}

static p2psync_result remove_known(int dir_fd, const char *name)
{
    if (find(name) == NULL) {
        return P2PSYNC_EEXIST;
    }
    return unlinkat(dir_fd, name, 0) == 0 || errno == ENOENT ? P2PSYNC_OK
                                                             : ps_error_of_errno(errno);
}

static p2psync_result flush_one(int dir_fd, const char *name)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return ps_error_of_errno(errno);
    }
    p2psync_result result = fsync(fd) == 0 ? P2PSYNC_OK : ps_error_of_errno(errno);
    (void)close(fd);
    return result;
}
