/* Damaged pages: a store that was not closed in good order, or was touched since, is opened only if
 * all its pages are sound, and damage that comes under an open store is a code and not a signal. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/env/keys.h"
#include "store/env/pages.h"
#include "tests/lib/store_case.h"

#define PAGE  4096
#define FILES 150

static struct store_case here;

static void setup(void)
{
    here.flush = true;
    case_open(&here, 1);
}

static void teardown(void)
{
    case_close(&here);
}

TestSuite(pages, .init = setup, .fini = teardown, .timeout = 240);

static int open_data(void)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/data.mdb", here.dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    cr_assert_geq(fd, 0);
    return fd;
}

static p2psync_result check(void)
{
    int fd = open_data();
    p2psync_result result = ps_pages_check(fd, NULL, NULL);
    cr_assert_eq(close(fd), 0);
    return result;
}

static p2psync_result open_again(void)
{
    struct ps_store_options options = {.dir = here.dir, .map_size_bytes = CASE_MAP_SIZE};
    return ps_store_open(&options, &here.store);
}

/* Some rows, put and deleted by lot: small and large values, in two trees. What is refused because
 * a row beside it has rotted is left as it is. */
static void write_some(struct prng *prng, unsigned count, bool rotten)
{
    static uint8_t value[9000];
    struct ps_txn txn = case_begin(&here, true);
    for (unsigned i = 0; i < count; i++) {
        uint8_t name[250];
        ps_db db = prng_below(prng, 2) == 0 ? PS_DB_RECORDS : PS_DB_NODES;
        size_t size =
            prng_below(prng, 30) == 0 ? prng_below(prng, sizeof value) : prng_below(prng, 200);
        ps_put_u64(name, prng_below(prng, 1500));
        memset(name + 8, 'k', sizeof name - 8);
        struct ps_bytes key = ps_bytes(name, 8 + ps_get_u64(name) % (sizeof name - 8));
        p2psync_result result = prng_below(prng, 3) == 0
                                    ? ps_db_delete(&txn, db, key)
                                    : ps_db_put(&txn, db, key, ps_bytes(value, size));
        cr_assert(result == P2PSYNC_OK || (rotten && result == P2PSYNC_ECORRUPT));
    }
    if (prng_below(prng, 20) == 0) {
        cr_assert_eq(ps_db_clear(&txn, PS_DB_NODES), P2PSYNC_OK);
    }
    case_commit(&txn);
}

struct told {
    unsigned count;
    uint64_t done;
    uint64_t total;
};

static void note(uint64_t done, uint64_t total, void *user)
{
    struct told *told = user;
    cr_assert_gt(done, told->done);
    cr_assert_leq(done, total);
    *told = (struct told){.count = told->count + 1, .done = done, .total = total};
}

/* Of more than 8 MiB, at least twice on the way; and that all is done. */
Test(pages, tells_how_far_the_check_is)
{
    static uint8_t large[1024 * 1024];
    struct told told = {.count = 0};
    struct ps_store_options options = {
        .dir = here.dir, .map_size_bytes = CASE_MAP_SIZE, .checked = note, .checked_user = &told};
    struct ps_txn txn = case_begin(&here, true);
    for (unsigned i = 0; i < 10; i++) {
        uint8_t name[8];
        ps_put_u64(name, i);
        cr_assert_eq(ps_db_put(&txn, PS_DB_RECORDS, ps_bytes(name, sizeof name),
                               ps_bytes(large, sizeof large)),
                     P2PSYNC_OK);
    }
    case_commit(&txn);
    ps_store_destroy(&here.store);
    cr_assert_eq(ps_store_open(&options, &here.store), P2PSYNC_OK);
    cr_assert_eq(told.count, 0, "it ended in good order");
    ps_store_destroy(&here.store);
    int fd = open_data();
    uint8_t byte = 0;
    cr_assert_eq(pread(fd, &byte, 1, 0), 1);
    cr_assert_eq(pwrite(fd, &byte, 1, 0), 1, "somebody has touched the file");
    cr_assert_eq(close(fd), 0);
    cr_assert_eq(ps_store_open(&options, &here.store), P2PSYNC_OK);
    cr_expect_geq(told.count, 3);
    cr_expect_eq(told.done, told.total);
    cr_expect_gt(told.total, sizeof large * 10);
}

/* The walk must not refuse what LMDB writes. */
Test(pages, every_sound_file_passes)
{
    struct prng prng = prng_new(7, 0);
    here.flush = false;
    case_reopen(&here);
    cr_assert_eq(check(), P2PSYNC_OK);
    for (unsigned i = 0; i < 300; i++) {
        write_some(&prng, (unsigned)prng_between(&prng, 1, i % 10 == 0 ? 2000 : 60), false);
        cr_assert_eq(check(), P2PSYNC_OK, "commit %u", i);
        if (prng_below(&prng, 30) == 0) {
            case_reopen(&here);
        }
    }
}

static size_t read_file(uint8_t **out)
{
    int fd = open_data();
    struct stat info;
    cr_assert_eq(fstat(fd, &info), 0);
    *out = malloc((size_t)info.st_size);
    cr_assert_eq(pread(fd, *out, (size_t)info.st_size, 0), info.st_size);
    cr_assert_eq(close(fd), 0);
    return (size_t)info.st_size;
}

static void write_file(const uint8_t *bytes, size_t size)
{
    int fd = open_data();
    cr_assert_eq(ftruncate(fd, 0), 0);
    cr_assert_eq(pwrite(fd, bytes, size, 0), (ssize_t)size);
    cr_assert_eq(close(fd), 0);
}

/* A bit, a byte, a sector of zeroes, a page of another place, or the end cut off. Returns the size.
 */
static size_t damage(struct prng *prng, uint8_t *bytes, size_t size)
{
    size_t at = prng_below(prng, size);
    size_t page = prng_below(prng, size / PAGE) * PAGE;
    size_t other = prng_below(prng, size / PAGE) * PAGE;
    switch (prng_below(prng, 6)) {
    case 0:
        bytes[at] ^= (uint8_t)(1U << prng_below(prng, 8));
        return size;
    case 1: /* in the head of a page, where most harm is done */
        bytes[page + prng_below(prng, 64)] ^= (uint8_t)(1U << prng_below(prng, 8));
        return size;
    case 2:
        memset(bytes + at / 512 * 512, 0, 512);
        return size;
    case 3:
        memcpy(bytes + page, bytes + other, PAGE);
        return size;
    case 4:
        memset(bytes + page, (int)prng_below(prng, 256), PAGE);
        return size;
    default:
        return at;
    }
}

/* All rows of all databases, read to the last byte, and some written. */
static unsigned use_all(void)
{
    uint8_t sum = 0;
    struct ps_txn txn;
    struct ps_row row;
    p2psync_result result = ps_txn_begin(here.store, false, &txn);
    for (unsigned db = 0; db < PS_DB_COUNT && result == P2PSYNC_OK; db++) {
        struct ps_key from = {.size = 0};
        while (ps_db_walk_next(&txn, (ps_db)db, &from, &result, &row)) {
            for (size_t i = 0; i < row.value.size; i++) {
                sum ^= row.value.data[i];
            }
        }
    }
    ps_txn_abort(&txn);
    struct prng prng = prng_new(sum, 0);
    write_some(&prng, 200, true);
    return 0;
}

/* What the check lets pass can be read and written without a signal. Each is tried in a process of
 * its own. */
Test(pages, what_passes_can_be_used)
{
    struct prng prng = prng_new(11, 0);
    uint8_t *sound = NULL;
    unsigned refused = 0;
    for (unsigned i = 0; i < 10; i++) {
        write_some(&prng, 300, false);
    }
    ps_store_destroy(&here.store);
    size_t size = read_file(&sound);
    uint8_t *bytes = malloc(size);
    for (unsigned i = 0; i < FILES; i++) {
        memcpy(bytes, sound, size);
        write_file(bytes, damage(&prng, bytes, size));
        if (check() != P2PSYNC_OK) {
            refused++;
            cr_assert_eq(open_again(), P2PSYNC_ECORRUPT, "file %u", i);
            continue;
        }
        pid_t child = fork();
        if (child == 0) {
            _exit(open_again() == P2PSYNC_OK ? (int)use_all() : 1);
        }
        int status = 0;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert(WIFEXITED(status), "file %u: signal %d", i, WTERMSIG(status));
    }
    cr_assert_gt(refused, FILES / 8);
    cr_assert_lt(refused, FILES, "some damage only free pages and values");
    write_file(sound, size);
    cr_assert_eq(open_again(), P2PSYNC_OK);
    free(bytes);
    free(sound);
}

#define AT_FREE_ROOT 80U /* in a meta page */
#define AT_COMMIT    144U

/* The page on top of the tree of free ones. */
static size_t free_root(const uint8_t *bytes)
{
    uint64_t commit[2];
    uint64_t root = 0;
    memcpy(&commit[0], bytes + AT_COMMIT, 8);
    memcpy(&commit[1], bytes + PAGE + AT_COMMIT, 8);
    memcpy(&root, bytes + (commit[1] > commit[0] ? PAGE : 0) + AT_FREE_ROOT, 8);
    return (size_t)root * PAGE;
}

/* The times that the end of the last process noted are those that the file has now: rot leaves no
 * traces in them. */
static void hide_times(void)
{
    char path[256];
    uint8_t noted[128];
    struct stat info;
    (void)snprintf(path, sizeof path, "%s/data.mdb", here.dir);
    cr_assert_eq(stat(path, &info), 0);
    (void)snprintf(path, sizeof path, "%s/clean", here.dir);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    ssize_t size = pread(fd, noted, sizeof noted, 0);
    cr_assert_geq(size, 64);
    ps_put_u64(noted + 32, (uint64_t)info.st_mtim.tv_sec);
    ps_put_u64(noted + 40, (uint64_t)info.st_mtim.tv_nsec);
    ps_put_u64(noted + 48, (uint64_t)info.st_ctim.tv_sec);
    ps_put_u64(noted + 56, (uint64_t)info.st_ctim.tv_nsec);
    cr_assert_eq(pwrite(fd, noted, (size_t)size, 0), size);
    cr_assert_eq(close(fd), 0);
}

/* LMDB would write over pages in use. Whatever bit of these pages has rotted, all are checked. */
Test(pages, rot_in_what_is_free_is_noticed_after_a_good_end)
{
    struct prng prng = prng_new(13, 0);
    struct told told = {.count = 0};
    struct ps_store_options options = {
        .dir = here.dir, .map_size_bytes = CASE_MAP_SIZE, .checked = note, .checked_user = &told};
    uint8_t *bytes = NULL;
    unsigned refused = 0;
    for (unsigned i = 0; i < 10; i++) {
        write_some(&prng, 300, false);
    }
    ps_store_destroy(&here.store);
    size_t size = read_file(&bytes);
    for (unsigned i = 0; i < 60; i++) {
        size_t root = free_root(bytes);
        size_t upper = bytes[root + 14] | (size_t)bytes[root + 15] << 8;
        size_t at = i < 20   ? prng_between(&prng, 0, 151)
                    : i < 40 ? PAGE + prng_between(&prng, 0, 151)
                             : root + prng_between(&prng, upper, PAGE - 1);
        cr_assert(root > PAGE && root < size && bytes[root + 10] == 2);
        bytes[at] ^= (uint8_t)(1U << i % 8);
        write_file(bytes, size);
        hide_times();
        bytes[at] ^= (uint8_t)(1U << i % 8);
        told = (struct told){.count = 0};
        bool passed = ps_store_open(&options, &here.store) == P2PSYNC_OK;
        cr_assert(!passed || told.count > 0, "byte %zu", at);
        refused += passed ? 0 : 1;
        ps_store_destroy(&here.store);
        write_file(bytes, size);
        cr_assert_eq(open_again(), P2PSYNC_OK);
        ps_store_destroy(&here.store);
        free(bytes);
        size = read_file(&bytes);
    }
    cr_expect_geq(refused, 30);
    cr_assert_eq(open_again(), P2PSYNC_OK);
    free(bytes);
}

/* Take all keys but one out of each branch, under the open map: LMDB asserts that there are two. */
static unsigned spoil_branches(void)
{
    uint8_t *bytes = NULL;
    size_t size = read_file(&bytes);
    int fd = open_data();
    unsigned count = 0;
    const uint8_t lower[2] = {18, 0};
    for (size_t at = (size_t)2 * PAGE; at < size; at += PAGE) {
        if (bytes[at + 10] == 1 && bytes[at + 11] == 0 && ps_get_u64(bytes + at) != 0) {
            cr_assert_eq(pwrite(fd, lower, 2, (off_t)at + 12), 2);
            count++;
        }
    }
    cr_assert_eq(close(fd), 0);
    free(bytes);
    return count;
}

Test(pages, damage_under_an_open_store_is_a_code_and_is_found_again)
{
    struct prng prng = prng_new(3, 0);
    struct ps_row row;
    struct ps_bytes value;
    for (unsigned i = 0; i < 10; i++) {
        write_some(&prng, 300, false);
    }
    cr_assert_gt(spoil_branches(), 0);
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_db_seek(&txn, PS_DB_RECORDS, ps_bytes(NULL, 0), &row), P2PSYNC_ECORRUPT);
    cr_assert_eq(ps_db_get(&txn, PS_DB_RECORDS, ps_bytes_text("x"), &value), P2PSYNC_ECORRUPT);
    ps_txn_abort(&txn);
    txn = case_begin(&here, false);
    cr_assert_eq(ps_db_get(&txn, PS_DB_META, ps_bytes_text("format"), &value), P2PSYNC_OK,
                 "what is not damaged can be read");
    ps_txn_abort(&txn);
    ps_store_destroy(&here.store);
    cr_assert_eq(open_again(), P2PSYNC_ECORRUPT);
}

Test(pages, write_that_meets_damage_ends_writing_and_nothing_else)
{
    struct prng prng = prng_new(3, 0);
    struct ps_bytes value;
    struct ps_txn txn;
    for (unsigned i = 0; i < 10; i++) {
        write_some(&prng, 300, false);
    }
    cr_assert_gt(spoil_branches(), 0);
    txn = case_begin(&here, true);
    cr_assert_eq(ps_db_put(&txn, PS_DB_RECORDS, ps_bytes_text("x"), ps_bytes("y", 1)),
                 P2PSYNC_ECORRUPT);
    cr_assert_eq(ps_db_delete(&txn, PS_DB_NODES, ps_bytes_text("x")), P2PSYNC_ECORRUPT);
    cr_assert_eq(ps_txn_commit(&txn), P2PSYNC_ECORRUPT);
    cr_assert_eq(ps_txn_begin(here.store, true, &txn), P2PSYNC_ECORRUPT);
    txn = case_begin(&here, false);
    cr_assert_eq(ps_db_get(&txn, PS_DB_META, ps_bytes_text("format"), &value), P2PSYNC_OK);
    ps_txn_abort(&txn);
    ps_store_destroy(&here.store);
    cr_assert_eq(open_again(), P2PSYNC_ECORRUPT, "this process still has it open");
}
