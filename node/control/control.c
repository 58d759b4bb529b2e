/* The control socket's server: a bounded table of non-blocking clients behind one epoll descriptor.
 * A client asks once; its connection ends after the reply, unless it listens to events or waits
 * for the node's end.
 *
 * Invariant: a client's fd is -1 exactly if its place in the table is free. */
#include "node/control/control.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/error.h"

#define REQUEST_SIZE_MAX (PS_CONTROL_HEADER_SIZE + PS_CONTROL_REQUEST_SIZE_MAX)
#define LISTEN_KEY       UINT64_MAX /* of epoll: the listening socket; else a client's index */
#define EPOLL_BATCH      32
#define SERVE_ROUNDS_MAX 8 /* of a batch each, per call */

typedef enum client_state {
    CLIENT_READING,   /* its request has not come whole */
    CLIENT_READY,     /* has come, and was not taken yet */
    CLIENT_WAITING,   /* was taken; the reply is awaited */
    CLIENT_REPLIED,   /* the reply is leaving; then it is closed */
    CLIENT_LISTENING, /* gets events */
    CLIENT_STAYING,   /* waits for the node's end */
} client_state;

struct event {
    uint8_t *frame;
    size_t size;
};

struct client {
    int fd;
    uint64_t id;
    client_state state;
    struct ps_control_request request;
    uint64_t moved_ms; /* when it last read or wrote something */
    uint8_t in[REQUEST_SIZE_MAX];
    size_t in_size;
    struct ps_buf out;
    size_t out_sent;
    bool polls_out;
    bool nudge;           /* to be sent before the events */
    uint64_t lost;        /* events dropped since the last ERROR event that said so */
    struct event *events; /* a ring of PS_EVENTS_MAX; NULL until it listens */
    size_t event_first;
    size_t event_count;
};

struct ps_control {
    int listen_fd; /* -1: no longer */
    int epoll_fd;
    bool listens; /* in epoll: not while the table is full */
    uint64_t next_id;
    uint64_t now_ms;
    struct client clients[PS_CONTROL_CLIENTS_MAX];
};

static p2psync_result listen_in(struct ps_control *control, int dir_fd);
static void accept_clients(struct ps_control *control);
static bool peer_allowed(int fd);
static bool add_client(struct ps_control *control, int fd);
static void drop_client(struct ps_control *control, struct client *client);
static void set_listening(struct ps_control *control, bool on);
static void serve_events(struct ps_control *control, const struct epoll_event *events, int count);
static void read_client(struct ps_control *control, struct client *client);
static bool parse_request(struct client *client);
static bool take_ready(struct ps_control *control, struct ps_control_request *out);
static bool has_given_up(const struct client *client);
static void begin_events(struct ps_control *control, struct client *client);
static void flush_client(struct ps_control *control, struct client *client);
static bool send_out(struct ps_control *control, struct client *client);
static bool next_frame(struct client *client);
static void poll_out(struct ps_control *control, struct client *client, bool on);
static void queue_event(struct client *client, struct ps_bytes frame);

p2psync_result ps_control_new(int dir_fd, struct ps_control **out)
{
    struct ps_control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        return P2PSYNC_ENOMEM;
    }
    control->listen_fd = -1;
    for (size_t i = 0; i < PS_CONTROL_CLIENTS_MAX; i++) {
        control->clients[i].fd = -1;
    }
    p2psync_result result = P2PSYNC_OK;
    control->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (control->epoll_fd < 0) {
        result = ps_error_of_errno(errno);
    }
    if (result == P2PSYNC_OK) {
        result = listen_in(control, dir_fd);
    }
    if (result != P2PSYNC_OK) {
        ps_control_destroy(&control);
        return result;
    }
    *out = control;
    return P2PSYNC_OK;
}

void ps_control_unlisten(struct ps_control *control)
{
    if (control->listen_fd >= 0) {
        set_listening(control, false);
        (void)close(control->listen_fd);
        control->listen_fd = -1;
    }
}

void ps_control_destroy(struct ps_control **control)
{
    if (*control == NULL) {
        return;
    }
    ps_control_unlisten(*control);
    for (size_t i = 0; i < PS_CONTROL_CLIENTS_MAX; i++) {
        if ((*control)->clients[i].fd >= 0) {
            drop_client(*control, &(*control)->clients[i]);
        }
    }
    if ((*control)->epoll_fd >= 0) {
        (void)close((*control)->epoll_fd);
    }
    free(*control);
    *control = NULL;
}

int ps_control_fd(const struct ps_control *control)
{
    return control->epoll_fd;
}

p2psync_result ps_control_next(struct ps_control *control, uint64_t now_ms,
                               struct ps_control_request *out)
{
    control->now_ms = now_ms;
    for (int round = 0; round < SERVE_ROUNDS_MAX; round++) {
        if (take_ready(control, out)) {
            return P2PSYNC_OK;
        }
        struct epoll_event events[EPOLL_BATCH];
        int count = epoll_wait(control->epoll_fd, events, EPOLL_BATCH, 0);
        if (count <= 0) {
            return P2PSYNC_EAGAIN;
        }
        serve_events(control, events, count);
    }
    return take_ready(control, out) ? P2PSYNC_OK : P2PSYNC_EAGAIN;
}

void ps_control_reply(struct ps_control *control, uint64_t id, p2psync_result reply,
                      struct ps_bytes value)
{
    assert(reply <= 0);
    for (size_t i = 0; i < PS_CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0 || client->id != id || client->state != CLIENT_WAITING) {
            continue;
        }
        bool stays = client->request.what == PS_CONTROL_STOP && reply == P2PSYNC_OK;
        client->state = stays ? CLIENT_STAYING : CLIENT_REPLIED;
        client->moved_ms = control->now_ms;
        if (ps_control_frame(&client->out, (uint64_t)(-(int)reply), value) != P2PSYNC_OK) {
            drop_client(control, client);
        } else {
            flush_client(control, client);
        }
        return;
    }
}

void ps_control_tell(struct ps_control *control, p2psync_event_type type, struct ps_bytes map)
{
    struct ps_buf frame;
    ps_buf_init(&frame, PS_CONTROL_REPLY_SIZE_MAX);
    bool made = ps_control_frame(&frame, (uint64_t)type, map) == P2PSYNC_OK;
    for (size_t i = 0; i < PS_CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0 || client->state != CLIENT_LISTENING) {
            continue;
        }
        if (made) {
            queue_event(client, ps_buf_view(&frame));
        } else {
            client->lost++;
        }
        flush_client(control, client);
    }
    ps_buf_deinit(&frame);
}

void ps_control_nudge(struct ps_control *control)
{
    for (size_t i = 0; i < PS_CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd >= 0 && client->state == CLIENT_LISTENING) {
            client->nudge = true;
            flush_client(control, client);
        }
    }
}

void ps_control_tick(struct ps_control *control, uint64_t now_ms)
{
    size_t free_count = 0;
    control->now_ms = now_ms;
    for (size_t i = 0; i < PS_CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        bool moves = client->state == CLIENT_READING || client->state == CLIENT_REPLIED;
        if (client->fd >= 0 && moves && now_ms - client->moved_ms > PS_CONTROL_PATIENCE_MS) {
            drop_client(control, client);
        }
        free_count += client->fd < 0 ? 1 : 0;
    }
    /* It may have been turned off for lack of descriptors. */
    if (free_count > 0) {
        set_listening(control, true);
    }
}

/* ---- listening and accepting ---- */

static p2psync_result listen_in(struct ps_control *control, int dir_fd)
{
    struct sockaddr_un address;
    ps_control_address(dir_fd, &address);
    if (unlinkat(dir_fd, PS_CONTROL_FILE, 0) != 0 && errno != ENOENT) {
        return ps_error_of_errno(errno);
    }
    control->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    /* bind() gives the file the mode of the socket, so that nobody else may connect at any moment.
     */
    if (control->listen_fd < 0 || fchmod(control->listen_fd, S_IRUSR | S_IWUSR) != 0 ||
        bind(control->listen_fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(control->listen_fd, PS_CONTROL_CLIENTS_MAX) != 0) {
        return ps_error_of_errno(errno);
    }
    set_listening(control, true);
    return control->listens ? P2PSYNC_OK : P2PSYNC_EIO;
}

static void set_listening(struct ps_control *control, bool on)
{
    if (control->listens == on || control->listen_fd < 0) {
        return;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = LISTEN_KEY};
    int operation = on ? EPOLL_CTL_ADD : EPOLL_CTL_DEL;
    if (epoll_ctl(control->epoll_fd, operation, control->listen_fd, &event) == 0) {
        control->listens = on;
    }
}

static void accept_clients(struct ps_control *control)
{
    for (int i = 0; i < PS_CONTROL_CLIENTS_MAX; i++) {
        int fd = accept4(control->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            /* Without a descriptor for it, the connection stays in the backlog: wait until one is
             * free. */
            if (errno == EMFILE || errno == ENFILE) {
                set_listening(control, false);
            }
            return;
        }
        if (!peer_allowed(fd) || !add_client(control, fd)) {
            (void)close(fd);
        }
    }
}

/* The file's mode keeps others out; this holds where a file system has no modes. */
static bool peer_allowed(int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
        return false;
    }
    return peer.uid == 0 || peer.uid == geteuid();
}

static bool add_client(struct ps_control *control, int fd)
{
    size_t free_count = 0;
    struct client *place = NULL;
    for (size_t i = 0; i < PS_CONTROL_CLIENTS_MAX; i++) {
        if (control->clients[i].fd < 0) {
            place = &control->clients[i];
            free_count++;
        }
    }
    if (place == NULL) {
        return false;
    }
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = (uint64_t)(place - control->clients)};
    if (epoll_ctl(control->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
        return false;
    }
    memset(place, 0, sizeof *place);
    place->fd = fd;
    place->id = ++control->next_id;
    place->moved_ms = control->now_ms;
    ps_buf_init(&place->out, PS_CONTROL_REPLY_SIZE_MAX);
    if (free_count == 1) {
        set_listening(control, false); /* the rest wait in the backlog */
    }
    return true;
}

static void drop_client(struct ps_control *control, struct client *client)
{
    assert(client->fd >= 0);
    (void)close(client->fd); /* which takes it out of epoll */
    for (size_t i = 0; i < client->event_count; i++) {
        free(client->events[(client->event_first + i) % PS_EVENTS_MAX].frame);
    }
    free(client->events);
    ps_buf_deinit(&client->out);
    memset(client, 0, sizeof *client);
    client->fd = -1;
    set_listening(control, true);
}

/* ---- reading requests ---- */

static void serve_events(struct ps_control *control, const struct epoll_event *events, int count)
{
    for (int i = 0; i < count; i++) {
        if (events[i].data.u64 == LISTEN_KEY) {
            accept_clients(control);
            continue;
        }
        struct client *client = &control->clients[events[i].data.u64];
        if (client->fd >= 0 && (events[i].events & EPOLLOUT) != 0) {
            flush_client(control, client);
        }
        if (client->fd >= 0 && (events[i].events & ~(uint32_t)EPOLLOUT) != 0) {
            read_client(control, client);
        }
    }
}

static void read_client(struct ps_control *control, struct client *client)
{
    uint8_t *room = client->in + client->in_size;
    size_t size = sizeof client->in - client->in_size;
    uint8_t more;
    /* A request of one byte more than the maximum is too large; nor may anything come after it. */
    if (size == 0 || client->state != CLIENT_READING) {
        room = &more;
        size = 1;
    }
    ssize_t got = recv(client->fd, room, size, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0 || room == &more) {
        drop_client(control, client);
        return;
    }
    client->in_size += (size_t)got;
    client->moved_ms = control->now_ms;
    if (client->in_size < PS_CONTROL_HEADER_SIZE) {
        return;
    }
    size_t wanted = ps_get_u32(client->in);
    size_t size_whole = PS_CONTROL_HEADER_SIZE + wanted;
    bool too_large = wanted > PS_CONTROL_REQUEST_SIZE_MAX || client->in_size > size_whole;
    if (too_large || (client->in_size == size_whole && !parse_request(client))) {
        drop_client(control, client);
    }
}

static bool parse_request(struct client *client)
{
    struct ps_reader reader;
    ps_reader_init(&reader, ps_bytes(client->in + PS_CONTROL_HEADER_SIZE,
                                     client->in_size - PS_CONTROL_HEADER_SIZE));
    uint32_t more = ps_read_array_at_least(&reader, 3);
    uint64_t version = ps_read_uint(&reader);
    uint64_t what = ps_read_uint(&reader);
    uint64_t argument = ps_read_uint(&reader);
    ps_read_skip(&reader, more);
    if (ps_reader_finish(&reader) != P2PSYNC_OK || version != PS_CONTROL_VERSION ||
        what < PS_CONTROL_STATUS || what > PS_CONTROL_INVITE_CANCEL) {
        return false;
    }
    client->state = CLIENT_READY;
    client->request = (struct ps_control_request){
        .id = client->id,
        .what = (ps_control_ask)what,
        .argument = argument,
    };
    return true;
}

/* Requests are taken in the order in which their clients came. */
static bool take_ready(struct ps_control *control, struct ps_control_request *out)
{
    struct client *first = NULL;
    for (size_t i = 0; i < PS_CONTROL_CLIENTS_MAX; i++) {
        struct client *client = &control->clients[i];
        if (client->fd < 0 || client->state != CLIENT_READY) {
            continue;
        }
        if (has_given_up(client)) {
            drop_client(control, client);
            continue;
        }
        if (client->request.what == PS_CONTROL_EVENTS) {
            begin_events(control, client);
        } else if (first == NULL || client->id < first->id) {
            first = client;
        }
    }
    if (first == NULL) {
        return false;
    }
    first->state = CLIENT_WAITING;
    *out = first->request;
    return true;
}

/* Whether nobody waits for the reply any longer. What was given up while the node hung is not done
 * afterwards: whoever asked was told that it failed. */
static bool has_given_up(const struct client *client)
{
    uint8_t byte;
    return recv(client->fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void begin_events(struct ps_control *control, struct client *client)
{
    client->events = calloc(PS_EVENTS_MAX, sizeof *client->events);
    if (client->events == NULL ||
        ps_control_frame(&client->out, 0, ps_bytes(NULL, 0)) != P2PSYNC_OK) {
        drop_client(control, client);
        return;
    }
    client->state = CLIENT_LISTENING;
    client->nudge = true; /* what was committed while it asked */
    flush_client(control, client);
}

/* ---- writing replies and events ---- */

static void flush_client(struct ps_control *control, struct client *client)
{
    do { /* ends when the socket's buffer is full, or all is sent */
        if (!send_out(control, client)) {
            return;
        }
    } while (client->state == CLIENT_LISTENING && next_frame(client));
    poll_out(control, client, false);
    if (client->state == CLIENT_REPLIED) {
        drop_client(control, client);
    }
}

/* Whether all of `out` is sent; if not the client is gone, or is polled for more room. */
static bool send_out(struct ps_control *control, struct client *client)
{
    while (client->out_sent < client->out.size) {
        ssize_t sent = send(client->fd, client->out.data + client->out_sent,
                            client->out.size - client->out_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) {
            continue;
        }
        if (sent < 0 && errno == EAGAIN) {
            poll_out(control, client, true);
            return false;
        }
        if (sent < 0) {
            drop_client(control, client);
            return false;
        }
        client->out_sent += (size_t)sent;
        client->moved_ms = control->now_ms;
    }
    ps_buf_clear(&client->out);
    client->out_sent = 0;
    return true;
}

static void poll_out(struct ps_control *control, struct client *client, bool on)
{
    if (client->polls_out == on) {
        return;
    }
    struct epoll_event event = {.events = on ? EPOLLIN | EPOLLOUT : EPOLLIN,
                                .data.u64 = (uint64_t)(client - control->clients)};
    if (epoll_ctl(control->epoll_fd, EPOLL_CTL_MOD, client->fd, &event) == 0) {
        client->polls_out = on;
    }
}

/* Put what is to be sent next into `out`; false if there is nothing. */
static bool next_frame(struct client *client)
{
    assert(client->out.size == 0);
    if (client->lost > 0) {
        if (ps_control_frame_loss(&client->out, client->lost) == P2PSYNC_OK) {
            client->lost = 0;
            return true;
        }
        return false;
    }
    if (client->nudge) {
        client->nudge =
            ps_buf_append(&client->out, PS_CONTROL_NUDGE, PS_CONTROL_NUDGE_SIZE) != P2PSYNC_OK;
        return !client->nudge;
    }
    if (client->event_count == 0) {
        return false;
    }
    struct event *event = &client->events[client->event_first];
    if (ps_buf_append(&client->out, event->frame, event->size) != P2PSYNC_OK) {
        return false;
    }
    free(event->frame);
    *event = (struct event){0};
    client->event_first = (client->event_first + 1) % PS_EVENTS_MAX;
    client->event_count--;
    return true;
}

/* The oldest goes if there are too many. */
static void queue_event(struct client *client, struct ps_bytes frame)
{
    uint8_t *copy = malloc(frame.size);
    if (copy == NULL) {
        client->lost++;
        return;
    }
    memcpy(copy, frame.data, frame.size);
    if (client->event_count == PS_EVENTS_MAX) {
        free(client->events[client->event_first].frame);
        client->event_first = (client->event_first + 1) % PS_EVENTS_MAX;
        client->event_count--;
        client->lost++;
    }
    size_t last = (client->event_first + client->event_count) % PS_EVENTS_MAX;
    client->events[last] = (struct event){.frame = copy, .size = frame.size};
    client->event_count++;
}
