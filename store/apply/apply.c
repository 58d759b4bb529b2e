/* Applying: plans are made by plan.c, and what they hold becomes records here. */
#include "store/apply/apply.h"

#include "store/apply/plan.h"
#include "store/apply/refresh.h"
#include "store/apply/versions.h"

/* What a plan holds, while it is applied. */
struct batch {
    const struct ps_plan *plan;
    struct ps_versions versions;       /* of the record at hand */
    struct ps_collection_delta counts; /* of the collection at hand */
    bool is_settings;
};

static p2psync_result apply_plans(struct ps_plan *plan, const struct ps_apply_bounds *bounds,
                                  struct ps_applied *out);
static p2psync_result apply_items(const struct ps_plan *plan, struct ps_applied *out);
static p2psync_result open_collection(struct batch *batch, uint32_t number);
static p2psync_result close_collection(struct batch *batch, uint32_t number);
static p2psync_result apply_record(struct batch *batch, size_t *at, struct ps_applied *out);
static p2psync_result apply_item(struct batch *batch, const struct ps_plan_item *item, bool load);
static p2psync_result read_item(struct ps_txn *txn, const struct ps_plan_item *item,
                                struct ps_stored *entry_out, struct ps_skeleton *skeleton_out);

p2psync_result ps_apply(struct ps_txn *txn, const struct ps_apply_bounds *bounds,
                        struct ps_applied *out)
{
    assert(bounds->limit > 0);
    struct ps_plan plan = {.txn = txn, .since_ms = bounds->now_ms};
    struct ps_applied applied = {0};
    p2psync_result result = ps_plan_begin(&plan);
    if (result == P2PSYNC_OK) {
        result = apply_plans(&plan, bounds, &applied);
    }
    if (result == P2PSYNC_OK) {
        result = ps_plan_end(&plan);
    }
    applied.transactions = plan.transactions;
    ps_plan_deinit(&plan);
    if (result == P2PSYNC_OK) {
        *out = applied;
    }
    return result;
}

/* Plan and apply until nothing can move, or a bound is reached. */
static p2psync_result apply_plans(struct ps_plan *plan, const struct ps_apply_bounds *bounds,
                                  struct ps_applied *out)
{
    bool over = false;
    p2psync_result result = ps_plan_has_more(plan, &out->more);
    while (result == P2PSYNC_OK && !over && out->more) {
        uint64_t left = bounds->limit - out->changes;
        result = ps_plan_next(plan, left < PS_APPLY_PLAN_MAX ? left : PS_APPLY_PLAN_MAX);
        if (result == P2PSYNC_OK) {
            ps_plan_sort(plan);
            result = apply_items(plan, out);
            out->changes += plan->item_count;
            out->work_bytes += plan->read_bytes;
        }
        if (result == P2PSYNC_OK) {
            result = ps_plan_has_more(plan, &out->more);
        }
        over = out->changes >= bounds->limit || out->work_bytes >= PS_APPLY_WORK_MAX ||
               (bounds->is_over != NULL && bounds->is_over(bounds->context));
    }
    return result;
}

p2psync_result ps_apply_change(struct ps_txn *txn, const struct ps_apply_change *change,
                               struct ps_collection_delta *counts, struct ps_applied *out)
{
    struct ps_versions versions = {.may_postpone = change->passing};
    p2psync_result result =
        ps_versions_load(&versions, txn, change->collection, change->skeleton->record_id);
    if (result == P2PSYNC_OK) {
        result = ps_versions_apply(&versions, txn, change);
    }
    if (result == P2PSYNC_OK) {
        result = ps_versions_store(&versions, txn, counts, out);
    }
    if (result == P2PSYNC_OK) {
        out->changes++;
        out->work_bytes += versions.work_bytes;
    }
    ps_versions_deinit(&versions);
    return result;
}

static p2psync_result apply_items(const struct ps_plan *plan, struct ps_applied *out)
{
    struct batch batch = {
        .plan = plan,
        .versions = {.work_max =
                         PS_PIECE_WORK_MAX + PS_CHANGE_WORK_MAX * (uint64_t)plan->item_count},
    };
    p2psync_result result = P2PSYNC_OK;
    bool first = true;
    size_t at = 0;
    while (at < plan->item_count && result == P2PSYNC_OK) {
        uint32_t collection = plan->items[at].collection;
        if (first) {
            result = open_collection(&batch, collection);
        }
        if (result == P2PSYNC_OK) {
            result = apply_record(&batch, &at, out);
        }
        bool last = at == plan->item_count || plan->items[at].collection != collection;
        if (result == P2PSYNC_OK && last) {
            result = close_collection(&batch, collection);
        }
        first = last;
    }
    out->work_bytes += batch.versions.work_bytes;
    ps_versions_deinit(&batch.versions);
    return result;
}

/* Note what kind of collection comes. The node's own are merged at once, because it goes by them
 * itself. */
static p2psync_result open_collection(struct batch *batch, uint32_t number)
{
    struct ps_collection collection;
    p2psync_result result = ps_collection_by_number(batch->plan->txn, number, &collection);
    if (result == P2PSYNC_OK) {
        batch->counts = (struct ps_collection_delta){0};
        batch->is_settings = ps_bytes_equal(collection.name, ps_bytes_text(PS_SETTINGS_COLLECTION));
        batch->versions.may_postpone = !ps_collection_is_internal(collection.name);
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}

/* Count what changed in a collection; if it was the one of the settings, records look different
 * now, and the first piece of them is worked out at once: most have no more.
 */
static p2psync_result close_collection(struct batch *batch, uint32_t number)
{
    struct ps_txn *txn = batch->plan->txn;
    p2psync_result result = ps_collection_count(txn, number, &batch->counts);
    return result == P2PSYNC_OK && batch->is_settings ? ps_refresh(txn) : result;
}

/* Apply the changes of one record, from items[*at] on. */
static p2psync_result apply_record(struct batch *batch, size_t *at, struct ps_applied *out)
{
    const struct ps_plan *plan = batch->plan;
    struct ps_versions *versions = &batch->versions;
    bool loaded = false;
    p2psync_result result = P2PSYNC_OK;
    do {
        const struct ps_plan_item *item = &plan->items[*at];
        if (item->inert) {
            result = ps_versions_refuse(versions, plan->txn, item->log, item->dot.seq);
        } else {
            result = apply_item(batch, item, !loaded);
            loaded = true;
        }
        (*at)++;
    } while (result == P2PSYNC_OK && *at < plan->item_count && !plan->items[*at].first);
    if (result == P2PSYNC_OK && loaded) {
        result = ps_versions_store(versions, plan->txn, &batch->counts, out);
    }
    if (result == P2PSYNC_OK && loaded && batch->is_settings) {
        result = ps_refresh_begin(plan->txn, ps_bytes(versions->id, versions->id_size));
    }
    return result;
}

/* The entry is read again, because writes have moved the map since the plan. `load`: read the
 * record's versions first. */
static p2psync_result apply_item(struct batch *batch, const struct ps_plan_item *item, bool load)
{
    struct ps_txn *txn = batch->plan->txn;
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    p2psync_result result = read_item(txn, item, &entry, &skeleton);
    if (result == P2PSYNC_OK && load) {
        result = ps_versions_load(&batch->versions, txn, item->collection, skeleton.record_id);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_apply_change change = {
        .collection = item->collection,
        .log = item->log,
        .dot = item->dot,
        .entry = &entry,
        .skeleton = &skeleton,
    };
    return ps_versions_apply(&batch->versions, txn, &change);
}

/* It decoded when it was collected. */
static p2psync_result read_item(struct ps_txn *txn, const struct ps_plan_item *item,
                                struct ps_stored *entry_out, struct ps_skeleton *skeleton_out)
{
    p2psync_result result = ps_stored_get(txn, item->log, item->dot.seq, entry_out);
    if (result == P2PSYNC_OK) {
        result = ps_skeleton_decode(entry_out->skeleton, skeleton_out);
    }
    return result == P2PSYNC_OK || result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
}
