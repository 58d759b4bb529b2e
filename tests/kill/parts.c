/* The processes that are killed; see parts.h. */
#include "tests/kill/parts.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void say(uint64_t number);
static void take_events(p2psync_node *node);
static void tell(struct p2psync_buffer *event);
static void edit(p2psync_transaction *transaction, uint64_t number, unsigned index);
static void await_end_of_input(void);

void kill_fail(const char *what, const char *why)
{
    fprintf(stderr, "FAILED %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

void kill_check(p2psync_result result, const char *what)
{
    if (result != P2PSYNC_OK) {
        kill_fail(what, p2psync_result_name(result));
    }
}

p2psync_node *kill_open(const struct kill_device *device)
{
    p2psync_node *node = NULL;
    struct p2psync_options options = P2PSYNC_OPTIONS_INIT;
    options.dir = device->dir;
    options.durability = P2PSYNC_DURABILITY_FLUSH;
    options.map_size_bytes = (uint64_t)1 << 30;
    options.listen = device->listen;
    options.peers = &device->peer;
    options.peer_count = 1;
    options.no_beacon = true;
    kill_check(p2psync_open(&options, &node, NULL), device->name);
    return node;
}

unsigned kill_records(uint64_t number)
{
    return 1 + (unsigned)(number * 2654435761U % KILL_RECORDS_MAX);
}

void kill_id(uint64_t number, unsigned index, char out[static KILL_ID_SIZE])
{
    (void)snprintf(out, KILL_ID_SIZE, "%08llu-%02u", (unsigned long long)number, index);
}

/* Fails only when nobody listens any more, and then it is over anyway. */
static void say(uint64_t number)
{
    if (write(STDOUT_FILENO, &number, sizeof number) != (ssize_t)sizeof number) {
        exit(EXIT_FAILURE);
    }
}

void kill_run_node(const struct kill_device *device)
{
    struct pollfd items[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.events = POLLIN}};
    p2psync_node *node = kill_open(device);
    kill_check(p2psync_start(node), "start");
    kill_check(p2psync_event_fd(node, &items[1].fd), "events");
    say(UINT64_MAX);
    while (items[0].revents == 0) { /* until the test has closed the other end */
        if (poll(items, 2, -1) < 0 && errno != EINTR) {
            kill_fail("poll", strerror(errno));
        }
        take_events(node);
    }
    p2psync_close(node);
}

static void take_events(p2psync_node *node)
{
    p2psync_event_type type = P2PSYNC_EVENT_ERROR;
    struct p2psync_buffer event = {0};
    while (p2psync_event_next(node, &type, &event) == P2PSYNC_OK) {
        if (type == P2PSYNC_EVENT_RECORD_CHANGED) {
            tell(&event);
        }
        p2psync_buffer_free(&event);
    }
}

static void tell(struct p2psync_buffer *event)
{
    static const char before[] = "\"id\":\"";
    struct p2psync_buffer json = {0};
    struct p2psync_bytes bytes = {.data = event->data, .size = event->size};
    kill_check(p2psync_value_to_json(bytes, &json), "JSON");
    const char *id = strstr(json.data, before);
    if (strstr(json.data, "\"" KILL_COLLECTION "\"") != NULL && id != NULL) {
        char *dash = NULL;
        uint64_t number = strtoull(id + strlen(before), &dash, 10);
        if (*dash == '-' && strtoul(dash + 1, NULL, 10) + 1 == kill_records(number)) {
            say(number);
        }
    }
    p2psync_buffer_free(&json);
}

void kill_import(const struct kill_device *device, uint64_t first, uint64_t count)
{
    p2psync_node *node = kill_open(device);
    for (uint64_t number = first; number < first + count; number++) {
        p2psync_transaction *transaction = NULL;
        if (number == first + count - 1) {
            await_end_of_input();
        }
        kill_check(p2psync_transaction_begin(node, KILL_COLLECTION, &transaction, NULL), "begin");
        for (unsigned i = 0; i < kill_records(number); i++) {
            edit(transaction, number, i);
        }
        kill_check(p2psync_transaction_commit(transaction, NULL, NULL), "commit");
        say(number);
    }
    p2psync_close(node);
}

static void await_end_of_input(void)
{
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) { /* until the test has closed the other end */
    }
}

static void edit(p2psync_transaction *transaction, uint64_t number, unsigned index)
{
    char id[KILL_ID_SIZE];
    char json[64];
    struct p2psync_buffer fields = {0};
    kill_id(number, index, id);
    int size = snprintf(json, sizeof json, "{\"number\": %llu}", (unsigned long long)number);
    kill_check(p2psync_value_from_json(json, (size_t)size, &fields, NULL), "JSON");
    struct p2psync_edit one = {
        .size = sizeof one, .id = id, .fields = {.data = fields.data, .size = fields.size}};
    kill_check(p2psync_transaction_edit(transaction, &one, NULL), "edit");
    p2psync_buffer_free(&fields);
}
