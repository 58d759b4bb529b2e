/* What p2psync.h promises of the disk: a write that returned OK is there, and one that could not be
 * put there is an error, and is not seen. */
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/lib/disk_calls.h"
#include "tests/node/nodes.h"

static char dir[NODES_DIR_SIZE];
static p2psync_node *node;

static void open_with(p2psync_durability durability)
{
    struct p2psync_options options = nodes_options(dir);
    options.durability = durability;
    node = nodes_open_with(&options, "alpha");
}

static void setup(void)
{
    nodes_dir(dir);
}

static void teardown(void)
{
    disk_calls.watched = false;
    p2psync_close(node);
    nodes_remove(dir);
}

TestSuite(test_api_disk, .init = setup, .fini = teardown, .timeout = 300);

static void check_is_flushed(p2psync_durability durability)
{
    open_with(durability);
    disk_calls_watch(dir);
    for (unsigned i = 1; i <= 3; i++) {
        char json[32];
        (void)snprintf(json, sizeof json, "{\"n\": %u}", i);
        cr_assert_eq(nodes_put(node, "notes", "r", json), P2PSYNC_OK);
        cr_assert_eq(disk_calls.meta_writes, i, "one commit each");
        cr_assert_eq(disk_calls.meta_early, 0, "the meta page was written before its pages");
        cr_assert_eq(disk_calls.meta_unsynced, 0, "the meta page was not flushed");
        cr_assert_eq(disk_calls.unflushed, 0, "pages were not flushed");
    }
}

Test(test_api_disk, what_was_put_is_flushed_when_the_call_returns)
{
    check_is_flushed(P2PSYNC_DURABILITY_FLUSH);
}

/* Flushing is what an app gets that says nothing about it. */
Test(test_api_disk, what_was_put_is_flushed_by_default)
{
    check_is_flushed(P2PSYNC_DURABILITY_DEFAULT);
}

Test(test_api_disk, nothing_waits_for_the_disk_where_that_is_asked_for)
{
    open_with(P2PSYNC_DURABILITY_NONE);
    disk_calls_watch(dir);
    cr_assert_eq(nodes_put(node, "notes", "r", "{\"n\": 1}"), P2PSYNC_OK);
    cr_assert_eq(disk_calls.flushes, 0);
}

static void check_is_refused(p2psync_result expected)
{
    cr_assert_eq(nodes_put(node, "notes", "r", "{\"n\": 2}"), expected);
    disk_calls.write_fails = 0;
    disk_calls.flush_fails = 0;
    nodes_assert_has(nodes_get(node, "notes", "r"), "\"n\":1");
}

static void begin_with_a_record(void)
{
    open_with(P2PSYNC_DURABILITY_FLUSH);
    cr_assert_eq(nodes_put(node, "notes", "r", "{\"n\": 1}"), P2PSYNC_OK);
    disk_calls_watch(dir);
}

Test(test_api_disk, what_could_not_be_flushed_is_an_error_and_is_not_there)
{
    begin_with_a_record();
    disk_calls.flush_fails = EIO;
    check_is_refused(P2PSYNC_EIO);
    cr_assert_eq(nodes_put(node, "notes", "r", "{\"n\": 3}"), P2PSYNC_OK);
}

Test(test_api_disk, what_the_disk_has_no_room_for_is_an_error_and_is_not_there)
{
    begin_with_a_record();
    disk_calls.write_fails = ENOSPC;
    check_is_refused(P2PSYNC_ENOSPC);
    cr_assert_eq(nodes_put(node, "notes", "r", "{\"n\": 3}"), P2PSYNC_OK);
}

/* Changes of another device come in while the disk is full. */
Test(test_api_disk, what_comes_when_the_disk_is_full_waits_for_room_and_says_so)
{
    char other_dir[NODES_DIR_SIZE];
    struct p2psync_buffer answer = {0};
    int fd = -1;
    nodes_dir(other_dir);
    node = nodes_open(dir, "alpha");
    p2psync_node *other = nodes_open(other_dir, NULL);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    nodes_join(node, other, "beta");
    cr_assert_eq(p2psync_event_fd(node, &fd), P2PSYNC_OK);
    const char *json = nodes_json(p2psync_status(node, &answer), &answer);
    cr_expect_not_null(strstr(json, "\"last_error\":null,\"last_error_time\":null"), "%s", json);
    cr_assert_eq(p2psync_start(other), P2PSYNC_OK);
    (void)nodes_await(node, P2PSYNC_EVENT_PEER_UP, "beta");
    disk_calls_watch(dir);
    disk_calls.write_fails = ENOSPC;
    cr_assert_eq(nodes_put(other, "notes", "r", "{\"n\": 1}"), P2PSYNC_OK);
    (void)nodes_await(node, P2PSYNC_EVENT_ERROR, "what came could not be taken");
    json = nodes_json(p2psync_status(node, &answer), &answer);
    cr_expect_not_null(strstr(json, "\"the disk is full: what others send waits for room\""), "%s",
                       json);
    cr_expect_not_null(strstr(json, "\"last_error_time\":\"2"), "%s", json);
    disk_calls.write_fails = 0;
    nodes_await_same(node, other);
    json = nodes_json(p2psync_status(node, &answer), &answer);
    cr_expect_null(strstr(json, "waits for room"), "%s", json);
    p2psync_close(other);
    nodes_remove(other_dir);
}

/* ---- a disk that fails in the last step of a write ---- */

static int told[2]; /* a byte when the node has said that it ends */

static void hear(p2psync_log_level level, const char *event, const char *text, void *user)
{
    (void)level;
    (void)event;
    (void)user;
    if (strstr(text, "the node ends: the disk has failed") != NULL) {
        (void)!write(told[1], "", 1);
    }
}

/* LMDB refuses everything to this process then. */
Test(test_api_disk, node_that_can_neither_read_nor_write_ends_and_says_why)
{
    cr_assert_eq(pipe(told), 0);
    struct p2psync_options options = nodes_options(dir);
    options.log = hear;
    node = nodes_open_with(&options, "alpha");
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    disk_calls_watch(dir);
    disk_calls.meta_fails = EIO;
    cr_expect_eq(nodes_put(node, "notes", "b", "{\"n\":2}"), P2PSYNC_EIO);
    struct pollfd ended = {.fd = told[0], .events = POLLIN};
    cr_assert_eq(poll(&ended, 1, 120000), 1, "the node has not said that it ends");
    cr_expect_eq(p2psync_stop(node), P2PSYNC_OK);
    p2psync_close(node);
    disk_calls.meta_fails = 0;
    node = nodes_open(dir, NULL);
    nodes_assert_has(nodes_get(node, "notes", "a"), "\"n\":1");
}
