/* The backlog is a plain list: messages are added at its end and taken from its beginning. */
#include "node/links/backlog.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ps_backlog_name(struct ps_link_event *event, zmq_msg_t *body)
{
    const char *address = zmq_msg_gets(body, "Peer-Address");
    event->bytes = ps_bytes(zmq_msg_data(body), zmq_msg_size(body));
    if (address) {
        /* An IPv4 address, on a socket that hears both families. */
        bool mapped = !strncmp(address, "::ffff:", 7) && strchr(address, '.');
        address += mapped ? 7 : 0;
        bool bracket = strchr(address, ':');
        (void)snprintf(event->address, sizeof event->address, "%s%s%s", bracket ? "[" : "", address,
                       bracket ? "]" : "");
    }
}

bool ps_backlog_add(struct ps_backlog *backlog, const struct ps_link_event *event)
{
    struct ps_backlog_item *item = malloc(sizeof *item + event->bytes.size);
    if (!item) {
        return false;
    }
    item->next = NULL;
    item->event = *event;
    if (event->bytes.size) {
        memcpy(item->data, event->bytes.data, event->bytes.size);
    }
    item->event.bytes.data = item->data;
    if (backlog->last) {
        backlog->last->next = item;
    } else {
        backlog->first = item;
    }
    backlog->last = item;
    backlog->size += PS_BACKLOG_OVERHEAD + event->bytes.size;
    return true;
}

struct ps_backlog_item *ps_backlog_take(struct ps_backlog *backlog)
{
    struct ps_backlog_item *item = backlog->first;
    if (!item) {
        assert(backlog->size == 0);
        return NULL;
    }
    backlog->first = item->next;
    if (!backlog->first) {
        backlog->last = NULL;
    }
    assert(backlog->size >= PS_BACKLOG_OVERHEAD + item->event.bytes.size);
    backlog->size -= PS_BACKLOG_OVERHEAD + item->event.bytes.size;
    return item;
}

size_t ps_backlog_count(const struct ps_backlog *backlog, uint64_t link, size_t max)
{
    size_t count = 0;
    for (const struct ps_backlog_item *item = backlog->first; item && count < max;
         item = item->next) {
        count += item->event.link == link;
    }
    return count;
}

void ps_backlog_clear(struct ps_backlog *backlog)
{
    struct ps_backlog_item *item = NULL;
    while ((item = ps_backlog_take(backlog)) != NULL) {
        free(item);
    }
}
