/* Whose a directory or a file is. */
#include "node/host/owner.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/error.h"

p2psync_result ps_owner_check(int fd, const char *what, struct p2psync_detail *detail)
{
    struct stat info;
    if (fstat(fd, &info) != 0) {
        return ps_error_of_errno(errno);
    }
    if (info.st_uid != geteuid() && info.st_uid != 0) {
        return ps_detail_say(detail, P2PSYNC_EDENIED,
                             "%s belongs to another user (%u), who could run programs as this one; "
                             "'chown' makes it yours",
                             what, (unsigned)info.st_uid);
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return ps_detail_say(detail, P2PSYNC_EDENIED,
                             "other users may write to %s, and could run programs as this one; "
                             "'chmod go-w' ends that",
                             what);
    }
    return P2PSYNC_OK;
}
