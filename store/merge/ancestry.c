/* The walk back is the one that git has for merge bases (paint_down_to_common in its
 * commit-reach.c): groups paint what they reach, the newest change first; what all have painted is
 * common, and what lies before a common one is beyond. */
#include "store/merge/ancestry.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/log.h"

static p2psync_result grow_table(struct ps_ancestry *ancestry);
static uint32_t *slot_of(const struct ps_ancestry *ancestry, const struct ps_parent *name);
static p2psync_result read_change(struct ps_ancestry *ancestry, const struct ps_parent *name);
static p2psync_result reserve_parents(struct ps_ancestry *ancestry, size_t count);
static int compare(const struct ps_ancestry *ancestry, uint32_t a, uint32_t b);
static int compare_times(const struct ps_ancestor *a, const struct ps_ancestor *b);
static p2psync_result paint(struct ps_ancestry *ancestry, uint64_t all,
                            struct ps_ancestor_set *found);
static bool may_take(struct ps_ancestry *ancestry, uint32_t index);
static p2psync_result begin(struct ps_ancestry *ancestry, uint32_t index, uint64_t seen);
static p2psync_result spread(struct ps_ancestry *ancestry, uint32_t index, bool beyond,
                             uint32_t *open);
static struct ps_ancestor *touch(struct ps_ancestry *ancestry, uint32_t index);
static p2psync_result push(struct ps_ancestry *ancestry, uint32_t index);
static uint32_t pop(struct ps_ancestry *ancestry);
static bool is_newer(const struct ps_ancestry *ancestry, uint32_t a, uint32_t b);
static void drop_beyond(const struct ps_ancestry *ancestry, struct ps_ancestor_set *set);

void ps_ancestry_init(struct ps_ancestry *ancestry, struct ps_txn *txn, uint32_t collection)
{
    *ancestry = (struct ps_ancestry){.txn = txn, .collection = collection};
}

void ps_ancestry_deinit(struct ps_ancestry *ancestry)
{
    free(ancestry->list);
    free(ancestry->parents);
    free(ancestry->slots);
    free(ancestry->heap);
    memset(ancestry, 0, sizeof *ancestry);
}

p2psync_result ps_ancestry_find(struct ps_ancestry *ancestry, const struct ps_parent *name,
                                uint32_t *index_out)
{
    p2psync_result result = P2PSYNC_OK;
    if (ancestry->count >= ancestry->slot_count / 2) {
        result = grow_table(ancestry);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint32_t *slot = slot_of(ancestry, name);
    if (*slot == 0) {
        result = read_change(ancestry, name);
        if (result != P2PSYNC_OK) {
            return result;
        }
        *slot = ancestry->count;
    }
    *index_out = *slot - 1;
    return P2PSYNC_OK;
}

static p2psync_result grow_table(struct ps_ancestry *ancestry)
{
    uint32_t count = ancestry->slot_count == 0 ? 64 : ancestry->slot_count * 2;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (slots == NULL) {
        return P2PSYNC_ENOMEM;
    }
    free(ancestry->slots);
    ancestry->slots = slots;
    ancestry->slot_count = count;
    for (uint32_t i = 0; i < ancestry->count; i++) {
        *slot_of(ancestry, &ancestry->list[i].name) = i + 1;
    }
    return P2PSYNC_OK;
}

/* Where a change is in the table, or where it belongs. The leaf hash is used as it is: its bits are
 * random enough. To make many leaves alike, an author would have to search for them, and would slow
 * only walks over that one record. */
static uint32_t *slot_of(const struct ps_ancestry *ancestry, const struct ps_parent *name)
{
    uint64_t hash = ps_get_u64(name->leaf);
    for (uint64_t i = hash;; i++) { /* ends: at least half of the slots are free */
        uint32_t *slot = &ancestry->slots[i & (ancestry->slot_count - 1)];
        if (*slot == 0) {
            return slot;
        }
        const struct ps_parent *other = &ancestry->list[*slot - 1].name;
        if (memcmp(other->leaf, name->leaf, sizeof name->leaf) == 0 &&
            ps_dot_compare(other->dot, name->dot) == 0) {
            return slot;
        }
    }
}

static p2psync_result read_change(struct ps_ancestry *ancestry, const struct ps_parent *name)
{
    struct ps_log_place place;
    struct ps_skeleton skeleton;
    if (ancestry->count == ancestry->capacity) {
        uint32_t capacity = ancestry->capacity == 0 ? 32 : ancestry->capacity * 2;
        struct ps_ancestor *list = reallocarray(ancestry->list, capacity, sizeof *list);
        if (list == NULL) {
            return P2PSYNC_ENOMEM;
        }
        ancestry->list = list;
        ancestry->capacity = capacity;
    }
    p2psync_result result = ps_log_locate(ancestry->txn, ancestry->collection, name, &place);
    if (result == P2PSYNC_OK) {
        result = ps_skeleton_decode(place.entry.skeleton, &skeleton);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
    }
    result = reserve_parents(ancestry, skeleton.parent_count);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ancestry->list[ancestry->count] = (struct ps_ancestor){
        .name = *name,
        .log = place.number,
        .hlc = skeleton.hlc,
        .state = ps_record_state_after(skeleton.op_and_flags),
        .is_auto = (skeleton.op_and_flags & PS_CHANGE_AUTO) != 0,
        .parent_count = (uint32_t)skeleton.parent_count,
        .first_parent = ancestry->parent_count,
    };
    ancestry->count++;
    ancestry->work += PS_ANCESTRY_READ_WORK;
    for (size_t i = 0; i < skeleton.parent_count; i++) {
        ancestry->parents[ancestry->parent_count] = skeleton.parents[i];
        ancestry->parent_count++;
    }
    return P2PSYNC_OK;
}

static p2psync_result reserve_parents(struct ps_ancestry *ancestry, size_t count)
{
    size_t needed = ancestry->parent_count + count;
    if (needed > ancestry->parent_capacity) {
        size_t capacity = needed < 32 ? 32 : needed * 2;
        struct ps_parent *parents = NULL;
        if (capacity <= UINT32_MAX) {
            parents = reallocarray(ancestry->parents, capacity, sizeof *parents);
        }
        if (parents == NULL) {
            return P2PSYNC_ENOMEM;
        }
        ancestry->parents = parents;
        ancestry->parent_capacity = (uint32_t)capacity;
    }
    return P2PSYNC_OK;
}

/* The order in which versions are merged: see ancestry.h. */
static int compare(const struct ps_ancestry *ancestry, uint32_t a, uint32_t b)
{
    const struct ps_ancestor *left = &ancestry->list[a];
    const struct ps_ancestor *right = &ancestry->list[b];
    if (left->is_auto != right->is_auto) {
        return left->is_auto ? -1 : 1;
    }
    return compare_times(left, right);
}

/* By (hlc, origin, seq); two branches of a fork by their leaf. */
static int compare_times(const struct ps_ancestor *a, const struct ps_ancestor *b)
{
    if (a->hlc != b->hlc) {
        return a->hlc < b->hlc ? -1 : 1;
    }
    int order = ps_dot_compare(a->name.dot, b->name.dot);
    return order != 0 ? order : memcmp(a->name.leaf, b->name.leaf, sizeof a->name.leaf);
}

void ps_ancestry_add(const struct ps_ancestry *ancestry, struct ps_ancestor_set *set,
                     uint32_t index)
{
    assert(set->count < PS_PARENTS_MAX);
    size_t at = set->count;
    while (at > 0 && compare(ancestry, set->index[at - 1], index) > 0) {
        at--;
    }
    if (at > 0 && set->index[at - 1] == index) {
        return;
    }
    memmove(&set->index[at + 1], &set->index[at], (set->count - at) * sizeof set->index[0]);
    set->index[at] = index;
    set->count++;
}

p2psync_result ps_ancestry_common(struct ps_ancestry *ancestry,
                                  const struct ps_ancestor_set *groups, size_t count,
                                  struct ps_ancestor_set *out)
{
    assert(count > 0 && count <= PS_PARENTS_MAX);
    uint64_t all = UINT64_MAX >> (64 - count);
    struct ps_ancestor_set found = {.count = 0};
    p2psync_result result = P2PSYNC_OK;
    ancestry->walks++;
    ancestry->heap_count = 0;
    for (size_t g = 0; g < count && result == P2PSYNC_OK; g++) {
        for (size_t i = 0; i < groups[g].count && result == P2PSYNC_OK; i++) {
            result = begin(ancestry, groups[g].index[i], UINT64_C(1) << g);
        }
    }
    if (result == P2PSYNC_OK) {
        result = paint(ancestry, all, &found);
    }
    if (result == P2PSYNC_OK) {
        drop_beyond(ancestry, &found);
        *out = found;
    }
    return result;
}

/* Walk back, newest first, until all that is left in the queue comes before a common ancestor. At
 * the end of time a change may have the same time as its parent, so there all are looked at. */
static p2psync_result paint(struct ps_ancestry *ancestry, uint64_t all,
                            struct ps_ancestor_set *found)
{
    uint32_t open = ancestry->heap_count; /* queued, and not beyond */
    while (ancestry->heap_count > 0) {
        uint32_t index = ancestry->heap[0];
        bool at_the_end = ancestry->list[index].hlc == UINT64_MAX;
        if (open == 0 && !(at_the_end && found->count > 1)) {
            return P2PSYNC_OK;
        }
        if (!may_take(ancestry, index)) {
            found->count = 0;
            return P2PSYNC_OK;
        }
        (void)pop(ancestry);
        struct ps_ancestor *ancestor = &ancestry->list[index];
        open -= ancestor->beyond ? 0 : 1;
        bool common = ancestor->seen == all;
        if (common && !ancestor->beyond) {
            if (found->count == PS_PARENTS_MAX) { /* newest first: what comes now is older */
                ancestor->beyond = true;
            } else {
                ps_ancestry_add(ancestry, found, index);
            }
        }
        p2psync_result result = spread(ancestry, index, common || ancestor->beyond, &open);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    return P2PSYNC_OK;
}

/* Count what it costs to take one more change, unless the walks have cost too much already. */
static bool may_take(struct ps_ancestry *ancestry, uint32_t index)
{
    uint32_t parent_count = ancestry->list[index].parent_count;
    if (ancestry->work >= PS_WALKS_MAX) {
        return false;
    }
    ancestry->work += parent_count > 1 ? parent_count : 1;
    return true;
}

static p2psync_result begin(struct ps_ancestry *ancestry, uint32_t index, uint64_t seen)
{
    struct ps_ancestor *ancestor = touch(ancestry, index);
    ancestor->seen |= seen;
    if (ancestor->queued) {
        return P2PSYNC_OK;
    }
    ancestor->queued = true;
    return push(ancestry, index);
}

/* Pass what is known of a change on to its parents, and queue those of them for which it is new. */
static p2psync_result spread(struct ps_ancestry *ancestry, uint32_t index, bool beyond,
                             uint32_t *open)
{
    uint32_t count = ancestry->list[index].parent_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0;
        struct ps_parent name = ancestry->parents[ancestry->list[index].first_parent + i];
        p2psync_result result = ps_ancestry_find(ancestry, &name, &at);
        if (result != P2PSYNC_OK) {
            return result;
        }
        struct ps_ancestor *parent = touch(ancestry, at);
        uint64_t seen = parent->seen | ancestry->list[index].seen;
        if (seen == parent->seen && (parent->beyond || !beyond)) {
            continue;
        }
        *open -= parent->queued && !parent->beyond && beyond ? 1 : 0;
        parent->seen = seen;
        parent->beyond |= beyond;
        if (!parent->queued) {
            parent->queued = true;
            *open += parent->beyond ? 0 : 1;
            result = push(ancestry, at);
            if (result != P2PSYNC_OK) {
                return result;
            }
        }
    }
    return P2PSYNC_OK;
}

/* A change, with what earlier walks noted of it cleared. */
static struct ps_ancestor *touch(struct ps_ancestry *ancestry, uint32_t index)
{
    struct ps_ancestor *ancestor = &ancestry->list[index];
    if (ancestor->walk != ancestry->walks) {
        ancestor->walk = ancestry->walks;
        ancestor->queued = false;
        ancestor->beyond = false;
        ancestor->seen = 0;
    }
    return ancestor;
}

p2psync_result ps_ancestry_reduce(struct ps_ancestry *ancestry, struct ps_ancestor_set *set)
{
    if (set->count < 2) {
        return P2PSYNC_OK;
    }
    uint64_t oldest = UINT64_MAX;
    uint32_t open = 0;
    p2psync_result result = P2PSYNC_OK;
    ancestry->walks++;
    ancestry->heap_count = 0;
    for (size_t i = 0; i < set->count && result == P2PSYNC_OK; i++) {
        const struct ps_ancestor *member = &ancestry->list[set->index[i]];
        oldest = member->hlc < oldest ? member->hlc : oldest;
        result = begin(ancestry, set->index[i], 1);
    }
    /* All that comes before a member is marked; a member that is marked comes before another. */
    while (result == P2PSYNC_OK && ancestry->heap_count > 0 &&
           ancestry->list[ancestry->heap[0]].hlc >= oldest &&
           may_take(ancestry, ancestry->heap[0])) {
        result = spread(ancestry, pop(ancestry), true, &open);
    }
    if (result == P2PSYNC_OK) {
        drop_beyond(ancestry, set);
    }
    return result;
}

static void drop_beyond(const struct ps_ancestry *ancestry, struct ps_ancestor_set *set)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->count; i++) {
        if (!ancestry->list[set->index[i]].beyond) {
            set->index[kept] = set->index[i];
            kept++;
        }
    }
    set->count = kept;
}

static p2psync_result push(struct ps_ancestry *ancestry, uint32_t index)
{
    if (ancestry->heap_count == ancestry->heap_capacity) {
        uint32_t capacity = ancestry->heap_capacity == 0 ? 64 : ancestry->heap_capacity * 2;
        uint32_t *heap = reallocarray(ancestry->heap, capacity, sizeof *heap);
        if (heap == NULL) {
            return P2PSYNC_ENOMEM;
        }
        ancestry->heap = heap;
        ancestry->heap_capacity = capacity;
    }
    uint32_t at = ancestry->heap_count;
    ancestry->heap_count++;
    while (at > 0 && is_newer(ancestry, index, ancestry->heap[(at - 1) / 2])) {
        ancestry->heap[at] = ancestry->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    ancestry->heap[at] = index;
    return P2PSYNC_OK;
}

/* Take the newest out; there is one. */
static uint32_t pop(struct ps_ancestry *ancestry)
{
    assert(ancestry->heap_count > 0);
    uint32_t newest = ancestry->heap[0];
    ancestry->heap_count--;
    uint32_t last = ancestry->heap[ancestry->heap_count];
    uint32_t at = 0;
    for (;;) { /* down one level a turn */
        uint32_t child = 2 * at + 1;
        if (child + 1 < ancestry->heap_count &&
            is_newer(ancestry, ancestry->heap[child + 1], ancestry->heap[child])) {
            child++;
        }
        if (child >= ancestry->heap_count || !is_newer(ancestry, ancestry->heap[child], last)) {
            break;
        }
        ancestry->heap[at] = ancestry->heap[child];
        at = child;
    }
    ancestry->heap[at] = last;
    ancestry->list[newest].queued = false;
    return newest;
}

static bool is_newer(const struct ps_ancestry *ancestry, uint32_t a, uint32_t b)
{
    return compare_times(&ancestry->list[a], &ancestry->list[b]) > 0;
}
