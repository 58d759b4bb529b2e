/* A directory is read anew each time: others may put files there, and take them away. */
#include "node/backups/series.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/host/target.h"
#include "node/host/time.h"
#include "store/backup/backup.h"
#include "wire/error.h"

#define SUFFIX ".backup"

/* Names of files, each as long as any; freed by the caller. */
struct names {
    char (*items)[PS_SERIES_NAME_SIZE];
    size_t count;
};

struct checking {
    int fd;
    const struct ps_cancel *cancel;
};

static p2psync_result list(const struct ps_series *series, struct names *out);
static p2psync_result add(struct names *names, const char *name);
static bool is_named(const struct ps_series *series, const char *name, const char *end);
static bool is_own(const struct ps_series *series, const char *name);
static int compare(const void *a, const void *b);
static void remove_left(const struct ps_series *series, const char *name);
static ps_backup_read_fn read_on;

p2psync_result ps_series_open(const char *dir, const struct ps_device *device,
                              struct ps_series *out, struct p2psync_detail *detail)
{
    struct ps_series series = {.dir_fd = -1, .device = *device};
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    ps_device_fingerprint(device, fingerprint);
    int size = snprintf(series.prefix, sizeof series.prefix, "p2psync-%s-", fingerprint);
    static_assert(PS_SERIES_PREFIX_SIZE + PS_TIME_NAME_SIZE + sizeof SUFFIX <= PS_SERIES_NAME_SIZE,
                  "a name fits");
    assert(size > 0 && size < PS_SERIES_PREFIX_SIZE);
    series.prefix_size = (size_t)size;
    series.dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (series.dir_fd < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        return missing ? ps_detail_say(detail, P2PSYNC_ENOTFOUND, "there is no such directory")
                       : ps_error_of_errno(errno);
    }
    *out = series;
    return P2PSYNC_OK;
}

void ps_series_close(struct ps_series *series)
{
    if (series->dir_fd >= 0) {
        (void)close(series->dir_fd);
        series->dir_fd = -1;
    }
}

p2psync_result ps_series_name(const struct ps_series *series, uint64_t wall_ms,
                              char out[static PS_SERIES_NAME_SIZE])
{
    struct names names = {.items = NULL};
    uint64_t last_ms = 0;
    char time[PS_TIME_NAME_SIZE];
    p2psync_result result = list(series, &names);
    if (result == P2PSYNC_OK && names.count > 0) {
        (void)ps_time_of_name(names.items[names.count - 1] + series->prefix_size, &last_ms);
    }
    free(names.items);
    if (result == P2PSYNC_OK) {
        uint64_t after_ms = last_ms > 0 ? last_ms + 1000 : 0;
        ps_time_name(wall_ms > after_ms ? wall_ms : after_ms, time);
        (void)snprintf(out, PS_SERIES_NAME_SIZE, "%s%s" SUFFIX, series->prefix, time);
    }
    return result;
}

/* All that are named as one of the series, in order. */
static p2psync_result list(const struct ps_series *series, struct names *out)
{
    p2psync_result result = P2PSYNC_OK;
    int fd = openat(series->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (dir == NULL) {
        result = ps_error_of_errno(errno);
        if (fd >= 0) {
            (void)close(fd);
        }
        return result;
    }
    while (result == P2PSYNC_OK) { /* as many steps as the directory has names */
        /* Safe on a stream that one thread uses. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        const struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            break;
        }
        if (is_named(series, entry->d_name, SUFFIX)) {
            result = add(out, entry->d_name);
        } else if (is_named(series, entry->d_name, SUFFIX PS_TARGET_SUFFIX)) {
            remove_left(series, entry->d_name);
        }
    }
    (void)closedir(dir);
    if (out->count > 0) {
        qsort(out->items, out->count, sizeof *out->items, compare);
    }
    return result;
}

static p2psync_result add(struct names *names, const char *name)
{
    char(*grown)[PS_SERIES_NAME_SIZE] =
        reallocarray(names->items, names->count + 1, sizeof *names->items);
    if (grown == NULL) {
        return P2PSYNC_ENOMEM;
    }
    names->items = grown;
    assert(strlen(name) < sizeof *names->items); /* it is named as one of the series */
    memcpy(names->items[names->count], name, strlen(name) + 1);
    names->count++;
    return P2PSYNC_OK;
}

/* Whether it is the prefix, a time, and `end`. */
static bool is_named(const struct ps_series *series, const char *name, const char *end)
{
    uint64_t ms = 0;
    return strncmp(name, series->prefix, series->prefix_size) == 0 &&
           ps_time_of_name(name + series->prefix_size, &ms) &&
           strcmp(name + series->prefix_size + PS_TIME_NAME_SIZE - 1, end) == 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Of one that was killed while it made a backup. Who makes one now holds a lock on it. */
static void remove_left(const struct ps_series *series, const char *name)
{
    int fd = openat(series->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd >= 0) {
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            (void)unlinkat(series->dir_fd, name, 0);
        }
        (void)close(fd);
    }
}

p2psync_result ps_series_check(const struct ps_series *series, const char *name,
                               const struct ps_cancel *cancel)
{
    struct ps_backup_reader reader;
    struct ps_backup_row row;
    struct checking checking = {
        .fd = openat(series->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), .cancel = cancel};
    if (checking.fd < 0) {
        return ps_error_of_errno(errno);
    }
    ps_backup_reader_init(&reader, read_on, &checking);
    p2psync_result result = ps_backup_reader_begin(&reader);
    while (result == P2PSYNC_OK) { /* as many steps as it has rows */
        result = ps_backup_reader_next(&reader, &row);
    }
    ps_backup_reader_deinit(&reader);
    (void)close(checking.fd);
    if (result != P2PSYNC_EEND && result != P2PSYNC_ECANCELLED) {
        (void)unlinkat(series->dir_fd, name, 0);
    }
    return result == P2PSYNC_EEND ? P2PSYNC_OK : result;
}

static p2psync_result read_on(uint8_t *out, size_t size, size_t *got_out, void *user)
{
    const struct checking *checking = user;
    size_t got = 0;
    while (got < size) { /* until the end, at the latest */
        ssize_t piece = read(checking->fd, out + got, size - got);
        if (piece < 0 && errno != EINTR) {
            return ps_error_of_errno(errno);
        }
        if (piece == 0) {
            break;
        }
        got += piece > 0 ? (size_t)piece : 0;
    }
    *got_out = got;
    return ps_cancel_wait(checking->cancel, 0) ? P2PSYNC_ECANCELLED : P2PSYNC_OK;
}

p2psync_result ps_series_trim(const struct ps_series *series, size_t keep)
{
    struct names names = {.items = NULL};
    size_t kept = 0;
    p2psync_result result = list(series, &names);
    for (size_t i = names.count; i > 0 && result == P2PSYNC_OK; i--) { /* the last one first */
        const char *name = names.items[i - 1];
        bool own = is_own(series, name);
        kept += own ? 1 : 0;
        if (own && kept > keep && unlinkat(series->dir_fd, name, 0) != 0 && errno != ENOENT) {
            result = ps_error_of_errno(errno);
        }
    }
    free(names.items);
    return result;
}

static bool is_own(const struct ps_series *series, const char *name)
{
    uint8_t bytes[PS_BACKUP_HEADER_SIZE];
    struct ps_backup_header header;
    struct stat info;
    int fd = openat(series->dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) {
        return false;
    }
    bool own = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) &&
               read(fd, bytes, sizeof bytes) == (ssize_t)sizeof bytes &&
               ps_backup_header_decode(bytes, &header) == P2PSYNC_OK &&
               ps_device_equal(&header.device, &series->device);
    (void)close(fd);
    return own;
}
