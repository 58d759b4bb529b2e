/* A backlog: the messages that came on one link and were not taken yet, oldest first. It has a copy
 * of their bytes, because what libzmq gives may hold on to a buffer many times as large. */
#ifndef PS_NODE_LINKS_BACKLOG_H
#define PS_NODE_LINKS_BACKLOG_H

#include <zmq.h>

#include "node/links/links.h"

struct ps_backlog_item {
    struct ps_backlog_item *next;
    struct ps_link_event event; /* its bytes are those below */
    uint8_t data[];
};

/* What one message costs beside its bytes: many small ones must not cost more than few large ones.
 */
#define PS_BACKLOG_OVERHEAD (sizeof(struct ps_backlog_item) + 16)

/* A zeroed one is empty. It may be copied, if only one of the copies is used from there on. */
struct ps_backlog {
    struct ps_backlog_item *first;
    struct ps_backlog_item *last;
    size_t size; /* bytes of memory */
};

/* Set what `body` says, and the address that it came from. */
void ps_backlog_name(struct ps_link_event *event, zmq_msg_t *body);

/* Add a copy of `event` and of its bytes. False: no memory. */
bool ps_backlog_add(struct ps_backlog *backlog, const struct ps_link_event *event);

/* Take out the oldest; the caller frees it with free(). NULL: there is none. */
struct ps_backlog_item *ps_backlog_take(struct ps_backlog *backlog);

/* How many of its messages came on this link, counted up to `max`. */
size_t ps_backlog_count(const struct ps_backlog *backlog, uint64_t link, size_t max);

/* Drop all of it. */
void ps_backlog_clear(struct ps_backlog *backlog);

#endif
