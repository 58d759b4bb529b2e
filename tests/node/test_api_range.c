/* Ranges: from, after, against the order, pages, and which records are left out. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "nodes.h"

#define IDS_SIZE 4096

TestSuite(test_api_range, .init = nodes_begin, .fini = nodes_end, .timeout = 120);

/* The ids of a range, with a space after each; a copy shows as its record and '@'. */
static const char *ids_of(const struct p2psync_range *range)
{
    static char ids[IDS_SIZE];
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    struct p2psync_record record = {.size = sizeof record};
    size_t used = 0;
    ids[0] = '\0';
    cr_assert_eq(p2psync_snapshot_open(nodes_alpha, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_iterator_open(snapshot, "notes", range, &iterator), P2PSYNC_OK);
    p2psync_result result = p2psync_iterator_next(iterator, &record);
    while (result == P2PSYNC_OK) {
        const char *at = memchr(record.id, '@', record.id_size);
        size_t size = at != NULL ? (size_t)(at - record.id) + 1 : record.id_size;
        used += (size_t)snprintf(ids + used, sizeof ids - used, "%.*s ", (int)size, record.id);
        result = p2psync_iterator_next(iterator, &record);
    }
    cr_assert_eq(result, P2PSYNC_EEND);
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
    return ids;
}

#define RANGE(...)                                                                                 \
    (&(const struct p2psync_range){.size = sizeof(struct p2psync_range), __VA_ARGS__})

static void put_all(const char *const *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(nodes_put(nodes_alpha, "notes", ids[i], "{}"), P2PSYNC_OK);
    }
    /* Neighbours that no walk may run into. */
    cr_assert_eq(nodes_put(nodes_alpha, "notea", "z", "{}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(nodes_alpha, "notez", "a", "{}"), P2PSYNC_OK);
}

Test(test_api_range, begins_where_it_is_told_to)
{
    const char *const ids[] = {"b", "ba", "bb", "d", "\xf4\x8f\xbf\xbf"};
    put_all(ids, 5);
    cr_expect_str_eq(ids_of(NULL), "b ba bb d \xf4\x8f\xbf\xbf ");
    cr_expect_str_eq(ids_of(RANGE(.from = "ba")), "ba bb d \xf4\x8f\xbf\xbf ");
    cr_expect_str_eq(ids_of(RANGE(.after = "ba")), "bb d \xf4\x8f\xbf\xbf ");
    cr_expect_str_eq(ids_of(RANGE(.from = "c")), "d \xf4\x8f\xbf\xbf ");
    cr_expect_str_eq(ids_of(RANGE(.after = "c", .limit = 1)), "d ");
    cr_expect_str_eq(ids_of(RANGE(.after = "\xf4\x8f\xbf\xbf")), "");
    cr_expect_str_eq(ids_of(RANGE(.from = "")), "b ba bb d \xf4\x8f\xbf\xbf ");
}

Test(test_api_range, walks_against_the_order)
{
    const char *const ids[] = {"b", "ba", "bb", "d", "\xf4\x8f\xbf\xbf"};
    put_all(ids, 5);
    cr_expect_str_eq(ids_of(RANGE(.reverse = true)), "\xf4\x8f\xbf\xbf d bb ba b ");
    cr_expect_str_eq(ids_of(RANGE(.reverse = true, .from = "bb")), "bb ba b ");
    cr_expect_str_eq(ids_of(RANGE(.reverse = true, .after = "bb")), "ba b ");
    cr_expect_str_eq(ids_of(RANGE(.reverse = true, .from = "c")), "bb ba b ");
    cr_expect_str_eq(ids_of(RANGE(.reverse = true, .after = "b")), "");
    cr_expect_str_eq(ids_of(RANGE(.reverse = true, .from = "a")), "");
    cr_expect_str_eq(ids_of(RANGE(.reverse = true, .limit = 2)), "\xf4\x8f\xbf\xbf d ");
    cr_expect_str_eq(ids_of(RANGE(.reverse = true, .prefix = "b")), "bb ba b ");
    cr_expect_str_eq(ids_of(RANGE(.reverse = true, .prefix = "\xf4")), "\xf4\x8f\xbf\xbf ");
}

Test(test_api_range, keeps_to_the_prefix_wherever_it_begins)
{
    const char *const ids[] = {"a", "b", "ba", "bb", "d"};
    put_all(ids, 5);
    cr_expect_str_eq(ids_of(RANGE(.prefix = "b", .from = "a")), "b ba bb ");
    cr_expect_str_eq(ids_of(RANGE(.prefix = "b", .from = "c")), "");
    cr_expect_str_eq(ids_of(RANGE(.prefix = "b", .after = "b")), "ba bb ");
    cr_expect_str_eq(ids_of(RANGE(.prefix = "b", .reverse = true, .from = "z")), "bb ba b ");
    cr_expect_str_eq(ids_of(RANGE(.prefix = "b", .reverse = true, .from = "a")), "");
    cr_expect_str_eq(ids_of(RANGE(.prefix = "ba", .reverse = true, .from = "b")), "");
}

Test(test_api_range, leaves_out_what_is_deleted_or_archived)
{
    const char *const ids[] = {"a", "b", "c"};
    put_all(ids, 3);
    cr_assert_eq(p2psync_delete(nodes_alpha, "notes", "a", NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_archive(nodes_alpha, "notes", "b", NULL), P2PSYNC_OK);
    cr_expect_str_eq(ids_of(NULL), "c ");
    cr_expect_str_eq(ids_of(RANGE(.archived = true)), "b c ");
    cr_expect_str_eq(ids_of(RANGE(.deleted = true)), "a c ");
    cr_expect_str_eq(ids_of(RANGE(.deleted = true, .archived = true, .limit = 2)), "a b ");
}

Test(test_api_range, refuses_what_cannot_be_an_id)
{
    static char long_id[512];
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    put_all((const char *const[]){"a"}, 1);
    memset(long_id, 'x', sizeof long_id - 1);
    cr_assert_eq(p2psync_snapshot_open(nodes_alpha, &snapshot), P2PSYNC_OK);
    cr_expect_eq(p2psync_iterator_open(snapshot, "notes", RANGE(.from = long_id), &iterator),
                 P2PSYNC_ELIMIT);
    long_id[256] = '\0';
    cr_expect_eq(p2psync_iterator_open(snapshot, "notes", RANGE(.after = long_id), &iterator),
                 P2PSYNC_ELIMIT);
    cr_expect_eq(
        p2psync_iterator_open(snapshot, "notes", RANGE(.from = "a", .after = "a"), &iterator),
        P2PSYNC_EMISUSE);
    p2psync_snapshot_close(snapshot);
}

/* ---- copies and conflicts ---- */

/* Three records, "b" and "d" edited on both sides, kept beside each other or not. */
static void diverge(const char *strategy)
{
    static const char *const ids[] = {"b", "c", "d"};
    uint8_t packed[32] = {0};
    size_t size = strlen(strategy);
    packed[0] = (uint8_t)(0xa0 | size);
    memcpy(packed + 1, strategy, size);
    put_all(ids, 3);
    cr_assert_eq(p2psync_collection_set(nodes_alpha, "notes", "strategy",
                                        (struct p2psync_bytes){packed, size + 1}, NULL),
                 P2PSYNC_OK);
    nodes_guest = nodes_open(nodes_dirs[1], NULL);
    cr_assert_eq(p2psync_start(nodes_alpha), P2PSYNC_OK);
    nodes_join(nodes_alpha, nodes_guest, "beta");
    cr_assert_eq(p2psync_start(nodes_guest), P2PSYNC_OK);
    nodes_await_same(nodes_alpha, nodes_guest);
    cr_assert_eq(p2psync_stop(nodes_guest), P2PSYNC_OK);
    for (size_t i = 0; i < 3; i += 2) {
        cr_assert_eq(nodes_put(nodes_alpha, "notes", ids[i], "{\"n\":1}"), P2PSYNC_OK);
        cr_assert_eq(nodes_put(nodes_guest, "notes", ids[i], "{\"n\":2}"), P2PSYNC_OK);
    }
    cr_assert_eq(p2psync_start(nodes_guest), P2PSYNC_OK);
    nodes_await_same(nodes_alpha, nodes_guest);
}

/* All ids, as they are, of one page after another. */
static const char *page_through(bool reverse)
{
    static char all[IDS_SIZE];
    char last[300] = "";
    size_t used = 0;
    all[0] = '\0';
    for (bool more = true; more;) { /* ends with the records */
        p2psync_snapshot *snapshot = NULL;
        p2psync_iterator *iterator = NULL;
        struct p2psync_record record = {.size = sizeof record};
        const struct p2psync_range *range =
            RANGE(.limit = 1, .reverse = reverse, .after = last[0] != '\0' ? last : NULL);
        cr_assert_eq(p2psync_snapshot_open(nodes_alpha, &snapshot), P2PSYNC_OK);
        cr_assert_eq(p2psync_iterator_open(snapshot, "notes", range, &iterator), P2PSYNC_OK);
        more = p2psync_iterator_next(iterator, &record) == P2PSYNC_OK;
        if (more) {
            (void)snprintf(last, sizeof last, "%.*s", (int)record.id_size, record.id);
            size_t size = strcspn(last, "@");
            size += last[size] == '@' ? 1 : 0;
            used += (size_t)snprintf(all + used, sizeof all - used, "%.*s ", (int)size, last);
            cr_assert_lt(used, 64, "%s", all);
        }
        p2psync_iterator_close(iterator);
        p2psync_snapshot_close(snapshot);
    }
    return all;
}

/* The id of the copy of `record`. */
static const char *copy_of(const char *record)
{
    static char id[300];
    char prefix[16];
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    struct p2psync_record copy = {.size = sizeof copy};
    (void)snprintf(prefix, sizeof prefix, "%s@", record);
    cr_assert_eq(p2psync_snapshot_open(nodes_alpha, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_iterator_open(snapshot, "notes", RANGE(.prefix = prefix), &iterator),
                 P2PSYNC_OK);
    cr_assert_eq(p2psync_iterator_next(iterator, &copy), P2PSYNC_OK);
    (void)snprintf(id, sizeof id, "%.*s", (int)copy.id_size, copy.id);
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
    return id;
}

Test(test_api_range, gives_copies_after_their_records_or_before_them)
{
    diverge("keep_both");
    cr_expect_str_eq(ids_of(NULL), "b b@ c d d@ ");
    cr_expect_str_eq(ids_of(RANGE(.reverse = true)), "d@ d c b@ b ");
    cr_expect_str_eq(page_through(false), ids_of(NULL));
    char all[IDS_SIZE];
    (void)snprintf(all, sizeof all, "%s", ids_of(RANGE(.reverse = true)));
    cr_expect_str_eq(page_through(true), all);
    cr_expect_str_eq(ids_of(RANGE(.prefix = "b@")), "b@ ");
    cr_expect_str_eq(ids_of(RANGE(.prefix = "b@", .reverse = true)), "b@ ");
    cr_expect_str_eq(ids_of(RANGE(.from = "b", .limit = 2)), "b b@ ");
    cr_expect_str_eq(ids_of(RANGE(.from = "b", .reverse = true)), "b ");
    cr_expect_str_eq(ids_of(RANGE(.from = copy_of("b"), .reverse = true)), "b@ b ");
    cr_expect_str_eq(ids_of(RANGE(.after = copy_of("b"))), "c d d@ ");
    cr_expect_str_eq(ids_of(RANGE(.after = "b@0123456789abcdef0123456789abcdef-7")), "b@ c d d@ ",
                     "of a copy that is gone the others come anew");
    cr_expect_str_eq(
        ids_of(RANGE(.after = "b@0123456789abcdef0123456789abcdef-7", .reverse = true)), "b@ b ");
}

Test(test_api_range, gives_only_conflicts_in_either_direction)
{
    diverge("manual");
    cr_expect_str_eq(ids_of(RANGE(.conflicts = true)), "b d ");
    cr_expect_str_eq(ids_of(RANGE(.conflicts = true, .reverse = true)), "d b ");
    cr_expect_str_eq(ids_of(RANGE(.conflicts = true, .after = "b")), "d ");
    cr_expect_str_eq(ids_of(RANGE(.conflicts = true, .after = "d", .reverse = true)), "b ");
    cr_expect_str_eq(ids_of(RANGE(.conflicts = true, .prefix = "d")), "d ");
    cr_expect_str_eq(ids_of(RANGE(.conflicts = true, .limit = 1)), "b ");
    cr_expect_str_eq(ids_of(NULL), "b c d ");
}
