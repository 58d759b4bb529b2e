/* Transactions that waited when the feed came to them: see late.h. */
#include "node/feed/late.h"

#include <stdlib.h>

void ps_late_deinit(struct ps_late *late)
{
    free(late->ranges);
}

p2psync_result ps_late_add(struct ps_late *late, const struct ps_late_range *range)
{
    if (late->count == late->capacity) {
        size_t capacity = late->capacity == 0 ? 16 : late->capacity * 2;
        struct ps_late_range *ranges = reallocarray(late->ranges, capacity, sizeof *ranges);
        if (ranges == NULL) {
            return P2PSYNC_ENOMEM;
        }
        late->ranges = ranges;
        late->capacity = capacity;
    }
    late->ranges[late->count] = *range;
    late->count++;
    return P2PSYNC_OK;
}

p2psync_result ps_late_begin(struct ps_late *late, struct ps_txn *txn)
{
    struct ps_waiting_walk walk = {.txn = txn};
    struct ps_waiting_sum sum;
    struct ps_waiting waiting;
    while (ps_waiting_walk_next(&walk, &waiting)) {
        walk.result = ps_late_add(
            late,
            &(struct ps_late_range){.log = waiting.log, .at = waiting.begin, .last = waiting.last});
    }
    p2psync_result result = walk.result;
    if (result == P2PSYNC_OK) {
        result = ps_waiting_sum(txn, &sum);
    }
    if (result == P2PSYNC_OK) {
        late->ended = sum.ended;
    }
    return result;
}

p2psync_result ps_late_next(struct ps_late *late, struct ps_txn *txn, struct ps_late_range *out)
{
    struct ps_waiting_sum sum;
    if (late->telling > 0) {
        *out = late->ranges[late->telling - 1];
        return P2PSYNC_OK;
    }
    p2psync_result result = late->count > 0 ? ps_waiting_sum(txn, &sum) : P2PSYNC_ENOTFOUND;
    if (result != P2PSYNC_OK || sum.ended == late->ended) {
        return result != P2PSYNC_OK ? result : P2PSYNC_ENOTFOUND;
    }
    for (size_t i = 0; i < late->count; i++) {
        struct ps_waiting waiting;
        result = ps_waiting_find(txn, late->ranges[i].log, late->ranges[i].at, &waiting);
        if (result == P2PSYNC_ENOTFOUND) {
            late->telling = i + 1;
            *out = late->ranges[i];
            return P2PSYNC_OK;
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    late->ended = sum.ended;
    return P2PSYNC_ENOTFOUND;
}

void ps_late_told(struct ps_late *late)
{
    struct ps_late_range *range = &late->ranges[late->telling - 1];
    range->at++;
    if (range->at > range->last) {
        late->count--;
        *range = late->ranges[late->count];
        late->telling = 0;
    }
}
