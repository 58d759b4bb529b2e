/* Undoing what a device did, as an app sees it through p2psync.h. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "nodes.h"

TestSuite(test_api_revert, .init = nodes_begin, .fini = nodes_end, .timeout = 600);

static const char *revert(uint64_t since_ms, const char *collection, bool dry_run)
{
    struct p2psync_buffer reply = {0};
    const struct p2psync_revert options = {.size = sizeof options,
                                           .device = "alpha",
                                           .since_ms = since_ms,
                                           .collection = collection,
                                           .note = "back",
                                           .dry_run = dry_run};
    return nodes_json(p2psync_revert(nodes_alpha, &options, &reply, NULL), &reply);
}

Test(test_api_revert, reverts_in_every_collection_as_it_said_it_would)
{
    char told[1024];
    char before[NODES_ROOT_SIZE];
    char after[NODES_ROOT_SIZE];
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(nodes_alpha, "tasks", "t", "{}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(nodes_alpha, "_local", "l", "{}"), P2PSYNC_OK);
    nodes_root(nodes_alpha, before);
    (void)snprintf(told, sizeof told, "%s", revert(0, NULL, true));
    nodes_root(nodes_alpha, after);
    cr_assert_str_eq(before, after, "a dry run writes nothing");
    cr_assert_str_eq(told, "[{\"collection\":\"notes\",\"id\":\"a\",\"op\":\"delete\",\"fields\":"
                           "{},\"unset\":[],\"kept\":[]},{\"collection\":\"tasks\",\"id\":\"t\","
                           "\"op\":\"delete\",\"fields\":{},\"unset\":[],\"kept\":[]}]");
    cr_assert_str_eq(revert(0, NULL, false), told);
    nodes_assert_has(nodes_get(nodes_alpha, "notes", "a"), "\"deleted\":true");
    nodes_assert_has(nodes_get(nodes_alpha, "tasks", "t"), "\"deleted\":true");
    nodes_assert_has(nodes_get(nodes_alpha, "_local", "l"), "\"deleted\":false");
    nodes_assert_has(nodes_history(nodes_alpha, "notes", "a"), "\"note\":\"back\"");
    nodes_root(nodes_alpha, before);
    cr_assert_str_eq(revert(0, NULL, false), "[]", "nothing is left to undo");
    nodes_root(nodes_alpha, after);
    cr_assert_str_eq(before, after);
}

Test(test_api_revert, reverts_in_one_collection_only)
{
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(nodes_alpha, "tasks", "t", "{}"), P2PSYNC_OK);
    (void)revert(0, "tasks", false);
    nodes_assert_has(nodes_get(nodes_alpha, "notes", "a"), "\"deleted\":false");
    nodes_assert_has(nodes_get(nodes_alpha, "tasks", "t"), "\"deleted\":true");
}

Test(test_api_revert, carries_out_every_kind_of_undoing)
{
    struct p2psync_buffer reply = {0};
    struct p2psync_record record = {.size = sizeof record};
    p2psync_snapshot *snapshot = NULL;
    static const char *const ids[] = {"updated", "deleted", "archived", "restored", "gone"};
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(nodes_put(nodes_alpha, "notes", ids[i], "{\"n\":1}"), P2PSYNC_OK);
    }
    cr_assert_eq(p2psync_archive(nodes_alpha, "notes", "restored", NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_archive(nodes_alpha, "notes", "gone", NULL), P2PSYNC_OK);
    /* The clock of the next change is above that of this one: a change later is a time later. */
    cr_assert_eq(p2psync_snapshot_open(nodes_alpha, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_get(snapshot, "notes", "gone", &record), P2PSYNC_OK);
    uint64_t since_ms = record.updated_ms + 1;
    p2psync_snapshot_close(snapshot);
    do {
        cr_assert_eq(nodes_put(nodes_alpha, "notes", "clock", "{}"), P2PSYNC_OK);
        cr_assert_eq(p2psync_delete(nodes_alpha, "notes", "clock", NULL), P2PSYNC_OK);
        cr_assert_eq(p2psync_snapshot_open(nodes_alpha, &snapshot), P2PSYNC_OK);
        cr_assert_eq(p2psync_get(snapshot, "notes", "clock", &record), P2PSYNC_OK);
        p2psync_snapshot_close(snapshot);
    } while (record.updated_ms < since_ms);
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "updated", "{\"n\":2,\"m\":2}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_delete(nodes_alpha, "notes", "deleted", NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_archive(nodes_alpha, "notes", "archived", NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_restore(nodes_alpha, "notes", "restored", NULL, NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_delete(nodes_alpha, "notes", "gone", NULL), P2PSYNC_OK);
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "made", "{\"n\":2}"), P2PSYNC_OK);
    const struct p2psync_revert options = {
        .size = sizeof options, .device = "alpha", .since_ms = since_ms};
    cr_assert_eq(p2psync_revert(nodes_alpha, &options, &reply, NULL), P2PSYNC_OK);
    p2psync_buffer_free(&reply);
    for (size_t i = 0; i < 5; i++) {
        const char *json = nodes_get(nodes_alpha, "notes", ids[i]);
        nodes_assert_has(json, "\"fields\":{\"n\":1}");
        nodes_assert_has(json, "\"deleted\":false");
        nodes_assert_has(json, i >= 3 ? "\"archived\":true" : "\"archived\":false");
    }
    nodes_assert_has(nodes_get(nodes_alpha, "notes", "made"), "\"deleted\":true");
}

Test(test_api_revert, says_which_reverts_are_wrong)
{
    struct p2psync_buffer reply = {0};
    struct p2psync_revert options = {.size = sizeof options, .device = "nobody"};
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "a", "{}"), P2PSYNC_OK);
    cr_expect_eq(p2psync_revert(nodes_alpha, &options, &reply, NULL), P2PSYNC_ENOTFOUND);
    options.device = "alpha";
    options.collection = "nowhere";
    cr_expect_eq(p2psync_revert(nodes_alpha, &options, &reply, NULL), P2PSYNC_ENOCOLLECTION);
    options.collection = "_devices";
    cr_expect_eq(p2psync_revert(nodes_alpha, &options, &reply, NULL), P2PSYNC_EDENIED);
    options.collection = "";
    cr_expect_eq(p2psync_revert(nodes_alpha, &options, &reply, NULL), P2PSYNC_EFORMAT);
    options.collection = NULL;
    options.note = "\xff";
    cr_expect_eq(p2psync_revert(nodes_alpha, &options, &reply, NULL), P2PSYNC_EFORMAT);
    options.note = NULL;
    options.since_ms = UINT64_MAX;
    cr_expect_str_eq(nodes_json(p2psync_revert(nodes_alpha, &options, &reply, NULL), &reply), "[]");
}
