/* The stamp: see stamp.h. Randomness enters the store here, with a new identity, and with a new
 * incarnation. */
#include "store/env/stamp.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/env/disk.h"
#include "store/env/identity.h"
#include "store/env/pages.h"
#include "wire/hash.h"

#define STAMP_SIZE PS_STAMP_SIZE
/* random || inode of the file || its ctime in seconds, and nanoseconds || hash of the machine's id
 */
#define ROW_SIZE (STAMP_SIZE + 3 * 8 + PS_HASH_SIZE)
/* stamp || inode, size, mtime and ctime of the data file || checksum of pages */
#define CLEAN_SIZE (STAMP_SIZE + 6 * 8 + 4)

static const char stamp_key[] = "stamp";
static const char unclean_key[] = "unclean";
static const char stamp_file[] = "stamp";
static const char clean_file[] = "clean";
static const char suspect_file[] = "suspect";

static p2psync_result open_file(int dir_fd, int *fd_out);
static p2psync_result keep_locked(int dir_fd, int fd, bool alone, struct ps_stamp *out);
static bool matches(struct ps_txn *txn, const struct ps_stamp *stamp);
static p2psync_result draw(struct ps_txn *txn, const struct ps_stamp *stamp);
static p2psync_result make_row(const struct ps_stamp *stamp, const uint8_t random[STAMP_SIZE],
                               uint8_t row[ROW_SIZE]);
static bool describe_data(const struct ps_stamp *stamp, uint8_t out[CLEAN_SIZE]);
static struct ps_hash machine_hash(void);

p2psync_result ps_stamp_lock(int dir_fd, struct ps_stamp *out)
{
    int fd = -1;
    p2psync_result result = open_file(dir_fd, &fd);
    if (result != P2PSYNC_OK) {
        return result;
    }
    bool alone = flock(fd, LOCK_EX | LOCK_NB) == 0;
    /* A process that is not alone waits here until the first one has checked everything. */
    if (!alone && flock(fd, LOCK_SH) != 0) {
        (void)close(fd);
        return P2PSYNC_EIO;
    }
    return keep_locked(dir_fd, fd, alone, out);
}

p2psync_result ps_stamp_take(int dir_fd, struct ps_stamp *out)
{
    int fd = -1;
    p2psync_result result = open_file(dir_fd, &fd);
    if (result == P2PSYNC_OK && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        result = errno == EWOULDBLOCK ? P2PSYNC_EBUSY : P2PSYNC_EIO;
        (void)close(fd);
    }
    return result == P2PSYNC_OK ? keep_locked(dir_fd, fd, true, out) : result;
}

static p2psync_result open_file(int dir_fd, int *fd_out)
{
    int fd = openat(dir_fd, stamp_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) { /* nothing can be made in a directory that was removed */
        return errno == ENOENT ? P2PSYNC_EBUSY : ps_disk_result(errno);
    }
    *fd_out = fd;
    return P2PSYNC_OK;
}

/* Whoever held the lock before may have put another directory in the place of this one: then the
 * file that is locked now is no longer in it. */
static p2psync_result keep_locked(int dir_fd, int fd, bool alone, struct ps_stamp *out)
{
    struct stat locked;
    struct stat named;
    p2psync_result result = fstat(fd, &locked) == 0 ? P2PSYNC_OK : P2PSYNC_EIO;
    if (result == P2PSYNC_OK && (fstatat(dir_fd, stamp_file, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
                                 named.st_ino != locked.st_ino || named.st_dev != locked.st_dev)) {
        result = P2PSYNC_EBUSY;
    }
    if (result != P2PSYNC_OK) {
        (void)close(fd);
        return result;
    }
    *out = (struct ps_stamp){
        .dir_fd = dir_fd, .fd = fd, .alone = alone, .existing = locked.st_size > 0};
    return P2PSYNC_OK;
}

void ps_stamp_share(struct ps_stamp *stamp)
{
    if (stamp->alone) {
        /* If this fails the lock stays exclusive: others wait, and nothing is harmed. */
        (void)flock(stamp->fd, LOCK_SH);
    }
}

bool ps_stamp_is_last(struct ps_stamp *stamp)
{
    return flock(stamp->fd, LOCK_EX | LOCK_NB) == 0;
}

void ps_stamp_release(struct ps_stamp *stamp)
{
    if (stamp->fd >= 0) {
        (void)close(stamp->fd);
        stamp->fd = -1;
    }
}

p2psync_result ps_stamp_check(struct ps_txn *txn, const struct ps_stamp *stamp, bool no_flush)
{
    struct ps_bytes mark;
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(unclean_key), &mark);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    bool unclean = result == P2PSYNC_OK;
    if (unclean) {
        result = ps_db_put(txn, PS_DB_META, ps_bytes_text(PS_META_TORN), ps_bytes("1", 1));
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    if (!matches(txn, stamp) || unclean) {
        result = ps_identity_renew(txn);
        if (result != P2PSYNC_OK && result != P2PSYNC_ENODEVICE) {
            return result;
        }
    }
    result = draw(txn, stamp);
    if (result == P2PSYNC_OK && no_flush) {
        result = ps_stamp_mark(txn);
    }
    if (result == P2PSYNC_OK && unclean && !no_flush) {
        result = ps_db_delete(txn, PS_DB_META, ps_bytes_text(unclean_key));
    }
    return result;
}

p2psync_result ps_stamp_mark(struct ps_txn *txn)
{
    struct ps_bytes mark;
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(unclean_key), &mark);
    return result == P2PSYNC_ENOTFOUND
               ? ps_db_put(txn, PS_DB_META, ps_bytes_text(unclean_key), ps_bytes("1", 1))
               : result;
}

p2psync_result ps_stamp_clean(struct ps_txn *txn, const struct ps_stamp *stamp)
{
    p2psync_result result = draw(txn, stamp);
    return result == P2PSYNC_OK ? ps_db_delete(txn, PS_DB_META, ps_bytes_text(unclean_key))
                                : result;
}

bool ps_stamp_is_clean(const struct ps_stamp *stamp)
{
    uint8_t said[CLEAN_SIZE + 1];
    uint8_t now[CLEAN_SIZE];
    struct stat info;
    if (fstatat(stamp->dir_fd, suspect_file, &info, AT_SYMLINK_NOFOLLOW) == 0) {
        return false;
    }
    int fd = openat(stamp->dir_fd, clean_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    ssize_t size = read(fd, said, sizeof said);
    (void)close(fd);
    return size == CLEAN_SIZE && describe_data(stamp, now) && memcmp(said, now, CLEAN_SIZE) == 0;
}

void ps_stamp_say_clean(const struct ps_stamp *stamp)
{
    uint8_t now[CLEAN_SIZE];
    int fd = openat(stamp->dir_fd, clean_file,
                    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return;
    }
    if (!describe_data(stamp, now) || write(fd, now, sizeof now) != (ssize_t)sizeof now) {
        (void)unlinkat(stamp->dir_fd, clean_file, 0);
    }
    (void)close(fd);
}

void ps_stamp_say_suspect(const struct ps_stamp *stamp)
{
    int fd = openat(stamp->dir_fd, suspect_file, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0) {
        (void)close(fd);
    }
}

void ps_stamp_say_checked(const struct ps_stamp *stamp)
{
    (void)unlinkat(stamp->dir_fd, suspect_file, 0);
}

/* What tells this state of the data file from all others. */
static bool describe_data(const struct ps_stamp *stamp, uint8_t out[CLEAN_SIZE])
{
    struct stat info;
    uint32_t sum = 0;
    int fd = openat(stamp->dir_fd, "data.mdb", O_RDONLY | O_CLOEXEC);
    bool good = fd >= 0 && fstat(fd, &info) == 0 && ps_pages_sum(fd, &sum) == P2PSYNC_OK &&
                pread(stamp->fd, out, STAMP_SIZE, 0) == STAMP_SIZE;
    if (fd >= 0) {
        (void)close(fd);
    }
    if (!good) {
        return false;
    }
    ps_put_u64(out + STAMP_SIZE, (uint64_t)info.st_ino);
    ps_put_u64(out + STAMP_SIZE + 8, (uint64_t)info.st_size);
    ps_put_u64(out + STAMP_SIZE + 16, (uint64_t)info.st_mtim.tv_sec);
    ps_put_u64(out + STAMP_SIZE + 24, (uint64_t)info.st_mtim.tv_nsec);
    ps_put_u64(out + STAMP_SIZE + 32, (uint64_t)info.st_ctim.tv_sec);
    ps_put_u64(out + STAMP_SIZE + 40, (uint64_t)info.st_ctim.tv_nsec);
    ps_put_u32(out + STAMP_SIZE + 48, sum);
    return true;
}

/* Whether the file and the environment belong together, here. */
static bool matches(struct ps_txn *txn, const struct ps_stamp *stamp)
{
    struct ps_bytes row;
    uint8_t file[STAMP_SIZE];
    uint8_t now[ROW_SIZE];
    return ps_db_get(txn, PS_DB_META, ps_bytes_text(stamp_key), &row) == P2PSYNC_OK &&
           pread(stamp->fd, file, sizeof file, 0) == STAMP_SIZE &&
           make_row(stamp, file, now) == P2PSYNC_OK &&
           ps_bytes_equal(row, ps_bytes(now, sizeof now));
}

/* Draw a new stamp. The file is written first. If the transaction fails after that, file and
 * environment do not match, and the next open draws one more incarnation: nothing worse happens. */
static p2psync_result draw(struct ps_txn *txn, const struct ps_stamp *stamp)
{
    uint8_t random[STAMP_SIZE];
    uint8_t row[ROW_SIZE];
    randombytes_buf(random, sizeof random);
    errno = 0;
    if (pwrite(stamp->fd, random, sizeof random, 0) != STAMP_SIZE || fsync(stamp->fd) != 0) {
        return errno == 0 ? P2PSYNC_EIO : ps_disk_result(errno);
    }
    p2psync_result result = make_row(stamp, random, row);
    return result == P2PSYNC_OK
               ? ps_db_put(txn, PS_DB_META, ps_bytes_text(stamp_key), ps_bytes(row, sizeof row))
               : result;
}

/* The row that goes with these bytes in the file as it is. */
static p2psync_result make_row(const struct ps_stamp *stamp, const uint8_t random[STAMP_SIZE],
                               uint8_t row[ROW_SIZE])
{
    struct stat info;
    if (fstat(stamp->fd, &info) != 0) {
        return P2PSYNC_EIO;
    }
    struct ps_hash machine = machine_hash();
    memcpy(row, random, STAMP_SIZE);
    ps_put_u64(row + STAMP_SIZE, (uint64_t)info.st_ino);
    ps_put_u64(row + STAMP_SIZE + 8, (uint64_t)info.st_ctim.tv_sec);
    ps_put_u64(row + STAMP_SIZE + 16, (uint64_t)info.st_ctim.tv_nsec);
    memcpy(row + STAMP_SIZE + 24, machine.bytes, PS_HASH_SIZE);
    return P2PSYNC_OK;
}

/* A machine without an id is like any other such machine. */
static struct ps_hash machine_hash(void)
{
    char text[64];
    ssize_t size = 0;
    int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        size = read(fd, text, sizeof text);
        (void)close(fd);
    }
    return ps_hash_bytes(ps_bytes(text, size > 0 ? (size_t)size : 0));
}
