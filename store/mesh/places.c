/* Sorted, and found by halves: places.h. */
#include "store/mesh/places.h"

#include <stdlib.h>

#include "wire/bytes.h"

static struct ps_place place_of(const struct ps_replay_act *act);
static uint64_t read_number(const uint8_t *bytes);
static int compare_places(const void *a, const void *b);

p2psync_result ps_places_find(const struct ps_replay_input *input, struct ps_places *out)
{
    *out = (struct ps_places){0};
    out->places = calloc(input->act_count + 1, sizeof *out->places);
    out->of = calloc(input->act_count + 1, sizeof *out->of);
    if (out->places == NULL || out->of == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (size_t i = 0; i < input->act_count; i++) {
        out->places[i] = place_of(&input->acts[i]);
    }
    qsort(out->places, input->act_count, sizeof *out->places, compare_places);
    for (size_t i = 0; i < input->act_count; i++) {
        if (i == 0 || compare_places(&out->places[i], &out->places[out->count - 1]) != 0) {
            out->places[out->count] = out->places[i];
            out->count++;
        }
    }
    for (size_t i = 0; i < input->act_count; i++) {
        out->of[i] = ps_place_of(out, &input->acts[i]);
    }
    return P2PSYNC_OK;
}

void ps_places_deinit(struct ps_places *places)
{
    free(places->of);
    free(places->places);
    *places = (struct ps_places){0};
}

uint32_t ps_place_of(const struct ps_places *places, const struct ps_replay_act *role)
{
    const struct ps_place sought = place_of(role);
    uint32_t low = 0;
    uint32_t high = places->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = compare_places(&places->places[middle], &sought);
        if (order == 0) {
            return middle;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return PS_REPLAY_NONE;
}

static struct ps_place place_of(const struct ps_replay_act *act)
{
    static_assert(sizeof act->id.bytes == 16, "an id is two numbers");
    return (struct ps_place){.id_high = read_number(act->id.bytes),
                             .id_low = read_number(act->id.bytes + 8),
                             .kind = act->kind,
                             .subject = act->subject,
                             .scope = act->kind == PS_ACT_ROLE ? act->scope : 0};
}

static uint64_t read_number(const uint8_t *bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < 8; i++) {
        number = number << 8 | bytes[i];
    }
    return number;
}

static int compare_places(const void *a, const void *b)
{
    const struct ps_place *left = a;
    const struct ps_place *right = b;
    if (left->id_high != right->id_high) {
        return left->id_high < right->id_high ? -1 : 1;
    }
    if (left->id_low != right->id_low) {
        return left->id_low < right->id_low ? -1 : 1;
    }
    if (left->kind != right->kind) {
        return left->kind < right->kind ? -1 : 1;
    }
    if (left->subject != right->subject) {
        return left->subject < right->subject ? -1 : 1;
    }
    return left->scope == right->scope ? 0 : left->scope < right->scope ? -1 : 1;
}
