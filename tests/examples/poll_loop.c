/* An event loop with poll(2) over the node's events and a descriptor of one's own, here the
 * standard input. Each line there, an id and a JSON object, is put into the collection "notes";
 * each event is printed as a line of JSON. Ends when the input has ended and all that it brought
 * was told.
 *
 *     echo 'groceries {"title": "Groceries"}' | poll_loop DIR
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p2psync.h>

#define COLLECTION "notes"

/* What has come of the input and is no whole line yet. A FILE would not do: what it has read ahead
 * is not there any more for poll(2) to see. */
struct input {
    char text[65536];
    size_t size;
};

static void check(int result, const char *what);
static bool take_input(struct input *input, p2psync_node *node, unsigned *waiting);
static bool put_line(p2psync_node *node, char *line);
static void take_events(p2psync_node *node, unsigned *waiting);
static void print_event(const struct p2psync_buffer *event);

int main(int argc, char **argv)
{
    static struct input input;
    struct p2psync_options options = P2PSYNC_OPTIONS_INIT;
    p2psync_node *node = NULL;
    if (argc != 2) {
        (void)fputs("usage: poll_loop DIR\n", stderr);
        return 2;
    }
    options.dir = argv[1];
    check(p2psync_open(&options, &node, NULL), "open");
    int made = p2psync_init(node, NULL, NULL, NULL);
    check(made == P2PSYNC_EEXIST ? P2PSYNC_OK : made, "init");
    check(p2psync_start(node), "start");

    struct pollfd items[2] = {
        {.fd = STDIN_FILENO, .events = POLLIN},
        {.events = POLLIN},
    };
    check(p2psync_event_fd(node, &items[1].fd), "event_fd");
    unsigned waiting = 0; /* changes of ours that no event has told of yet */
    while (items[0].fd >= 0 || waiting > 0) {
        if (poll(items, 2, -1) < 0 && errno != EINTR) {
            perror("poll");
            return 1;
        }
        if (items[0].revents != 0 && !take_input(&input, node, &waiting)) {
            items[0].fd = -1; /* poll(2) passes over it from here on */
            items[0].revents = 0;
        }
        if (items[1].revents != 0) {
            take_events(node, &waiting);
        }
    }
    p2psync_close(node);
    return 0;
}

/* One read(2), and the lines that are whole now; false at the end of the input. */
static bool take_input(struct input *input, p2psync_node *node, unsigned *waiting)
{
    ssize_t got = read(STDIN_FILENO, input->text + input->size, sizeof input->text - input->size);
    if (got <= 0) {
        return got < 0 && errno == EINTR;
    }
    input->size += (size_t)got;
    char *line = input->text;
    for (;;) { /* ends with the lines */
        char *end = memchr(line, '\n', (size_t)(input->text + input->size - line));
        if (end == NULL) {
            break;
        }
        *end = '\0';
        *waiting += put_line(node, line) ? 1 : 0;
        line = end + 1;
    }
    input->size -= (size_t)(line - input->text);
    memmove(input->text, line, input->size);
    if (input->size == sizeof input->text) {
        (void)fputs("poll_loop: a line is too long\n", stderr);
        return false;
    }
    return true;
}

/* Whether it was a change: a line that is wrong, or a put that changes nothing, is none. */
static bool put_line(p2psync_node *node, char *line)
{
    struct p2psync_buffer fields = {0};
    struct p2psync_committed committed = {.size = sizeof committed};
    p2psync_transaction *transaction = NULL;
    char *json = strchr(line, ' ');
    p2psync_result result = P2PSYNC_EFORMAT;
    if (json != NULL) {
        *json++ = '\0';
        result = p2psync_value_from_json(json, strlen(json), &fields, NULL);
    }
    if (result == P2PSYNC_OK) {
        result = p2psync_transaction_begin(node, COLLECTION, &transaction, NULL);
    }
    if (result == P2PSYNC_OK) {
        const struct p2psync_edit edit = {
            .size = sizeof edit,
            .id = line,
            .fields = {.data = fields.data, .size = fields.size},
        };
        result = p2psync_transaction_edit(transaction, &edit, NULL);
    }
    if (result == P2PSYNC_OK) {
        result = p2psync_transaction_commit(transaction, &committed, NULL);
    } else {
        p2psync_transaction_abort(transaction);
    }
    p2psync_buffer_free(&fields);
    if (result != P2PSYNC_OK) {
        (void)fprintf(stderr, "poll_loop: %s: %s\n", line, p2psync_strerror(result));
    }
    return committed.changed > 0;
}

/* All that wait: the descriptor stays readable until there is none any more. */
static void take_events(p2psync_node *node, unsigned *waiting)
{
    for (;;) { /* ends with the events */
        p2psync_event_type type = P2PSYNC_EVENT_ERROR;
        struct p2psync_buffer event = {0};
        p2psync_result result = p2psync_event_next(node, &type, &event);
        if (result == P2PSYNC_EAGAIN) {
            return;
        }
        check(result, "event_next");
        print_event(&event);
        p2psync_buffer_free(&event);
        if (type == P2PSYNC_EVENT_STOPPED) {
            exit(0); /* somebody has stopped the node, as with `p2psync stop` */
        }
        if (type == P2PSYNC_EVENT_RECORD_CHANGED && *waiting > 0) {
            (*waiting)--;
        }
    }
}

static void print_event(const struct p2psync_buffer *event)
{
    const struct p2psync_bytes bytes = {.data = event->data, .size = event->size};
    struct p2psync_buffer json = {0};
    check(p2psync_value_to_json(bytes, &json), "to_json");
    (void)puts(json.data);
    (void)fflush(stdout);
    p2psync_buffer_free(&json);
}

static void check(int result, const char *what)
{
    if (result != P2PSYNC_OK) {
        (void)fprintf(stderr, "poll_loop: %s: %s\n", what, p2psync_strerror(result));
        exit(1);
    }
}
