/* Two processes on loopback: see pair.h. The other process knows nothing but its orders, so a
 * measurement reads from top to bottom in one place. */
#include "tools/bench/pair.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void tell(struct pair *pair, const struct pair_order *order);
static void other(struct pair *pair);
static uint64_t carry_out(struct pair *pair, const struct pair_order *order);
static void join(const struct pair *pair, const char *code);
static void write_records(const struct pair *pair, const struct pair_order *order);
static void answer_events(const struct pair *pair, uint64_t count);
static uint64_t anonymous_bytes(void);
static p2psync_node *start(const struct bench_node *options);
static char *read_text(p2psync_result result, struct p2psync_buffer *map);
static void reply(const struct pair *pair, uint64_t number);

void pair_begin(struct pair *pair, p2psync_durability durability)
{
    int fds[2];
    *pair = (struct pair){
        .dir = bench_dir("one"),
        .other_dir = bench_dir("other"),
        .endpoint = bench_endpoint(),
        .other_endpoint = bench_endpoint(),
        .durability = durability,
    };
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) {
        bench_fail("pair", "no socket");
    }
    fflush(NULL);
    pair->pid = fork();
    if (pair->pid < 0) {
        bench_fail("pair", "no process");
    }
    pair->fd = fds[pair->pid == 0 ? 1 : 0];
    close(fds[pair->pid == 0 ? 0 : 1]);
    if (pair->pid == 0) {
        other(pair);
        exit(EXIT_SUCCESS);
    }

    struct pair_order order = {.verb = PAIR_JOIN};
    struct p2psync_buffer invite = {0};
    p2psync_close(bench_open_new(&(struct bench_node){.dir = pair->dir}));
    pair_start_own(pair);
    char *text = read_text(p2psync_invite(pair->node, 0, &invite), &invite);
    const char *code = strstr(text, "\"code\":\"");
    if (code == NULL || sscanf(code, "\"code\":\"%2047[^\"]", order.text) != 1) {
        bench_fail("invite", "no code");
    }
    free(text);
    (void)pair_order(pair, &order);
}

void pair_end(struct pair *pair)
{
    int status = 0;
    close(pair->fd); /* the other's sign to end */
    if (waitpid(pair->pid, &status, 0) != pair->pid || status != 0) {
        bench_fail("pair", "the other process failed");
    }
    if (pair->node != NULL) {
        pair_close_own(pair);
    }
    bench_dir_remove(pair->dir);
    bench_dir_remove(pair->other_dir);
    free(pair->endpoint);
    free(pair->other_endpoint);
}

void pair_start_own(struct pair *pair)
{
    pair->node = start(&(struct bench_node){
        .dir = pair->dir, .listen = pair->endpoint, .durability = pair->durability});
}

void pair_close_own(struct pair *pair)
{
    p2psync_close(pair->node);
    pair->node = NULL;
}

uint64_t pair_order(struct pair *pair, const struct pair_order *order)
{
    tell(pair, order);
    return pair_reply(pair);
}

static void tell(struct pair *pair, const struct pair_order *order)
{
    if (send(pair->fd, order, sizeof *order, MSG_NOSIGNAL) != (ssize_t)sizeof *order) {
        bench_fail("pair", "the other process is gone");
    }
}

uint64_t pair_reply(struct pair *pair)
{
    uint64_t number = 0;
    if (recv(pair->fd, &number, sizeof number, 0) != (ssize_t)sizeof number) {
        bench_fail("pair", "the other process is gone");
    }
    return number;
}

void pair_await_sync(p2psync_node *node)
{
    bool in_sync = false;
    while (!in_sync) { /* until the node is; a measurement has no other end */
        struct p2psync_buffer map = {0};
        char *text = read_text(p2psync_peers(node, &map), &map);
        in_sync = strstr(text, "\"state\":\"in_sync\"") != NULL;
        free(text);
        if (!in_sync) {
            bench_sleep_ms(1);
        }
    }
}

uint64_t pair_sum(p2psync_node *node, const char *key)
{
    struct p2psync_buffer map = {0};
    char *text = read_text(p2psync_peers(node, &map), &map);
    char pattern[64];
    uint64_t sum = 0;
    (void)snprintf(pattern, sizeof pattern, "\"%s\":", key);
    const char *at = strstr(text, pattern);
    if (at == NULL) {
        bench_fail(key, "not in the reply");
    }
    while (at != NULL) {
        sum += strtoull(at + strlen(pattern), NULL, 10);
        at = strstr(at + 1, pattern);
    }
    free(text);
    return sum;
}

/* ---- the other process ---- */

static void other(struct pair *pair)
{
    struct pair_order order;
    while (recv(pair->fd, &order, sizeof order, 0) == (ssize_t)sizeof order) {
        reply(pair, carry_out(pair, &order));
    }
    p2psync_close(pair->node);
}

static uint64_t carry_out(struct pair *pair, const struct pair_order *order)
{
    switch (order->verb) {
    case PAIR_JOIN:
        join(pair, order->text);
        break;
    case PAIR_START:
        pair->node = start(&(struct bench_node){.dir = pair->other_dir,
                                                .listen = pair->other_endpoint,
                                                .peer = pair->endpoint,
                                                .durability = pair->durability});
        break;
    case PAIR_TAKE_OVER:
        pair_start_own(pair);
        break;
    case PAIR_CLOSE:
        pair_close_own(pair);
        break;
    case PAIR_WRITE:
    case PAIR_EDIT:
        write_records(pair, order);
        break;
    case PAIR_AWAIT:
        for (uint64_t i = 0; i == 0 || i < order->count; i++) {
            pair_await_record(pair->node, order->first + i);
        }
        break;
    case PAIR_EVENTS:
        answer_events(pair, order->count);
        break;
    case PAIR_SYNC:
        pair_await_sync(pair->node);
        break;
    case PAIR_MEMORY:
        return anonymous_bytes();
    }
    return bench_now_ns();
}

static void join(const struct pair *pair, const char *code)
{
    struct p2psync_buffer joined = {0};
    p2psync_node *node = bench_open(&(struct bench_node){.dir = pair->other_dir});
    bench_check(p2psync_join(node, code, "other", &joined, NULL), "join");
    p2psync_buffer_free(&joined);
    p2psync_close(node);
}

static void write_records(const struct pair *pair, const struct pair_order *order)
{
    struct bench_record *records = bench_records(order->first, order->count);
    p2psync_node *node = pair->node;
    if (node == NULL) {
        node = bench_open(&(struct bench_node){.dir = pair->other_dir});
    }
    if (order->verb == PAIR_EDIT) {
        bench_edit(node, order->first, order->count, order->text);
    } else {
        bench_write(node, records, order->count, order->count);
    }
    if (pair->node == NULL) {
        p2psync_close(node);
    }
    free(records);
}

void pair_await_record(p2psync_node *node, uint64_t index)
{
    struct bench_record *wanted = bench_records(index, 1);
    p2psync_result result = P2PSYNC_ENOTFOUND;
    while (result == P2PSYNC_ENOTFOUND ||
           result ==
               P2PSYNC_ENOCOLLECTION) { /* until it is there; a measurement has no other end */
        p2psync_snapshot *snapshot = NULL;
        struct p2psync_record record = {.size = sizeof record};
        bench_check(p2psync_snapshot_open(node, &snapshot), "snapshot");
        result = p2psync_get(snapshot, BENCH_COLLECTION, wanted->id, &record);
        p2psync_snapshot_close(snapshot);
        if (result != P2PSYNC_OK) {
            bench_sleep_ms(1);
        }
    }
    bench_check(result, "get");
    free(wanted);
}

/* As an app does it: the descriptor in poll, then all that waits. */
static void answer_events(const struct pair *pair, uint64_t count)
{
    struct pollfd item = {.events = POLLIN};
    bench_check(p2psync_event_fd(pair->node, &item.fd), "events");
    reply(pair, 0);
    while (count > 0) {
        p2psync_event_type type = P2PSYNC_EVENT_ERROR;
        struct p2psync_buffer data = {0};
        p2psync_result result = p2psync_event_next(pair->node, &type, &data);
        if (result == P2PSYNC_EAGAIN) {
            (void)poll(&item, 1, -1);
            continue;
        }
        bench_check(result, "event");
        p2psync_buffer_free(&data);
        if (type == P2PSYNC_EVENT_RECORD_CHANGED) {
            reply(pair, bench_now_ns());
            count--;
        }
    }
}

static uint64_t anonymous_bytes(void)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    char line[256];
    uint64_t kib = 0;
    if (file == NULL) {
        bench_fail("memory", "no /proc/self/smaps_rollup");
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "Anonymous:", strlen("Anonymous:")) == 0) {
            kib = strtoull(line + strlen("Anonymous:"), NULL, 10);
        }
    }
    fclose(file);
    return kib * 1024;
}

static p2psync_node *start(const struct bench_node *options)
{
    p2psync_node *node = bench_open(options);
    bench_check(p2psync_start(node), "start");
    return node;
}

/* A map as JSON text, to be freed. */
static char *read_text(p2psync_result result, struct p2psync_buffer *map)
{
    struct p2psync_buffer json = {0};
    bench_check(result, "ask");
    struct p2psync_bytes bytes = {.data = map->data, .size = map->size};
    bench_check(p2psync_value_to_json(bytes, &json), "JSON");
    char *text = strdup(json.data);
    if (text == NULL) {
        bench_fail("JSON", "out of memory");
    }
    p2psync_buffer_free(&json);
    p2psync_buffer_free(map);
    return text;
}

static void reply(const struct pair *pair, uint64_t number)
{
    if (send(pair->fd, &number, sizeof number, MSG_NOSIGNAL) != (ssize_t)sizeof number) {
        exit(EXIT_FAILURE);
    }
}
