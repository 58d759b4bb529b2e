/* A chat: each line that somebody types becomes a record of the collection "chat", and each device
 * prints what was said before and what the others say, also what they said while it was away. The
 * first one shows a code, with which the next one joins; any number may.
 *
 *     chat DIR NAME          the first time prints a code for the others, then talks
 *     chat DIR NAME CODE     joins with that code, then talks
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <p2psync.h>

#define COLLECTION "chat"
#define LEAVE_MS   10000 /* how long the last words may take */
#define LINE_SIZE  4096
#define ID_SIZE    256 /* any id and its NUL */

struct chat {
    p2psync_node *node;
    const char *name;
    char device[65];        /* this one's id */
    char (*shown)[ID_SIZE]; /* ids of messages */
    size_t shown_count;
};

static void enter(struct chat *chat, const char *code);
static void talk(struct chat *chat);
static bool take_line(struct chat *chat);
static void say(struct chat *chat, const char *text);
static void hear(struct chat *chat);
static void show_all(struct chat *chat);
static void show(struct chat *chat, p2psync_snapshot *snapshot, const char *id);
static bool is_new(struct chat *chat, const char *id);
static bool take_text(struct p2psync_bytes map, const char *key, char *out, size_t size);
static void check(int result, const char *what);

int main(int argc, char **argv)
{
    struct p2psync_options options = P2PSYNC_OPTIONS_INIT;
    struct p2psync_buffer reply = {0};
    if (argc != 3 && argc != 4) {
        (void)fputs("usage: chat DIR NAME [CODE]\n", stderr);
        return 2;
    }
    struct chat chat = {.name = argv[2]};
    options.dir = argv[1];
    check(p2psync_open(&options, &chat.node, NULL), "open");
    enter(&chat, argc == 4 ? argv[3] : NULL);
    talk(&chat);
    /* What was said last shall reach those who are there; nobody may be. */
    p2psync_result told = p2psync_now(chat.node, LEAVE_MS, &reply);
    p2psync_buffer_free(&reply);
    p2psync_close(chat.node);
    free(chat.shown);
    return told == P2PSYNC_OK || told == P2PSYNC_EUNREACHABLE ? 0 : 1;
}

/* Be a device of the chat's mesh, and run. */
static void enter(struct chat *chat, const char *code)
{
    struct p2psync_buffer reply = {0};
    p2psync_result made = P2PSYNC_EEXIST;
    if (code != NULL) {
        check(p2psync_join(chat->node, code, chat->name, &reply, NULL), "join");
        p2psync_buffer_free(&reply);
    } else {
        made = p2psync_init(chat->node, chat->name, NULL, NULL);
        check(made == P2PSYNC_EEXIST ? P2PSYNC_OK : made, "init");
    }
    check(p2psync_start(chat->node), "start");
    check(p2psync_identity(chat->node, &reply), "identity");
    const struct p2psync_bytes identity = {.data = reply.data, .size = reply.size};
    (void)take_text(identity, "device", chat->device, sizeof chat->device);
    p2psync_buffer_free(&reply);
    if (made == P2PSYNC_OK) {
        check(p2psync_invite(chat->node, 0, &reply), "invite");
        const struct p2psync_bytes invite = {.data = reply.data, .size = reply.size};
        char shown[LINE_SIZE] = "";
        (void)take_text(invite, "code", shown, sizeof shown);
        (void)printf("code %s\n", shown);
        (void)fflush(stdout);
        p2psync_buffer_free(&reply);
    }
}

static void talk(struct chat *chat)
{
    struct pollfd items[2] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.events = POLLIN},
    };
    /* First the events, then what is there: so nothing falls between the two. */
    check(p2psync_event_fd(chat->node, &items[1].fd), "event_fd");
    show_all(chat);
    for (;;) { /* ends with the input */
        if (poll(items, 2, -1) < 0 && errno != EINTR) {
            return;
        }
        if (items[1].revents != 0) {
            hear(chat);
        }
        if (items[0].revents != 0 && !take_line(chat)) {
            return;
        }
    }
}

/* A line of the input, which a terminal gives whole; false at its end. */
static bool take_line(struct chat *chat)
{
    char line[LINE_SIZE];
    size_t size = 0;
    while (size < sizeof line - 1) {
        ssize_t got = read(STDIN_FILENO, line + size, 1); /* nothing ahead, for poll(2) to see it */
        if (got <= 0) {
            return false;
        }
        if (line[size] == '\n') {
            break;
        }
        size++;
    }
    line[size] = '\0';
    say(chat, line);
    return true;
}

/* Ids are in the order of time, and no two devices share one. */
static void say(struct chat *chat, const char *text)
{
    char id[128];
    struct timespec now = {0};
    struct p2psync_buffer fields = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    (void)snprintf(id, sizeof id, "%010lld.%09ld-%.16s", (long long)now.tv_sec, now.tv_nsec,
                   chat->device);
    p2psync_builder *message = NULL;
    check(p2psync_builder_new(&message), "builder");
    p2psync_builder_text(message, "from", chat->name);
    p2psync_builder_text(message, "text", text);
    if (p2psync_builder_finish(message, &fields) != P2PSYNC_OK) {
        (void)fputs("chat: that is no UTF-8\n", stderr);
        return;
    }
    const struct p2psync_bytes bytes = {.data = fields.data, .size = fields.size};
    check(p2psync_put(chat->node, COLLECTION, id, bytes, NULL), "put");
    p2psync_buffer_free(&fields);
}

static void hear(struct chat *chat)
{
    for (;;) { /* ends with the events */
        p2psync_event_type type = P2PSYNC_EVENT_ERROR;
        struct p2psync_buffer data = {0};
        p2psync_result result = p2psync_event_next(chat->node, &type, &data);
        if (result == P2PSYNC_EAGAIN) {
            return;
        }
        check(result, "event_next");
        const struct p2psync_bytes event = {.data = data.data, .size = data.size};
        char collection[129];
        char device[65];
        char id[ID_SIZE];
        if (type == P2PSYNC_EVENT_RECORD_CHANGED &&
            take_text(event, "collection", collection, sizeof collection) &&
            strcmp(collection, COLLECTION) == 0 &&
            take_text(event, "device", device, sizeof device) &&
            strcmp(device, chat->device) != 0 && take_text(event, "id", id, sizeof id)) {
            p2psync_snapshot *snapshot = NULL;
            check(p2psync_snapshot_open(chat->node, &snapshot), "snapshot");
            show(chat, snapshot, id);
            p2psync_snapshot_close(snapshot);
        }
        p2psync_buffer_free(&data);
    }
}

/* What was said before this run. */
static void show_all(struct chat *chat)
{
    p2psync_snapshot *snapshot = NULL;
    p2psync_iterator *iterator = NULL;
    struct p2psync_record record = {.size = sizeof record};
    check(p2psync_snapshot_open(chat->node, &snapshot), "snapshot");
    p2psync_result result = p2psync_iterator_open(snapshot, COLLECTION, NULL, &iterator);
    while (result == P2PSYNC_OK) {
        char id[ID_SIZE];
        result = p2psync_iterator_next(iterator, &record);
        if (result == P2PSYNC_OK) {
            (void)snprintf(id, sizeof id, "%.*s", (int)record.id_size, record.id);
            show(chat, snapshot, id);
        }
    }
    if (result != P2PSYNC_EEND && result != P2PSYNC_ENOCOLLECTION) { /* nobody has spoken yet */
        check(result, "iterate");
    }
    p2psync_iterator_close(iterator);
    p2psync_snapshot_close(snapshot);
}

/* One message, once. */
static void show(struct chat *chat, p2psync_snapshot *snapshot, const char *id)
{
    struct p2psync_record record = {.size = sizeof record};
    check(p2psync_get(snapshot, COLLECTION, id, &record), "get");
    char from[LINE_SIZE];
    char text[LINE_SIZE];
    if (record.deleted || !is_new(chat, id)) {
        return;
    }
    /* Another program may have put something else there. */
    if (take_text(record.fields, "from", from, sizeof from) &&
        take_text(record.fields, "text", text, sizeof text)) {
        (void)printf("%s: %s\n", from, text);
        (void)fflush(stdout);
    }
}

/* Whether it was not shown yet; it counts as shown from here on. */
static bool is_new(struct chat *chat, const char *id)
{
    for (size_t i = 0; i < chat->shown_count; i++) {
        if (strcmp(chat->shown[i], id) == 0) {
            return false;
        }
    }
    char(*shown)[ID_SIZE] = realloc(chat->shown, (chat->shown_count + 1) * sizeof *shown);
    check(shown != NULL ? P2PSYNC_OK : P2PSYNC_ENOMEM, "show");
    (void)snprintf(shown[chat->shown_count], ID_SIZE, "%s", id);
    chat->shown = shown;
    chat->shown_count++;
    return true;
}

/* The text of a key of a map; false if it is none. */
static bool take_text(struct p2psync_bytes map, const char *key, char *out, size_t size)
{
    return p2psync_value_string(p2psync_value_find(map, key), out, size) == P2PSYNC_OK;
}

static void check(int result, const char *what)
{
    if (result != P2PSYNC_OK) {
        (void)fprintf(stderr, "chat: %s: %s\n", what, p2psync_strerror(result));
        exit(1);
    }
}
