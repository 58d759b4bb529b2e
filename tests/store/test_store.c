/* Opening: what is refused, and that nothing is harmed by refusing it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/store_case.h"

#define PAGE  ((off_t)4096)
#define LARGE (UINT64_C(80) * 1024 * 1024) /* more than the map of a test */

static struct store_case here;

static void setup(void)
{
    case_open(&here, 1);
}

static void teardown(void)
{
    case_close(&here);
}

TestSuite(store, .init = setup, .fini = teardown, .timeout = 120);

static p2psync_result open_again(struct ps_store **out)
{
    struct ps_store_options options = {.dir = here.dir, .map_size_bytes = CASE_MAP_SIZE};
    return ps_store_open(&options, out);
}

static void data_path(char path[static 256])
{
    (void)snprintf(path, 256, "%s/data.mdb", here.dir);
}

static struct stat data_stat(void)
{
    char path[256];
    struct stat info = {0};
    data_path(path);
    cr_assert_eq(stat(path, &info), 0);
    return info;
}

Test(store, files_are_readable_by_their_owner_only)
{
    static const char *const names[] = {"data.mdb", "lock.mdb", "stamp"};
    struct stat info;
    cr_assert_eq(stat(here.dir, &info), 0);
    cr_assert_eq(info.st_mode & 0777U, 0700);
    for (size_t i = 0; i < 3; i++) {
        char path[256];
        (void)snprintf(path, sizeof path, "%s/%s", here.dir, names[i]);
        cr_assert_eq(stat(path, &info), 0);
        cr_assert_eq(info.st_mode & 0777U, 0600, "%s", names[i]);
    }
}

Test(store, second_open_in_one_process_is_busy)
{
    struct ps_store *second = NULL;
    char other_path[256];
    cr_assert_eq(open_again(&second), P2PSYNC_EBUSY);
    cr_assert_null(second);
    (void)snprintf(other_path, sizeof other_path, "%s/../%s", here.dir, strrchr(here.dir, '/') + 1);
    struct ps_store_options options = {.dir = other_path, .map_size_bytes = CASE_MAP_SIZE};
    cr_assert_eq(ps_store_open(&options, &second), P2PSYNC_EBUSY);
    case_set(&here, 1000, "r", 1);
}

Test(store, default_map_is_opened_or_halved)
{
    struct ps_store_usage usage;
    ps_store_destroy(&here.store);
    struct ps_store_options options = {.dir = here.dir};
    cr_assert_eq(ps_store_open(&options, &here.store), P2PSYNC_OK);
    cr_assert_eq(ps_store_usage(here.store, &usage), P2PSYNC_OK);
    cr_assert_geq(usage.map_bytes, PS_MAP_SIZE_MIN);
    cr_assert_leq(usage.map_bytes, PS_MAP_SIZE_DEFAULT);
    cr_assert_leq(usage.used_bytes, usage.map_bytes);
}

Test(store, readers_are_counted_with_how_far_back_the_oldest_sees)
{
    struct ps_store_readers readers;
    struct ps_txn txn;
    cr_assert_eq(ps_store_readers(here.store, &readers), P2PSYNC_OK);
    cr_assert_eq(readers.open, 0);
    cr_assert_eq(readers.lag, 0);
    cr_assert_gt(readers.slots, 0);
    cr_assert_eq(ps_txn_begin(here.store, false, &txn), P2PSYNC_OK);
    case_set(&here, 1000, "a", 1);
    case_set(&here, 1000, "b", 2);
    cr_assert_eq(ps_store_readers(here.store, &readers), P2PSYNC_OK);
    cr_assert_eq(readers.open, 1);
    cr_assert_eq(readers.lag, 2);
    ps_txn_abort(&txn);
}

Test(store, truncated_data_file_is_refused_and_left_alone)
{
    char path[256];
    data_path(path);
    for (unsigned i = 0; i < 200; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "r%u", i);
        case_set(&here, 1000, id, i);
    }
    ps_store_destroy(&here.store);
    off_t whole = data_stat().st_size;
    for (off_t size = whole - PAGE; size >= 2 * PAGE; size -= 3 * PAGE) {
        cr_assert_eq(truncate(path, size), 0);
        p2psync_result result = open_again(&here.store);
        cr_assert(result == P2PSYNC_ECORRUPT || result == P2PSYNC_OK, "%d", result);
        if (result == P2PSYNC_ECORRUPT) {
            cr_assert_eq(data_stat().st_size, size);
        } else {
            ps_store_destroy(&here.store); /* only free pages were cut off */
        }
    }
    cr_assert_eq(truncate(path, 2 * PAGE), 0);
    cr_assert_eq(open_again(&here.store), P2PSYNC_ECORRUPT);
    cr_assert_eq(truncate(path, 100), 0);
    cr_assert_eq(open_again(&here.store), P2PSYNC_ECORRUPT);
    cr_assert_eq(truncate(path, 0), 0);
    cr_assert_eq(open_again(&here.store), P2PSYNC_ECORRUPT);
    cr_assert_eq(data_stat().st_size, 0);
}

/* Turn a bit in each place of the data file where these bytes lie: free pages may have them, too.
 */
static size_t damage_all(const char *needle)
{
    static uint8_t bytes[1U << 20U];
    char path[256];
    size_t count = 0;
    data_path(path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t size = pread(fd, bytes, sizeof bytes, 0);
    cr_assert(size > 0 && size < (ssize_t)sizeof bytes);
    uint8_t *end = bytes + size;
    uint8_t *at = memmem(bytes, (size_t)size, needle, strlen(needle));
    while (at != NULL) {
        *at ^= 1U;
        count++;
        at = memmem(at + 1, (size_t)(end - at) - 1, needle, strlen(needle));
    }
    cr_assert_eq(pwrite(fd, bytes, (size_t)size, 0), size);
    cr_assert_eq(close(fd), 0);
    return count;
}

/* No page tells that: each row has a checksum. */
Test(store, bit_that_turns_within_a_row_is_told_when_it_is_read)
{
    struct ps_record_row row;
    struct ps_log_entry entry;
    struct ps_buf fields;
    struct ps_writer writer;
    ps_buf_init(&fields, 64);
    ps_writer_init(&writer, &fields);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "t");
    ps_write_text(&writer, "needle in a haystack");
    cr_assert_eq(case_put(&here, CASE_NOTES, "r", ps_buf_view(&fields)), P2PSYNC_OK);
    ps_buf_deinit(&fields);
    ps_store_destroy(&here.store);
    cr_assert_geq(damage_all("needle in a haystack"), 2, "of the record and of its entry");
    case_reopen(&here);
    uint32_t collection = case_collection(&here, CASE_NOTES).number;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_record_get(&txn, collection, ps_bytes_text("r"), &row), P2PSYNC_ECORRUPT);
    cr_assert_eq(ps_log_entry(&txn, 0, 0, &entry), P2PSYNC_ECORRUPT);
    ps_txn_abort(&txn);
}

/* LMDB does not write pages that were taken and freed in one transaction. */
Test(store, file_that_lacks_only_free_pages_is_sound)
{
    static uint8_t large[512 * 1024];
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_db_put(&txn, PS_DB_META, ps_bytes_text("x"), ps_bytes(large, sizeof large)),
                 P2PSYNC_OK);
    cr_assert_eq(ps_db_delete(&txn, PS_DB_META, ps_bytes_text("x")), P2PSYNC_OK);
    case_commit(&txn);
    ps_store_destroy(&here.store);
    cr_assert_lt(data_stat().st_size, (off_t)sizeof large,
                 "the file is short, or this tests nothing");
    cr_assert_eq(open_again(&here.store), P2PSYNC_OK);
    case_set(&here, 1000, "r", 1);
    cr_assert_eq(case_shown(&here, "r"), 1);
}

Test(store, garbage_in_place_of_the_data_file_is_refused_and_left_alone)
{
    char path[256];
    uint8_t garbage[8192];
    uint8_t after[8192];
    data_path(path);
    ps_store_destroy(&here.store);
    memset(garbage, 0xa5, sizeof garbage);
    int fd = open(path, O_RDWR | O_TRUNC | O_CLOEXEC);
    cr_assert_eq(write(fd, garbage, sizeof garbage), sizeof garbage);
    cr_assert_eq(open_again(&here.store), P2PSYNC_ECORRUPT);
    cr_assert_eq(pread(fd, after, sizeof after, 0), sizeof after);
    cr_assert_arr_eq(garbage, after, sizeof garbage);
    cr_assert_eq(close(fd), 0);
}

static p2psync_result open_with_format(uint32_t number)
{
    uint8_t version[4];
    ps_put_u32(version, number);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_db_put(&txn, PS_DB_META, ps_bytes_text("format"), ps_bytes(version, 4)),
                 P2PSYNC_OK);
    case_commit(&txn);
    ps_store_destroy(&here.store);
    return open_again(&here.store);
}

Test(store, newer_format_is_refused)
{
    cr_assert_eq(open_with_format(PS_STORE_FORMAT_VERSION + 1), P2PSYNC_ENEWER);
}

Test(store, earlier_format_is_refused)
{
    cr_assert_eq(open_with_format(PS_STORE_FORMAT_VERSION - 1), P2PSYNC_EOLDER);
}

Test(store, forked_process_may_not_use_it)
{
    struct ps_txn txn;
    pid_t child = fork();
    if (child == 0) {
        p2psync_result result = ps_txn_begin(here.store, false, &txn);
        struct ps_store *own = NULL;
        bool can_open = open_again(&own) == P2PSYNC_OK;
        ps_store_destroy(&own);
        ps_store_destroy(&here.store);
        _exit(result == P2PSYNC_EMISUSE && can_open ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    case_set(&here, 1000, "r", 1);
}

Test(store, full_map_leaves_everything_as_before)
{
    ps_store_destroy(&here.store);
    case_remove_dir(here.dir);
    here.map_size = UINT64_C(256) * 1024;
    case_open(&here, 1);
    case_set(&here, 1000, "r", 1);
    struct ps_state before = case_state(&here);
    static uint8_t large[400 * 1024];
    struct ps_buf buf;
    struct ps_writer writer;
    ps_buf_init(&buf, PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, &buf);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "x");
    ps_write_bin(&writer, ps_bytes(large, sizeof large));
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    cr_assert_eq(case_put(&here, CASE_NOTES, "s", ps_buf_view(&buf)), P2PSYNC_EFULL);
    struct ps_state after = case_state(&here);
    cr_assert(ps_hash_equal(&before.common, &after.common));
    case_set(&here, 1000, "r", 2);
    cr_assert_eq(case_shown(&here, "r"), 2);
    ps_buf_deinit(&buf);
}

static p2psync_result put_in(struct ps_store *store, const char *key, struct ps_bytes value)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_db_put(&txn, PS_DB_META, ps_bytes_text(key), value);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

/* Needs a file system of its own, so it needs root. */
Test(store, full_disk_is_told_and_leaves_everything_as_before)
{
    char dir[] = "/tmp/p2psync-disk-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    if (mount("tmpfs", dir, "tmpfs", 0, "size=20m") != 0) {
        cr_log_warn("skipped: mounting a small tmpfs is not allowed here");
        (void)rmdir(dir);
        return;
    }
    struct ps_store *store = NULL;
    struct ps_store_options options = {.dir = dir, .map_size_bytes = CASE_MAP_SIZE};
    p2psync_result result = ps_store_open(&options, &store);
    /* The store holds its files open; nothing is left behind whatever fails from here on. */
    cr_assert_eq(umount2(dir, MNT_DETACH), 0);
    (void)rmdir(dir);
    cr_assert_eq(result, P2PSYNC_OK);
    static uint8_t large[1024 * 1024];
    unsigned written = 0;
    for (; written < 30 && result == P2PSYNC_OK; written++) {
        struct ps_txn txn;
        char key[2] = {(char)('a' + written), 0};
        result = ps_txn_begin(store, true, &txn);
        if (result == P2PSYNC_OK) {
            cr_assert_eq(
                ps_db_put(&txn, PS_DB_META, ps_bytes_text(key), ps_bytes(large, sizeof large)),
                P2PSYNC_OK);
            result = ps_txn_commit(&txn);
        }
    }
    cr_assert_eq(result, P2PSYNC_ENOSPC, "%d after %u", result, written);
    cr_assert_geq(written, 2);
    struct ps_store_usage usage;
    cr_assert_eq(ps_store_usage(store, &usage), P2PSYNC_OK);
    cr_assert_geq(usage.disk_free_bytes, PS_DISK_FREE_MIN); /* it was left alone */
    cr_assert_lt(usage.disk_free_bytes, PS_DISK_FREE_MIN + 2 * sizeof large);
    struct ps_txn txn;
    struct ps_bytes value;
    cr_assert_eq(ps_txn_begin(store, false, &txn), P2PSYNC_OK);
    cr_assert_eq(ps_db_get(&txn, PS_DB_META, ps_bytes_text("a"), &value), P2PSYNC_OK);
    cr_assert_eq(value.size, sizeof large);
    ps_txn_abort(&txn);
    /* A little is always written, and so is what makes room; that room can be used again. */
    cr_assert_eq(put_in(store, "x", ps_bytes("y", 1)), P2PSYNC_OK);
    cr_assert_eq(put_in(store, "z", ps_bytes(large, sizeof large)), P2PSYNC_ENOSPC);
    cr_assert_eq(put_in(store, "a", ps_bytes("y", 1)), P2PSYNC_OK);
    cr_assert_eq(put_in(store, "x", ps_bytes("y", 1)), P2PSYNC_OK);
    cr_assert_eq(put_in(store, "x", ps_bytes("y", 1)), P2PSYNC_OK);
    cr_assert_eq(put_in(store, "z", ps_bytes(large, sizeof large / 2)), P2PSYNC_OK);
    ps_store_destroy(&store);
}

Test(store, larger_map_of_another_process_is_followed)
{
    pid_t child = fork();
    if (child == 0) {
        struct ps_store_options options = {.dir = here.dir, .map_size_bytes = 4 * CASE_MAP_SIZE};
        struct ps_store *store = NULL;
        struct ps_txn txn;
        static uint8_t large[LARGE];
        bool good = ps_store_open(&options, &store) == P2PSYNC_OK &&
                    ps_txn_begin(store, true, &txn) == P2PSYNC_OK &&
                    ps_db_put(&txn, PS_DB_META, ps_bytes_text("large"),
                              ps_bytes(large, sizeof large)) == P2PSYNC_OK &&
                    ps_txn_commit(&txn) == P2PSYNC_OK;
        ps_store_destroy(&store);
        _exit(good ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert_eq(status, 0);
    struct ps_bytes value;
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_db_get(&txn, PS_DB_META, ps_bytes_text("large"), &value), P2PSYNC_OK);
    cr_assert_eq(value.size, LARGE);
    ps_txn_abort(&txn);
    case_set(&here, 1000, "r", 1);
}

Test(store, transaction_number_moves_with_every_commit_and_no_abort)
{
    uint64_t before = ps_store_txn_id(here.store);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_db_put(&txn, PS_DB_META, ps_bytes_text("x"), ps_bytes("y", 1)), P2PSYNC_OK);
    ps_txn_abort(&txn);
    ps_txn_abort(&txn);
    cr_assert_eq(ps_store_txn_id(here.store), before);
    case_set(&here, 1000, "r", 1);
    cr_assert_gt(ps_store_txn_id(here.store), before);
}

Test(store, clearing_for_another_mesh_leaves_an_empty_store)
{
    struct ps_identity identity;
    case_set(&here, 1000, "r", 1);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_identity_clear_all(&txn), P2PSYNC_OK);
    cr_assert_eq(ps_identity_read(&txn, &identity), P2PSYNC_ENODEVICE);
    cr_assert_eq(ps_identity_write(&txn, &here.identity), P2PSYNC_OK);
    case_commit(&txn);
    cr_assert_eq(case_shown(&here, "r"), -1);
    case_reopen(&here);
    case_set(&here, 1000, "r", 2);
    cr_assert_eq(case_shown(&here, "r"), 2);
    cr_assert_eq(case_collection(&here, CASE_NOTES).changes, 1);
}

/* Collections, logs and what waits share one database of LMDB. */
Test(store, databases_that_lie_together_do_not_see_each_other)
{
    static const ps_db together[] = {PS_DB_COLLECTIONS, PS_DB_LOGS, PS_DB_UNSETTLED};
    struct ps_row row;
    struct ps_bytes value;
    struct ps_txn txn = case_begin(&here, true);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(ps_db_clear(&txn, together[i]), P2PSYNC_OK);
    }
    cr_assert_eq(ps_db_put(&txn, PS_DB_LOGS, ps_bytes_text("a"), ps_bytes_text("1")), P2PSYNC_OK);
    cr_assert_eq(ps_db_put(&txn, PS_DB_LOGS, ps_bytes_text("b"), ps_bytes_text("2")), P2PSYNC_OK);
    for (size_t i = 0; i < 3; i++) {
        uint64_t count = 0;
        bool logs = together[i] == PS_DB_LOGS;
        cr_expect_eq(ps_db_count(&txn, together[i], &count), P2PSYNC_OK);
        cr_expect_eq(count, logs ? 2 : 0);
        cr_expect_eq(ps_db_seek(&txn, together[i], ps_bytes(NULL, 0), &row),
                     logs ? P2PSYNC_OK : P2PSYNC_ENOTFOUND);
        cr_expect_eq(ps_db_get(&txn, together[i], ps_bytes_text("a"), &value),
                     logs ? P2PSYNC_OK : P2PSYNC_ENOTFOUND);
    }
    cr_expect_eq(ps_db_seek(&txn, PS_DB_LOGS, ps_bytes_text("aa"), &row), P2PSYNC_OK);
    cr_expect(ps_bytes_equal(row.key, ps_bytes_text("b")));
    cr_expect_eq(ps_db_seek(&txn, PS_DB_LOGS, ps_bytes_text("bb"), &row), P2PSYNC_ENOTFOUND);
    cr_expect_eq(ps_db_clear(&txn, PS_DB_UNSETTLED), P2PSYNC_OK);
    cr_expect_eq(ps_db_get(&txn, PS_DB_LOGS, ps_bytes_text("b"), &value), P2PSYNC_OK);
    cr_expect_eq(ps_db_clear(&txn, PS_DB_LOGS), P2PSYNC_OK);
    cr_expect_eq(ps_db_get(&txn, PS_DB_LOGS, ps_bytes_text("a"), &value), P2PSYNC_ENOTFOUND);
    ps_txn_abort(&txn);
}
