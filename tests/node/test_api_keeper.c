/* Backups that the running node makes by itself. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "nodes.h"

static char dir[NODES_DIR_SIZE];
static int watch_fd; /* inotify on it: tells of each backup that is whole */

/* A disk that hangs: whoever puts a file in its place there comes back only when he is let go. */
static int hangs_fd = -1; /* eventfds: he hangs; he may go on; -1: no disk hangs */
static int go_on_fd = -1;

__attribute__((visibility("default"))) int rename(const char *old, const char *new)
{
    uint64_t one = 1;
    if (go_on_fd >= 0 && strncmp(new, dir, strlen(dir)) == 0) {
        (void)!write(hangs_fd, &one, sizeof one);
        (void)!read(go_on_fd, &one, sizeof one);
    }
    return (int)syscall(SYS_rename, old, new);
}

static void setup(void)
{
    nodes_begin();
    nodes_dir(dir);
    watch_fd = inotify_init1(IN_CLOEXEC);
    cr_assert_geq(inotify_add_watch(watch_fd, dir, IN_MOVED_TO), 0);
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "n", "{}"), P2PSYNC_OK);
    p2psync_close(nodes_alpha);
    nodes_alpha = NULL;
}

static void teardown(void)
{
    (void)close(watch_fd);
    nodes_remove(dir);
    nodes_end();
}

TestSuite(test_api_keeper, .init = setup, .fini = teardown, .timeout = 120);

static void start(const char *backup_dir, uint64_t every_ms, uint32_t keep)
{
    struct p2psync_options options = nodes_options(nodes_dirs[0]);
    options.backup_dir = backup_dir;
    options.backup_every_ms = every_ms;
    options.backup_keep = keep;
    nodes_alpha = nodes_open_with(&options, NULL);
    cr_assert_eq(p2psync_start(nodes_alpha), P2PSYNC_OK);
}

static void await_backup(char out[static 256])
{
    char bytes[sizeof(struct inotify_event) + 256];
    cr_assert_gt(read(watch_fd, bytes, sizeof bytes), 0);
    const struct inotify_event *event = (const void *)bytes;
    (void)snprintf(out, 256, "%s", event->name);
}

static const char *status(void)
{
    struct p2psync_buffer out = {0};
    return nodes_json(p2psync_status(nodes_alpha, &out), &out);
}

static const char *doctor(void)
{
    struct p2psync_buffer out = {0};
    return nodes_json(p2psync_doctor(nodes_alpha, &out), &out);
}

static size_t count_files(void)
{
    size_t count = 0;
    DIR *list = opendir(dir);
    for (const struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        count += entry->d_name[0] != '.' ? 1 : 0;
    }
    (void)closedir(list);
    return count;
}

Test(test_api_keeper, one_is_made_at_once_and_can_be_restored)
{
    char name[256];
    char file[NODES_DIR_SIZE + 256];
    struct p2psync_buffer out = {0};
    start(dir, 86400000, 9);
    await_backup(name);
    while (strstr(status(), "\"last_backup\":null") != NULL) { /* it is read back first */
    }
    nodes_assert_has(status(), "\"alerts\":[]");
    nodes_assert_has(doctor(), "the last one was made 0 minutes ago");
    (void)snprintf(file, sizeof file, "%s/%s", dir, name);
    const struct p2psync_backup_restore restore = {
        .size = sizeof restore, .file = file, .dir = nodes_dirs[1], .as_new_device = true};
    cr_assert_eq(p2psync_backup_restore(&restore, &out, NULL), P2PSYNC_OK);
    p2psync_buffer_free(&out);
    p2psync_close(nodes_alpha);
    start(dir, 86400000, 9); /* the next one is due tomorrow */
    cr_assert_eq(p2psync_stop(nodes_alpha), P2PSYNC_OK);
    cr_assert_eq(count_files(), 1);
}

Test(test_api_keeper, the_oldest_go_when_new_ones_are_whole)
{
    char names[5][256];
    start(dir, 1000, 2);
    for (unsigned i = 0; i < 5; i++) {
        await_backup(names[i]);
        cr_assert(i == 0 || strcmp(names[i - 1], names[i]) < 0);
        cr_assert_geq(count_files(), i < 2 ? i + 1 : 2, "none goes before");
    }
    cr_assert_eq(p2psync_stop(nodes_alpha), P2PSYNC_OK);
    cr_assert_leq(count_files(), 3, "the last may be whole, and those before it not gone yet");
}

Test(test_api_keeper, what_fails_is_told)
{
    char missing[NODES_DIR_SIZE + 16];
    int fd = -1;
    (void)snprintf(missing, sizeof missing, "%s/missing", dir);
    struct p2psync_options options = nodes_options(nodes_dirs[0]);
    options.backup_dir = missing;
    nodes_alpha = nodes_open_with(&options, NULL);
    cr_assert_eq(p2psync_start(nodes_alpha), P2PSYNC_OK);
    cr_assert_eq(p2psync_event_fd(nodes_alpha, &fd), P2PSYNC_OK);
    while (strstr(status(), "no backup in ") == NULL) { /* its last error */
    }
    nodes_assert_has(status(),
                     "\"alerts\":[\"the last backup failed: there is no such directory\"]");
    nodes_assert_has(doctor(), "\"check\":\"backups\"");
    nodes_assert_has(doctor(), "the next one failed: there is no such directory");
    cr_assert_eq(p2psync_stop(nodes_alpha), P2PSYNC_OK);
    nodes_assert_has(status(), "\"last_backup\":null");
    nodes_assert_has(status(), "the last backup failed");
}

Test(test_api_keeper, directory_that_hangs_keeps_no_node_from_stopping)
{
    uint64_t one = 1;
    char name[256];
    hangs_fd = eventfd(0, EFD_CLOEXEC);
    go_on_fd = eventfd(0, EFD_CLOEXEC);
    cr_assert(hangs_fd >= 0 && go_on_fd >= 0);
    start(dir, 86400000, 9);
    cr_assert_eq(read(hangs_fd, &one, sizeof one), (ssize_t)sizeof one);
    nodes_assert_has(nodes_get(nodes_alpha, "notes", "n"), "{}"); /* all else goes on */
    cr_assert_eq(p2psync_stop(nodes_alpha), P2PSYNC_OK);
    p2psync_close(nodes_alpha);
    cr_assert_eq(count_files(), 1, "the file that is not in its place yet");

    /* Nothing of the node is in use any more: it can be opened again, and stops in good order. */
    struct p2psync_options options = nodes_options(nodes_dirs[0]);
    nodes_alpha = nodes_open_with(&options, NULL);
    nodes_assert_has(status(), "\"last_backup\":null");
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "m", "{}"), P2PSYNC_OK);
    p2psync_close(nodes_alpha);

    /* Who hung comes back, and ends. Nobody is in the way of the next one. */
    cr_assert_eq(write(go_on_fd, &one, sizeof one), (ssize_t)sizeof one);
    await_backup(name);
    go_on_fd = -1;
    start(dir, 86400000, 9);
    await_backup(name);
    cr_assert_eq(p2psync_stop(nodes_alpha), P2PSYNC_OK);
    cr_assert_eq(count_files(), 2);
}

Test(test_api_keeper, options_out_of_bounds_are_refused)
{
    p2psync_node *node = NULL;
    struct p2psync_options options = nodes_options(nodes_dirs[0]);
    options.backup_dir = "relative";
    cr_expect_eq(p2psync_open(&options, &node, NULL), P2PSYNC_EMISUSE);
    options.backup_dir = dir;
    options.backup_every_ms = 999;
    cr_expect_eq(p2psync_open(&options, &node, NULL), P2PSYNC_EMISUSE);
    options.backup_every_ms = 0;
    options.backup_keep = 1001;
    cr_expect_eq(p2psync_open(&options, &node, NULL), P2PSYNC_EMISUSE);
}
