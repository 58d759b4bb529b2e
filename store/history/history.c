/* Reading a record's past. Changes are collected breadth first through a hash table of places, then
 * put in order by Kahn's algorithm, with a heap of those whose children are all listed. The heap is
 * as wide as the record's history is concurrent, so the whole is linear for what people do. */
#include "store/history/history.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_SIZE_MIN 64 /* slots */

struct collecting {
    struct ps_txn *txn;
    struct ps_history *history;
    size_t change_capacity;
    size_t parent_capacity;
    uint32_t *table; /* places in changes + 1, by hash of (log, seq); 0: free. Half full at most */
    size_t table_size; /* a power of two */
};

struct ordering {
    const struct ps_history *history;
    uint32_t *waiting; /* for each change, its children that are not listed yet */
    uint32_t *heap;    /* changes that wait for none, the newest on top */
    size_t heap_size;
    uint32_t *place; /* of each change, in the list */
};

static p2psync_result collect(struct collecting *collecting, const struct ps_record_row *row);
static p2psync_result read_change(struct collecting *collecting, size_t at);
static p2psync_result add_change(struct collecting *collecting, uint32_t log, struct ps_dot dot,
                                 uint32_t *at_out);
static p2psync_result add_parent(struct collecting *collecting, uint32_t parent);
static p2psync_result make_table(struct collecting *collecting);
static uint32_t *table_slot(const struct collecting *collecting, uint32_t log, uint64_t seq);
static p2psync_result tell_apart(struct collecting *collecting);
static p2psync_result call_apart(struct ps_txn *txn, struct ps_history_change *change);
static int compare_dots(const void *left, const void *right, void *changes);
static p2psync_result order(struct ps_history *history);
static size_t list_in_order(struct ordering *ordering);
static void move_to_places(struct ps_history *history, const uint32_t *place,
                           struct ps_history_change *moved);
static void heap_push(struct ordering *ordering, uint32_t change);
static uint32_t heap_pop(struct ordering *ordering);
static bool is_newer(const struct ps_history *history, uint32_t a, uint32_t b);

p2psync_result ps_history_read(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                               struct ps_history *out)
{
    struct ps_record_row row;
    struct collecting collecting = {.txn = txn, .history = out};
    assert(out->changes == NULL && out->parents == NULL);
    out->collection = collection;
    p2psync_result result = ps_record_get(txn, collection, id, &row);
    if (result == P2PSYNC_OK) {
        result = collect(&collecting, &row);
    }
    free(collecting.table);
    if (result == P2PSYNC_OK) {
        result = tell_apart(&collecting);
    }
    return result == P2PSYNC_OK ? order(out) : result;
}

void ps_history_deinit(struct ps_history *history)
{
    free(history->changes);
    free(history->parents);
    *history = (struct ps_history){.count = 0};
}

/* Each turn reads one change and adds those of its parents that are new. */
static p2psync_result collect(struct collecting *collecting, const struct ps_record_row *row)
{
    p2psync_result result = P2PSYNC_OK;
    for (uint32_t i = 0; i < row->version_count && result == P2PSYNC_OK; i++) {
        struct ps_version version;
        uint32_t unused = 0;
        ps_record_version(row, i, &version);
        result = add_change(collecting, version.log, version.dot, &unused);
    }
    for (size_t i = 0; i < collecting->history->count && result == P2PSYNC_OK; i++) {
        result = read_change(collecting, i);
    }
    return result;
}

static p2psync_result read_change(struct collecting *collecting, size_t at)
{
    struct ps_history *history = collecting->history;
    struct ps_history_change change = history->changes[at];
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    p2psync_result result = ps_stored_get(collecting->txn, change.log, change.dot.seq, &entry);
    if (result == P2PSYNC_OK) {
        result = ps_skeleton_decode(entry.skeleton, &skeleton);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT; /* it was valid once */
    }
    change.hlc = skeleton.hlc;
    change.op_and_flags = skeleton.op_and_flags;
    change.first_parent = (uint32_t)history->parent_count;
    change.parent_count = (uint32_t)skeleton.parent_count;
    history->changes[at] = change;
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

/* Where the change is, now if not before. */
static p2psync_result add_change(struct collecting *collecting, uint32_t log, struct ps_dot dot,
                                 uint32_t *at_out)
{
    struct ps_history *history = collecting->history;
    if (history->count * 2 >= collecting->table_size) {
        p2psync_result result = make_table(collecting);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    uint32_t *slot = table_slot(collecting, log, dot.seq);
    if (*slot == 0) {
        if (history->count == PS_HISTORY_MAX) {
            return P2PSYNC_ELIMIT;
        }
        if (history->count == collecting->change_capacity) {
            size_t capacity = history->count == 0 ? 16 : history->count * 2;
            struct ps_history_change *changes =
                reallocarray(history->changes, capacity, sizeof *changes);
            if (changes == NULL) {
                return P2PSYNC_ENOMEM;
            }
            history->changes = changes;
            collecting->change_capacity = capacity;
        }
        history->changes[history->count] = (struct ps_history_change){.dot = dot, .log = log};
        history->count++;
        *slot = (uint32_t)history->count;
    }
    *at_out = *slot - 1;
    return P2PSYNC_OK;
}

static p2psync_result add_parent(struct collecting *collecting, uint32_t parent)
{
    struct ps_history *history = collecting->history;
    if (history->parent_count == collecting->parent_capacity) {
        size_t capacity = history->parent_count == 0 ? 16 : history->parent_count * 2;
        uint32_t *parents = reallocarray(history->parents, capacity, sizeof *parents);
        if (parents == NULL) {
            return P2PSYNC_ENOMEM;
        }
        history->parents = parents;
        collecting->parent_capacity = capacity;
    }
    history->parents[history->parent_count] = parent;
    history->parent_count++;
    return P2PSYNC_OK;
}

/* A table of twice the size, with all changes so far. */
static p2psync_result make_table(struct collecting *collecting)
{
    const struct ps_history *history = collecting->history;
    size_t size = collecting->table_size == 0 ? TABLE_SIZE_MIN : collecting->table_size * 2;
    uint32_t *table = calloc(size, sizeof *table);
    if (table == NULL) {
        return P2PSYNC_ENOMEM;
    }
    free(collecting->table);
    collecting->table = table;
    collecting->table_size = size;
    for (size_t i = 0; i < history->count; i++) {
        const struct ps_history_change *change = &history->changes[i];
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

/* Those of one dot are on histories of one log that forks. The table holds them by log, which is
 * not the same number everywhere, so they are sorted. */
static p2psync_result tell_apart(struct collecting *collecting)
{
    struct ps_history *history = collecting->history;
    p2psync_result result = P2PSYNC_OK;
    uint32_t *sorted = calloc(history->count, sizeof *sorted);
    if (sorted == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (uint32_t i = 0; i < history->count; i++) {
        sorted[i] = i;
    }
    qsort_r(sorted, history->count, sizeof *sorted, compare_dots, history->changes);
    size_t end = 0;
    for (size_t i = 0; i < history->count; i = end) {
        end = i + 1;
        while (end < history->count &&
               compare_dots(&sorted[i], &sorted[end], history->changes) == 0) {
            end++;
        }
        for (size_t j = i; end - i > 1 && j < end && result == P2PSYNC_OK; j++) {
            result = call_apart(collecting->txn, &history->changes[sorted[j]]);
        }
    }
    free(sorted);
    return result;
}

static p2psync_result call_apart(struct ps_txn *txn, struct ps_history_change *change)
{
    struct ps_stored entry;
    p2psync_result result = ps_stored_get(txn, change->log, change->dot.seq, &entry);
    if (result == P2PSYNC_OK) {
        change->dot = ps_dot_apart(change->dot, entry.leaf);
    }
    return result;
}

static int compare_dots(const void *left, const void *right, void *changes)
{
    const struct ps_history_change *all = changes;
    return ps_dot_compare(all[*(const uint32_t *)left].dot, all[*(const uint32_t *)right].dot);
}

static p2psync_result order(struct ps_history *history)
{
    size_t count = history->count;
    struct ordering ordering = {.history = history};
    struct ps_history_change *moved = calloc(count, sizeof *moved);
    ordering.waiting = calloc(count, sizeof *ordering.waiting);
    ordering.heap = calloc(count, sizeof *ordering.heap);
    ordering.place = calloc(count, sizeof *ordering.place);
    p2psync_result result = P2PSYNC_ENOMEM;
    if (moved != NULL && ordering.waiting != NULL && ordering.heap != NULL &&
        ordering.place != NULL) {
        /* What is left over is a circle: no change can be applied before itself. */
        result = list_in_order(&ordering) == count ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK) {
        move_to_places(history, ordering.place, moved);
        moved = NULL;
    }
    free(ordering.place);
    free(ordering.heap);
    free(ordering.waiting);
    free(moved);
    return result;
}

/* Give every change its place; returns how many have one. */
static size_t list_in_order(struct ordering *ordering)
{
    const struct ps_history *history = ordering->history;
    size_t listed = 0;
    for (size_t i = 0; i < history->parent_count; i++) {
        ordering->waiting[history->parents[i]]++;
    }
    for (uint32_t i = 0; i < history->count; i++) {
        if (ordering->waiting[i] == 0) {
            heap_push(ordering, i);
        }
    }
    while (ordering->heap_size > 0) {
        uint32_t at = heap_pop(ordering);
        const struct ps_history_change *change = &history->changes[at];
        ordering->place[at] = (uint32_t)listed;
        listed++;
        for (uint32_t i = 0; i < change->parent_count; i++) {
            uint32_t parent = history->parents[change->first_parent + i];
            ordering->waiting[parent]--;
            if (ordering->waiting[parent] == 0) {
                heap_push(ordering, parent);
            }
        }
    }
    return listed;
}

/* `moved` becomes the history's. */
static void move_to_places(struct ps_history *history, const uint32_t *place,
                           struct ps_history_change *moved)
{
    for (size_t i = 0; i < history->count; i++) {
        moved[place[i]] = history->changes[i];
    }
    for (size_t i = 0; i < history->parent_count; i++) {
        history->parents[i] = place[history->parents[i]];
    }
    free(history->changes);
    history->changes = moved;
}

static void heap_push(struct ordering *ordering, uint32_t change)
{
    uint32_t *heap = ordering->heap;
    size_t at = ordering->heap_size;
    ordering->heap_size++;
    while (at > 0 && is_newer(ordering->history, change, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = change;
}

static uint32_t heap_pop(struct ordering *ordering)
{
    uint32_t *heap = ordering->heap;
    assert(ordering->heap_size > 0);
    uint32_t top = heap[0];
    ordering->heap_size--;
    uint32_t last = heap[ordering->heap_size];
    size_t at = 0;
    size_t child = 1;
    while (child < ordering->heap_size) {
        if (child + 1 < ordering->heap_size &&
            is_newer(ordering->history, heap[child + 1], heap[child])) {
            child++;
        }
        if (!is_newer(ordering->history, heap[child], last)) {
            break;
        }
        heap[at] = heap[child];
        at = child;
        child = 2 * at + 1;
    }
    heap[at] = last;
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
