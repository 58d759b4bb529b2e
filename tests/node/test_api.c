/* The library as an app sees it, through p2psync.h. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "nodes.h"
#include "wire/limits.h"

static char dirs[3][NODES_DIR_SIZE];
static p2psync_node *node;

static void setup(void)
{
    for (size_t i = 0; i < 3; i++) {
        nodes_dir(dirs[i]);
    }
    node = nodes_open(dirs[0], "alpha");
}

static void teardown(void)
{
    p2psync_close(node);
    for (size_t i = 0; i < 3; i++) {
        nodes_remove(dirs[i]);
    }
}

TestSuite(test_api, .init = setup, .fini = teardown, .timeout = 600);

/* ---- life ---- */

Test(test_api, knows_itself_after_init)
{
    struct p2psync_buffer reply = {0};
    const char *json = nodes_json(p2psync_identity(node, &reply), &reply);
    char device[80];
    nodes_text(json, "device", device, sizeof device);
    cr_assert_eq(strlen(device), 64);
    cr_assert_not_null(strstr(json, "\"name\":\"alpha\""), "%s", json);
    cr_assert_not_null(strstr(json, "\"mesh\":\""), "%s", json);
}

Test(test_api, makes_a_device_once_only)
{
    cr_assert_eq(p2psync_init(node, "beta", NULL, NULL), P2PSYNC_EEXIST);
    struct p2psync_buffer reply = {0};
    const char *json = nodes_json(p2psync_identity(node, &reply), &reply);
    cr_assert_not_null(strstr(json, "alpha"));
}

Test(test_api, refuses_what_needs_a_device_without_one)
{
    p2psync_node *empty = nodes_open(dirs[1], NULL);
    struct p2psync_buffer reply = {0};
    cr_expect_eq(p2psync_identity(empty, &reply), P2PSYNC_ENODEVICE);
    cr_expect_eq(p2psync_status(empty, &reply), P2PSYNC_ENODEVICE);
    cr_expect_eq(p2psync_peers(empty, &reply), P2PSYNC_ENODEVICE);
    cr_expect_eq(p2psync_devices(empty, &reply), P2PSYNC_ENODEVICE);
    cr_expect_eq(p2psync_start(empty), P2PSYNC_ENODEVICE);
    cr_expect_eq(nodes_put(empty, "notes", "a", "{}"), P2PSYNC_ENODEVICE);
    p2psync_close(empty);
}

Test(test_api, opens_a_directory_once_in_a_process)
{
    struct p2psync_options options = nodes_options(dirs[0]);
    p2psync_node *second = NULL;
    cr_assert_eq(p2psync_open(&options, &second, NULL), P2PSYNC_EBUSY);
    cr_assert_null(second);
}

/* What a call that fails says beside its result. */
struct said {
    p2psync_result result;
    struct p2psync_detail detail;
};

static void expect_said(const struct said *said, p2psync_result result, const char *text)
{
    cr_expect_eq(said->result, result, "%s", p2psync_result_name(said->result));
    cr_expect_str_eq(said->detail.text, text);
}

Test(test_api, says_beside_the_result_what_failed)
{
    const struct p2psync_bytes number = {.data = "\x05", .size = 1};
    const struct p2psync_revert revert = {.size = sizeof revert, .device = "beta"};
    struct p2psync_buffer reply = {0};
    struct said said = {.detail = {.size = sizeof said.detail}};
    p2psync_transaction *transaction = NULL;
    said.result = p2psync_init(node, "\xe2\x80\x8b", NULL, &said.detail);
    expect_said(&said, P2PSYNC_EFORMAT, "nothing of this name would be seen");
    said.result = p2psync_device_rename(node, "alpha", " x", &said.detail);
    expect_said(&said, P2PSYNC_EFORMAT,
                "the name of a device neither begins nor ends with a blank");
    said.result = p2psync_device_rename(node, "beta", "x", &said.detail);
    expect_said(&said, P2PSYNC_ENOTFOUND, "there is no device 'beta' in the mesh");
    said.result = p2psync_config_set(node, "colour", number, &said.detail);
    expect_said(&said, P2PSYNC_ENOTFOUND, "there is no setting 'colour'");
    said.result = p2psync_collection_set(node, "notes", "retention", number, &said.detail);
    expect_said(&said, P2PSYNC_EFORMAT,
                "retention takes a duration such as 12h or 90d, of at most nine digits, or nil");
    said.result = p2psync_join(node, "code", NULL, &reply, &said.detail);
    expect_said(&said, P2PSYNC_EFORMAT, "the code is malformed or mistyped");
    said.result = p2psync_join(node, "code", "\t", &reply, &said.detail);
    expect_said(&said, P2PSYNC_EFORMAT,
                "the name of a device is UTF-8 and has no control characters");
    said.result = p2psync_revert(node, &revert, &reply, &said.detail);
    expect_said(&said, P2PSYNC_ENOTFOUND, "there is no device 'beta' in the mesh");
    said.result = p2psync_transaction_begin(node, "", &transaction, &said.detail);
    expect_said(&said, P2PSYNC_EFORMAT, "this is not the name of a collection");
}

Test(test_api, says_what_is_wrong_with_config_json)
{
    static const struct {
        const char *json;
        const char *text;
        size_t offset;
    } wrong[] = {
        {"{\"beacon\": tru}", "config.json is no JSON: this is no value", 11},
        {"[]", "config.json holds no JSON object", SIZE_MAX},
        {"{\"colour\": 1}", "there is no setting 'colour'", SIZE_MAX},
        {"{\"beacon\": 1}", "the setting beacon takes true or false", SIZE_MAX},
    };
    struct p2psync_options options = nodes_options(dirs[1]);
    char path[NODES_DIR_SIZE + 16];
    (void)snprintf(path, sizeof path, "%s/config.json", dirs[1]);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        p2psync_node *other = NULL;
        struct said said = {.detail = {.size = sizeof said.detail}};
        FILE *file = fopen(path, "w");
        cr_assert_not_null(file);
        (void)fputs(wrong[i].json, file);
        (void)fclose(file);
        said.result = p2psync_open(&options, &other, &said.detail);
        expect_said(&said, P2PSYNC_EFORMAT, wrong[i].text);
        cr_expect_eq(said.detail.offset, wrong[i].offset, "%s: %zu", wrong[i].json,
                     said.detail.offset);
    }
}

Test(test_api, keeps_its_directory_to_its_owner)
{
    static const char *const names[] = {"data.mdb", "node.lock", "control.sock"};
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    for (size_t i = 0; i < 3; i++) {
        char path[NODES_DIR_SIZE + 32];
        struct stat info;
        (void)snprintf(path, sizeof path, "%s/%s", dirs[0], names[i]);
        cr_assert_eq(stat(path, &info), 0, "%s", path);
        cr_expect_eq(info.st_mode & 0777, 0600, "%s", path);
    }
}

Test(test_api, takes_null_as_misuse_everywhere)
{
    struct p2psync_buffer buffer = {0};
    struct p2psync_bytes bytes = {0};
    struct p2psync_record record = {.size = sizeof record};
    p2psync_event_type type;
    p2psync_snapshot *snapshot = NULL;
    p2psync_transaction *transaction = NULL;
    int fd = -1;
    cr_expect_eq(p2psync_open(NULL, &node, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_init(NULL, "x", NULL, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_identity(node, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_status(NULL, &buffer), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_peers(NULL, &buffer), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_now(node, 0, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_invite(NULL, 0, &buffer), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_join(node, NULL, NULL, &buffer, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_device_rename(node, NULL, "x", NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_config_set(node, NULL, bytes, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_config_set_all(node, (struct p2psync_bytes){NULL, 0}, NULL),
                 P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_start(NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_stop(NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_snapshot_open(NULL, &snapshot), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_get(NULL, "a", "b", &record), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_put(node, "a", "b", bytes, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_delete(node, NULL, "b", NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_transaction_begin(node, "a", NULL, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_transaction_begin(NULL, "a", &transaction, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_transaction_edit(NULL, NULL, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_transaction_commit(NULL, NULL, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_event_fd(node, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_event_fd(NULL, &fd), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_event_next(node, &type, NULL), P2PSYNC_EMISUSE);
    p2psync_close(NULL);
    p2psync_snapshot_close(NULL);
    p2psync_iterator_close(NULL);
    p2psync_transaction_abort(NULL);
    p2psync_buffer_free(NULL);
}

Test(test_api, is_not_usable_in_a_forked_child)
{
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        struct p2psync_buffer reply = {0};
        bool refused = p2psync_status(node, &reply) == P2PSYNC_EMISUSE &&
                       p2psync_config(node, &reply, NULL) == P2PSYNC_EMISUSE &&
                       p2psync_start(node) == P2PSYNC_EMISUSE;
        p2psync_close(node);
        _exit(refused ? 0 : 1);
    }
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- records ---- */

Test(test_api, gives_back_what_was_put)
{
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"title\":\"one\",\"n\":1}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":2}"), P2PSYNC_OK);
    const char *json = nodes_get(node, "notes", "a");
    cr_expect_not_null(strstr(json, "\"id\":\"a\""), "%s", json);
    cr_expect_not_null(strstr(json, "\"title\":\"one\""), "%s", json);
    cr_expect_not_null(strstr(json, "\"n\":2"), "%s", json);
    cr_expect_not_null(strstr(json, "\"deleted\":false"), "%s", json);
    cr_expect_not_null(strstr(json, "\"conflict\":false"), "%s", json);
}

Test(test_api, writes_nothing_for_a_put_that_changes_nothing)
{
    struct p2psync_buffer reply = {0};
    char before[80];
    char after[80];
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    nodes_text(nodes_json(p2psync_status(node, &reply), &reply), "root", before, 80);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    nodes_text(nodes_json(p2psync_status(node, &reply), &reply), "root", after, 80);
    cr_assert_str_eq(before, after);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":2}"), P2PSYNC_OK);
    nodes_text(nodes_json(p2psync_status(node, &reply), &reply), "root", after, 80);
    cr_assert_str_neq(before, after);
}

Test(test_api, shows_a_deleted_record_as_deleted)
{
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_delete(node, "notes", "a", "no longer needed"), P2PSYNC_OK);
    const char *json = nodes_get(node, "notes", "a");
    cr_expect_not_null(strstr(json, "\"deleted\":true"), "%s", json);
    cr_expect_not_null(strstr(json, "\"fields\":{}"), "%s", json);
    cr_assert_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_ENOTFOUND);
    cr_assert_eq(p2psync_delete(node, "notes", "b", NULL), P2PSYNC_ENOTFOUND);
}

Test(test_api, finds_only_the_exact_id)
{
    cr_assert_eq(nodes_put(node, "notes", "abc", "{}"), P2PSYNC_OK);
    cr_expect_str_eq(nodes_get(node, "notes", "ab"), "");
    cr_expect_str_eq(nodes_get(node, "notes", "abcd"), "");
    cr_expect_str_eq(nodes_get(node, "other", "abc"), "");
    cr_expect_str_neq(nodes_get(node, "notes", "abc"), "");
}

Test(test_api, keeps_a_snapshot_as_it_was)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record record = {.size = sizeof record};
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_get(snapshot, "notes", "a", &record), P2PSYNC_OK);
    cr_expect_not(record.deleted);
    p2psync_snapshot_close(snapshot);
}

static size_t count_records(const char *prefix, bool deleted, char *ids, size_t size)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    struct p2psync_record record = {.size = sizeof record};
    const struct p2psync_range range = {.size = sizeof range, .prefix = prefix, .deleted = deleted};
    size_t count = 0;
    size_t used = 0;
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_iterator_open(snapshot, "notes", &range, &iterator), P2PSYNC_OK);
    while (p2psync_iterator_next(iterator, &record) == P2PSYNC_OK) {
        used += (size_t)snprintf(ids + used, size - used, "%.*s ", (int)record.id_size, record.id);
        count++;
    }
    cr_assert_eq(p2psync_iterator_next(iterator, &record), P2PSYNC_EEND);
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
    return count;
}

Test(test_api, iterates_in_id_order_from_a_prefix)
{
    static const char *const ids[] = {"b2", "a", "b1", "c", "b3"};
    char found[128] = "";
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(nodes_put(node, "notes", ids[i], "{}"), P2PSYNC_OK);
    }
    cr_assert_eq(p2psync_delete(node, "notes", "b2", NULL), P2PSYNC_OK);
    cr_expect_eq(count_records(NULL, false, found, sizeof found), 4);
    cr_expect_str_eq(found, "a b1 b3 c ");
    cr_expect_eq(count_records("b", false, found, sizeof found), 2);
    cr_expect_str_eq(found, "b1 b3 ");
    cr_expect_eq(count_records("b", true, found, sizeof found), 3);
    cr_expect_str_eq(found, "b1 b2 b3 ");
}

Test(test_api, says_which_writes_are_wrong)
{
    char long_id[300];
    memset(long_id, 'x', sizeof long_id - 1);
    long_id[sizeof long_id - 1] = '\0';
    cr_expect_eq(nodes_put(node, "_devices", "a", "{}"), P2PSYNC_EDENIED);
    cr_expect_eq(nodes_put(node, "_anything", "a", "{}"), P2PSYNC_EDENIED);
    cr_expect_eq(nodes_put(node, "_local", "a", "{}"), P2PSYNC_OK);
    cr_expect_eq(nodes_put(node, "notes", long_id, "{}"), P2PSYNC_ELIMIT);
    cr_expect_eq(nodes_put(node, "notes", "", "{}"), P2PSYNC_EFORMAT);
    cr_expect_eq(nodes_put(node, "", "a", "{}"), P2PSYNC_EFORMAT);
    cr_expect_eq(nodes_put(node, long_id, "a", "{}"), P2PSYNC_ELIMIT);
    cr_expect_eq(nodes_put(node, "notes", "a", "[1]"), P2PSYNC_EFORMAT);
    cr_expect_eq(nodes_put(node, "notes", "a", "{\"\":1}"), P2PSYNC_EFORMAT);
    cr_expect_str_eq(nodes_get(node, "notes", "a"), "");
}

Test(test_api, reads_the_nodes_own_collections)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    struct p2psync_record record = {.size = sizeof record};
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_iterator_open(snapshot, "_devices", NULL, &iterator), P2PSYNC_OK);
    cr_assert_eq(p2psync_iterator_next(iterator, &record), P2PSYNC_OK);
    cr_expect_eq(record.id_size, 64);
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
}

/* ---- the node as a whole ---- */

Test(test_api, shows_status_without_a_running_node)
{
    struct p2psync_buffer reply = {0};
    cr_assert_eq(nodes_put(node, "notes", "a", "{}"), P2PSYNC_OK);
    const char *json = nodes_json(p2psync_status(node, &reply), &reply);
    cr_expect_not_null(strstr(json, "\"running\":false"), "%s", json);
    cr_expect_not_null(strstr(json, "\"devices\":1"), "%s", json);
    cr_expect_not_null(strstr(json, "\"name\":\"notes\",\"records\":1,\"changes\":1"), "%s", json);
    cr_expect_not_null(strstr(json, "\"strategy\":\"auto_merge\""), "%s", json);
    json = nodes_json(p2psync_peers(node, &reply), &reply);
    cr_expect_str_eq(json, "[]");
}

Test(test_api, says_what_needs_a_running_node)
{
    struct p2psync_buffer reply = {0};
    int fd = -1;
    cr_expect_eq(p2psync_now(node, 0, &reply), P2PSYNC_ENOTRUNNING);
    cr_expect_eq(p2psync_invite(node, 0, &reply), P2PSYNC_ENOTRUNNING);
    cr_expect_eq(p2psync_stop(node), P2PSYNC_ENOTRUNNING);
    cr_expect_eq(p2psync_event_fd(node, &fd), P2PSYNC_ENOTRUNNING);
}

Test(test_api, renames_a_device_by_name_fingerprint_or_id)
{
    struct p2psync_buffer reply = {0};
    char device[80];
    char fingerprint[24];
    const char *json = nodes_json(p2psync_identity(node, &reply), &reply);
    nodes_text(json, "device", device, sizeof device);
    nodes_text(json, "fingerprint", fingerprint, sizeof fingerprint);
    cr_assert_eq(p2psync_device_rename(node, "alpha", "one", NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_device_rename(node, fingerprint, "two", NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_device_rename(node, device, "three", NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_device_rename(node, "four", "five", NULL), P2PSYNC_ENOTFOUND);
    cr_assert_eq(p2psync_device_rename(node, "three", "", NULL), P2PSYNC_EFORMAT);
    /* Its first digits are what somebody else could have, too. */
    fingerprint[9] = '\0';
    cr_assert_eq(p2psync_device_rename(node, fingerprint, "four", NULL), P2PSYNC_EAMBIGUOUS);
    json = nodes_json(p2psync_devices(node, &reply), &reply);
    cr_expect_not_null(strstr(json, "\"name\":\"three\",\"role\":\"founder\""), "%s", json);
    cr_expect_not_null(strstr(json, "\"removed\":false,\"removed_at\":null"), "%s", json);
}

Test(test_api, starts_and_stops_again_and_again)
{
    struct p2psync_buffer reply = {0};
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
        cr_assert_eq(p2psync_start(node), P2PSYNC_EBUSY);
        const char *json = nodes_json(p2psync_status(node, &reply), &reply);
        cr_expect_not_null(strstr(json, "\"running\":true"), "%s", json);
        cr_expect_not_null(strstr(json, "\"state\":\"alone\",\"in_sync\":true"), "%s", json);
        cr_assert_eq(p2psync_stop(node), P2PSYNC_OK);
        cr_assert_eq(p2psync_stop(node), P2PSYNC_ENOTRUNNING);
    }
}

Test(test_api, refuses_a_port_that_is_taken)
{
    char listen[NODES_ENDPOINT_SIZE];
    /* Where the first one listens is told by no reply, so a fixed port is asked for twice. */
    struct p2psync_options options = nodes_options(dirs[1]);
    nodes_own_endpoint(0, listen);
    options.listen = listen;
    p2psync_node *other = nodes_open_with(&options, "beta");
    cr_assert_eq(p2psync_start(other), P2PSYNC_OK);
    p2psync_close(node);
    options.dir = dirs[0];
    cr_assert_eq(p2psync_open(&options, &node, NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_start(node), P2PSYNC_EADDRINUSE);
    p2psync_close(other);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
}

Test(test_api, tells_of_changes_and_of_the_end)
{
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    int fd = -1;
    cr_assert_eq(p2psync_event_fd(node, &fd), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{}"), P2PSYNC_OK);
    const char *json = nodes_await(node, P2PSYNC_EVENT_RECORD_CHANGED, "\"id\":\"a\"");
    cr_expect_not_null(strstr(json, "{\"event\":\"record_changed\",\"time\":\"2"), "%s", json);
    cr_expect_not_null(strstr(json, "\"collection\":\"notes\""), "%s", json);
    cr_expect_not_null(strstr(json, "\"deleted\":false"), "%s", json);
    cr_assert_eq(p2psync_delete(node, "notes", "a", NULL), P2PSYNC_OK);
    cr_assert_eq(p2psync_stop(node), P2PSYNC_OK);
    json = nodes_await(node, P2PSYNC_EVENT_RECORD_CHANGED, "\"id\":\"a\"");
    cr_expect_not_null(strstr(json, "\"deleted\":true"), "%s", json);
    (void)nodes_await(node, P2PSYNC_EVENT_STOPPED, NULL);
    struct p2psync_buffer data = {0};
    p2psync_event_type type;
    cr_expect_eq(p2psync_event_next(node, &type, &data), P2PSYNC_ENOTRUNNING);
}

Test(test_api, loses_no_change_of_a_slow_reader)
{
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    int fd = -1;
    char id[16];
    cr_assert_eq(p2psync_event_fd(node, &fd), P2PSYNC_OK);
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(id, sizeof id, "%06d", i);
        cr_assert_eq(nodes_put(node, "notes", id, "{}"), P2PSYNC_OK);
    }
    for (int i = 0; i < 3000; i++) {
        char pattern[32];
        struct p2psync_buffer data = {0};
        p2psync_event_type type = P2PSYNC_EVENT_ERROR;
        (void)snprintf(pattern, sizeof pattern, "\"id\":\"%06d\"", i);
        p2psync_result result = p2psync_event_next(node, &type, &data);
        while (result == P2PSYNC_EAGAIN) {
            struct pollfd item = {.fd = fd, .events = POLLIN};
            cr_assert_eq(poll(&item, 1, 60000), 1);
            result = p2psync_event_next(node, &type, &data);
        }
        const char *json = nodes_json(result, &data);
        cr_assert_not_null(strstr(json, pattern), "%s is not %s", json, pattern);
    }
}

/* A second process writes beside the running node, and stops it. */
Test(test_api, sees_and_obeys_another_process)
{
    int ready[2];
    cr_assert_eq(pipe(ready), 0);
    p2psync_close(node);
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        char byte;
        struct p2psync_options options = nodes_options(dirs[0]);
        p2psync_node *beside = NULL;
        struct p2psync_buffer fields = {0};
        if (read(ready[0], &byte, 1) != 1 || p2psync_open(&options, &beside, NULL) != P2PSYNC_OK ||
            p2psync_start(beside) != P2PSYNC_EBUSY ||
            p2psync_value_from_json("{}", 2, &fields, NULL) != P2PSYNC_OK) {
            _exit(1);
        }
        struct p2psync_bytes bytes = {.data = fields.data, .size = fields.size};
        p2psync_result result = p2psync_put(beside, "notes", "beside", bytes, NULL);
        if (result != P2PSYNC_OK || read(ready[0], &byte, 1) != 1 ||
            p2psync_stop(beside) != P2PSYNC_OK) {
            _exit(2);
        }
        p2psync_buffer_free(&fields);
        p2psync_close(beside);
        _exit(0);
    }
    node = nodes_open(dirs[0], NULL);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    int fd = -1;
    cr_assert_eq(p2psync_event_fd(node, &fd), P2PSYNC_OK);
    cr_assert_eq(write(ready[1], "x", 1), 1);
    (void)nodes_await(node, P2PSYNC_EVENT_RECORD_CHANGED, "\"id\":\"beside\"");
    cr_assert_eq(write(ready[1], "x", 1), 1);
    (void)nodes_await(node, P2PSYNC_EVENT_STOPPED, NULL);
    int status = 0;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%d", status);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK, "it can run again");
}

/* ---- two nodes ---- */

Test(test_api, converges_after_edits_on_both_sides)
{
    p2psync_node *guest = nodes_open(dirs[1], NULL);
    struct p2psync_buffer reply = {0};
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":1}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    nodes_join(node, guest, "beta");
    cr_assert_eq(p2psync_start(guest), P2PSYNC_OK);
    nodes_await_same(node, guest);
    cr_expect_not_null(strstr(nodes_get(guest, "notes", "a"), "\"n\":1"));
    const char *json = nodes_json(p2psync_now(guest, 30000, &reply), &reply);
    cr_expect_not_null(strstr(json, "\"peers\":1"), "%s", json);

    /* Both edit the same record while the guest is away. */
    cr_assert_eq(p2psync_stop(guest), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "notes", "a", "{\"n\":2}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(guest, "notes", "a", "{\"n\":3}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_start(guest), P2PSYNC_OK);
    json = nodes_await(node, P2PSYNC_EVENT_CONFLICT_DETECTED, NULL);
    cr_expect_not_null(strstr(json, "\"collection\":\"notes\",\"id\":\"a\",\"versions\":[\""), "%s",
                       json);
    nodes_await_same(node, guest);
    cr_expect_not_null(strstr(nodes_get(guest, "notes", "a"), "\"conflict\":true"));
    char shown[4096];
    (void)snprintf(shown, sizeof shown, "%s", nodes_get(guest, "notes", "a"));
    cr_expect_str_eq(nodes_get(node, "notes", "a"), shown, "both show the same");

    cr_assert_eq(nodes_put(guest, "notes", "a", "{\"n\":4}"), P2PSYNC_OK);
    (void)nodes_await(node, P2PSYNC_EVENT_CONFLICT_RESOLVED, "\"id\":\"a\"");
    cr_expect_not_null(strstr(nodes_get(node, "notes", "a"), "\"conflict\":false"));

    json = nodes_json(p2psync_peers(node, &reply), &reply);
    cr_expect_not_null(strstr(json, "\"name\":\"beta\",\"endpoint\":\"127.0.0.1:"), "%s", json);
    json = nodes_json(p2psync_devices(guest, &reply), &reply);
    cr_expect_not_null(strstr(json, "\"name\":\"alpha\",\"role\":\"founder\""), "%s", json);
    cr_expect_not_null(strstr(json, "\"name\":\"beta\",\"role\":\"admin\""), "%s", json);
    cr_assert_eq(p2psync_stop(node), P2PSYNC_OK);
    json = nodes_json(p2psync_peers(node, &reply), &reply);
    cr_expect_not_null(strstr(json, "\"state\":\"offline\""), "%s", json);
    p2psync_close(guest);
}

Test(test_api, takes_no_peer_for_slow_because_there_are_many_collections)
{
    p2psync_node *guest = nodes_open(dirs[1], NULL);
    char name[16];
    for (unsigned i = 0; i < 600; i++) {
        (void)snprintf(name, sizeof name, "list-%u", i);
        cr_assert_eq(nodes_put(node, name, "a", "{\"n\":1}"), P2PSYNC_OK);
    }
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    nodes_join(node, guest, "beta");
    cr_assert_eq(p2psync_start(guest), P2PSYNC_OK);
    nodes_await_same(node, guest);
    p2psync_close(guest);
}
