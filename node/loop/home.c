/* The directory that the node lives in, which somebody may remove, move or replace while it runs.
 * What is open would go on working, in a place where nobody looks any more, and everything that is
 * written would be lost with it: so the node ends, and says why. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "node/loop/inside.h"

#define STORE_FILE "data.mdb"

static bool read_path(int dir_fd, char out[static PS_HOME_PATH_SIZE]);
static bool is_elsewhere(int dir_fd, const char *path);

void ps_loop_home_note(struct ps_loop *loop)
{
    struct ps_home *home = &loop->home;
    int dir_fd = loop->options.dir_fd;
    home->known = fstatat(dir_fd, STORE_FILE, &home->store, AT_SYMLINK_NOFOLLOW) == 0;
    if (!read_path(dir_fd, home->path)) {
        home->path[0] = '\0';
    }
    home->reached = home->path[0] != '\0' && !is_elsewhere(dir_fd, home->path);
}

bool ps_loop_home_watch(const struct ps_loop *loop, int watch_fd)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", loop->options.dir_fd);
    /* What is open is not deleted yet, so that of a file that is removed only its links change. */
    bool watched = inotify_add_watch(watch_fd, path, IN_MOVE_SELF | IN_ONLYDIR) >= 0;
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/" STORE_FILE, loop->options.dir_fd);
    return watched && inotify_add_watch(watch_fd, path, IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF) >= 0;
}

const char *ps_loop_home_lost(const struct ps_loop *loop)
{
    const struct ps_home *home = &loop->home;
    int dir_fd = loop->options.dir_fd;
    char path[PS_HOME_PATH_SIZE];
    struct stat now;
    if (fstat(dir_fd, &now) == 0 && now.st_nlink == 0) {
        return "its directory was removed";
    }
    if (home->path[0] != '\0' && read_path(dir_fd, path) && strcmp(path, home->path) != 0) {
        return "its directory was moved";
    }
    if (home->reached && is_elsewhere(dir_fd, home->path)) {
        return "something was mounted over its directory";
    }
    if (home->known && fstatat(dir_fd, STORE_FILE, &now, AT_SYMLINK_NOFOLLOW) != 0) {
        return "its store was removed";
    }
    if (home->known && (now.st_ino != home->store.st_ino || now.st_dev != home->store.st_dev)) {
        return "its store was replaced by another file";
    }
    return NULL;
}

/* Whether who goes this path comes to nothing, or to another directory. Who may not go it learns
 * nothing. */
static bool is_elsewhere(int dir_fd, const char *path)
{
    struct stat own;
    struct stat there;
    if (fstat(dir_fd, &own) != 0) {
        return false;
    }
    if (stat(path, &there) != 0) {
        return errno == ENOENT || errno == ENOTDIR;
    }
    return there.st_dev != own.st_dev || there.st_ino != own.st_ino;
}

/* Where the directory is now, as the system knows it. False if it does not tell. */
static bool read_path(int dir_fd, char out[static PS_HOME_PATH_SIZE])
{
    char link[64];
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", dir_fd);
    ssize_t size = readlink(link, out, PS_HOME_PATH_SIZE - 1);
    if (size <= 0 || size == PS_HOME_PATH_SIZE - 1) {
        return false;
    }
    out[size] = '\0';
    return true;
}
