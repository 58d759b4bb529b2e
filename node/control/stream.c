/* The stream of events. Bytes are taken from the socket one frame at a time and never ahead, so
 * that poll(2) on it tells the app the truth. */
#include "node/control/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/control/ask.h"
#include "node/feed/event.h"
#include "node/feed/feed.h"

struct ps_stream {
    int fd;
    struct ps_feed feed;
    struct ps_buf frame; /* what has come of the frame that is being read, its header too */
    bool ended;          /* the node has closed the connection */
    bool over;           /* and the app was told so */
};

typedef enum ahead {
    AHEAD_NOTHING,
    AHEAD_NUDGE,
    AHEAD_FRAME,
    AHEAD_END,
} ahead;

static ahead look_ahead(const struct ps_stream *stream);
static void drop_nudge(const struct ps_stream *stream);
static p2psync_result read_frame(struct ps_stream *stream);
static p2psync_result read_up_to(struct ps_stream *stream, size_t size);
static p2psync_result take_event(struct ps_stream *stream, p2psync_event_type *type_out,
                                 struct ps_buf *out);
static p2psync_result tell_stopped(struct ps_stream *stream, p2psync_event_type *type_out,
                                   struct ps_buf *out);

p2psync_result ps_stream_new(int dir_fd, struct ps_store *store, struct ps_stream **out)
{
    struct ps_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return P2PSYNC_ENOMEM;
    }
    stream->fd = -1;
    ps_buf_init(&stream->frame, PS_CONTROL_REPLY_SIZE_MAX);
    /* Keep the place in the logs first and ask the node then: the node nudges once at the start, so
     * nothing that is written between the two is overlooked. */
    p2psync_result result = ps_feed_init(&stream->feed, store);
    if (result == P2PSYNC_OK) {
        result = ps_ask_events(dir_fd, &stream->fd);
    }
    if (result != P2PSYNC_OK) {
        ps_stream_destroy(&stream);
        return result;
    }
    *out = stream;
    return P2PSYNC_OK;
}

void ps_stream_destroy(struct ps_stream **stream)
{
    if (*stream != NULL) {
        if ((*stream)->fd >= 0) {
            (void)close((*stream)->fd);
        }
        ps_feed_deinit(&(*stream)->feed);
        ps_buf_deinit(&(*stream)->frame);
        free(*stream);
        *stream = NULL;
    }
}

int ps_stream_fd(const struct ps_stream *stream)
{
    return stream->fd;
}

bool ps_stream_over(const struct ps_stream *stream)
{
    return stream->over;
}

p2psync_result ps_stream_next(struct ps_stream *stream, struct ps_store *store,
                              p2psync_event_type *type_out, struct ps_buf *out)
{
    for (;;) { /* each time it ends here or takes bytes from the socket, which the node bounds */
        p2psync_result result = P2PSYNC_OK;
        ahead next = stream->ended ? AHEAD_END : look_ahead(stream);
        switch (next) {
        case AHEAD_NOTHING:
            return P2PSYNC_EAGAIN;
        case AHEAD_FRAME:
            result = read_frame(stream);
            if (result == P2PSYNC_OK) {
                return take_event(stream, type_out, out);
            }
            if (result != P2PSYNC_ENOTRUNNING) {
                return result;
            }
            stream->ended = true;
            break;
        case AHEAD_NUDGE:
            result = ps_feed_next(&stream->feed, store, type_out, out);
            if (result != P2PSYNC_EAGAIN) {
                return result;
            }
            /* Whatever is committed from here on brings a nudge of its own. */
            drop_nudge(stream);
            break;
        case AHEAD_END:
            stream->ended = true;
            result = ps_feed_next(&stream->feed, store, type_out, out);
            return result == P2PSYNC_EAGAIN ? tell_stopped(stream, type_out, out) : result;
        }
    }
}

static ahead look_ahead(const struct ps_stream *stream)
{
    uint8_t bytes[PS_CONTROL_NUDGE_SIZE];
    ssize_t got = recv(stream->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        return AHEAD_END;
    }
    if (got < 0) {
        return AHEAD_NOTHING;
    }
    if (stream->frame.size > 0) {
        return AHEAD_FRAME;
    }
    /* A nudge may have come in part: its rest follows at once. */
    if (memcmp(bytes, PS_CONTROL_NUDGE, (size_t)got) == 0) {
        return got == PS_CONTROL_NUDGE_SIZE ? AHEAD_NUDGE : AHEAD_NOTHING;
    }
    return AHEAD_FRAME;
}

static void drop_nudge(const struct ps_stream *stream)
{
    uint8_t bytes[PS_CONTROL_NUDGE_SIZE];
    (void)recv(stream->fd, bytes, sizeof bytes, MSG_DONTWAIT);
}

/* Errors  P2PSYNC_EAGAIN not all of it is here yet; P2PSYNC_ENOTRUNNING. */
static p2psync_result read_frame(struct ps_stream *stream)
{
    p2psync_result result = P2PSYNC_OK;
    if (stream->frame.size < 4) {
        result = read_up_to(stream, 4);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    size_t size = ps_get_u32(stream->frame.data);
    if (size > PS_CONTROL_REPLY_SIZE_MAX - 4) {
        return P2PSYNC_EIO;
    }
    return read_up_to(stream, 4 + size);
}

static p2psync_result read_up_to(struct ps_stream *stream, size_t size)
{
    while (stream->frame.size < size) {
        size_t before = stream->frame.size;
        uint8_t *room = NULL;
        p2psync_result result = ps_buf_extend(&stream->frame, size - before, &room);
        if (result != P2PSYNC_OK) {
            return result;
        }
        ssize_t got = recv(stream->fd, room, size - before, MSG_DONTWAIT);
        int number = errno;
        ps_buf_truncate(&stream->frame, before + (got > 0 ? (size_t)got : 0));
        if (got == 0) {
            return P2PSYNC_ENOTRUNNING;
        }
        if (got < 0) {
            return number == EAGAIN || number == EINTR ? P2PSYNC_EAGAIN : P2PSYNC_ENOTRUNNING;
        }
    }
    return P2PSYNC_OK;
}

static p2psync_result take_event(struct ps_stream *stream, p2psync_event_type *type_out,
                                 struct ps_buf *out)
{
    struct ps_reader reader;
    ps_reader_init(&reader, ps_bytes(stream->frame.data + 4, stream->frame.size - 4));
    uint32_t more = ps_read_array_at_least(&reader, 2);
    uint64_t type = ps_read_uint_max(&reader, INT32_MAX);
    struct ps_bytes map = ps_read_value(&reader, PS_DEPTH_MAX);
    ps_read_skip(&reader, more);
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(out, map.data, map.size);
    }
    if (result == P2PSYNC_OK) {
        *type_out = (p2psync_event_type)type;
    }
    ps_buf_clear(&stream->frame);
    return result == P2PSYNC_EFORMAT ? P2PSYNC_EIO : result;
}

/* Tell that the node has stopped: once, and after that there is nothing. */
static p2psync_result tell_stopped(struct ps_stream *stream, p2psync_event_type *type_out,
                                   struct ps_buf *out)
{
    if (stream->over) {
        return P2PSYNC_ENOTRUNNING;
    }
    struct ps_writer writer;
    struct ps_map map;
    ps_writer_init(&writer, out);
    ps_feed_event_begin(&map, &writer, P2PSYNC_EVENT_STOPPED);
    ps_map_end(&map);
    p2psync_result result = ps_writer_finish(&writer);
    if (result == P2PSYNC_OK) {
        stream->over = true;
        *type_out = P2PSYNC_EVENT_STOPPED;
    }
    return result;
}
