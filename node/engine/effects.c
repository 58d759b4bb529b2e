/* The list and the arena of node/engine/effects.h. */
#include "node/engine/effects.h"

#include <assert.h>
#include <stdlib.h>

#include "wire/limits.h"

#define ARENA_SIZE_MAX                                                                             \
    ((size_t)8 * 1024 * 1024) /* bytes: two peers' credit, and small messages                      \
                               */
#define ITEMS_MAX 16384

static size_t items_end(const struct ps_effects *effects);

void ps_effects_init(struct ps_effects *effects)
{
    *effects = (struct ps_effects){0};
    ps_buf_init(&effects->arena, ARENA_SIZE_MAX);
}

void ps_effects_deinit(struct ps_effects *effects)
{
    ps_buf_deinit(&effects->arena);
    free(effects->items);
    effects->items = NULL;
    effects->count = 0;
    effects->capacity = 0;
}

void ps_effects_clear(struct ps_effects *effects)
{
    ps_buf_clear(&effects->arena);
    effects->count = 0;
    effects->events_taken = 0;
}

struct ps_bytes ps_effects_bytes(const struct ps_effects *effects, const struct ps_effect *effect)
{
    if (effect->size == 0) {
        return ps_bytes(NULL, 0);
    }
    return ps_bytes(effects->arena.data + effect->offset, effect->size);
}

bool ps_effects_have_room(const struct ps_effects *effects)
{
    return effects->arena.size + 2 * (size_t)PS_MESSAGE_SIZE_MAX < ARENA_SIZE_MAX &&
           effects->count + 64 < ITEMS_MAX;
}

void ps_effects_drop(struct ps_effects *effects)
{
    effects->arena.size = items_end(effects);
}

struct ps_effect *ps_effects_add(struct ps_effects *effects, ps_effect_type type)
{
    size_t begin = items_end(effects);
    assert(begin <= effects->arena.size);
    if (effects->count == effects->capacity) {
        size_t capacity = effects->capacity == 0 ? 64 : effects->capacity * 2;
        struct ps_effect *items =
            capacity > ITEMS_MAX ? NULL : realloc(effects->items, capacity * sizeof *items);
        if (items == NULL) {
            effects->arena.size = begin;
            return NULL;
        }
        effects->items = items;
        effects->capacity = capacity;
    }
    struct ps_effect *effect = &effects->items[effects->count++];
    *effect =
        (struct ps_effect){.type = type, .offset = begin, .size = effects->arena.size - begin};
    return effect;
}

static size_t items_end(const struct ps_effects *effects)
{
    if (effects->count == 0) {
        return 0;
    }
    const struct ps_effect *last = &effects->items[effects->count - 1];
    return last->offset + last->size;
}
