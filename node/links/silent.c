/* The list of silent.h: times ascend, because all wait equally long. */
#include "node/links/silent.h"

#include <string.h>

static int take(struct ps_silent *silent, size_t index);

int ps_silent_add(struct ps_silent *silent, struct ps_accepted_table *links, int descriptor)
{
    int oldest = silent->count == PS_SILENT_MAX ? take(silent, 0) : -1;
    if (oldest >= 0 && ps_accepted_by_descriptor(links, oldest)) {
        oldest = -1; /* it spoke before it was told to have come */
    }
    silent->items[silent->count].descriptor = descriptor;
    silent->items[silent->count].until_ms = 0;
    silent->count++;
    return oldest;
}

void ps_silent_remove(struct ps_silent *silent, int descriptor)
{
    for (size_t i = 0; i < silent->count; i++) {
        if (silent->items[i].descriptor == descriptor) {
            (void)take(silent, i);
            return;
        }
    }
}

int ps_silent_due(struct ps_silent *silent, struct ps_accepted_table *links, uint64_t now_ms)
{
    for (size_t i = 0; i < silent->count; i++) {
        if (silent->items[i].until_ms == 0) {
            silent->items[i].until_ms = now_ms + PS_SILENT_MS;
        }
    }
    while (silent->count > 0 && silent->items[0].until_ms <= now_ms) {
        int descriptor = take(silent, 0);
        if (!ps_accepted_by_descriptor(links, descriptor)) {
            return descriptor;
        }
    }
    return -1;
}

uint64_t ps_silent_deadline_ms(const struct ps_silent *silent)
{
    if (silent->count == 0) {
        return UINT64_MAX;
    }
    /* The newest may have no time yet. */
    return silent->items[silent->count - 1].until_ms == 0 ? 0 : silent->items[0].until_ms;
}

static int take(struct ps_silent *silent, size_t index)
{
    int descriptor = silent->items[index].descriptor;
    silent->count--;
    memmove(&silent->items[index], &silent->items[index + 1],
            (silent->count - index) * sizeof silent->items[0]);
    return descriptor;
}
