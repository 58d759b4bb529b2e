/* The plan: see plan.h. */
#include "store/apply/plan.h"

#include <stdlib.h>
#include <string.h>

#include "store/apply/ready.h"
#include "store/log/cut.h"
#include "store/log/damage.h"
#include "store/log/stem.h"
#include "store/log/unsettled.h"
#include "store/log/waiting.h"

#define NONE UINT32_MAX

/* A log that is not settled. */
struct ps_plan_log {
    uint32_t number;
    uint32_t collection;
    struct ps_tag origin;
    uint64_t size;
    uint64_t settled; /* planned */
    uint64_t settled_before;
    struct ps_cut cut; /* the next transaction goes on at least to cut.at */
    uint64_t looked_before;
    uint64_t judged; /* changes of the next transaction before this one are ready */
    uint64_t judged_before;
    bool forked;
    uint32_t waiting; /* how many of its transactions wait, once `counted` */
    uint32_t next;    /* in the queue */
    bool counted;
    bool queued;
    bool full;        /* no more may wait, and the next one would */
    uint64_t full_at; /* plan's `transactions` when that was found */
};

/* A whole transaction, to be judged. */
struct transaction {
    uint32_t log;
    uint32_t collection;
    struct ps_tag origin;
    uint64_t begin;
    uint64_t end;
    uint64_t judged; /* changes before it are ready */
    bool lost;       /* that one cannot be read */
};

static struct ps_plan_log to_plan(const struct ps_unsettled *unsettled);
static void enqueue(struct ps_plan *plan, uint32_t index);
static uint32_t index_of(const struct ps_plan *plan, uint32_t number);
static bool look_again(struct ps_plan *plan);
static p2psync_result take_due(struct ps_plan *plan, const struct ps_waiting *due);
static p2psync_result end_wait(struct ps_plan *plan, const struct ps_waiting *ended);
static bool is_full(const struct ps_plan *plan, uint64_t limit);
static p2psync_result advance(struct ps_plan *plan, uint32_t index, uint64_t limit);
static p2psync_result look_at(struct ps_plan *plan, struct ps_plan_log *log, bool *ended_out,
                              bool *cut_out);
static p2psync_result next_fork(struct ps_plan *plan, const struct ps_plan_log *log, uint64_t *out);
static p2psync_result let_wait(struct ps_plan *plan, struct ps_plan_log *log,
                               const struct transaction *it, const struct ps_parent *parent,
                               bool *full_out);
static p2psync_result judge_all(struct ps_plan *plan, struct transaction *it,
                                struct ps_parent *parent_out, bool *blocked_out);
static p2psync_result judge(struct ps_plan *plan, const struct transaction *it,
                            const struct ps_skeleton *skeleton, struct ps_parent *parent_out,
                            ps_readiness *out);
static struct ps_ready_change change_of(const struct transaction *it, uint64_t seq,
                                        const struct ps_skeleton *skeleton);
static p2psync_result is_applied(struct ps_plan *plan, const struct transaction *it,
                                 const struct ps_parent *parent, bool *out);
static p2psync_result collect(struct ps_plan *plan, const struct transaction *it);
static p2psync_result make_item(struct ps_plan *plan, const struct transaction *it, uint64_t seq);
static p2psync_result read_entry(struct ps_plan *plan, uint32_t log, uint64_t seq,
                                 struct ps_stored *out);
static p2psync_result save(struct ps_plan *plan, uint32_t number, uint64_t settled);

p2psync_result ps_plan_begin(struct ps_plan *plan)
{
    uint64_t count = 0;
    struct ps_waiting_sum sum;
    struct ps_unsettled_walk walk = {.txn = plan->txn};
    struct ps_unsettled unsettled;
    plan->first_queued = NONE;
    ps_buf_init(&plan->ids, (size_t)PS_TRANSACTION_CHANGES_MAX * 2 * PS_RECORD_ID_SIZE_MAX);
    p2psync_result result = ps_damage_list_met(plan->txn, &plan->damaged);
    if (result == P2PSYNC_OK) {
        result = ps_waiting_sum(plan->txn, &sum);
    }
    if (result == P2PSYNC_OK) {
        result = ps_unsettled_count(plan->txn, &count);
    }
    if (result != P2PSYNC_OK || count >= NONE) {
        return result != P2PSYNC_OK ? result : P2PSYNC_ECORRUPT;
    }
    plan->waiting = sum.changes > 0;
    if (count == 0) {
        return P2PSYNC_OK;
    }
    plan->logs = calloc(count, sizeof *plan->logs);
    if (plan->logs == NULL) {
        return P2PSYNC_ENOMEM;
    }
    while (plan->log_count < count && ps_unsettled_walk_next(&walk, &unsettled)) {
        plan->logs[plan->log_count] = to_plan(&unsettled);
        plan->log_count++;
    }
    if (walk.result == P2PSYNC_OK && plan->log_count < count) {
        return P2PSYNC_ECORRUPT;
    }
    for (uint32_t i = plan->log_count; i > 0; i--) {
        enqueue(plan, i - 1);
    }
    return walk.result;
}

static struct ps_plan_log to_plan(const struct ps_unsettled *unsettled)
{
    const struct ps_log_brief *log = &unsettled->log;
    const struct ps_unsettled_look *look = &unsettled->look;
    bool still_holds = look->counted_from <= log->settled && look->looked_at <= log->size;
    return (struct ps_plan_log){
        .number = log->number,
        .collection = log->collection,
        .origin = log->id.origin,
        .size = log->size,
        .settled = log->settled,
        .settled_before = log->settled,
        .cut = {.from = still_holds ? look->counted_from : log->settled,
                .at = still_holds ? look->looked_at : log->settled,
                .size_bytes = still_holds ? look->size_bytes : 0},
        .judged = still_holds ? look->judged : 0,
        .judged_before = look->judged,
        .looked_before = look->looked_at,
        .forked = !ps_branch_is_trunk(log->id.branch),
        .next = NONE,
    };
}

static void enqueue(struct ps_plan *plan, uint32_t index)
{
    struct ps_plan_log *log = &plan->logs[index];
    if (!log->queued) {
        log->queued = true;
        log->next = plan->first_queued;
        plan->first_queued = index;
    }
}

/* NONE if the log is settled. */
static uint32_t index_of(const struct ps_plan *plan, uint32_t number)
{
    uint32_t low = 0;
    uint32_t high = plan->log_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (plan->logs[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < plan->log_count && plan->logs[low].number == number ? low : NONE;
}

/* Logs that are full are looked at again when others have gone on since: what their next
 * transaction waits for stands in no table, and may have been among that. */
static bool look_again(struct ps_plan *plan)
{
    uint32_t still_full = 0;
    for (uint32_t i = plan->log_count; i > 0 && plan->full_count > 0; i--) {
        struct ps_plan_log *log = &plan->logs[i - 1];
        if (log->full && log->full_at < plan->transactions) {
            log->full = false;
            enqueue(plan, i - 1);
        }
        still_full += log->full ? 1 : 0;
    }
    plan->full_count = still_full;
    return plan->first_queued != NONE;
}

p2psync_result ps_plan_has_more(struct ps_plan *plan, bool *out)
{
    struct ps_waiting due;
    p2psync_result result = P2PSYNC_ENOTFOUND;
    bool queued = plan->first_queued != NONE || look_again(plan);
    if (!queued && plan->waiting) {
        result = ps_waiting_due(plan->txn, &due);
    }
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    *out = queued || result == P2PSYNC_OK;
    return P2PSYNC_OK;
}

p2psync_result ps_plan_next(struct ps_plan *plan, uint64_t limit)
{
    p2psync_result result = P2PSYNC_OK;
    bool more = true;
    plan->item_count = 0;
    ps_buf_clear(&plan->ids);
    plan->read_bytes = 0;
    while (result == P2PSYNC_OK && more && !is_full(plan, limit)) {
        struct ps_waiting due;
        p2psync_result found = plan->waiting ? ps_waiting_due(plan->txn, &due) : P2PSYNC_ENOTFOUND;
        if (found == P2PSYNC_OK) {
            result = take_due(plan, &due);
        } else if (found != P2PSYNC_ENOTFOUND) {
            result = found;
        } else if (plan->first_queued != NONE) {
            uint32_t index = plan->first_queued;
            plan->first_queued = plan->logs[index].next;
            plan->logs[index].queued = false;
            result = advance(plan, index, limit);
        } else {
            more = false;
        }
    }
    return result;
}

/* A parent that a transaction waited for has been planned: it is ready now, or waits for another
 * parent. */
static p2psync_result take_due(struct ps_plan *plan, const struct ps_waiting *due)
{
    struct ps_log_brief log;
    p2psync_result result = ps_log_brief_by_number(plan->txn, due->log, &log);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    struct transaction it = {.log = due->log,
                             .collection = due->collection,
                             .origin = log.id.origin,
                             .begin = due->begin,
                             .end = due->last + 1,
                             .judged = due->judged};
    struct ps_waiting waiting = *due;
    bool blocked = false;
    result = judge_all(plan, &it, &waiting.parent, &blocked);
    if (result == P2PSYNC_OK && !blocked) {
        result = collect(plan, &it);
    }
    if (result == P2PSYNC_ECORRUPT) { /* what was judged before may be damaged by now */
        it.judged = it.begin;
        result = judge_all(plan, &it, &waiting.parent, &blocked);
        result = result == P2PSYNC_OK && !blocked ? P2PSYNC_ECORRUPT : result;
    }
    if (result == P2PSYNC_OK && blocked) {
        waiting.judged = it.judged;
        return ps_waiting_again(plan->txn, &waiting);
    }
    return result == P2PSYNC_OK ? end_wait(plan, due) : result;
}

/* Its log has room for another one that waits, and its `applied` may move. */
static p2psync_result end_wait(struct ps_plan *plan, const struct ps_waiting *ended)
{
    p2psync_result result = ps_waiting_end(plan->txn, ended);
    uint32_t index = index_of(plan, ended->log);
    if (index != NONE) {
        plan->logs[index].counted = false;
        enqueue(plan, index);
        return result; /* saved in the end */
    }
    return result == P2PSYNC_OK ? save(plan, ended->log, 0) : result;
}

/* A change of 3 kB may name 64 parents of 1 MiB each. */
static bool is_full(const struct ps_plan *plan, uint64_t limit)
{
    return plan->item_count >= limit || plan->read_bytes >= PS_APPLY_WORK_MAX;
}

/* Move one log as far as it goes. If it could go further but for the limit, it is the first to be
 * looked at in the next plan. */
static p2psync_result advance(struct ps_plan *plan, uint32_t index, uint64_t limit)
{
    struct ps_plan_log *log = &plan->logs[index];
    bool stopped = false;
    log->full = false;
    while (log->settled < log->size && !stopped) {
        bool ended = false;
        bool is_cut = false;
        bool blocked = false;
        struct ps_parent parent;
        if (is_full(plan, limit)) {
            enqueue(plan, index);
            break;
        }
        p2psync_result result = look_at(plan, log, &ended, &is_cut);
        if (result != P2PSYNC_OK || !ended) {
            return result == P2PSYNC_ECORRUPT ? ps_damage_explain(plan->txn) : result;
        }
        struct transaction it = {.log = log->number,
                                 .collection = log->collection,
                                 .origin = log->origin,
                                 .begin = log->settled,
                                 .end = log->cut.at,
                                 .judged = log->judged > log->settled ? log->judged : log->settled};
        result = judge_all(plan, &it, &parent, &blocked);
        log->judged = it.judged;
        if (result == P2PSYNC_OK && blocked && !it.lost) {
            result = let_wait(plan, log, &it, &parent, &stopped);
        } else if (result == P2PSYNC_OK && !blocked) {
            result = collect(plan, &it);
            log->settled = result == P2PSYNC_OK ? it.end : log->settled;
        }
        if (result == P2PSYNC_ECORRUPT || it.lost) {
            log->cut = (struct ps_cut){.from = log->settled, .at = log->settled};
            log->judged = log->settled;
            return ps_damage_explain(plan->txn);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        if (!stopped && !is_cut) {
            ps_cut_begin(&log->cut);
        }
    }
    return P2PSYNC_OK;
}

/* Look for the end of the next transaction, from cut.at on. ended_out: all of it is here, up to
 * cut.at; cut_out: it ends there only because the log forks. */
static p2psync_result look_at(struct ps_plan *plan, struct ps_plan_log *log, bool *ended_out,
                              bool *cut_out)
{
    bool ended = false;
    uint64_t fork = UINT64_MAX;
    p2psync_result result = next_fork(plan, log, &fork);
    while (result == P2PSYNC_OK && !ended && log->cut.at < fork && log->cut.at < log->size) {
        result = ps_cut_step(plan->txn, log->number, &log->cut, &ended);
        if (ended && log->cut.at <= log->settled) { /* only the count begins before `settled` */
            ps_cut_begin(&log->cut);
            ended = false;
        }
    }
    *cut_out = !ended && log->cut.at == fork;
    *ended_out = ended || *cut_out;
    return result;
}

/* The first entry behind `settled` at which another branch leaves the log. */
static p2psync_result next_fork(struct ps_plan *plan, const struct ps_plan_log *log, uint64_t *out)
{
    struct ps_stem branch;
    if (!log->forked) {
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_stem_next(plan->txn, log->number, log->settled + 1, &branch);
    if (result == P2PSYNC_OK) {
        *out = branch.begin;
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

/* The log goes on behind the transaction, unless too many of it wait. */
static p2psync_result let_wait(struct ps_plan *plan, struct ps_plan_log *log,
                               const struct transaction *it, const struct ps_parent *parent,
                               bool *full_out)
{
    if (!log->counted) {
        p2psync_result result = ps_waiting_count(plan->txn, log->number, &log->waiting);
        if (result != P2PSYNC_OK) {
            return result;
        }
        log->counted = true;
    }
    if (log->waiting >= PS_WAITING_MAX) {
        log->cut.at--; /* its end is found again, and it is judged anew */
        log->cut.size_bytes -= log->cut.last_bytes;
        log->full = true;
        log->full_at = plan->transactions;
        plan->full_count++;
        *full_out = true;
        return P2PSYNC_OK;
    }
    log->waiting++;
    const struct ps_waiting waiting = {.log = log->number,
                                       .collection = log->collection,
                                       .begin = it->begin,
                                       .last = it->end - 1,
                                       .judged = it->judged,
                                       .parent = *parent,
                                       .since_ms = plan->since_ms};
    plan->waiting = true;
    log->settled = it->end;
    return ps_waiting_add(plan->txn, &waiting);
}

/* Move it->judged to the end, or to the first change that is not ready; parent_out is what that one
 * waits for then: itself, if it is lost. */
static p2psync_result judge_all(struct ps_plan *plan, struct transaction *it,
                                struct ps_parent *parent_out, bool *blocked_out)
{
    bool blocked = false;
    while (!blocked && it->judged < it->end) {
        struct ps_stored entry;
        struct ps_skeleton skeleton;
        ps_readiness ready = PS_READY_INERT;
        p2psync_result result = read_entry(plan, it->log, it->judged, &entry);
        if (result == P2PSYNC_ECORRUPT) {
            *parent_out = (struct ps_parent){.dot = {.origin = it->origin, .seq = it->judged}};
            it->lost = true;
            ready = PS_READY_BLOCKED;
            result = P2PSYNC_OK;
        } else if (result == P2PSYNC_OK &&
                   ps_skeleton_decode(entry.skeleton, &skeleton) == P2PSYNC_OK) {
            result = judge(plan, it, &skeleton, parent_out, &ready);
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
        blocked = ready == PS_READY_BLOCKED;
        it->judged += blocked ? 0 : 1;
    }
    *blocked_out = blocked;
    return P2PSYNC_OK;
}

/* Whether all parents of the change at it->judged are applied, or will be before it. */
static p2psync_result judge(struct ps_plan *plan, const struct transaction *it,
                            const struct ps_skeleton *skeleton, struct ps_parent *parent_out,
                            ps_readiness *out)
{
    const struct ps_ready_change change = change_of(it, it->judged, skeleton);
    p2psync_result result = ps_ready_in_log(plan->txn, &change, out, parent_out);
    for (size_t i = 0; i < skeleton->parent_count && *out == PS_READY && result == P2PSYNC_OK;
         i++) {
        bool good = false;
        result = is_applied(plan, it, &skeleton->parents[i], &good);
        if (result == P2PSYNC_OK && !good) {
            *parent_out = skeleton->parents[i];
            *out = PS_READY_BLOCKED;
        }
    }
    if (result == P2PSYNC_OK && *out == PS_READY && plan->damaged > 0) {
        result = ps_ready_chain(plan->txn, &change, out, parent_out);
    }
    return result;
}

static struct ps_ready_change change_of(const struct transaction *it, uint64_t seq,
                                        const struct ps_skeleton *skeleton)
{
    return (struct ps_ready_change){.log = it->log,
                                    .collection = it->collection,
                                    .origin = it->origin,
                                    .seq = seq,
                                    .skeleton = skeleton};
}

/* Whether a parent is applied, or planned, or comes before in the same transaction. Of one that is
 * damaged nobody can say. */
static p2psync_result is_applied(struct ps_plan *plan, const struct transaction *it,
                                 const struct ps_parent *parent, bool *out)
{
    struct ps_log_place place;
    struct ps_waiting waiting;
    *out = false;
    p2psync_result result = ps_log_locate(plan->txn, it->collection, parent, &place);
    if (result != P2PSYNC_OK) {
        bool waits = result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT;
        return waits ? P2PSYNC_OK : result;
    }
    plan->read_bytes += place.entry.body.size;
    uint64_t seq = parent->dot.seq;
    uint32_t index = index_of(plan, place.number);
    uint64_t settled = index == NONE ? place.settled : plan->logs[index].settled;
    bool within = place.number == it->log && seq >= it->begin && seq < it->judged;
    if (within || seq < place.applied || seq >= settled || !plan->waiting) {
        *out = within || seq < settled;
        return P2PSYNC_OK;
    }
    result = ps_waiting_find(plan->txn, place.number, seq, &waiting);
    *out = result == P2PSYNC_ENOTFOUND;
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

/* Take a transaction into the plan. Those that wait for a change of it are due. P2PSYNC_ECORRUPT it
 * cannot be read, and is not in the plan. */
static p2psync_result collect(struct ps_plan *plan, const struct transaction *it)
{
    size_t count = (size_t)(it->end - it->begin);
    if (count > plan->item_capacity - plan->item_count) {
        size_t capacity = plan->item_capacity * 2 + count;
        struct ps_plan_item *items = realloc(plan->items, capacity * sizeof *items);
        if (items == NULL) {
            return P2PSYNC_ENOMEM;
        }
        plan->items = items;
        plan->item_capacity = capacity;
    }
    p2psync_result result = P2PSYNC_OK;
    size_t items_before = plan->item_count;
    size_t ids_before = plan->ids.size;
    for (uint64_t seq = it->begin; seq < it->end && result == P2PSYNC_OK; seq++) {
        result = make_item(plan, it, seq);
    }
    if (result != P2PSYNC_OK) {
        plan->item_count = items_before;
        ps_buf_truncate(&plan->ids, ids_before);
        return result;
    }
    plan->transactions++;
    if (!plan->waiting) {
        return P2PSYNC_OK;
    }
    const struct ps_waiting_for applied = {
        .collection = it->collection, .origin = it->origin, .begin = it->begin, .end = it->end};
    return ps_waiting_wake(plan->txn, &applied);
}

static p2psync_result make_item(struct ps_plan *plan, const struct transaction *it, uint64_t seq)
{
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    struct ps_parent awaited;
    ps_readiness ready = PS_READY_INERT;
    p2psync_result result = read_entry(plan, it->log, seq, &entry);
    struct ps_plan_item item = {.collection = it->collection,
                                .log = it->log,
                                .order = plan->item_count,
                                .dot = {.origin = it->origin, .seq = seq},
                                .id_at = plan->ids.size};
    if (result == P2PSYNC_OK && ps_skeleton_decode(entry.skeleton, &skeleton) == P2PSYNC_OK) {
        const struct ps_ready_change change = change_of(it, seq, &skeleton);
        result = ps_ready_in_log(plan->txn, &change, &ready, &awaited);
        result = ready == PS_READY_BLOCKED ? P2PSYNC_ECORRUPT : result;
        if (result == P2PSYNC_OK) {
            item.id.size = skeleton.record_id.size;
            result = ps_buf_append(&plan->ids, skeleton.record_id.data, skeleton.record_id.size);
        }
    }
    item.inert = ready != PS_READY;
    plan->items[plan->item_count] = item;
    plan->item_count++;
    return result;
}

static p2psync_result read_entry(struct ps_plan *plan, uint32_t log, uint64_t seq,
                                 struct ps_stored *out)
{
    p2psync_result result = ps_stored_get(plan->txn, log, seq, out);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}

p2psync_result ps_plan_end(struct ps_plan *plan)
{
    uint64_t damaged = 0;
    p2psync_result result = ps_damage_list_met(plan->txn, &damaged);
    for (uint32_t i = 0; i < plan->log_count && result == P2PSYNC_OK; i++) {
        const struct ps_plan_log *log = &plan->logs[i];
        if (log->settled > log->settled_before || plan->waiting) {
            result = save(plan, log->number, log->settled);
        }
        if (result == P2PSYNC_OK && log->settled < log->size &&
            (log->cut.at != log->looked_before || log->judged != log->judged_before ||
             log->settled > log->settled_before)) {
            const struct ps_unsettled_look look = {.looked_at = log->cut.at,
                                                   .size_bytes = log->cut.size_bytes,
                                                   .counted_from = log->cut.from,
                                                   .judged = log->judged};
            result = ps_unsettled_look_on(plan->txn, log->number, &look);
        }
    }
    return result;
}

/* Write how far a log is; `settled` may be less than it was already. */
static p2psync_result save(struct ps_plan *plan, uint32_t number, uint64_t settled)
{
    struct ps_log log;
    struct ps_waiting first;
    struct ps_waiting_walk walk = {.txn = plan->txn, .from = ps_key_entry(number, 0)};
    p2psync_result result = ps_log_by_number(plan->txn, number, &log);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    uint64_t settled_before = log.settled;
    uint64_t applied_before = log.applied;
    log.settled = settled > log.settled ? settled : log.settled;
    log.applied = log.settled;
    if (plan->waiting && ps_waiting_walk_next(&walk, &first) && first.log == number) {
        log.applied = first.begin;
    }
    if (walk.result != P2PSYNC_OK) {
        return walk.result;
    }
    bool moved = log.settled != settled_before || log.applied != applied_before;
    return moved ? ps_log_save(plan->txn, &log) : P2PSYNC_OK;
}

void ps_plan_deinit(struct ps_plan *plan)
{
    free(plan->logs);
    free(plan->items);
    ps_buf_deinit(&plan->ids);
}
