/* The feed: what it tells of the logs, in which order, and what it passes over. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/api/inside.h"
#include "node/feed/feed.h"
#include "node/host/buffer.h"
#include "nodes.h"

static char dir[NODES_DIR_SIZE];
static p2psync_node *node;
static struct ps_feed feed;

static void setup(void)
{
    nodes_dir(dir);
    node = nodes_open(dir, "alpha");
}

static void teardown(void)
{
    ps_feed_deinit(&feed);
    p2psync_close(node);
    nodes_remove(dir);
}

TestSuite(test_feed, .init = setup, .fini = teardown);

/* The next event's JSON, or "" if all is told. */
static const char *next(void)
{
    struct ps_buf map;
    struct p2psync_buffer packed = {0};
    p2psync_event_type type = P2PSYNC_EVENT_ERROR;
    ps_buf_init(&map, 65536);
    p2psync_result result = ps_feed_next(&feed, node->store, &type, &map);
    if (result == P2PSYNC_EAGAIN) {
        cr_assert_eq(map.size, 0);
        ps_buf_deinit(&map);
        return "";
    }
    packed.data = map.data;
    packed.size = map.size;
    const char *json = nodes_json(result, &packed);
    cr_assert_eq(type, P2PSYNC_EVENT_RECORD_CHANGED);
    return json;
}

Test(test_feed, begins_with_what_comes_after_it)
{
    cr_assert_eq(nodes_put(node, "notes", "before", "{}"), P2PSYNC_OK);
    cr_assert_eq(ps_feed_init(&feed, node->store), P2PSYNC_OK);
    cr_expect_str_eq(next(), "");
    cr_assert_eq(nodes_put(node, "notes", "after", "{}"), P2PSYNC_OK);
    cr_expect_not_null(strstr(next(), "\"id\":\"after\""));
    cr_expect_str_eq(next(), "");
}

Test(test_feed, tells_who_changed_what)
{
    struct p2psync_buffer reply = {0};
    char device[80];
    char expected[128];
    nodes_text(nodes_json(p2psync_identity(node, &reply), &reply), "device", device, 80);
    cr_assert_eq(ps_feed_init(&feed, node->store), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_OK);
    const char *json = next();
    (void)snprintf(expected, sizeof expected, "\"device\":\"%s\",\"deleted\":false}", device);
    cr_expect_not_null(strstr(json, expected), "%s", json);
    cr_expect_not_null(strstr(json, "-0\",\"device\""), "%s", json);
    json = next();
    cr_expect_not_null(strstr(json, "-1\",\"device\""), "%s", json);
    cr_expect_not_null(strstr(json, "\"deleted\":true}"), "%s", json);
}

Test(test_feed, finds_collections_that_are_made_later)
{
    cr_assert_eq(ps_feed_init(&feed, node->store), P2PSYNC_OK);
    for (int i = 0; i < 20; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "c%02d", i);
        cr_assert_eq(nodes_put(node, name, "a", "{}"), P2PSYNC_OK);
        cr_assert_eq(nodes_put(node, name, "b", "{}"), P2PSYNC_OK);
    }
    for (int i = 0; i < 40; i++) {
        char expected[48];
        (void)snprintf(expected, sizeof expected, "\"collection\":\"c%02d\",\"id\":\"%c\"", i / 2,
                       i % 2 == 0 ? 'a' : 'b');
        const char *json = next();
        cr_assert_not_null(strstr(json, expected), "%s in %s", expected, json);
    }
    cr_expect_str_eq(next(), "");
}

Test(test_feed, goes_on_in_a_log_that_grows_while_it_is_told)
{
    cr_assert_eq(ps_feed_init(&feed, node->store), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "b", "{}"), P2PSYNC_OK);
    cr_expect_not_null(strstr(next(), "\"id\":\"a\""));
    cr_assert_eq(nodes_put(node, "notes", "c", "{}"), P2PSYNC_OK);
    cr_expect_not_null(strstr(next(), "\"id\":\"b\""));
    cr_expect_not_null(strstr(next(), "\"id\":\"c\""));
    cr_expect_str_eq(next(), "");
}

Test(test_feed, does_not_tell_of_the_nodes_own_collections)
{
    cr_assert_eq(ps_feed_init(&feed, node->store), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "_local", "a", "{}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_device_rename(node, "alpha", "beta", NULL), P2PSYNC_OK);
    cr_expect_str_eq(next(), "");
}
