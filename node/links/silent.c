/* The list of silent.h: times ascend, because all wait equally long. */
#include "node/links/silent.h"

#include <assert.h>
#include <string.h>

static size_t count_of(const struct ps_silent *silent, uint64_t from);
static size_t oldest_of(const struct ps_silent *silent, uint64_t from);
static uint64_t fullest(const struct ps_silent *silent);
static bool is_link(struct ps_accepted_table *links, int descriptor);
static int take(struct ps_silent *silent, size_t index);

void ps_silent_init(struct ps_silent *silent, size_t max, uint64_t age_ms)
{
    assert(max <= PS_SILENT_MAX);
    *silent = (struct ps_silent){.max = max, .age_ms = age_ms};
}

int ps_silent_add(struct ps_silent *silent, struct ps_accepted_table *links, int descriptor,
                  uint64_t from, bool crowded)
{
    silent->items[silent->count].descriptor = descriptor;
    silent->items[silent->count].from = from;
    silent->items[silent->count].until_ms = 0;
    silent->count++;
    size_t index = silent->count;
    if (count_of(silent, from) > silent->max / PS_SILENT_PART) {
        index = oldest_of(silent, from);
    } else if (crowded || silent->count > silent->max) {
        index = oldest_of(silent, fullest(silent));
    }
    if (index == silent->count) {
        return -1;
    }
    int oldest = take(silent, index);
    return is_link(links, oldest) ? -1 : oldest; /* it spoke before it was told to have come */
}

bool ps_silent_remove(struct ps_silent *silent, int descriptor)
{
    for (size_t i = 0; i < silent->count; i++) {
        if (silent->items[i].descriptor == descriptor) {
            (void)take(silent, i);
            return true;
        }
    }
    return false;
}

int ps_silent_due(struct ps_silent *silent, struct ps_accepted_table *links, uint64_t now_ms)
{
    for (size_t i = 0; i < silent->count; i++) {
        if (silent->items[i].until_ms == 0) {
            silent->items[i].until_ms = now_ms + silent->age_ms;
        }
    }
    while (silent->count > 0 && silent->items[0].until_ms <= now_ms) {
        int descriptor = take(silent, 0);
        if (!is_link(links, descriptor)) {
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

static size_t count_of(const struct ps_silent *silent, uint64_t from)
{
    size_t count = 0;
    for (size_t i = 0; i < silent->count; i++) {
        count += silent->items[i].from == from ? 1 : 0;
    }
    return count;
}

/* Its index, or the count. */
static size_t oldest_of(const struct ps_silent *silent, uint64_t from)
{
    size_t index = 0;
    while (index < silent->count && silent->items[index].from != from) {
        index++;
    }
    return index;
}

/* The address that has most connections; of several such the one whose oldest is oldest. */
static uint64_t fullest(const struct ps_silent *silent)
{
    uint64_t from = 0;
    size_t most = 0;
    for (size_t i = 0; i < silent->count; i++) {
        size_t count = count_of(silent, silent->items[i].from);
        if (count > most) {
            most = count;
            from = silent->items[i].from;
        }
    }
    return from;
}

static bool is_link(struct ps_accepted_table *links, int descriptor)
{
    return links && ps_accepted_by_descriptor(links, descriptor);
}

static int take(struct ps_silent *silent, size_t index)
{
    int descriptor = silent->items[index].descriptor;
    silent->count--;
    memmove(&silent->items[index], &silent->items[index + 1],
            (silent->count - index) * sizeof silent->items[0]);
    return descriptor;
}
