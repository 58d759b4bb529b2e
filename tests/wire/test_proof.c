/* Merkle arithmetic against RFC 9162 computed a second way: the recursive definitions of
 * section 2.1, written down as they stand, over random sizes and random stops. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/lib/prng.h"
#include "wire/frontier.h"
#include "wire/proof.h"

#define LEAVES_MAX 600

static struct ps_hash leaves[LEAVES_MAX];

static void setup(void)
{
    for (size_t i = 0; i < LEAVES_MAX; i++) {
        uint8_t number[8];
        ps_put_u64(number, i);
        leaves[i] = ps_hash_bytes(ps_bytes(number, sizeof number));
    }
}

TestSuite(proof, .init = setup);

static uint64_t split(uint64_t size)
{
    uint64_t k = 1;
    while (k * 2 < size) {
        k *= 2;
    }
    return k;
}

/* MTH of section 2.1.1. */
/* NOLINTNEXTLINE(misc-no-recursion): the definition is recursive, and a test of its own. */
static struct ps_hash naive_root(uint64_t begin, uint64_t end)
{
    if (end == begin) {
        return ps_hash_empty();
    }
    if (end - begin == 1) {
        return leaves[begin];
    }
    uint64_t k = split(end - begin);
    struct ps_hash left = naive_root(begin, begin + k);
    struct ps_hash right = naive_root(begin + k, end);
    return ps_hash_node(&left, &right);
}

/* SUBPROOF of section 2.1.4.1; `whole` is its b. */
/* NOLINTNEXTLINE(misc-no-recursion): the definition is recursive, and a test of its own. */
static void naive_subproof(uint64_t m, struct ps_range range, bool whole, struct ps_proof *out)
{
    uint64_t size = range.end - range.begin;
    if (m == size) {
        if (!whole) {
            out->node[out->count++] = naive_root(range.begin, range.end);
        }
        return;
    }
    uint64_t middle = range.begin + split(size);
    if (m <= split(size)) {
        naive_subproof(m, (struct ps_range){range.begin, middle}, whole, out);
        out->node[out->count++] = naive_root(middle, range.end);
    } else {
        naive_subproof(m - split(size), (struct ps_range){middle, range.end}, false, out);
        out->node[out->count++] = naive_root(range.begin, middle);
    }
}

static struct ps_proof naive_proof(uint64_t from, uint64_t to)
{
    struct ps_proof proof = {.count = 0};
    if (from > 0 && from < to) {
        naive_subproof(from, (struct ps_range){0, to}, true, &proof);
    }
    return proof;
}

static void assert_same_proof(const struct ps_proof *found, const struct ps_proof *expected)
{
    cr_assert_eq(found->count, expected->count);
    cr_assert_eq(memcmp(found->node, expected->node, found->count * PS_HASH_SIZE), 0);
}

/* Whoever asks for more than is held is told so, and the test fails. */
static p2psync_result subtree(void *user, unsigned level, uint64_t index, struct ps_hash *out)
{
    const uint64_t *held = user;
    uint64_t begin = index << level;
    uint64_t end = (index + 1) << level;
    if (end > *held) {
        return P2PSYNC_EGAP;
    }
    *out = naive_root(begin, end);
    return P2PSYNC_OK;
}

static struct ps_partial_tree tree_of(uint64_t *held, uint64_t size, const struct ps_proof *beyond)
{
    return (struct ps_partial_tree){*held, size, beyond, subtree, held};
}

Test(proof, frontier_root_is_that_of_the_definition_at_every_size)
{
    struct ps_frontier frontier = {.size = 0};
    for (uint64_t size = 0; size <= 300; size++) {
        struct ps_hash root = ps_frontier_root(&frontier);
        struct ps_hash expected = naive_root(0, size);
        cr_assert(ps_hash_equal(&root, &expected), "size %zu", (size_t)size);
        ps_frontier_add(&frontier, &leaves[size], NULL, NULL);
    }
}

struct completions {
    size_t count;
    uint64_t size; /* of the frontier before the leaf */
};

static void check_completed(void *user, unsigned level, uint64_t index, const struct ps_hash *hash)
{
    struct completions *seen = user;
    struct ps_hash expected = naive_root(index << level, (index + 1) << level);
    cr_assert(ps_hash_equal(hash, &expected));
    cr_assert_eq((index + 1) << level, seen->size + 1);
    cr_assert_geq(level, 1);
    seen->count++;
}

Test(proof, frontier_tells_each_completed_subtree_once)
{
    struct ps_frontier frontier = {.size = 0};
    struct completions seen = {.count = 0};
    for (size_t i = 0; i < 256; i++) {
        seen.size = i;
        ps_frontier_add(&frontier, &leaves[i], check_completed, &seen);
    }
    cr_assert_eq(seen.count, 255);
}

Test(proof, ranges_cover_what_the_definition_names)
{
    for (uint64_t to = 0; to <= 70; to++) {
        for (uint64_t from = 0; from <= to; from++) {
            struct ps_range ranges[PS_PROOF_MAX];
            struct ps_proof found = {.count = ps_proof_ranges(from, to, ranges)};
            struct ps_proof expected = naive_proof(from, to);
            for (size_t i = 0; i < found.count; i++) {
                found.node[i] = naive_root(ranges[i].begin, ranges[i].end);
            }
            assert_same_proof(&found, &expected);
        }
    }
}

Test(proof, ranges_of_the_largest_trees_stay_within_their_bound)
{
    struct ps_range ranges[PS_PROOF_MAX];
    cr_assert_leq(ps_proof_ranges(1, UINT64_MAX, ranges), PS_PROOF_MAX);
    cr_assert_leq(ps_proof_ranges(UINT64_MAX - 1, UINT64_MAX, ranges), PS_PROOF_MAX);
    cr_assert_leq(ps_proof_ranges((1ULL << 62) + 1, PS_LOG_SIZE_MAX, ranges), PS_PROOF_MAX);
}

Test(proof, verifies_between_any_two_sizes)
{
    for (uint64_t to = 1; to <= 70; to++) {
        struct ps_hash to_root = naive_root(0, to);
        for (uint64_t from = 0; from <= to; from++) {
            struct ps_hash from_root = naive_root(0, from);
            struct ps_proof proof = naive_proof(from, to);
            struct ps_range sizes = {from, to};
            cr_assert_eq(ps_proof_verify(&proof, sizes, &from_root, &to_root), P2PSYNC_OK);
        }
    }
}

Test(proof, rejects_any_changed_node_or_root_or_size)
{
    struct prng prng = prng_new(1, 0);
    for (int round = 0; round < 500; round++) {
        struct ps_range sizes = {.end = prng_between(&prng, 2, LEAVES_MAX - 1)};
        sizes.begin = prng_between(&prng, 1, sizes.end - 1);
        struct ps_hash from_root = naive_root(0, sizes.begin);
        struct ps_hash to_root = naive_root(0, sizes.end);
        struct ps_proof good = naive_proof(sizes.begin, sizes.end);
        struct ps_proof bad = good;
        struct ps_hash wrong = from_root;
        wrong.bytes[prng_below(&prng, PS_HASH_SIZE)] ^= 1;

        cr_assert_eq(ps_proof_verify(&good, sizes, &from_root, &to_root), P2PSYNC_OK);
        cr_assert_eq(ps_proof_verify(&good, sizes, &wrong, &to_root), P2PSYNC_EPROOF);
        cr_assert_eq(ps_proof_verify(&good, sizes, &from_root, &wrong), P2PSYNC_EPROOF);
        bad.node[prng_below(&prng, bad.count)].bytes[7] ^= 0x10;
        cr_assert_eq(ps_proof_verify(&bad, sizes, &from_root, &to_root), P2PSYNC_EPROOF);
        bad = good;
        bad.count--;
        struct ps_hash old_root;
        struct ps_hash new_root;
        cr_assert_eq(ps_proof_roots(&bad, sizes, &from_root, &old_root, &new_root), P2PSYNC_EPROOF);
        bad = good;
        bad.node[bad.count++] = to_root;
        cr_assert_eq(ps_proof_verify(&bad, sizes, &from_root, &to_root), P2PSYNC_EPROOF);
    }
}

Test(proof, rejects_what_has_no_meaning)
{
    struct ps_hash root = naive_root(0, 5);
    struct ps_hash other = naive_root(0, 6);
    struct ps_hash old_root;
    struct ps_hash new_root;
    struct ps_proof none = {.count = 0};
    struct ps_proof some = naive_proof(5, 6);
    struct ps_proof long_one = {.count = PS_PROOF_MAX + 1};

    cr_assert_eq(ps_proof_verify(&none, (struct ps_range){0, 6}, &root, &other), P2PSYNC_OK);
    cr_assert_eq(ps_proof_verify(&some, (struct ps_range){0, 6}, &root, &other), P2PSYNC_EPROOF);
    cr_assert_eq(ps_proof_verify(&none, (struct ps_range){5, 5}, &root, &root), P2PSYNC_OK);
    cr_assert_eq(ps_proof_verify(&none, (struct ps_range){5, 5}, &root, &other), P2PSYNC_EPROOF);
    cr_assert_eq(ps_proof_verify(&some, (struct ps_range){5, 5}, &root, &root), P2PSYNC_EPROOF);
    cr_assert_eq(ps_proof_verify(&some, (struct ps_range){6, 5}, &other, &root), P2PSYNC_EPROOF);
    cr_assert_eq(ps_proof_verify(&long_one, (struct ps_range){5, 6}, &root, &other),
                 P2PSYNC_EPROOF);
    cr_assert_eq(ps_proof_roots(&none, (struct ps_range){0, 5}, &root, &old_root, &new_root),
                 P2PSYNC_EPROOF);
}

Test(proof, whole_tree_makes_every_proof_and_prefix_root)
{
    struct ps_proof none = {.count = 0};
    for (uint64_t size = 1; size <= 70; size++) {
        uint64_t held = size;
        struct ps_partial_tree tree = tree_of(&held, size, &none);
        for (uint64_t from = 0; from <= size; from++) {
            struct ps_proof made;
            struct ps_proof expected = naive_proof(from, size);
            struct ps_hash root;
            struct ps_hash expected_root = naive_root(0, from);
            cr_assert_eq(ps_proof_make(&tree, from, &made), P2PSYNC_OK);
            assert_same_proof(&made, &expected);
            cr_assert_eq(ps_proof_prefix_root(&tree, from, &root), P2PSYNC_OK);
            cr_assert(ps_hash_equal(&root, &expected_root));
        }
    }
}

/* Every relay of the chain holds less than the one before it, and has of the rest only the proof
 * that it was handed. What the last one hands on is still the direct proof. */
Test(proof, chain_of_relays_proves_every_prefix)
{
    struct prng prng = prng_new(2, 0);
    for (int round = 0; round < 400; round++) {
        uint64_t size = prng_between(&prng, 1, LEAVES_MAX);
        uint64_t held = size;
        struct ps_proof beyond = {.count = 0};
        for (int relay = 0; relay < 6; relay++) {
            struct ps_partial_tree tree = tree_of(&held, size, &beyond);
            uint64_t from = prng_between(&prng, 0, held);
            struct ps_proof made;
            struct ps_proof expected = naive_proof(from, size);
            cr_assert_eq(ps_proof_make(&tree, from, &made), P2PSYNC_OK);
            assert_same_proof(&made, &expected);
            held = from;
            beyond = made;
        }
    }
}

Test(proof, make_rejects_a_proof_of_the_wrong_length)
{
    uint64_t held = 5;
    struct ps_proof made;
    struct ps_proof beyond = naive_proof(5, 9);
    beyond.count--;
    struct ps_partial_tree tree = tree_of(&held, 9, &beyond);
    cr_assert_eq(ps_proof_make(&tree, 3, &made), P2PSYNC_EPROOF);
    tree.beyond = NULL;
    cr_assert_eq(ps_proof_make(&tree, 3, &made), P2PSYNC_EPROOF);
}

Test(proof, make_returns_what_the_store_says)
{
    uint64_t held = 5;
    uint64_t held_really = 2;
    struct ps_proof made;
    struct ps_hash root;
    struct ps_proof beyond = naive_proof(5, 9);
    struct ps_partial_tree tree = tree_of(&held, 9, &beyond);
    tree.user = &held_really;
    cr_assert_eq(ps_proof_make(&tree, 3, &made), P2PSYNC_EGAP);
    cr_assert_eq(ps_proof_prefix_root(&tree, 4, &root), P2PSYNC_EGAP);
}
