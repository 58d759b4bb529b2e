/* How events are written: each is a map that begins with what happened and when. */
#ifndef PS_NODE_FEED_EVENT_H
#define PS_NODE_FEED_EVENT_H

#include "wire/map.h"

/* Begin the map of an event with the pairs that each has: event and time. */
void ps_feed_event_begin(struct ps_map *map, struct ps_writer *writer, p2psync_event_type type);

/* Append a whole event that tells of an error.
 *
 * text    UTF-8.
 * Errors  P2PSYNC_ELIMIT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_feed_event_error(struct ps_buf *out, p2psync_result error,
                                   const char *text) P2PSYNC_MUST_CHECK;

#endif
