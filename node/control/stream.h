/* The stream of events as an app reads it: what the running node tells over its control socket, and
 * what the feed finds in the store. The socket is the descriptor that the app polls: a nudge stays
 * in it, unread, until the feed has told all. */
#ifndef PS_NODE_CONTROL_STREAM_H
#define PS_NODE_CONTROL_STREAM_H

#include "store/env/store.h"

struct ps_stream;

/* Subscribe to the node that runs in the directory; from here on every change is told.
 *
 * Errors  P2PSYNC_ENOTRUNNING; P2PSYNC_ENOANSWER; P2PSYNC_EIO; P2PSYNC_ENOMEM; P2PSYNC_ECORRUPT.
 */
p2psync_result ps_stream_new(int dir_fd, struct ps_store *store,
                             struct ps_stream **out) P2PSYNC_MUST_CHECK;

/* Nulls the pointer; NULL is fine. */
void ps_stream_destroy(struct ps_stream **stream);

int ps_stream_fd(const struct ps_stream *stream);

/* Whether its last event has been taken. */
bool ps_stream_over(const struct ps_stream *stream);

/* Append the next event's map to `out`.
 *
 * Errors  P2PSYNC_EAGAIN none waits; P2PSYNC_ENOTRUNNING the node has ended, and its last event was
 * taken; P2PSYNC_ECORRUPT; P2PSYNC_EIO; P2PSYNC_ENOMEM.
 */
p2psync_result ps_stream_next(struct ps_stream *stream, struct ps_store *store,
                              p2psync_event_type *type_out, struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
