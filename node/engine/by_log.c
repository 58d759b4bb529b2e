/* The array of by_log.h: it doubles when a log with a higher number comes. */
#include "node/engine/by_log.h"

#include <stdlib.h>
#include <string.h>

uint64_t ps_by_log_get(const struct ps_by_log *numbers, uint32_t log)
{
    return log < numbers->count ? numbers->items[log] : 0;
}

p2psync_result ps_by_log_set(struct ps_by_log *numbers, uint32_t log, uint64_t number)
{
    if (log >= numbers->count) {
        size_t count = numbers->count == 0 ? 64 : numbers->count;
        while (count <= log) {
            count *= 2;
        }
        uint64_t *items = realloc(numbers->items, count * sizeof *items);
        if (items == NULL) {
            return P2PSYNC_ENOMEM;
        }
        memset(items + numbers->count, 0, (count - numbers->count) * sizeof *items);
        numbers->items = items;
        numbers->count = count;
    }
    numbers->items[log] = number;
    return P2PSYNC_OK;
}

void ps_by_log_clear(struct ps_by_log *numbers)
{
    if (numbers->count > 0) {
        memset(numbers->items, 0, numbers->count * sizeof *numbers->items);
    }
}

void ps_by_log_deinit(struct ps_by_log *numbers)
{
    free(numbers->items);
    *numbers = (struct ps_by_log){0};
}
