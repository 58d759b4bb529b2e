/* A batch: the events of one pass of the loop. It has their bytes, because the bytes of a link's
 * event live only until the next one is taken. It is bounded by number and by memory. */
#ifndef PS_NODE_LOOP_BATCH_H
#define PS_NODE_LOOP_BATCH_H

#include "node/engine/engine.h"

#define PS_BATCH_EVENTS_MAX 64
#define PS_BATCH_SIZE_MAX                                                                          \
    ((size_t)4 * 1024 * 1024) /* bytes; once there are so many, no more events are taken */

struct ps_batch {
    struct ps_event events[PS_BATCH_EVENTS_MAX];
    size_t count;
    struct ps_buf arena;
    size_t bytes_offset[PS_BATCH_EVENTS_MAX];
    size_t address_offset[PS_BATCH_EVENTS_MAX];
    uint64_t now_ms; /* of all events */
    uint64_t wall_ms;
};

void ps_batch_init(struct ps_batch *batch);
void ps_batch_deinit(struct ps_batch *batch);

/* Forget the events, and begin a pass at this time. */
void ps_batch_begin(struct ps_batch *batch, uint64_t now_ms, uint64_t wall_ms);

/* Whether one more event of any size may be added. */
bool ps_batch_has_room(const struct ps_batch *batch);

/* Add an event; its bytes and address are copied, its times are the pass's. There must be room.
 *
 * Errors  P2PSYNC_ENOMEM, P2PSYNC_ELIMIT: it was not added.
 */
p2psync_result ps_batch_add(struct ps_batch *batch,
                            const struct ps_event *event) P2PSYNC_MUST_CHECK;

/* Make the events ready to be used: their bytes point into the batch from here on. */
void ps_batch_end(struct ps_batch *batch);

#endif
