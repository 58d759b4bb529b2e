/* Making the plan of a revert: the history of each record that the device changed is replayed. */
#include "store/history/revert.h"

#include <stdlib.h>
#include <string.h>

#include "store/history/past.h"
#include "store/history/touched.h"
#include "store/merge/stale.h"
#include "wire/codec.h"
#include "wire/map.h"
#include "wire/pairs.h"

/* One record's history, replayed. */
struct replay {
    const struct ps_touched *touched;
    bool marked;           /* the device has changed it by now */
    bool others_since;     /* after that somebody else wrote to it, and did not delete it */
    struct ps_buf without; /* the value, without the device's changes */
    ps_record_state without_state;
    struct ps_buf names; /* a map of the fields that the device changed: true if nobody did since */
    struct ps_buf fields; /* what one change did, and in the end what is to be done */
    struct ps_buf unset;
    struct ps_buf made;  /* a map or value that is being made */
    struct ps_buf spare; /* what `without` and `names` change places with */
    struct ps_buf kept;
    struct ps_buf shown; /* the row, if the store has an old one */
};

static p2psync_result replay_record(struct replay *replay, const struct ps_touched_record *record);
static p2psync_result begin_with(struct replay *replay, const struct ps_history *history);
static p2psync_result replay_change(struct replay *replay, const struct ps_past_step *step);
static p2psync_result note_fields(struct replay *replay, bool mine);
static p2psync_result note_names(struct replay *replay, const struct ps_pairs *names, bool mine);
static void write_noted(const struct ps_pairs *known, const struct ps_pairs *names, bool mine,
                        struct ps_writer *writer);
static const struct ps_pair *find_pair(const struct ps_pairs *pairs, size_t *at,
                                       struct ps_bytes name);
static p2psync_result apply_to(struct ps_buf *value, struct ps_buf *spare,
                               const struct ps_delta *delta);
static p2psync_result plan_record(struct replay *replay, struct ps_bytes id,
                                  struct ps_revert_plan *plan);
static ps_revert_op decide(const struct replay *replay, ps_record_state shown);
static p2psync_result make_value(struct replay *replay, struct ps_bytes shown);
static p2psync_result make_delta(struct replay *replay, const struct ps_pairs *names,
                                 const struct ps_pairs *without);
static size_t write_fields(const struct ps_pairs *names, const struct ps_pairs *without,
                           struct ps_writer *writer);
static bool is_mine(const struct ps_pair *name);
static p2psync_result list_kept(struct replay *replay);
static p2psync_result add_item(const struct replay *replay, struct ps_bytes id, ps_revert_op op,
                               struct ps_revert_plan *plan);

p2psync_result ps_revert_plan(struct ps_txn *txn, const struct ps_revert_of *of,
                              struct ps_revert_plan *out)
{
    struct ps_touched touched = {
        .txn = txn, .collection = of->collection, .device = of->device, .since_ms = of->since_ms};
    struct replay replay = {.touched = &touched};
    struct ps_buf *const buffers[] = {&replay.without, &replay.names, &replay.fields, &replay.unset,
                                      &replay.made,    &replay.spare, &replay.kept};
    assert(out->count == 0 && out->items == NULL);
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        ps_buf_init(buffers[i], PS_VALUE_SIZE_MAX);
    }
    ps_buf_init(&replay.shown, UINT32_MAX);
    p2psync_result result = ps_touched_find(&touched);
    for (size_t i = 0; i < touched.record_count && result == P2PSYNC_OK; i++) {
        result = replay_record(&replay, &touched.records[i]);
        if (result == P2PSYNC_OK) {
            result = plan_record(&replay, touched.records[i].id, out);
        }
    }
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        ps_buf_deinit(buffers[i]);
    }
    ps_buf_deinit(&replay.shown);
    ps_touched_deinit(&touched);
    return result;
}

void ps_revert_deinit(struct ps_revert_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++) {
        free(plan->items[i].bytes);
    }
    free(plan->items);
    *plan = (struct ps_revert_plan){.count = 0};
}

/* ---- the replay ---- */

static p2psync_result replay_record(struct replay *replay, const struct ps_touched_record *record)
{
    struct ps_txn *txn = replay->touched->txn;
    struct ps_history history = {.count = 0};
    struct ps_past_walk walk;
    struct ps_past_step step;
    replay->marked = false;
    replay->others_since = false;
    ps_buf_clear(&replay->names);
    p2psync_result result = ps_history_read_since(txn, replay->touched->collection, record->id,
                                                  record->first_hlc, &history);
    result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    if (result == P2PSYNC_OK) {
        result = begin_with(replay, &history);
    }
    if (result != P2PSYNC_OK) {
        ps_history_deinit(&history);
        return result;
    }
    ps_past_walk_init(&walk, txn, &history);
    while (result == P2PSYNC_OK) { /* ends with the history */
        result = ps_past_walk_next(&walk, &step);
        if (result == P2PSYNC_OK) {
            result = replay_change(replay, &step);
        }
    }
    ps_past_walk_deinit(&walk);
    ps_history_deinit(&history);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

/* What the one change that is further back left, or nothing. */
static p2psync_result begin_with(struct replay *replay, const struct ps_history *history)
{
    ps_buf_clear(&replay->without);
    replay->without_state = PS_RECORD_DELETED;
    if (history->further_count == 0) {
        return P2PSYNC_OK;
    }
    const struct ps_history_change *last = &history->changes[history->count];
    const struct ps_found found = {
        .collection = history->collection, .log = last->log, .seq = last->dot.seq};
    assert(history->further_count == 1);
    replay->without_state = ps_record_state_after(last->op_and_flags);
    return ps_past_value(replay->touched->txn, &found, &replay->without);
}

static p2psync_result replay_change(struct replay *replay, const struct ps_past_step *step)
{
    bool mine = ps_touched_by(replay->touched, step->change);
    bool here = step->after_state != PS_RECORD_DELETED;
    bool unchanged = false;
    ps_buf_clear(&replay->fields);
    ps_buf_clear(&replay->unset);
    p2psync_result result =
        ps_value_diff(step->before, step->after, &replay->fields, &replay->unset, &unchanged);
    if (result == P2PSYNC_OK) {
        result = note_fields(replay, mine);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (mine) {
        replay->marked = true;
        return P2PSYNC_OK;
    }
    replay->others_since = replay->marked && here;
    if (step->after_state != step->before_state) {
        replay->without_state = step->after_state;
    }
    if (here && step->before_state == PS_RECORD_DELETED && step->change->parent_count > 0) {
        /* A change that brings a deleted record back says what its whole value is. */
        struct ps_pairs names = {.count = 0};
        ps_buf_clear(&replay->without);
        result = ps_pairs_list(&names, ps_buf_view(&replay->names));
        if (result == P2PSYNC_OK) {
            result = note_names(replay, &names, false);
        }
        ps_pairs_free(&names);
    }
    struct ps_delta delta = {.fields = ps_buf_view(&replay->fields),
                             .unset = ps_buf_view(&replay->unset)};
    return result == P2PSYNC_OK ? apply_to(&replay->without, &replay->spare, &delta) : result;
}

/* Note who was the last to change the fields of the change at hand. */
static p2psync_result note_fields(struct replay *replay, bool mine)
{
    struct ps_pairs names = {.count = 0};
    if (!mine && replay->names.size == 0) {
        return P2PSYNC_OK; /* the device has not changed any yet */
    }
    p2psync_result result = ps_pairs_list(&names, ps_buf_view(&replay->fields));
    if (result == P2PSYNC_OK) {
        result = note_names(replay, &names, mine);
    }
    ps_pairs_free(&names);
    if (result == P2PSYNC_OK) {
        result = ps_pairs_list_names(&names, ps_buf_view(&replay->unset));
    }
    if (result == P2PSYNC_OK) {
        result = note_names(replay, &names, mine);
    }
    ps_pairs_free(&names);
    return result;
}

/* Fields that the device changes are all noted; those that others change only if the device changed
 * them before. */
static p2psync_result note_names(struct replay *replay, const struct ps_pairs *names, bool mine)
{
    struct ps_pairs known = {.count = 0};
    struct ps_writer writer;
    p2psync_result result = ps_pairs_list(&known, ps_buf_view(&replay->names));
    if (result == P2PSYNC_OK) {
        ps_buf_clear(&replay->made);
        ps_writer_init(&writer, &replay->made);
        write_noted(&known, names, mine, &writer);
        result = ps_writer_finish(&writer);
    }
    ps_pairs_free(&known);
    struct ps_delta delta = {.fields = ps_buf_view(&replay->made)};
    return result == P2PSYNC_OK ? apply_to(&replay->names, &replay->spare, &delta) : result;
}

static void write_noted(const struct ps_pairs *known, const struct ps_pairs *names, bool mine,
                        struct ps_writer *writer)
{
    struct ps_map noted;
    size_t at = 0;
    ps_map_begin(&noted, writer);
    for (size_t i = 0; i < names->count; i++) {
        bool is_known = find_pair(known, &at, names->pair[i].key) != NULL;
        if (mine || is_known) {
            ps_map_key_str(&noted, names->pair[i].key);
            ps_write_bool(writer, mine);
        }
    }
    ps_map_end(&noted);
}

/* The pair of that name, or NULL. Both lists that are compared are sorted: the search goes on from
 * `at`, where the last one ended. */
static const struct ps_pair *find_pair(const struct ps_pairs *pairs, size_t *at,
                                       struct ps_bytes name)
{
    while (*at < pairs->count && ps_bytes_compare(pairs->pair[*at].key, name) < 0) {
        (*at)++;
    }
    return *at < pairs->count && ps_bytes_equal(pairs->pair[*at].key, name) ? &pairs->pair[*at]
                                                                            : NULL;
}

static p2psync_result apply_to(struct ps_buf *value, struct ps_buf *spare,
                               const struct ps_delta *delta)
{
    ps_buf_clear(spare);
    p2psync_result result = ps_value_apply(ps_buf_view(value), delta, spare);
    if (result == P2PSYNC_OK) {
        struct ps_buf before = *value;
        *value = *spare;
        *spare = before;
    }
    return result;
}

/* ---- what is to be done ---- */

static p2psync_result plan_record(struct replay *replay, struct ps_bytes id,
                                  struct ps_revert_plan *plan)
{
    struct ps_record_row row;
    struct ps_view seen;
    bool unchanged = true;
    p2psync_result result =
        ps_stale_get(replay->touched->txn, replay->touched->collection, id, &row, &replay->shown);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    ps_record_view(&row, &seen);
    bool is_here = seen.state != PS_RECORD_DELETED;
    struct ps_bytes shown = is_here ? seen.value : ps_bytes(NULL, 0);
    ps_revert_op op = decide(replay, seen.state);
    ps_buf_clear(&replay->made);
    if (op != PS_REVERT_DELETE && is_here) {
        result = make_value(replay, shown);
    } else if (op != PS_REVERT_DELETE && op != PS_REVERT_NONE) {
        result = ps_buf_append(&replay->made, replay->without.data, replay->without.size);
    }
    ps_buf_clear(&replay->fields);
    ps_buf_clear(&replay->unset);
    if (result == P2PSYNC_OK) {
        /* A delete needs no fields, so it is compared with nothing. */
        result =
            ps_value_diff(op == PS_REVERT_DELETE ? ps_bytes(NULL, 0) : shown,
                          ps_buf_view(&replay->made), &replay->fields, &replay->unset, &unchanged);
    }
    if (result == P2PSYNC_OK) {
        result = list_kept(replay);
    }
    if (op == PS_REVERT_UPDATE && unchanged) {
        op = PS_REVERT_NONE;
    }
    bool nothing = op == PS_REVERT_NONE && replay->kept.size <= 1; /* an empty array */
    return result == P2PSYNC_OK && !nothing ? add_item(replay, id, op, plan) : result;
}

/* A record is deleted or archived only if nobody else has written to it since. */
static ps_revert_op decide(const struct replay *replay, ps_record_state shown)
{
    ps_record_state wanted = replay->without_state;
    if (shown == PS_RECORD_DELETED) {
        switch (wanted) {
        case PS_RECORD_DELETED:
            return PS_REVERT_NONE;
        case PS_RECORD_ARCHIVED:
            return PS_REVERT_ARCHIVE;
        default:
            return PS_REVERT_RESTORE;
        }
    }
    if (wanted == PS_RECORD_DELETED && !replay->others_since) {
        return PS_REVERT_DELETE;
    }
    if (wanted == PS_RECORD_ARCHIVED && shown == PS_RECORD_LIVE && !replay->others_since) {
        return PS_REVERT_ARCHIVE;
    }
    return wanted == PS_RECORD_LIVE && shown == PS_RECORD_ARCHIVED ? PS_REVERT_RESTORE
                                                                   : PS_REVERT_UPDATE;
}

/* What is shown, with the device's fields as they are without it. */
static p2psync_result make_value(struct replay *replay, struct ps_bytes shown)
{
    struct ps_pairs names = {.count = 0};
    struct ps_pairs without = {.count = 0};
    ps_buf_clear(&replay->fields);
    ps_buf_clear(&replay->unset);
    p2psync_result result = ps_pairs_list(&names, ps_buf_view(&replay->names));
    if (result == P2PSYNC_OK) {
        result = ps_pairs_list(&without, ps_buf_view(&replay->without));
    }
    if (result == P2PSYNC_OK) {
        result = make_delta(replay, &names, &without);
    }
    ps_pairs_free(&without);
    ps_pairs_free(&names);
    struct ps_delta delta = {.fields = ps_buf_view(&replay->fields),
                             .unset = ps_buf_view(&replay->unset)};
    return result == P2PSYNC_OK ? ps_value_apply(shown, &delta, &replay->made) : result;
}

/* The device's fields: set where they are there without it, else taken out. */
static p2psync_result make_delta(struct replay *replay, const struct ps_pairs *names,
                                 const struct ps_pairs *without)
{
    struct ps_writer fields;
    struct ps_writer unset;
    ps_writer_init(&fields, &replay->fields);
    ps_writer_init(&unset, &replay->unset);
    ps_write_array(&unset, write_fields(names, without, &fields));
    size_t at = 0;
    for (size_t i = 0; i < names->count; i++) {
        const struct ps_pair *name = &names->pair[i];
        if (is_mine(name) && find_pair(without, &at, name->key) == NULL) {
            ps_write_str(&unset, name->key);
        }
    }
    p2psync_result result = ps_writer_finish(&fields);
    return result == P2PSYNC_OK ? ps_writer_finish(&unset) : result;
}

/* Returns how many of the device's fields are not there without it. */
static size_t write_fields(const struct ps_pairs *names, const struct ps_pairs *without,
                           struct ps_writer *writer)
{
    struct ps_map fields;
    size_t missing_count = 0;
    size_t at = 0;
    ps_map_begin(&fields, writer);
    for (size_t i = 0; i < names->count; i++) {
        if (!is_mine(&names->pair[i])) {
            continue;
        }
        const struct ps_pair *pair = find_pair(without, &at, names->pair[i].key);
        if (pair != NULL) {
            ps_map_key_str(&fields, pair->key);
            ps_write_raw(writer, pair->value);
        } else {
            missing_count++;
        }
    }
    ps_map_end(&fields);
    return missing_count;
}

static bool is_mine(const struct ps_pair *name)
{
    struct ps_reader reader;
    ps_reader_init(&reader, name->value);
    return ps_read_bool(&reader);
}

static p2psync_result list_kept(struct replay *replay)
{
    struct ps_pairs names = {.count = 0};
    struct ps_writer writer;
    size_t count = 0;
    p2psync_result result = ps_pairs_list(&names, ps_buf_view(&replay->names));
    if (result != P2PSYNC_OK) {
        return result;
    }
    for (size_t i = 0; i < names.count; i++) {
        count += is_mine(&names.pair[i]) ? 0 : 1;
    }
    ps_buf_clear(&replay->kept);
    ps_writer_init(&writer, &replay->kept);
    ps_write_array(&writer, count);
    for (size_t i = 0; i < names.count; i++) {
        if (!is_mine(&names.pair[i])) {
            ps_write_str(&writer, names.pair[i].key);
        }
    }
    ps_pairs_free(&names);
    return ps_writer_finish(&writer);
}

/* Everything about one record lies in one piece of memory. */
static p2psync_result add_item(const struct replay *replay, struct ps_bytes id, ps_revert_op op,
                               struct ps_revert_plan *plan)
{
    struct ps_revert_item item = {.op = op};
    const struct ps_bytes from[] = {id, ps_buf_view(&replay->made), ps_buf_view(&replay->fields),
                                    ps_buf_view(&replay->unset), ps_buf_view(&replay->kept)};
    struct ps_bytes *const to[] = {&item.id, &item.value, &item.fields, &item.unset, &item.kept};
    size_t size = 0;
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        size += from[i].size;
    }
    if (size > PS_TRANSACTION_SIZE_MAX - plan->size_bytes) {
        return P2PSYNC_ELIMIT;
    }
    if (plan->count == plan->capacity) {
        size_t capacity = plan->count == 0 ? 16 : plan->count * 2;
        struct ps_revert_item *items = reallocarray(plan->items, capacity, sizeof *items);
        if (items == NULL) {
            return P2PSYNC_ENOMEM;
        }
        plan->items = items;
        plan->capacity = capacity;
    }
    item.bytes = malloc(size);
    if (item.bytes == NULL) {
        return P2PSYNC_ENOMEM;
    }
    size = 0;
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        if (from[i].size > 0) {
            memcpy(item.bytes + size, from[i].data, from[i].size);
        }
        *to[i] = ps_bytes(item.bytes + size, from[i].size);
        size += from[i].size;
    }
    plan->items[plan->count] = item;
    plan->count++;
    plan->size_bytes += size;
    return P2PSYNC_OK;
}
