/* The table of accepted links: a plain array, searched from its beginning. A device has one or two
 * links, so it is about as long as the mesh has devices. */
#include "node/links/accepted.h"

#include <assert.h>
#include <stdlib.h>

#define LOOKS_MAX     10 /* at a suspected link ... */
#define LOOK_FIRST_MS 4U /* ... with doubling pauses: four seconds in all */
#define CUT_MS        500U
#define CAPACITY_MIN  16

static void set_suspected(struct ps_accepted_table *table, struct ps_accepted *accepted);

void ps_accepted_init(struct ps_accepted_table *table, size_t count_max)
{
    *table = (struct ps_accepted_table){.count_max = count_max, .deadline_ms = UINT64_MAX};
}

void ps_accepted_deinit(struct ps_accepted_table *table)
{
    free(table->items);
    ps_accepted_init(table, table->count_max);
}

struct ps_accepted *ps_accepted_find(struct ps_accepted_table *table, uint64_t link)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->items[i].link == link) {
            return &table->items[i];
        }
    }
    return NULL;
}

struct ps_accepted *ps_accepted_add(struct ps_accepted_table *table,
                                    const struct ps_accepted *accepted)
{
    if (table->count == table->count_max) {
        return NULL;
    }
    if (table->count == table->capacity) {
        size_t capacity = table->capacity ? 2 * table->capacity : CAPACITY_MIN;
        struct ps_accepted *grown = realloc(table->items, capacity * sizeof *grown);
        if (!grown) {
            return NULL;
        }
        table->items = grown;
        table->capacity = capacity;
    }
    struct ps_accepted *added = &table->items[table->count++];
    *added = *accepted;
    return added;
}

void ps_accepted_suspect(struct ps_accepted_table *table, int descriptor)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->items[i].descriptor == descriptor) {
            set_suspected(table, &table->items[i]);
        }
    }
}

struct ps_accepted *ps_accepted_due(struct ps_accepted_table *table, uint64_t now_ms)
{
    if (now_ms < table->deadline_ms) {
        return NULL;
    }
    uint64_t deadline_ms = UINT64_MAX;
    for (size_t i = 0; i < table->count; i++) {
        struct ps_accepted *accepted = &table->items[i];
        if (accepted->gone || !accepted->looks_left) {
            continue;
        }
        if (accepted->look_ms <= now_ms) {
            uint64_t pause_ms = LOOK_FIRST_MS << (LOOKS_MAX - accepted->looks_left);
            accepted->look_ms = now_ms + pause_ms;
            accepted->looks_left--;
            return accepted;
        }
        if (accepted->look_ms < deadline_ms) {
            deadline_ms = accepted->look_ms;
        }
    }
    table->deadline_ms = deadline_ms;
    return NULL;
}

void ps_accepted_mute(struct ps_accepted_table *table, struct ps_accepted *accepted)
{
    accepted->muted = true;
    table->deadline_ms = 0;
}

struct ps_accepted *ps_accepted_overdue(struct ps_accepted_table *table, uint64_t now_ms)
{
    for (size_t i = 0; i < table->count; i++) {
        struct ps_accepted *accepted = &table->items[i];
        if (!accepted->muted || accepted->cut || accepted->gone) {
            continue;
        }
        if (accepted->cut_ms == 0) {
            accepted->cut_ms = now_ms + CUT_MS;
        }
        if (accepted->cut_ms <= now_ms) {
            accepted->cut = true;
            return accepted;
        }
        if (accepted->cut_ms < table->deadline_ms) {
            table->deadline_ms = accepted->cut_ms;
        }
    }
    return NULL;
}

struct ps_accepted *ps_accepted_by_descriptor(struct ps_accepted_table *table, int descriptor)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->items[i].descriptor == descriptor && !table->items[i].gone) {
            return &table->items[i];
        }
    }
    return NULL;
}

void ps_accepted_set_gone(struct ps_accepted_table *table, struct ps_accepted *accepted)
{
    assert(!accepted->gone);
    accepted->gone = true;
    table->gone_count++;
}

void ps_accepted_remove(struct ps_accepted_table *table, struct ps_accepted *accepted)
{
    assert(table->count > 0);
    table->gone_count -= accepted->gone && !accepted->ended;
    *accepted = table->items[--table->count];
}

struct ps_accepted *ps_accepted_end_gone(struct ps_accepted_table *table)
{
    for (size_t i = 0; table->gone_count && i < table->count; i++) {
        struct ps_accepted *accepted = &table->items[i];
        if (accepted->gone && !accepted->ended) {
            accepted->ended = true;
            table->gone_count--;
            return accepted;
        }
    }
    return NULL;
}

static void set_suspected(struct ps_accepted_table *table, struct ps_accepted *accepted)
{
    accepted->looks_left = LOOKS_MAX;
    accepted->look_ms = 0;
    table->deadline_ms = 0;
}
