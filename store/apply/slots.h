/* The versions of one record as a set, while any number of changes are applied to it: a change is
 * put in and its parents are taken out without looking at all the others. No value is worked out
 * meanwhile. For this folder. */
#ifndef PS_STORE_APPLY_SLOTS_H
#define PS_STORE_APPLY_SLOTS_H

#include "store/record/record.h"

struct ps_slot {
    struct ps_version version;
    struct ps_buf own; /* its value, unless that lies in the map: see versions.c */
    bool is_new;       /* the row does not have it */
    bool gone;
};

/* Zeroed is empty and valid. */
struct ps_slots {
    uint32_t count;      /* of versions in the set */
    uint32_t item_count; /* with those that are gone */
    uint32_t capacity;
    struct ps_slot *items;
    uint32_t *table; /* hash table of index + 1, by leaf; none while items are few */
    uint32_t table_size;
};

#define PS_SLOT_NONE UINT32_MAX

/* Put a version in. Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_slots_add(struct ps_slots *slots,
                            const struct ps_version *version) P2PSYNC_MUST_CHECK;

/* Where in the set a change is, or PS_SLOT_NONE. */
uint32_t ps_slots_find(const struct ps_slots *slots, const struct ps_parent *name);

void ps_slots_remove(struct ps_slots *slots, uint32_t index);

/* Put the set in order: items [0, count) ascend and none is gone. Nothing but ps_slots_clear() may
 * follow. */
void ps_slots_sort(struct ps_slots *slots);

/* Make it empty. */
void ps_slots_clear(struct ps_slots *slots);
void ps_slots_deinit(struct ps_slots *slots);

#endif
