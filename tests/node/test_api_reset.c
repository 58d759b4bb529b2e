/* Dropping the past through the library: what is refused, and what is left as it was. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes.h"

#define COLLECTIONS 300 /* more than one SUMMARY asks about */

static void setup(void)
{
    nodes_begin();
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "a", "{\"x\":1}"), P2PSYNC_OK);
}

TestSuite(test_api_reset, .init = setup, .fini = nodes_end, .timeout = 120);

static p2psync_result reset(const char *dir, bool even_if_lost, struct p2psync_detail *detail)
{
    const struct p2psync_reset wish = {
        .size = sizeof wish, .dir = dir, .even_if_lost = even_if_lost};
    struct p2psync_buffer out = {0};
    p2psync_result result = p2psync_reset(&wish, &out, detail);
    p2psync_buffer_free(&out);
    return result;
}

static void close_alpha(void)
{
    p2psync_close(nodes_alpha);
    nodes_alpha = NULL;
}

Test(test_api_reset, refuses_a_directory_that_this_process_has_open)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    cr_assert_eq(reset(nodes_dirs[0], true, &detail), P2PSYNC_EBUSY);
    nodes_assert_has(detail.text, "open");
    cr_assert_eq(p2psync_start(nodes_alpha), P2PSYNC_OK);
    cr_assert_eq(reset(nodes_dirs[0], true, &detail), P2PSYNC_EBUSY);
    nodes_assert_has(detail.text, "a node runs there");
    nodes_assert_has(nodes_get(nodes_alpha, "notes", "a"), "\"x\":1");
}

Test(test_api_reset, makes_nothing_where_no_device_is)
{
    char missing[NODES_DIR_SIZE + 16];
    struct p2psync_buffer out = {0};
    struct stat info;
    const struct p2psync_reset wish = {.size = 4};
    (void)snprintf(missing, sizeof missing, "%s/missing", nodes_dirs[1]);
    cr_assert_eq(reset(missing, true, NULL), P2PSYNC_ENODEVICE);
    cr_assert_eq(reset(nodes_dirs[1], true, NULL), P2PSYNC_ENODEVICE);
    cr_assert_eq(stat(missing, &info), -1);
    cr_assert_eq(rmdir(nodes_dirs[1]), 0, "nothing is in it");
    cr_assert_eq(mkdir(nodes_dirs[1], 0700), 0);
    cr_assert_eq(p2psync_reset(&wish, &out, NULL), P2PSYNC_EMISUSE);
    cr_assert_eq(p2psync_reset(NULL, &out, NULL), P2PSYNC_EMISUSE);
}

Test(test_api_reset, refuses_to_lose_what_nobody_else_has)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    char root[2][NODES_ROOT_SIZE];
    nodes_root(nodes_alpha, root[0]);
    close_alpha();
    cr_assert_eq(reset(nodes_dirs[0], false, &detail), P2PSYNC_ECONFLICT);
    nodes_assert_has(detail.text, "all 1 changes would be lost");
    nodes_alpha = nodes_open(nodes_dirs[0], NULL);
    nodes_root(nodes_alpha, root[1]);
    cr_assert_str_eq(root[0], root[1]);
}

/* What a killed one has left is in nobody's way; but what is somebody's stays. */
Test(test_api_reset, leaves_files_of_others_in_its_place)
{
    char beside[NODES_DIR_SIZE + 32];
    char mine[NODES_DIR_SIZE + 48];
    (void)snprintf(beside, sizeof beside, "%s/reset.p2psync-tmp", nodes_dirs[0]);
    (void)snprintf(mine, sizeof mine, "%s/mine", beside);
    close_alpha();
    cr_assert_eq(mkdir(beside, 0700), 0);
    cr_assert_eq(close(open(mine, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
    cr_assert_eq(reset(nodes_dirs[0], true, NULL), P2PSYNC_EEXIST);
    cr_assert_eq(unlink(mine), 0);
    nodes_alpha = nodes_open(nodes_dirs[0], NULL);
    nodes_assert_has(nodes_get(nodes_alpha, "notes", "a"), "\"x\":1");
    close_alpha();
    cr_assert_eq(reset(nodes_dirs[0], true, NULL), P2PSYNC_OK);
    cr_assert_eq(access(beside, F_OK), -1);
    nodes_alpha = nodes_open(nodes_dirs[0], NULL);
    cr_assert_str_empty(nodes_get(nodes_alpha, "notes", "a"));
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "a", "{\"x\":2}"), P2PSYNC_OK);
}

/* Alpha, at an endpoint to which it comes back. */
static void start_alpha(void)
{
    static char endpoint[NODES_ENDPOINT_SIZE];
    struct p2psync_options options = nodes_options(nodes_dirs[0]);
    nodes_own_endpoint(0, endpoint);
    options.listen = endpoint;
    nodes_alpha = nodes_open_with(&options, NULL);
    cr_assert_eq(p2psync_start(nodes_alpha), P2PSYNC_OK);
}

static void be_in_sync(void)
{
    nodes_guest = nodes_open(nodes_dirs[1], NULL);
    cr_assert_eq(p2psync_start(nodes_guest), P2PSYNC_OK);
    nodes_await_same(nodes_guest, nodes_alpha);
}

static void close_guest(void)
{
    p2psync_close(nodes_guest);
    nodes_guest = NULL;
}

static void make_backup(const char *file)
{
    const struct p2psync_backup backup = {.size = sizeof backup, .file = file};
    struct p2psync_buffer out = {0};
    cr_assert_eq(p2psync_backup(nodes_alpha, &backup, &out, NULL), P2PSYNC_OK);
    p2psync_buffer_free(&out);
}

static void restore_backup(const char *file)
{
    const struct p2psync_backup_restore restore = {
        .size = sizeof restore, .dir = nodes_dirs[0], .file = file};
    struct p2psync_buffer out = {0};
    nodes_remove(nodes_dirs[0]);
    cr_assert_eq(p2psync_backup_restore(&restore, &out, NULL), P2PSYNC_OK);
    p2psync_buffer_free(&out);
}

/* The other device answers, but goes on from a backup that is older than the last collection. */
Test(test_api_reset, drops_nothing_that_the_one_that_answers_has_lost_since)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    char elsewhere[NODES_DIR_SIZE];
    char file[NODES_DIR_SIZE + 16];
    char name[16];
    nodes_dir(elsewhere);
    (void)snprintf(file, sizeof file, "%s/backup", elsewhere);
    close_alpha();
    start_alpha();
    for (unsigned i = 0; i < COLLECTIONS; i++) {
        (void)snprintf(name, sizeof name, "c%03u", i);
        cr_assert_eq(nodes_put(nodes_alpha, name, "a", "{\"x\":1}"), P2PSYNC_OK);
    }
    nodes_guest = nodes_open(nodes_dirs[1], NULL);
    nodes_join(nodes_alpha, nodes_guest, "beta");
    close_guest();
    make_backup(file);
    cr_assert_eq(nodes_put(nodes_alpha, "last", "a", "{\"x\":1}"), P2PSYNC_OK);
    be_in_sync();
    close_guest();
    close_alpha();
    restore_backup(file);
    start_alpha();
    cr_assert_eq(reset(nodes_dirs[1], false, &detail), P2PSYNC_ECONFLICT);
    nodes_assert_has(detail.text, "lacks some of it");
    be_in_sync();
    nodes_assert_has(nodes_get(nodes_alpha, "last", "a"), "\"x\":1");
    close_guest();
    cr_assert_eq(nodes_put(nodes_alpha, "last", "b", "{\"x\":1}"), P2PSYNC_OK);
    cr_assert_eq(reset(nodes_dirs[1], false, &detail), P2PSYNC_OK, "%s", detail.text);
    nodes_remove(elsewhere);
}
