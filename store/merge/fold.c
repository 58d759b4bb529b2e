/* Folding a set needs bases. A base may be several changes, which must be folded first and need
 * bases in turn; the folds that wait for others are on a stack. Each set of ancestors is folded
 * once and remembered. Without that, a past in which devices cross each other's merges n times
 * would cost 2^n.
 */
#include "store/merge/fold.h"

#include <stdlib.h>
#include <string.h>

#include "store/merge/text.h"
#include "store/record/rebuild.h"

/* A set of ancestors, and what it comes to. */
struct ps_fold_memo {
    struct ps_ancestor_set set;
    ps_record_state state;
    struct ps_buf value;
    bool given_up; /* over a limit: its last member stands for it */
};

/* A fold that goes on. */
struct frame {
    struct ps_ancestor_set key;     /* the set that was asked for */
    struct ps_ancestor_set members; /* those of it that count: ps_fold_effective() */
    size_t next;                    /* member to merge */
    bool has_base;
    struct ps_ancestor_set base; /* of what is merged and the next member */
    struct ps_folded so_far;     /* of members [0, next), once next is above 1 */
};

struct run {
    struct ps_fold *fold;
    struct frame *frames;
    size_t depth;
    size_t capacity;
    size_t waiting; /* bytes of values in frames that wait for others */
    struct ps_folded *out;
};

static p2psync_result give_up(struct ps_fold *fold, const struct ps_ancestor_set *set,
                              struct ps_folded *out);
static p2psync_result push(struct run *run, const struct ps_ancestor_set *key);
static p2psync_result step(struct run *run);
static bool may_fold(const struct run *run, const struct frame *frame);
static p2psync_result finish(struct run *run);
static p2psync_result find_base(struct ps_fold *fold, struct frame *frame);
static p2psync_result merge_next(struct ps_fold *fold, struct frame *frame, bool is_last);
static struct ps_bytes label_of(const struct ps_fold *fold, uint32_t index);
static p2psync_result side_of_set(struct ps_fold *fold, const struct ps_ancestor_set *set,
                                  struct ps_side *out);
static const struct ps_fold_memo *find_memo(const struct ps_fold *fold,
                                            const struct ps_ancestor_set *set);
static p2psync_result remember(struct ps_fold *fold, const struct ps_ancestor_set *set,
                               struct ps_folded *folded);
static void empty(struct ps_folded *folded);
static p2psync_result copy_side(const struct ps_side *side, struct ps_folded *out);

void ps_fold_init(struct ps_fold *fold, struct ps_txn *txn, uint32_t collection,
                  const struct ps_rules *rules)
{
    *fold = (struct ps_fold){.txn = txn, .collection = collection, .rules = rules};
    ps_ancestry_init(&fold->ancestry, txn, collection);
    for (size_t i = 0; i < 3; i++) {
        ps_buf_init(&fold->scratch[i].value, PS_VALUE_SIZE_MAX);
    }
}

void ps_fold_deinit(struct ps_fold *fold)
{
    for (size_t i = 0; i < fold->memo_count; i++) {
        ps_buf_deinit(&fold->memos[i].value);
    }
    free(fold->memos);
    for (size_t i = 0; i < 3; i++) {
        ps_buf_deinit(&fold->scratch[i].value);
    }
    ps_ancestry_deinit(&fold->ancestry);
    memset(fold, 0, sizeof *fold);
}

p2psync_result ps_fold_effective(struct ps_fold *fold, struct ps_ancestor_set *set)
{
    struct ps_ancestry *ancestry = &fold->ancestry;
    /* Automatic ones come first in a set. Each pass takes one out for good. But if
     * ps_ancestry_reduce() reaches its limit, it cannot tell that a change comes before another,
     * and then the same one may come back again and again: so the passes are counted. */
    for (unsigned turn = 0; turn < PS_ANSWERS_MAX; turn++) {
        if (set->count < 2 || !ancestry->list[set->index[1]].is_auto) {
            break;
        }
        struct ps_ancestor_set left = {.count = 0};
        uint32_t dropped = set->index[0];
        for (size_t i = 1; i < set->count; i++) {
            ps_ancestry_add(ancestry, &left, set->index[i]);
        }
        for (uint32_t i = 0; i < ancestry->list[dropped].parent_count; i++) {
            uint32_t parent = 0;
            struct ps_parent name = ancestry->parents[ancestry->list[dropped].first_parent + i];
            p2psync_result result = ps_ancestry_find(ancestry, &name, &parent);
            if (result != P2PSYNC_OK) {
                return result;
            }
            if (left.count == PS_PARENTS_MAX) {
                break; /* as many as are merged */
            }
            ps_ancestry_add(ancestry, &left, parent);
        }
        p2psync_result result = ps_ancestry_reduce(ancestry, &left);
        if (result != P2PSYNC_OK) {
            return result;
        }
        *set = left;
    }
    return P2PSYNC_OK;
}

p2psync_result ps_fold(struct ps_fold *fold, const struct ps_ancestor_set *set,
                       struct ps_folded *out)
{
    assert(set->count > 0);
    struct run run = {.fold = fold, .out = out};
    p2psync_result result = push(&run, set);
    while (result == P2PSYNC_OK && run.depth > 0) {
        const struct frame *frame = &run.frames[run.depth - 1];
        if (frame->next == frame->members.count) {
            result = finish(&run);
        } else if (fold->read_bytes > PS_FOLD_READ_MAX) {
            result = give_up(fold, set, out);
            break;
        } else {
            result = step(&run);
        }
    }
    for (size_t i = 0; i < run.depth; i++) {
        ps_buf_deinit(&run.frames[i].so_far.value);
    }
    free(run.frames);
    return result;
}

/* The last change stands for all, and somebody has to look at it. */
static p2psync_result give_up(struct ps_fold *fold, const struct ps_ancestor_set *set,
                              struct ps_folded *out)
{
    struct ps_side side;
    p2psync_result result =
        ps_fold_side(fold, set->index[set->count - 1], &fold->scratch[0], &side);
    if (result == P2PSYNC_OK) {
        ps_buf_clear(&out->value);
        result = copy_side(&side, out);
    }
    out->notes = (struct ps_merge_notes){.conflict = true, .open = true};
    return result;
}

p2psync_result ps_fold_base(struct ps_fold *fold, const struct ps_ancestor_set *set,
                            struct ps_folded *out, bool *found_out)
{
    struct ps_ancestor_set *groups = calloc(set->count, sizeof *groups);
    struct ps_ancestor_set base = {.count = 0};
    if (groups == NULL) {
        return P2PSYNC_ENOMEM;
    }
    for (size_t i = 0; i < set->count; i++) {
        groups[i] = (struct ps_ancestor_set){.count = 1, .index = {set->index[i]}};
    }
    p2psync_result result = ps_ancestry_common(&fold->ancestry, groups, set->count, &base);
    free(groups);
    if (result == P2PSYNC_OK) {
        result = ps_fold_effective(fold, &base);
    }
    if (result == P2PSYNC_OK && base.count > 0) {
        result = ps_fold(fold, &base, out);
    }
    if (result == P2PSYNC_OK) {
        *found_out = base.count > 0;
    }
    return result;
}

p2psync_result ps_fold_side(struct ps_fold *fold, uint32_t index, struct ps_fold_scratch *scratch,
                            struct ps_side *out)
{
    const struct ps_ancestor *change = &fold->ancestry.list[index];
    out->state = change->state;
    for (uint32_t i = 0; i < fold->version_count; i++) {
        const struct ps_version *version = &fold->versions[i];
        if (version->has_value && ps_dot_compare(version->dot, change->name.dot) == 0 &&
            memcmp(version->leaf, change->name.leaf, sizeof version->leaf) == 0) {
            out->value = version->value;
            return P2PSYNC_OK;
        }
    }
    struct ps_rebuild from = {
        .collection = fold->collection, .log = change->log, .seq = change->name.dot.seq};
    struct ps_rebuild_past past = {.depth = 0};
    p2psync_result result = P2PSYNC_OK;
    if (!scratch->is_known || scratch->index != index) {
        ps_buf_clear(&scratch->value);
        result = ps_rebuild(fold->txn, &from, &scratch->value, &past);
        fold->built_bytes += past.work_bytes;
        scratch->is_known = result == P2PSYNC_OK;
        scratch->index = index;
        scratch->bodies = past.bodies;
    }
    fold->read_bytes += scratch->bodies;
    out->value = ps_buf_view(&scratch->value);
    return result;
}

/* Begin to fold a set. */
static p2psync_result push(struct run *run, const struct ps_ancestor_set *key)
{
    if (run->depth == run->capacity) {
        size_t capacity = run->capacity == 0 ? 4 : run->capacity * 2;
        struct frame *frames = reallocarray(run->frames, capacity, sizeof *frames);
        if (frames == NULL) {
            return P2PSYNC_ENOMEM;
        }
        run->frames = frames;
        run->capacity = capacity;
    }
    struct frame *frame = &run->frames[run->depth];
    memset(frame, 0, sizeof *frame);
    frame->key = *key;
    frame->members = *key;
    empty(&frame->so_far);
    run->depth++;
    if (run->depth == 1) {
        return P2PSYNC_OK; /* the caller has called ps_fold_effective() */
    }
    p2psync_result result = ps_fold_effective(run->fold, &frame->members);
    run->fold->merges += frame->members.count > 1 ? frame->members.count - 1 : 1;
    return result;
}

/* Merge the next member, or begin to fold the base that this needs. */
static p2psync_result step(struct run *run)
{
    struct frame *frame = &run->frames[run->depth - 1];
    if (frame->next == 0) {
        frame->next = 1; /* there is nothing to merge yet; its value is read when it is needed */
        return P2PSYNC_OK;
    }
    if (!frame->has_base) {
        p2psync_result result = find_base(run->fold, frame);
        if (result != P2PSYNC_OK) {
            return result;
        }
        if (frame->base.count > 1 && may_fold(run, frame)) {
            struct ps_ancestor_set base = frame->base; /* frames may move */
            run->waiting += frame->so_far.value.size;
            return push(run, &base);
        }
    }
    return merge_next(run->fold, frame, run->depth == 1);
}

/* Whether the base must be folded first: it has not been, and the limits allow it. */
static bool may_fold(const struct run *run, const struct frame *frame)
{
    const struct ps_fold *fold = run->fold;
    return find_memo(fold, &frame->base) == NULL && fold->merges < PS_FOLDS_MAX &&
           fold->memo_bytes + run->waiting + frame->so_far.value.size <= PS_FOLDS_SIZE_MAX;
}

static p2psync_result finish(struct run *run)
{
    struct frame *frame = &run->frames[run->depth - 1];
    p2psync_result result = P2PSYNC_OK;
    if (frame->members.count == 1) {
        struct ps_side side;
        result = ps_fold_side(run->fold, frame->members.index[0], &run->fold->scratch[0], &side);
        if (result == P2PSYNC_OK) {
            result = copy_side(&side, &frame->so_far);
        }
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (run->depth == 1) {
        ps_buf_deinit(&run->out->value);
        *run->out = frame->so_far;
        empty(&frame->so_far);
    } else {
        result = remember(run->fold, &frame->key, &frame->so_far);
    }
    ps_buf_deinit(&frame->so_far.value);
    run->depth--;
    run->waiting -= run->depth > 0 ? run->frames[run->depth - 1].so_far.value.size : 0;
    return result;
}

static p2psync_result find_base(struct ps_fold *fold, struct frame *frame)
{
    struct ps_ancestor_set groups[2] = {frame->members, {.count = 1}};
    groups[0].count = frame->next;
    groups[1].index[0] = frame->members.index[frame->next];
    p2psync_result result = ps_ancestry_common(&fold->ancestry, groups, 2, &frame->base);
    frame->has_base = result == P2PSYNC_OK;
    return result;
}

/* is_last: nothing is merged on top of what this comes to. Only that is ever shown with marks. */
static p2psync_result merge_next(struct ps_fold *fold, struct frame *frame, bool is_last)
{
    struct ps_text_marks marks = {.ours = frame->next == 1 ? label_of(fold, frame->members.index[0])
                                                           : ps_bytes_text("merged so far"),
                                  .theirs = label_of(fold, frame->members.index[frame->next])};
    struct ps_sides sides = {.base = {.state = PS_RECORD_DELETED}};
    struct ps_folded merged;
    empty(&merged);
    p2psync_result result = P2PSYNC_OK;
    if (frame->base.count > 0) {
        result = side_of_set(fold, &frame->base, &sides.base);
    }
    if (result == P2PSYNC_OK && frame->next == 1) {
        result = ps_fold_side(fold, frame->members.index[0], &fold->scratch[1], &sides.earlier);
    } else {
        sides.earlier = (struct ps_side){.state = frame->so_far.state,
                                         .value = ps_buf_view(&frame->so_far.value)};
    }
    if (result == P2PSYNC_OK) {
        result =
            ps_fold_side(fold, frame->members.index[frame->next], &fold->scratch[2], &sides.later);
    }
    if (result == P2PSYNC_OK) {
        merged.notes = frame->so_far.notes;
        sides.work = &fold->work;
        fold->read_bytes +=
            sides.base.value.size + sides.earlier.value.size + sides.later.value.size;
        sides.marks = is_last && fold->labels != NULL ? &marks : NULL;
        result = ps_fields_merge(fold->rules, &sides, &merged.value, &merged.state, &merged.notes);
    }
    if (result != P2PSYNC_OK) {
        ps_buf_deinit(&merged.value);
        return result;
    }
    ps_buf_deinit(&frame->so_far.value);
    frame->so_far = merged;
    frame->has_base = false;
    frame->next++;
    return P2PSYNC_OK;
}

/* A version may be shown that is none of the row: it came back for an automatic answer. */
static struct ps_bytes label_of(const struct ps_fold *fold, uint32_t index)
{
    const struct ps_parent *name = &fold->ancestry.list[index].name;
    for (uint32_t i = 0; fold->labels != NULL && i < fold->version_count; i++) {
        if (fold->labels[i] != NULL && ps_dot_compare(fold->versions[i].dot, name->dot) == 0 &&
            memcmp(fold->versions[i].leaf, name->leaf, sizeof name->leaf) == 0) {
            return ps_bytes_text(fold->labels[i]);
        }
    }
    return ps_bytes_text("an earlier version");
}

/* What a set of ancestors comes to: one change, or what is remembered of several. */
static p2psync_result side_of_set(struct ps_fold *fold, const struct ps_ancestor_set *set,
                                  struct ps_side *out)
{
    const struct ps_fold_memo *memo = set->count > 1 ? find_memo(fold, set) : NULL;
    if (memo != NULL && !memo->given_up) {
        *out = (struct ps_side){.state = memo->state, .value = ps_buf_view(&memo->value)};
        return P2PSYNC_OK;
    }
    return ps_fold_side(fold, set->index[set->count - 1], &fold->scratch[0], out);
}

static const struct ps_fold_memo *find_memo(const struct ps_fold *fold,
                                            const struct ps_ancestor_set *set)
{
    for (size_t i = fold->memo_count; i > 0; i--) {
        const struct ps_fold_memo *memo = &fold->memos[i - 1];
        if (memo->set.count == set->count &&
            memcmp(memo->set.index, set->index, set->count * sizeof set->index[0]) == 0) {
            return memo;
        }
    }
    return NULL;
}

/* Keep what a set comes to. The value is moved out of `folded`. */
static p2psync_result remember(struct ps_fold *fold, const struct ps_ancestor_set *set,
                               struct ps_folded *folded)
{
    if (fold->memo_count == fold->memo_capacity) {
        size_t capacity = fold->memo_capacity == 0 ? 8 : fold->memo_capacity * 2;
        struct ps_fold_memo *memos = reallocarray(fold->memos, capacity, sizeof *memos);
        if (memos == NULL) {
            return P2PSYNC_ENOMEM;
        }
        fold->memos = memos;
        fold->memo_capacity = capacity;
    }
    struct ps_fold_memo *memo = &fold->memos[fold->memo_count];
    *memo = (struct ps_fold_memo){.set = *set, .state = folded->state};
    memo->given_up = folded->value.size > PS_FOLDS_SIZE_MAX - fold->memo_bytes;
    if (!memo->given_up) {
        memo->value = folded->value;
        fold->memo_bytes += folded->value.size;
        empty(folded);
    }
    fold->memo_count++;
    return P2PSYNC_OK;
}

static void empty(struct ps_folded *folded)
{
    *folded = (struct ps_folded){.state = PS_RECORD_DELETED};
    ps_buf_init(&folded->value, PS_VALUE_SIZE_MAX);
}

static p2psync_result copy_side(const struct ps_side *side, struct ps_folded *out)
{
    out->state = side->state;
    return ps_buf_append(&out->value, side->value.data, side->value.size);
}
