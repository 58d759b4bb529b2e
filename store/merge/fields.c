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
    DROP,  /* the merge has no such key */
    ALIKE, /* pairs that all three maps have, byte for byte */
    EARLIER,
    LATER,
    COMBINE,
    NEST, /* maps on both sides: key by key */
} verdict;

/* One key of the three maps, or a run of pairs that are alike. */
struct item {
    struct ps_bytes key;         /* of a run: the last one */
    struct ps_field_sides sides; /* of a run: `later` is all of it */
    size_t pair_count;
    verdict verdict;
};

/* A map that is walked: how much of it is left, and the next pair, once it has been read. */
struct front {
    struct ps_bytes rest;
    uint32_t left;
    bool is_read;
    size_t size; /* of the pair */
    struct ps_pair pair;
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
static p2psync_result list_in_step(struct walk *walk, const struct ps_bytes sides[3],
                                   bool *sorted_out);
static bool open_front(struct front *front, struct ps_bytes map);
static bool read_front(struct front *front);
static void pass(struct front *front);
static bool are_alike(const struct front front[3]);
static p2psync_result add_alike(struct walk *walk, size_t begin, const struct front *later);
static p2psync_result add_lowest(struct walk *walk, struct front front[3],
                                 const struct ps_bytes *last, bool *sorted_out);
static p2psync_result list_sorted(struct walk *walk, const struct ps_bytes sides[3]);
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
    bool sorted = true;
    p2psync_result result = list_in_step(walk, sides, &sorted);
    if (result == P2PSYNC_OK && !sorted) {
        walk->count = begin;
        result = list_sorted(walk, sides);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
    }
    size_t left = 0;
    for (size_t i = begin; i < walk->count; i++) {
        struct item *item = &walk->items[i];
        if (item->verdict == ALIKE) {
            left += item->pair_count;
            continue;
        }
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

/* Maps that p2psync wrote are sorted, and large ones are mostly alike. So they are walked in step,
 * and what all three have is passed over as a whole: of 200,000 fields of which two differ, three
 * items are made. Not sorted, or not readable: `items` are of no use. */
static p2psync_result list_in_step(struct walk *walk, const struct ps_bytes sides[3],
                                   bool *sorted_out)
{
    struct front front[3];
    const size_t begin = walk->count;
    bool sorted = true;
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < 3 && sorted; i++) {
        sorted = open_front(&front[i], sides[i]);
    }
    while (sorted && result == P2PSYNC_OK && front[0].left + front[1].left + front[2].left > 0) {
        const struct ps_bytes *last =
            walk->count > begin ? &walk->items[walk->count - 1].key : NULL;
        sorted = read_front(&front[0]);
        if (sorted && are_alike(front)) {
            sorted = last == NULL || ps_bytes_compare(*last, front[0].pair.key) < 0;
            front[2].pair = front[0].pair;
            front[2].size = front[0].size;
            result = add_alike(walk, begin, &front[2]);
            for (size_t i = 0; i < 3; i++) {
                front[i].size = front[0].size;
                pass(&front[i]);
            }
        } else if (sorted) {
            sorted = read_front(&front[1]) && read_front(&front[2]);
            result = sorted ? add_lowest(walk, front, last, &sorted) : result;
        }
    }
    *sorted_out = sorted;
    return result;
}

/* Empty bytes are an empty map. */
static bool open_front(struct front *front, struct ps_bytes map)
{
    struct ps_token token;
    *front = (struct front){.rest = map};
    if (map.size == 0) {
        return true;
    }
    if (ps_scan_token(map, &token) != P2PSYNC_OK || token.type != PS_TOKEN_MAP) {
        return false;
    }
    front->left = token.count;
    front->rest = ps_bytes(map.data + token.size, map.size - token.size);
    return true;
}

/* False if the next pair cannot be read. */
static bool read_front(struct front *front)
{
    struct ps_token key;
    size_t size = 0;
    if (front->left == 0 || front->is_read) {
        return true;
    }
    if (ps_scan_token(front->rest, &key) != P2PSYNC_OK || key.type != PS_TOKEN_STR) {
        return false;
    }
    struct ps_bytes value = ps_bytes(front->rest.data + key.size, front->rest.size - key.size);
    if (ps_scan_value(value, PS_DEPTH_MAX, &size) != P2PSYNC_OK) {
        return false;
    }
    front->is_read = true;
    front->size = key.size + size;
    front->pair = (struct ps_pair){.key = key.bytes, .value = ps_bytes(value.data, size)};
    return true;
}

static void pass(struct front *front)
{
    front->rest = ps_bytes(front->rest.data + front->size, front->rest.size - front->size);
    front->left--;
    front->is_read = false;
}

/* Whether the pair of the first is the next one of all. It is taken as it is, so its key must be
 * written as we write it. */
static bool are_alike(const struct front front[3])
{
    const struct front *base = &front[0];
    size_t header = base->size - base->pair.key.size - base->pair.value.size;
    return base->left > 0 && front[1].left > 0 && front[2].left > 0 &&
           header == ps_pairs_key_header(base->pair.key.size) && front[1].rest.size >= base->size &&
           front[2].rest.size >= base->size &&
           memcmp(base->rest.data, front[1].rest.data, base->size) == 0 &&
           memcmp(base->rest.data, front[2].rest.data, base->size) == 0;
}

static p2psync_result add_alike(struct walk *walk, size_t begin, const struct front *later)
{
    struct item *last = walk->count > begin ? &walk->items[walk->count - 1] : NULL;
    if (last != NULL && last->verdict == ALIKE) {
        last->key = later->pair.key;
        last->sides.later.size += later->size;
        last->pair_count++;
        return P2PSYNC_OK;
    }
    const struct item item = {.key = later->pair.key,
                              .sides.later = ps_bytes(later->rest.data, later->size),
                              .pair_count = 1,
                              .verdict = ALIKE};
    return add_item(walk, &item);
}

/* The lowest key of the three, with what each map has there. */
static p2psync_result add_lowest(struct walk *walk, struct front front[3],
                                 const struct ps_bytes *last, bool *sorted_out)
{
    struct item item = {.verdict = DROP};
    struct ps_bytes *sides[3] = {&item.sides.base, &item.sides.earlier, &item.sides.later};
    bool any = false;
    for (size_t i = 0; i < 3; i++) {
        if (front[i].left > 0 && (!any || ps_bytes_compare(front[i].pair.key, item.key) < 0)) {
            item.key = front[i].pair.key;
            any = true;
        }
    }
    for (size_t i = 0; i < 3; i++) {
        if (front[i].left > 0 && ps_bytes_equal(front[i].pair.key, item.key)) {
            *sides[i] = front[i].pair.value;
            pass(&front[i]);
        }
    }
    *sorted_out = last == NULL || ps_bytes_compare(*last, item.key) < 0;
    return add_item(walk, &item);
}

/* The same for maps in any order. */
static p2psync_result list_sorted(struct walk *walk, const struct ps_bytes sides[3])
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < 3 && result == P2PSYNC_OK; i++) {
        walk->maps[i].count = 0;
        result = ps_pairs_list(&walk->maps[i], sides[i]);
    }
    return result == P2PSYNC_OK ? list_items(walk) : result;
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
    if (item->verdict == ALIKE) {
        ps_write_raw(writer, item->sides.later);
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
