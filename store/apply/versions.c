/* The version rule, DESIGN section 5. If the record's version was exactly the change's one parent,
 * the new value is the old one with a delta on top; if that parent has been overwritten meanwhile,
 * the edit was concurrent: its parent's value is rebuilt, and both are kept.
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

/* What a change builds on. */
struct base {
    bool valid;
    uint8_t depth; /* of the new change */
    struct ps_bytes value;
    struct ps_buf rebuilt; /* where `value` is, if it had to be rebuilt */
};

static p2psync_result find_base(const struct ps_versions *versions, struct ps_txn *txn,
                                const struct ps_apply_change *change, struct base *out);
static p2psync_result check_parents(const struct ps_versions *versions, struct ps_txn *txn,
                                    const struct ps_apply_change *change, bool *valid_out);
static p2psync_result replace(struct ps_versions *versions, const struct ps_apply_change *change,
                              const struct base *base);
static p2psync_result keep_values(struct ps_versions *versions, struct ps_txn *txn);
static p2psync_result make_room(struct ps_versions *versions);
static const struct ps_version *find(const struct ps_versions *versions,
                                     const struct ps_parent *parent);
static bool is_parent(const struct ps_version *version, const struct ps_parent *parent);
static int compare(const struct ps_version *a, const struct ps_version *b);
static bool is_after(uint64_t hlc, uint64_t parent_hlc);
static p2psync_result make_view(struct ps_versions *versions, struct ps_txn *txn,
                                struct ps_version *list, struct ps_merged *merged);
static void postpone(struct ps_versions *versions, struct ps_version *list, struct ps_view *view);
static p2psync_result read_rules(struct ps_versions *versions, struct ps_txn *txn);
static p2psync_result note_several(const struct ps_versions *versions, struct ps_txn *txn,
                                   bool is_conflict);
static void clear(struct ps_versions *versions);

p2psync_result ps_versions_load(struct ps_versions *versions, struct ps_txn *txn,
                                uint32_t collection, struct ps_bytes id)
{
    assert(id.size > 0 && id.size <= PS_RECORD_ID_SIZE_MAX);
    struct ps_record_row row;
    clear(versions);
    versions->collection = collection;
    versions->id_size = id.size;
    memcpy(versions->id, id.data, id.size);
    versions->created_hlc = UINT64_MAX;
    versions->was_live = false;
    versions->was_several = false;
    versions->was_conflict = false;
    versions->changed = false;
    versions->has_last = false;
    p2psync_result result = ps_record_get(txn, collection, ps_bytes(versions->id, id.size), &row);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    versions->created_hlc = row.created_hlc;
    for (uint32_t i = 0; i < row.version_count; i++) {
        result = make_room(versions);
        if (result != P2PSYNC_OK) {
            return result;
        }
        struct ps_versions_slot *slot = &versions->slots[versions->count];
        memset(slot, 0, sizeof *slot);
        ps_record_version(&row, i, &slot->version);
        versions->count++;
    }
    struct ps_view view;
    ps_record_view(&row, &view);
    versions->was_live = view.state == PS_RECORD_LIVE;
    versions->was_several = row.version_count > 1;
    versions->was_conflict = view.conflict;
    return P2PSYNC_OK;
}

p2psync_result ps_versions_apply(struct ps_versions *versions, struct ps_txn *txn,
                                 const struct ps_apply_change *change, bool *inert_out)
{
    struct base base = {.valid = false};
    ps_buf_init(&base.rebuilt, PS_VALUE_SIZE_MAX);
    p2psync_result result = find_base(versions, txn, change, &base);
    if (result == P2PSYNC_OK && base.valid) {
        result = replace(versions, change, &base);
    }
    if (result == P2PSYNC_OK && base.valid) {
        result = keep_values(versions, txn);
    }
    ps_buf_deinit(&base.rebuilt);
    if (result == P2PSYNC_OK) {
        *inert_out = !base.valid;
    }
    return result;
}

/* Judge the change by its parents, and get the value and depth it builds on. */
static p2psync_result find_base(const struct ps_versions *versions, struct ps_txn *txn,
                                const struct ps_apply_change *change, struct base *out)
{
    const struct ps_skeleton *skeleton = change->skeleton;
    p2psync_result result = check_parents(versions, txn, change, &out->valid);
    if (result != P2PSYNC_OK || !out->valid || ps_rebuild_is_base(skeleton)) {
        return result;
    }
    assert(skeleton->parent_count == 1); /* several need `full`, or the skeleton does not decode */
    const struct ps_parent *parent = &skeleton->parents[0];
    const struct ps_version *version = find(versions, parent);
    uint8_t depth = 0;
    if (version != NULL && version->has_value) {
        out->value = version->value;
        depth = version->depth;
    } else {
        struct ps_log_place place;
        result = ps_log_locate(txn, change->collection, parent, &place);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        struct ps_rebuild from = {
            .collection = change->collection, .log = place.number, .seq = parent->dot.seq};
        result = ps_rebuild(txn, &from, &out->rebuilt, &depth);
        out->value = ps_buf_view(&out->rebuilt);
    }
    out->valid = depth < PS_CHAIN_MAX;
    out->depth = (uint8_t)(depth + 1);
    return result;
}

/* Check that all parents are changes of this record, valid, and of an earlier time. A parent that
 * is a version now is known to be of this record, and valid. */
static p2psync_result check_parents(const struct ps_versions *versions, struct ps_txn *txn,
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
                              const struct base *base)
{
    const struct ps_skeleton *skeleton = change->skeleton;
    struct ps_versions_slot made = {
        .version = {.dot = change->dot,
                    .log = change->log,
                    .hlc = skeleton->hlc,
                    .depth = base->depth,
                    .state = ps_record_state_after(skeleton->op_and_flags),
                    .has_value = true},
    };
    memcpy(made.version.leaf, change->entry->leaf, PS_HASH_SHORT_SIZE);
    ps_buf_init(&made.own, PS_VALUE_SIZE_MAX);
    p2psync_result result = make_room(versions);
    if (result == P2PSYNC_OK) {
        result = ps_rebuild_value(change->entry, skeleton, base->value, &made.own);
    }
    if (result != P2PSYNC_OK) {
        ps_buf_deinit(&made.own);
        return result;
    }
    made.version.value = ps_buf_view(&made.own);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < versions->count; i++) {
        bool gone = false;
        for (size_t p = 0; p < skeleton->parent_count && !gone; p++) {
            gone = is_parent(&versions->slots[i].version, &skeleton->parents[p]);
        }
        if (gone) {
            ps_buf_deinit(&versions->slots[i].own);
        } else {
            versions->slots[kept] = versions->slots[i];
            kept++;
        }
    }
    uint32_t at = kept;
    while (at > 0 && compare(&versions->slots[at - 1].version, &made.version) > 0) {
        versions->slots[at] = versions->slots[at - 1];
        at--;
    }
    versions->slots[at] = made;
    versions->count = kept + 1;
    versions->changed = true;
    versions->has_last = true;
    versions->last_log = change->log;
    versions->last_seq = change->dot.seq;
    if (skeleton->hlc < versions->created_hlc) {
        versions->created_hlc = skeleton->hlc;
    }
    return P2PSYNC_OK;
}

/* See that exactly the PS_PARENTS_MAX newest versions carry their values. */
static p2psync_result keep_values(struct ps_versions *versions, struct ps_txn *txn)
{
    uint32_t first = ps_record_first_read(versions->count);
    for (uint32_t i = 0; i < versions->count; i++) {
        struct ps_versions_slot *slot = &versions->slots[i];
        uint8_t depth = 0;
        if (i < first && slot->version.has_value) {
            ps_buf_deinit(&slot->own);
            slot->version.has_value = false;
            slot->version.value = ps_bytes(NULL, 0);
        } else if (i >= first && !slot->version.has_value) {
            struct ps_rebuild from = {.collection = versions->collection,
                                      .log = slot->version.log,
                                      .seq = slot->version.dot.seq};
            ps_buf_init(&slot->own, PS_VALUE_SIZE_MAX);
            p2psync_result result = ps_rebuild(txn, &from, &slot->own, &depth);
            if (result != P2PSYNC_OK) {
                return result;
            }
            slot->version.has_value = true;
            slot->version.value = ps_buf_view(&slot->own);
        }
    }
    return P2PSYNC_OK;
}

p2psync_result ps_versions_store(struct ps_versions *versions, struct ps_txn *txn,
                                 struct ps_collection_delta *counts, struct ps_applied *applied)
{
    if (!versions->changed) {
        return P2PSYNC_OK;
    }
    assert(versions->count > 0);
    struct ps_version few[4]; /* nearly every record has one version */
    struct ps_version *list = few;
    struct ps_merged merged = {.copies = 0};
    struct ps_record_write write = {
        .collection = versions->collection,
        .id = ps_bytes(versions->id, versions->id_size),
        .created_hlc = versions->created_hlc,
        .version_count = versions->count,
    };
    if (versions->count > sizeof few / sizeof few[0]) {
        list = calloc(versions->count, sizeof *list);
        if (list == NULL) {
            return P2PSYNC_ENOMEM;
        }
    }
    for (uint32_t i = 0; i < versions->count; i++) {
        list[i] = versions->slots[i].version;
    }
    write.versions = list;
    bool is_live = list[0].state == PS_RECORD_LIVE;
    bool postponed =
        versions->count > 1 && versions->may_postpone && versions->work >= versions->work_max;
    p2psync_result result = P2PSYNC_OK;
    if (versions->count > 1) {
        if (postponed) {
            postpone(versions, list, &merged.view);
        } else {
            result = make_view(versions, txn, list, &merged);
        }
        write.view = &merged.view;
        is_live = merged.view.state == PS_RECORD_LIVE;
    }
    if (result == P2PSYNC_OK) {
        result = ps_record_put(txn, &write);
    }
    if (list != few) {
        free(list);
    }
    ps_merged_deinit(&merged);
    if (result == P2PSYNC_OK) {
        result = note_several(versions, txn, merged.view.conflict);
    }
    if (result == P2PSYNC_OK && postponed) {
        result = ps_stale_add(txn, versions->collection, write.id);
    }
    int conflict = (merged.view.conflict ? 1 : 0) - (versions->was_conflict ? 1 : 0);
    if (result == P2PSYNC_OK && conflict != 0 && versions->has_last) {
        result = ps_stored_set_mark(txn, versions->last_log, versions->last_seq,
                                    conflict > 0 ? PS_STORED_OPENED : PS_STORED_CLOSED);
    }
    applied->conflicts_opened += conflict > 0 ? 1 : 0;
    applied->conflicts_closed += conflict < 0 ? 1 : 0;
    counts->conflicts += conflict;
    counts->records += (is_live ? 1 : 0) - (versions->was_live ? 1 : 0);
    versions->was_live = is_live;
    versions->was_several = versions->count > 1;
    versions->was_conflict = merged.view.conflict;
    versions->changed = false;
    return result;
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
                             .version_count = versions->count};
    result = ps_merge(&merge, merged);
    versions->work += merged->work;
    ps_merged_mark_copies(merged, list, versions->count);
    return result;
}

/* There is no time to merge: show the last version until that is done. What is listed as a conflict
 * stays as it is meanwhile. */
static void postpone(struct ps_versions *versions, struct ps_version *list, struct ps_view *view)
{
    const struct ps_version *last = &list[versions->count - 1];
    for (uint32_t i = 0; i < versions->count; i++) {
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
    if (versions->count > 1 && (!versions->was_several || is_conflict != versions->was_conflict)) {
        return ps_db_put(txn, PS_DB_CONFLICTS, ps_key_view(&key), ps_bytes(row, sizeof row));
    }
    if (versions->count == 1 && versions->was_several) {
        return ps_db_delete(txn, PS_DB_CONFLICTS, ps_key_view(&key));
    }
    return P2PSYNC_OK;
}

void ps_versions_deinit(struct ps_versions *versions)
{
    clear(versions);
    ps_rules_deinit(&versions->rules);
    free(versions->slots);
    versions->slots = NULL;
    versions->capacity = 0;
    versions->has_rules = false;
}

static p2psync_result make_room(struct ps_versions *versions)
{
    if (versions->count < versions->capacity) {
        return P2PSYNC_OK;
    }
    uint32_t capacity = versions->capacity == 0 ? 4 : versions->capacity * 2;
    struct ps_versions_slot *slots = realloc(versions->slots, (size_t)capacity * sizeof *slots);
    if (slots == NULL) {
        return P2PSYNC_ENOMEM;
    }
    versions->slots = slots;
    versions->capacity = capacity;
    return P2PSYNC_OK;
}

/* NULL if the parent is not a version now. */
static const struct ps_version *find(const struct ps_versions *versions,
                                     const struct ps_parent *parent)
{
    for (uint32_t i = 0; i < versions->count; i++) {
        if (is_parent(&versions->slots[i].version, parent)) {
            return &versions->slots[i].version;
        }
    }
    return NULL;
}

static bool is_parent(const struct ps_version *version, const struct ps_parent *parent)
{
    return ps_dot_compare(version->dot, parent->dot) == 0 &&
           memcmp(version->leaf, parent->leaf, PS_HASH_SHORT_SIZE) == 0;
}

/* Two branches of a fork, which have the same dot, by their leaf. */
static int compare(const struct ps_version *a, const struct ps_version *b)
{
    if (a->hlc != b->hlc) {
        return a->hlc < b->hlc ? -1 : 1;
    }
    int order = ps_dot_compare(a->dot, b->dot);
    return order != 0 ? order : memcmp(a->leaf, b->leaf, sizeof a->leaf);
}

static void clear(struct ps_versions *versions)
{
    for (uint32_t i = 0; i < versions->count; i++) {
        ps_buf_deinit(&versions->slots[i].own);
    }
    versions->count = 0;
}
