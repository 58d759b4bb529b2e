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
#include "wire/hash.h"

#define STAMP_SIZE 16
/* random || inode of the data file || hash of the machine's id */
#define ROW_SIZE (STAMP_SIZE + 8 + PS_HASH_SIZE)

static const char stamp_key[] = "stamp";
static const char unclean_key[] = "unclean";

static bool matches(struct ps_txn *txn, const struct ps_stamp *stamp, uint64_t inode);
static p2psync_result draw(struct ps_txn *txn, const struct ps_stamp *stamp, uint64_t inode);
static struct ps_hash machine_hash(void);

p2psync_result ps_stamp_lock(int dir_fd, struct ps_stamp *out)
{
    int fd = openat(dir_fd, "stamp", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return ps_disk_result(errno);
    }
    bool alone = flock(fd, LOCK_EX | LOCK_NB) == 0;
    struct stat info;
    /* A process that is not alone waits here until the first one has checked everything. */
    if ((!alone && flock(fd, LOCK_SH) != 0) || fstat(fd, &info) != 0) {
        (void)close(fd);
        return P2PSYNC_EIO;
    }
    *out = (struct ps_stamp){.fd = fd, .alone = alone, .existing = info.st_size > 0};
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

p2psync_result ps_stamp_check(struct ps_txn *txn, const struct ps_stamp *stamp,
                              const struct ps_stamp_check *check, bool *changed_out)
{
    struct ps_bytes mark;
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(unclean_key), &mark);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    bool unclean = result == P2PSYNC_OK;
    bool matching = matches(txn, stamp, check->data_inode);
    *changed_out = true;
    if (!matching || unclean) {
        struct ps_identity identity;
        result = ps_identity_read(txn, &identity);
        if (result == P2PSYNC_OK) {
            randombytes_buf(&identity.incarnation, sizeof identity.incarnation);
            result = ps_identity_write(txn, &identity);
        }
        sodium_memzero(&identity, sizeof identity);
        if (result != P2PSYNC_OK && result != P2PSYNC_ENODEVICE) {
            return result;
        }
    }
    if (!matching) {
        result = draw(txn, stamp, check->data_inode);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    if (check->no_flush && !unclean) {
        return ps_db_put(txn, PS_DB_META, ps_bytes_text(unclean_key), ps_bytes("1", 1));
    }
    if (unclean && !check->no_flush) {
        return ps_stamp_clean(txn);
    }
    *changed_out = !matching || unclean;
    return P2PSYNC_OK;
}

p2psync_result ps_stamp_clean(struct ps_txn *txn)
{
    return ps_db_delete(txn, PS_DB_META, ps_bytes_text(unclean_key));
}

/* Whether the file and the environment belong together, here. */
static bool matches(struct ps_txn *txn, const struct ps_stamp *stamp, uint64_t inode)
{
    struct ps_bytes row;
    uint8_t file[STAMP_SIZE];
    if (ps_db_get(txn, PS_DB_META, ps_bytes_text(stamp_key), &row) != P2PSYNC_OK ||
        row.size != ROW_SIZE || pread(stamp->fd, file, sizeof file, 0) != STAMP_SIZE) {
        return false;
    }
    struct ps_hash machine = machine_hash();
    return memcmp(row.data, file, STAMP_SIZE) == 0 && ps_get_u64(row.data + STAMP_SIZE) == inode &&
           memcmp(row.data + STAMP_SIZE + 8, machine.bytes, PS_HASH_SIZE) == 0;
}

/* Draw a new stamp. The file is written first. If the transaction fails after that, file and
 * environment do not match, and the next open draws one more incarnation: nothing worse happens. */
static p2psync_result draw(struct ps_txn *txn, const struct ps_stamp *stamp, uint64_t inode)
{
    uint8_t row[ROW_SIZE];
    randombytes_buf(row, STAMP_SIZE);
    ps_put_u64(row + STAMP_SIZE, inode);
    struct ps_hash machine = machine_hash();
    memcpy(row + STAMP_SIZE + 8, machine.bytes, PS_HASH_SIZE);
    errno = 0;
    if (pwrite(stamp->fd, row, STAMP_SIZE, 0) != STAMP_SIZE || fsync(stamp->fd) != 0) {
        return errno == 0 ? P2PSYNC_EIO : ps_disk_result(errno);
    }
    return ps_db_put(txn, PS_DB_META, ps_bytes_text(stamp_key), ps_bytes(row, sizeof row));
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
