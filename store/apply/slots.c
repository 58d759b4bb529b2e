/* A set of versions: see slots.h. Items are only ever added at the end, so the table never has to
 * forget one. */
#include "store/apply/slots.h"

#include <stdlib.h>
#include <string.h>

#define FEW 16 /* items are looked at one by one up to here */

static p2psync_result make_room(struct ps_slots *slots);
static void enter(struct ps_slots *slots, uint32_t index);
static void note_newest(struct ps_slots *slots, uint32_t index);
static void drop_value(struct ps_slot *slot);
static bool is_named(const struct ps_slot *slot, const struct ps_parent *name);
static int compare(const struct ps_version *a, const struct ps_version *b);
static int compare_slots(const void *a, const void *b);

/* By (hlc, origin, seq); two branches of a fork, which have the same dot, by their leaf. */
static int compare(const struct ps_version *a, const struct ps_version *b)
{
    if (a->hlc != b->hlc) {
        return a->hlc < b->hlc ? -1 : 1;
    }
    int order = ps_dot_compare(a->dot, b->dot);
    return order != 0 ? order : memcmp(a->leaf, b->leaf, sizeof a->leaf);
}

p2psync_result ps_slots_add(struct ps_slots *slots, const struct ps_version *version,
                            struct ps_buf *own)
{
    p2psync_result result = make_room(slots);
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint32_t index = slots->item_count;
    slots->items[index] = (struct ps_slot){.version = *version, .own = *own};
    ps_buf_init(own, own->size_max);
    slots->item_count++;
    slots->count++;
    if (slots->table != NULL) {
        enter(slots, index);
    }
    note_newest(slots, index);
    return P2PSYNC_OK;
}

/* Make room for one item more, in the table as well. */
static p2psync_result make_room(struct ps_slots *slots)
{
    if (slots->item_count == slots->capacity) {
        uint32_t capacity = slots->capacity == 0 ? 4 : slots->capacity * 2;
        struct ps_slot *items = reallocarray(slots->items, capacity, sizeof *items);
        if (items == NULL) {
            return P2PSYNC_ENOMEM;
        }
        slots->items = items;
        slots->capacity = capacity;
    }
    if (slots->item_count >= FEW && slots->item_count >= slots->table_size / 2) {
        uint32_t size = slots->table_size == 0 ? 4 * FEW : slots->table_size * 2;
        uint32_t *table = calloc(size, sizeof *table);
        if (table == NULL) {
            return P2PSYNC_ENOMEM;
        }
        free(slots->table);
        slots->table = table;
        slots->table_size = size;
        for (uint32_t i = 0; i < slots->item_count; i++) {
            enter(slots, i);
        }
    }
    return P2PSYNC_OK;
}

/* The leaf hash is used as it is: its bits are random enough. To make many of them alike, an author
 * would have to search for them, and would slow this one record. */
static void enter(struct ps_slots *slots, uint32_t index)
{
    uint64_t at = ps_get_u64(slots->items[index].version.leaf);
    while (slots->table[at & (slots->table_size - 1)] != 0) { /* half of it is free */
        at++;
    }
    slots->table[at & (slots->table_size - 1)] = index + 1;
}

/* Keep the values of the newest versions only. Which ones a record has in the end is settled when
 * it is stored. */
static void note_newest(struct ps_slots *slots, uint32_t index)
{
    struct ps_slot *slot = &slots->items[index];
    const struct ps_version *version = &slot->version;
    if (!version->has_value) {
        return;
    }
    uint32_t at = slots->newest_count;
    while (at > 0 && compare(&slots->items[slots->newest[at - 1]].version, version) > 0) {
        at--;
    }
    if (slots->newest_count < PS_PARENTS_MAX) {
        memmove(&slots->newest[at + 1], &slots->newest[at],
                (slots->newest_count - at) * sizeof slots->newest[0]);
        slots->newest_count++;
    } else if (at == 0) {
        drop_value(slot);
        return;
    } else {
        at--;
        drop_value(&slots->items[slots->newest[0]]);
        memmove(&slots->newest[0], &slots->newest[1], at * sizeof slots->newest[0]);
    }
    slots->newest[at] = index;
}

static void drop_value(struct ps_slot *slot)
{
    ps_buf_deinit(&slot->own);
    slot->version.has_value = false;
    slot->version.value = ps_bytes(NULL, 0);
}

uint32_t ps_slots_find(const struct ps_slots *slots, const struct ps_parent *name)
{
    if (slots->table == NULL) {
        for (uint32_t i = 0; i < slots->item_count; i++) {
            if (is_named(&slots->items[i], name)) {
                return i;
            }
        }
        return PS_SLOT_NONE;
    }
    for (uint64_t at = ps_get_u64(name->leaf);; at++) { /* half of it is free */
        uint32_t index = slots->table[at & (slots->table_size - 1)];
        if (index == 0) {
            return PS_SLOT_NONE;
        }
        if (is_named(&slots->items[index - 1], name)) {
            return index - 1;
        }
    }
}

static bool is_named(const struct ps_slot *slot, const struct ps_parent *name)
{
    return !slot->gone && memcmp(slot->version.leaf, name->leaf, sizeof name->leaf) == 0 &&
           ps_dot_compare(slot->version.dot, name->dot) == 0;
}

void ps_slots_remove(struct ps_slots *slots, uint32_t index)
{
    uint32_t kept = 0;
    slots->items[index].gone = true;
    slots->count--;
    for (uint32_t i = 0; i < slots->newest_count; i++) {
        if (slots->newest[i] != index) {
            slots->newest[kept] = slots->newest[i];
            kept++;
        }
    }
    slots->newest_count = kept;
    drop_value(&slots->items[index]);
}

void ps_slots_sort(struct ps_slots *slots)
{
    uint32_t kept = 0;
    bool ascend = true;
    for (uint32_t i = 0; i < slots->item_count; i++) {
        if (!slots->items[i].gone) {
            slots->items[kept] = slots->items[i];
            ascend = ascend &&
                     (kept == 0 || compare_slots(&slots->items[kept - 1], &slots->items[kept]) < 0);
            kept++;
        }
    }
    slots->item_count = kept;
    if (!ascend) {
        qsort(slots->items, kept, sizeof slots->items[0], compare_slots);
    }
}

static int compare_slots(const void *a, const void *b)
{
    const struct ps_slot *left = a;
    const struct ps_slot *right = b;
    return compare(&left->version, &right->version);
}

void ps_slots_clear(struct ps_slots *slots)
{
    for (uint32_t i = 0; i < slots->item_count; i++) {
        ps_buf_deinit(&slots->items[i].own);
    }
    free(slots->table);
    slots->table = NULL;
    slots->table_size = 0;
    slots->count = 0;
    slots->item_count = 0;
    slots->newest_count = 0;
}

void ps_slots_deinit(struct ps_slots *slots)
{
    ps_slots_clear(slots);
    free(slots->items);
    *slots = (struct ps_slots){.count = 0};
}
