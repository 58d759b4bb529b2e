/* Backups of one device in one directory: how they are named, which of them go, and which stay. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/backups/series.h"
#include "node/host/time.h"
#include "nodes.h"

#define DAY_MS ((uint64_t)86400000)
#define NOW_MS ((uint64_t)1764446031000) /* 2025-11-29 19:53:51 */

static char dir[NODES_DIR_SIZE];
static char file[NODES_DIR_SIZE + 16]; /* a backup */
static struct ps_series series;
static struct ps_cancel cancel;

static void setup(void)
{
    struct p2psync_buffer out = {0};
    struct p2psync_detail detail = {.size = sizeof detail};
    char device[80];
    struct ps_device id;
    nodes_begin();
    nodes_dir(dir);
    (void)snprintf(file, sizeof file, "%s.file", dir);
    const struct p2psync_backup backup = {.size = sizeof backup, .file = file};
    cr_assert_eq(p2psync_backup(nodes_alpha, &backup, &out, NULL), P2PSYNC_OK);
    p2psync_buffer_free(&out);
    nodes_text(nodes_json(p2psync_identity(nodes_alpha, &out), &out), "device", device, 80);
    cr_assert_eq(ps_device_parse(ps_bytes_text(device), &id), P2PSYNC_OK);
    cr_assert_eq(ps_series_open(dir, &id, &series, &detail), P2PSYNC_OK);
    cr_assert_eq(ps_cancel_init(&cancel), P2PSYNC_OK);
}

static void teardown(void)
{
    ps_cancel_deinit(&cancel);
    ps_series_close(&series);
    (void)unlink(file);
    nodes_remove(dir);
    nodes_end();
}

TestSuite(test_series, .init = setup, .fini = teardown, .timeout = 120);

/* Put a copy of `file` there, of `size` bytes at most. */
static void put(const char *name, size_t size)
{
    static uint8_t bytes[1 << 20];
    int from = open(file, O_RDONLY | O_CLOEXEC);
    int to = openat(series.dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t got = read(from, bytes, size < sizeof bytes ? size : sizeof bytes);
    cr_assert_geq(to, 0);
    cr_assert_eq(write(to, bytes, (size_t)got), got);
    cr_assert_eq(close(from) + close(to), 0);
}

static bool is_there(const char *name)
{
    return faccessat(series.dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Make the next one, as if it were this time. */
static void make(uint64_t wall_ms, char out[static PS_SERIES_NAME_SIZE])
{
    cr_assert_eq(ps_series_name(&series, wall_ms, out), P2PSYNC_OK);
    put(out, SIZE_MAX);
}

Test(test_series, names_tell_the_time)
{
    char name[PS_SERIES_NAME_SIZE];
    uint64_t ms = 0;
    cr_assert_eq(ps_series_name(&series, NOW_MS + 999, name), P2PSYNC_OK);
    nodes_assert_has(name, "-20251129T195351Z.backup");
    cr_assert(ps_time_of_name(strrchr(name, '-') + 1, &ms));
    cr_assert_eq(ms, NOW_MS);
    cr_expect_not(ps_time_of_name("20251329T195351Z", &ms));
    cr_expect_not(ps_time_of_name("20251129T1953511", &ms));
    cr_expect_not(ps_time_of_name("2025112 T195351Z", &ms));
    cr_expect_not(ps_time_of_name("", &ms));
}

Test(test_series, names_ascend_whatever_the_clock_says)
{
    char names[4][PS_SERIES_NAME_SIZE];
    make(NOW_MS, names[0]);
    make(NOW_MS, names[1]);
    make(UINT64_MAX, names[2]); /* it is the end of time, for a moment */
    cr_assert_lt(strcmp(names[0], names[1]), 0);
    cr_assert_lt(strcmp(names[1], names[2]), 0);
    cr_assert_eq(unlinkat(series.dir_fd, names[2], 0), 0);
    make(NOW_MS - 90 * DAY_MS, names[3]);
    cr_assert_lt(strcmp(names[1], names[3]), 0);
}

Test(test_series, the_oldest_go_and_others_are_left_alone)
{
    char names[5][PS_SERIES_NAME_SIZE];
    static const char other[] = "p2psync-AAAA-AAAA-20200101T000000Z.backup";
    char damaged[PS_SERIES_NAME_SIZE];
    char fake[PS_SERIES_NAME_SIZE];
    (void)snprintf(damaged, sizeof damaged, "%s20200101T000000Z.backup", series.prefix);
    (void)snprintf(fake, sizeof fake, "%s20200101.backup", series.prefix);
    put(damaged, 100);
    put(fake, SIZE_MAX);
    put(other, SIZE_MAX);
    put("notes.backup", SIZE_MAX);
    for (unsigned i = 0; i < 5; i++) {
        make(NOW_MS + i * DAY_MS, names[i]);
    }
    cr_assert_eq(ps_series_trim(&series, 2), P2PSYNC_OK);
    for (unsigned i = 0; i < 5; i++) {
        cr_expect_eq(is_there(names[i]), i >= 3, "number %u", i);
    }
    cr_expect(is_there(damaged), "it is no backup");
    cr_expect(is_there(fake), "it is not named as one of the series");
    cr_expect(is_there(other), "it is named as another device's");
    cr_expect(is_there("notes.backup"));
}

/* Only the header tells whose it is: a name can be anything. */
Test(test_series, backup_of_another_device_stays_whatever_its_name_is)
{
    char names[2][PS_SERIES_NAME_SIZE];
    struct p2psync_buffer out = {0};
    nodes_guest = nodes_open(nodes_dirs[1], "beta");
    make(NOW_MS, names[0]);
    cr_assert_eq(unlink(file), 0);
    const struct p2psync_backup backup = {.size = sizeof backup, .file = file};
    cr_assert_eq(p2psync_backup(nodes_guest, &backup, &out, NULL), P2PSYNC_OK);
    p2psync_buffer_free(&out);
    make(NOW_MS + DAY_MS, names[1]);
    cr_assert_eq(ps_series_trim(&series, 0), P2PSYNC_OK);
    cr_expect_not(is_there(names[0]));
    cr_expect(is_there(names[1]));
}

Test(test_series, what_somebody_who_was_killed_has_left_goes_unless_it_is_written)
{
    char left[PS_SERIES_NAME_SIZE + 16];
    (void)snprintf(left, sizeof left, "%s20200101T000000Z.backup.p2psync-tmp", series.prefix);
    put(left, 100);
    int fd = openat(series.dir_fd, left, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(flock(fd, LOCK_EX), 0);
    cr_assert_eq(ps_series_trim(&series, 1), P2PSYNC_OK);
    cr_assert(is_there(left));
    cr_assert_eq(close(fd), 0);
    cr_assert_eq(ps_series_trim(&series, 1), P2PSYNC_OK);
    cr_assert_not(is_there(left));
}

Test(test_series, one_that_does_not_read_as_it_was_written_goes)
{
    char name[PS_SERIES_NAME_SIZE];
    make(NOW_MS, name);
    cr_assert_eq(ps_series_check(&series, name, &cancel), P2PSYNC_OK);
    cr_assert(is_there(name));
    int fd = openat(series.dir_fd, name, O_WRONLY | O_CLOEXEC);
    cr_assert_eq(pwrite(fd, "?", 1, 300), 1);
    cr_assert_eq(close(fd), 0);
    cr_assert_eq(ps_series_check(&series, name, &cancel), P2PSYNC_ECORRUPT);
    cr_assert_not(is_there(name));
}

Test(test_series, directory_is_not_made)
{
    struct ps_series other = {.dir_fd = -1};
    struct p2psync_detail detail = {.size = sizeof detail};
    char missing[NODES_DIR_SIZE + 16];
    (void)snprintf(missing, sizeof missing, "%s/missing", dir);
    cr_assert_eq(ps_series_open(missing, &series.device, &other, &detail), P2PSYNC_ENOTFOUND);
    nodes_assert_has(detail.text, "no such directory");
    cr_assert_eq(access(missing, F_OK), -1);
    cr_assert_eq(ps_series_open(file, &series.device, &other, &detail), P2PSYNC_ENOTFOUND);
}
