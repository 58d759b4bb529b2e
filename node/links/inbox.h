/* The inbox of links: events that wait to be taken, and the one message whose bytes they point
 * into. One message can cause a few events, so the inbox is small. */
#ifndef PS_NODE_LINKS_INBOX_H
#define PS_NODE_LINKS_INBOX_H

#include "node/links/links.h"

#define PS_INBOX_MAX 3 /* events that one message can cause: DOWN, UP, MESSAGE */

/* Read its fields by the functions alone. */
struct ps_inbox {
    struct ps_link_event events[PS_INBOX_MAX];
    size_t count;
    size_t next;
    zmq_msg_t message; /* whose bytes were taken last, or are taken next */
};

void ps_inbox_init(struct ps_inbox *inbox);
void ps_inbox_deinit(struct ps_inbox *inbox);

/* Whether all that was put has been taken. */
bool ps_inbox_is_empty(const struct ps_inbox *inbox);

/* There must be room. */
void ps_inbox_put(struct ps_inbox *inbox, const struct ps_link_event *event);

/* Put `event` as the message `body`, which is taken over; bytes that were taken before end. */
void ps_inbox_put_message(struct ps_inbox *inbox, struct ps_link_event *event, zmq_msg_t *body);

/* The oldest event; the inbox must not be empty. */
void ps_inbox_take(struct ps_inbox *inbox, struct ps_link_event *out);

#endif
