/* Helpers of the tests of the node's I/O half; see nodes.h. */
#include "nodes.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEADLINE_S 120 /* nothing takes so long: it will never come */

/* Below 32768, where the ports begin that Linux gives away. */
#define OWN_PORT_MIN 20000
#define OWN_NET      20U /* 127.20.0.0 and those after it, one address for each process */

static time_t seconds_now(void);

void nodes_dir(char out[static NODES_DIR_SIZE])
{
    (void)snprintf(out, NODES_DIR_SIZE, "/tmp/p2psync-test-XXXXXX");
    cr_assert_not_null(mkdtemp(out));
}

void nodes_remove(const char *dir)
{
    DIR *list = opendir(dir);
    cr_assert_not_null(list);
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        (void)unlinkat(dirfd(list), entry->d_name, 0);
    }
    (void)closedir(list);
    cr_assert_eq(rmdir(dir), 0, "%s is not empty", dir);
}

struct p2psync_options nodes_options(const char *dir)
{
    struct p2psync_options options = P2PSYNC_OPTIONS_INIT;
    options.dir = dir;
    options.durability = P2PSYNC_DURABILITY_NONE;
    options.map_size_bytes = (uint64_t)64 * 1024 * 1024;
    options.listen = "127.0.0.1";
    options.no_beacon = true;
    return options;
}

void nodes_own_endpoint(unsigned index, char out[static NODES_ENDPOINT_SIZE])
{
    cr_assert_lt(index, NODES_ENDPOINTS);
    unsigned pid = (unsigned)getpid(); /* 22 bits at most */
    (void)snprintf(out, NODES_ENDPOINT_SIZE, "127.%u.%u.%u:%u", OWN_NET + (pid >> 16),
                   (pid >> 8) & 0xff, pid & 0xff, OWN_PORT_MIN + index);
}

char nodes_dirs[2][NODES_DIR_SIZE];
p2psync_node *nodes_alpha;
p2psync_node *nodes_guest;

void nodes_begin(void)
{
    nodes_dir(nodes_dirs[0]);
    nodes_dir(nodes_dirs[1]);
    nodes_alpha = nodes_open(nodes_dirs[0], "alpha");
}

void nodes_end(void)
{
    p2psync_close(nodes_guest);
    p2psync_close(nodes_alpha);
    nodes_remove(nodes_dirs[0]);
    nodes_remove(nodes_dirs[1]);
}

p2psync_node *nodes_open(const char *dir, const char *name)
{
    struct p2psync_options options = nodes_options(dir);
    return nodes_open_with(&options, name);
}

p2psync_node *nodes_open_with(const struct p2psync_options *options, const char *name)
{
    p2psync_node *node = NULL;
    cr_assert_eq(p2psync_open(options, &node, NULL), P2PSYNC_OK);
    if (name != NULL) {
        cr_assert_eq(p2psync_init(node, name, NULL, NULL), P2PSYNC_OK);
    }
    return node;
}

const char *nodes_json(p2psync_result result, struct p2psync_buffer *reply)
{
    static char text[4194304]; /* status names all collections */
    struct p2psync_buffer json = {0};
    cr_assert_eq(result, P2PSYNC_OK, "%s", p2psync_result_name(result));
    struct p2psync_bytes bytes = {.data = reply->data, .size = reply->size};
    cr_assert_eq(p2psync_value_to_json(bytes, &json), P2PSYNC_OK);
    cr_assert_lt(json.size, sizeof text);
    memcpy(text, json.data, json.size + 1);
    p2psync_buffer_free(&json);
    p2psync_buffer_free(reply);
    return text;
}

const char *nodes_history(p2psync_node *node, const char *collection, const char *id)
{
    p2psync_history *history = NULL;
    struct p2psync_buffer page = {0};
    struct p2psync_buffer more = {0};
    cr_assert_eq(p2psync_history_open(node, collection, id, &history), P2PSYNC_OK);
    const char *json = nodes_json(p2psync_history_next(history, &page), &page);
    cr_assert_eq(p2psync_history_next(history, &more), P2PSYNC_EEND);
    p2psync_history_close(history);
    return json;
}

void nodes_text(const char *json, const char *key, char *out, size_t size)
{
    char pattern[64];
    (void)snprintf(pattern, sizeof pattern, "\"%s\":\"", key);
    const char *start = strstr(json, pattern);
    cr_assert_not_null(start, "no %s in %s", key, json);
    start += strlen(pattern);
    const char *end = strchr(start, '"');
    cr_assert_not_null(end);
    cr_assert_lt((size_t)(end - start), size);
    memcpy(out, start, (size_t)(end - start));
    out[end - start] = '\0';
}

p2psync_result nodes_put(p2psync_node *node, const char *collection, const char *id,
                         const char *json)
{
    struct p2psync_buffer fields = {0};
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), &fields, NULL), P2PSYNC_OK);
    struct p2psync_bytes bytes = {.data = fields.data, .size = fields.size};
    p2psync_result result = p2psync_put(node, collection, id, bytes, NULL);
    p2psync_buffer_free(&fields);
    return result;
}

const char *nodes_get(p2psync_node *node, const char *collection, const char *id)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record record = {.size = sizeof record};
    struct p2psync_buffer packed = {0};
    const char *json = "";
    cr_assert_eq(p2psync_snapshot_open(node, &snapshot), P2PSYNC_OK);
    p2psync_result result = p2psync_get(snapshot, collection, id, &record);
    if (result == P2PSYNC_OK) {
        json = nodes_json(p2psync_record_pack(&record, &packed), &packed);
    } else {
        cr_assert(result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ENOCOLLECTION);
    }
    p2psync_snapshot_close(snapshot);
    return json;
}

void nodes_assert_has(const char *json, const char *part)
{
    cr_assert_not_null(strstr(json, part), "no %s in %s", part, json);
}

void nodes_root(p2psync_node *node, char out[static NODES_ROOT_SIZE])
{
    struct p2psync_buffer reply = {0};
    nodes_text(nodes_json(p2psync_status(node, &reply), &reply), "root", out, NODES_ROOT_SIZE);
}

p2psync_result nodes_set(p2psync_node *node, const char *collection, const char *key,
                         const char *json)
{
    struct p2psync_buffer value = {0};
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), &value, NULL), P2PSYNC_OK);
    struct p2psync_bytes bytes = {.data = value.data, .size = value.size};
    p2psync_result result = p2psync_collection_set(node, collection, key, bytes, NULL);
    p2psync_buffer_free(&value);
    return result;
}

const char *nodes_await(p2psync_node *node, p2psync_event_type type, const char *text)
{
    time_t deadline = seconds_now() + DEADLINE_S;
    int fd = -1;
    cr_assert_eq(p2psync_event_fd(node, &fd), P2PSYNC_OK);
    while (seconds_now() < deadline) {
        struct p2psync_buffer data = {0};
        p2psync_event_type got = P2PSYNC_EVENT_ERROR;
        p2psync_result result = p2psync_event_next(node, &got, &data);
        if (result == P2PSYNC_EAGAIN) {
            struct pollfd item = {.fd = fd, .events = POLLIN};
            (void)poll(&item, 1, 1000);
            continue;
        }
        const char *json = nodes_json(result, &data);
        if (got == type && (text == NULL || strstr(json, text) != NULL)) {
            return json;
        }
    }
    cr_assert_fail("no event %d with %s came", (int)type, text != NULL ? text : "anything");
    return NULL;
}

void nodes_await_same(p2psync_node *node, p2psync_node *other)
{
    time_t deadline = seconds_now() + DEADLINE_S;
    int fd = -1;
    cr_assert_eq(p2psync_event_fd(node, &fd), P2PSYNC_OK);
    while (seconds_now() < deadline) {
        char root[80];
        char other_root[80];
        struct p2psync_buffer reply = {0};
        const char *json = nodes_json(p2psync_status(node, &reply), &reply);
        bool in_sync = strstr(json, "\"in_sync\":true") != NULL;
        nodes_text(json, "root", root, sizeof root);
        json = nodes_json(p2psync_status(other, &reply), &reply);
        in_sync = in_sync && strstr(json, "\"in_sync\":true") != NULL;
        nodes_text(json, "root", other_root, sizeof other_root);
        if (in_sync && strcmp(root, other_root) == 0) {
            return;
        }
        p2psync_event_type got = P2PSYNC_EVENT_ERROR;
        if (p2psync_event_next(node, &got, &reply) == P2PSYNC_EAGAIN) {
            struct pollfd item = {.fd = fd, .events = POLLIN};
            (void)poll(&item, 1, 200);
        }
        p2psync_buffer_free(&reply);
    }
    cr_assert_fail("the nodes do not come to the same");
}

void nodes_join(p2psync_node *host, p2psync_node *guest, const char *name)
{
    char code[2048];
    struct p2psync_buffer reply = {0};
    const char *json = nodes_json(p2psync_invite(host, 0, &reply), &reply);
    nodes_text(json, "code", code, sizeof code);
    json = nodes_json(p2psync_join(guest, code, name, &reply, NULL), &reply);
    cr_assert_not_null(strstr(json, name));
}

static time_t seconds_now(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}
