/* Values in a record's past: see past.h. */
#include "store/history/past.h"

#include <string.h>

#include "store/merge/merge.h"
#include "store/record/rebuild.h"

static p2psync_result take_before(struct ps_past_walk *walk, const struct ps_skeleton *skeleton,
                                  struct ps_past_step *step);
static p2psync_result take_after(struct ps_past_walk *walk, const struct ps_skeleton *skeleton,
                                 struct ps_past_step *step);
static p2psync_result value_of(struct ps_past_walk *walk, size_t change,
                               struct ps_bytes *value_out);
static size_t oldest_kept(const struct ps_past_walk *walk);
static p2psync_result find_apart(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                                 struct ps_dot dot, struct ps_found *out);
static p2psync_result merge_parents(struct ps_txn *txn, uint32_t collection,
                                    const struct ps_skeleton *skeleton, struct ps_buf *out,
                                    ps_record_state *state_out);
static p2psync_result find_last_parent(struct ps_txn *txn, uint32_t collection,
                                       const struct ps_skeleton *skeleton, struct ps_found *out);
static p2psync_result last_undeleted(struct ps_txn *txn, const struct ps_record_row *row,
                                     struct ps_found *out);

void ps_past_walk_init(struct ps_past_walk *walk, struct ps_txn *txn,
                       const struct ps_history *history)
{
    *walk = (struct ps_past_walk){.txn = txn, .history = history, .left = history->count};
    for (size_t i = 0; i < PS_PAST_KEPT; i++) {
        walk->kept[i].change = SIZE_MAX;
        ps_buf_init(&walk->kept[i].value, PS_VALUE_SIZE_MAX);
    }
    ps_buf_init(&walk->merged, PS_VALUE_SIZE_MAX);
}

void ps_past_walk_deinit(struct ps_past_walk *walk)
{
    for (size_t i = 0; i < PS_PAST_KEPT; i++) {
        ps_buf_deinit(&walk->kept[i].value);
    }
    ps_buf_deinit(&walk->merged);
}

p2psync_result ps_past_walk_next(struct ps_past_walk *walk, struct ps_past_step *out)
{
    if (walk->left == 0) {
        return P2PSYNC_ENOTFOUND;
    }
    struct ps_past_step step = {.change = &walk->history->changes[walk->left - 1]};
    struct ps_skeleton skeleton;
    walk->turn++;
    p2psync_result result =
        ps_stored_get(walk->txn, step.change->log, step.change->dot.seq, &step.entry);
    result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    if (result == P2PSYNC_OK) {
        result = ps_found_skeleton(&step.entry, &skeleton);
    }
    if (result == P2PSYNC_OK) {
        result = take_before(walk, &skeleton, &step);
    }
    if (result == P2PSYNC_OK) {
        result = take_after(walk, &skeleton, &step);
    }
    if (result == P2PSYNC_OK) {
        walk->left--;
        *out = step;
    }
    return result;
}

static p2psync_result take_before(struct ps_past_walk *walk, const struct ps_skeleton *skeleton,
                                  struct ps_past_step *step)
{
    step->before_state = PS_RECORD_DELETED;
    if (step->change->parent_count == 0) {
        return P2PSYNC_OK;
    }
    if (step->change->parent_count > 1) {
        ps_buf_clear(&walk->merged);
        p2psync_result result = merge_parents(walk->txn, walk->history->collection, skeleton,
                                              &walk->merged, &step->before_state);
        step->before = ps_buf_view(&walk->merged);
        return result;
    }
    size_t parent = walk->history->parents[step->change->first_parent];
    assert(parent >= walk->left); /* it came before */
    step->before_state = ps_record_state_after(walk->history->changes[parent].op_and_flags);
    return value_of(walk, parent, &step->before);
}

/* The value of the change at hand takes the place of the one that was used least recently. */
static p2psync_result take_after(struct ps_past_walk *walk, const struct ps_skeleton *skeleton,
                                 struct ps_past_step *step)
{
    struct ps_bytes base = ps_rebuild_is_base(skeleton) ? ps_bytes(NULL, 0) : step->before;
    size_t at = oldest_kept(walk);
    struct ps_buf *value = &walk->kept[at].value;
    assert(base.data == NULL || base.data != value->data);
    ps_buf_clear(value);
    walk->kept[at].change = walk->left - 1;
    walk->kept[at].used = walk->turn;
    step->after_state = ps_record_state_after(skeleton->op_and_flags);
    p2psync_result result = ps_rebuild_value(&step->entry, skeleton, base, value);
    step->after = ps_buf_view(value);
    return result;
}

static p2psync_result value_of(struct ps_past_walk *walk, size_t change, struct ps_bytes *value_out)
{
    size_t at = 0;
    while (at < PS_PAST_KEPT && walk->kept[at].change != change) {
        at++;
    }
    if (at == PS_PAST_KEPT) {
        const struct ps_history_change *wanted = &walk->history->changes[change];
        struct ps_rebuild from = {
            .collection = walk->history->collection, .log = wanted->log, .seq = wanted->dot.seq};
        at = oldest_kept(walk);
        ps_buf_clear(&walk->kept[at].value);
        walk->kept[at].change = SIZE_MAX;
        p2psync_result result = ps_rebuild(walk->txn, &from, &walk->kept[at].value, NULL);
        if (result != P2PSYNC_OK) {
            return result;
        }
        walk->kept[at].change = change;
    }
    walk->kept[at].used = walk->turn;
    *value_out = ps_buf_view(&walk->kept[at].value);
    return P2PSYNC_OK;
}

static size_t oldest_kept(const struct ps_past_walk *walk)
{
    size_t oldest = 0;
    for (size_t i = 1; i < PS_PAST_KEPT; i++) {
        if (walk->kept[i].used < walk->kept[oldest].used) {
            oldest = i;
        }
    }
    return oldest;
}

p2psync_result ps_past_find(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                            struct ps_dot dot, struct ps_found *out)
{
    struct ps_log log;
    struct ps_record_row row;
    struct ps_version version;
    p2psync_result result = ps_record_get(txn, collection, id, &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (ps_record_find_shown(&row, dot, &version)) {
        result = ps_log_by_number(txn, version.log, &log);
        return result == P2PSYNC_OK ? ps_found_in_log(txn, &log, dot.seq, id, out) : result;
    }
    bool is_origin = false;
    struct ps_log_walk walk = ps_log_walk_origin(txn, collection, dot.origin);
    result = P2PSYNC_ENOTFOUND;
    while (result == P2PSYNC_ENOTFOUND && ps_log_walk_next(&walk, &log)) {
        is_origin = true;
        result = ps_found_in_log(txn, &log, dot.seq, id, out);
    }
    if (walk.result != P2PSYNC_OK) {
        return walk.result;
    }
    return is_origin ? result : find_apart(txn, collection, id, dot, out);
}

/* A change that is told apart from another one of the record is called by no log's tag. */
static p2psync_result find_apart(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                                 struct ps_dot dot, struct ps_found *out)
{
    struct ps_history history = {.count = 0};
    struct ps_log log;
    p2psync_result result = ps_history_read(txn, collection, id, &history);
    while (result == P2PSYNC_OK) { /* ends with the history */
        size_t at = 0;
        while (at < history.count && ps_dot_compare(history.changes[at].dot, dot) != 0) {
            at++;
        }
        if (at < history.count) {
            result = ps_log_by_number(txn, history.changes[at].log, &log);
            break;
        }
        result = ps_history_read_on(txn, &history);
    }
    ps_history_deinit(&history);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_EEND ? P2PSYNC_ENOTFOUND : result;
    }
    return ps_found_in_log(txn, &log, dot.seq, id, out);
}

p2psync_result ps_past_value(struct ps_txn *txn, const struct ps_found *found, struct ps_buf *out)
{
    struct ps_rebuild from = {
        .collection = found->collection, .log = found->log, .seq = found->seq};
    return ps_rebuild(txn, &from, out, NULL);
}

p2psync_result ps_past_before(struct ps_txn *txn, uint32_t collection,
                              const struct ps_skeleton *skeleton, struct ps_buf *out,
                              ps_record_state *state_out)
{
    if (skeleton->parent_count == 0) {
        *state_out = PS_RECORD_DELETED;
        return P2PSYNC_OK;
    }
    if (skeleton->parent_count > 1) {
        return merge_parents(txn, collection, skeleton, out, state_out);
    }
    struct ps_found parent = {.collection = collection};
    p2psync_result result = find_last_parent(txn, collection, skeleton, &parent);
    if (result == P2PSYNC_OK) {
        result = ps_past_value(txn, &parent, out);
    }
    if (result == P2PSYNC_OK) {
        *state_out = ps_record_state_after(parent.skeleton.op_and_flags);
    }
    return result;
}

/* What the author of a change with several parents saw: their merge, by the rules of today. */
static p2psync_result merge_parents(struct ps_txn *txn, uint32_t collection,
                                    const struct ps_skeleton *skeleton, struct ps_buf *out,
                                    ps_record_state *state_out)
{
    struct ps_merged merged = {.copies = 0};
    p2psync_result result = ps_merge_parents(txn, collection, skeleton, &merged);
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(out, merged.value.data, merged.value.size);
    }
    if (result == P2PSYNC_OK) {
        *state_out = merged.view.state;
    }
    ps_merged_deinit(&merged);
    return result;
}

/* The change must be applied, so its parents are. */
static p2psync_result find_last_parent(struct ps_txn *txn, uint32_t collection,
                                       const struct ps_skeleton *skeleton, struct ps_found *out)
{
    uint64_t last_hlc = 0;
    assert(skeleton->parent_count > 0);
    for (size_t i = 0; i < skeleton->parent_count; i++) {
        const struct ps_parent *parent = &skeleton->parents[i];
        struct ps_log_place place;
        struct ps_skeleton decoded;
        p2psync_result result = ps_log_locate(txn, collection, parent, &place);
        result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        if (result == P2PSYNC_OK) {
            result = ps_found_skeleton(&place.entry, &decoded);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        /* Parents ascend by their dots, so of equal times the last one stays. */
        if (i == 0 || decoded.hlc >= last_hlc) {
            last_hlc = decoded.hlc;
            out->collection = collection;
            out->log = place.number;
            out->seq = parent->dot.seq;
            out->skeleton = decoded;
        }
    }
    return P2PSYNC_OK;
}

p2psync_result ps_past_undeleted(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                                 struct ps_buf *out)
{
    struct ps_record_row row;
    struct ps_found found = {.collection = collection};
    p2psync_result result = ps_record_get(txn, collection, id, &row);
    if (result == P2PSYNC_OK) {
        result = last_undeleted(txn, &row, &found);
    }
    for (size_t i = 0; i < PS_HISTORY_MAX && result == P2PSYNC_OK; i++) {
        ps_record_state state = PS_RECORD_DELETED;
        if (ps_record_state_after(found.skeleton.op_and_flags) != PS_RECORD_DELETED) {
            return ps_past_value(txn, &found, out);
        }
        if (found.skeleton.parent_count == 0) {
            return P2PSYNC_ENOTFOUND;
        }
        if (found.skeleton.parent_count > 1) {
            size_t size = out->size;
            result = merge_parents(txn, collection, &found.skeleton, out, &state);
            if (result != P2PSYNC_OK || state != PS_RECORD_DELETED) {
                return result;
            }
            ps_buf_truncate(out, size);
        }
        struct ps_skeleton skeleton = found.skeleton;
        result = find_last_parent(txn, collection, &skeleton, &found);
    }
    return result == P2PSYNC_OK ? P2PSYNC_ELIMIT : result;
}

/* The last version that is not a delete, else the last one. */
static p2psync_result last_undeleted(struct ps_txn *txn, const struct ps_record_row *row,
                                     struct ps_found *out)
{
    struct ps_version chosen;
    struct ps_stored entry;
    ps_record_version(row, row->version_count - 1, &chosen);
    for (uint32_t i = row->version_count; i > 0 && chosen.state == PS_RECORD_DELETED; i--) {
        struct ps_version version;
        ps_record_version(row, i - 1, &version);
        chosen = version.state == PS_RECORD_DELETED ? chosen : version;
    }
    out->log = chosen.log;
    out->seq = chosen.dot.seq;
    p2psync_result result = ps_stored_get(txn, chosen.log, chosen.dot.seq, &entry);
    result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    return result == P2PSYNC_OK ? ps_found_skeleton(&entry, &out->skeleton) : result;
}
