/* A record's past and how to bring it back, as an app sees it through p2psync.h. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes.h"
#include "tests/lib/author.h"

#define DOT_SIZE P2PSYNC_DOT_TEXT_SIZE

static char dirs[2][NODES_DIR_SIZE];
static p2psync_node *node;

static void setup(void)
{
    nodes_dir(dirs[0]);
    nodes_dir(dirs[1]);
    node = nodes_open(dirs[0], "alpha");
}

static void teardown(void)
{
    p2psync_close(node);
    nodes_remove(dirs[0]);
    nodes_remove(dirs[1]);
}

TestSuite(test_api_history, .init = setup, .fini = teardown, .timeout = 600);

static void put(const char *json)
{
    cr_assert_eq(nodes_put(node, "notes", "a", json), P2PSYNC_OK);
}

/* The ops of the history of "a", newest first. */
static const char *ops(void)
{
    static char text[256];
    size_t used = 0;
    text[0] = '\0';
    const char *at = strstr(nodes_history(node, "notes", "a"), "\"op\":\"");
    while (at != NULL) {
        at += strlen("\"op\":\"");
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", used == 0 ? "" : " ",
                                 (int)strcspn(at, "\""), at);
        at = strstr(at, "\"op\":\"");
    }
    return text;
}

/* The version that a record has now. */
static struct p2psync_dot dot_of(const char *id)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record record = {.size = sizeof record};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_get(snapshot, "notes", id, &record), P2PSYNC_OK);
    cr_assert_eq(record.version_count, 1);
    struct p2psync_dot dot = record.versions[0];
    p2psync_snapshot_close(snapshot);
    return dot;
}

/* ---- history ---- */

Test(test_api_history, tells_who_did_what_newest_first)
{
    put("{\"n\":1,\"title\":\"one\"}");
    put("{\"n\":2}");
    cr_assert_eq(p2psync_archive(node, "notes", "a", NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_delete(node, "notes", "a", "no longer needed"), P2PSYNC_OK);
    cr_assert_eq(p2psync_restore(node, "notes", "a", NULL, NULL), P2PSYNC_OK);
    cr_assert_str_eq(ops(), "restore delete archive update create");
    const char *json = nodes_history(node, "notes", "a");
    nodes_assert_has(json,
                     "\"fields\":{\"n\":2,\"title\":\"one\"},\"unset\":[],\"note\":null,\"auto\":"
                     "false},{\"version\":\"");
    nodes_assert_has(json, "\"op\":\"delete\",\"time\":\"20");
    nodes_assert_has(json,
                     "\"name\":\"alpha\",\"fields\":{},\"unset\":[],\"note\":\"no longer needed\"");
    nodes_assert_has(json, "\"fields\":{\"n\":2},\"unset\":[]");
    nodes_assert_has(json, "\"parents\":[],\"op\":\"create\"");
}

Test(test_api_history, tells_what_was_taken_out)
{
    static const char *const unset[] = {"n"};
    p2psync_transaction *transaction = NULL;
    struct p2psync_edit edit = {.size = sizeof edit, .id = "a", .unset = unset, .unset_count = 1};
    put("{\"n\":1,\"m\":1}");
    cr_assert_eq(p2psync_transaction_begin(node, "notes", &transaction, NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_edit(transaction, &edit, NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_commit(transaction, NULL, NULL), P2PSYNC_OK);
    nodes_assert_has(nodes_history(node, "notes", "a"), "\"fields\":{},\"unset\":[\"n\"]");
}

Test(test_api_history, tells_what_a_whole_value_changed_against_its_parent)
{
    char json[64];
    for (unsigned i = 0; i <= PS_CHAIN_MAX; i++) {
        (void)snprintf(json, sizeof json, "{\"n\":%u,\"same\":true}", i);
        put(json);
    }
    const char *told = nodes_history(node, "notes", "a");
    const char *last = strstr(told, "\"same\":true");
    cr_assert_not_null(last);
    cr_assert_null(strstr(last + 1, "\"same\":true"), "only the create set it: %s", told);
}

Test(test_api_history, says_that_there_is_nothing_to_tell)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_history *history = NULL;
    struct p2psync_buffer reply = {0};
    struct p2psync_record record = {.size = sizeof record};
    struct p2psync_dot dot = {.seq = 0};
    char long_id[400];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    put("{}");
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_expect_eq(p2psync_history_open(node, "notes", "b", &history), P2PSYNC_ENOTFOUND);
    cr_expect_eq(p2psync_history_open(node, "notes", "", &history), P2PSYNC_ENOTFOUND);
    cr_expect_eq(p2psync_history_open(node, "notes", long_id, &history), P2PSYNC_ENOTFOUND);
    cr_expect_eq(p2psync_history_open(node, "other", "a", &history), P2PSYNC_ENOCOLLECTION);
    cr_expect_eq(p2psync_history_open(node, "", "a", &history), P2PSYNC_ENOCOLLECTION);
    cr_expect_null(history);
    cr_expect_eq(p2psync_diff(snapshot, "notes", "b", NULL, &reply), P2PSYNC_ENOTFOUND);
    cr_expect_eq(p2psync_record_get_version(snapshot, "notes", "a", &dot, &record),
                 P2PSYNC_ENOTFOUND);
    cr_expect_null(reply.data);
    p2psync_snapshot_close(snapshot);
}

Test(test_api_history, takes_null_as_misuse)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_history *history = NULL;
    struct p2psync_buffer reply = {0};
    struct p2psync_record record = {.size = sizeof record};
    struct p2psync_dot dot = {.seq = 0};
    struct p2psync_revert revert = {.size = sizeof revert};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_expect_eq(p2psync_history_open(NULL, "notes", "a", &history), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_history_open(node, NULL, "a", &history), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_history_open(node, "notes", NULL, &history), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_history_open(node, "notes", "a", NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_history_next(NULL, &reply), P2PSYNC_EMISUSE);
    p2psync_history_close(NULL);
    cr_expect_eq(p2psync_record_get_version(snapshot, "notes", "a", NULL, &record),
                 P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_record_get_version(snapshot, NULL, "a", &dot, &record), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_diff(snapshot, "notes", NULL, NULL, &reply), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_restore(node, "notes", NULL, NULL, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_restore(NULL, "notes", "a", NULL, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_revert(node, NULL, &reply, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_revert(node, &revert, &reply, NULL), P2PSYNC_EMISUSE);
    revert.device = "alpha";
    cr_expect_eq(p2psync_revert(node, &revert, NULL, NULL), P2PSYNC_EMISUSE);
    revert.size = sizeof revert.size;
    cr_expect_eq(p2psync_revert(node, &revert, &reply, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_dot_parse(NULL, &dot), P2PSYNC_EMISUSE);
    p2psync_snapshot_close(snapshot);
}

/* Changes of a MiB each come in pages of some: each once, in order, whatever is written meanwhile.
 */
Test(test_api_history, tells_a_past_that_is_larger_than_an_answer_may_be)
{
    enum { VALUE_SIZE = PS_VALUE_SIZE_MAX - 64, COUNT = 2 + PS_HISTORY_SIZE_MAX / VALUE_SIZE };
    struct p2psync_options options = nodes_options(dirs[1]);
    p2psync_history *history = NULL;
    struct p2psync_buffer page = {0};
    static uint8_t fields[VALUE_SIZE + 8];
    uint64_t expected = COUNT;
    size_t pages = 0;
    options.map_size_bytes = (uint64_t)512 * 1024 * 1024;
    p2psync_node *big = nodes_open_with(&options, "big");
    static const uint8_t head[] = {0x81, 0xa1, 'n', 0xc6}; /* {"n": bin 32} */
    memcpy(fields, head, sizeof head);
    ps_put_u32(fields + 4, VALUE_SIZE);
    for (size_t i = 0; i < COUNT; i++) {
        fields[8] = (uint8_t)i;
        struct p2psync_bytes bytes = {.data = fields, .size = sizeof fields};
        cr_assert_eq(p2psync_put(big, "notes", "a", bytes, NULL), P2PSYNC_OK);
    }
    cr_assert_eq(p2psync_history_open(big, "notes", "a", &history), P2PSYNC_OK);
    p2psync_result result = p2psync_history_next(history, &page);
    while (result == P2PSYNC_OK) {
        struct p2psync_walk walk = {.size = sizeof walk, .value = {page.data, page.size}};
        struct p2psync_bytes change;
        while (p2psync_walk_next(&walk, NULL, &change) == P2PSYNC_OK) {
            char version[P2PSYNC_DOT_TEXT_SIZE];
            struct p2psync_dot dot;
            cr_assert_eq(p2psync_value_string(p2psync_value_find(change, "version"), version,
                                              sizeof version),
                         P2PSYNC_OK);
            cr_assert_eq(p2psync_dot_parse(version, &dot), P2PSYNC_OK);
            expected--;
            cr_assert_eq(dot.seq, expected);
        }
        p2psync_buffer_free(&page);
        pages++;
        cr_assert_eq(p2psync_delete(big, "notes", "a", NULL),
                     pages == 1 ? P2PSYNC_OK : P2PSYNC_ENOTFOUND);
        result = p2psync_history_next(history, &page);
    }
    cr_expect_eq(result, P2PSYNC_EEND);
    cr_expect_eq(expected, 0);
    cr_expect_gt(pages, 4);
    p2psync_history_close(history);
    p2psync_close(big);
}

/* ---- versions ---- */

Test(test_api_history, reads_dots_as_text)
{
    static const char *const wrong[] = {
        "",
        "0",
        "0123456789abcdef0123456789abcdef",
        "0123456789abcdef-1",
        "0123456789abcdef0123456789abcdef-",
        "-1",
        "0123-1",
        "0123456789abcdef0123456789abcdef-x",
        "0123456789abcdef0123456789abcdeg-1",
        "0123456789abcdef0123456789abcdef-1 ",
        "0123456789abcdef0123456789abcdef--1",
        "0123456789abcdef0123456789abcdef-18446744073709551616",
    };
    struct p2psync_dot dot = {.seq = 7};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(p2psync_dot_parse(wrong[i], &dot), P2PSYNC_EFORMAT, "'%s'", wrong[i]);
    }
    cr_expect_eq(dot.seq, 7, "untouched");
    cr_assert_eq(p2psync_dot_parse("0123456789abcdef0123456789abcdef-42", &dot), P2PSYNC_OK);
    cr_expect_eq(dot.seq, 42);
    cr_expect_eq(dot.origin[0], 0x01);
    cr_expect_eq(dot.origin[15], 0xef);
}

static const char *version_json(const struct p2psync_dot *dot)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record record = {.size = sizeof record};
    struct p2psync_buffer packed = {0};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_record_get_version(snapshot, "notes", "a", dot, &record), P2PSYNC_OK);
    const char *json = nodes_json(p2psync_record_pack(&record, &packed), &packed);
    p2psync_snapshot_close(snapshot);
    return json;
}

Test(test_api_history, gives_every_version_as_it_was)
{
    put("{\"n\":1}");
    struct p2psync_dot first = dot_of("a");
    put("{\"m\":2}");
    struct p2psync_dot second = dot_of("a");
    cr_assert_eq(p2psync_archive(node, "notes", "a", NULL), P2PSYNC_OK);
    struct p2psync_dot third = dot_of("a");
    cr_assert_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_OK);
    struct p2psync_dot fourth = dot_of("a");
    nodes_assert_has(version_json(&first), "\"fields\":{\"n\":1},\"version\":[\"");
    nodes_assert_has(version_json(&second), "\"fields\":{\"m\":2,\"n\":1}");
    nodes_assert_has(version_json(&second),
                     "\"deleted\":false,\"archived\":false,\"conflict\":false");
    nodes_assert_has(version_json(&third), "\"fields\":{\"m\":2,\"n\":1}");
    nodes_assert_has(version_json(&third), "\"deleted\":false,\"archived\":true");
    nodes_assert_has(version_json(&fourth), "\"fields\":{},");
    nodes_assert_has(version_json(&fourth), "\"deleted\":true");
}

Test(test_api_history, does_not_give_versions_of_other_records)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record record = {.size = sizeof record};
    put("{\"n\":1}");
    cr_assert_eq(nodes_put(node, "notes", "b", "{\"n\":1}"), P2PSYNC_OK);
    struct p2psync_dot other = dot_of("b");
    struct p2psync_between between = {.size = sizeof between, .from = &other};
    struct p2psync_buffer reply = {0};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_expect_eq(p2psync_record_get_version(snapshot, "notes", "a", &other, &record),
                 P2PSYNC_ENOTFOUND);
    cr_expect_eq(p2psync_diff(snapshot, "notes", "a", &between, &reply), P2PSYNC_ENOTFOUND);
    between = (struct p2psync_between){.size = sizeof between, .to = &other};
    cr_expect_eq(p2psync_diff(snapshot, "notes", "a", &between, &reply), P2PSYNC_ENOTFOUND);
    p2psync_snapshot_close(snapshot);
    cr_expect_eq(p2psync_restore(node, "notes", "a", &other, NULL), P2PSYNC_ENOTFOUND);
}

static size_t versions_in_to; /* of the last difference */

/* What differs, without the versions. */
static const char *difference(const struct p2psync_between *between)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_buffer reply = {0};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    const char *json = nodes_json(p2psync_diff(snapshot, "notes", "a", between, &reply), &reply);
    p2psync_snapshot_close(snapshot);
    const char *parts = strstr(json, "\"added\"");
    const char *to = strstr(json, "\"to\":[");
    cr_assert_not_null(parts);
    cr_assert_not_null(to);
    versions_in_to = 1;
    for (; to < parts - 2; to++) {
        versions_in_to += *to == ',' ? 1 : 0;
    }
    return parts;
}

Test(test_api_history, shows_what_differs_between_any_two_versions)
{
    put("{\"a\":1,\"b\":1}");
    struct p2psync_dot first = dot_of("a");
    put("{\"b\":2,\"c\":2}");
    struct p2psync_dot second = dot_of("a");
    cr_assert_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_OK);
    struct p2psync_between between = {.size = sizeof between, .from = &first, .to = &second};
    cr_expect_str_eq(
        difference(&between),
        "\"added\":{\"c\":2},\"changed\":{\"b\":{\"from\":1,\"to\":2}},\"removed\":{}}");
    between = (struct p2psync_between){.size = sizeof between, .from = &second, .to = &first};
    cr_expect_str_eq(
        difference(&between),
        "\"added\":{},\"changed\":{\"b\":{\"from\":2,\"to\":1}},\"removed\":{\"c\":2}}");
    between = (struct p2psync_between){.size = sizeof between, .to = &second};
    cr_expect_str_eq(
        difference(&between),
        "\"added\":{\"c\":2},\"changed\":{\"b\":{\"from\":1,\"to\":2}},\"removed\":{}}");
    between = (struct p2psync_between){.size = sizeof between, .to = &first};
    cr_expect_str_eq(difference(&between),
                     "\"added\":{\"a\":1,\"b\":1},\"changed\":{},\"removed\":{}}");
    between = (struct p2psync_between){.size = sizeof between, .from = &first};
    cr_expect_str_eq(difference(&between),
                     "\"added\":{},\"changed\":{},\"removed\":{\"a\":1,\"b\":1}}");
    cr_expect_str_eq(difference(NULL),
                     "\"added\":{},\"changed\":{},\"removed\":{\"a\":1,\"b\":2,\"c\":2}}");
    between = (struct p2psync_between){.size = sizeof between, .from = &first, .to = &first};
    cr_expect_str_eq(difference(&between), "\"added\":{},\"changed\":{},\"removed\":{}}");
}

/* ---- bringing back ---- */

Test(test_api_history, restores_what_was_deleted)
{
    put("{\"n\":1}");
    cr_assert_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_restore(node, "notes", "a", NULL, "by mistake"), P2PSYNC_OK);
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"fields\":{\"n\":1}");
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"deleted\":false");
    nodes_assert_has(nodes_history(node, "notes", "a"), "\"note\":\"by mistake\"");
    cr_assert_str_eq(ops(), "restore delete create");
}

Test(test_api_history, restores_what_is_archived_with_what_it_has_now)
{
    put("{\"n\":1}");
    cr_assert_eq(p2psync_archive(node, "notes", "a", NULL), P2PSYNC_OK);
    put("{\"m\":2}");
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"archived\":true");
    cr_assert_eq(p2psync_restore(node, "notes", "a", NULL, NULL), P2PSYNC_OK);
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"fields\":{\"m\":2,\"n\":1}");
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"archived\":false");
}

Test(test_api_history, restores_a_version_exactly)
{
    put("{\"n\":1}");
    struct p2psync_dot first = dot_of("a");
    put("{\"n\":2,\"m\":2}");
    cr_assert_eq(p2psync_restore(node, "notes", "a", &first, NULL), P2PSYNC_OK);
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"fields\":{\"n\":1}");
    cr_assert_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_OK);
    struct p2psync_dot deleted = dot_of("a");
    cr_assert_eq(p2psync_restore(node, "notes", "a", &deleted, NULL), P2PSYNC_ENOTFOUND);
    cr_assert_eq(p2psync_restore(node, "notes", "a", &first, NULL), P2PSYNC_OK);
    cr_assert_str_eq(ops(), "restore delete restore update create");
}

Test(test_api_history, writes_nothing_to_restore_what_is_as_wanted)
{
    char before[NODES_ROOT_SIZE];
    char after[NODES_ROOT_SIZE];
    put("{\"n\":1}");
    struct p2psync_dot first = dot_of("a");
    nodes_root(node, before);
    cr_assert_eq(p2psync_restore(node, "notes", "a", NULL, "why"), P2PSYNC_OK);
    cr_assert_eq(p2psync_restore(node, "notes", "a", &first, "why"), P2PSYNC_OK);
    nodes_root(node, after);
    cr_assert_str_eq(before, after);
}

Test(test_api_history, refuses_to_restore_what_never_was)
{
    cr_expect_eq(p2psync_restore(node, "notes", "a", NULL, NULL), P2PSYNC_ENOCOLLECTION);
    put("{}");
    cr_expect_eq(p2psync_restore(node, "notes", "b", NULL, NULL), P2PSYNC_ENOTFOUND);
    cr_expect_eq(p2psync_restore(node, "notes", "", NULL, NULL), P2PSYNC_ENOTFOUND);
    cr_expect_eq(p2psync_restore(node, "_devices", "a", NULL, NULL), P2PSYNC_EDENIED);
    cr_expect_eq(p2psync_restore(node, "notes", "a", NULL, "\xff"), P2PSYNC_EFORMAT);
}

/* ---- what others may sign ---- */

/* Open the store under `node`, which is closed, and close it again. */
static void open_below(struct store_case *here)
{
    const struct ps_store_options options = {.dir = dirs[0], .map_size_bytes = CASE_MAP_SIZE};
    p2psync_close(node);
    *here = (struct store_case){.map_size = CASE_MAP_SIZE};
    cr_assert_eq(ps_store_open(&options, &here->store), P2PSYNC_OK);
    struct ps_txn txn = case_begin(here, false);
    cr_assert_eq(ps_identity_read(&txn, &here->identity), P2PSYNC_OK);
    ps_txn_abort(&txn);
}

static void close_below(struct store_case *here)
{
    ps_store_destroy(&here->store);
    node = nodes_open(dirs[0], NULL);
}

/* An operation of a later version, notes that are no text, bodies that are none, inert changes, and
 * an author who is no member: all of it is told as far as it says anything, and is JSON. */
Test(test_api_history, tells_whatever_another_device_has_signed)
{
    static const struct ps_bytes bodies[] = {
        {(const uint8_t *)"\x93\x81\xa1m\x01\xc0\x05", 7},                  /* a number as a note */
        {(const uint8_t *)"\x93\x81\xa1m\x02\xc0\xa3why", 10},              /* as text alone */
        {(const uint8_t *)"\x93\x81\xa1m\x03\xc0\x81\xa4text\x90", 13},     /* no text in it */
        {(const uint8_t *)"\x93\x81\xa1m\x04\xc0\x81\xa4text\xa1\xff", 14}, /* no UTF-8 */
        {(const uint8_t *)"\x93\x81\xa1m\x05\xc0\xd4\x01\x00", 9},          /* ext */
        {(const uint8_t *)"\x93\x81\xa1m\x06\x91\xa1\xff\xc0", 9},          /* unset is no UTF-8 */
        {(const uint8_t *)"\x93\x81\xa1m\xca\x7f\x80\0\0\xc0\xc0", 11},     /* infinity */
        {(const uint8_t *)"\x93\x82\xa1m\x07\xa1\0\x07\xc0\xc0", 10},       /* NUL in a name */
        {(const uint8_t *)"\xc1", 1},
    };
    static struct author author;
    struct store_case here;
    struct author_change change = {.op_and_flags = PS_OP_CREATE, .id = "a", .hlc = 1};
    put("{}");
    open_below(&here);
    author_init(&author, 7);
    author.identity.mesh = here.identity.mesh;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        change.raw_body = bodies[i];
        struct ps_parent parent = author_add(&author, &change);
        change.op_and_flags = 0x0b;
        change.hlc++;
        change.parent_count = 1;
        change.parents[0] = parent;
    }
    struct author_change inert = change;
    inert.id = "b"; /* its parent is of another record */
    (void)author_add(&author, &inert);
    author_deliver_all(&author, &here);
    (void)case_apply(&here);
    close_below(&here);
    char told[8192];
    (void)snprintf(told, sizeof told, "%s", nodes_history(node, "notes", "a"));
    cr_assert_str_eq(ops(),
                     "create update update update update update update update update create");
    nodes_assert_has(told, "\"op\":\"update\",\"time\":null");
    nodes_assert_has(told, "\"fields\":{\"m\":1},\"unset\":[],\"note\":null");
    nodes_assert_has(told, "\"fields\":{\"m\":2},\"unset\":[],\"note\":\"why\"");
    nodes_assert_has(told, "\"fields\":{\"m\":3},\"unset\":[],\"note\":null");
    nodes_assert_has(told, "\"fields\":{},\"unset\":[],\"note\":null");
    cr_assert_null(strstr(told, "\"m\":4"), "of a body that is not valid nothing is taken");
    cr_assert_null(strstr(told, "\"m\":7"));
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"fields\":{\"m\":3}");
    cr_assert_str_eq(nodes_get(node, "notes", "b"), "");
    author_deinit(&author);
}

/* ---- two devices ---- */

Test(test_api_history, tells_of_edits_by_two_devices_and_reverts_one)
{
    char endpoint[NODES_ENDPOINT_SIZE];
    struct p2psync_buffer reply = {0};
    struct p2psync_options options = nodes_options(dirs[0]);
    nodes_own_endpoint(0, endpoint);
    p2psync_close(node);
    options.listen = endpoint;
    node = nodes_open_with(&options, NULL);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    put("{\"n\":1,\"m\":1}");
    p2psync_node *guest = nodes_open(dirs[1], NULL);
    nodes_join(node, guest, "beta");
    p2psync_close(guest);
    const char *peers[] = {endpoint};
    options = nodes_options(dirs[1]);
    options.peers = peers;
    options.peer_count = 1;
    guest = nodes_open_with(&options, NULL);
    cr_assert_eq(p2psync_start(guest), P2PSYNC_OK);
    nodes_await_same(node, guest);
    cr_assert_eq(p2psync_stop(guest), P2PSYNC_OK);
    cr_assert_eq(nodes_put(guest, "notes", "a", "{\"n\":2}"), P2PSYNC_OK);
    put("{\"m\":2}"); /* not knowing of the other */
    put("{\"m\":3}");
    cr_assert_eq(p2psync_start(guest), P2PSYNC_OK);
    nodes_await_same(node, guest);
    char told[4096];
    (void)snprintf(told, sizeof told, "%s", nodes_history(node, "notes", "a"));
    cr_assert_str_eq(nodes_history(guest, "notes", "a"), told);
    nodes_assert_has(told, "\"name\":\"alpha\",\"fields\":{\"m\":3}");
    nodes_assert_has(told, "\"name\":\"beta\",\"fields\":{\"n\":2}");
    nodes_assert_has(told, "\"name\":\"alpha\",\"fields\":{\"m\":1,\"n\":1}");
    /* It is there, and nobody says how it shall be: the conflict is left to who resolves it. */
    char before[NODES_ROOT_SIZE];
    char after[NODES_ROOT_SIZE];
    struct p2psync_dot first;
    char text[DOT_SIZE];
    nodes_root(node, before);
    cr_assert_eq(p2psync_restore(node, "notes", "a", NULL, NULL), P2PSYNC_OK);
    nodes_root(node, after);
    cr_assert_str_eq(before, after);
    nodes_text(strstr(told, "\"parents\":[]") - DOT_SIZE, "version", text, sizeof text);
    cr_assert_eq(p2psync_dot_parse(text, &first), P2PSYNC_OK);
    struct p2psync_between between = {.size = sizeof between, .from = &first};
    (void)difference(&between);
    cr_assert_eq(versions_in_to, 2, "as it is now is both versions");
    const struct p2psync_revert others = {.size = sizeof others, .device = "beta"};
    (void)nodes_json(p2psync_revert(node, &others, &reply, NULL), &reply);
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"fields\":{\"m\":3,\"n\":1}");
    nodes_await_same(node, guest);
    nodes_assert_has(nodes_get(guest, "notes", "a"), "\"fields\":{\"m\":3,\"n\":1}");
    p2psync_close(guest);
}
