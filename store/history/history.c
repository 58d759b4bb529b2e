/* Reading a record's past, a stretch at a time. Changes are collected from a heap, the latest
 * first, and found again through a hash table of places. Then they are put in order by Kahn's
 * algorithm, with a heap of those whose children are all listed: times alone do not order what was
 * made at the end of time. Both heaps are as wide as the history is concurrent, so the whole is
 * linear for what people do. */
#include "store/history/history.h"

#include <stdlib.h>
#include <string.h>

#include "store/history/found.h"
#include "wire/array.h"

#define TABLE_SIZE_MIN 64      /* slots */
#define STRETCH_COUNT  1024    /* changes of a stretch that goes by count */
#define STRETCH_SIZE   8388608 /* and bytes of their bodies */
#define FORKED_KEPT    64

/* Changes by their place in history->changes, the newest on top. */
struct heap {
    uint32_t *change;
    size_t size;
};

/* Whether the author of a log has others in the collection, because it forks. */
struct forked {
    bool known;
    uint32_t log; /* number */
    bool forked;
};

struct collecting {
    struct ps_txn *txn;
    struct ps_history *history;
    bool since; /* the stretch ends at `hlc`; else it goes by count and size */
    uint64_t hlc;
    uint64_t size;          /* of the bodies in the stretch, bytes */
    struct heap heap;       /* of what is found and not in the stretch yet */
    size_t found;           /* changes in history->changes */
    size_t change_capacity; /* of that, and of the heap */
    size_t parent_capacity;
    uint32_t *table; /* places in changes + 1, by hash of (log, seq); 0: free. Half full at most */
    size_t table_size;                 /* a power of two */
    struct forked forked[FORKED_KEPT]; /* by number */
};

struct ordering {
    const struct ps_history *history;
    uint32_t *waiting; /* for each change, its children that are not listed yet */
    struct heap heap;  /* of those that wait for none */
    uint32_t *place;   /* of each change, in the list */
};

static p2psync_result add_versions(struct collecting *collecting, struct ps_bytes id);
static p2psync_result read_stretch(struct collecting *collecting, p2psync_result result);
static bool is_whole(const struct collecting *collecting);
static p2psync_result read_change(struct collecting *collecting, uint32_t at);
static p2psync_result read_entry(const struct collecting *collecting,
                                 const struct ps_history_change *change, struct ps_stored *entry,
                                 struct ps_skeleton *skeleton);
static p2psync_result add_change(struct collecting *collecting, uint32_t log, struct ps_dot dot,
                                 uint32_t *at_out);
static p2psync_result is_doubled(struct collecting *collecting,
                                 const struct ps_history_change *change, struct ps_bytes id,
                                 bool *out);
static p2psync_result append(struct collecting *collecting, const struct ps_history_change *change);
static p2psync_result make_room(struct collecting *collecting);
static p2psync_result add_parent(struct collecting *collecting, uint32_t parent);
static p2psync_result make_table(struct collecting *collecting);
static uint32_t *table_slot(const struct collecting *collecting, uint32_t log, uint64_t seq);
static p2psync_result order(const struct collecting *collecting);
static size_t list_in_order(struct ordering *ordering, size_t found);
static void move_to_places(struct ps_history *history, size_t found, const uint32_t *place,
                           struct ps_history_change *moved);
static void heap_push(const struct ps_history *history, struct heap *heap, uint32_t change);
static uint32_t heap_pop(const struct ps_history *history, struct heap *heap);
static bool is_newer(const struct ps_history *history, uint32_t a, uint32_t b);

p2psync_result ps_history_read(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                               struct ps_history *out)
{
    struct collecting collecting = {.txn = txn, .history = out};
    assert(out->changes == NULL && out->parents == NULL);
    out->collection = collection;
    p2psync_result result = add_versions(&collecting, id);
    return read_stretch(&collecting, result);
}

p2psync_result ps_history_read_since(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                                     uint64_t hlc, struct ps_history *out)
{
    struct collecting collecting = {.txn = txn, .history = out, .since = true, .hlc = hlc};
    assert(out->changes == NULL && out->parents == NULL);
    out->collection = collection;
    p2psync_result result = add_versions(&collecting, id);
    return read_stretch(&collecting, result);
}

p2psync_result ps_history_read_on(struct ps_txn *txn, struct ps_history *history)
{
    struct ps_history last = *history;
    struct collecting collecting = {.txn = txn, .history = history};
    p2psync_result result = last.further_count > 0 ? P2PSYNC_OK : P2PSYNC_EEND;
    *history = (struct ps_history){.collection = last.collection};
    for (size_t i = 0; i < last.further_count && result == P2PSYNC_OK; i++) {
        result = append(&collecting, &last.changes[last.count + i]);
    }
    ps_history_deinit(&last);
    return read_stretch(&collecting, result);
}

void ps_history_deinit(struct ps_history *history)
{
    free(history->changes);
    free(history->parents);
    *history = (struct ps_history){.count = 0};
}

static p2psync_result add_versions(struct collecting *collecting, struct ps_bytes id)
{
    struct ps_record_row row;
    p2psync_result result =
        ps_record_get(collecting->txn, collecting->history->collection, id, &row);
    uint32_t count = result == P2PSYNC_OK ? row.version_count : 0;
    for (uint32_t i = 0; i < count && result == P2PSYNC_OK; i++) {
        struct ps_version version;
        uint32_t unused = 0;
        ps_record_version(&row, i, &version);
        result = add_change(collecting, version.log, version.dot, &unused);
    }
    return result;
}

/* Go on from what was added, if that went well. */
static p2psync_result read_stretch(struct collecting *collecting, p2psync_result result)
{
    while (result == P2PSYNC_OK && !is_whole(collecting)) {
        if (collecting->history->count == PS_HISTORY_MAX) {
            result = P2PSYNC_ELIMIT;
        } else {
            collecting->history->count++;
            result = read_change(collecting, heap_pop(collecting->history, &collecting->heap));
        }
    }
    free(collecting->table);
    if (result == P2PSYNC_OK) {
        result = order(collecting);
    }
    free(collecting->heap.change);
    return result;
}

/* Changes that are further back are all earlier than what is in the stretch, but at the end of
 * time, where a stretch does not end. */
static bool is_whole(const struct collecting *collecting)
{
    const struct heap *heap = &collecting->heap;
    if (heap->size == 0) {
        return true;
    }
    uint64_t next = collecting->history->changes[heap->change[0]].hlc;
    if (next == UINT64_MAX) {
        return false;
    }
    return collecting->since
               ? next < collecting->hlc && heap->size == 1
               : collecting->history->count >= STRETCH_COUNT || collecting->size >= STRETCH_SIZE;
}

/* Take a change into the stretch: add those of its parents that are new. */
static p2psync_result read_change(struct collecting *collecting, uint32_t at)
{
    struct ps_history *history = collecting->history;
    struct ps_history_change *change = &history->changes[at];
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    p2psync_result result = read_entry(collecting, change, &entry, &skeleton);
    if (result != P2PSYNC_OK) {
        return result;
    }
    collecting->size += entry.body.size;
    change->first_parent = (uint32_t)history->parent_count;
    change->parent_count = (uint32_t)skeleton.parent_count;
    for (size_t i = 0; i < skeleton.parent_count && result == P2PSYNC_OK; i++) {
        struct ps_log_place place;
        uint32_t parent = 0;
        result = ps_log_locate(collecting->txn, history->collection, &skeleton.parents[i], &place);
        result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        if (result == P2PSYNC_OK) {
            result = add_change(collecting, place.number, skeleton.parents[i].dot, &parent);
        }
        if (result == P2PSYNC_OK) {
            result = add_parent(collecting, parent);
        }
    }
    return result;
}

static p2psync_result read_entry(const struct collecting *collecting,
                                 const struct ps_history_change *change, struct ps_stored *entry,
                                 struct ps_skeleton *skeleton)
{
    p2psync_result result = ps_stored_get(collecting->txn, change->log, change->dot.seq, entry);
    if (result == P2PSYNC_OK) {
        return ps_found_skeleton(entry, skeleton);
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result; /* it was valid once */
}

/* Where the change is, now if not before. */
static p2psync_result add_change(struct collecting *collecting, uint32_t log, struct ps_dot dot,
                                 uint32_t *at_out)
{
    struct ps_history_change change = {.dot = dot, .log = log};
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    bool doubled = false;
    uint32_t found = collecting->table_size > 0 ? *table_slot(collecting, log, dot.seq) : 0;
    if (found != 0) {
        *at_out = found - 1;
        return P2PSYNC_OK;
    }
    p2psync_result result = read_entry(collecting, &change, &entry, &skeleton);
    if (result == P2PSYNC_OK) {
        result = is_doubled(collecting, &change, skeleton.record_id, &doubled);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    change.hlc = skeleton.hlc;
    change.op_and_flags = skeleton.op_and_flags;
    if (doubled) {
        change.dot = ps_dot_apart(dot, entry.leaf);
    }
    *at_out = (uint32_t)collecting->found;
    return append(collecting, &change);
}

/* Whether the record has a change of the same dot, on another history of a log that forks. */
static p2psync_result is_doubled(struct collecting *collecting,
                                 const struct ps_history_change *change, struct ps_bytes id,
                                 bool *out)
{
    struct forked *kept = &collecting->forked[change->log % FORKED_KEPT];
    *out = false;
    if (kept->known && kept->log == change->log && !kept->forked) {
        return P2PSYNC_OK;
    }
    struct ps_log_walk walk =
        ps_log_walk_origin(collecting->txn, collecting->history->collection, change->dot.origin);
    struct ps_log log;
    *kept = (struct forked){.known = true, .log = change->log};
    while (ps_log_walk_next(&walk, &log)) {
        struct ps_found found;
        if (log.number == change->log) {
            continue;
        }
        kept->forked = true;
        p2psync_result result = ps_found_in_log(collecting->txn, &log, change->dot.seq, id, &found);
        *out = *out || result == P2PSYNC_OK;
        walk.result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    return walk.result;
}

static p2psync_result append(struct collecting *collecting, const struct ps_history_change *change)
{
    struct ps_history *history = collecting->history;
    p2psync_result result = P2PSYNC_OK;
    if (collecting->found * 2 >= collecting->table_size) {
        result = make_table(collecting);
    }
    if (result == P2PSYNC_OK && collecting->found == collecting->change_capacity) {
        result = make_room(collecting);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    history->changes[collecting->found] = *change;
    heap_push(history, &collecting->heap, (uint32_t)collecting->found);
    collecting->found++;
    *table_slot(collecting, change->log, change->dot.seq) = (uint32_t)collecting->found;
    return P2PSYNC_OK;
}

static p2psync_result make_room(struct collecting *collecting)
{
    struct ps_history *history = collecting->history;
    size_t capacity = collecting->found == 0 ? 16 : collecting->found * 2;
    struct ps_history_change *changes = reallocarray(history->changes, capacity, sizeof *changes);
    if (changes == NULL) {
        return P2PSYNC_ENOMEM;
    }
    history->changes = changes;
    uint32_t *heap = reallocarray(collecting->heap.change, capacity, sizeof *heap);
    if (heap == NULL) {
        return P2PSYNC_ENOMEM;
    }
    collecting->heap.change = heap;
    collecting->change_capacity = capacity;
    return P2PSYNC_OK;
}

static p2psync_result add_parent(struct collecting *collecting, uint32_t parent)
{
    struct ps_history *history = collecting->history;
    uint32_t *parents = ps_array_room(history->parents, history->parent_count + 1,
                                      &collecting->parent_capacity, sizeof *parents);
    if (parents == NULL) {
        return P2PSYNC_ENOMEM;
    }
    history->parents = parents;
    history->parents[history->parent_count] = parent;
    history->parent_count++;
    return P2PSYNC_OK;
}

/* A table of twice the size, with all changes so far. */
static p2psync_result make_table(struct collecting *collecting)
{
    size_t size = collecting->table_size == 0 ? TABLE_SIZE_MIN : collecting->table_size * 2;
    uint32_t *table = calloc(size, sizeof *table);
    if (table == NULL) {
        return P2PSYNC_ENOMEM;
    }
    free(collecting->table);
    collecting->table = table;
    collecting->table_size = size;
    for (size_t i = 0; i < collecting->found; i++) {
        const struct ps_history_change *change = &collecting->history->changes[i];
        *table_slot(collecting, change->log, change->dot.seq) = (uint32_t)i + 1;
    }
    return P2PSYNC_OK;
}

/* The slot of a change, or the free one where it belongs. The hash is a fixed one (the finaliser of
 * splitmix64): to make many places of one record collide, an author would have to write a log that
 * is longer than them by the size of the table. */
static uint32_t *table_slot(const struct collecting *collecting, uint32_t log, uint64_t seq)
{
    uint64_t hash = seq + ((uint64_t)log << 40) + log;
    hash = (hash ^ (hash >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ (hash >> 27)) * UINT64_C(0x94d049bb133111eb);
    hash ^= hash >> 31;
    size_t at = (size_t)hash & (collecting->table_size - 1);
    while (collecting->table[at] != 0) { /* ends: half of the table is free */
        const struct ps_history_change *change =
            &collecting->history->changes[collecting->table[at] - 1];
        if (change->log == log && change->dot.seq == seq) {
            break;
        }
        at = (at + 1) & (collecting->table_size - 1);
    }
    return &collecting->table[at];
}

/* Changes of the stretch get the places before those further back. */
static p2psync_result order(const struct collecting *collecting)
{
    struct ps_history *history = collecting->history;
    size_t found = collecting->found;
    struct ordering ordering = {.history = history};
    struct ps_history_change *moved = calloc(found, sizeof *moved);
    ordering.waiting = calloc(found, sizeof *ordering.waiting);
    ordering.heap.change = calloc(found, sizeof *ordering.heap.change);
    ordering.place = calloc(found, sizeof *ordering.place);
    p2psync_result result = P2PSYNC_ENOMEM;
    if (moved != NULL && ordering.waiting != NULL && ordering.heap.change != NULL &&
        ordering.place != NULL) {
        history->further_count = collecting->heap.size;
        for (size_t i = 0; i < history->further_count; i++) {
            uint32_t further = collecting->heap.change[i];
            ordering.waiting[further] = 1; /* for the next stretch */
            ordering.place[further] = (uint32_t)(history->count + i);
        }
        /* What is left over is a circle: no change can be applied before itself. */
        result = list_in_order(&ordering, found) == history->count ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK) {
        move_to_places(history, found, ordering.place, moved);
        moved = NULL;
    }
    free(ordering.place);
    free(ordering.heap.change);
    free(ordering.waiting);
    free(moved);
    return result;
}

/* Give every change of the stretch its place; returns how many have one. */
static size_t list_in_order(struct ordering *ordering, size_t found)
{
    const struct ps_history *history = ordering->history;
    size_t listed = 0;
    for (size_t i = 0; i < history->parent_count; i++) {
        ordering->waiting[history->parents[i]]++;
    }
    for (uint32_t i = 0; i < found; i++) {
        if (ordering->waiting[i] == 0) {
            heap_push(history, &ordering->heap, i);
        }
    }
    while (ordering->heap.size > 0) {
        uint32_t at = heap_pop(history, &ordering->heap);
        const struct ps_history_change *change = &history->changes[at];
        ordering->place[at] = (uint32_t)listed;
        listed++;
        for (uint32_t i = 0; i < change->parent_count; i++) {
            uint32_t parent = history->parents[change->first_parent + i];
            ordering->waiting[parent]--;
            if (ordering->waiting[parent] == 0) {
                heap_push(history, &ordering->heap, parent);
            }
        }
    }
    return listed;
}

/* `moved` becomes the history's. */
static void move_to_places(struct ps_history *history, size_t found, const uint32_t *place,
                           struct ps_history_change *moved)
{
    for (size_t i = 0; i < found; i++) {
        moved[place[i]] = history->changes[i];
    }
    for (size_t i = 0; i < history->parent_count; i++) {
        history->parents[i] = place[history->parents[i]];
    }
    free(history->changes);
    history->changes = moved;
}

static void heap_push(const struct ps_history *history, struct heap *heap, uint32_t change)
{
    size_t at = heap->size;
    heap->size++;
    while (at > 0 && is_newer(history, change, heap->change[(at - 1) / 2])) {
        heap->change[at] = heap->change[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap->change[at] = change;
}

static uint32_t heap_pop(const struct ps_history *history, struct heap *heap)
{
    assert(heap->size > 0);
    uint32_t top = heap->change[0];
    heap->size--;
    uint32_t last = heap->change[heap->size];
    size_t at = 0;
    size_t child = 1;
    while (child < heap->size) {
        if (child + 1 < heap->size &&
            is_newer(history, heap->change[child + 1], heap->change[child])) {
            child++;
        }
        if (!is_newer(history, heap->change[child], last)) {
            break;
        }
        heap->change[at] = heap->change[child];
        at = child;
        child = 2 * at + 1;
    }
    heap->change[at] = last;
    return top;
}

static bool is_newer(const struct ps_history *history, uint32_t a, uint32_t b)
{
    const struct ps_history_change *left = &history->changes[a];
    const struct ps_history_change *right = &history->changes[b];
    if (left->hlc != right->hlc) {
        return left->hlc > right->hlc;
    }
    return ps_dot_compare(left->dot, right->dot) > 0;
}
