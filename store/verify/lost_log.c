/* Rows of logs, put again: see lost_log.h. */
#include "store/verify/lost_log.h"

#include <string.h>

#include "store/env/rotten.h"
#include "store/env/txn.h"
#include "store/log/collection.h"
#include "store/log/stem.h"
#include "store/log/tree.h"

/* What is known of the log so far. */
struct found {
    struct ps_txn *txn;
    const struct ps_lost_log *lost;
    struct ps_identity identity;
    struct ps_collection collection;
    struct ps_log log;
};

static p2psync_result find_size(struct found *found);
static p2psync_result last_of(struct ps_txn *txn, uint32_t log, uint64_t *end_out);
static bool as_it_was(struct found *found);
static bool next_rotten(struct ps_bytes *rest, struct ps_bytes *out);
static bool is_consistent(const struct ps_log *log);
static bool is_proven(const struct found *found, const struct ps_log *log);
static p2psync_result find_origin(struct found *found, bool *known_out);
static bool gives_tag(const struct found *found, const struct ps_origin *origin);
static p2psync_result find_root(struct found *found, bool *known_out);
static p2psync_result sign(struct found *found);

p2psync_result ps_lost_log_put(struct ps_txn *txn, const struct ps_lost_log *lost, bool *found_out)
{
    struct found found = {.txn = txn, .lost = lost};
    bool known = false;
    p2psync_result result = ps_identity_read(txn, &found.identity);
    *found_out = false;
    if (result == P2PSYNC_OK) {
        result = ps_collection_by_number(txn, lost->key.collection, &found.collection);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    result = find_size(&found);
    if (result == P2PSYNC_OK) {
        known = as_it_was(&found);
    }
    if (result == P2PSYNC_OK && !known) {
        result = find_origin(&found, &known);
        if (result == P2PSYNC_OK && known) {
            result = find_root(&found, &known);
        }
    }
    const struct ps_log *log = &found.log;
    if (result == P2PSYNC_OK && known && log->head.size == 0 && log->size > 0 &&
        ps_device_equal(&log->origin.device, &found.identity.device)) {
        result = sign(&found);
    }
    if (result == P2PSYNC_OK && known) {
        *found_out = true;
        result = ps_log_save(txn, &found.log);
    }
    return result;
}

/* Its entries are here, each of them: they are stored with the row that counts them. */
static p2psync_result find_size(struct found *found)
{
    struct ps_stem stem;
    struct ps_log *log = &found->log;
    log->number = found->lost->number;
    log->collection = found->lost->key.collection;
    log->id = found->lost->key.id;
    p2psync_result result = ps_stem_of(found->txn, log->number, &stem);
    if (result == P2PSYNC_OK) {
        log->begin = stem.begin;
    }
    result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    log->size = log->begin;
    return result == P2PSYNC_OK ? last_of(found->txn, log->number, &log->size) : result;
}

/* end_out: one behind the last entry that lies under the number. One that has rotted has its place
 * all the same. */
static p2psync_result last_of(struct ps_txn *txn, uint32_t log, uint64_t *end_out)
{
    struct ps_key below = ps_key_entry(log, UINT64_MAX);
    struct ps_key key;
    uint64_t rotten = 0;
    uint32_t number = 0;
    uint64_t seq = 0;
    p2psync_result result =
        ps_rotten_before(txn, PS_DB_ENTRIES, ps_key_view(&below), &key, &rotten);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    bool any = result == P2PSYNC_OK && ps_key_split_entry(ps_key_view(&key), &number, &seq) &&
               number == log;
    *end_out = (any ? seq + 1 : *end_out) + rotten;
    return P2PSYNC_OK;
}

/* Whether a rotten row is this one, but for what cannot be proven and what is known. */
static bool as_it_was(struct found *found)
{
    struct ps_bytes rest = found->lost->rotten;
    struct ps_bytes row;
    while (next_rotten(&rest, &row)) {
        struct ps_log log;
        memset(&log, 0, sizeof log);
        if (ps_log_from_row(found->log.collection, &found->log.id, row, &log) == P2PSYNC_OK &&
            log.size == found->log.size && log.begin == found->log.begin &&
            gives_tag(found, &log.origin) && is_consistent(&log)) {
            log.number = found->log.number;
            if (!is_proven(found, &log)) {
                memset(&log.head, 0, sizeof log.head);
                log.proof.count = 0;
            }
            memset(&log.larger, 0, sizeof log.larger);
            found->log = log;
            return true;
        }
    }
    return false;
}

static bool next_rotten(struct ps_bytes *rest, struct ps_bytes *out)
{
    if (rest->size < 4) {
        return false;
    }
    *out = ps_bytes(rest->data + 4, ps_get_u32(rest->data));
    *rest = ps_bytes(out->data + out->size, rest->size - 4 - out->size);
    return true;
}

/* No rot gives peaks and a root that go together. */
static bool is_consistent(const struct ps_log *log)
{
    struct ps_hash root = ps_frontier_root(&log->frontier);
    return ps_hash_equal(&root, &log->root);
}

/* Whether all of a row that others would be told is what was signed. */
static bool is_proven(const struct found *found, const struct ps_log *log)
{
    struct ps_head_context context = {.mesh = &found->identity.mesh,
                                      .collection = found->collection.name,
                                      .origin = &log->origin};
    struct ps_range sizes = {.begin = log->size, .end = log->head.size};
    return gives_tag(found, &log->origin) && is_consistent(log) && log->head.size > 0 &&
           ps_head_verify(&log->head, &context) == P2PSYNC_OK &&
           ps_proof_verify(&log->proof, sizes, &log->root, &log->head.root) == P2PSYNC_OK;
}

/* A rotten row may say whose it is, this device may know it as its own, and a log of the same
 * origin in another collection says it too. */
static p2psync_result find_origin(struct found *found, bool *known_out)
{
    struct ps_origin *origin = &found->log.origin;
    struct ps_bytes rest = found->lost->rotten;
    struct ps_bytes row;
    struct ps_key from = {.size = 0};
    struct ps_row other;
    p2psync_result result = P2PSYNC_OK;
    bool known = false;
    while (!known && next_rotten(&rest, &row)) {
        known = ps_log_row_origin(row, origin) && gives_tag(found, origin);
    }
    if (!known) {
        *origin = (struct ps_origin){.device = found->identity.device,
                                     .incarnation = found->identity.incarnation};
        known = gives_tag(found, origin);
    }
    while (!known && ps_db_walk_next(found->txn, PS_DB_LOGS, &from, &result, &other)) {
        known = ps_log_row_origin(other.value, origin) && gives_tag(found, origin);
    }
    *known_out = known;
    return result;
}

static bool gives_tag(const struct found *found, const struct ps_origin *origin)
{
    struct ps_tag tag = ps_origin_tag(&found->identity.mesh, origin);
    return ps_tag_compare(tag, found->lost->key.id.origin) == 0;
}

/* From the tree. All of it counts as applied until its collection is worked out anew, so that
 * nothing of it is applied twice. */
static p2psync_result find_root(struct found *found, bool *known_out)
{
    struct ps_log *log = &found->log;
    struct ps_tree tree = {.txn = found->txn, .log = log->number};
    p2psync_result result = ps_tree_frontier(&tree, log->size, &log->frontier);
    *known_out = result == P2PSYNC_OK;
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ECORRUPT || result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    log->root = ps_frontier_root(&log->frontier);
    log->applied = log->size;
    log->settled = log->size;
    struct ps_bytes rest = found->lost->rotten;
    struct ps_bytes row;
    while (log->head.size == 0 && next_rotten(&rest, &row)) {
        struct ps_log other;
        memset(&other, 0, sizeof other);
        if (ps_log_from_row(log->collection, &log->id, row, &other) != P2PSYNC_OK ||
            other.size != log->size) {
            continue;
        }
        other.origin = log->origin;
        other.root = log->root;
        other.head.root = other.head.size == log->size ? log->root : other.head.root;
        other.frontier = log->frontier;
        if (is_proven(found, &other)) {
            log->head = other.head;
            log->proof = other.proof;
        }
    }
    return P2PSYNC_OK;
}

/* Of this device's own log the signature can be made again: it is the same. */
static p2psync_result sign(struct found *found)
{
    struct ps_log *log = &found->log;
    struct ps_head_context context = {.mesh = &found->identity.mesh,
                                      .collection = found->collection.name,
                                      .origin = &log->origin};
    struct ps_secret *secret = ps_txn_secret(found->txn);
    p2psync_result result = ps_identity_read_secret(found->txn, secret);
    log->head = (struct ps_head){.size = log->size, .root = log->root};
    log->proof.count = 0;
    if (result == P2PSYNC_OK) {
        result = ps_head_sign(&log->head, &context, secret->key);
    }
    ps_secret_wipe(secret);
    return result;
}

p2psync_result ps_lost_log_owns(struct ps_txn *txn, const struct ps_log_brief *log, bool *out)
{
    struct ps_tree tree = {.txn = txn, .log = log->number};
    struct ps_frontier frontier;
    uint64_t end = log->begin;
    p2psync_result result = last_of(txn, log->number, &end);
    if (result == P2PSYNC_OK && end == log->size) {
        result = ps_tree_frontier(&tree, log->size, &frontier);
    }
    *out = false;
    if (result == P2PSYNC_OK && end == log->size) {
        struct ps_hash root = ps_frontier_root(&frontier);
        *out = ps_hash_equal(&root, &log->root);
    }
    return result == P2PSYNC_ECORRUPT || result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}
