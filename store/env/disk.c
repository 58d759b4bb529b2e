/* The file system under the store: which kinds are refused, and how much is free. */
#include "store/env/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "wire/error.h"

static p2psync_result make_dirs(const char *dir);

bool ps_disk_is_network(uint32_t magic)
{
    static const uint32_t network[] = {
        0x00006969U, /* NFS */
        0x0000517bU, /* SMB */
        0xff534d42U, /* CIFS */
        0xfe534d42U, /* SMB2 */
        0x01021997U, /* 9P */
        0x5346414fU, /* AFS */
        0x6b414653U, /* AFS of the kernel */
        0x00c36400U, /* Ceph */
        0x73757245U, /* Coda */
    };
    for (size_t i = 0; i < sizeof network / sizeof network[0]; i++) {
        if (network[i] == magic) {
            return true;
        }
    }
    return false;
}

p2psync_result ps_disk_open_dir(const char *dir, int *fd_out)
{
    p2psync_result result = make_dirs(dir);
    if (result != P2PSYNC_OK) {
        return result;
    }
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ps_disk_result(errno);
    }
    struct statfs info;
    if (fstatfs(fd, &info) != 0) {
        result = P2PSYNC_EIO;
    } else if (ps_disk_is_network((uint32_t)info.f_type)) {
        result = P2PSYNC_ENETFS;
    }
    if (result != P2PSYNC_OK) {
        (void)close(fd);
        return result;
    }
    *fd_out = fd;
    return P2PSYNC_OK;
}

/* Make `dir` and what is missing above it. */
static p2psync_result make_dirs(const char *dir)
{
    char path[PATH_MAX];
    size_t size = strlen(dir);
    if (size == 0 || size >= sizeof path) {
        return P2PSYNC_EMISUSE;
    }
    memcpy(path, dir, size + 1);
    for (size_t i = 1; i <= size; i++) {
        if (path[i] != '/' && path[i] != '\0') {
            continue;
        }
        char end = path[i];
        path[i] = '\0';
        struct stat info;
        /* Looked at first: a parent may refuse mkdir(2) with another code than EEXIST. */
        if (stat(path, &info) != 0 && mkdir(path, 0700) != 0 && errno != EEXIST) {
            return ps_disk_result(errno);
        }
        path[i] = end;
    }
    return P2PSYNC_OK;
}

p2psync_result ps_disk_sync_dir(int fd)
{
    int above = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool failed = fsync(fd) != 0 && errno != EINVAL; /* some file systems flush no directory */
    failed = (above >= 0 && fsync(above) != 0 && errno != EINVAL) || failed;
    if (above >= 0) {
        (void)close(above);
    }
    return failed ? P2PSYNC_EIO : P2PSYNC_OK;
}

p2psync_result ps_disk_free(int fd, uint64_t *bytes_out)
{
    struct statvfs info;
    if (fstatvfs(fd, &info) != 0) {
        return P2PSYNC_EIO;
    }
    *bytes_out = (uint64_t)info.f_bavail * (uint64_t)info.f_frsize;
    return P2PSYNC_OK;
}

p2psync_result ps_disk_result(int error)
{
    switch (error) {
    case 0:
        return P2PSYNC_OK;
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
        return P2PSYNC_EMISUSE; /* the path, not the disk */
    default:
        return ps_error_of_errno(error);
    }
}
