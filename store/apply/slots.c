/* A set of versions: see slots.h. Items are only ever added at the end, so the table never has to
 * forget one. */
#include "store/apply/slots.h"

#include <stdlib.h>
#include <string.h>

#define FEW 16 /* items are looked at one by one up to here */

static p2psync_result make_room(struct ps_slots *slots);
static void enter(struct ps_slots *slots, uint32_t index);
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

p2psync_result ps_slots_add(struct ps_slots *slots, const struct ps_version *version)
{
    p2psync_result result = make_room(slots);
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint32_t index = slots->item_count;
    slots->items[index] = (struct ps_slot){.version = *version};
    ps_buf_init(&slots->items[index].own, PS_VALUE_SIZE_MAX);
    slots->item_count++;
    slots->count++;
    if (slots->table != NULL) {
        enter(slots, index);
    }
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
    slots->items[index].gone = true;
    slots->count--;
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
}

void ps_slots_deinit(struct ps_slots *slots)
{
    ps_slots_clear(slots);
    free(slots->items);
    *slots = (struct ps_slots){.count = 0};
}
