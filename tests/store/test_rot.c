/* Keys that rot under an open store: whichever bit of a key is wrong, in a page of rows or in one
 * that leads to them, no row is ever said not to be there, and no walk passes one over. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/env/checked.h"
#include "store/env/keys.h"
#include "tests/lib/store_case.h"

#define PAGE        4096U
#define PAGE_HEADER 16U
#define NODE_HEADER 8U
#define ROWS        300U
#define KEY_SIZE    200U /* large, so that pages lie three deep */
#define STEPS       3U
#define MARK        "rot"

enum { PAGE_BRANCH = 1, PAGE_LEAF = 2 };

static struct store_case here;
static uint8_t keys[ROWS][KEY_SIZE];

static void setup(void)
{
    here.flush = true;
    case_open(&here, 1);
}

static void teardown(void)
{
    case_close(&here);
}

TestSuite(rot, .init = setup, .fini = teardown, .timeout = 240);

static struct ps_bytes key_of(size_t index)
{
    return ps_bytes(keys[index], KEY_SIZE);
}

/* Numbers that are apart, so that a wrong bit may leave a key where it is. */
static void write_rows(ps_db db)
{
    struct prng prng = prng_new(5, 0);
    size_t order[ROWS];
    struct ps_txn txn = case_begin(&here, true);
    for (size_t i = 0; i < ROWS; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, MARK "%05zu", i * 37);
        memset(keys[i], 'k', KEY_SIZE);
        memcpy(keys[i], name, strlen(name));
        order[i] = i;
    }
    for (size_t i = ROWS; i > 1; i--) {
        size_t other = prng_below(&prng, i);
        size_t swapped = order[other];
        order[other] = order[i - 1];
        order[i - 1] = swapped;
    }
    for (size_t i = 0; i < ROWS; i++) {
        struct ps_bytes key = key_of(order[i]);
        cr_assert_eq(ps_db_put(&txn, db, key, ps_bytes(key.data, 30)), P2PSYNC_OK);
    }
    case_commit(&txn);
}

static bool is_row(p2psync_result result, const struct ps_row *row, size_t index)
{
    return result == P2PSYNC_ECORRUPT ||
           (result == P2PSYNC_OK && ps_bytes_equal(row->key, key_of(index)) &&
            ps_bytes_equal(row->value, ps_bytes(keys[index], 30)));
}

/* Find a row by its key, as the first one from a key below it on, and as one that is not taken out
 * although it is there. */
static bool is_found(struct ps_txn *txn, ps_db db, size_t index, bool *refused)
{
    struct ps_row row = {.key = key_of(index)};
    struct ps_bytes below = ps_bytes(keys[index], KEY_SIZE - 1);
    p2psync_result result = ps_db_get(txn, db, key_of(index), &row.value);
    *refused = *refused || result == P2PSYNC_ECORRUPT;
    if (!is_row(result, &row, index)) {
        return false;
    }
    result = ps_db_seek(txn, db, below, &row);
    *refused = *refused || result == P2PSYNC_ECORRUPT;
    return is_row(result, &row, index);
}

/* Walk a few rows from a key on that lies just below or above that of a row. */
static bool is_walked(struct ps_txn *txn, ps_db db, size_t index, bool backward)
{
    struct ps_db_cursor cursor;
    struct ps_row row;
    uint8_t above[KEY_SIZE + 1] = {0};
    memcpy(above, keys[index], KEY_SIZE);
    struct ps_bytes from = ps_bytes(above, backward ? sizeof above : KEY_SIZE - 1);
    cr_assert_eq(ps_db_cursor_open(txn, db, &cursor), P2PSYNC_OK);
    p2psync_result result = ps_db_cursor_move(&cursor, PS_DB_FROM, from, &row);
    if (backward && result != P2PSYNC_ECORRUPT) {
        ps_db_move move = result == P2PSYNC_OK ? PS_DB_PREVIOUS : PS_DB_LAST;
        result = ps_db_cursor_move(&cursor, move, ps_bytes(NULL, 0), &row);
    }
    bool good = is_row(result, &row, index);
    for (size_t i = 1; i < STEPS && good && result == P2PSYNC_OK; i++) {
        bool end = backward ? index < i : index + i == ROWS;
        ps_db_move move = backward ? PS_DB_PREVIOUS : PS_DB_NEXT;
        result = ps_db_cursor_move(&cursor, move, ps_bytes(NULL, 0), &row);
        good = end ? result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT
                   : is_row(result, &row, backward ? index - i : index + i);
    }
    ps_db_cursor_close(&cursor);
    return good;
}

/* Look for the rows, whatever has rotted. Returns whether any was refused. */
static bool look(ps_db db, size_t first, size_t end)
{
    bool refused = false;
    struct ps_txn txn = case_begin(&here, false);
    for (size_t i = first; i < end; i++) {
        cr_assert(is_found(&txn, db, i, &refused), "row %zu", i);
        if (!ps_db_is_shared(db)) {
            cr_assert(is_walked(&txn, db, i, false), "forward from row %zu", i);
            cr_assert(is_walked(&txn, db, i, true), "backward from row %zu", i);
        }
    }
    ps_txn_abort(&txn);
    return refused;
}

struct flips {
    ps_db db;
    int fd;
    unsigned in_branches;
    unsigned in_leaves;
    unsigned refused;
};

/* Flip each bit of the number in the key of one node, and of its last byte, one at a time. */
static void flip_node(struct flips *flips, off_t at, const uint8_t *key, bool branch)
{
    size_t row = strtoul((const char[6]){(char)key[3], (char)key[4], (char)key[5], (char)key[6],
                                         (char)key[7], '\0'},
                         NULL, 10) /
                 37;
    for (unsigned bit = 0; bit < 9 * 8; bit++) {
        size_t byte = bit / 8 < 8 ? bit / 8 : KEY_SIZE - 1;
        uint8_t wrong = key[byte] ^ (uint8_t)(1U << (bit % 8));
        cr_assert_eq(pwrite(flips->fd, &wrong, 1, at + (off_t)byte), 1);
        bool refused = branch ? look(flips->db, row > 40 ? row - 40 : 0, row < 260 ? row + 40 : 300)
                              : look(flips->db, row > 0 ? row - 1 : 0, row < 299 ? row + 2 : 300);
        cr_assert_eq(pwrite(flips->fd, &key[byte], 1, at + (off_t)byte), 1);
        flips->refused += refused ? 1 : 0;
        flips->in_branches += branch ? 1 : 0;
        flips->in_leaves += branch ? 0 : 1;
    }
}

/* Rot each key that is one of ours in every page of the file, also in those that are no longer in
 * use. */
static struct flips flip_all(ps_db db)
{
    struct flips flips = {.db = db};
    struct stat info;
    char path[256];
    uint8_t page[PAGE];
    size_t prefix_size = ps_db_is_shared(db) ? 2 : 0;
    (void)snprintf(path, sizeof path, "%s/data.mdb", here.dir);
    flips.fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_geq(flips.fd, 0);
    cr_assert_eq(fstat(flips.fd, &info), 0);
    for (off_t at = 2 * (off_t)PAGE; at < info.st_size; at += PAGE) {
        uint16_t head[8];
        cr_assert_eq(pread(flips.fd, page, PAGE, at), (ssize_t)PAGE);
        memcpy(head, page, sizeof head);
        for (size_t i = PAGE_HEADER;
             (head[5] == PAGE_BRANCH || head[5] == PAGE_LEAF) && i < head[6]; i += 2) {
            uint16_t place;
            memcpy(&place, page + i, sizeof place);
            const uint8_t *key = page + place + NODE_HEADER + prefix_size;
            if (place + NODE_HEADER + prefix_size + KEY_SIZE <= PAGE &&
                memcmp(key, MARK, strlen(MARK)) == 0) {
                flip_node(&flips, at + (key - page), key, head[5] == PAGE_BRANCH);
            }
        }
    }
    cr_assert_eq(close(flips.fd), 0);
    return flips;
}

Test(rot, of_one_bit_of_a_key_hides_no_row)
{
    write_rows(PS_DB_RECORDS);
    cr_assert_not(look(PS_DB_RECORDS, 0, ROWS));
    struct flips flips = flip_all(PS_DB_RECORDS);
    cr_assert_gt(flips.in_branches, 1000);
    cr_assert_geq(flips.in_leaves, ROWS * 72);
    cr_assert_gt(flips.refused, ROWS * 72);
    cr_assert_not(look(PS_DB_RECORDS, 0, ROWS), "nothing is left of that");
}

Test(rot, of_one_bit_of_a_key_hides_no_row_of_databases_that_lie_together)
{
    write_rows(PS_DB_COLLECTIONS);
    cr_assert_not(look(PS_DB_COLLECTIONS, 0, ROWS));
    struct flips flips = flip_all(PS_DB_COLLECTIONS);
    cr_assert_gt(flips.in_branches, 1000);
    cr_assert_geq(flips.in_leaves, ROWS * 72);
    cr_assert_gt(flips.refused, ROWS * 72);
}

/* Sound rows, of which two have changed places. */
Test(rot, of_the_order_of_rows_ends_a_walk)
{
    char path[256];
    uint8_t page[PAGE];
    struct ps_row row = {.key = {NULL, 0}};
    struct ps_db_cursor cursor;
    unsigned swapped = 0;
    write_rows(PS_DB_RECORDS);
    (void)snprintf(path, sizeof path, "%s/data.mdb", here.dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    for (off_t at = 2 * (off_t)PAGE; pread(fd, page, PAGE, at) == (ssize_t)PAGE; at += PAGE) {
        uint16_t head[10]; /* the header, and the places of the first two rows */
        memcpy(head, page, sizeof head);
        if (head[5] == PAGE_LEAF && head[6] >= PAGE_HEADER + 4 &&
            memcmp(page + head[8] + NODE_HEADER, MARK, strlen(MARK)) == 0) {
            uint16_t places[2] = {head[9], head[8]};
            cr_assert_eq(pwrite(fd, places, sizeof places, at + PAGE_HEADER), sizeof places);
            swapped++;
        }
    }
    cr_assert_eq(close(fd), 0);
    cr_assert_gt(swapped, 0);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_db_cursor_open(&txn, PS_DB_RECORDS, &cursor), P2PSYNC_OK);
    cr_assert_eq(ps_db_cursor_move(&cursor, PS_DB_NEXT, ps_bytes(NULL, 0), &row), P2PSYNC_OK);
    cr_expect_eq(ps_db_cursor_move(&cursor, PS_DB_NEXT, ps_bytes(NULL, 0), &row), P2PSYNC_ECORRUPT);
    ps_db_cursor_close(&cursor);
    cr_assert_eq(ps_db_cursor_open(&txn, PS_DB_RECORDS, &cursor), P2PSYNC_OK);
    p2psync_result result = ps_db_cursor_move(&cursor, PS_DB_LAST, ps_bytes(NULL, 0), &row);
    for (size_t i = 0; i < ROWS && result == P2PSYNC_OK; i++) {
        result = ps_db_cursor_move(&cursor, PS_DB_PREVIOUS, ps_bytes(NULL, 0), &row);
    }
    cr_expect_eq(result, P2PSYNC_ECORRUPT);
    ps_db_cursor_close(&cursor);
    ps_txn_abort(&txn);
}

/* A row that lies beside a rotten one, and is not there, cannot be told from it. */
Test(rot, of_a_key_is_told_to_who_would_write_the_record_anew)
{
    struct ps_buf fields;
    ps_buf_init(&fields, PS_VALUE_SIZE_MAX);
    case_set(&here, 1000, "a", 1);
    case_set(&here, 1000, "rotten", 2);
    case_set(&here, 1000, "z", 3);
    struct ps_key key =
        ps_key_record(case_collection(&here, CASE_NOTES).number, ps_bytes_text("rotten"));
    char path[256];
    uint8_t *bytes = NULL;
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/data.mdb", here.dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert(fd >= 0 && fstat(fd, &info) == 0);
    bytes = malloc((size_t)info.st_size);
    cr_assert_eq(pread(fd, bytes, (size_t)info.st_size, 0), info.st_size);
    for (size_t at = 2 * (size_t)PAGE; at + key.size < (size_t)info.st_size; at++) {
        if (memcmp(bytes + at, key.bytes, key.size) == 0) {
            cr_assert_eq(pwrite(fd, "s", 1, (off_t)(at + 4)), 1); /* "sotten" */
        }
    }
    cr_assert_eq(close(fd), 0);
    free(bytes);
    cr_expect_eq(case_put(&here, CASE_NOTES, "rotten", case_fields(&fields, "n", 9)),
                 P2PSYNC_ECORRUPT);
    ps_buf_clear(&fields);
    cr_expect_eq(case_put(&here, CASE_NOTES, "b", case_fields(&fields, "n", 9)), P2PSYNC_ECORRUPT);
    ps_buf_clear(&fields);
    cr_expect_eq(case_put(&here, CASE_NOTES, "aa", case_fields(&fields, "n", 9)), P2PSYNC_ECORRUPT);
    ps_buf_clear(&fields);
    cr_expect_eq(case_put(&here, CASE_NOTES, "zz", case_fields(&fields, "n", 9)), P2PSYNC_OK);
    ps_buf_deinit(&fields);
}

/* ---- large rows, which many changes look up ---- */

/* Flip one bit of the row: in the first page of the file that is full of its value. */
static void flip_bit_of_value(const uint8_t *value)
{
    char path[256];
    uint8_t page[PAGE];
    off_t at = 2 * (off_t)PAGE;
    (void)snprintf(path, sizeof path, "%s/data.mdb", here.dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    do {
        at += PAGE;
        cr_assert_eq(pread(fd, page, PAGE, at), (ssize_t)PAGE);
    } while (memcmp(page, value, PAGE) != 0);
    page[0] ^= 1;
    cr_assert_eq(pwrite(fd, page, 1, at), 1);
    (void)close(fd);
}

/* A write transaction computes the checksum of a large row once, however often it is read; the next
 * one, and every reader, again. */
Test(rot, large_row_is_checked_once_a_transaction)
{
    static uint8_t value[PS_CHECKED_SIZE_MIN * 4];
    const struct ps_bytes key = ps_bytes_text(MARK);
    struct ps_bytes read;
    memset(value, 'v', sizeof value);
    struct ps_txn txn = case_begin(&here, true);
    cr_assert_eq(ps_db_put(&txn, PS_DB_ENTRIES, key, ps_bytes(value, sizeof value)), P2PSYNC_OK);
    case_commit(&txn);
    txn = case_begin(&here, true);
    struct ps_txn reader = case_begin(&here, false);
    cr_assert_eq(ps_db_get(&txn, PS_DB_ENTRIES, key, &read), P2PSYNC_OK);
    flip_bit_of_value(value);
    cr_expect_eq(ps_db_get(&txn, PS_DB_ENTRIES, key, &read), P2PSYNC_OK);
    cr_expect_eq(ps_db_get(&reader, PS_DB_ENTRIES, key, &read), P2PSYNC_ECORRUPT);
    ps_txn_abort(&reader);
    ps_txn_abort(&txn);
    txn = case_begin(&here, true);
    cr_expect_eq(ps_db_get(&txn, PS_DB_ENTRIES, key, &read), P2PSYNC_ECORRUPT);
    ps_txn_abort(&txn);
}
