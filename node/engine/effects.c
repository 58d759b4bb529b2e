/* Effects: what a step wants done, as a list of items and one arena of bytes. Everything that a
 * message, an event or a log record is made of is encoded straight into the arena; what does not
 * fit is dropped whole, and the turn remembers that it was. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/engine/turn.h"

#define ARENA_SIZE_MAX ((size_t)8 * 1024 * 1024) /* bytes: two peers' credit, and small talk */
#define ITEMS_MAX      16384
#define LOG_TEXT_MAX   512

static struct ps_effect *add(struct ps_turn *turn, ps_effect_type type);
static struct ps_effect *add_encoded(struct ps_turn *turn, ps_effect_type type,
                                     p2psync_result encoded);
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
}

struct ps_bytes ps_effect_bytes(const struct ps_effects *effects, const struct ps_effect *effect)
{
    if (effect->size == 0) {
        return ps_bytes(NULL, 0);
    }
    return ps_bytes(effects->arena.data + effect->offset, effect->size);
}

struct ps_buf *ps_emit_begin(struct ps_turn *turn)
{
    return &turn->effects->arena;
}

void ps_emit_send(struct ps_turn *turn, struct ps_peer *peer, uint64_t link, p2psync_result encoded)
{
    struct ps_effect *effect = add_encoded(turn, PS_EFFECT_SEND, encoded);
    if (effect != NULL) {
        effect->link = link;
        peer->row.sent_bytes += effect->size;
    }
}

void ps_emit_pair_send(struct ps_turn *turn, uint64_t link, p2psync_result encoded)
{
    struct ps_effect *effect = add_encoded(turn, PS_EFFECT_PAIR_SEND, encoded);
    if (effect != NULL) {
        effect->link = link;
    }
}

void ps_emit_tell(struct ps_turn *turn, p2psync_event_type event, p2psync_result encoded)
{
    struct ps_effect *effect = add_encoded(turn, PS_EFFECT_TELL, encoded);
    if (effect != NULL) {
        effect->event = event;
    }
}

void ps_emit_now_done(struct ps_turn *turn, uint64_t request, p2psync_result result,
                      p2psync_result encoded)
{
    struct ps_effect *effect = add_encoded(turn, PS_EFFECT_NOW_DONE, encoded);
    if (effect != NULL) {
        effect->request = request;
        effect->result = result;
    }
}

void ps_emit_dial(struct ps_turn *turn, uint64_t link, const struct ps_device *device,
                  const char *endpoint)
{
    struct ps_bytes text = ps_bytes_text(endpoint);
    if (ps_buf_append(&turn->effects->arena, text.data, text.size) != P2PSYNC_OK) {
        turn->out_of_room = true;
        return;
    }
    struct ps_effect *effect = add(turn, PS_EFFECT_DIAL);
    if (effect != NULL) {
        effect->link = link;
        effect->device = *device;
    }
}

void ps_emit_hangup(struct ps_turn *turn, uint64_t link)
{
    struct ps_effect *effect = add(turn, PS_EFFECT_HANGUP);
    if (effect != NULL) {
        effect->link = link;
    }
}

bool ps_emit_hung_up(const struct ps_turn *turn, uint64_t link)
{
    const struct ps_effects *effects = turn->effects;
    for (size_t i = 0; i < effects->count; i++) {
        if (effects->items[i].type == PS_EFFECT_HANGUP && effects->items[i].link == link) {
            return true;
        }
    }
    return false;
}

void ps_emit_plain(struct ps_turn *turn, ps_effect_type type)
{
    (void)add(turn, type);
}

void ps_emit_log(struct ps_turn *turn, p2psync_log_level level, const char *name,
                 const char *format, ...)
{
    char text[LOG_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (length < 0) {
        return;
    }
    size_t size = strlen(text);
    if (ps_buf_append(&turn->effects->arena, text, size) != P2PSYNC_OK) {
        return;
    }
    struct ps_effect *effect = add(turn, PS_EFFECT_LOG);
    if (effect != NULL) {
        effect->level = level;
        effect->name = name;
    }
}

bool ps_emit_has_room(const struct ps_turn *turn)
{
    const struct ps_effects *effects = turn->effects;
    return effects->arena.size + 2 * (size_t)PS_MESSAGE_SIZE_MAX < ARENA_SIZE_MAX &&
           effects->count + 64 < ITEMS_MAX;
}

static struct ps_effect *add_encoded(struct ps_turn *turn, ps_effect_type type,
                                     p2psync_result encoded)
{
    if (encoded != P2PSYNC_OK) {
        turn->effects->arena.size = items_end(turn->effects);
        turn->out_of_room = true;
        return NULL;
    }
    return add(turn, type);
}

/* An item whose bytes are what was appended to the arena since the item before it. */
static struct ps_effect *add(struct ps_turn *turn, ps_effect_type type)
{
    struct ps_effects *effects = turn->effects;
    size_t begin = items_end(effects);
    assert(begin <= effects->arena.size);
    if (effects->count == effects->capacity) {
        size_t capacity = effects->capacity == 0 ? 64 : effects->capacity * 2;
        struct ps_effect *items =
            capacity > ITEMS_MAX ? NULL : realloc(effects->items, capacity * sizeof *items);
        if (items == NULL) {
            effects->arena.size = begin;
            turn->out_of_room = true;
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
