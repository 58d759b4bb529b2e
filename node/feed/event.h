/* How events are written: each is a map that begins with what happened and when. */
#ifndef PS_NODE_FEED_EVENT_H
#define PS_NODE_FEED_EVENT_H

#include "wire/codec.h"

/* The name of an event, "record_changed"; "" for none that is known. Static. */
const char *ps_feed_event_name(uint64_t type);

/* Begin the map of an event: a header for `count` more pairs, and the first two, event and time. */
void ps_feed_event_begin(struct ps_writer *writer, p2psync_event_type type, size_t count);

#endif
