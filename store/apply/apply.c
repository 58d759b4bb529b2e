/* Applying, in the three steps of apply.h.
 *
 * The plan writes nothing. It moves every waiting log forward until it meets a change whose parent
 * is neither applied nor planned. Then the log waits for the log of that parent, and is looked at
 * again only when that one has moved far enough; so no log is looked at in vain.
 *
 * Invariant: a change is collected only after its parents, and a log's planned position is always
 * the end of a transaction. */
#include "store/apply/apply.h"

#include <stdlib.h>
#include <string.h>

#include "store/apply/refresh.h"
#include "store/apply/versions.h"
#include "store/log/waiting.h"

#define NONE UINT32_MAX

/* A waiting log. */
struct waiting {
    uint32_t number;
    uint32_t collection;
    struct ps_tag origin;
    uint64_t size;
    uint64_t applied; /* planned */
    uint64_t applied_before;
    uint64_t looked_at; /* changes in [applied, looked_at) are ready, and the transaction goes on */
    uint64_t looked_before;
    uint64_t size_bytes;   /* of the changes in [applied, looked_at) */
    uint64_t needs;        /* how far the log that this one waits for must get */
    uint32_t first_waiter; /* the first of those that wait for this one */
    uint32_t next; /* in the list of waiters of another log, or in the queue: never in both */
};

/* One change to apply. */
struct item {
    uint32_t collection;
    uint32_t log;
    uint64_t seq;
    uint64_t order;
    struct ps_dot dot;
    struct ps_bytes id; /* in the map: only until the first write */
    bool first;         /* it is the first of its record */
    bool inert;
};

struct batch {
    struct ps_txn *txn;
    struct waiting *logs; /* by number */
    uint32_t log_count;
    uint32_t first_queued; /* logs to look at: a stack */
    uint64_t limit;        /* changes of the plan */
    struct item *items;    /* the plan */
    size_t item_count;
    size_t item_capacity;
    uint64_t transactions;
};

typedef enum readiness {
    READY,
    READY_INERT, /* it names itself or a later change as a parent: nothing to wait for */
    BLOCKED,
} readiness;

static p2psync_result find_waiting(struct batch *batch, uint64_t count);
static p2psync_result apply_plans(struct batch *batch, const struct ps_apply_bounds *bounds,
                                  struct ps_applied *out);
static struct waiting to_plan(const struct ps_waiting *waiting);
static p2psync_result plan(struct batch *batch);
static p2psync_result advance(struct batch *batch, struct waiting *log);
static p2psync_result look_at(struct batch *batch, struct waiting *log, bool *ended_out);
static p2psync_result judge(struct batch *batch, struct waiting *log,
                            const struct ps_skeleton *skeleton, readiness *out);
static p2psync_result judge_own(struct batch *batch, const struct waiting *log,
                                const struct ps_parent *parent, readiness *out);
static p2psync_result judge_other(struct batch *batch, struct waiting *log,
                                  const struct ps_parent *parent, readiness *out);
static p2psync_result collect(struct batch *batch, struct waiting *log, uint64_t end);
static void wake(struct batch *batch, struct waiting *log);
static uint32_t index_of(const struct batch *batch, uint32_t number);
static void sort_items(struct batch *batch);
static int compare_items(const void *a, const void *b);
static p2psync_result apply_items(struct batch *batch, struct ps_applied *out);
static p2psync_result close_collection(struct ps_txn *txn, uint32_t number,
                                       const struct ps_collection_delta *counts);
static p2psync_result apply_record(struct batch *batch, struct ps_versions *versions, size_t *at,
                                   struct ps_collection_delta *counts, struct ps_applied *out);
static p2psync_result apply_item(struct batch *batch, struct ps_versions *versions,
                                 const struct item *item, bool load, bool *inert_out);
static p2psync_result read_item(struct batch *batch, const struct item *item,
                                struct ps_stored *entry_out, struct ps_skeleton *skeleton_out);
static p2psync_result save_logs(struct batch *batch);

p2psync_result ps_apply(struct ps_txn *txn, const struct ps_apply_bounds *bounds,
                        struct ps_applied *out)
{
    assert(bounds->limit > 0);
    struct batch batch = {.txn = txn, .first_queued = NONE};
    struct ps_applied applied = {0};
    uint64_t count = 0;
    p2psync_result result = ps_waiting_count(txn, &count);
    if (result != P2PSYNC_OK || count == 0) {
        if (result == P2PSYNC_OK) {
            *out = applied;
        }
        return result;
    }
    struct waiting *logs = calloc(count, sizeof *logs);
    if (logs == NULL) {
        return P2PSYNC_ENOMEM;
    }
    batch.logs = logs;
    result = find_waiting(&batch, count);
    if (result == P2PSYNC_OK) {
        result = apply_plans(&batch, bounds, &applied);
    }
    if (result == P2PSYNC_OK) {
        result = save_logs(&batch);
    }
    applied.transactions = batch.transactions;
    free(batch.items);
    free(logs);
    if (result == P2PSYNC_OK) {
        *out = applied;
    }
    return result;
}

/* Plan and apply until no log can move, or a bound is reached. */
static p2psync_result apply_plans(struct batch *batch, const struct ps_apply_bounds *bounds,
                                  struct ps_applied *out)
{
    p2psync_result result = P2PSYNC_OK;
    bool over = false;
    while (result == P2PSYNC_OK && !over && batch->first_queued != NONE) {
        uint64_t left = bounds->limit - out->changes;
        batch->limit = left < PS_APPLY_PLAN_MAX ? left : PS_APPLY_PLAN_MAX;
        batch->item_count = 0;
        result = plan(batch);
        if (result == P2PSYNC_OK) {
            sort_items(batch);
            result = apply_items(batch, out);
            out->changes += batch->item_count;
        }
        over = out->changes >= bounds->limit ||
               (bounds->is_over != NULL && bounds->is_over(bounds->context));
    }
    out->more = batch->first_queued != NONE;
    return result;
}

p2psync_result ps_apply_change(struct ps_txn *txn, const struct ps_apply_change *change,
                               struct ps_collection_delta *counts, struct ps_applied *out)
{
    struct ps_versions versions = {0};
    bool inert = false;
    p2psync_result result =
        ps_versions_load(&versions, txn, change->collection, change->skeleton->record_id);
    if (result == P2PSYNC_OK) {
        result = ps_versions_apply(&versions, txn, change, &inert);
    }
    if (result == P2PSYNC_OK) {
        result = ps_versions_store(&versions, txn, counts, out);
    }
    if (result == P2PSYNC_OK && inert) {
        result = ps_stored_set_inert(txn, change->log, change->dot.seq);
    }
    if (result == P2PSYNC_OK) {
        out->changes++;
    }
    ps_versions_deinit(&versions);
    return result;
}

/* List the logs that have something to apply, `count` of them. */
static p2psync_result find_waiting(struct batch *batch, uint64_t count)
{
    struct ps_waiting_walk walk = {.txn = batch->txn};
    struct ps_waiting waiting;
    if (count >= NONE) {
        return P2PSYNC_ECORRUPT;
    }
    while (batch->log_count < count && ps_waiting_walk_next(&walk, &waiting)) {
        batch->logs[batch->log_count] = to_plan(&waiting);
        batch->log_count++;
    }
    if (walk.result == P2PSYNC_OK && batch->log_count < count) {
        return P2PSYNC_ECORRUPT;
    }
    for (uint32_t i = batch->log_count; i > 0; i--) {
        batch->logs[i - 1].next = batch->first_queued;
        batch->first_queued = i - 1;
    }
    return walk.result;
}

static struct waiting to_plan(const struct ps_waiting *waiting)
{
    const struct ps_log_brief *log = &waiting->log;
    bool still_holds = waiting->looked_at >= log->applied && waiting->looked_at <= log->size;
    return (struct waiting){
        .number = log->number,
        .collection = log->collection,
        .origin = log->id.origin,
        .size = log->size,
        .applied = log->applied,
        .applied_before = log->applied,
        .looked_at = still_holds ? waiting->looked_at : log->applied,
        .looked_before = waiting->looked_at,
        .size_bytes = still_holds ? waiting->size_bytes : 0,
        .first_waiter = NONE,
        .next = NONE,
    };
}

/* Collect what is ready, until no log can move or the limit is reached. */
static p2psync_result plan(struct batch *batch)
{
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && batch->item_count < batch->limit &&
           batch->first_queued != NONE) {
        uint32_t index = batch->first_queued;
        batch->first_queued = batch->logs[index].next;
        result = advance(batch, &batch->logs[index]);
    }
    return result;
}

/* Move one log as far as it goes, and wake those that waited for it. If it could go further but for
 * the limit, it is the first to be looked at in the next plan. */
static p2psync_result advance(struct batch *batch, struct waiting *log)
{
    uint64_t before = log->applied;
    bool stopped = false;
    while (log->applied < log->size) {
        bool ended = false;
        if (batch->item_count >= batch->limit) {
            stopped = true;
            break;
        }
        p2psync_result result = look_at(batch, log, &ended);
        if (result == P2PSYNC_OK && ended) {
            result = collect(batch, log, log->looked_at);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        if (!ended) {
            break;
        }
    }
    if (log->applied > before) {
        wake(batch, log);
    }
    if (stopped) {
        log->next = batch->first_queued;
        batch->first_queued = (uint32_t)(log - batch->logs);
    }
    return P2PSYNC_OK;
}

/* Look at the changes of the next transaction from looked_at on, and move it to the first one that
 * is not ready. ended_out: to the end of the transaction. */
static p2psync_result look_at(struct batch *batch, struct waiting *log, bool *ended_out)
{
    bool ended = false;
    while (!ended && log->looked_at < log->size) {
        struct ps_stored entry;
        struct ps_skeleton skeleton;
        readiness ready = READY;
        p2psync_result result = ps_stored_get(batch->txn, log->number, log->looked_at, &entry);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        /* A change that does not decode is inert. It waits for nothing, and ends its transaction.
         */
        bool more = false;
        uint64_t size = 0;
        if (ps_skeleton_decode(entry.skeleton, &skeleton) == P2PSYNC_OK) {
            more = (skeleton.op_and_flags & PS_CHANGE_MORE) != 0;
            size = entry.skeleton.size + skeleton.body_size;
            result = judge(batch, log, &skeleton, &ready);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        if (ready == BLOCKED) {
            break;
        }
        log->looked_at++;
        log->size_bytes += size;
        ended = !more || log->looked_at - log->applied == PS_TRANSACTION_CHANGES_MAX ||
                log->size_bytes >= PS_TRANSACTION_SIZE_MAX;
    }
    *ended_out = ended;
    return P2PSYNC_OK;
}

/* Whether all parents of the change at looked_at are applied, or will be before it. */
static p2psync_result judge(struct batch *batch, struct waiting *log,
                            const struct ps_skeleton *skeleton, readiness *out)
{
    for (size_t i = 0; i < skeleton->parent_count; i++) {
        const struct ps_parent *parent = &skeleton->parents[i];
        if (ps_tag_compare(parent->dot.origin, log->origin) == 0 &&
            parent->dot.seq >= log->looked_at) {
            *out = READY_INERT;
            return P2PSYNC_OK;
        }
    }
    readiness ready = READY;
    for (size_t i = 0; i < skeleton->parent_count && ready == READY; i++) {
        const struct ps_parent *parent = &skeleton->parents[i];
        p2psync_result result = ps_tag_compare(parent->dot.origin, log->origin) == 0
                                    ? judge_own(batch, log, parent, &ready)
                                    : judge_other(batch, log, parent, &ready);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    *out = ready;
    return P2PSYNC_OK;
}

/* A parent earlier in the same log is applied, or comes earlier in this transaction. But the leaf
 * may say that the parent is on another branch of this origin; that one is not here. */
static p2psync_result judge_own(struct batch *batch, const struct waiting *log,
                                const struct ps_parent *parent, readiness *out)
{
    struct ps_stored entry;
    p2psync_result result = ps_stored_get(batch->txn, log->number, parent->dot.seq, &entry);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    *out = memcmp(entry.leaf, parent->leaf, PS_HASH_SHORT_SIZE) == 0 ? READY : BLOCKED;
    return P2PSYNC_OK;
}

static p2psync_result judge_other(struct batch *batch, struct waiting *log,
                                  const struct ps_parent *parent, readiness *out)
{
    struct ps_log_place place;
    *out = BLOCKED;
    p2psync_result result = ps_log_locate(batch->txn, log->collection, parent, &place);
    if (result != P2PSYNC_OK) {
        /* Not here: nothing that this batch does will bring it. */
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    uint32_t other = index_of(batch, place.number);
    uint64_t applied = other == NONE ? place.applied : batch->logs[other].applied;
    if (parent->dot.seq < applied) {
        *out = READY;
    } else if (other != NONE) {
        log->needs = parent->dot.seq + 1;
        log->next = batch->logs[other].first_waiter;
        batch->logs[other].first_waiter = (uint32_t)(log - batch->logs);
    }
    return P2PSYNC_OK;
}

/* Take the transaction [applied, end) of a log into the batch. */
static p2psync_result collect(struct batch *batch, struct waiting *log, uint64_t end)
{
    assert(end > log->applied);
    size_t count = (size_t)(end - log->applied);
    if (count > batch->item_capacity - batch->item_count) {
        size_t capacity = batch->item_capacity * 2 + count;
        struct item *items = realloc(batch->items, capacity * sizeof *items);
        if (items == NULL) {
            return P2PSYNC_ENOMEM;
        }
        batch->items = items;
        batch->item_capacity = capacity;
    }
    assert(batch->items != NULL);
    for (uint64_t seq = log->applied; seq < end; seq++) {
        struct ps_stored entry;
        struct ps_skeleton skeleton;
        p2psync_result result = ps_stored_get(batch->txn, log->number, seq, &entry);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        struct item item = {
            .collection = log->collection,
            .log = log->number,
            .seq = seq,
            .order = batch->item_count,
            .dot = {.origin = log->origin, .seq = seq},
            .inert = true,
        };
        if (ps_skeleton_decode(entry.skeleton, &skeleton) == P2PSYNC_OK) {
            item.inert = false;
            item.id = skeleton.record_id;
            for (size_t i = 0; i < skeleton.parent_count; i++) {
                item.inert |= ps_tag_compare(skeleton.parents[i].dot.origin, log->origin) == 0 &&
                              skeleton.parents[i].dot.seq >= seq;
            }
        }
        batch->items[batch->item_count] = item;
        batch->item_count++;
    }
    log->applied = end;
    log->size_bytes = 0;
    batch->transactions++;
    return P2PSYNC_OK;
}

/* Put those logs on the queue again that waited for a place which this one has reached now. */
static void wake(struct batch *batch, struct waiting *log)
{
    uint32_t at = log->first_waiter;
    log->first_waiter = NONE;
    while (at != NONE) {
        struct waiting *waiter = &batch->logs[at];
        uint32_t next = waiter->next;
        if (waiter->needs <= log->applied) {
            waiter->next = batch->first_queued;
            batch->first_queued = at;
        } else {
            waiter->next = log->first_waiter;
            log->first_waiter = at;
        }
        at = next;
    }
}

/* The index of a log among the waiting ones; NONE if it is not one of them. */
static uint32_t index_of(const struct batch *batch, uint32_t number)
{
    uint32_t low = 0;
    uint32_t high = batch->log_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (batch->logs[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < batch->log_count && batch->logs[low].number == number ? low : NONE;
}

/* Sort, and mark where each record begins. Ids lie in the map, so this is done before the first
 * write.
 */
static void sort_items(struct batch *batch)
{
    if (batch->item_count > 1) {
        qsort(batch->items, batch->item_count, sizeof *batch->items, compare_items);
    }
    for (size_t i = 0; i < batch->item_count; i++) {
        struct item *item = &batch->items[i];
        item->first = i == 0 || item[-1].collection != item->collection ||
                      !ps_bytes_equal(item[-1].id, item->id);
    }
}

/* By collection and record; then in the order of the plan, where changes follow their parents. */
static int compare_items(const void *a, const void *b)
{
    const struct item *left = a;
    const struct item *right = b;
    if (left->collection != right->collection) {
        return left->collection < right->collection ? -1 : 1;
    }
    int order = ps_bytes_compare(left->id, right->id);
    if (order != 0) {
        return order;
    }
    return left->order < right->order ? -1 : left->order > right->order;
}

static p2psync_result apply_items(struct batch *batch, struct ps_applied *out)
{
    struct ps_versions versions = {0};
    struct ps_collection_delta counts = {0};
    p2psync_result result = P2PSYNC_OK;
    size_t at = 0;
    while (at < batch->item_count && result == P2PSYNC_OK) {
        uint32_t collection = batch->items[at].collection;
        result = apply_record(batch, &versions, &at, &counts, out);
        bool last = at == batch->item_count || batch->items[at].collection != collection;
        if (result == P2PSYNC_OK && last) {
            result = close_collection(batch->txn, collection, &counts);
            counts = (struct ps_collection_delta){0};
        }
    }
    ps_versions_deinit(&versions);
    return result;
}

/* Count what changed in a collection; if it was the one of the settings, records look different
 * now.
 */
static p2psync_result close_collection(struct ps_txn *txn, uint32_t number,
                                       const struct ps_collection_delta *counts)
{
    struct ps_collection collection;
    p2psync_result result = ps_collection_count(txn, number, counts);
    if (result == P2PSYNC_OK) {
        result = ps_collection_by_number(txn, number, &collection);
    }
    if (result == P2PSYNC_OK &&
        ps_bytes_equal(collection.name, ps_bytes_text(PS_SETTINGS_COLLECTION))) {
        result = ps_refresh(txn);
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}

/* Apply the changes of one record from items[*at] on, up to the first inert one, which is marked.
 * The changes after it are for the next call. */
static p2psync_result apply_record(struct batch *batch, struct ps_versions *versions, size_t *at,
                                   struct ps_collection_delta *counts, struct ps_applied *out)
{
    const struct item *item = NULL;
    bool inert = false;
    bool loaded = false;
    p2psync_result result = P2PSYNC_OK;
    do {
        item = &batch->items[*at];
        inert = item->inert;
        if (!inert) {
            result = apply_item(batch, versions, item, !loaded, &inert);
            loaded = true;
        }
        (*at)++;
    } while (result == P2PSYNC_OK && !inert && *at < batch->item_count && !batch->items[*at].first);
    if (result == P2PSYNC_OK && loaded) {
        result = ps_versions_store(versions, batch->txn, counts, out);
    }
    if (result == P2PSYNC_OK && inert) {
        result = ps_stored_set_inert(batch->txn, item->log, item->seq);
    }
    return result;
}

/* The entry is read again, because writes have moved the map since the plan. `load`: read the
 * record's versions first. */
static p2psync_result apply_item(struct batch *batch, struct ps_versions *versions,
                                 const struct item *item, bool load, bool *inert_out)
{
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    p2psync_result result = read_item(batch, item, &entry, &skeleton);
    if (result == P2PSYNC_OK && load) {
        result = ps_versions_load(versions, batch->txn, item->collection, skeleton.record_id);
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
    return ps_versions_apply(versions, batch->txn, &change, inert_out);
}

/* It decoded when it was collected. */
static p2psync_result read_item(struct batch *batch, const struct item *item,
                                struct ps_stored *entry_out, struct ps_skeleton *skeleton_out)
{
    p2psync_result result = ps_stored_get(batch->txn, item->log, item->seq, entry_out);
    if (result == P2PSYNC_OK) {
        result = ps_skeleton_decode(entry_out->skeleton, skeleton_out);
    }
    return result == P2PSYNC_OK || result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
}

/* Write how far every log is now, and how far it was looked at. */
static p2psync_result save_logs(struct batch *batch)
{
    for (uint32_t i = 0; i < batch->log_count; i++) {
        const struct waiting *waiting = &batch->logs[i];
        p2psync_result result = P2PSYNC_OK;
        if (waiting->applied > waiting->applied_before) {
            struct ps_log log;
            result = ps_log_by_number(batch->txn, waiting->number, &log);
            if (result == P2PSYNC_OK) {
                log.applied = waiting->applied;
                result = ps_log_save(batch->txn, &log);
            }
        }
        if (result == P2PSYNC_OK && waiting->applied < waiting->size &&
            waiting->looked_at != waiting->looked_before) {
            result = ps_waiting_look_on(batch->txn, waiting->number, waiting->looked_at,
                                        waiting->size_bytes);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    return P2PSYNC_OK;
}
