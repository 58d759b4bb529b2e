/* Conflicts and copies, as an app sees them through p2psync.h. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/api/inside.h"
#include "node/feed/feed.h"
#include "node/host/time.h"
#include "nodes.h"
#include "other.h"
#include "store/write/own.h"

#define EARLIER   1 /* than anything that is written here */
#define LATER     (UINT64_MAX - 1)
#define DOT_SIZE  P2PSYNC_DOT_TEXT_SIZE
#define ID_SIZE   320
#define LIST_SIZE 1024

static char dir[NODES_DIR_SIZE];
static p2psync_node *node;
static struct ps_feed feed;

static void setup(void)
{
    nodes_dir(dir);
    node = nodes_open(dir, "alpha");
    other_begin(node);
}

static void teardown(void)
{
    ps_feed_deinit(&feed);
    other_end();
    p2psync_close(node);
    nodes_remove(dir);
}

TestSuite(test_api_conflicts, .init = setup, .fini = teardown, .timeout = 600);

static const char *conflict_of(const char *id)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_buffer reply = {0};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    const char *json = nodes_json(p2psync_conflict(snapshot, "notes", id, &reply), &reply);
    p2psync_snapshot_close(snapshot);
    return json;
}

/* The ids that an iterator gives, each with a blank. */
static const char *ids_of(p2psync_snapshot *snapshot, p2psync_iterator *iterator)
{
    static char text[LIST_SIZE];
    size_t used = 0;
    struct p2psync_record record = {.size = sizeof record};
    p2psync_result result = p2psync_iterator_next(iterator, &record);
    text[0] = '\0';
    while (result == P2PSYNC_OK) {
        cr_assert_lt(used + record.id_size + 2, sizeof text);
        used += (size_t)snprintf(text + used, sizeof text - used, "%.*s ", (int)record.id_size,
                                 record.id);
        result = p2psync_iterator_next(iterator, &record);
    }
    cr_assert_eq(result, P2PSYNC_EEND);
    cr_assert_eq(p2psync_iterator_next(iterator, &record), P2PSYNC_EEND);
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
    return text;
}

static const struct p2psync_range only_conflicts = {.size = sizeof only_conflicts,
                                                    .conflicts = true};

static const char *list(const char *prefix)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    const struct p2psync_range range = {.size = sizeof range, .prefix = prefix};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_iterator_open(snapshot, "notes", &range, &iterator), P2PSYNC_OK);
    return ids_of(snapshot, iterator);
}

static const char *list_conflicts(void)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_iterator_open(snapshot, "notes", &only_conflicts, &iterator), P2PSYNC_OK);
    return ids_of(snapshot, iterator);
}

static p2psync_result resolve(const struct p2psync_resolution *how)
{
    struct p2psync_resolution resolution = *how;
    resolution.size = sizeof resolution;
    resolution.collection = "notes";
    resolution.id = "a";
    return p2psync_resolve(node, &resolution, NULL, NULL);
}

static struct p2psync_dot dot_of(const char *text)
{
    struct p2psync_dot dot;
    cr_assert_eq(p2psync_dot_parse(text, &dot), P2PSYNC_OK);
    return dot;
}

/* The types of the events that wait, each with a blank: c(hanged), d(etected), r(esolved). */
static const char *events(void)
{
    static char text[64];
    size_t used = 0;
    struct ps_buf map;
    p2psync_event_type type = P2PSYNC_EVENT_ERROR;
    ps_buf_init(&map, 65536);
    while (ps_feed_next(&feed, node->store, &type, &map) == P2PSYNC_OK) {
        cr_assert_lt(used + 2, sizeof text);
        cr_assert(type >= P2PSYNC_EVENT_RECORD_CHANGED && type <= P2PSYNC_EVENT_CONFLICT_RESOLVED);
        text[used] = " cdr"[type];
        used++;
        ps_buf_clear(&map);
    }
    text[used] = '\0';
    ps_buf_deinit(&map);
    return text;
}

/* ---- what is told ---- */

Test(test_api_conflicts, tells_both_sides_by_device_and_what_each_changed)
{
    char their[DOT_SIZE];
    char expected[256];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    cr_assert_eq(nodes_set(node, "notes", "strategy", "\"manual\""), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1,\"same\":0}"), P2PSYNC_OK);
    other_signs("a", EARLIER, "{\"m\":2,\"same\":0}", their);
    ps_device_fingerprint(other_device(), fingerprint);
    const char *json = conflict_of("a");
    nodes_assert_has(
        json, "\"collection\":\"notes\",\"id\":\"a\",\"strategy\":\"manual\",\"conflict\":true,"
              "\"open\":true,\"base\":null,\"versions\":[{\"version\":\"");
    (void)snprintf(expected, sizeof expected,
                   "\"fingerprint\":\"%s\",\"name\":\"%s\",\"time\":null", fingerprint,
                   fingerprint);
    nodes_assert_has(json, expected);
    nodes_assert_has(json,
                     "\"deleted\":false,\"archived\":false,\"auto\":false,\"fields\":{\"m\":2,"
                     "\"same\":0},\"changed\":[\"m\",\"same\"]}");
    nodes_assert_has(json, "\"name\":\"alpha\"");
    nodes_assert_has(json, "\"changed\":[\"n\",\"same\"]}]");
    nodes_assert_has(json, "\"merged\":{\"m\":2,\"n\":1,\"same\":0},\"marked\":{}}");
}

Test(test_api_conflicts, tells_a_record_with_one_version_as_none)
{
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    const char *json = conflict_of("a");
    nodes_assert_has(json, "\"conflict\":false,\"open\":false,\"base\":{\"n\":1},\"versions\":[{");
    nodes_assert_has(json, "\"changed\":[]}]");
    nodes_assert_has(json, "\"merged\":{\"n\":1},\"marked\":{}}");
    cr_assert_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_OK);
    json = conflict_of("a");
    nodes_assert_has(json, "\"base\":null");
    nodes_assert_has(json, "\"deleted\":true");
    nodes_assert_has(json, "\"merged\":null,\"marked\":{}}");
    cr_expect_str_eq(list_conflicts(), "");
}

Test(test_api_conflicts, walks_conflicts_only_in_id_order)
{
    static const char *const ids[] = {"c", "b", "a", "clean", "alone"};
    char their[DOT_SIZE];
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(nodes_put(node, "notes", ids[i], "{\"n\":1}"), P2PSYNC_OK);
        if (i < 3) {
            other_signs(ids[i], EARLIER, "{\"n\":2}", their);
        }
    }
    other_signs("clean", EARLIER, "{\"m\":2}", their);
    cr_expect_str_eq(list_conflicts(), "a b c ");
    nodes_assert_has(nodes_get(node, "notes", "clean"), "\"fields\":{\"m\":2,\"n\":1}");
    nodes_assert_has(nodes_get(node, "notes", "clean"), "\"conflict\":false");
    nodes_assert_has(conflict_of("clean"), "\"conflict\":false,\"open\":false");
}

Test(test_api_conflicts, takes_null_as_misuse)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    struct p2psync_buffer reply = {0};
    struct p2psync_copy copy = {.size = sizeof copy};
    struct p2psync_bytes nothing = {.size = 0};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_expect_eq(p2psync_conflict(NULL, "notes", "a", &reply), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_conflict(snapshot, "notes", NULL, &reply), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_conflict(snapshot, "notes", "a", NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_conflict(snapshot, "notes", "a", &reply), P2PSYNC_ENOCOLLECTION);
    cr_expect_eq(p2psync_iterator_open(snapshot, NULL, NULL, &iterator), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_iterator_open(snapshot, "notes", &only_conflicts, &iterator),
                 P2PSYNC_ENOCOLLECTION);
    cr_expect_eq(p2psync_collections(snapshot, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_collection_settings(snapshot, NULL, &reply), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_collection_settings(snapshot, "notes", &reply), P2PSYNC_ENOCOLLECTION);
    cr_expect_eq(p2psync_collection_set(node, "notes", "strategy", nothing, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_copy_parse(NULL, &copy), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_resolve(node, NULL, NULL, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_peers(node, NULL), P2PSYNC_EMISUSE);
    p2psync_snapshot_close(snapshot);
}

/* ---- resolutions ---- */

Test(test_api_conflicts, resolves_by_each_way_once)
{
    struct p2psync_buffer empty = {0};
    char their[DOT_SIZE];
    cr_assert_eq(nodes_set(node, "notes", "strategy", "\"manual\""), P2PSYNC_OK);
    for (unsigned way = 0; way < 4; way++) {
        cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
        other_signs("a", EARLIER + way, way == 3 ? NULL : "{\"m\":2}", their);
        struct p2psync_dot take = dot_of(their);
        struct p2psync_resolution resolution = {.note = "so"};
        nodes_assert_has(nodes_get(node, "notes", "a"), "\"conflict\":true");
        if (way == 0 || way == 3) {
            resolution.take = &take;
        } else if (way == 1) {
            resolution.merge = true;
        } else {
            cr_assert_eq(p2psync_value_from_json("{}", 2, &empty, NULL), P2PSYNC_OK);
            resolution.fields = (struct p2psync_bytes){.data = empty.data, .size = empty.size};
        }
        cr_assert_eq(resolve(&resolution), P2PSYNC_OK, "way %u", way);
        cr_expect_eq(resolve(&resolution), P2PSYNC_ECONFLICT, "way %u", way);
        const char *json = nodes_get(node, "notes", "a");
        nodes_assert_has(json, "\"conflict\":false");
        nodes_assert_has(json, way == 0   ? "\"fields\":{\"m\":2}"
                               : way == 1 ? "\"fields\":{\"m\":2,\"n\":1}"
                                          : "\"fields\":{}");
        nodes_assert_has(json, way == 3 ? "\"deleted\":true" : "\"deleted\":false");
        cr_assert(way == 3 || p2psync_delete(node, "notes", "a", NULL) == P2PSYNC_OK);
    }
    p2psync_buffer_free(&empty);
}

Test(test_api_conflicts, resolves_only_what_was_looked_at)
{
    char dots[2][DOT_SIZE];
    struct p2psync_dot looked_at[3];
    struct p2psync_record record = {.size = sizeof record};
    p2psync_snapshot *snapshot = NULL;
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    other_signs("a", EARLIER, "{\"n\":2}", dots[0]);
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_get(snapshot, "notes", "a", &record), P2PSYNC_OK);
    cr_assert_eq(record.version_count, 2);
    memcpy(looked_at, record.versions, 2 * sizeof looked_at[0]);
    p2psync_snapshot_close(snapshot);
    other_signs("a", EARLIER + 1, "{\"n\":3}", dots[1]);
    struct p2psync_resolution resolution = {
        .merge = true, .versions = looked_at, .version_count = 2};
    cr_expect_eq(resolve(&resolution), P2PSYNC_ECONFLICT);
    nodes_assert_has(conflict_of("a"), "\"conflict\":true");
    looked_at[2] = dot_of(dots[1]);
    resolution.version_count = 3;
    cr_expect_eq(resolve(&resolution), P2PSYNC_OK);
    nodes_assert_has(conflict_of("a"), "\"conflict\":false");
}

Test(test_api_conflicts, says_which_resolutions_are_wrong)
{
    struct p2psync_dot dot = {.seq = 0};
    struct p2psync_resolution resolution = {.merge = true, .take = &dot};
    char their[DOT_SIZE];
    char id[ID_SIZE];
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    cr_expect_eq(resolve(&(struct p2psync_resolution){.note = "none"}), P2PSYNC_EMISUSE);
    cr_expect_eq(resolve(&resolution), P2PSYNC_EMISUSE);
    resolution.take = NULL;
    cr_expect_eq(resolve(&resolution), P2PSYNC_ECONFLICT);
    other_signs("a", EARLIER, "{\"n\":2}", their);
    resolution.version_count = 1;
    cr_expect_eq(resolve(&resolution), P2PSYNC_EMISUSE);
    resolution.versions = &dot;
    cr_expect_eq(resolve(&resolution), P2PSYNC_ECONFLICT);
    resolution = (struct p2psync_resolution){.take = &dot};
    cr_expect_eq(resolve(&resolution), P2PSYNC_ENOTFOUND);
    resolution = (struct p2psync_resolution){.fields = {.data = "\x91\xc0", .size = 2}};
    cr_expect_eq(resolve(&resolution), P2PSYNC_EFORMAT);
    resolution = (struct p2psync_resolution){.merge = true, .note = "\xff"};
    cr_expect_eq(resolve(&resolution), P2PSYNC_EFORMAT);
    resolution = (struct p2psync_resolution){
        .size = sizeof resolution, .collection = "notes", .id = id, .merge = true};
    (void)snprintf(id, sizeof id, "a@%s", their);
    cr_expect_eq(p2psync_resolve(node, &resolution, NULL, NULL), P2PSYNC_EFORMAT);
    memset(id, 'x', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    cr_expect_eq(p2psync_resolve(node, &resolution, NULL, NULL), P2PSYNC_ELIMIT);
    resolution.id = "b";
    cr_expect_eq(p2psync_resolve(node, &resolution, NULL, NULL), P2PSYNC_ENOTFOUND);
    resolution.collection = "_collections";
    cr_expect_eq(p2psync_resolve(node, &resolution, NULL, NULL), P2PSYNC_EDENIED);
    resolution.size--;
    cr_expect_eq(p2psync_resolve(node, &resolution, NULL, NULL), P2PSYNC_EMISUSE);
    nodes_assert_has(conflict_of("a"), "\"conflict\":true");
}

/* ---- copies ---- */

Test(test_api_conflicts, lists_copies_behind_their_record)
{
    char copies[2][ID_SIZE];
    char dots[2][DOT_SIZE];
    char expected[LIST_SIZE];
    static const char *const ids[] = {"a", "a!", "a@b", "ab"};
    cr_assert_eq(nodes_set(node, "notes", "strategy", "\"keep_both\""), P2PSYNC_OK);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(nodes_put(node, "notes", ids[i], "{\"n\":1}"), P2PSYNC_OK);
    }
    other_signs("a", EARLIER, "{\"n\":2}", dots[0]);
    other_signs("a@b", EARLIER, "{\"n\":2}", dots[1]);
    (void)snprintf(copies[0], ID_SIZE, "a@%s", dots[0]);
    (void)snprintf(copies[1], ID_SIZE, "a@b@%s", dots[1]);
    (void)snprintf(expected, sizeof expected, "a %s a! a@b %s ab ", copies[0], copies[1]);
    cr_expect_str_eq(list(NULL), expected);
    cr_expect_str_eq(list("a"), expected);
    (void)snprintf(expected, sizeof expected, "%s a@b %s ", copies[0], copies[1]);
    cr_expect_str_eq(list("a@"), expected);
    (void)snprintf(expected, sizeof expected, "%s ", copies[1]);
    cr_expect_str_eq(list("a@b@"), expected);
    cr_expect_str_eq(list(copies[1]), expected);
    copies[1][strlen(copies[1]) - 1] = 'x';
    cr_expect_str_eq(list(copies[1]), "");
    cr_expect_str_eq(list("a@@"), "");
    cr_expect_str_eq(list("@"), "");
    cr_expect_str_eq(list_conflicts(), "a a@b ");
    const char *json = nodes_get(node, "notes", copies[0]);
    nodes_assert_has(json, "\"fields\":{\"n\":2}");
    nodes_assert_has(json, "\"deleted\":false,\"archived\":false,\"conflict\":true");
}

Test(test_api_conflicts, knows_no_copy_of_what_is_shown_or_not_there)
{
    char their[DOT_SIZE];
    char id[ID_SIZE];
    struct p2psync_copy copy = {.size = sizeof copy};
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    other_signs("a", LATER, "{\"n\":2}", their);
    (void)snprintf(id, sizeof id, "a@%s", their);
    cr_expect_str_eq(nodes_get(node, "notes", id), "", "it is merged");
    cr_expect_eq(p2psync_delete(node, "notes", id, NULL), P2PSYNC_ENOTFOUND);
    cr_assert_eq(nodes_set(node, "notes", "strategy", "\"keep_both\""), P2PSYNC_OK);
    cr_expect_str_eq(nodes_get(node, "notes", id), "", "it is shown under its own id");
    static const char *const malformed[] = {
        "a@",
        "a@0",
        "a@00112233445566778899aabbccddeeff-",
        "a@00112233445566778899aabbccddeeff-00",
        "a@@00112233445566778899aabbccddeeff-0",
        "@00112233445566778899aabbccddeeff-0",
        "a@00112233445566778899aabbccddeeff-0@00112233445566778899aabbccddeeff-0",
        "a@00112233445566778899aabbccddeeff-18446744073709551616"};
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        cr_expect_str_eq(nodes_get(node, "notes", malformed[i]), "", "%s", malformed[i]);
        cr_expect_neq(p2psync_delete(node, "notes", malformed[i], NULL), P2PSYNC_OK);
    }
    cr_expect_eq(p2psync_copy_parse("a@0", &copy), P2PSYNC_ENOTFOUND);
    cr_expect_eq(p2psync_copy_parse(malformed[6], &copy), P2PSYNC_ENOTFOUND);
    cr_assert_eq(p2psync_copy_parse("a@b@00112233445566778899aabbccddeeff-7", &copy), P2PSYNC_OK);
    cr_expect_str_eq(copy.record, "a@b");
    cr_expect_str_eq(copy.own, "a@b~00112233445566778899aabbccddeeff-7");
    cr_expect_eq(copy.version.seq, 7);
}

Test(test_api_conflicts, makes_a_record_of_a_copy_that_is_edited)
{
    char their[DOT_SIZE];
    char id[ID_SIZE];
    struct p2psync_copy copy = {.size = sizeof copy};
    cr_assert_eq(nodes_set(node, "notes", "strategy", "\"keep_both\""), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    other_signs("a", EARLIER, "{\"n\":2}", their);
    (void)snprintf(id, sizeof id, "a@%s", their);
    cr_assert_eq(p2psync_copy_parse(id, &copy), P2PSYNC_OK);
    cr_expect_eq(p2psync_archive(node, "notes", id, NULL), P2PSYNC_EFORMAT);
    cr_expect_eq(p2psync_restore(node, "notes", id, NULL, NULL), P2PSYNC_ENOTFOUND);
    cr_assert_eq(nodes_put(node, "notes", copy.own, "{}"), P2PSYNC_OK);
    cr_expect_eq(nodes_put(node, "notes", id, "{\"m\":1}"), P2PSYNC_EEXIST);
    cr_assert_eq(p2psync_delete(node, "notes", copy.own, NULL), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", id, "{\"m\":1}"), P2PSYNC_OK);
    nodes_assert_has(nodes_get(node, "notes", copy.own), "\"fields\":{\"m\":1,\"n\":2}");
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"fields\":{\"n\":1}");
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"conflict\":false");
    cr_expect_str_eq(nodes_get(node, "notes", id), "");
    cr_expect_str_eq(list_conflicts(), "");
}

/* Add an edit of one field "m" to a transaction; 0: a delete. */
static void add_edit(p2psync_transaction *transaction, const char *id, int m)
{
    struct p2psync_buffer fields = {0};
    char json[32];
    (void)snprintf(json, sizeof json, "{\"m\":%d}", m);
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), &fields, NULL), P2PSYNC_OK);
    struct p2psync_edit edit = {
        .size = sizeof edit, .id = id, .kind = m == 0 ? P2PSYNC_EDIT_DELETE : P2PSYNC_EDIT_PUT};
    if (m != 0) {
        edit.fields = (struct p2psync_bytes){.data = fields.data, .size = fields.size};
    }
    cr_assert_eq(p2psync_transaction_edit(transaction, &edit, NULL), P2PSYNC_OK);
    p2psync_buffer_free(&fields);
}

Test(test_api_conflicts, edits_copies_and_their_record_in_one_transaction)
{
    char dots[2][DOT_SIZE];
    char copies[2][ID_SIZE];
    struct p2psync_copy copy = {.size = sizeof copy};
    struct p2psync_committed committed = {.size = sizeof committed};
    p2psync_transaction *transaction = NULL;
    cr_assert_eq(nodes_set(node, "notes", "strategy", "\"keep_both\""), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    for (unsigned i = 0; i < 2; i++) {
        other_signs("a", EARLIER + i, i == 0 ? "{\"n\":2}" : "{\"n\":3}", dots[i]);
        (void)snprintf(copies[i], ID_SIZE, "a@%s", dots[i]);
    }
    cr_assert_eq(p2psync_copy_parse(copies[1], &copy), P2PSYNC_OK);
    cr_assert_eq(p2psync_transaction_begin(node, "notes", &transaction, NULL), P2PSYNC_OK);
    add_edit(transaction, copies[0], 0);
    add_edit(transaction, "a", 4); /* there is another copy: on top of what is shown */
    add_edit(transaction, copies[1], 5);
    add_edit(transaction, "a", 6);
    add_edit(transaction, copy.own, 7);
    cr_assert_eq(p2psync_transaction_commit(transaction, &committed, NULL), P2PSYNC_OK);
    cr_expect_eq(committed.changed, 5);
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"fields\":{\"m\":6,\"n\":1}");
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"conflict\":false");
    nodes_assert_has(nodes_get(node, "notes", copy.own), "\"fields\":{\"m\":7,\"n\":3}");
    cr_assert(case_logs_are_sound(other_store()));
}

Test(test_api_conflicts, keeps_the_end_of_a_transaction_whose_last_edit_changes_nothing)
{
    char their[DOT_SIZE];
    char id[ID_SIZE];
    p2psync_transaction *transaction = NULL;
    cr_assert_eq(nodes_set(node, "notes", "strategy", "\"keep_both\""), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"m\":1}"), P2PSYNC_OK);
    other_signs("a", EARLIER, "{\"m\":2}", their);
    (void)snprintf(id, sizeof id, "a@%s", their);
    cr_assert_eq(p2psync_transaction_begin(node, "notes", &transaction, NULL), P2PSYNC_OK);
    add_edit(transaction, id, 0);
    add_edit(transaction, "a", 1);
    cr_assert_eq(p2psync_transaction_commit(transaction, NULL, NULL), P2PSYNC_OK);
    struct ps_txn txn = case_begin(other_store(), false);
    struct ps_record_row row;
    struct ps_version version;
    struct ps_log_entry entry;
    struct ps_skeleton skeleton;
    struct ps_collection notes;
    cr_assert_eq(ps_collection_find(&txn, ps_bytes_text("notes"), &notes), P2PSYNC_OK);
    cr_assert_eq(ps_record_get(&txn, notes.number, ps_bytes_text("a"), &row), P2PSYNC_OK);
    cr_assert_eq(row.version_count, 1);
    ps_record_version(&row, 0, &version);
    cr_assert_eq(ps_log_entry(&txn, version.log, version.dot.seq, &entry), P2PSYNC_OK);
    cr_assert_eq(ps_skeleton_decode(entry.entry.skeleton, &skeleton), P2PSYNC_OK);
    cr_expect_eq(skeleton.op_and_flags & PS_CHANGE_MORE, 0, "nothing more comes");
    ps_txn_abort(&txn);
}

/* ---- events ---- */

Test(test_api_conflicts, tells_when_one_opens_and_when_it_ends)
{
    char dots[2][DOT_SIZE];
    char id[ID_SIZE];
    cr_assert_eq(nodes_set(node, "notes", "strategy", "\"keep_both\""), P2PSYNC_OK);
    cr_assert_eq(ps_feed_init(&feed, node->store), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    cr_expect_str_eq(events(), "c");
    other_signs("a", EARLIER, "{\"n\":2}", dots[0]);
    cr_expect_str_eq(events(), "cd");
    other_signs("a", EARLIER + 1, "{\"n\":3}", dots[1]);
    cr_expect_str_eq(events(), "c", "it is one already");
    (void)snprintf(id, sizeof id, "a@%s", dots[0]);
    cr_assert_eq(p2psync_delete(node, "notes", id, NULL), P2PSYNC_OK);
    cr_expect_str_eq(events(), "c", "there is another copy");
    (void)snprintf(id, sizeof id, "a@%s", dots[1]);
    cr_assert_eq(p2psync_delete(node, "notes", id, NULL), P2PSYNC_OK);
    cr_expect_str_eq(events(), "cr", "a change with one parent ends it");
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":4}"), P2PSYNC_OK);
    cr_expect_str_eq(events(), "c", "it was none any more");
}

Test(test_api_conflicts, tells_nothing_of_clean_merges)
{
    char their[DOT_SIZE];
    cr_assert_eq(ps_feed_init(&feed, node->store), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    other_signs("a", EARLIER, "{\"m\":2}", their);
    cr_expect_str_eq(events(), "cc");
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":2}"), P2PSYNC_OK);
    cr_expect_str_eq(events(), "c");
}

Test(test_api_conflicts, tells_of_one_that_opened_and_ended_unseen)
{
    char their[DOT_SIZE];
    cr_assert_eq(ps_feed_init(&feed, node->store), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    other_signs("a", EARLIER, "{\"n\":2}", their);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":3}"), P2PSYNC_OK);
    const char *told = events();
    cr_expect_eq(strlen(told), 5);
    cr_expect_not_null(strchr(told, 'd'));
    cr_expect_not_null(strchr(told, 'r'));
}

/* One merges cleanly and one does not: a strategy that merges nothing opens the other, too. */
Test(test_api_conflicts, tells_of_those_that_a_setting_opens_and_ends)
{
    char their[DOT_SIZE];
    cr_assert_eq(ps_feed_init(&feed, node->store), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "b", "{\"n\":1}"), P2PSYNC_OK);
    other_signs("a", EARLIER, "{\"m\":2}", their);
    other_signs("b", EARLIER, "{\"n\":2}", their);
    cr_expect_eq(strlen(events()), 5, "four changes, and one conflict");
    cr_assert_eq(nodes_set(node, "notes", "strategy", "\"manual\""), P2PSYNC_OK);
    cr_expect_str_eq(events(), "d");
    cr_assert_eq(nodes_set(node, "notes", "strategy", "\"last_write_wins\""), P2PSYNC_OK);
    cr_expect_str_eq(events(), "", "both are as they were");
    cr_assert_eq(nodes_put(node, "notes", "c", "{}"), P2PSYNC_OK);
    cr_assert_eq(nodes_set(node, "notes", "strategy", "null"), P2PSYNC_OK);
    cr_assert_eq(nodes_set(node, "notes", "field.n", "\"max\""), P2PSYNC_OK);
    cr_expect_str_eq(events(), "crr", "of two settings at once");
    ps_feed_deinit(&feed);
    cr_assert_eq(nodes_set(node, "notes", "field.n", "null"), P2PSYNC_OK);
    cr_assert_eq(ps_feed_init(&feed, node->store), P2PSYNC_OK);
    cr_expect_str_eq(events(), "", "it was one before anybody listened");
}
