/* Effects: what the engine wants done, as a list of items and one arena with their bytes. */
#ifndef PS_NODE_ENGINE_EFFECTS_H
#define PS_NODE_ENGINE_EFFECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p2psync.h>

#include "wire/bytes.h"
#include "wire/id.h"

typedef enum ps_effect_type {
    PS_EFFECT_NONE = 0,
    PS_EFFECT_SEND = 1,  /* link, bytes */
    PS_EFFECT_DIAL,      /* link, device, bytes: the endpoint as text */
    PS_EFFECT_HANGUP,    /* link: close it if it was dialled, forget it if accepted; no LINK_DOWN
                            is to come */
    PS_EFFECT_ALLOW,     /* members moved: read them with ps_engine_allowed() */
    PS_EFFECT_BURST,     /* send beacons more often for a while */
    PS_EFFECT_PAIR_SEND, /* link, bytes */
    PS_EFFECT_PAIR_CLOSE,
    PS_EFFECT_TELL,     /* event, bytes: a MessagePack map of what p2psync.h says, without event and
                           time */
    PS_EFFECT_LOG,      /* level, name, bytes: text */
    PS_EFFECT_NOW_DONE, /* request, result, bytes: a MessagePack map as p2psync_now() fills */
} ps_effect_type;

struct ps_effect {
    ps_effect_type type;
    uint64_t link;
    struct ps_device device;
    size_t offset; /* of the bytes in the effects' arena: see ps_effects_bytes() */
    size_t size;
    p2psync_event_type event;
    p2psync_log_level level;
    const char *name; /* static */
    uint64_t request;
    p2psync_result result;
};

/* What one call of ps_engine_step() wants done; used again for the next call. */
struct ps_effects {
    struct ps_buf arena;
    struct ps_effect *items;
    size_t count;
    size_t capacity;
    size_t events_taken; /* of the batch: the others are for the next call */
};

void ps_effects_init(struct ps_effects *effects);
void ps_effects_deinit(struct ps_effects *effects);
void ps_effects_clear(struct ps_effects *effects);
/* The bytes of an effect, until the next step. */
struct ps_bytes ps_effects_bytes(const struct ps_effects *effects, const struct ps_effect *effect);

/* ---- for emit.c ---- */

/* Add an effect whose bytes are what was appended to the arena since the effect before it. NULL if
 * there is no room; those bytes are dropped then. */
struct ps_effect *ps_effects_add(struct ps_effects *effects, ps_effect_type type);
/* Drop what was appended since the last effect. */
void ps_effects_drop(struct ps_effects *effects);
/* Whether a largest message still fits. */
bool ps_effects_have_room(const struct ps_effects *effects);

#endif
