/* The control socket: how the library, in this process or another, asks the running node for what
 * only it knows. One AF_UNIX stream socket in the node's directory, for the owner of the directory
 * alone.
 *
 *     frame   = length (4 bytes, big-endian) | one MessagePack array
 *     request = [1, what, argument]
 *     reply   = [-result, value]        value: nil, or what was asked for
 *     event   = [0, nil]: records may have changed; [type, map]: anything else
 *
 * The event does not say which records have changed: whoever listens reads that from the store
 * (feed.h). So a slow listener costs the node a flag and at most PS_EVENTS_MAX other events, and
 * misses no change. Any other client that is slow, or sends nonsense, is cut off. Nothing here ever
 * blocks.
 *
 * Thread   the loop's. */
#ifndef PS_NODE_CONTROL_CONTROL_H
#define PS_NODE_CONTROL_CONTROL_H

#include <sys/un.h>

#include "wire/codec.h"

#define PS_CONTROL_FILE             "control.sock"
#define PS_CONTROL_HEADER_SIZE      4 /* bytes of a frame's length */
#define PS_CONTROL_VERSION          1
#define PS_CONTROL_CLIENTS_MAX      64 /* at a time; threads that ask are clients too */
#define PS_CONTROL_REQUEST_SIZE_MAX 64 /* bytes of a request's array */
#define PS_CONTROL_REPLY_SIZE_MAX   ((size_t)4 * 1024 * 1024 + 64)
#define PS_CONTROL_PATIENCE_MS      10000 /* until a client that is not moving is cut off */

typedef enum ps_control_ask {
    PS_CONTROL_STATUS = 1,
    PS_CONTROL_PEERS = 2,
    PS_CONTROL_NOW = 3,           /* argument: timeout in ms */
    PS_CONTROL_INVITE = 4,        /* argument: until it expires, in ms */
    PS_CONTROL_STOP = 5,          /* replied to at once; the connection ends when the node has */
    PS_CONTROL_EVENTS = 6,        /* replied to at once; events follow */
    PS_CONTROL_DOCTOR = 7,        /* replied to as ps_doctor_check() says */
    PS_CONTROL_INVITE_CANCEL = 8, /* argument: the first 8 bytes of the invite's token, 0: of any */
} ps_control_ask;

/* The frame [0, nil] as it travels. It is always these bytes, so that it can be recognised without
 * being taken from the socket. */
#define PS_CONTROL_NUDGE      "\0\0\0\3\x92\0\xc0"
#define PS_CONTROL_NUDGE_SIZE 7

/* "/proc/self/fd/N/control.sock", which fits an address however long the directory's name is. */
void ps_control_address(int dir_fd, struct sockaddr_un *out);

/* Append a frame [number, value]; a value of no bytes is nil.
 *
 * Errors  P2PSYNC_ELIMIT; P2PSYNC_ENOMEM: `out` is as it was.
 */
p2psync_result ps_control_frame(struct ps_buf *out, uint64_t number,
                                struct ps_bytes value) P2PSYNC_MUST_CHECK;

/* Append the frame of the event that tells of `lost` others that were dropped. Errors  as above. */
p2psync_result ps_control_frame_loss(struct ps_buf *out, uint64_t lost) P2PSYNC_MUST_CHECK;

struct ps_control;

struct ps_control_request {
    uint64_t id; /* names the client for the reply; never used again */
    ps_control_ask what;
    uint64_t argument;
};

/* Listen in the directory. Whoever calls holds the directory's lock, so what lies there of an
 * earlier node is dead and is replaced.
 *
 * Errors  P2PSYNC_EIO; P2PSYNC_EDENIED; P2PSYNC_ENOSPC; P2PSYNC_ENOMEM.
 */
p2psync_result ps_control_new(int dir_fd, struct ps_control **out) P2PSYNC_MUST_CHECK;

/* Stop listening: nobody new finds the node. Clients stay. */
void ps_control_unlisten(struct ps_control *control);

/* Cut off all clients. Nulls the pointer; NULL is fine. */
void ps_control_destroy(struct ps_control **control);

/* What to poll for input: readable whenever ps_control_next() has something to do. */
int ps_control_fd(const struct ps_control *control);

/* Serve the sockets and take the next whole request. Subscriptions are handled here.
 *
 * Errors  P2PSYNC_EAGAIN none.
 */
p2psync_result ps_control_next(struct ps_control *control, uint64_t now_ms,
                               struct ps_control_request *out) P2PSYNC_MUST_CHECK;

/* Reply to a request; the client may be gone, which is fine. value may be empty. */
void ps_control_reply(struct ps_control *control, uint64_t id, p2psync_result reply,
                      struct ps_bytes value);

/* Tell an event to all who listen. `map` is MessagePack, as ps_feed_event_begin() begins it. */
void ps_control_tell(struct ps_control *control, p2psync_event_type type, struct ps_bytes map);

/* Tell all who listen that records may have changed. */
void ps_control_nudge(struct ps_control *control);

/* Cut off clients that have not moved for long. */
void ps_control_tick(struct ps_control *control, uint64_t now_ms);

#endif
