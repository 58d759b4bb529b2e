/* A binary heap of packets. Ties in time are broken by order of arrival: nothing depends on
 * addresses. */
#include "tests/sim/queue.h"

#include <assert.h>
#include <stdlib.h>

static bool before(const struct sim_packet *a, const struct sim_packet *b);
static void swap(struct sim_packet *a, struct sim_packet *b);

void sim_queue_push(struct sim_queue *queue, struct sim_packet *packet)
{
    packet->order = queue->order++;
    sim_queue_postpone(queue, packet);
}

void sim_queue_postpone(struct sim_queue *queue, struct sim_packet *packet)
{
    if (queue->count == queue->capacity) {
        queue->capacity = queue->capacity == 0 ? 64 : queue->capacity * 2;
        queue->items = realloc(queue->items, queue->capacity * sizeof *queue->items);
        if (queue->items == NULL) {
            abort();
        }
    }
    size_t at = queue->count++;
    queue->items[at] = *packet;
    packet->bytes = (struct ps_buf){0};
    while (at > 0 && before(&queue->items[at], &queue->items[(at - 1) / 2])) {
        swap(&queue->items[at], &queue->items[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
}

void sim_queue_wake(struct sim_queue *queue, uint64_t now_ms)
{
    struct sim_queue all = *queue;
    *queue = (struct sim_queue){.order = all.order};
    for (size_t i = 0; i < all.count; i++) {
        struct sim_packet *packet = &all.items[i];
        packet->time_ms = packet->waits ? now_ms : packet->time_ms;
        packet->waits = false;
        sim_queue_postpone(queue, packet);
    }
    free(all.items);
}

static bool before(const struct sim_packet *a, const struct sim_packet *b)
{
    return a->time_ms != b->time_ms ? a->time_ms < b->time_ms : a->order < b->order;
}

static void swap(struct sim_packet *a, struct sim_packet *b)
{
    struct sim_packet kept = *a;
    *a = *b;
    *b = kept;
}

const struct sim_packet *sim_queue_peek(const struct sim_queue *queue)
{
    return queue->count == 0 ? NULL : &queue->items[0];
}

struct sim_packet sim_queue_pop(struct sim_queue *queue)
{
    assert(queue->count > 0);
    struct sim_packet first = queue->items[0];
    queue->items[0] = queue->items[--queue->count];
    size_t at = 0;
    while (2 * at + 1 < queue->count) {
        size_t child = 2 * at + 1;
        if (child + 1 < queue->count && before(&queue->items[child + 1], &queue->items[child])) {
            child++;
        }
        if (!before(&queue->items[child], &queue->items[at])) {
            break;
        }
        swap(&queue->items[child], &queue->items[at]);
        at = child;
    }
    return first;
}

void sim_queue_deinit(struct sim_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        ps_buf_deinit(&queue->items[i].bytes);
    }
    free(queue->items);
    *queue = (struct sim_queue){0};
}
