/* The table of strategies. What they share comes first: the versions that count, in their order.
 * Then each says which one wins, or merges them. */
#include "store/merge/merge.h"

#include <string.h>

#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/merge/fold.h"
#include "wire/value.h"

/* Steps, of which texts have their own (diff.h). */
#define MERGE_WORK 1024 /* any merge */
#define READ_WORK  256  /* a state that is rebuilt */
#define WALK_WORK  16   /* what is counted as one against PS_WALKS_MAX */

struct merging {
    const struct ps_merge *merge;
    struct ps_fold fold;
    struct ps_ancestor_set set; /* what counts, ascending */
    uint64_t compared_bytes;    /* of values that are not the same bytes */
    struct ps_merged *out;
};

typedef p2psync_result strategy_fn(struct merging *merging);

static strategy_fn auto_merge;
static strategy_fn last_write_wins;
static strategy_fn keep_both;
static strategy_fn prefer;
static strategy_fn manual;

static strategy_fn *const strategies[PS_STRATEGY_COUNT] = {
    [PS_STRATEGY_AUTO_MERGE] = auto_merge, [PS_STRATEGY_LAST_WRITE_WINS] = last_write_wins,
    [PS_STRATEGY_KEEP_BOTH] = keep_both,   [PS_STRATEGY_PREFER] = prefer,
    [PS_STRATEGY_MANUAL] = manual,
};

static uint64_t work_of(const struct merging *merging);
static uint64_t bytes_of(const struct merging *merging);
static p2psync_result begin(struct merging *merging, const struct ps_merge *merge,
                            struct ps_merged *out);
static p2psync_result list_members(struct merging *merging);
static p2psync_result show(struct merging *merging, uint32_t winner);
static void name_winner(struct merging *merging, uint32_t winner);
static uint32_t last_member(const struct merging *merging);
static uint32_t last_not_deleted(const struct merging *merging);
static p2psync_result differs(struct merging *merging, uint32_t member, bool *out);
static p2psync_result any_differs(struct merging *merging, bool *out);
static void mark_copy(struct merging *merging, uint32_t member);

p2psync_result ps_merge(const struct ps_merge *merge, struct ps_merged *out)
{
    assert(merge->version_count > 1);
    struct merging merging;
    p2psync_result result = begin(&merging, merge, out);
    if (result == P2PSYNC_OK) {
        result = strategies[merge->rules->strategy](&merging);
    }
    out->work = work_of(&merging);
    out->work_bytes = bytes_of(&merging);
    ps_fold_deinit(&merging.fold);
    out->view.value = ps_buf_view(&out->value);
    return result;
}

p2psync_result ps_merge_base(const struct ps_merge *merge, struct ps_merged *out, bool *found_out)
{
    assert(merge->version_count > 1);
    struct merging merging;
    struct ps_folded folded = {.state = PS_RECORD_DELETED};
    ps_buf_init(&folded.value, PS_VALUE_SIZE_MAX);
    p2psync_result result = begin(&merging, merge, out);
    if (result == P2PSYNC_OK) {
        result = ps_fold_base(&merging.fold, &merging.set, &folded, found_out);
    }
    ps_fold_deinit(&merging.fold);
    ps_buf_deinit(&out->value);
    out->value = folded.value;
    out->view.state = folded.state;
    out->view.value = ps_buf_view(&out->value);
    return result;
}

/* What a merge cost: walks, values merged, and texts. */
static uint64_t work_of(const struct merging *merging)
{
    const struct ps_fold *fold = &merging->fold;
    return MERGE_WORK + fold->work + fold->read_bytes + merging->compared_bytes +
           merging->out->value.size + WALK_WORK * (uint64_t)fold->ancestry.work +
           READ_WORK * (uint64_t)fold->merges;
}

static uint64_t bytes_of(const struct merging *merging)
{
    return merging->fold.read_bytes + merging->fold.built_bytes + merging->compared_bytes +
           merging->out->value.size;
}

/* Empty `out`, and list what counts. */
static p2psync_result begin(struct merging *merging, const struct ps_merge *merge,
                            struct ps_merged *out)
{
    *merging = (struct merging){.merge = merge, .out = out};
    memset(out, 0, sizeof *out);
    ps_buf_init(&out->value, PS_VALUE_SIZE_MAX);
    ps_fold_init(&merging->fold, merge->txn, merge->collection, merge->rules);
    merging->fold.versions = merge->versions;
    merging->fold.version_count = merge->version_count;
    merging->fold.labels = merge->labels;
    return list_members(merging);
}

p2psync_result ps_merge_parents(struct ps_txn *txn, uint32_t collection,
                                const struct ps_skeleton *skeleton, struct ps_merged *out)
{
    struct ps_collection row;
    struct ps_rules rules = {.field_count = 0};
    struct ps_version versions[PS_PARENTS_MAX];
    assert(skeleton->parent_count > 1);
    for (size_t i = 0; i < skeleton->parent_count; i++) {
        versions[i] = (struct ps_version){.dot = skeleton->parents[i].dot};
        memcpy(versions[i].leaf, skeleton->parents[i].leaf, sizeof versions[i].leaf);
    }
    struct ps_merge merge = {.txn = txn,
                             .collection = collection,
                             .rules = &rules,
                             .versions = versions,
                             .version_count = (uint32_t)skeleton->parent_count};
    p2psync_result result = ps_collection_by_number(txn, collection, &row);
    if (result == P2PSYNC_OK) {
        result = ps_rules_read(txn, row.name, &rules);
    }
    if (result == P2PSYNC_OK) {
        result = ps_merge(&merge, out);
    }
    ps_rules_deinit(&rules);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}

void ps_merged_mark_copies(const struct ps_merged *merged, struct ps_version *versions,
                           uint32_t count)
{
    uint32_t first = ps_record_first_read(count);
    for (uint32_t i = 0; i < count; i++) {
        versions[i].is_copy = i >= first && (merged->copies >> (i - first) & 1) != 0;
    }
}

void ps_merged_deinit(struct ps_merged *merged)
{
    ps_buf_deinit(&merged->value);
}

/* The newest versions, less the automatic answers that do not count. */
static p2psync_result list_members(struct merging *merging)
{
    const struct ps_merge *merge = merging->merge;
    uint32_t first = ps_record_first_read(merge->version_count);
    p2psync_result result = P2PSYNC_OK;
    for (uint32_t i = first; i < merge->version_count && result == P2PSYNC_OK; i++) {
        struct ps_parent name = {.dot = merge->versions[i].dot};
        uint32_t index = 0;
        memcpy(name.leaf, merge->versions[i].leaf, sizeof name.leaf);
        result = ps_ancestry_find(&merging->fold.ancestry, &name, &index);
        if (result == P2PSYNC_OK) {
            ps_ancestry_add(&merging->fold.ancestry, &merging->set, index);
        }
    }
    return result == P2PSYNC_OK ? ps_fold_effective(&merging->fold, &merging->set) : result;
}

/* Field by field. */
static p2psync_result auto_merge(struct merging *merging)
{
    struct ps_merged *out = merging->out;
    struct ps_folded folded = {.state = PS_RECORD_DELETED};
    ps_buf_init(&folded.value, PS_VALUE_SIZE_MAX);
    p2psync_result result = ps_fold(&merging->fold, &merging->set, &folded);
    if (result != P2PSYNC_OK) {
        ps_buf_deinit(&folded.value);
        return result;
    }
    ps_buf_deinit(&out->value);
    out->value = folded.value;
    name_winner(merging, folded.state == PS_RECORD_DELETED ? last_member(merging)
                                                           : last_not_deleted(merging));
    out->view.state = folded.state;
    out->view.conflict = folded.notes.conflict;
    out->view.open = folded.notes.open;
    return P2PSYNC_OK;
}

/* The last one, whole. */
static p2psync_result last_write_wins(struct merging *merging)
{
    p2psync_result result = show(merging, last_member(merging));
    return result == P2PSYNC_OK ? any_differs(merging, &merging->out->view.conflict) : result;
}

/* The last one that a certain device wrote, else the last. */
static p2psync_result prefer(struct merging *merging)
{
    const struct ps_ancestry *ancestry = &merging->fold.ancestry;
    uint32_t winner = last_member(merging);
    for (size_t i = 0; i < merging->set.count; i++) {
        struct ps_log log;
        uint32_t member = merging->set.index[i];
        p2psync_result result =
            ps_log_by_number(merging->merge->txn, ancestry->list[member].log, &log);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        if (ps_device_equal(&log.origin.device, &merging->merge->rules->preferred)) {
            winner = member;
        }
    }
    p2psync_result result = show(merging, winner);
    return result == P2PSYNC_OK ? any_differs(merging, &merging->out->view.conflict) : result;
}

/* The last one, until somebody says what is right. */
static p2psync_result manual(struct merging *merging)
{
    p2psync_result result = last_write_wins(merging);
    merging->out->view.open = merging->out->view.conflict;
    return result;
}

/* The last one that is not deleted, and each other such one as a record of its own. */
static p2psync_result keep_both(struct merging *merging)
{
    uint32_t winner = last_not_deleted(merging);
    p2psync_result result = show(merging, winner);
    for (size_t i = 0; i < merging->set.count && result == P2PSYNC_OK; i++) {
        uint32_t member = merging->set.index[i];
        bool other = false;
        if (merging->fold.ancestry.list[member].state != PS_RECORD_DELETED) {
            result = differs(merging, member, &other);
        }
        if (result == P2PSYNC_OK && other) {
            merging->out->view.conflict = true;
            merging->out->view.open = true;
            mark_copy(merging, member);
        }
    }
    return result;
}

/* Show one member as it is. */
static p2psync_result show(struct merging *merging, uint32_t winner)
{
    struct ps_side side;
    p2psync_result result = ps_fold_side(&merging->fold, winner, &merging->fold.scratch[0], &side);
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(&merging->out->value, side.value.data, side.value.size);
    }
    if (result == P2PSYNC_OK) {
        name_winner(merging, winner);
        merging->out->view.state = side.state;
    }
    return result;
}

static void name_winner(struct merging *merging, uint32_t winner)
{
    const struct ps_ancestor *change = &merging->fold.ancestry.list[winner];
    merging->out->view.winner = change->name;
    merging->out->view.log = change->log;
    merging->out->view.hlc = change->hlc;
}

static uint32_t last_member(const struct merging *merging)
{
    assert(merging->set.count > 0);
    return merging->set.index[merging->set.count - 1];
}

/* The last one if all are. */
static uint32_t last_not_deleted(const struct merging *merging)
{
    for (size_t i = merging->set.count; i > 0; i--) {
        uint32_t member = merging->set.index[i - 1];
        if (merging->fold.ancestry.list[member].state != PS_RECORD_DELETED) {
            return member;
        }
    }
    return last_member(merging);
}

/* Whether a member is another record than the one that is shown. */
static p2psync_result differs(struct merging *merging, uint32_t member, bool *out)
{
    struct ps_side side;
    p2psync_result result = ps_fold_side(&merging->fold, member, &merging->fold.scratch[0], &side);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_bytes shown = ps_buf_view(&merging->out->value);
    bool same = side.state == merging->out->view.state && ps_bytes_equal(side.value, shown);
    if (!same && side.state == merging->out->view.state && side.value.size > 0 && shown.size > 0) {
        merging->compared_bytes += side.value.size + shown.size;
        result = ps_value_same(side.value, shown, &same);
    }
    *out = !same;
    return result;
}

static p2psync_result any_differs(struct merging *merging, bool *out)
{
    bool any = false;
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < merging->set.count && result == P2PSYNC_OK && !any; i++) {
        result = differs(merging, merging->set.index[i], &any);
    }
    *out = any;
    return result;
}

/* A member that came back in place of an automatic answer is no version now, so it has no copy. */
static void mark_copy(struct merging *merging, uint32_t member)
{
    const struct ps_merge *merge = merging->merge;
    const struct ps_parent *name = &merging->fold.ancestry.list[member].name;
    uint32_t first = ps_record_first_read(merge->version_count);
    for (uint32_t i = first; i < merge->version_count; i++) {
        const struct ps_version *version = &merge->versions[i];
        if (ps_dot_compare(version->dot, name->dot) == 0 &&
            memcmp(version->leaf, name->leaf, sizeof name->leaf) == 0) {
            merging->out->copies |= UINT64_C(1) << (i - first);
        }
    }
}
