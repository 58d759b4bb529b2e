/* Encoding into the effects, as node/engine/emit.h says. */
#include "node/engine/emit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "node/engine/remember.h"
#include "node/engine/turn.h"

#define LOG_TEXT_MAX 512

static bool has(const struct ps_effects *effects, ps_effect_type type, uint64_t link);
static struct ps_effect *add(struct ps_turn *turn, ps_effect_type type);
static struct ps_effect *add_encoded(struct ps_turn *turn, ps_effect_type type,
                                     p2psync_result encoded);

struct ps_buf *ps_emit_begin(struct ps_turn *turn)
{
    return &turn->effects->arena;
}

void ps_emit_send(struct ps_turn *turn, struct ps_peer *peer, uint64_t link, p2psync_result encoded)
{
    struct ps_effect *effect = add_encoded(turn, PS_EFFECT_SEND, encoded);
    if (effect != NULL) {
        effect->link = link;
        if (peer != NULL) {
            ps_remember_sent(peer, effect->size);
        }
    } else if (peer != NULL) {
        ps_state_untell(peer);
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

bool ps_emit_sends(const struct ps_turn *turn, uint64_t link)
{
    return has(turn->effects, PS_EFFECT_SEND, link);
}

bool ps_emit_hung_up(const struct ps_turn *turn, uint64_t link)
{
    return has(turn->effects, PS_EFFECT_HANGUP, link);
}

static bool has(const struct ps_effects *effects, ps_effect_type type, uint64_t link)
{
    for (size_t i = 0; i < effects->count; i++) {
        if (effects->items[i].type == type && effects->items[i].link == link) {
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
    return ps_effects_have_room(turn->effects);
}

static struct ps_effect *add_encoded(struct ps_turn *turn, ps_effect_type type,
                                     p2psync_result encoded)
{
    if (encoded != P2PSYNC_OK) {
        ps_effects_drop(turn->effects);
        turn->out_of_room = true;
        return NULL;
    }
    return add(turn, type);
}

static struct ps_effect *add(struct ps_turn *turn, ps_effect_type type)
{
    struct ps_effect *effect = ps_effects_add(turn->effects, type);
    turn->out_of_room = turn->out_of_room || effect == NULL;
    return effect;
}
