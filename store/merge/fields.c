/* Field by field: a field that one side changed is that side's; one that both changed is combined
 * as its rule says, or nested maps by key, or else the later side's. Nothing recurses: maps within
 * maps are on a stack. */
#include "store/merge/fields.h"

#include <stdlib.h>
#include <string.h>

#include "wire/codec.h"
#include "wire/pairs.h"
#include "wire/scan.h"
#include "wire/value.h"

typedef enum verdict {
    DROP, /* the merge has no such key */
    EARLIER,
    LATER,
    COMBINE,
    NEST, /* maps on both sides: key by key */
} verdict;

/* One key of the three maps. */
struct item {
    struct ps_bytes key;
    struct ps_field_sides sides;
    verdict verdict;
};

/* A map that is being written. */
struct level {
    size_t begin; /* of its items */
    size_t next;
    size_t end;
};

struct walk {
    const struct ps_rules *rules;
    struct ps_merge_notes *notes;
    uint64_t *work;
    const struct ps_text_marks *marks;
    struct ps_pairs maps[3]; /* base, earlier, later of the map at hand */
    struct item *items;
    size_t count;
    size_t capacity;
    struct level levels[PS_DEPTH_MAX + 1];
    size_t depth;
    struct ps_writer writer;
    struct ps_buf combined;
};

static ps_record_state merge_states(const struct ps_sides *sides, struct ps_merge_notes *notes);
static p2psync_result merge_values(struct walk *walk, const struct ps_field_sides *maps,
                                   struct ps_buf *out);
static p2psync_result open_map(struct walk *walk, const struct ps_field_sides *maps);
static p2psync_result list_items(struct walk *walk);
static p2psync_result judge(struct walk *walk, struct item *item);
static verdict decide(const struct ps_field_sides *sides, const bool same[3],
                      struct ps_merge_notes *notes);
static p2psync_result compare(const struct ps_field_sides *sides, bool same[3]);
static p2psync_result compare_two(struct ps_bytes a, struct ps_bytes b, bool *out);
static bool is_map(struct ps_bytes value);
static p2psync_result write_item(struct walk *walk, const struct item *item);
static p2psync_result add_item(struct walk *walk, const struct item *item);

p2psync_result ps_fields_merge(const struct ps_rules *rules, const struct ps_sides *sides,
                               struct ps_buf *out, ps_record_state *state_out,
                               struct ps_merge_notes *notes)
{
    bool gone[2] = {sides->earlier.state == PS_RECORD_DELETED,
                    sides->later.state == PS_RECORD_DELETED};
    if (gone[0] || gone[1]) {
        const struct ps_side *left = gone[1] ? &sides->earlier : &sides->later;
        /* An edit beats a delete. It is a conflict unless there was nothing to delete. */
        notes->conflict |= gone[0] != gone[1] && sides->base.state != PS_RECORD_DELETED;
        *state_out = left->state;
        return ps_buf_append(out, left->value.data, left->value.size);
    }
    size_t start = out->size;
    struct walk walk = {.rules = rules, .notes = notes, .work = sides->work, .marks = sides->marks};
    struct ps_merge_notes before = *notes;
    struct ps_field_sides maps = {
        .base = sides->base.value, .earlier = sides->earlier.value, .later = sides->later.value};
    if (sides->base.state == PS_RECORD_DELETED) {
        maps.base = ps_bytes(NULL, 0);
    }
    ps_buf_init(&walk.combined, PS_VALUE_SIZE_MAX);
    p2psync_result result = merge_values(&walk, &maps, out);
    if (result == P2PSYNC_OK && out->size - start > PS_VALUE_SIZE_MAX) {
        result = P2PSYNC_ELIMIT;
    }
    if (result == P2PSYNC_ELIMIT) {
        ps_buf_truncate(out, start);
        *notes = (struct ps_merge_notes){.conflict = true, .open = before.open};
        result = ps_buf_append(out, maps.later.data, maps.later.size);
    }
    ps_buf_deinit(&walk.combined);
    free(walk.items);
    for (size_t i = 0; i < 3; i++) {
        ps_pairs_free(&walk.maps[i]);
    }
    if (result == P2PSYNC_OK) {
        *state_out = merge_states(sides, notes);
    }
    return result;
}

/* Whether a record is archived is merged like a field: if one side changed it, that side's state
 * holds, else the later side's. */
static ps_record_state merge_states(const struct ps_sides *sides, struct ps_merge_notes *notes)
{
    ps_record_state base = sides->base.state;
    ps_record_state earlier = sides->earlier.state;
    ps_record_state later = sides->later.state;
    notes->conflict |= earlier != later && earlier != base && later != base;
    return later == base ? earlier : later;
}

static p2psync_result merge_values(struct walk *walk, const struct ps_field_sides *maps,
                                   struct ps_buf *out)
{
    ps_writer_init(&walk->writer, out);
    p2psync_result result = open_map(walk, maps);
    while (result == P2PSYNC_OK && walk->depth > 0) {
        struct level *level = &walk->levels[walk->depth - 1];
        if (level->next == level->end) {
            walk->count = level->begin;
            walk->depth--;
        } else {
            struct item item = walk->items[level->next]; /* the list may move */
            level->next++;
            result = write_item(walk, &item);
        }
    }
    return result == P2PSYNC_OK ? ps_writer_finish(&walk->writer) : result;
}

/* List what the three maps have, decide on each key, and write how many are left. */
static p2psync_result open_map(struct walk *walk, const struct ps_field_sides *maps)
{
    const struct ps_bytes sides[3] = {maps->base, maps->earlier, maps->later};
    if (walk->depth == sizeof walk->levels / sizeof walk->levels[0]) {
        return P2PSYNC_ECORRUPT; /* deeper than a checked value can be */
    }
    size_t begin = walk->count;
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < 3 && result == P2PSYNC_OK; i++) {
        walk->maps[i].count = 0;
        result = ps_pairs_list(&walk->maps[i], sides[i]);
    }
    if (result == P2PSYNC_OK) {
        result = list_items(walk);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
    }
    size_t left = 0;
    for (size_t i = begin; i < walk->count; i++) {
        struct item *item = &walk->items[i];
        if (walk->depth == 0) {
            item->sides.rule = ps_rules_field_rule(walk->rules, item->key);
            item->sides.work = walk->work;
            item->sides.marks = walk->marks;
        }
        result = judge(walk, item);
        if (result != P2PSYNC_OK) {
            return result;
        }
        left += item->verdict != DROP;
    }
    walk->levels[walk->depth] = (struct level){.begin = begin, .next = begin, .end = walk->count};
    walk->depth++;
    ps_write_map(&walk->writer, left);
    return P2PSYNC_OK;
}

/* The keys of the three sorted lists, ascending. */
static p2psync_result list_items(struct walk *walk)
{
    size_t at[3] = {0};
    for (;;) { /* takes at least one pair a turn */
        struct item item = {.key = {NULL, 0}};
        const struct ps_pair *front[3] = {NULL, NULL, NULL};
        const struct ps_pair *lowest = NULL;
        for (size_t i = 0; i < 3; i++) {
            if (at[i] < walk->maps[i].count) {
                front[i] = &walk->maps[i].pair[at[i]];
                bool lower = lowest == NULL || ps_bytes_compare(front[i]->key, lowest->key) < 0;
                lowest = lower ? front[i] : lowest;
            }
        }
        if (lowest == NULL) {
            return P2PSYNC_OK;
        }
        item.key = lowest->key;
        struct ps_bytes *sides[3] = {&item.sides.base, &item.sides.earlier, &item.sides.later};
        for (size_t i = 0; i < 3; i++) {
            if (front[i] != NULL && ps_bytes_equal(front[i]->key, item.key)) {
                *sides[i] = front[i]->value;
                at[i]++;
            }
        }
        p2psync_result result = add_item(walk, &item);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
}

static p2psync_result judge(struct walk *walk, struct item *item)
{
    bool same[3] = {false, false, false};
    p2psync_result result = compare(&item->sides, same);
    if (result == P2PSYNC_OK) {
        item->verdict = decide(&item->sides, same, walk->notes);
    }
    return result;
}

/* If only one side changed a field, that side's value is taken. Counters are added up before the
 * two sides are compared: if both raised a counter to the same number, it was raised twice. */
static verdict decide(const struct ps_field_sides *sides, const bool same[3],
                      struct ps_merge_notes *notes)
{
    verdict earlier = sides->earlier.size > 0 ? EARLIER : DROP;
    verdict later = sides->later.size > 0 ? LATER : DROP;
    if (same[0]) {
        return later;
    }
    if (same[1]) {
        return earlier;
    }
    bool combines = ps_combine_fits(sides);
    if (combines && sides->rule == PS_FIELD_COUNTER) {
        return COMBINE;
    }
    if (same[2]) {
        return later;
    }
    if (combines) {
        return COMBINE;
    }
    if (sides->rule == PS_FIELD_LAST_WRITE_WINS && is_map(sides->earlier) && is_map(sides->later)) {
        return NEST;
    }
    notes->conflict = true;
    return later;
}

/* Whether earlier and base, later and base, earlier and later are the same. */
static p2psync_result compare(const struct ps_field_sides *sides, bool same[3])
{
    p2psync_result result = compare_two(sides->earlier, sides->base, &same[0]);
    if (result == P2PSYNC_OK) {
        result = compare_two(sides->later, sides->base, &same[1]);
    }
    if (result == P2PSYNC_OK) {
        result = compare_two(sides->earlier, sides->later, &same[2]);
    }
    return result;
}

static p2psync_result compare_two(struct ps_bytes a, struct ps_bytes b, bool *out)
{
    if (a.size == 0 || b.size == 0) {
        *out = a.size == b.size;
        return P2PSYNC_OK;
    }
    return ps_value_same(a, b, out);
}

static bool is_map(struct ps_bytes value)
{
    struct ps_token token;
    return ps_scan_token(value, &token) == P2PSYNC_OK && token.type == PS_TOKEN_MAP;
}

static p2psync_result write_item(struct walk *walk, const struct item *item)
{
    struct ps_writer *writer = &walk->writer;
    p2psync_result result = P2PSYNC_OK;
    if (item->verdict == DROP) {
        return P2PSYNC_OK;
    }
    ps_write_str(writer, item->key);
    if (item->verdict == EARLIER) {
        ps_write_raw(writer, item->sides.earlier);
    } else if (item->verdict == LATER) {
        ps_write_raw(writer, item->sides.later);
    } else if (item->verdict == NEST) {
        struct ps_field_sides maps = item->sides;
        maps.base = is_map(maps.base) ? maps.base : ps_bytes(NULL, 0);
        result = open_map(walk, &maps);
    } else {
        ps_buf_clear(&walk->combined);
        result = ps_combine(&item->sides, &walk->combined, walk->notes);
        if (result == P2PSYNC_OK) {
            ps_write_raw(writer, ps_buf_view(&walk->combined));
        } else if (result == P2PSYNC_ELIMIT) {
            walk->notes->conflict = true;
            ps_write_raw(writer, item->sides.later);
            result = P2PSYNC_OK;
        }
    }
    return result;
}

static p2psync_result add_item(struct walk *walk, const struct item *item)
{
    if (walk->count == walk->capacity) {
        size_t capacity = walk->capacity == 0 ? 32 : walk->capacity * 2;
        struct item *items = reallocarray(walk->items, capacity, sizeof *items);
        if (items == NULL) {
            return P2PSYNC_ENOMEM;
        }
        walk->items = items;
        walk->capacity = capacity;
    }
    walk->items[walk->count] = *item;
    walk->count++;
    return P2PSYNC_OK;
}
