/* Backups as files, and directories made of them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nodes.h"
#include "store/env/store.h"
#include "store/log/collection.h"

#define PATH_SIZE (NODES_DIR_SIZE + 32)

static char file[PATH_SIZE];
static char temporary[PATH_SIZE];
static char place[PATH_SIZE];

static void setup(void)
{
    nodes_begin();
    (void)snprintf(file, sizeof file, "%s.backup", nodes_dirs[0]);
    (void)snprintf(temporary, sizeof temporary, "%s.backup.p2psync-tmp", nodes_dirs[0]);
    (void)snprintf(place, sizeof place, "%s.restored", nodes_dirs[0]);
    for (unsigned i = 0; i < 5; i++) {
        char id[8];
        (void)snprintf(id, sizeof id, "r%u", i);
        cr_assert_eq(nodes_put(nodes_alpha, "notes", id, "{\"text\":\"some text\"}"), P2PSYNC_OK);
    }
}

static void teardown(void)
{
    (void)unlink(file);
    (void)unlink(temporary);
    if (access(place, F_OK) == 0) {
        nodes_remove(place);
    }
    nodes_end();
}

TestSuite(test_api_backup, .init = setup, .fini = teardown, .timeout = 120);

static p2psync_result make(struct p2psync_backup *backup, struct p2psync_detail *detail)
{
    struct p2psync_buffer out = {0};
    backup->size = sizeof *backup;
    p2psync_result result = p2psync_backup(nodes_alpha, backup, &out, detail);
    p2psync_buffer_free(&out);
    return result;
}

static p2psync_result make_file(void)
{
    struct p2psync_backup backup = {.file = file};
    return make(&backup, NULL);
}

static p2psync_result restore_as(const char *name, struct p2psync_detail *detail)
{
    const struct p2psync_backup_restore restore = {.size = sizeof restore,
                                                   .file = file,
                                                   .dir = place,
                                                   .as_new_device = name != NULL,
                                                   .name = name};
    struct p2psync_buffer out = {0};
    p2psync_result result = p2psync_backup_restore(&restore, &out, detail);
    p2psync_buffer_free(&out);
    return result;
}

static bool is_there(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static unsigned mode_of(const char *path)
{
    struct stat info;
    cr_assert_eq(stat(path, &info), 0);
    return (unsigned)info.st_mode & 0777U;
}

static void write_file(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    cr_assert_eq(close(fd), 0);
}

Test(test_api_backup, only_the_owner_may_read_a_key)
{
    struct p2psync_backup backup = {.file = file, .without_identity = true};
    (void)umask(0022);
    cr_assert_eq(make_file(), P2PSYNC_OK);
    cr_assert_eq(mode_of(file), 0600U);
    cr_assert_eq(make(&backup, NULL), P2PSYNC_OK);
    cr_assert_eq(mode_of(file), 0644U);
    cr_assert_not(is_there(temporary));
}

Test(test_api_backup, earlier_one_is_replaced_and_so_is_an_empty_file)
{
    write_file(file, "");
    cr_assert_eq(make_file(), P2PSYNC_OK);
    cr_assert_eq(make_file(), P2PSYNC_OK);
}

Test(test_api_backup, other_files_are_kept)
{
    char text[8] = "";
    struct p2psync_detail detail = {.size = sizeof detail};
    struct p2psync_backup backup = {.file = file};
    write_file(file, "precious");
    cr_assert_eq(make(&backup, &detail), P2PSYNC_EEXIST);
    cr_assert_neq(detail.text[0], '\0');
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(read(fd, text, sizeof text), 8);
    cr_assert_eq(close(fd), 0);
    cr_assert_arr_eq(text, "precious", 8);
    backup.file = nodes_dirs[0];
    cr_assert_eq(make(&backup, NULL), P2PSYNC_EEXIST, "a directory");
    backup.file = "/nowhere/at/all";
    cr_assert_eq(make(&backup, NULL), P2PSYNC_ENOTFOUND);
}

Test(test_api_backup, backup_of_another_device_is_kept)
{
    struct p2psync_backup backup = {.size = sizeof backup, .file = file};
    struct p2psync_buffer out = {0};
    nodes_guest = nodes_open(nodes_dirs[1], "beta");
    cr_assert_eq(p2psync_backup(nodes_guest, &backup, &out, NULL), P2PSYNC_OK);
    p2psync_buffer_free(&out);
    cr_assert_eq(make_file(), P2PSYNC_EEXIST);
}

Test(test_api_backup, what_somebody_who_was_killed_has_left_is_replaced)
{
    write_file(temporary, "half");
    cr_assert_eq(make_file(), P2PSYNC_OK);
    cr_assert_not(is_there(temporary));
}

Test(test_api_backup, two_do_not_write_one_file)
{
    write_file(temporary, "half");
    int fd = open(temporary, O_RDONLY | O_CLOEXEC);
    cr_assert_eq(flock(fd, LOCK_EX), 0);
    cr_assert_eq(make_file(), P2PSYNC_EBUSY);
    cr_assert(is_there(temporary));
    cr_assert_eq(close(fd), 0);
}

static bool count_and_stop(uint64_t done, uint64_t total, void *user)
{
    unsigned *calls = user;
    cr_assert_leq(done, total);
    (*calls)++;
    return false;
}

Test(test_api_backup, who_is_told_may_cancel_it)
{
    unsigned calls = 0;
    struct p2psync_backup backup = {
        .file = file, .progress = count_and_stop, .progress_user = &calls};
    cr_assert_eq(make(&backup, NULL), P2PSYNC_ECANCELLED);
    cr_assert_eq(calls, 1U);
    cr_assert_not(is_there(file));
    cr_assert_not(is_there(temporary));
}

static bool cancel(uint64_t done, uint64_t total, void *user)
{
    (void)done;
    (void)total;
    cr_assert_eq(p2psync_cancel(user), P2PSYNC_OK);
    return true;
}

/* More rows than are written between two looks. */
Test(test_api_backup, another_thread_may_cancel_it)
{
    p2psync_transaction *transaction = NULL;
    struct p2psync_backup backup = {.file = file, .progress = cancel, .progress_user = nodes_alpha};
    cr_assert_eq(p2psync_transaction_begin(nodes_alpha, "many", &transaction, NULL), P2PSYNC_OK);
    for (unsigned i = 0; i < 5000; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "r%u", i);
        const struct p2psync_edit edit = {
            .size = sizeof edit, .id = id, .fields = {.data = "\x80", .size = 1}};
        cr_assert_eq(p2psync_transaction_edit(transaction, &edit, NULL), P2PSYNC_OK);
    }
    cr_assert_eq(p2psync_transaction_commit(transaction, NULL, NULL), P2PSYNC_OK);
    cr_assert_eq(make(&backup, NULL), P2PSYNC_ECANCELLED);
    cr_assert_not(is_there(file));
    cr_assert_eq(make_file(), P2PSYNC_OK, "later ones are not cancelled");
}

Test(test_api_backup, reader_that_has_gone_ends_it)
{
    int ends[2];
    struct p2psync_backup backup = {.file = NULL};
    (void)signal(SIGPIPE, SIG_IGN);
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(close(ends[0]), 0);
    backup.fd = ends[1];
    cr_assert_eq(make(&backup, NULL), P2PSYNC_EUNREACHABLE);
    cr_assert_eq(close(ends[1]), 0);
}

Test(test_api_backup, restored_device_is_the_same_one_with_the_same_records)
{
    struct p2psync_buffer out = {0};
    char root[2][NODES_ROOT_SIZE];
    char device[2][80];
    cr_assert_eq(p2psync_config_set(nodes_alpha, "interval_ms",
                                    (struct p2psync_bytes){.data = "\xcd\x10\x00", .size = 3},
                                    NULL),
                 P2PSYNC_OK);
    cr_assert_eq(make_file(), P2PSYNC_OK);
    cr_assert_eq(restore_as(NULL, NULL), P2PSYNC_OK);
    nodes_guest = nodes_open(place, NULL);
    nodes_root(nodes_alpha, root[0]);
    nodes_root(nodes_guest, root[1]);
    cr_assert_str_eq(root[0], root[1]);
    nodes_text(nodes_json(p2psync_identity(nodes_alpha, &out), &out), "device", device[0], 80);
    nodes_text(nodes_json(p2psync_identity(nodes_guest, &out), &out), "device", device[1], 80);
    cr_assert_str_eq(device[0], device[1]);
    nodes_assert_has(nodes_json(p2psync_config(nodes_guest, &out, NULL), &out),
                     "\"interval_ms\":{\"value\":4096,\"source\":\"config\"}");
    cr_assert_eq(mode_of(place), 0700U);
}

Test(test_api_backup, directory_with_a_device_or_a_file_is_kept)
{
    char inside[PATH_SIZE + 8];
    struct p2psync_detail detail = {.size = sizeof detail};
    cr_assert_eq(make_file(), P2PSYNC_OK);
    cr_assert_eq(restore_as(NULL, NULL), P2PSYNC_OK);
    cr_assert_eq(restore_as(NULL, &detail), P2PSYNC_EEXIST);
    nodes_assert_has(detail.text, "holds a device");
    nodes_remove(place);
    cr_assert_eq(mkdir(place, 0700), 0);
    (void)snprintf(inside, sizeof inside, "%s/mine", place);
    write_file(inside, "x");
    cr_assert_eq(restore_as(NULL, &detail), P2PSYNC_EEXIST);
    nodes_assert_has(detail.text, "not empty");
    cr_assert(is_there(inside));
}

/* As a command leaves one that has found no device. */
Test(test_api_backup, directory_without_a_device_is_taken)
{
    cr_assert_eq(make_file(), P2PSYNC_OK);
    cr_assert_eq(mkdir(place, 0700), 0);
    p2psync_close(nodes_open(place, NULL));
    cr_assert_eq(restore_as("loft", NULL), P2PSYNC_OK);
}

Test(test_api_backup, directory_that_somebody_has_open_is_kept)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    cr_assert_eq(make_file(), P2PSYNC_OK);
    nodes_guest = nodes_open(place, NULL);
    cr_assert_eq(restore_as(NULL, &detail), P2PSYNC_EBUSY);
    nodes_assert_has(detail.text, "open");
    cr_assert_eq(p2psync_init(nodes_guest, "beta", NULL, NULL), P2PSYNC_OK);
    cr_assert_eq(nodes_put(nodes_guest, "notes", "own", "{}"), P2PSYNC_OK);
    p2psync_close(nodes_guest);
    cr_assert_eq(restore_as(NULL, NULL), P2PSYNC_EEXIST);
    nodes_guest = nodes_open(place, NULL);
    nodes_assert_has(nodes_get(nodes_guest, "notes", "own"), "\"id\":\"own\"");
}

/* What a node that starts, and whoever opens the store, would lock; and whether both are locked. */
static bool is_held(void)
{
    static const char *const names[] = {"node.lock", "stamp"};
    bool held = true;
    for (unsigned i = 0; i < 2; i++) {
        char path[PATH_SIZE + 16];
        (void)snprintf(path, sizeof path, "%s/%s", place, names[i]);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        held = held && fd >= 0 && flock(fd, (i == 0 ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0;
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    return held;
}

static bool count_held(uint64_t done, uint64_t total, void *user)
{
    unsigned *counts = user;
    (void)done;
    (void)total;
    counts[is_held() ? 1 : 0]++;
    return true;
}

Test(test_api_backup, nobody_can_use_the_directory_meanwhile)
{
    unsigned counts[2] = {0, 0};
    struct p2psync_buffer out = {0};
    const struct p2psync_backup_restore restore = {.size = sizeof restore,
                                                   .file = file,
                                                   .dir = place,
                                                   .progress = count_held,
                                                   .progress_user = counts};
    cr_assert_eq(make_file(), P2PSYNC_OK);
    p2psync_close(nodes_open(place, NULL));
    cr_assert_eq(p2psync_backup_restore(&restore, &out, NULL), P2PSYNC_OK);
    p2psync_buffer_free(&out);
    cr_assert_gt(counts[1], 0);
    cr_assert_eq(counts[0], 0);
    cr_assert_not(is_held(), "and not after the end");
}

Test(test_api_backup, empty_directory_is_as_it_was_if_it_fails)
{
    cr_assert_eq(make_file(), P2PSYNC_OK);
    cr_assert_eq(truncate(file, 400), 0);
    cr_assert_eq(mkdir(place, 0700), 0);
    cr_assert_eq(restore_as(NULL, NULL), P2PSYNC_ECORRUPT);
    cr_assert_eq(rmdir(place), 0);
}

/* A count that is wrong is in no hash of the backup, nor in its header. */
static void write_wrong_count(void)
{
    struct ps_store_options options = {.dir = nodes_dirs[0]};
    struct ps_store *store = NULL;
    struct ps_txn txn = {0};
    struct ps_collection notes;
    const struct ps_collection_delta delta = {.conflicts = 1};
    p2psync_close(nodes_alpha);
    cr_assert_eq(ps_store_open(&options, &store), P2PSYNC_OK);
    cr_assert_eq(ps_txn_begin(store, true, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_collection_find(&txn, ps_bytes_text("notes"), &notes), P2PSYNC_OK);
    cr_assert_eq(ps_collection_count(&txn, notes.number, &delta), P2PSYNC_OK);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_OK);
    ps_store_destroy(&store);
    nodes_alpha = nodes_open(nodes_dirs[0], NULL);
}

Test(test_api_backup, what_does_not_verify_is_refused)
{
    char beside[PATH_SIZE + 16];
    struct p2psync_detail detail = {.size = sizeof detail};
    (void)snprintf(beside, sizeof beside, "%s.p2psync-tmp", place);
    write_wrong_count();
    cr_assert_eq(make_file(), P2PSYNC_OK);
    cr_assert_eq(restore_as(NULL, &detail), P2PSYNC_ECORRUPT);
    nodes_assert_has(detail.text, "does not verify");
    cr_assert_not(is_there(place));
    cr_assert_not(is_there(beside));
}

Test(test_api_backup, what_is_damaged_leaves_nothing)
{
    char beside[PATH_SIZE + 16];
    struct stat info;
    struct p2psync_detail detail = {.size = sizeof detail};
    cr_assert_eq(make_file(), P2PSYNC_OK);
    cr_assert_eq(stat(file, &info), 0);
    cr_assert_eq(truncate(file, info.st_size - 1), 0);
    (void)snprintf(beside, sizeof beside, "%s.p2psync-tmp", place);
    cr_assert_eq(restore_as(NULL, &detail), P2PSYNC_ECORRUPT);
    nodes_assert_has(detail.text, "damaged");
    cr_assert_not(is_there(place));
    cr_assert_not(is_there(beside));
    write_file(file, "no backup");
    cr_assert_eq(restore_as(NULL, &detail), P2PSYNC_ECORRUPT);
    nodes_assert_has(detail.text, "no backup");
    cr_assert_eq(unlink(file), 0);
    cr_assert_eq(restore_as(NULL, NULL), P2PSYNC_ENOTFOUND);
}

Test(test_api_backup, without_the_identity_it_becomes_a_new_device_only)
{
    struct p2psync_backup backup = {.file = file, .without_identity = true};
    cr_assert_eq(make(&backup, NULL), P2PSYNC_OK);
    cr_assert_eq(restore_as(NULL, NULL), P2PSYNC_ENODEVICE);
    cr_assert_eq(restore_as("", NULL), P2PSYNC_EFORMAT, "no name");
    cr_assert_eq(restore_as("loft", NULL), P2PSYNC_OK);
    nodes_guest = nodes_open(place, NULL);
    nodes_assert_has(nodes_get(nodes_guest, "notes", "r0"), "some text");
}
