/* The frontier of a growing Merkle tree: see frontier.h. Adding a leaf is adding 1 to a binary
 * number: a peak that is there already is joined with what comes, and carried to the next level. */
#include "wire/frontier.h"

void ps_frontier_add(struct ps_frontier *frontier, const struct ps_hash *leaf,
                     ps_frontier_completed_fn *completed, void *user)
{
    assert(frontier->size < UINT64_MAX);
    struct ps_hash hash = *leaf;
    unsigned level = 0;
    while ((frontier->size >> level & 1U) != 0) {
        hash = ps_hash_node(&frontier->peak[level], &hash);
        level++;
        if (completed != NULL) {
            completed(user, level, frontier->size >> level, &hash);
        }
    }
    frontier->peak[level] = hash;
    frontier->size++;
}

struct ps_hash ps_frontier_root(const struct ps_frontier *frontier)
{
    struct ps_hash root = ps_hash_empty();
    bool any = false;
    for (unsigned level = 0; level < 64; level++) {
        if ((frontier->size >> level & 1U) != 0) {
            root = any ? ps_hash_node(&frontier->peak[level], &root) : frontier->peak[level];
            any = true;
        }
    }
    return root;
}
