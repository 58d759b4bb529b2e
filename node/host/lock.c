/* The lock on a directory: flock(2) on a file that is never removed, so that no two can hold
 * different files of the same name. */
#include "node/host/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/error.h"

#define LOCK_FILE "node.lock"

p2psync_result ps_lock_take(int dir_fd, int *fd_out)
{
    int fd =
        openat(dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return ps_error_of_errno(errno);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        p2psync_result result = errno == EWOULDBLOCK ? P2PSYNC_EBUSY : P2PSYNC_EIO;
        (void)close(fd);
        return result;
    }
    *fd_out = fd;
    return P2PSYNC_OK;
}

void ps_lock_release(int fd)
{
    if (fd >= 0) {
        /* Unlock it, because closing is not enough: a child that was forked meanwhile shares the
         * descriptor, and with it the lock. */
        (void)flock(fd, LOCK_UN);
        (void)close(fd);
    }
}
