/* Consistency proofs between two sizes of a Merkle tree, on hashes alone, as in RFC 9162
 * section 2.1. Nothing here reads a store: who makes a proof is asked for subtree hashes by
 * position. */
#ifndef PS_WIRE_PROOF_H
#define PS_WIRE_PROOF_H

#include "wire/hash.h"

/* A consistency proof between the trees of `from` and `to` leaves, RFC 9162 section 2.1.4.1, nodes
 * in the order given there. Empty if from is 0 or equals to. */
struct ps_proof {
    size_t count;
    struct ps_hash node[PS_PROOF_MAX];
};

/* The leaves [begin, end) that one node of a proof covers; end <= the size of the later tree. */
struct ps_range {
    uint64_t begin;
    uint64_t end;
};

/* Which subtrees the proof from `from` to `to` consists of, in its order. Returns their number.
 * Requires from <= to. */
size_t ps_proof_ranges(uint64_t from, uint64_t to, struct ps_range out[static PS_PROOF_MAX]);

/* Compute both roots that `proof` implies between `from` and `to` leaves, RFC 9162 section 2.1.4.2.
 * from_root is the root the receiver has for `from`; it is used as the first node where the RFC
 * says so (from is a power of two).
 *
 * old_out, new_out  the roots that the proof implies.
 * Errors            P2PSYNC_EPROOF the number of nodes is wrong, or from > to, or from is 0.
 */
p2psync_result ps_proof_roots(const struct ps_proof *proof, struct ps_range sizes,
                              const struct ps_hash *from_root, struct ps_hash *old_out,
                              struct ps_hash *new_out) P2PSYNC_MUST_CHECK;

/* Whether the tree of sizes.begin leaves with from_root is a prefix of that of sizes.end leaves
 * with to_root. Size 0 is a prefix of everything, with an empty proof; equal sizes need equal roots
 * and an empty proof.
 *
 * Errors  P2PSYNC_EPROOF it is not, or the proof is malformed.
 */
p2psync_result ps_proof_verify(const struct ps_proof *proof, struct ps_range sizes,
                               const struct ps_hash *from_root,
                               const struct ps_hash *to_root) P2PSYNC_MUST_CHECK;

/* A tree of `size` leaves, of which only the first `held` are here; of the rest there is only the
 * consistency proof from `held` to `size`. That is enough to prove every shorter prefix:
 * store/log/log.h has an example. */
struct ps_partial_tree {
    uint64_t held;
    uint64_t size;
    const struct ps_proof *beyond; /* held -> size */
    /* The hash of the complete subtree `index` of `level`; it lies within `held`. */
    p2psync_result (*subtree)(void *user, unsigned level, uint64_t index, struct ps_hash *out);
    void *user;
};

/* The consistency proof from `from` (<= held) to tree->size, direct, whatever chain of relays the
 * tree came through.
 *
 * Errors  what tree->subtree returns; P2PSYNC_EPROOF `beyond` has the wrong number of nodes.
 */
p2psync_result ps_proof_make(const struct ps_partial_tree *tree, uint64_t from,
                             struct ps_proof *out) P2PSYNC_MUST_CHECK;

/* The root of the first `size` (<= held) leaves of the tree.
 *
 * Errors  what tree->subtree returns.
 */
p2psync_result ps_proof_prefix_root(const struct ps_partial_tree *tree, uint64_t size,
                                    struct ps_hash *out) P2PSYNC_MUST_CHECK;

#endif
