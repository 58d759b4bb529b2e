/* The file system under the store: which kinds are refused, how much is free, and whether the data
 * file is as long as its own contents say. Nothing here changes what is in the file. */
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

/* The database that LMDB keeps its free pages in: transaction -> count, page numbers. */
#define FREE_DBI 0

static p2psync_result make_dirs(const char *dir);
static p2psync_result count_free_from(MDB_env *env, size_t first, size_t *count_out);

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

p2psync_result ps_disk_free(int fd, uint64_t *bytes_out)
{
    struct statvfs info;
    if (fstatvfs(fd, &info) != 0) {
        return P2PSYNC_EIO;
    }
    *bytes_out = (uint64_t)info.f_bavail * (uint64_t)info.f_frsize;
    return P2PSYNC_OK;
}

p2psync_result ps_disk_check_tail(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat stats;
    mdb_filehandle_t fd = -1;
    struct stat file;
    if (mdb_env_info(env, &info) != 0 || mdb_env_stat(env, &stats) != 0 ||
        mdb_env_get_fd(env, &fd) != 0 || fstat(fd, &file) != 0) {
        return P2PSYNC_EIO;
    }
    size_t page = stats.ms_psize;
    size_t pages = info.me_last_pgno + 1;
    size_t here = (size_t)file.st_size / page;
    if (here >= pages) {
        return P2PSYNC_OK;
    }
    /* LMDB does not write a page that was taken and freed within one transaction, so the end of a
     * sound file can be missing. It is lengthened with zeroes, so that looking at the free pages is
     * safe (a page of zeroes is none that LMDB accepts), and cut again if it was not sound. */
    if (ftruncate(fd, (off_t)(pages * page)) != 0) {
        return ps_disk_result(errno);
    }
    size_t free_count = 0;
    p2psync_result result = count_free_from(env, here, &free_count);
    if (result == P2PSYNC_OK && free_count != pages - here) {
        result = P2PSYNC_ECORRUPT;
    }
    if (result != P2PSYNC_OK && ftruncate(fd, file.st_size) != 0) {
        return P2PSYNC_EIO;
    }
    return result;
}

/* Count the free pages from number `first` on. */
static p2psync_result count_free_from(MDB_env *env, size_t first, size_t *count_out)
{
    MDB_txn *txn = NULL;
    MDB_cursor *cursor = NULL;
    size_t count = 0;
    int code = mdb_txn_begin(env, NULL, MDB_RDONLY, &txn);
    if (code == 0) {
        code = mdb_cursor_open(txn, FREE_DBI, &cursor);
    }
    while (code == 0) {
        MDB_val key;
        MDB_val value;
        code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        size_t listed = 0;
        if (code == 0 && value.mv_size >= sizeof listed) {
            memcpy(&listed, value.mv_data, sizeof listed);
        }
        for (size_t i = 1; i <= listed && (i + 1) * sizeof(size_t) <= value.mv_size; i++) {
            size_t number = 0;
            memcpy(&number, (const uint8_t *)value.mv_data + i * sizeof number, sizeof number);
            count += number >= first ? 1 : 0;
        }
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    if (txn != NULL) {
        mdb_txn_abort(txn);
    }
    if (code == ENOMEM) {
        return P2PSYNC_ENOMEM;
    }
    *count_out = count;
    return code == MDB_NOTFOUND ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
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
