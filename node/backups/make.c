/* Writing a backup: a walk over one read transaction, into a file that appears whole or not at all.
 *
 * LMDB keeps all pages that an open read transaction sees. So a store that is written to meanwhile
 * grows, and a backup that takes too long is given up. */
#include "node/backups/make.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/host/config_file.h"
#include "node/host/target.h"
#include "node/host/time.h"
#include "store/backup/save.h"
#include "store/env/identity.h"
#include "store/env/store.h"
#include "wire/error.h"

/* The store may grow by so many bytes meanwhile, or by as much again. */
#define GROWTH_MIN ((uint64_t)1 << 30)

struct making {
    const struct ps_make *make;
    struct ps_target target;
    uint64_t used_bytes;    /* of the map, when it began */
    p2psync_result stopped; /* why it was given up */
};

static p2psync_result open_target(struct making *making, struct ps_txn *txn,
                                  struct p2psync_detail *detail);
static p2psync_result check_place(const char *path, const struct ps_device *self,
                                  struct p2psync_detail *detail);
static p2psync_result check_file(int fd, const struct ps_device *self,
                                 struct p2psync_detail *detail);
static p2psync_result make(struct making *making, struct ps_txn *txn, struct ps_backup_header *out,
                           struct p2psync_detail *detail);
static ps_backup_write_fn write_on;
static p2psync_progress_fn go_on;
static p2psync_result explain(p2psync_result result, struct p2psync_detail *detail);

p2psync_result ps_make_backup(const struct ps_make *wanted, struct ps_made *out,
                              struct p2psync_detail *detail)
{
    struct making making = {.make = wanted, .target = {.fd = -1}};
    struct ps_made made = {.size_bytes = 0};
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(wanted->store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = open_target(&making, &txn, detail);
    }
    if (result == P2PSYNC_OK) {
        result = make(&making, &txn, &made.header, detail);
    }
    ps_txn_abort(&txn);
    if (result == P2PSYNC_OK) {
        result = ps_target_finish(&making.target);
    }
    made.size_bytes = making.target.size;
    ps_target_drop(&making.target);
    if (result == P2PSYNC_OK) {
        *out = made;
    }
    return detail->text[0] == '\0' ? explain(result, detail) : result;
}

static p2psync_result open_target(struct making *making, struct ps_txn *txn,
                                  struct p2psync_detail *detail)
{
    const struct p2psync_backup *wish = making->make->wish;
    struct ps_identity identity = {0};
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK && wish->file == NULL) {
        result = ps_target_use(wish->fd, &making->target);
    } else if (result == P2PSYNC_OK) {
        result = check_place(wish->file, &identity.device, detail);
        if (result == P2PSYNC_OK) {
            result = ps_target_open(wish->file, !wish->without_identity, &making->target, detail);
        }
    }
    making->target.cancel_fd = making->make->cancel->fd;
    return result;
}

/* Only an earlier backup of the same device is replaced: all else may be something that its owner
 * wants to keep. */
static p2psync_result check_place(const char *path, const struct ps_device *self,
                                  struct p2psync_detail *detail)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        struct stat there;
        bool missing = errno == ENOENT || (stat(path, &there) == 0 && !S_ISREG(there.st_mode));
        return missing ? P2PSYNC_OK : ps_error_of_errno(errno);
    }
    p2psync_result result = P2PSYNC_EIO;
    if (fstat(fd, &info) == 0) {
        bool replaced = S_ISREG(info.st_mode) && info.st_size > 0;
        result = replaced ? check_file(fd, self, detail) : P2PSYNC_OK;
    }
    (void)close(fd);
    return result;
}

static p2psync_result check_file(int fd, const struct ps_device *self,
                                 struct p2psync_detail *detail)
{
    uint8_t bytes[PS_BACKUP_HEADER_SIZE];
    struct ps_backup_header header;
    if (read(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes ||
        ps_backup_header_decode(bytes, &header) != P2PSYNC_OK) {
        return ps_detail_say(detail, P2PSYNC_EEXIST,
                             "it is there already and is no backup of this version");
    }
    if (!ps_device_equal(&header.device, self)) {
        return ps_detail_say(detail, P2PSYNC_EEXIST, "it is a backup of another device");
    }
    return P2PSYNC_OK;
}

static p2psync_result make(struct making *making, struct ps_txn *txn, struct ps_backup_header *out,
                           struct p2psync_detail *detail)
{
    struct ps_store_usage usage;
    struct ps_buf config;
    ps_buf_init(&config, PS_CONFIG_FILE_SIZE_MAX);
    p2psync_result result = ps_store_usage(making->make->store, &usage);
    if (result == P2PSYNC_OK) {
        making->used_bytes = usage.used_bytes;
        result = ps_config_file_read(making->make->dir_fd, &config, detail);
    }
    const struct ps_save save = {
        .write = write_on,
        .user = making,
        .config = config.size > 1 ? ps_buf_view(&config) : ps_bytes(NULL, 0), /* an empty map */
        .without_identity = making->make->wish->without_identity,
        .now_ms = ps_time_wall_ms(),
        .told = go_on,
        .told_user = making,
    };
    if (result == P2PSYNC_OK) {
        result = ps_save(txn, &save, out);
    }
    ps_buf_deinit(&config);
    if (result == P2PSYNC_ECANCELLED && making->stopped != P2PSYNC_OK) {
        result = ps_detail_say(detail, making->stopped,
                               "so much was written meanwhile that the store, which keeps what is "
                               "copied until the end, grew too much; try a faster disk, or a "
                               "quieter time");
    }
    return result;
}

static p2psync_result write_on(struct ps_bytes bytes, void *user)
{
    struct making *making = user;
    return ps_target_write(&making->target, bytes);
}

static bool go_on(uint64_t done, uint64_t total, void *user)
{
    struct making *making = user;
    const struct p2psync_backup *wish = making->make->wish;
    struct ps_store_usage usage;
    uint64_t growth_max = making->used_bytes > GROWTH_MIN ? making->used_bytes : GROWTH_MIN;
    if (ps_store_usage(making->make->store, &usage) == P2PSYNC_OK &&
        usage.used_bytes > making->used_bytes + growth_max) {
        making->stopped = P2PSYNC_ELIMIT;
        return false;
    }
    return !ps_cancel_wait(making->make->cancel, 0) &&
           (wish->progress == NULL || wish->progress(done, total, wish->progress_user));
}

static p2psync_result explain(p2psync_result result, struct p2psync_detail *detail)
{
    switch (result) {
    case P2PSYNC_EUNREACHABLE:
        return ps_detail_say(detail, result, "whoever read it has gone");
    case P2PSYNC_ETIMEDOUT:
        return ps_detail_say(detail, result, "whoever reads it took nothing for %u s",
                             PS_TARGET_STALLED_MS / 1000);
    default:
        return result;
    }
}
