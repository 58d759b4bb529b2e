/* Merkle arithmetic, RFC 9162 section 2.1. A tree of n leaves splits at the largest power of two
 * below n; so every subtree left of a split is complete, and only the right edge may be ragged. All
 * walks go down one path, so they are loops, and a path is at most 64 long. */
#include "wire/proof.h"

#include <assert.h>

/* One node beside a path. */
struct sibling {
    struct ps_range range;
    bool right; /* of the path */
};

/* The path from the root of [begin, end) down to the subtree that ends at a split. */
struct path {
    size_t count;
    struct sibling sibling[64]; /* from the root down */
    struct ps_range last;       /* where the path ends: last.end is the split */
};

/* A partial tree, and which subtree each node of its `beyond` covers. */
struct view {
    const struct ps_partial_tree *tree;
    size_t beyond_count;
    struct ps_range beyond[PS_PROOF_MAX];
};

static void descend(struct ps_range range, uint64_t split, struct path *out);
static uint64_t split_of(uint64_t size);
static bool is_power(uint64_t size);
static p2psync_result own_root(const struct ps_partial_tree *tree, struct ps_range range,
                               struct ps_hash *out);
static p2psync_result view_init(struct view *view, const struct ps_partial_tree *tree);
static p2psync_result range_root(const struct view *view, struct ps_range range,
                                 struct ps_hash *out);
static p2psync_result simple_root(const struct view *view, struct ps_range range,
                                  struct ps_hash *out);

size_t ps_proof_ranges(uint64_t from, uint64_t to, struct ps_range out[static PS_PROOF_MAX])
{
    assert(from <= to);
    if (from == 0 || from == to) {
        return 0;
    }
    struct path path;
    descend((struct ps_range){0, to}, from, &path);
    size_t count = 0;
    /* The subtree at the end is named unless it is the whole earlier tree, which the receiver has.
     */
    if (path.last.begin > 0) {
        out[count++] = path.last;
    }
    for (size_t i = path.count; i-- > 0;) {
        out[count++] = path.sibling[i].range;
    }
    assert(count <= PS_PROOF_MAX);
    return count;
}

/* SUBPROOF of RFC 9162 section 2.1.4.1 without recursion: go down to the subtree that ends at
 * `split`, and note what lies beside the way. */
static void descend(struct ps_range range, uint64_t split, struct path *out)
{
    assert(split > range.begin && split <= range.end);
    out->count = 0;
    while (split != range.end) {
        uint64_t middle = range.begin + split_of(range.end - range.begin);
        struct sibling *sibling = &out->sibling[out->count++];
        assert(out->count <= 64);
        sibling->right = split <= middle;
        if (sibling->right) {
            sibling->range = (struct ps_range){middle, range.end};
            range.end = middle;
        } else {
            sibling->range = (struct ps_range){range.begin, middle};
            range.begin = middle;
        }
    }
    out->last = range;
}

/* The largest power of two below `size`, which is at least 2. */
static uint64_t split_of(uint64_t size)
{
    assert(size >= 2);
    return (uint64_t)1 << (63 - __builtin_clzll(size - 1));
}

static bool is_power(uint64_t size)
{
    return size != 0 && (size & (size - 1)) == 0;
}

p2psync_result ps_proof_roots(const struct ps_proof *proof, struct ps_range sizes,
                              const struct ps_hash *from_root, struct ps_hash *old_out,
                              struct ps_hash *new_out)
{
    if (sizes.begin == 0 || sizes.begin > sizes.end || proof->count > PS_PROOF_MAX) {
        return P2PSYNC_EPROOF;
    }
    if (sizes.begin == sizes.end) {
        if (proof->count != 0) {
            return P2PSYNC_EPROOF;
        }
        *old_out = *from_root;
        *new_out = *from_root;
        return P2PSYNC_OK;
    }
    size_t next = is_power(sizes.begin) ? 0 : 1;
    if (proof->count <= next) {
        return P2PSYNC_EPROOF;
    }
    /* The names and steps are those of RFC 9162 section 2.1.4.2. */
    uint64_t fn = sizes.begin - 1;
    uint64_t sn = sizes.end - 1;
    for (; (fn & 1U) != 0; fn >>= 1) {
        sn >>= 1;
    }
    struct ps_hash fr = next == 0 ? *from_root : proof->node[0];
    struct ps_hash sr = fr;
    for (; next < proof->count; next++) {
        const struct ps_hash *c = &proof->node[next];
        if (sn == 0) {
            return P2PSYNC_EPROOF;
        }
        if ((fn & 1U) != 0 || fn == sn) {
            fr = ps_hash_node(c, &fr);
            sr = ps_hash_node(c, &sr);
            for (; (fn & 1U) == 0 && fn != 0; fn >>= 1) {
                sn >>= 1;
            }
        } else {
            sr = ps_hash_node(&sr, c);
        }
        fn >>= 1;
        sn >>= 1;
    }
    if (sn != 0) {
        return P2PSYNC_EPROOF;
    }
    *old_out = fr;
    *new_out = sr;
    return P2PSYNC_OK;
}

p2psync_result ps_proof_verify(const struct ps_proof *proof, struct ps_range sizes,
                               const struct ps_hash *from_root, const struct ps_hash *to_root)
{
    if (sizes.begin == 0) {
        return proof->count == 0 ? P2PSYNC_OK : P2PSYNC_EPROOF;
    }
    struct ps_hash old_root;
    struct ps_hash new_root;
    p2psync_result result = ps_proof_roots(proof, sizes, from_root, &old_root, &new_root);
    if (result != P2PSYNC_OK) {
        return result;
    }
    bool equal = ps_hash_equal(&old_root, from_root) && ps_hash_equal(&new_root, to_root);
    return equal ? P2PSYNC_OK : P2PSYNC_EPROOF;
}

p2psync_result ps_proof_make(const struct ps_partial_tree *tree, uint64_t from,
                             struct ps_proof *out)
{
    assert(from <= tree->held && tree->held <= tree->size);
    struct view view;
    p2psync_result result = view_init(&view, tree);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_range ranges[PS_PROOF_MAX] = {{0}};
    struct ps_proof proof = {.count = ps_proof_ranges(from, tree->size, ranges)};
    for (size_t i = 0; i < proof.count; i++) {
        result = range_root(&view, ranges[i], &proof.node[i]);
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    *out = proof;
    return P2PSYNC_OK;
}

static p2psync_result view_init(struct view *view, const struct ps_partial_tree *tree)
{
    view->tree = tree;
    view->beyond_count = ps_proof_ranges(tree->held, tree->size, view->beyond);
    size_t found = tree->beyond == NULL ? 0 : tree->beyond->count;
    return found == view->beyond_count ? P2PSYNC_OK : P2PSYNC_EPROOF;
}

/* The root of a subtree of the later tree. One that straddles what is held is folded along the path
 * to its last leaf held: left of the path all is held, right of it all is in `beyond`, since that
 * proof took the same path. */
static p2psync_result range_root(const struct view *view, struct ps_range range,
                                 struct ps_hash *out)
{
    uint64_t held = view->tree->held;
    if (range.end <= held || range.begin >= held) {
        return simple_root(view, range, out);
    }
    struct path path;
    descend(range, held, &path);
    struct ps_hash root;
    p2psync_result result = own_root(view->tree, path.last, &root);
    for (size_t i = path.count; i-- > 0 && result == P2PSYNC_OK;) {
        struct ps_hash beside;
        result = simple_root(view, path.sibling[i].range, &beside);
        if (result == P2PSYNC_OK) {
            root =
                path.sibling[i].right ? ps_hash_node(&root, &beside) : ps_hash_node(&beside, &root);
        }
    }
    if (result == P2PSYNC_OK) {
        *out = root;
    }
    return result;
}

/* The root of a subtree that is held in full or not at all. */
static p2psync_result simple_root(const struct view *view, struct ps_range range,
                                  struct ps_hash *out)
{
    if (range.end <= view->tree->held) {
        return own_root(view->tree, range, out);
    }
    size_t i = 0;
    while (i < view->beyond_count && view->beyond[i].begin != range.begin) {
        i++;
    }
    /* A range beside a path that begins within `held` is one of the proof's own: both follow from
     * the sizes alone. */
    assert(i < view->beyond_count);
    assert(view->beyond[i].end == range.end);
    *out = view->tree->beyond->node[i];
    return P2PSYNC_OK;
}

p2psync_result ps_proof_prefix_root(const struct ps_partial_tree *tree, uint64_t size,
                                    struct ps_hash *out)
{
    assert(size <= tree->held);
    if (size == 0) {
        *out = ps_hash_empty();
        return P2PSYNC_OK;
    }
    return own_root(tree, (struct ps_range){0, size}, out);
}

/* The root of [begin, end), which is held and begins where a subtree does: complete subtrees, one
 * per set bit of its size, folded from the right, where the smallest is. */
static p2psync_result own_root(const struct ps_partial_tree *tree, struct ps_range range,
                               struct ps_hash *out)
{
    assert(range.begin < range.end && range.end <= tree->held);
    uint64_t size = range.end - range.begin;
    uint64_t end = range.end;
    struct ps_hash root;
    bool any = false;
    for (unsigned level = 0; level < 64 && end > range.begin; level++) {
        if ((size >> level & 1U) == 0) {
            continue;
        }
        end -= (uint64_t)1 << level;
        struct ps_hash subtree;
        p2psync_result result = tree->subtree(tree->user, level, end >> level, &subtree);
        if (result != P2PSYNC_OK) {
            return result;
        }
        root = any ? ps_hash_node(&subtree, &root) : subtree;
        any = true;
    }
    assert(any);
    *out = root;
    return P2PSYNC_OK;
}
