/* The queue of node/engine/fetches.h: it lies somewhere in an array. When its end is reached, the
 * queue goes back to the beginning, or if it takes more than half of the array, that doubles. */
#include "node/engine/fetches.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 8

p2psync_result ps_fetches_reserve(struct ps_transfer *transfer)
{
    size_t capacity = transfer->fetch_capacity;
    size_t before = capacity > 0 ? (size_t)(transfer->fetches - transfer->fetch_room) : 0;
    if (before + transfer->fetch_count < capacity) {
        return P2PSYNC_OK;
    }
    if (transfer->fetch_count >= capacity / 2) {
        capacity = capacity == 0 ? FIRST_CAPACITY : capacity * 2;
        struct ps_fetch *room = reallocarray(transfer->fetch_room, capacity, sizeof *room);
        if (room == NULL) {
            return P2PSYNC_ENOMEM;
        }
        transfer->fetch_room = room;
        transfer->fetch_capacity = capacity;
    }
    memmove(transfer->fetch_room, transfer->fetch_room + before,
            transfer->fetch_count * sizeof *transfer->fetches);
    transfer->fetches = transfer->fetch_room;
    return P2PSYNC_OK;
}

void ps_fetches_drop(struct ps_transfer *transfer, struct ps_fetch *fetch)
{
    size_t index = (size_t)(fetch - transfer->fetches);
    assert(index < transfer->fetch_count);
    transfer->fetch_count--;
    if (index < transfer->fetch_count / 2) {
        memmove(transfer->fetches + 1, transfer->fetches, index * sizeof *fetch);
        transfer->fetches++;
    } else {
        memmove(fetch, fetch + 1, (transfer->fetch_count - index) * sizeof *fetch);
    }
}

/* Of a closed log the new offer alone counts. */
void ps_fetches_renew(struct ps_fetch *fetch, const struct ps_fetch_want *want)
{
    if (want->target > fetch->target || want->covered || fetch->covered) {
        fetch->target = want->target;
    }
    fetch->number = want->log.number;
    fetch->covered = want->covered;
    fetch->head = want->head;
    if (want->search && !fetch->search && !fetch->has_log) {
        fetch->search = true;
        fetch->active = false; /* it begins anew, elsewhere */
    }
}
