/* The inbox: it is filled and emptied in turn, so it never wraps. */
#include "node/links/inbox.h"

#include <assert.h>
#include <stdio.h>

void ps_inbox_init(struct ps_inbox *inbox)
{
    inbox->count = 0;
    inbox->next = 0;
    (void)zmq_msg_init(&inbox->message);
}

void ps_inbox_deinit(struct ps_inbox *inbox)
{
    (void)zmq_msg_close(&inbox->message);
}

bool ps_inbox_is_empty(const struct ps_inbox *inbox)
{
    return inbox->next == inbox->count;
}

void ps_inbox_put(struct ps_inbox *inbox, const struct ps_link_event *event)
{
    if (ps_inbox_is_empty(inbox)) {
        inbox->next = 0;
        inbox->count = 0;
    }
    assert(inbox->count < PS_INBOX_MAX);
    inbox->events[inbox->count++] = *event;
}

void ps_inbox_put_message(struct ps_inbox *inbox, struct ps_link_event *event, zmq_msg_t *body)
{
    const char *address = zmq_msg_gets(body, "Peer-Address");
    if (address && (event->link & PS_LINK_ACCEPTED)) {
        (void)snprintf(event->address, sizeof event->address, "%s", address);
    }
    (void)zmq_msg_move(&inbox->message, body);
    (void)zmq_msg_close(body);
    event->bytes = ps_bytes(zmq_msg_data(&inbox->message), zmq_msg_size(&inbox->message));
    ps_inbox_put(inbox, event);
}

void ps_inbox_take(struct ps_inbox *inbox, struct ps_link_event *out)
{
    assert(!ps_inbox_is_empty(inbox));
    *out = inbox->events[inbox->next++];
}
