/* Structs that begin with their size: apps that were built against an earlier header, whose structs
 * are shorter, and against a later one, whose structs are longer. */
#include <criterion/criterion.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "nodes.h"

static char dir[NODES_DIR_SIZE];
static p2psync_node *node;
static p2psync_snapshot *snapshot;

static void setup(void)
{
    nodes_dir(dir);
    node = nodes_open(dir, "alpha");
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
}

static void teardown(void)
{
    p2psync_snapshot_close(snapshot);
    p2psync_close(node);
    nodes_remove(dir);
}

TestSuite(test_api_sized, .init = setup, .fini = teardown, .timeout = 60);

/* The record of an earlier header, and what stands after it in the app's memory. */
struct early_record {
    size_t size;
    const char *id;
    size_t id_size;
    struct p2psync_bytes fields;
};

union early {
    struct early_record record;
    struct p2psync_record memory;
};

static void check_early(p2psync_result result, const union early *early)
{
    const char *rest = (const char *)&early->memory + sizeof early->record;
    cr_assert_eq(result, P2PSYNC_OK);
    cr_expect_eq(early->record.size, sizeof early->record);
    cr_expect_eq(early->record.id_size, 1);
    cr_expect_eq(early->record.id[0], 'a');
    cr_expect_eq(early->record.fields.size, 4);
    for (size_t i = 0; i < sizeof early->memory - sizeof early->record; i++) {
        cr_assert_eq(rest[i], 0x5a, "byte %zu after the struct was written", i);
    }
}

static struct p2psync_record *begin_early(union early *early)
{
    memset(early, 0x5a, sizeof *early);
    early->record.size = sizeof early->record;
    return &early->memory;
}

Test(test_api_sized, writes_no_more_than_an_earlier_app_has_room_for)
{
    union early early;
    p2psync_iterator *iterator = NULL;
    struct p2psync_record whole = {.size = sizeof whole};
    cr_assert_eq(p2psync_get(snapshot, "notes", "a", &whole), P2PSYNC_OK);
    struct p2psync_dot version = whole.versions[0];
    check_early(p2psync_get(snapshot, "notes", "a", begin_early(&early)), &early);
    check_early(p2psync_record_get_version(snapshot, "notes", "a", &version, begin_early(&early)),
                &early);
    cr_assert_eq(p2psync_iterator_open(snapshot, "notes", NULL, &iterator), P2PSYNC_OK);
    check_early(p2psync_iterator_next(iterator, begin_early(&early)), &early);
    p2psync_iterator_close(iterator);
}

Test(test_api_sized, leaves_alone_what_only_a_later_app_knows)
{
    struct {
        struct p2psync_record known;
        char later[64];
    } record = {.known = {.size = sizeof record}};
    memset(record.later, 0x5a, sizeof record.later);
    cr_assert_eq(p2psync_get(snapshot, "notes", "a", &record.known), P2PSYNC_OK);
    cr_expect_eq(record.known.version_count, 1);
    cr_expect_eq(record.known.size, sizeof record);
    for (size_t i = 0; i < sizeof record.later; i++) {
        cr_assert_eq(record.later[i], 0x5a);
    }
}

Test(test_api_sized, takes_a_struct_without_size_for_misuse)
{
    struct p2psync_record record = {.size = 0};
    struct p2psync_copy copy = {.size = 0};
    struct p2psync_committed committed = {.size = 0};
    const struct p2psync_range range = {.prefix = "a"};
    const struct p2psync_between between = {.from = NULL};
    const struct p2psync_edit edit = {.id = "b"};
    struct p2psync_buffer reply = {0};
    p2psync_iterator *iterator = NULL;
    p2psync_transaction *transaction = NULL;
    cr_expect_eq(p2psync_get(snapshot, "notes", "a", &record), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_record_pack(&record, &reply), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_copy_parse("a@0123456789abcdef0123456789abcdef-1", &copy),
                 P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_iterator_open(snapshot, "notes", &range, &iterator), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_diff(snapshot, "notes", "a", &between, &reply), P2PSYNC_EMISUSE);
    cr_assert_eq(p2psync_transaction_begin(node, "notes", &transaction, NULL), P2PSYNC_OK);
    cr_expect_eq(p2psync_transaction_edit(transaction, &edit, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_transaction_commit(transaction, &committed, NULL), P2PSYNC_EMISUSE);
}

Test(test_api_sized, all_of_a_dot_is_in_its_text)
{
    struct p2psync_record record = {.size = sizeof record};
    char text[P2PSYNC_DOT_TEXT_SIZE];
    struct p2psync_dot dot;
    cr_assert_eq(p2psync_get(snapshot, "notes", "a", &record), P2PSYNC_OK);
    p2psync_dot_format(&record.versions[0], text);
    cr_assert_eq(p2psync_dot_parse(text, &dot), P2PSYNC_OK);
    cr_expect_arr_eq(&dot, &record.versions[0], sizeof dot);
    dot.origin[15] ^= 1U;
    p2psync_dot_format(&dot, text);
    cr_assert_eq(p2psync_dot_parse(text, &dot), P2PSYNC_OK);
    cr_expect_neq(dot.origin[15], record.versions[0].origin[15]);
    cr_expect_eq(p2psync_record_get_version(snapshot, "notes", "a", &dot, &record),
                 P2PSYNC_ENOTFOUND, "no version is taken for another");
}

Test(test_api_sized, knows_its_version_as_the_header_does)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%d.%d.%d", P2PSYNC_VERSION_MAJOR, P2PSYNC_VERSION_MINOR,
                   P2PSYNC_VERSION_PATCH);
    cr_expect_str_eq(p2psync_version(), text);
    cr_expect_eq(P2PSYNC_VERSION_NUMBER, P2PSYNC_VERSION_MAJOR * 1000000 +
                                             P2PSYNC_VERSION_MINOR * 1000 + P2PSYNC_VERSION_PATCH);
}
