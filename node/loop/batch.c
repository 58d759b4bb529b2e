/* Batches of events. While they are collected, bytes are offsets: the arena moves as it grows. */
#include "node/loop/batch.h"

#include <assert.h>

#define ARENA_SIZE_MAX (PS_BATCH_SIZE_MAX + (size_t)2 * PS_MESSAGE_SIZE_MAX)

void ps_batch_init(struct ps_batch *batch)
{
    batch->count = 0;
    ps_buf_init(&batch->arena, ARENA_SIZE_MAX);
}

void ps_batch_deinit(struct ps_batch *batch)
{
    ps_buf_deinit(&batch->arena);
}

void ps_batch_begin(struct ps_batch *batch, uint64_t now_ms, uint64_t wall_ms)
{
    batch->count = 0;
    ps_buf_clear(&batch->arena);
    batch->now_ms = now_ms;
    batch->wall_ms = wall_ms;
}

bool ps_batch_has_room(const struct ps_batch *batch)
{
    return batch->count < PS_BATCH_EVENTS_MAX && batch->arena.size < PS_BATCH_SIZE_MAX;
}

p2psync_result ps_batch_add(struct ps_batch *batch, const struct ps_event *event)
{
    assert(batch->count < PS_BATCH_EVENTS_MAX);
    size_t before = batch->arena.size;
    p2psync_result result = ps_buf_append(&batch->arena, event->bytes.data, event->bytes.size);
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(&batch->arena, event->address.data, event->address.size);
    }
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(&batch->arena, before);
        return result;
    }
    struct ps_event *kept = &batch->events[batch->count];
    *kept = *event;
    kept->now_ms = batch->now_ms;
    kept->wall_ms = batch->wall_ms;
    batch->bytes_offset[batch->count] = before;
    batch->address_offset[batch->count] = before + event->bytes.size;
    batch->count++;
    return P2PSYNC_OK;
}

void ps_batch_end(struct ps_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct ps_event *event = &batch->events[i];
        if (event->bytes.size > 0) {
            event->bytes.data = batch->arena.data + batch->bytes_offset[i];
        }
        if (event->address.size > 0) {
            event->address.data = batch->arena.data + batch->address_offset[i];
        }
    }
}
