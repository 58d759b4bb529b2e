/* The version rule, DESIGN section 5. Only in the end is the value worked out of each version that
 * is left and is read: from the row's, where that is on the way back, and the deltas since. If its
 * parent has been overwritten meanwhile, the edit was concurrent: its value comes from the log, and
 * both are kept. So what any number of changes cost is bounded by the versions that are read.
 *
 * Invariant: which versions carry a value depends on the set of versions alone, so the rows of two
 * nodes that applied the same changes hold the same, in whatever order they came. */
#include "store/apply/versions.h"

#include <stdlib.h>
#include <string.h>

#include "store/env/keys.h"
#include "store/merge/conflict.h"
#include "store/merge/merge.h"
#include "store/merge/stale.h"
#include "store/record/rebuild.h"

static void read_values(struct ps_versions *versions, const struct ps_record_row *row);
static p2psync_result read_again(struct ps_versions *versions, struct ps_txn *txn);
static p2psync_result find_depth(struct ps_versions *versions, struct ps_txn *txn,
                                 const struct ps_apply_change *change, unsigned *out);
static p2psync_result check_parents(struct ps_versions *versions, struct ps_txn *txn,
                                    const struct ps_apply_change *change, bool *valid_out);
static p2psync_result replace(struct ps_versions *versions, const struct ps_apply_change *change,
                              uint8_t depth);
static p2psync_result keep_values(struct ps_versions *versions, struct ps_txn *txn);
static p2psync_result rebuild(struct ps_versions *versions, struct ps_txn *txn,
                              struct ps_slot *slot);
static p2psync_result know_base(struct ps_versions *versions, struct ps_txn *txn,
                                const struct ps_slot *slot, struct ps_buf *base);
static struct ps_rebuild from_version(const struct ps_versions *versions,
                                      const struct ps_version *version);
static const struct ps_version *find(const struct ps_versions *versions,
                                     const struct ps_parent *parent);
static bool is_after(uint64_t hlc, uint64_t parent_hlc);
static bool can_be_lost(const struct ps_versions *versions);
static p2psync_result write_row(struct ps_versions *versions, struct ps_txn *txn, bool *live_out,
                                bool *conflict_out);
static p2psync_result make_view(struct ps_versions *versions, struct ps_txn *txn,
                                struct ps_version *list, struct ps_merged *merged);
static void postpone(struct ps_versions *versions, struct ps_version *list, struct ps_view *view);
static uint64_t values_size(const struct ps_record_write *write);
static p2psync_result read_rules(struct ps_versions *versions, struct ps_txn *txn);
static p2psync_result note_several(const struct ps_versions *versions, struct ps_txn *txn,
                                   bool is_conflict);

p2psync_result ps_versions_load(struct ps_versions *versions, struct ps_txn *txn,
                                uint32_t collection, struct ps_bytes id)
{
    assert(id.size > 0 && id.size <= PS_RECORD_ID_SIZE_MAX);
    struct ps_record_row row;
    ps_slots_clear(&versions->slots);
    versions->collection = collection;
    versions->id_size = id.size;
    memcpy(versions->id, id.data, id.size);
    versions->created_hlc = UINT64_MAX;
    versions->was_live = false;
    versions->was_several = false;
    versions->was_conflict = false;
    versions->changed = false;
    versions->lost = false;
    versions->regained = false;
    versions->has_last = false;
    versions->moved = false;
    versions->row_count = 0;
    versions->known_count = 0;
    p2psync_result result = ps_record_get(txn, collection, ps_bytes(versions->id, id.size), &row);
    versions->regained = result == P2PSYNC_ECORRUPT;
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND || versions->regained ? P2PSYNC_OK : result;
    }
    versions->created_hlc = row.created_hlc;
    for (uint32_t i = 0; i < row.version_count; i++) {
        struct ps_version version;
        ps_record_version(&row, i, &version);
        result = ps_slots_add(&versions->slots, &version);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    read_values(versions, &row);
    struct ps_view view;
    ps_record_view(&row, &view);
    versions->was_live = view.state == PS_RECORD_LIVE;
    versions->was_several = row.version_count > 1;
    versions->was_conflict = view.conflict;
    return P2PSYNC_OK;
}

/* Where the values of the row lie now. */
static void read_values(struct ps_versions *versions, const struct ps_record_row *row)
{
    versions->known_count = 0;
    for (uint32_t i = ps_record_first_read(row->version_count); i < row->version_count; i++) {
        struct ps_version version;
        struct ps_parent name;
        ps_record_version(row, i, &version);
        name = (struct ps_parent){.dot = version.dot};
        memcpy(name.leaf, version.leaf, sizeof name.leaf);
        uint32_t index = ps_slots_find(&versions->slots, &name);
        if (index != PS_SLOT_NONE) {
            versions->slots.items[index].version.value = version.value;
        }
        if (version.has_value) {
            versions->known[versions->known_count] = (struct ps_rebuilt){.log = version.log,
                                                                         .seq = version.dot.seq,
                                                                         .depth = version.depth,
                                                                         .value = version.value};
            versions->known_count++;
        }
    }
    versions->row_count = versions->known_count;
}

p2psync_result ps_versions_apply(struct ps_versions *versions, struct ps_txn *txn,
                                 const struct ps_apply_change *change)
{
    bool valid = false;
    unsigned depth = 0;
    p2psync_result result = check_parents(versions, txn, change, &valid);
    if (result == P2PSYNC_OK && valid) {
        result = find_depth(versions, txn, change, &depth);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    return valid && depth <= PS_CHAIN_MAX
               ? replace(versions, change, (uint8_t)depth)
               : ps_versions_refuse(versions, txn, change->log, change->dot.seq);
}

p2psync_result ps_versions_refuse(struct ps_versions *versions, struct ps_txn *txn, uint32_t log,
                                  uint64_t seq)
{
    versions->moved = true;
    return ps_stored_set_inert(txn, log, seq);
}

/* How many changes there are from a full one up to this one. */
static p2psync_result find_depth(struct ps_versions *versions, struct ps_txn *txn,
                                 const struct ps_apply_change *change, unsigned *out)
{
    const struct ps_skeleton *skeleton = change->skeleton;
    struct ps_rebuild_past past = {.depth = 0};
    struct ps_log_place place;
    if (ps_rebuild_is_base(skeleton)) {
        return P2PSYNC_OK;
    }
    assert(skeleton->parent_count == 1); /* several need `full`, or the skeleton does not decode */
    const struct ps_parent *parent = &skeleton->parents[0];
    const struct ps_version *version = find(versions, parent);
    if (version != NULL) {
        *out = version->depth + 1U;
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_log_locate(txn, change->collection, parent, &place);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    const struct ps_rebuild from = {.collection = change->collection,
                                    .log = place.number,
                                    .seq = parent->dot.seq,
                                    .known = versions->known,
                                    .known_count = versions->known_count};
    result = ps_rebuild_walk(txn, &from, &past);
    versions->work_bytes += past.work_bytes;
    *out = past.depth + 1U;
    return result;
}

/* Check that all parents are changes of this record, valid, and of an earlier time. A parent that
 * is a version now is known to be of this record, and valid. */
static p2psync_result check_parents(struct ps_versions *versions, struct ps_txn *txn,
                                    const struct ps_apply_change *change, bool *valid_out)
{
    bool valid = true;
    for (size_t i = 0; i < change->skeleton->parent_count && valid; i++) {
        const struct ps_parent *parent = &change->skeleton->parents[i];
        struct ps_log_place place;
        struct ps_skeleton skeleton;
        const struct ps_version *version = find(versions, parent);
        if (version != NULL) {
            valid = is_after(change->skeleton->hlc, version->hlc);
            continue;
        }
        p2psync_result result = ps_log_locate(txn, change->collection, parent, &place);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        versions->work_bytes += place.entry.body.size;
        valid = !place.entry.inert &&
                ps_skeleton_decode(place.entry.skeleton, &skeleton) == P2PSYNC_OK &&
                ps_bytes_equal(skeleton.record_id, ps_bytes(versions->id, versions->id_size)) &&
                is_after(change->skeleton->hlc, skeleton.hlc);
    }
    *valid_out = valid;
    return P2PSYNC_OK;
}

/* Whether the time of a change is above its parent's, as it must be. At the end of time there is no
 * later one, so there it may be equal. This lets the past be walked by time (ancestry.h). */
static bool is_after(uint64_t hlc, uint64_t parent_hlc)
{
    return hlc > parent_hlc || hlc == UINT64_MAX;
}

/* Take the parents out and the change in. */
static p2psync_result replace(struct ps_versions *versions, const struct ps_apply_change *change,
                              uint8_t depth)
{
    const struct ps_skeleton *skeleton = change->skeleton;
    struct ps_version made = {.dot = change->dot,
                              .log = change->log,
                              .hlc = skeleton->hlc,
                              .depth = depth,
                              .state = ps_record_state_after(skeleton->op_and_flags)};
    memcpy(made.leaf, change->entry->leaf, PS_HASH_SHORT_SIZE);
    for (size_t i = 0; i < skeleton->parent_count; i++) {
        uint32_t index = ps_slots_find(&versions->slots, &skeleton->parents[i]);
        if (index != PS_SLOT_NONE) {
            ps_slots_remove(&versions->slots, index);
        }
    }
    p2psync_result result = ps_slots_add(&versions->slots, &made);
    if (result != P2PSYNC_OK) {
        return result;
    }
    versions->slots.items[versions->slots.item_count - 1].is_new = true;
    versions->changed = true;
    versions->has_last = true;
    versions->last_log = change->log;
    versions->last_seq = change->dot.seq;
    if (skeleton->hlc < versions->created_hlc) {
        versions->created_hlc = skeleton->hlc;
    }
    return P2PSYNC_OK;
}

/* See that exactly the PS_PARENTS_MAX newest versions carry their values. P2PSYNC_ECORRUPT one of
 * them cannot be had; all others that the row has had carry theirs then. */
static p2psync_result keep_values(struct ps_versions *versions, struct ps_txn *txn)
{
    uint32_t first = ps_record_first_read(versions->slots.count);
    p2psync_result result = versions->moved ? read_again(versions, txn) : P2PSYNC_OK;
    bool several = versions->slots.count > 1;
    struct ps_buf base;
    bool lost = false;
    ps_buf_init(&base, PS_VALUE_SIZE_MAX);
    for (uint32_t i = 0; i < versions->slots.count && result == P2PSYNC_OK; i++) {
        struct ps_slot *slot = &versions->slots.items[i];
        if (i < first) {
            slot->version.has_value = false;
            slot->version.value = ps_bytes(NULL, 0);
        } else if (!slot->version.has_value) {
            result = several ? know_base(versions, txn, slot, &base) : P2PSYNC_OK;
            result = result == P2PSYNC_OK ? rebuild(versions, txn, slot) : result;
        }
        if (result == P2PSYNC_ECORRUPT && !slot->is_new) {
            lost = true;
            result = P2PSYNC_OK;
        }
    }
    versions->known_count = versions->row_count;
    ps_buf_deinit(&base);
    return result == P2PSYNC_OK && lost ? P2PSYNC_ECORRUPT : result;
}

/* The row has not been written since, so it is as it was. */
static p2psync_result read_again(struct ps_versions *versions, struct ps_txn *txn)
{
    struct ps_record_row row;
    versions->moved = false;
    if (versions->known_count == 0) {
        return P2PSYNC_OK;
    }
    p2psync_result result =
        ps_record_get(txn, versions->collection, ps_bytes(versions->id, versions->id_size), &row);
    if (result == P2PSYNC_OK) {
        read_values(versions, &row);
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}

static p2psync_result rebuild(struct ps_versions *versions, struct ps_txn *txn,
                              struct ps_slot *slot)
{
    const struct ps_rebuild from = from_version(versions, &slot->version);
    struct ps_rebuild_past past = {.depth = 0};
    p2psync_result result = ps_rebuild(txn, &from, &slot->own, &past);
    if (result == P2PSYNC_OK) {
        slot->version.has_value = true;
        slot->version.value = ps_buf_view(&slot->own);
        versions->work_bytes += past.depth > 0 ? past.work_bytes : 0;
    }
    return result;
}

/* Build what a version is built on apart, in `base`, and keep it until one has another base: often
 * several have the same. */
static p2psync_result know_base(struct ps_versions *versions, struct ps_txn *txn,
                                const struct ps_slot *slot, struct ps_buf *base)
{
    struct ps_rebuild from = from_version(versions, &slot->version);
    struct ps_rebuild_past past = {.depth = 0};
    p2psync_result result = ps_rebuild_walk(txn, &from, &past);
    versions->work_bytes += past.work_bytes;
    if (result != P2PSYNC_OK || past.is_known || past.depth == 0) {
        return result;
    }
    from.log = past.log;
    from.seq = past.seq;
    from.known_count = 0;
    ps_buf_clear(base);
    versions->known_count = versions->row_count; /* what was in `base` is gone */
    result = ps_rebuild(txn, &from, base, &past);
    versions->work_bytes += past.work_bytes;
    if (result == P2PSYNC_OK) {
        versions->known_count = versions->row_count + 1;
        versions->known[versions->row_count] =
            (struct ps_rebuilt){.log = from.log, .seq = from.seq, .value = ps_buf_view(base)};
    }
    return result;
}

static struct ps_rebuild from_version(const struct ps_versions *versions,
                                      const struct ps_version *version)
{
    return (struct ps_rebuild){.collection = versions->collection,
                               .log = version->log,
                               .seq = version->dot.seq,
                               .known = versions->known,
                               .known_count = versions->known_count};
}

p2psync_result ps_versions_store(struct ps_versions *versions, struct ps_txn *txn,
                                 struct ps_collection_delta *counts, struct ps_applied *applied)
{
    if (!versions->changed) {
        return P2PSYNC_OK;
    }
    assert(versions->slots.count > 0);
    ps_slots_sort(&versions->slots);
    bool is_live = false;
    bool is_conflict = false;
    p2psync_result result = keep_values(versions, txn);
    if (result == P2PSYNC_ECORRUPT && can_be_lost(versions)) {
        versions->lost = true;
        result = P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK) {
        result = write_row(versions, txn, &is_live, &is_conflict);
    }
    if (versions->regained) { /* its index is written in any case, and nothing is counted */
        versions->was_several = versions->slots.count == 1;
        versions->was_conflict = is_conflict;
        versions->was_live = is_live;
        versions->regained = false;
    }
    if (result == P2PSYNC_OK) {
        result = note_several(versions, txn, is_conflict);
    }
    int conflict = (is_conflict ? 1 : 0) - (versions->was_conflict ? 1 : 0);
    if (result == P2PSYNC_OK && conflict != 0 && versions->has_last) {
        result = ps_stored_set_mark(txn, versions->last_log, versions->last_seq,
                                    conflict > 0 ? PS_STORED_OPENED : PS_STORED_CLOSED);
    }
    applied->conflicts_opened += conflict > 0 ? 1 : 0;
    applied->conflicts_closed += conflict < 0 ? 1 : 0;
    counts->conflicts += conflict;
    counts->records += (is_live ? 1 : 0) - (versions->was_live ? 1 : 0);
    versions->was_live = is_live;
    versions->was_several = versions->slots.count > 1;
    versions->was_conflict = is_conflict;
    versions->changed = false;
    return result;
}

/* Whether it can be put off what a record shows: its last version, which would be shown instead,
 * has a value. */
static bool can_be_lost(const struct ps_versions *versions)
{
    uint32_t count = versions->slots.count;
    return count > 1 && versions->slots.items[count - 1].version.has_value;
}

/* Write the row, and say what readers will see. If merging its versions would cost more than the
 * batch may, or needs what is damaged, that is put off. */
static p2psync_result write_row(struct ps_versions *versions, struct ps_txn *txn, bool *live_out,
                                bool *conflict_out)
{
    struct ps_version few[4]; /* nearly every record has one version */
    struct ps_version *list = few;
    struct ps_merged merged = {.copies = 0};
    uint32_t count = versions->slots.count;
    struct ps_record_write write = {
        .collection = versions->collection,
        .id = ps_bytes(versions->id, versions->id_size),
        .created_hlc = versions->created_hlc,
        .version_count = count,
    };
    if (count > sizeof few / sizeof few[0]) {
        list = calloc(count, sizeof *list);
        if (list == NULL) {
            return P2PSYNC_ENOMEM;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        list[i] = versions->slots.items[i].version;
    }
    write.versions = list;
    bool postponed = count > 1 && versions->may_postpone && versions->work >= versions->work_max;
    p2psync_result result = P2PSYNC_OK;
    if (count > 1 && !postponed && !versions->lost) {
        result = make_view(versions, txn, list, &merged);
        versions->lost = result == P2PSYNC_ECORRUPT && can_be_lost(versions);
    }
    if (postponed || versions->lost) {
        postpone(versions, list, &merged.view);
        result = P2PSYNC_OK;
    }
    write.view = count > 1 ? &merged.view : NULL;
    *live_out =
        (count > 1 ? merged.view.state : versions->slots.items[0].version.state) == PS_RECORD_LIVE;
    *conflict_out = merged.view.conflict;
    if (result == P2PSYNC_OK) {
        result = ps_record_put(txn, &write);
        versions->work_bytes += count > 1 ? values_size(&write) : 0;
    }
    if (result == P2PSYNC_OK && versions->lost) {
        result = ps_stale_add_lost(txn, versions->collection, write.id);
    } else if (result == P2PSYNC_OK && postponed) {
        result = ps_stale_add(txn, versions->collection, write.id);
    }
    if (list != few) {
        free(list);
    }
    ps_merged_deinit(&merged);
    return result;
}

/* Of all values in a row. */
static uint64_t values_size(const struct ps_record_write *write)
{
    uint64_t size = write->view->value.size;
    for (uint32_t i = 0; i < write->version_count; i++) {
        size += write->versions[i].value.size;
    }
    return size;
}

/* Merge the versions by the collection's rules, and mark in `list` which are records of their own.
 */
static p2psync_result make_view(struct ps_versions *versions, struct ps_txn *txn,
                                struct ps_version *list, struct ps_merged *merged)
{
    p2psync_result result = read_rules(versions, txn);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_merge merge = {.txn = txn,
                             .collection = versions->collection,
                             .rules = &versions->rules,
                             .versions = list,
                             .version_count = versions->slots.count};
    result = ps_merge(&merge, merged);
    versions->work += merged->work;
    versions->work_bytes += merged->work_bytes;
    ps_merged_mark_copies(merged, list, versions->slots.count);
    return result;
}

/* There is no time to merge: show the last version until that is done. What is listed as a conflict
 * stays as it is meanwhile. */
static void postpone(struct ps_versions *versions, struct ps_version *list, struct ps_view *view)
{
    const struct ps_version *last = &list[versions->slots.count - 1];
    for (uint32_t i = 0; i < versions->slots.count; i++) {
        list[i].is_copy = false;
    }
    *view = (struct ps_view){.state = last->state,
                             .conflict = versions->was_conflict,
                             .winner = {.dot = last->dot},
                             .log = last->log,
                             .hlc = last->hlc,
                             .value = last->value};
    memcpy(view->winner.leaf, last->leaf, sizeof last->leaf);
}

static p2psync_result read_rules(struct ps_versions *versions, struct ps_txn *txn)
{
    struct ps_collection collection;
    if (versions->has_rules && versions->rules_of == versions->collection) {
        return P2PSYNC_OK;
    }
    ps_rules_deinit(&versions->rules);
    versions->has_rules = false;
    p2psync_result result = ps_collection_by_number(txn, versions->collection, &collection);
    if (result == P2PSYNC_OK) {
        result = ps_rules_read(txn, collection.name, &versions->rules);
    }
    if (result == P2PSYNC_OK) {
        versions->has_rules = true;
        versions->rules_of = versions->collection;
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}

/* Keep the row of PS_DB_CONFLICTS: whether this record is a conflict, and which refresh, if any,
 * made it so or not so. */
static p2psync_result note_several(const struct ps_versions *versions, struct ps_txn *txn,
                                   bool is_conflict)
{
    struct ps_key key =
        ps_key_record(versions->collection, ps_bytes(versions->id, versions->id_size));
    uint8_t row[PS_CONFLICT_ROW_SIZE] = {is_conflict ? 1 : 0};
    ps_put_u32(row + 1, versions->refresh);
    if (versions->slots.count > 1 &&
        (!versions->was_several || is_conflict != versions->was_conflict)) {
        return ps_db_put(txn, PS_DB_CONFLICTS, ps_key_view(&key), ps_bytes(row, sizeof row));
    }
    p2psync_result result = P2PSYNC_OK;
    if (versions->slots.count == 1 && versions->was_several) {
        struct ps_stale stale = {.collection = versions->collection, .id_size = versions->id_size};
        memcpy(stale.id, versions->id, versions->id_size);
        result = ps_db_delete(txn, PS_DB_CONFLICTS, ps_key_view(&key));
        if (result == P2PSYNC_OK) {
            result = ps_stale_remove(txn, &stale);
        }
    }
    return result;
}

void ps_versions_deinit(struct ps_versions *versions)
{
    ps_slots_deinit(&versions->slots);
    ps_rules_deinit(&versions->rules);
    versions->has_rules = false;
}

/* NULL if the parent is not a version now. */
static const struct ps_version *find(const struct ps_versions *versions,
                                     const struct ps_parent *parent)
{
    uint32_t index = ps_slots_find(&versions->slots, parent);
    return index == PS_SLOT_NONE ? NULL : &versions->slots.items[index].version;
}
