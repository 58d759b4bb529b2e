/* What a write may expect, what it returns, and what it says when it fails. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes.h"
#include "wire/limits.h"

static char dir[NODES_DIR_SIZE];
static p2psync_node *node;

static void setup(void)
{
    nodes_dir(dir);
    node = nodes_open(dir, "alpha");
}

static void teardown(void)
{
    p2psync_close(node);
    nodes_remove(dir);
}

TestSuite(test_api_write, .init = setup, .fini = teardown, .timeout = 120);

/* ---- conditions ---- */

/* {"n": n} in five bytes or fewer, n below 2^16. */
static struct p2psync_bytes pack_number(unsigned n, uint8_t out[static 8])
{
    const uint8_t packed[] = {0x81, 0xa1, 'n', 0xcd, (uint8_t)(n >> 8), (uint8_t)n};
    memcpy(out, packed, sizeof packed);
    return (struct p2psync_bytes){.data = out, .size = sizeof packed};
}

static p2psync_result put_if(const char *id, unsigned n, const struct p2psync_dot *versions,
                             size_t count)
{
    uint8_t packed[8];
    const struct p2psync_edit edit = {
        .size = sizeof edit,
        .id = id,
        .fields = pack_number(n, packed),
        .versions = versions,
        .version_count = count,
    };
    return p2psync_write(node, "notes", &edit, NULL, NULL);
}

static p2psync_result remove_if(p2psync_edit_kind kind, const char *id,
                                const struct p2psync_dot *version)
{
    const struct p2psync_edit edit = {
        .size = sizeof edit, .kind = kind, .id = id, .versions = version, .version_count = 1};
    return p2psync_write(node, "notes", &edit, NULL, NULL);
}

static struct p2psync_dot version_of(const char *id)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record record = {.size = sizeof record};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_get(snapshot, "notes", id, &record), P2PSYNC_OK);
    cr_assert_eq(record.version_count, 1);
    struct p2psync_dot version = record.versions[0];
    p2psync_snapshot_close(snapshot);
    return version;
}

Test(test_api_write, writes_only_what_still_has_the_version_that_was_read)
{
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    struct p2psync_dot first = version_of("a");
    cr_assert_eq(put_if("a", 2, &first, 1), P2PSYNC_OK);
    cr_expect_eq(put_if("a", 3, &first, 1), P2PSYNC_ECONFLICT);
    cr_expect_not_null(strstr(nodes_get(node, "notes", "a"), "\"n\":2"), "nothing was written");
    cr_expect_eq(remove_if(P2PSYNC_EDIT_DELETE, "a", &first), P2PSYNC_ECONFLICT);
    cr_expect_eq(remove_if(P2PSYNC_EDIT_ARCHIVE, "a", &first), P2PSYNC_ECONFLICT);
    struct p2psync_dot second = version_of("a");
    cr_expect_eq(remove_if(P2PSYNC_EDIT_DELETE, "a", &second), P2PSYNC_OK);
}

Test(test_api_write, takes_no_version_named_twice_for_two)
{
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    const struct p2psync_dot twice[2] = {version_of("a"), version_of("a")};
    cr_expect_eq(put_if("a", 2, twice, 2), P2PSYNC_ECONFLICT);
}

Test(test_api_write, creates_only_where_there_is_none)
{
    const struct p2psync_dot none = {.seq = 0};
    cr_assert_eq(put_if("a", 1, &none, 0), P2PSYNC_OK);
    cr_expect_eq(put_if("a", 2, &none, 0), P2PSYNC_ECONFLICT);
    cr_assert_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_OK);
    cr_expect_eq(put_if("a", 3, &none, 0), P2PSYNC_OK, "a deleted one is none");
    cr_expect_eq(put_if("b", 4, &none, 1), P2PSYNC_ECONFLICT, "there is no such version");
}

Test(test_api_write, compares_with_what_was_there_before_the_transaction)
{
    p2psync_transaction *transaction = NULL;
    uint8_t packed[2][8];
    const struct p2psync_dot none = {.seq = 0};
    struct p2psync_edit edit = {.size = sizeof edit, .id = "a", .versions = &none};
    cr_assert_eq(p2psync_transaction_begin(node, "notes", &transaction, NULL), P2PSYNC_OK);
    edit.fields = pack_number(1, packed[0]);
    cr_assert_eq(p2psync_transaction_edit(transaction, &edit, NULL), P2PSYNC_OK);
    edit.fields = pack_number(2, packed[1]);
    cr_assert_eq(p2psync_transaction_edit(transaction, &edit, NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_commit(transaction, NULL, NULL), P2PSYNC_OK);
    cr_expect_not_null(strstr(nodes_get(node, "notes", "a"), "\"n\":2"));
}

#define THREADS    2
#define INCREMENTS 200

static unsigned number_in(struct p2psync_bytes fields)
{
    const uint8_t *at = fields.data;
    cr_assert_geq(fields.size, 4);
    switch (at[3]) {
    case 0xcc:
        return at[4];
    case 0xcd:
        return (unsigned)at[4] << 8 | at[5];
    default:
        return at[3];
    }
}

/* Read, add one, put if nobody else has; until it went through. */
static void *add_many(void *unused)
{
    for (unsigned done = 0; done < INCREMENTS;) { /* somebody always gets through */
        p2psync_snapshot *snapshot = NULL;
        struct p2psync_record record = {.size = sizeof record};
        cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
        cr_assert_eq(p2psync_get(snapshot, "notes", "sum", &record), P2PSYNC_OK);
        p2psync_result result =
            put_if("sum", number_in(record.fields) + 1, record.versions, record.version_count);
        p2psync_snapshot_close(snapshot);
        cr_assert(result == P2PSYNC_OK || result == P2PSYNC_ECONFLICT, "%s",
                  p2psync_result_name(result));
        done += result == P2PSYNC_OK ? 1 : 0;
    }
    return unused;
}

Test(test_api_write, loses_no_increment_of_threads_that_expect_what_they_read)
{
    pthread_t threads[THREADS];
    cr_assert_eq(put_if("sum", 0, NULL, 0), P2PSYNC_OK);
    for (size_t i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_create(&threads[i], NULL, add_many, NULL), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
    }
    cr_expect_not_null(strstr(nodes_get(node, "notes", "sum"), "\"fields\":{\"n\":400}"), "%s",
                       nodes_get(node, "notes", "sum"));
}

/* ---- what was written ---- */

static bool same_dot(struct p2psync_dot a, struct p2psync_dot b)
{
    return memcmp(a.origin, b.origin, sizeof a.origin) == 0 && a.seq == b.seq;
}

Test(test_api_write, returns_the_version_that_each_edit_wrote)
{
    const struct p2psync_dot zero = {.seq = 0};
    struct p2psync_dot versions[4];
    struct p2psync_committed committed = {
        .size = sizeof committed, .versions = versions, .version_room = 4};
    const char *const ids[] = {"b", "a", "b", "c"};
    const unsigned numbers[] = {1, 7, 1, 3};
    uint8_t packed[8];
    p2psync_transaction *transaction = NULL;
    memset(versions, 0xff, sizeof versions);
    cr_assert_eq(put_if("a", 7, NULL, 0), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_begin(node, "notes", &transaction, NULL), P2PSYNC_OK);
    for (size_t i = 0; i < 4; i++) {
        const struct p2psync_edit edit = {
            .size = sizeof edit, .id = ids[i], .fields = pack_number(numbers[i], packed)};
        cr_assert_eq(p2psync_transaction_edit(transaction, &edit, NULL), P2PSYNC_OK);
    }
    cr_assert_eq(p2psync_transaction_commit(transaction, &committed, NULL), P2PSYNC_OK);
    cr_expect_eq(committed.changed, 2);
    cr_expect(same_dot(versions[0], version_of("b")));
    cr_expect(same_dot(versions[1], zero), "it changed nothing");
    cr_expect(same_dot(versions[2], zero), "it changed nothing after the first");
    cr_expect(same_dot(versions[3], version_of("c")));
}

Test(test_api_write, returns_no_more_versions_than_there_is_room_for)
{
    struct p2psync_dot versions[2] = {{.seq = 0}, {.seq = 77}};
    struct p2psync_committed committed = {
        .size = sizeof committed, .versions = versions, .version_room = 1};
    uint8_t packed[8];
    p2psync_transaction *transaction = NULL;
    struct p2psync_edit edit = {.size = sizeof edit, .fields = pack_number(1, packed)};
    cr_assert_eq(p2psync_transaction_begin(node, "notes", &transaction, NULL), P2PSYNC_OK);
    edit.id = "a";
    cr_assert_eq(p2psync_transaction_edit(transaction, &edit, NULL), P2PSYNC_OK);
    edit.id = "b";
    cr_assert_eq(p2psync_transaction_edit(transaction, &edit, NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_commit(transaction, &committed, NULL), P2PSYNC_OK);
    cr_expect(same_dot(versions[0], version_of("a")));
    cr_expect_eq(versions[1].seq, 77);
}

/* ---- what failed ---- */

static const char *say(const struct p2psync_edit *edit, p2psync_result expected, uint64_t limit)
{
    static struct p2psync_detail detail;
    detail = (struct p2psync_detail){.size = sizeof detail};
    cr_assert_eq(p2psync_write(node, "notes", edit, NULL, &detail), expected);
    cr_expect_eq(detail.limit, limit);
    return detail.text;
}

Test(test_api_write, names_the_limit)
{
    static char long_id[PS_RECORD_ID_SIZE_MAX + 2];
    static char long_note[PS_NOTE_SIZE_MAX + 2];
    static uint8_t big[PS_VALUE_SIZE_MAX + 1] = {0x81, 0xa1, 'n', 0xc6, 0x00, 0x0f, 0xff, 0xf9};
    uint8_t deep[PS_DEPTH_MAX + 4] = {0x81, 0xa1, 'n'};
    memset(long_id, 'x', sizeof long_id - 1);
    memset(long_note, 'x', sizeof long_note - 1);
    memset(deep + 3, 0x91, sizeof deep - 3);
    deep[sizeof deep - 1] = 0xc0;
    struct p2psync_edit edit = {.size = sizeof edit, .id = long_id};
    cr_expect_str_eq(say(&edit, P2PSYNC_ELIMIT, PS_RECORD_ID_SIZE_MAX),
                     "an id takes 255 bytes at most");
    edit.id = "a";
    edit.note = long_note;
    cr_expect_str_eq(say(&edit, P2PSYNC_ELIMIT, PS_NOTE_SIZE_MAX),
                     "a note takes 4096 bytes at most");
    edit.note = NULL;
    edit.fields = (struct p2psync_bytes){.data = big, .size = sizeof big};
    cr_expect_str_eq(say(&edit, P2PSYNC_ELIMIT, PS_VALUE_SIZE_MAX),
                     "a record takes 1048576 bytes of fields at most");
    edit.fields = (struct p2psync_bytes){.data = deep, .size = sizeof deep};
    cr_expect_str_eq(say(&edit, P2PSYNC_ELIMIT, PS_DEPTH_MAX),
                     "a value takes 32 levels of nesting at most");
    char name[PS_COLLECTION_SIZE_MAX + 2];
    struct p2psync_detail detail = {.size = sizeof detail};
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    edit.fields.size = 0;
    cr_expect_eq(p2psync_write(node, name, &edit, NULL, &detail), P2PSYNC_ELIMIT);
    cr_expect_eq(detail.limit, PS_COLLECTION_SIZE_MAX);
}

Test(test_api_write, says_which_edit_of_a_transaction_failed)
{
    struct p2psync_detail detail = {.size = sizeof detail};
    p2psync_transaction *transaction = NULL;
    struct p2psync_edit edit = {.size = sizeof edit, .id = "a"};
    cr_assert_eq(p2psync_transaction_begin(node, "notes", &transaction, NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_edit(transaction, &edit, &detail), P2PSYNC_OK);
    edit.id = "";
    cr_assert_eq(p2psync_transaction_edit(transaction, &edit, &detail), P2PSYNC_EFORMAT);
    cr_expect_eq(detail.edit, 1);
    cr_expect_str_eq(detail.text, "this is not the id of a record");
    edit = (struct p2psync_edit){.size = sizeof edit, .id = "b"};
    cr_assert_eq(p2psync_transaction_edit(transaction, &edit, &detail), P2PSYNC_OK);
    edit.kind = P2PSYNC_EDIT_DELETE;
    edit.id = "gone";
    cr_assert_eq(p2psync_transaction_edit(transaction, &edit, &detail), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_commit(transaction, NULL, &detail), P2PSYNC_ENOTFOUND);
    cr_expect_eq(detail.edit, 2);
}

Test(test_api_write, tells_a_missing_collection_from_a_missing_record)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record record = {.size = sizeof record};
    cr_expect_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_ENOCOLLECTION);
    cr_expect_eq(p2psync_archive(node, "notes", "a", NULL), P2PSYNC_ENOCOLLECTION);
    cr_expect_eq(p2psync_restore(node, "notes", "a", NULL, NULL), P2PSYNC_ENOCOLLECTION);
    cr_assert_eq(nodes_put(node, "notes", "b", "{}"), P2PSYNC_OK);
    cr_expect_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_ENOTFOUND);
    cr_expect_eq(p2psync_restore(node, "notes", "a", NULL, NULL), P2PSYNC_ENOTFOUND);
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_expect_eq(p2psync_get(snapshot, "notes", "a", &record), P2PSYNC_ENOTFOUND);
    cr_expect_eq(p2psync_get(snapshot, "other", "a", &record), P2PSYNC_ENOCOLLECTION);
    p2psync_snapshot_close(snapshot);
}
