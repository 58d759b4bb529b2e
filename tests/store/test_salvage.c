/* Rows that have rotted, other than entries and records: whichever it is, what can be is put again,
 * and all is as it was. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/env/keys.h"
#include "store/log/damage.h"
#include "store/merge/stale.h"
#include "store/verify/anew.h"
#include "store/verify/salvage.h"
#include "store/verify/verify.h"
#include "tests/lib/store_case.h"

#define ROWS_MAX 64

/* All but those of entries, subtrees and records. */
static const ps_db tables[] = {PS_DB_META,        PS_DB_COLLECTIONS, PS_DB_LOGS,
                               PS_DB_LOG_NUMBERS, PS_DB_CONFLICTS,   PS_DB_STALE,
                               PS_DB_UNSETTLED,   PS_DB_WAITING,     PS_DB_AWAITED,
                               PS_DB_BEGUN,       PS_DB_DAMAGED};

static struct store_case one;
static struct store_case other;

/* Both hold the same: records with one version and with several, edits, a delete, two collections.
 */
static void setup(void)
{
    static const struct exchange all = {.prng = NULL};
    struct ps_buf fields;
    case_open(&one, 1);
    case_open(&other, 2);
    case_set(&one, 1000, "a", 1);
    case_set(&one, 1001, "b", 2);
    case_set(&one, 1002, "c", 3);
    case_exchange(&one, &other, &all);
    (void)case_apply(&other);
    case_set(&one, 1003, "a", 4);
    case_set(&other, 1004, "a", 5);
    case_delete(&one, 1006, "c");
    ps_buf_init(&fields, 64);
    cr_assert_eq(case_put(&one, "others", "x", case_fields(&fields, "n", 7)), P2PSYNC_OK);
    ps_buf_clear(&fields);
    cr_assert_eq(case_put(&other, "others", "y", case_fields(&fields, "n", 8)), P2PSYNC_OK);
    ps_buf_deinit(&fields);
    case_exchange(&one, &other, &all);
    case_exchange(&other, &one, &all);
    (void)case_apply(&one);
    (void)case_apply(&other);
    cr_assert_eq(case_version_count(&one, "a"), 2);
    struct ps_txn txn = case_begin(&one, true);
    cr_assert_eq(
        ps_stale_add_from(&txn, case_collection(&one, CASE_NOTES).number, ps_bytes_text("zzz")),
        P2PSYNC_OK);
    case_commit(&txn);
}

static void teardown(void)
{
    case_close(&other);
    case_close(&one);
}

TestSuite(salvage, .init = setup, .fini = teardown, .timeout = 120);

static struct ps_salvaged salvage(void)
{
    struct ps_salvaged salvaged;
    uint32_t unused = 0;
    struct ps_txn txn = case_begin(&one, true);
    cr_assert_eq(ps_salvage(&txn, &salvaged), P2PSYNC_OK);
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK) {
        result = ps_anew_listed(&txn, 2000, &unused);
    }
    cr_assert_eq(result, P2PSYNC_ENOTFOUND);
    case_commit(&txn);
    return salvaged;
}

static void check_that_it_is_whole(const char *what, size_t index)
{
    struct ps_verify verify = {.total = 0};
    uint64_t listed = 0;
    struct ps_txn txn = case_begin(&one, false);
    cr_assert_eq(ps_damage_count(&txn, &listed), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_expect_eq(listed, 0, "%s %zu", what, index);
    cr_assert_eq(ps_verify(one.store, &verify), P2PSYNC_OK, "%s %zu", what, index);
    cr_expect_eq(ps_verify_bad(&verify), 0, "%s %zu", what, index);
    ps_verify_deinit(&verify);
    cr_expect(case_same_records(&one, &other), "%s %zu", what, index);
    cr_expect(case_logs_are_sound(&one), "%s %zu", what, index);
    cr_expect_eq(case_state(&one).pending, 0, "%s %zu", what, index);
}

/* A copy of the row at an index. False if there are not so many. */
static bool copy_row(struct ps_txn *txn, ps_db db, size_t index, struct ps_key *key,
                     struct ps_buf *value)
{
    struct ps_key from = {.size = 0};
    struct ps_row row;
    size_t at = 0;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(txn, db, &from, &result, &row)) {
        if (at == index) {
            key->size = row.key.size;
            memcpy(key->bytes, row.key.data, row.key.size);
            ps_buf_clear(value);
            cr_assert_eq(ps_buf_append(value, row.value.data, row.value.size + 4), P2PSYNC_OK);
            return true;
        }
        at++;
    }
    cr_assert_eq(result, P2PSYNC_OK);
    return false;
}

/* Write bytes in the place of a row, its checksum included. */
static void write_raw(struct ps_txn *txn, ps_db db, const struct ps_key *key, const uint8_t *bytes,
                      size_t size)
{
    uint8_t *room = NULL;
    cr_assert_eq(ps_db_reserve(txn, db, ps_key_view(key), size - 4, &room), P2PSYNC_OK);
    memcpy(room, bytes, size);
}

/* Each row of each table loses a bit of its value; the next time, of its key, which is then that of
 * a row elsewhere. It is as it was before, to the byte, and the device is in the same incarnation.
 */
Test(salvage, puts_back_each_row_that_one_bit_is_wrong_of)
{
    struct ps_buf before;
    struct ps_buf after;
    struct ps_key key;
    struct ps_key found;
    size_t rows = 0;
    ps_buf_init(&before, 65536);
    ps_buf_init(&after, 65536);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (size_t index = 0; index < ROWS_MAX; index++) {
            struct ps_txn txn = case_begin(&one, true);
            if (!copy_row(&txn, tables[i], index, &key, &before)) {
                ps_txn_abort(&txn);
                break;
            }
            struct ps_key wrong = key;
            bool of_key = index % 2 == 1;
            wrong.bytes[key.size - 1] ^= of_key ? 0x40 : 0;
            cr_assert_eq(ps_buf_append(&after, before.data, before.size), P2PSYNC_OK);
            after.data[rows % after.size] ^= of_key ? 0 : (uint8_t)(1U << rows % 8);
            cr_assert_eq(ps_db_delete(&txn, tables[i], ps_key_view(&key)), P2PSYNC_OK);
            write_raw(&txn, tables[i], &wrong, after.data, after.size);
            case_commit(&txn);
            cr_expect_eq(salvage().rotten, 1, "table %d, row %zu", (int)tables[i], index);
            txn = case_begin(&one, false);
            cr_assert(copy_row(&txn, tables[i], index, &found, &after));
            ps_txn_abort(&txn);
            cr_expect(ps_bytes_equal(ps_key_view(&key), ps_key_view(&found)));
            cr_expect(ps_bytes_equal(ps_buf_view(&before), ps_buf_view(&after)));
            ps_buf_clear(&after);
            rows++;
        }
    }
    cr_expect_gt(rows, 20);
    ps_buf_deinit(&before);
    ps_buf_deinit(&after);
    check_that_it_is_whole("in the end", rows);
}

/* Each row of each table but that of who this device is. */
Test(salvage, works_out_each_row_of_which_nothing_is_left)
{
    struct ps_buf row;
    struct ps_key key;
    size_t rows = 0;
    ps_buf_init(&row, 65536);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        for (size_t index = 0; index < ROWS_MAX; index++) {
            struct ps_txn txn = case_begin(&one, true);
            if (!copy_row(&txn, tables[i], index, &key, &row)) {
                ps_txn_abort(&txn);
                break;
            }
            if (tables[i] == PS_DB_META &&
                ps_bytes_equal(ps_key_view(&key), ps_bytes_text(PS_META_IDENTITY))) {
                ps_txn_abort(&txn);
                continue;
            }
            memset(row.data, 0x55, row.size);
            write_raw(&txn, tables[i], &key, row.data, row.size);
            case_commit(&txn);
            struct ps_salvaged salvaged = salvage();
            cr_expect_eq(salvaged.rotten, 1, "table %d, row %zu", (int)tables[i], index);
            cr_expect_eq(salvaged.lost, 0, "table %d, row %zu", (int)tables[i], index);
            check_that_it_is_whole("row", rows);
            rows++;
        }
    }
    cr_expect_gt(rows, 20);
    ps_buf_deinit(&row);
}

Test(salvage, draws_a_new_incarnation_if_a_log_may_have_been_longer)
{
    struct ps_identity before;
    struct ps_identity after;
    struct ps_buf row;
    struct ps_key key;
    ps_buf_init(&row, 65536);
    struct ps_txn txn = case_begin(&one, true);
    cr_assert_eq(ps_identity_read(&txn, &before), P2PSYNC_OK);
    cr_assert(copy_row(&txn, PS_DB_LOGS, 0, &key, &row));
    memset(row.data, 0x55, row.size);
    write_raw(&txn, PS_DB_LOGS, &key, row.data, row.size);
    case_commit(&txn);
    (void)salvage();
    txn = case_begin(&one, false);
    cr_assert_eq(ps_identity_read(&txn, &after), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_expect(ps_device_equal(&before.device, &after.device));
    cr_expect_neq(before.incarnation, after.incarnation);
    ps_buf_deinit(&row);
}

/* Nobody else knows it: nothing is touched. */
Test(salvage, leaves_everything_if_who_this_device_is_cannot_be_read)
{
    struct ps_salvaged salvaged;
    struct ps_buf row;
    struct ps_key key = {.size = strlen(PS_META_IDENTITY)};
    struct ps_bytes found;
    memcpy(key.bytes, PS_META_IDENTITY, key.size);
    ps_buf_init(&row, 65536);
    struct ps_txn txn = case_begin(&one, true);
    cr_assert_eq(ps_db_get(&txn, PS_DB_META, ps_key_view(&key), &found), P2PSYNC_OK);
    cr_assert_eq(ps_buf_append(&row, found.data, found.size + 4), P2PSYNC_OK);
    row.data[5] ^= 0xff;
    write_raw(&txn, PS_DB_META, &key, row.data, row.size);
    case_commit(&txn);
    txn = case_begin(&one, true);
    cr_expect_eq(ps_salvage(&txn, &salvaged), P2PSYNC_ECORRUPT);
    ps_txn_abort(&txn);
    ps_buf_deinit(&row);
}

/* What is left when power fails under a process that does not flush. */
Test(salvage, gives_a_number_that_two_logs_have_to_whose_entries_lie_there)
{
    struct ps_log first;
    struct ps_log second;
    struct ps_txn txn = case_begin(&one, true);
    struct ps_log_walk walk = {.txn = &txn, .collection = case_collection(&one, CASE_NOTES).number};
    cr_assert(ps_log_walk_next(&walk, &first));
    cr_assert(ps_log_walk_next(&walk, &second));
    second.number = first.number;
    cr_assert_eq(ps_log_save(&txn, &second), P2PSYNC_OK);
    cr_assert_eq(ps_log_put_number(&txn, second.number, &second.id, second.collection), P2PSYNC_OK);
    case_commit(&txn);
    cr_expect_geq(salvage().lost, 1);
    txn = case_begin(&one, false);
    cr_expect_eq(ps_log_by_number(&txn, first.number, &second), P2PSYNC_OK);
    cr_expect_eq(ps_log_id_compare(&first.id, &second.id), 0);
    ps_txn_abort(&txn);
    cr_expect(case_logs_are_sound(&one));
}

/* Both rows of a collection: its logs come again from others, under another number. */
Test(salvage, forgets_a_collection_of_which_nobody_knows_the_name)
{
    static const struct exchange all = {.prng = NULL};
    uint8_t wrong[256];
    uint32_t notes = case_collection(&one, CASE_NOTES).number;
    struct ps_key number = ps_key_collection_number(notes);
    struct ps_key name = ps_key_collection_name(ps_bytes_text(CASE_NOTES));
    memset(wrong, 0x55, sizeof wrong);
    struct ps_txn txn = case_begin(&one, true);
    write_raw(&txn, PS_DB_COLLECTIONS, &number, wrong, 9);
    write_raw(&txn, PS_DB_COLLECTIONS, &name, wrong, 36);
    case_commit(&txn);
    struct ps_salvaged salvaged = salvage();
    cr_expect_eq(salvaged.rotten, 2);
    cr_expect_eq(salvaged.lost, 2, "%d are lost", (int)salvaged.lost);
    cr_expect_eq(case_state(&one).pending, 0);
    case_exchange(&other, &one, &all);
    (void)case_apply(&one);
    cr_expect_gt(case_collection(&one, CASE_NOTES).number, notes);
    check_that_it_is_whole("collection", 0);
}

/* The first row of a range, whose key has rotted into one above the range. */
Test(salvage, drops_what_of_a_collection_has_rotted_with_it)
{
    char path[256];
    struct stat info;
    uint64_t before = 0;
    uint64_t after = 0;
    size_t flipped = 0;
    uint32_t notes = case_collection(&one, CASE_NOTES).number;
    struct ps_key key = ps_key_record(notes, ps_bytes_text("a"));
    struct ps_key from = ps_key_stale(notes, ps_bytes(NULL, 0));
    struct ps_key to = ps_key_stale(notes + 1, ps_bytes(NULL, 0));
    (void)snprintf(path, sizeof path, "%s/data.mdb", one.dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert(fd >= 0 && fstat(fd, &info) == 0);
    size_t size = (size_t)info.st_size;
    uint8_t *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    cr_assert_neq((void *)map, MAP_FAILED);
    uint8_t *at = memmem(map, size, key.bytes, key.size);
    while (at != NULL) {
        at[1] ^= 0x40; /* of the number of its collection */
        flipped++;
        at = memmem(at, size - (size_t)(at - map), key.bytes, key.size);
    }
    cr_assert_gt(flipped, 0);
    struct ps_txn txn = case_begin(&one, true);
    cr_assert_eq(ps_db_count(&txn, PS_DB_RECORDS, &before), P2PSYNC_OK);
    cr_expect_eq(ps_db_clear_range(&txn, PS_DB_RECORDS, ps_key_view(&from), ps_key_view(&to)),
                 P2PSYNC_OK);
    cr_assert_eq(ps_db_count(&txn, PS_DB_RECORDS, &after), P2PSYNC_OK);
    ps_txn_abort(&txn);
    cr_expect_eq(before - after, 3, "of %d", (int)before);
    cr_assert_eq(munmap(map, size), 0);
    cr_assert_eq(close(fd), 0);
}
