/* Restoring a backup: a directory is made beside the one that is wanted, filled, verified, flushed,
 * and then takes its place in one step. If DIR is there already, it is held from the beginning to
 * the end, so that nobody makes a device there that would be lost. Whoever is killed meanwhile
 * leaves DIR.p2psync-tmp behind, which the next one removes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/api/hold.h"
#include "node/api/inside.h"
#include "node/host/config.h"
#include "node/host/config_file.h"
#include "node/host/data_dir.h"
#include "node/host/dir.h"
#include "node/host/owner.h"
#include "node/host/sized.h"
#include "node/host/target.h"
#include "node/view/backup.h"
#include "node/view/status.h"
#include "store/backup/load.h"
#include "store/env/disk.h"
#include "store/env/identity.h"
#include "store/verify/verify.h"
#include "wire/error.h"
#include "wire/map.h"

#define TELL_SIZE ((uint64_t)1 << 20)

struct restoring {
    struct p2psync_backup_restore wish;
    struct p2psync_detail *detail;
    int fd; /* of the backup */
    uint64_t read_bytes;
    uint64_t told_bytes;
    uint64_t size_bytes; /* 0: not known */
    char dir[PATH_MAX];  /* absolute, and no link */
    char beside[PATH_MAX + sizeof PS_TARGET_SUFFIX];
    struct ps_hold hold;                    /* of the directory that is there, if there is one */
    bool was_empty;                         /* it was */
    int beside_fd;                          /* with a lock */
    char name[PS_DEVICE_NAME_SIZE_MAX + 1]; /* of a new device; "": it is the same one */
    bool in_place;
};

static p2psync_result restore(struct restoring *restoring, struct ps_buf *answer);
static p2psync_result open_source(struct restoring *restoring);
static p2psync_result choose_place(struct restoring *restoring);
static p2psync_result hold_dir(struct restoring *restoring);
static p2psync_result hold_open(struct restoring *restoring, int dir_fd);
static p2psync_result check_files(const struct restoring *restoring, int dir_fd);
static p2psync_result check_store(const struct restoring *restoring);
static p2psync_result open_beside(struct restoring *restoring);
static p2psync_result fill(struct restoring *restoring, struct ps_backup_reader *reader,
                           struct ps_buf *answer);
static p2psync_result verify(struct restoring *restoring, struct ps_store *store);
static bool goes_on(void *user, uint64_t done, uint64_t total);
static p2psync_result write_settings(const struct restoring *restoring, struct ps_bytes map);
static p2psync_result describe(struct ps_store *store, const struct ps_backup_header *header,
                               struct ps_buf *answer);
static p2psync_result move_in_place(struct restoring *restoring);
static void let_go(struct restoring *restoring);
static p2psync_result explain_source(const struct restoring *restoring, p2psync_result result);
static ps_backup_read_fn read_on;

p2psync_result p2psync_backup_restore(const struct p2psync_backup_restore *given,
                                      struct p2psync_buffer *out, struct p2psync_detail *detail)
{
    struct p2psync_detail found = ps_detail_none();
    struct restoring restoring = {
        .detail = &found, .fd = -1, .hold = PS_HOLD_NONE, .beside_fd = -1};
    if (out == NULL || !ps_detail_valid(detail) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_backup_restore, progress_user),
                       &restoring.wish, sizeof restoring.wish)) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_buf answer;
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    p2psync_result result = sodium_init() < 0 ? P2PSYNC_EIO : restore(&restoring, &answer);
    if (restoring.fd >= 0 && restoring.wish.file != NULL) {
        (void)close(restoring.fd);
    }
    let_go(&restoring);
    return ps_detail_give(ps_buffer_give(result, &answer, out), &found, detail);
}

/* The backup is looked at before the place is, and the place before anything is written. */
static p2psync_result restore(struct restoring *restoring, struct ps_buf *answer)
{
    struct ps_backup_reader reader;
    ps_backup_reader_init(&reader, read_on, restoring);
    p2psync_result result = P2PSYNC_OK;
    if (restoring->wish.as_new_device) {
        result = ps_device_name_choose(restoring->wish.name, restoring->name, restoring->detail);
    }
    if (result == P2PSYNC_OK) {
        result = open_source(restoring);
    }
    if (result == P2PSYNC_OK) {
        result = explain_source(restoring, ps_backup_reader_begin(&reader));
    }
    if (result == P2PSYNC_OK) {
        result = choose_place(restoring);
    }
    if (result == P2PSYNC_OK) {
        result = hold_dir(restoring);
    }
    if (result == P2PSYNC_OK) {
        result = open_beside(restoring);
    }
    if (result == P2PSYNC_OK) {
        result = fill(restoring, &reader, answer);
    }
    if (result == P2PSYNC_OK) {
        result = move_in_place(restoring);
    }
    ps_backup_reader_deinit(&reader);
    return result;
}

static p2psync_result open_source(struct restoring *restoring)
{
    struct stat info;
    if (restoring->wish.file == NULL) {
        restoring->fd = restoring->wish.fd;
    } else {
        restoring->fd = open(restoring->wish.file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    }
    if (restoring->fd < 0) {
        return errno == ENOENT ? ps_detail_say(restoring->detail, P2PSYNC_ENOTFOUND, "no such file")
                               : ps_error_of_errno(errno);
    }
    if (fstat(restoring->fd, &info) != 0) {
        return P2PSYNC_EMISUSE;
    }
    if (S_ISDIR(info.st_mode)) {
        return ps_detail_say(restoring->detail, P2PSYNC_ECORRUPT,
                             "it is a directory, and a backup is a file");
    }
    restoring->size_bytes = S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
    return P2PSYNC_OK;
}

/* DIR, and what is beside it: in the same directory, so that it can be renamed. */
static p2psync_result choose_place(struct restoring *restoring)
{
    char *dir = ps_data_dir(restoring->wish.dir);
    if (dir == NULL) {
        return P2PSYNC_ENOMEM;
    }
    size_t size = strlen(dir);
    while (size > 1 && dir[size - 1] == '/') {
        dir[--size] = '\0';
    }
    bool good = size > 0 && size < PATH_MAX;
    if (good && realpath(dir, restoring->dir) == NULL) {
        good = errno == ENOENT;
        (void)snprintf(restoring->dir, sizeof restoring->dir, "%s", dir);
    }
    free(dir);
    (void)snprintf(restoring->beside, sizeof restoring->beside, "%s" PS_TARGET_SUFFIX,
                   restoring->dir);
    if (!good) {
        return ps_detail_say(restoring->detail, P2PSYNC_EMISUSE, "no directory can be there");
    }
    return P2PSYNC_OK;
}

/* The directory is not there, or empty, or holds a store without a device, as a command leaves one
 * that has found none. */
static p2psync_result hold_dir(struct restoring *restoring)
{
    struct stat info;
    if (lstat(restoring->dir, &info) != 0) {
        return errno == ENOENT ? P2PSYNC_OK : ps_error_of_errno(errno);
    }
    if (!S_ISDIR(info.st_mode)) {
        return ps_detail_say(restoring->detail, P2PSYNC_EEXIST, "a file is there");
    }
    int fd = open(restoring->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return ps_error_of_errno(errno);
    }
    p2psync_result result = ps_owner_check(fd, "the directory", restoring->detail);
    if (result == P2PSYNC_OK) {
        result = hold_open(restoring, fd);
    }
    if (restoring->hold.dir_fd < 0) {
        (void)close(fd);
    }
    return result;
}

/* No file is made in a directory of others. */
static p2psync_result hold_open(struct restoring *restoring, int dir_fd)
{
    bool has_store = faccessat(dir_fd, "data.mdb", F_OK, 0) == 0;
    p2psync_result result = has_store ? P2PSYNC_OK : check_files(restoring, dir_fd);
    restoring->was_empty = ps_dir_is_empty(dir_fd);
    if (result == P2PSYNC_OK) {
        result = ps_hold_take(dir_fd, &restoring->hold, restoring->detail);
    }
    if (result == P2PSYNC_OK && faccessat(dir_fd, "data.mdb", F_OK, 0) == 0) {
        result = check_store(restoring);
    }
    return result == P2PSYNC_OK ? check_files(restoring, dir_fd) : result;
}

static p2psync_result check_files(const struct restoring *restoring, int dir_fd)
{
    return ps_dir_is_disposable(dir_fd)
               ? P2PSYNC_OK
               : ps_detail_say(restoring->detail, P2PSYNC_EEXIST, "the directory is not empty");
}

static p2psync_result check_store(const struct restoring *restoring)
{
    struct ps_store_options options = {.dir = restoring->dir, .stamp = &restoring->hold.stamp};
    struct ps_store *store = NULL;
    struct ps_txn txn = {0};
    struct ps_identity identity = {0};
    p2psync_result result = ps_store_open(&options, &store);
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(store, false, &txn);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &identity);
    }
    ps_txn_abort(&txn);
    ps_store_destroy(&store);
    if (result == P2PSYNC_ENODEVICE) {
        return P2PSYNC_OK;
    }
    return ps_detail_say(restoring->detail, P2PSYNC_EEXIST,
                         result == P2PSYNC_OK ? "the directory holds a device already"
                                              : "the directory holds a store already, which cannot "
                                                "be opened");
}

static p2psync_result open_beside(struct restoring *restoring)
{
    p2psync_result result = ps_disk_open_dir(restoring->beside, &restoring->beside_fd);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (!ps_target_lock(restoring->beside_fd, restoring->beside)) {
        (void)close(restoring->beside_fd);
        restoring->beside_fd = -1;
        return ps_detail_say(restoring->detail, P2PSYNC_EBUSY,
                             "another process restores a backup there");
    }
    result = ps_dir_clear(restoring->beside_fd);
    return result == P2PSYNC_EEXIST
               ? ps_detail_say(restoring->detail, result, "%s holds files of its own",
                               strrchr(restoring->beside, '/') != NULL
                                   ? strrchr(restoring->beside, '/') + 1
                                   : restoring->beside)
               : result;
}

/* Everything but the last step. What is flushed here is on the disk before it gets its name. */
static p2psync_result fill(struct restoring *restoring, struct ps_backup_reader *reader,
                           struct ps_buf *answer)
{
    const struct ps_store_options options = {.dir = restoring->beside, .no_flush = true};
    struct ps_store *store = NULL;
    struct ps_buf settings;
    ps_buf_init(&settings, PS_CONFIG_FILE_SIZE_MAX);
    p2psync_result result = ps_store_open(&options, &store);
    if (result == P2PSYNC_OK) {
        result = explain_source(restoring,
                                ps_load(reader, store, ps_bytes_text(restoring->name), &settings));
    }
    if (result == P2PSYNC_OK) {
        result = verify(restoring, store);
    }
    if (result == P2PSYNC_OK) {
        result = describe(store, &reader->header, answer);
    }
    ps_store_destroy(&store);
    if (result == P2PSYNC_OK && settings.size > 0) {
        result = write_settings(restoring, ps_buf_view(&settings));
    }
    ps_buf_deinit(&settings);
    return result == P2PSYNC_OK ? ps_dir_flush(restoring->beside_fd) : result;
}

/* The hashes of a backup say that it is as it was written, and not that what was written is what
 * its authors signed. */
static p2psync_result verify(struct restoring *restoring, struct ps_store *store)
{
    struct ps_verify verify = {.goes_on = goes_on, .user = restoring};
    p2psync_result result = ps_verify_sound(store, &verify);
    return result != P2PSYNC_ECORRUPT
               ? result
               : ps_detail_say(restoring->detail, result,
                               "what it holds does not verify: records or changes are not what "
                               "their authors signed, or are damaged");
}

static bool goes_on(void *user, uint64_t done, uint64_t total)
{
    const struct restoring *restoring = user;
    const struct p2psync_backup_restore *wish = &restoring->wish;
    (void)done;
    (void)total;
    return wish->progress == NULL ||
           wish->progress(restoring->read_bytes, restoring->size_bytes, wish->progress_user);
}

/* As p2psync_open() will read them. */
static p2psync_result write_settings(const struct restoring *restoring, struct ps_bytes map)
{
    struct ps_config config;
    struct p2psync_detail wrong = ps_detail_none();
    p2psync_result result = ps_config_file_write(restoring->beside_fd, map, &wrong);
    if (result == P2PSYNC_OK) {
        result = ps_config_read(restoring->beside_fd, &config, &wrong);
    }
    return result == P2PSYNC_EFORMAT ? explain_source(restoring, P2PSYNC_ECORRUPT) : result;
}

static p2psync_result describe(struct ps_store *store, const struct ps_backup_header *header,
                               struct ps_buf *answer)
{
    struct ps_buf identity;
    struct ps_writer writer;
    struct ps_map map;
    ps_buf_init(&identity, PS_BUFFER_SIZE_MAX);
    ps_writer_init(&writer, answer);
    p2psync_result result = ps_status_identity_of(store, &identity);
    if (result == P2PSYNC_OK) {
        ps_map_begin(&map, &writer);
        ps_map_pairs(&map, ps_buf_view(&identity));
        ps_view_backup_add(&map, header);
        ps_map_end(&map);
        result = ps_writer_finish(&writer);
    }
    ps_buf_deinit(&identity);
    return result;
}

/* rename(2) replaces a directory that is empty. */
static p2psync_result move_in_place(struct restoring *restoring)
{
    int fd = restoring->hold.dir_fd;
    if (fd >= 0) {
        p2psync_result result = check_files(restoring, fd); /* somebody may have put some there */
        result = result == P2PSYNC_OK ? ps_dir_clear(fd) : result;
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    if (rename(restoring->beside, restoring->dir) != 0) {
        switch (errno) {
        case EBUSY:
            return ps_detail_say(restoring->detail, P2PSYNC_EBUSY,
                                 "a file system is mounted there; name a directory in it");
        case EEXIST:
        case ENOTEMPTY:
        case ENOTDIR:
            return ps_detail_say(restoring->detail, P2PSYNC_EEXIST, "the directory is not empty");
        default:
            return ps_error_of_errno(errno);
        }
    }
    restoring->in_place = true;
    return ps_target_flush_dir(restoring->dir);
}

/* What is not finished goes. */
static void let_go(struct restoring *restoring)
{
    if (restoring->hold.dir_fd >= 0 && restoring->was_empty && !restoring->in_place) {
        (void)!ps_dir_clear(restoring->hold.dir_fd);
    }
    ps_hold_release(&restoring->hold);
    if (restoring->beside_fd >= 0) {
        if (!restoring->in_place) {
            (void)!ps_dir_clear(restoring->beside_fd); /* what stays, the next one removes */
            (void)rmdir(restoring->beside);
        }
        (void)close(restoring->beside_fd);
    }
}

/* What the backup is to blame for. */
static p2psync_result explain_source(const struct restoring *restoring, p2psync_result result)
{
    struct p2psync_detail *detail = restoring->detail;
    switch (result) {
    case P2PSYNC_EFORMAT:
        return ps_detail_say(detail, P2PSYNC_ECORRUPT,
                             "it is no backup of p2psync, or its beginning is damaged");
    case P2PSYNC_ECORRUPT:
        return ps_detail_say(detail, result, "the backup is damaged, or was cut off");
    case P2PSYNC_ENEWER:
        return ps_detail_say(detail, result, "a newer version of p2psync made it");
    case P2PSYNC_EOLDER:
        return ps_detail_say(detail, result,
                             "an earlier version of p2psync made it, and this one reads no stores "
                             "of that");
    case P2PSYNC_ENODEVICE:
        return ps_detail_say(detail, result,
                             "it was made without the device's identity, so it can become a new "
                             "device only");
    default:
        return result;
    }
}

static p2psync_result read_on(uint8_t *out, size_t size, size_t *got_out, void *user)
{
    struct restoring *restoring = user;
    const struct p2psync_backup_restore *wish = &restoring->wish;
    size_t got = 0;
    while (got < size) { /* until the end, at the latest */
        ssize_t piece = read(restoring->fd, out + got, size - got);
        if (piece < 0 && errno != EINTR) {
            return ps_error_of_errno(errno);
        }
        if (piece == 0) {
            break;
        }
        got += piece > 0 ? (size_t)piece : 0;
        if (piece < 0 && wish->progress != NULL &&
            !wish->progress(restoring->read_bytes, restoring->size_bytes, wish->progress_user)) {
            return P2PSYNC_ECANCELLED;
        }
    }
    restoring->read_bytes += got;
    bool due = restoring->read_bytes - restoring->told_bytes >= TELL_SIZE || got < size;
    if (due && wish->progress != NULL) {
        restoring->told_bytes = restoring->read_bytes;
        if (!wish->progress(restoring->read_bytes, restoring->size_bytes, wish->progress_user)) {
            return P2PSYNC_ECANCELLED;
        }
    }
    *got_out = got;
    return P2PSYNC_OK;
}
