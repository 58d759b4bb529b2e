/* The entries of `_devices` one by one, and the roots that are claimed of its logs: found.h. The
 * roots of a log are worked out in one go over its entries, however many sizes are claimed. */
#include "store/mesh/found.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"

#define DEVICES "_devices"

static p2psync_result read_log(struct ps_txn *txn, const struct ps_log *log,
                               struct ps_found *found);
static p2psync_result read_entry(struct ps_txn *txn, const struct ps_log *log, uint64_t seq,
                                 struct ps_found *found);
static p2psync_result add_claims(struct ps_found *found, size_t act);
static p2psync_result make_room(void **items, size_t count, size_t *capacity, size_t size);
static p2psync_result check_log(struct ps_txn *txn, struct ps_found *found, uint32_t index);
static size_t check_size(const struct ps_found *found, size_t first, uint32_t index,
                         const struct ps_hash *root);
static size_t first_claim(const struct ps_found *found, const struct ps_found_claim *sought);
static int compare_claims(const void *a, const void *b);
static bool is_of(const struct ps_found_claim *claim, const struct ps_found_log *log);

p2psync_result ps_found_read(struct ps_txn *txn, struct ps_found *found)
{
    struct ps_collection collection;
    struct ps_log log;
    p2psync_result result = ps_collection_find(txn, ps_bytes_text(DEVICES), &collection);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    struct ps_log_walk walk = {.txn = txn, .collection = collection.number};
    while (ps_log_walk_next(&walk, &log)) {
        walk.result = read_log(txn, &log, found);
    }
    return walk.result;
}

void ps_found_deinit(struct ps_found *found)
{
    free(found->claims);
    free(found->acts);
    free(found->logs);
    *found = (struct ps_found){0};
}

static p2psync_result read_log(struct ps_txn *txn, const struct ps_log *log, struct ps_found *found)
{
    p2psync_result result = make_room((void **)&found->logs, found->log_count, &found->log_capacity,
                                      sizeof *found->logs);
    if (result != P2PSYNC_OK) {
        return result;
    }
    found->logs[found->log_count] = (struct ps_found_log){.origin = log->origin,
                                                          .tag = log->id.origin,
                                                          .number = log->number,
                                                          .begin = log->begin,
                                                          .size = log->size};
    found->log_count++;
    for (uint64_t seq = log->begin; seq < log->settled && result == P2PSYNC_OK; seq++) {
        result = read_entry(txn, log, seq, found);
    }
    return result;
}

/* An entry that is no act is passed over. */
static p2psync_result read_entry(struct ps_txn *txn, const struct ps_log *log, uint64_t seq,
                                 struct ps_found *found)
{
    struct ps_stored stored;
    struct ps_act act = {.kind = PS_ACT_REPORT};
    struct ps_skeleton skeleton;
    p2psync_result result = ps_stored_get(txn, log->number, seq, &stored);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    const struct ps_entry entry = {
        .skeleton = stored.skeleton, .body = stored.body, .has_body = stored.has_body};
    result = ps_act_decode(&entry, &log->origin.device, &act);
    if (result != P2PSYNC_OK && (act.kind != PS_ACT_VOID || result == P2PSYNC_ENOMEM)) {
        return result == P2PSYNC_ENOMEM ? result : P2PSYNC_OK;
    }
    result = make_room((void **)&found->acts, found->act_count, &found->act_capacity,
                       sizeof *found->acts);
    if (result == P2PSYNC_OK) {
        result = ps_skeleton_decode(stored.skeleton, &skeleton);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_found_act *added = &found->acts[found->act_count];
    *added = (struct ps_found_act){.act = act,
                                   .log = (uint32_t)(found->log_count - 1),
                                   .seq = seq,
                                   .hlc = skeleton.hlc,
                                   .skeleton = stored.skeleton,
                                   .parent_count = skeleton.parent_count};
    memcpy(added->leaf, stored.leaf, sizeof added->leaf);
    found->act_count++;
    return add_claims(found, found->act_count - 1);
}

static p2psync_result add_claims(struct ps_found *found, size_t act)
{
    struct ps_claim_walk walk = {.act = &found->acts[act].act};
    struct ps_claim claim;
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && ps_claim_next(&walk, &claim)) {
        if (!ps_bytes_equal(claim.collection, ps_bytes_text(DEVICES))) {
            continue;
        }
        result = make_room((void **)&found->claims, found->claim_count, &found->claim_capacity,
                           sizeof *found->claims);
        if (result == P2PSYNC_OK) {
            found->claims[found->claim_count] =
                (struct ps_found_claim){.act = act,
                                        .device = found->acts[act].act.subject,
                                        .claim = claim,
                                        .log = PS_FOUND_NONE,
                                        .shorter = PS_FOUND_NONE};
            found->claim_count++;
        }
    }
    return result;
}

static p2psync_result make_room(void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity) {
        return P2PSYNC_OK;
    }
    size_t more = *capacity == 0 ? 64 : *capacity * 2;
    void *larger = realloc(*items, more * size);
    if (larger == NULL) {
        return P2PSYNC_ENOMEM;
    }
    *items = larger;
    *capacity = more;
    return P2PSYNC_OK;
}

p2psync_result ps_found_check(struct ps_txn *txn, struct ps_found *found)
{
    p2psync_result result = P2PSYNC_OK;
    if (found->claim_count > 0) {
        qsort(found->claims, found->claim_count, sizeof *found->claims, compare_claims);
    }
    for (uint32_t i = 0; i < found->log_count && result == P2PSYNC_OK; i++) {
        result = check_log(txn, found, i);
    }
    return result;
}

/* What is claimed of what histories share is true of all of them, and is noted of one: a replay
 * ends their stem by any. */
static p2psync_result check_log(struct ps_txn *txn, struct ps_found *found, uint32_t index)
{
    const struct ps_found_log *log = &found->logs[index];
    const struct ps_found_claim sought = {.device = log->origin.device,
                                          .claim.incarnation = log->origin.incarnation};
    struct ps_frontier frontier = {.size = 0};
    size_t at = first_claim(found, &sought);
    while (at < found->claim_count && is_of(&found->claims[at], log) &&
           found->claims[at].claim.size <= log->size) {
        struct ps_stored stored;
        p2psync_result result = ps_stored_get(txn, log->number, frontier.size, &stored);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        struct ps_hash leaf = ps_stored_leaf(&stored);
        ps_frontier_add(&frontier, &leaf, NULL, NULL);
        if (found->claims[at].claim.size == frontier.size) {
            struct ps_hash root = ps_frontier_root(&frontier);
            at = check_size(found, at, index, &root);
        }
    }
    for (; at < found->claim_count && is_of(&found->claims[at], log); at++) {
        found->claims[at].shorter = index;
    }
    return P2PSYNC_OK;
}

/* The claims of one size, from the first on; returns the one after them. */
static size_t check_size(const struct ps_found *found, size_t first, uint32_t index,
                         const struct ps_hash *root)
{
    const struct ps_found_log *log = &found->logs[index];
    const uint64_t size = found->claims[first].claim.size;
    size_t at = first;
    for (; at < found->claim_count && is_of(&found->claims[at], log) &&
           found->claims[at].claim.size == size;
         at++) {
        struct ps_found_claim *claim = &found->claims[at];
        if (memcmp(claim->claim.root, root->bytes, PS_HASH_SHORT_SIZE) == 0) {
            claim->log = index;
        }
    }
    return at;
}

static size_t first_claim(const struct ps_found *found, const struct ps_found_claim *sought)
{
    size_t low = 0;
    size_t high = found->claim_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_claims(&found->claims[middle], sought) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* By the log that they are of, then by size. */
static int compare_claims(const void *a, const void *b)
{
    const struct ps_found_claim *left = a;
    const struct ps_found_claim *right = b;
    int order = ps_device_compare(&left->device, &right->device);
    if (order == 0 && left->claim.incarnation != right->claim.incarnation) {
        order = left->claim.incarnation < right->claim.incarnation ? -1 : 1;
    }
    if (order == 0 && left->claim.size != right->claim.size) {
        order = left->claim.size < right->claim.size ? -1 : 1;
    }
    return order;
}

static bool is_of(const struct ps_found_claim *claim, const struct ps_found_log *log)
{
    return ps_device_equal(&claim->device, &log->origin.device) &&
           claim->claim.incarnation == log->origin.incarnation;
}
