/* The settings of collections, as an app sees them through p2psync.h. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/host/time.h"
#include "nodes.h"
#include "other.h"
#include "store/write/own.h"
#include "wire/codec.h"

#define LATER    (UINT64_MAX - 1) /* than anything that is written here */
#define DOT_SIZE P2PSYNC_DOT_TEXT_SIZE
#define ID_SIZE  320

static char dir[NODES_DIR_SIZE];
static p2psync_node *node;

static void setup(void)
{
    nodes_dir(dir);
    node = nodes_open(dir, "alpha");
    other_begin(node);
}

static void teardown(void)
{
    other_end();
    p2psync_close(node);
    nodes_remove(dir);
}

TestSuite(test_api_settings, .init = setup, .fini = teardown, .timeout = 600);

static const char *settings_of(const char *collection)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_buffer reply = {0};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    const char *json =
        nodes_json(p2psync_collection_settings(snapshot, collection, &reply), &reply);
    p2psync_snapshot_close(snapshot);
    return json;
}

Test(test_api_settings, follows_a_strategy_that_changes_while_it_is_one)
{
    char their[DOT_SIZE];
    char id[ID_SIZE];
    struct p2psync_buffer reply = {0};
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    other_signs("a", LATER, "{\"n\":2}", their);
    (void)snprintf(id, sizeof id, "a@%s", their);
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"fields\":{\"n\":2}");
    cr_assert_eq(nodes_set(node, "notes", "strategy", "\"prefer:alpha\""), P2PSYNC_OK);
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"fields\":{\"n\":1}");
    cr_assert_eq(nodes_set(node, "notes", "strategy", "null"), P2PSYNC_OK);
    cr_assert_eq(nodes_set(node, "notes", "field.n", "\"max\""), P2PSYNC_OK);
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"fields\":{\"n\":2}");
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"conflict\":false");
    nodes_assert_has(nodes_json(p2psync_status(node, &reply), &reply), "\"conflicts\":0");
    cr_assert_eq(nodes_set(node, "notes", "field.n", "null"), P2PSYNC_OK);
    nodes_assert_has(nodes_json(p2psync_status(node, &reply), &reply), "\"conflicts\":1");
    nodes_assert_has(settings_of("notes"), "{\"strategy\":\"auto_merge\",\"retention\":null}");
}

Test(test_api_settings, refuses_settings_that_are_none)
{
    static const char *const values[] = {"1",          "true",        "[]",
                                         "{\"a\":1}",  "\"\"",        "\"prefer\"",
                                         "\"Manual\"", "\"manual \"", "\"manual\\u0000\""};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        cr_expect_eq(nodes_set(node, "notes", "strategy", values[i]), P2PSYNC_EFORMAT, "%s",
                     values[i]);
        cr_expect_eq(nodes_set(node, "notes", "field.n", values[i]), P2PSYNC_EFORMAT, "%s",
                     values[i]);
        cr_expect_eq(nodes_set(node, "notes", "retention", values[i]), P2PSYNC_EFORMAT, "%s",
                     values[i]);
    }
    struct p2psync_bytes two = {.data = "\xc0\xc0", .size = 2};
    struct p2psync_bytes cut = {.data = "\xa6man", .size = 4};
    cr_expect_eq(p2psync_collection_set(node, "notes", "strategy", two, NULL), P2PSYNC_EFORMAT);
    cr_expect_eq(p2psync_collection_set(node, "notes", "strategy", cut, NULL), P2PSYNC_EFORMAT);
    cr_expect_eq(nodes_set(node, "notes", "strategy", "\"prefer:nobody\""), P2PSYNC_ENOTFOUND);
    cr_expect_eq(nodes_set(node, "notes", "strategy", "\"prefer:alpha\\u0000\""),
                 P2PSYNC_ENOTFOUND);
    cr_expect_eq(nodes_set(node, "notes", "field.\xff", "\"max\""), P2PSYNC_ENOTFOUND);
    cr_expect_eq(nodes_set(node, "notes", "no", "\"max\""), P2PSYNC_ENOTFOUND);
    cr_expect_eq(nodes_set(node, "_devices", "strategy", "\"manual\""), P2PSYNC_EDENIED);
    cr_expect_eq(nodes_set(node, "", "strategy", "\"manual\""), P2PSYNC_EFORMAT);
    cr_expect_eq(nodes_set(node, "a@00112233445566778899aabbccddeeff-0", "strategy", "\"manual\""),
                 P2PSYNC_EFORMAT);
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_buffer reply = {0};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_expect_str_eq(nodes_json(p2psync_collections(snapshot, &reply), &reply), "{}");
    p2psync_snapshot_close(snapshot);
}

Test(test_api_settings, keeps_settings_of_local_collections_here)
{
    cr_assert_eq(nodes_set(node, "_localnotes", "strategy", "\"manual\""), P2PSYNC_OK);
    nodes_assert_has(settings_of("_localnotes"), "\"strategy\":\"manual\"");
    nodes_assert_has(nodes_get(node, "_local_collections", "_localnotes"),
                     "\"strategy\":\"manual\"");
    cr_assert_eq(nodes_set(node, "notes", "retention", "\"90d\""), P2PSYNC_OK);
    cr_expect_str_eq(nodes_get(node, "_collections", "_localnotes"), "");
    nodes_assert_has(nodes_get(node, "_collections", "notes"), "\"retention\":\"90d\"");
}

/* Rules for fields, with keys of `size` bytes (below 32), as many as fit, below the library. */
static size_t fill_with_rules(struct ps_buf *fields, size_t size)
{
    struct ps_txn txn = case_begin(other_store(), true);
    struct ps_written written = {0};
    struct ps_writer writer;
    char key[PS_FIELD_SIZE_MAX];
    char number[16];
    size_t count = (PS_VALUE_SIZE_MAX - 8) / (1 + size + 4);
    memset(key, 'n', sizeof key);
    memcpy(key, "field.", 6);
    ps_writer_init(&writer, fields);
    ps_write_map(&writer, count);
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(number, sizeof number, "%08zu", i);
        memcpy(key + 6, number, 8);
        ps_write_str(&writer, ps_bytes(key, size));
        ps_write_text(&writer, "max");
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    struct ps_edit edit = {
        .kind = PS_EDIT_PUT, .id = ps_bytes_text("notes"), .fields = ps_buf_view(fields)};
    struct ps_write write = {
        .collection = ps_bytes_text("_collections"), .edits = &edit, .edit_count = 1};
    cr_assert_eq(ps_own_write(&txn, &write, ps_time_wall_ms(), &written), P2PSYNC_OK);
    case_commit(&txn);
    return count;
}

Test(test_api_settings, takes_rules_for_fields_until_their_record_is_full)
{
    char key[PS_FIELD_SIZE_MAX + 2];
    char their[DOT_SIZE];
    struct ps_buf fields;
    struct p2psync_buffer reply = {0};
    p2psync_snapshot *snapshot = NULL;
    memset(key, 'n', sizeof key);
    memcpy(key, "field.", 6);
    key[PS_FIELD_SIZE_MAX + 1] = '\0';
    cr_expect_eq(nodes_set(node, "notes", key, "\"max\""), P2PSYNC_ELIMIT,
                 "no field has such a name");
    ps_buf_init(&fields, PS_VALUE_SIZE_MAX);
    size_t count = fill_with_rules(&fields, 16);
    cr_assert_gt(count, 40000);
    key[PS_FIELD_SIZE_MAX] = '\0';
    cr_expect_eq(nodes_set(node, "notes", key, "\"max\""), P2PSYNC_ELIMIT);
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_collection_settings(snapshot, "notes", &reply), P2PSYNC_OK);
    struct ps_reader reader;
    ps_reader_init(&reader, ps_bytes(reply.data, reply.size));
    cr_expect_eq(ps_read_map(&reader), count + 2);
    p2psync_buffer_free(&reply);
    p2psync_snapshot_close(snapshot);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"00000007nn\":1}"), P2PSYNC_OK);
    other_signs("a", LATER, "{\"00000007nn\":0}", their);
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"fields\":{\"00000007nn\":1}");
    ps_buf_deinit(&fields);
}
