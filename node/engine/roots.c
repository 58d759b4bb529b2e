/* Roots of collections, as node/engine/roots.h says. */
#include "node/engine/roots.h"

#include <stdlib.h>
#include <string.h>

#include "node/engine/turn.h"
#include "store/log/collection.h"
#include "store/log/shown.h"
#include "store/log/summary.h"

static p2psync_result update(struct ps_turn *turn);
static p2psync_result look_at_all(struct ps_turn *turn);
static void cut(struct ps_roots *roots, size_t count);
static p2psync_result look_at(struct ps_turn *turn, const struct ps_root_moved *moved);
static p2psync_result compute(struct ps_turn *turn, const struct ps_collection *collection,
                              struct ps_root *out);
static size_t find(const struct ps_roots *roots, struct ps_bytes name, bool *found_out);
static p2psync_result reserve(struct ps_roots *roots);
static p2psync_result write_text(struct ps_roots *roots);

void ps_roots_moved(struct ps_turn *turn, const struct ps_log *log, uint64_t added)
{
    struct ps_roots *roots = &turn->engine->roots;
    roots->pending += added; /* what is of no matter where collections do not travel */
    if (!roots->whole) {
        return;
    }
    struct ps_root_moved *last = roots->moved != NULL && roots->moved_count > 0
                                     ? &roots->moved[roots->moved_count - 1]
                                     : NULL;
    if (last != NULL && last->collection == log->collection) {
        last->first =
            ps_tag_compare(log->id.origin, last->first) < 0 ? log->id.origin : last->first;
        return;
    }
    if (roots->moved == NULL || roots->moved_count == roots->moved_capacity) {
        size_t capacity = roots->moved_capacity == 0 ? 16 : roots->moved_capacity * 2;
        struct ps_root_moved *moved = reallocarray(roots->moved, capacity, sizeof *moved);
        if (moved == NULL) {
            (void)ps_turn_ok(turn, P2PSYNC_ENOMEM);
            return;
        }
        roots->moved = moved;
        roots->moved_capacity = capacity;
    }
    roots->moved[roots->moved_count] =
        (struct ps_root_moved){.collection = log->collection, .first = log->id.origin};
    roots->moved_count++;
}

void ps_roots_applied(struct ps_turn *turn)
{
    turn->engine->roots.pending_known = false;
}

void ps_roots_unsure(struct ps_engine *engine)
{
    engine->roots.whole = false;
    engine->roots.pending_known = false;
    engine->roots.moved_count = 0;
}

void ps_roots_forget(struct ps_engine *engine)
{
    ps_roots_unsure(engine);
    cut(&engine->roots, 0);
}

void ps_roots_deinit(struct ps_roots *roots)
{
    cut(roots, 0);
    free(roots->items);
    free(roots->moved);
    ps_buf_deinit(&roots->text);
    *roots = (struct ps_roots){.count = 0};
}

bool ps_roots_state(struct ps_turn *turn, struct ps_state *out)
{
    struct ps_roots *roots = &turn->engine->roots;
    if (!ps_turn_ok(turn, update(turn)) || !ps_turn_ok(turn, write_text(roots))) {
        return false;
    }
    if (!roots->pending_known &&
        !ps_turn_ok(turn, ps_summary_pending(turn->txn, &roots->pending))) {
        return false;
    }
    roots->pending_known = true;
    *out = (struct ps_state){.common = ps_hash_bytes(ps_buf_view(&roots->text)),
                             .pending = roots->pending};
    return true;
}

bool ps_roots_list(struct ps_turn *turn, const struct ps_roots **all_out)
{
    if (!ps_turn_ok(turn, update(turn))) {
        return false;
    }
    *all_out = &turn->engine->roots;
    return true;
}

static p2psync_result update(struct ps_turn *turn)
{
    struct ps_roots *roots = &turn->engine->roots;
    struct ps_shown_moves moves;
    p2psync_result result = ps_shown_moves(turn->txn, &moves);
    if (result == P2PSYNC_OK && moves.count != roots->shown) {
        ps_roots_forget(turn->engine); /* nothing else tells in which collections */
        roots->shown = moves.count;
    }
    if (result == P2PSYNC_OK && !roots->whole) {
        result = look_at_all(turn);
    }
    for (size_t i = 0; i < roots->moved_count && result == P2PSYNC_OK; i++) {
        result = look_at(turn, &roots->moved[i]);
    }
    if (result == P2PSYNC_OK) {
        roots->whole = true;
        roots->moved_count = 0;
    }
    return result;
}

/* Both the store and the list ascend by name; no collection is ever taken out. */
static p2psync_result look_at_all(struct ps_turn *turn)
{
    struct ps_roots *roots = &turn->engine->roots;
    struct ps_collection collection;
    struct ps_collection_walk walk = {.txn = turn->txn};
    size_t at = 0;
    while (ps_collection_walk_next(&walk, &collection)) {
        if (ps_collection_is_local(collection.name)) {
            continue;
        }
        bool known =
            at < roots->count && ps_bytes_equal(ps_root_name(&roots->items[at]), collection.name);
        walk.result = known ? P2PSYNC_OK : reserve(roots);
        if (walk.result != P2PSYNC_OK) {
            return walk.result;
        }
        struct ps_root *item = &roots->items[at];
        if (!known) {
            memmove(item + 1, item, (roots->count - at) * sizeof *item);
            item->stops = (struct ps_summary_stops){.count = 0};
            roots->count++;
        }
        if (!known || item->changes != collection.changes || item->logs != collection.logs ||
            item->number != collection.number) {
            ps_summary_forget(&item->stops);
            walk.result = compute(turn, &collection, item);
        }
        at++;
    }
    cut(roots, walk.result == P2PSYNC_OK ? at : 0);
    return walk.result;
}

/* Keep the first `count` collections. */
static void cut(struct ps_roots *roots, size_t count)
{
    for (size_t i = count; i < roots->count; i++) {
        ps_summary_forget(&roots->items[i].stops);
    }
    roots->count = count;
}

static p2psync_result look_at(struct ps_turn *turn, const struct ps_root_moved *moved)
{
    struct ps_roots *roots = &turn->engine->roots;
    struct ps_collection collection;
    bool found = false;
    p2psync_result result = ps_collection_by_number(turn->txn, moved->collection, &collection);
    if (result != P2PSYNC_OK || ps_collection_is_local(collection.name)) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    size_t at = find(roots, collection.name, &found);
    if (!found) {
        result = reserve(roots);
        if (result != P2PSYNC_OK) {
            return result;
        }
        memmove(&roots->items[at + 1], &roots->items[at],
                (roots->count - at) * sizeof roots->items[0]);
        roots->items[at].stops = (struct ps_summary_stops){.count = 0};
        roots->count++;
    }
    ps_summary_moved(&roots->items[at].stops, moved->first);
    return compute(turn, &collection, &roots->items[at]);
}

static p2psync_result compute(struct ps_turn *turn, const struct ps_collection *collection,
                              struct ps_root *out)
{
    out->name_size = collection->name.size;
    memcpy(out->name, collection->name.data, collection->name.size);
    out->number = collection->number;
    out->changes = collection->changes;
    out->logs = collection->logs;
    return ps_summary_root(turn->txn, collection->number, &out->stops, &out->root, &out->any);
}

size_t ps_roots_find(const struct ps_roots *roots, struct ps_bytes name)
{
    bool found = false;
    return find(roots, name, &found);
}

/* Where a collection is, or belongs. */
static size_t find(const struct ps_roots *roots, struct ps_bytes name, bool *found_out)
{
    size_t low = 0;
    size_t high = roots->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ps_bytes_compare(ps_root_name(&roots->items[middle]), name);
        if (order == 0) {
            *found_out = true;
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    *found_out = false;
    return low;
}

/* Room for one more. */
static p2psync_result reserve(struct ps_roots *roots)
{
    if (roots->count == roots->capacity) {
        size_t capacity = roots->capacity == 0 ? 16 : roots->capacity * 2;
        struct ps_root *items = reallocarray(roots->items, capacity, sizeof *items);
        if (items == NULL) {
            return P2PSYNC_ENOMEM;
        }
        roots->items = items;
        roots->capacity = capacity;
    }
    return P2PSYNC_OK;
}

/* What our state is the hash of. */
static p2psync_result write_text(struct ps_roots *roots)
{
    struct ps_buf *text = &roots->text;
    text->size_max = UINT32_MAX;
    ps_buf_clear(text);
    p2psync_result result = ps_summary_begin_common(text);
    for (size_t i = 0; i < roots->count && result == P2PSYNC_OK; i++) {
        const struct ps_root *item = &roots->items[i];
        if (item->any) {
            result = ps_summary_add_common(text, ps_root_name(item), &item->root);
        }
    }
    return result;
}
