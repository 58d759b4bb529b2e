/* Logs as rows, and their entries. A row holds only what is there: the peaks of the bits that are
 * set in the size, the nodes that the proof has, and the head's root only where it is not the log's
 * own. */
#include "store/log/log.h"

#include <string.h>

#include "store/env/keys.h"
#include "store/env/met.h"
#include "store/log/begun.h"
#include "store/log/collection.h"
#include "store/log/tree.h"

/* number || begin || size || applied || settled || root || device || incarnation || head size ||
 * proof nodes || size of the larger head, then [head root] [signature] [larger: root, signature]
 * proof peaks */
#define AT_BEGIN       4
#define AT_SIZE        12
#define AT_APPLIED     20
#define AT_SETTLED     28
#define AT_ROOT        36
#define AT_DEVICE      (AT_ROOT + PS_HASH_SIZE)
#define AT_INCARNATION (AT_DEVICE + PS_DEVICE_SIZE)
#define AT_HEAD_SIZE   (AT_INCARNATION + 8)
#define AT_PROOF_COUNT (AT_HEAD_SIZE + 8)
#define AT_LARGER_SIZE (AT_PROOF_COUNT + 1)
#define ROW_FIXED_SIZE (AT_LARGER_SIZE + 8)
#define ROW_SIZE_MAX                                                                               \
    (ROW_FIXED_SIZE + 2 * (PS_HASH_SIZE + PS_SIGNATURE_SIZE) + (PS_PROOF_MAX + 64) * PS_HASH_SIZE)

struct place {
    struct ps_log_key key;
    struct ps_bytes row;
};

static p2psync_result check_origin(const struct ps_log *log, const struct ps_origin *origin);
static bool step(struct ps_log_walk *walk, struct place *out);
static p2psync_result decode(const struct ps_log_key *key, struct ps_bytes row, struct ps_log *out);
static p2psync_result decode_tail(struct ps_bytes tail, size_t proof_count, struct ps_log *out);
static p2psync_result decode_brief(const struct place *place, struct ps_log_brief *out);
static size_t encode(const struct ps_log *log, uint8_t row[static ROW_SIZE_MAX]);
static p2psync_result save_unsettled(struct ps_txn *txn, const struct ps_log *log);
static bool take(struct ps_bytes *bytes, void *out, size_t size);

p2psync_result ps_log_find(struct ps_txn *txn, uint32_t collection, const struct ps_log_id *id,
                           struct ps_log *out)
{
    struct ps_log_key log_key = {.collection = collection, .id = *id};
    struct ps_key key = ps_key_log(&log_key);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_LOGS, ps_key_view(&key), &row);
    return result == P2PSYNC_OK ? decode(&log_key, row, out) : result;
}

p2psync_result ps_log_named(struct ps_txn *txn, const struct ps_mesh *mesh,
                            const struct ps_log_name *name, struct ps_log *out)
{
    struct ps_log_id id = ps_log_id_of(mesh, &name->origin, name->branch);
    struct ps_collection collection;
    p2psync_result result = ps_collection_find(txn, name->collection, &collection);
    if (result == P2PSYNC_OK) {
        result = ps_log_find(txn, collection.number, &id, out);
    }
    return result == P2PSYNC_OK ? check_origin(out, &name->origin) : result;
}

p2psync_result ps_log_by_number(struct ps_txn *txn, uint32_t number, struct ps_log *out)
{
    struct ps_key key = ps_key_log_number(number);
    struct ps_bytes row;
    struct ps_log_key log_key;
    p2psync_result result = ps_db_get(txn, PS_DB_LOG_NUMBERS, ps_key_view(&key), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (!ps_key_split_log(row, &log_key)) {
        return P2PSYNC_ECORRUPT;
    }
    result = ps_log_find(txn, log_key.collection, &log_key.id, out);
    if (result == P2PSYNC_ENOTFOUND || (result == P2PSYNC_OK && out->number != number)) {
        return P2PSYNC_ECORRUPT;
    }
    return result;
}

p2psync_result ps_log_intern(struct ps_txn *txn, const struct ps_mesh *mesh, uint32_t collection,
                             const struct ps_origin *origin, struct ps_log *out)
{
    struct ps_log_id id = {.origin = ps_origin_tag(mesh, origin)};
    p2psync_result result = ps_log_find(txn, collection, &id, out);
    if (result == P2PSYNC_OK) {
        return check_origin(out, origin);
    }
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    struct ps_log branch;
    struct ps_log_walk walk = ps_log_walk_origin(txn, collection, id.origin);
    if (ps_log_walk_next(&walk, &branch) || walk.result != P2PSYNC_OK) {
        return walk.result == P2PSYNC_OK ? P2PSYNC_EFORK : walk.result;
    }
    memset(out, 0, sizeof *out);
    out->collection = collection;
    out->id = id;
    out->origin = *origin;
    out->root = ps_hash_empty();
    return ps_log_make(txn, out);
}

p2psync_result ps_log_make(struct ps_txn *txn, struct ps_log *log)
{
    p2psync_result result = ps_db_next_number(txn, PS_META_LOGS, &log->number);
    if (result == P2PSYNC_OK) {
        result = ps_log_put_number(txn, log->number, &log->id, log->collection);
    }
    if (result == P2PSYNC_OK) {
        struct ps_collection_delta delta = {.logs = 1};
        result = ps_collection_count(txn, log->collection, &delta);
    }
    if (result == P2PSYNC_OK) {
        result = ps_begun_add(txn, &log->origin.device, 1);
    }
    return result == P2PSYNC_OK ? ps_log_save(txn, log) : result;
}

p2psync_result ps_log_put_number(struct ps_txn *txn, uint32_t number, const struct ps_log_id *id,
                                 uint32_t collection)
{
    struct ps_key number_key = ps_key_log_number(number);
    struct ps_log_key log_key = {.collection = collection, .id = *id};
    struct ps_key key = ps_key_log(&log_key);
    return ps_db_put(txn, PS_DB_LOG_NUMBERS, ps_key_view(&number_key), ps_key_view(&key));
}

p2psync_result ps_log_rename(struct ps_txn *txn, struct ps_log *log,
                             const uint8_t branch[static PS_HASH_SHORT_SIZE])
{
    struct ps_log_key log_key = {.collection = log->collection, .id = log->id};
    struct ps_key key = ps_key_log(&log_key);
    p2psync_result result = ps_db_delete(txn, PS_DB_LOGS, ps_key_view(&key));
    memcpy(log->id.branch, branch, sizeof log->id.branch);
    if (result == P2PSYNC_OK) {
        result = ps_log_put_number(txn, log->number, &log->id, log->collection);
    }
    return result == P2PSYNC_OK ? ps_log_save(txn, log) : result;
}

bool ps_log_is_forked(const struct ps_log *log)
{
    return !ps_branch_is_trunk(log->id.branch);
}

/* A tag is a hash cut short, so that a log found by it may be another one's. */
static p2psync_result check_origin(const struct ps_log *log, const struct ps_origin *origin)
{
    bool same = ps_device_equal(&log->origin.device, &origin->device) &&
                log->origin.incarnation == origin->incarnation;
    return same ? P2PSYNC_OK : P2PSYNC_EFORK;
}

bool ps_log_walk_next(struct ps_log_walk *walk, struct ps_log *out)
{
    struct place place;
    if (!step(walk, &place)) {
        return false;
    }
    walk->result = decode(&place.key, place.row, out);
    return walk->result == P2PSYNC_OK;
}

struct ps_log_walk ps_log_walk_origin(struct ps_txn *txn, uint32_t collection, struct ps_tag origin)
{
    return (struct ps_log_walk){
        .txn = txn, .collection = collection, .one_origin = true, .at = {.origin = origin}};
}

bool ps_log_walk_next_brief(struct ps_log_walk *walk, struct ps_log_brief *out)
{
    struct place place;
    if (!step(walk, &place)) {
        return false;
    }
    walk->result = decode_brief(&place, out);
    return walk->result == P2PSYNC_OK;
}

p2psync_result ps_log_brief_by_number(struct ps_txn *txn, uint32_t number, struct ps_log_brief *out)
{
    struct place place;
    struct ps_key key = ps_key_log_number(number);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_LOG_NUMBERS, ps_key_view(&key), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (!ps_key_split_log(row, &place.key)) {
        return P2PSYNC_ECORRUPT;
    }
    key = ps_key_log(&place.key);
    result = ps_db_get(txn, PS_DB_LOGS, ps_key_view(&key), &place.row);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    return decode_brief(&place, out);
}

p2psync_result ps_log_locate(struct ps_txn *txn, uint32_t collection,
                             const struct ps_parent *parent, struct ps_log_place *out)
{
    struct ps_log_key first = {.collection = collection, .id = {.origin = parent->dot.origin}};
    struct ps_key from = ps_key_log(&first);
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    /* The trunk, then its branches: a handful at most. */
    while (ps_db_walk_next(txn, PS_DB_LOGS, &from, &result, &row)) {
        struct place place = {.row = row.value};
        struct ps_log_brief brief;
        if (!ps_key_split_log(row.key, &place.key)) {
            return P2PSYNC_ECORRUPT;
        }
        if (place.key.collection != collection ||
            ps_tag_compare(place.key.id.origin, parent->dot.origin) != 0) {
            return P2PSYNC_ENOTFOUND;
        }
        result = decode_brief(&place, &brief);
        if (result != P2PSYNC_OK) {
            return result;
        }
        result = ps_stored_look(txn, brief.number, parent->dot.seq, &out->entry);
        if (result == P2PSYNC_OK &&
            memcmp(out->entry.leaf, parent->leaf, PS_HASH_SHORT_SIZE) == 0) {
            out->number = brief.number;
            out->applied = brief.applied;
            out->settled = brief.settled;
            return P2PSYNC_OK;
        }
        /* Entries from the size on are what this transaction is about to write, if anything. And
         * where a log has none, one beside that place may be damaged: that is another matter. */
        if (result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT) {
            bool own = parent->dot.seq >= brief.begin && parent->dot.seq < brief.size;
            result = own ? P2PSYNC_ECORRUPT : P2PSYNC_OK;
            if (own) {
                ps_met_note(txn, &(struct ps_met){.log = brief.number, .seq = parent->dot.seq});
            }
        }
    }
    return result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : result;
}

p2psync_result ps_log_append(struct ps_txn *txn, struct ps_log *log, const struct ps_entry *entry,
                             const struct ps_hash *leaf)
{
    assert(log->frontier.size == log->size);
    struct ps_stored_put put = {.log = log->number, .seq = log->size, .entry = entry, .leaf = leaf};
    p2psync_result result = ps_stored_put(txn, &put);
    if (result == P2PSYNC_OK) {
        result = ps_tree_add(txn, log->number, &log->frontier, leaf);
    }
    if (result == P2PSYNC_OK) {
        log->size++;
        assert(log->frontier.size == log->size);
        log->larger.size = log->larger.size == log->size ? 0 : log->larger.size;
    }
    return result;
}

p2psync_result ps_log_save(struct ps_txn *txn, const struct ps_log *log)
{
    assert(log->begin <= log->applied && log->applied <= log->settled && log->settled <= log->size);
    assert(log->frontier.size == log->size);
    assert(log->head.size == 0 || log->head.size >= log->size);
    assert(log->head.size != log->size || log->proof.count == 0);
    assert(log->larger.size == 0 || log->larger.size > log->size);
    uint8_t row[ROW_SIZE_MAX];
    size_t size = encode(log, row);
    struct ps_log_key log_key = {.collection = log->collection, .id = log->id};
    struct ps_key key = ps_key_log(&log_key);
    p2psync_result result = ps_db_put(txn, PS_DB_LOGS, ps_key_view(&key), ps_bytes(row, size));
    return result == P2PSYNC_OK ? save_unsettled(txn, log) : result;
}

/* List the log if it waits. A row that is there already stays, because it says how far the log's
 * next transaction was looked at. */
static p2psync_result save_unsettled(struct ps_txn *txn, const struct ps_log *log)
{
    struct ps_key key = ps_key_log_number(log->number);
    if (log->settled == log->size) {
        return ps_db_delete(txn, PS_DB_UNSETTLED, ps_key_view(&key));
    }
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_UNSETTLED, ps_key_view(&key), &row);
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    uint8_t look_at[PS_UNSETTLED_ROW_SIZE] = {0}; /* of no bytes yet */
    ps_put_u64(look_at, log->settled);
    ps_put_u64(look_at + 16, log->settled);
    return ps_db_put(txn, PS_DB_UNSETTLED, ps_key_view(&key), ps_bytes(look_at, sizeof look_at));
}

p2psync_result ps_log_entry(struct ps_txn *txn, uint32_t number, uint64_t seq,
                            struct ps_log_entry *out)
{
    struct ps_stored stored;
    p2psync_result result = ps_stored_get(txn, number, seq, &stored);
    if (result != P2PSYNC_OK) {
        return result;
    }
    *out = (struct ps_log_entry){
        .entry = {.skeleton = stored.skeleton,
                  .body = stored.body,
                  .body_hash = ps_stored_body_hash(&stored),
                  .has_body = stored.has_body},
        .inert = stored.inert,
        .mark = stored.mark,
    };
    return P2PSYNC_OK;
}

p2psync_result ps_log_read(struct ps_txn *txn, const struct ps_log *log, struct ps_log_run *run,
                           struct ps_buf *out)
{
    uint64_t end = run->end < log->size ? run->end : log->size;
    if (run->begin >= end) {
        return P2PSYNC_ENOTFOUND;
    }
    size_t begin_size = out->size;
    uint64_t seq = run->begin;
    for (; seq < end; seq++) {
        struct ps_stored stored;
        p2psync_result result = ps_stored_get(txn, log->number, seq, &stored);
        if (result != P2PSYNC_OK) {
            return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        }
        struct ps_entry entry = {
            .skeleton = stored.skeleton, .body = stored.body, .has_body = stored.has_body};
        if (!stored.has_body) {
            entry.body_hash = ps_stored_body_hash(&stored);
        }
        size_t before = out->size;
        result = ps_changes_write_entry(&entry, out);
        bool over = result == P2PSYNC_ELIMIT || out->size - begin_size > run->size_max;
        if (over && seq > run->begin) {
            out->size = before;
            break;
        }
        if (result != P2PSYNC_OK) {
            return result;
        }
    }
    run->end = seq;
    return P2PSYNC_OK;
}

p2psync_result ps_log_prove(struct ps_txn *txn, const struct ps_log *log, uint64_t from,
                            struct ps_proof *proof_out, struct ps_hash *root_out)
{
    assert(from <= log->size);
    struct ps_tree tree = {.txn = txn, .log = log->number};
    struct ps_partial_tree partial = {
        .held = log->size,
        .size = log->head.size > log->size ? log->head.size : log->size,
        .beyond = &log->proof,
        .subtree = ps_tree_subtree,
        .user = &tree,
    };
    p2psync_result result = P2PSYNC_OK;
    if (root_out != NULL) {
        if (from == log->size) {
            *root_out = log->root;
        } else {
            result = ps_proof_prefix_root(&partial, from, root_out);
        }
    }
    if (result == P2PSYNC_OK && proof_out != NULL) {
        if (from == log->size) {
            *proof_out = log->proof; /* the one that came with the head */
        } else {
            result = ps_proof_make(&partial, from, proof_out);
        }
    }
    /* log->proof was verified before it was stored: if it does not fit now, the row is damaged. */
    return result == P2PSYNC_EPROOF ? P2PSYNC_ECORRUPT : result;
}

/* One step of a walk; `out` is the log's row. */
static bool step(struct ps_log_walk *walk, struct place *out)
{
    struct ps_log_key log_key = {.collection = walk->collection, .id = walk->at};
    struct ps_row row;
    struct ps_key key = ps_key_log(&log_key);
    if (walk->begun) {
        key = ps_key_above(&key);
    }
    if (!ps_db_walk_next(walk->txn, PS_DB_LOGS, &key, &walk->result, &row)) {
        return false;
    }
    if (!ps_key_split_log(row.key, &out->key)) {
        walk->result = P2PSYNC_ECORRUPT;
        return false;
    }
    bool over = out->key.collection != walk->collection ||
                (walk->one_origin && ps_tag_compare(out->key.id.origin, walk->at.origin) != 0);
    out->row = row.value;
    walk->begun = true;
    walk->at = over ? walk->at : out->key.id;
    return !over;
}

static p2psync_result decode_brief(const struct place *place, struct ps_log_brief *out)
{
    const uint8_t *row = place->row.data;
    if (place->row.size < ROW_FIXED_SIZE) {
        return P2PSYNC_ECORRUPT;
    }
    out->id = place->key.id;
    out->collection = place->key.collection;
    out->number = ps_get_u32(row);
    out->begin = ps_get_u64(row + AT_BEGIN);
    out->size = ps_get_u64(row + AT_SIZE);
    out->applied = ps_get_u64(row + AT_APPLIED);
    out->settled = ps_get_u64(row + AT_SETTLED);
    memcpy(out->device.key, row + AT_DEVICE, PS_DEVICE_SIZE);
    memcpy(out->root.bytes, row + AT_ROOT, PS_HASH_SIZE);
    bool in_order =
        out->begin <= out->applied && out->applied <= out->settled && out->settled <= out->size;
    return in_order ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
}

static p2psync_result decode(const struct ps_log_key *key, struct ps_bytes row, struct ps_log *out)
{
    struct place place = {.key = *key, .row = row};
    struct ps_log_brief brief;
    p2psync_result result = decode_brief(&place, &brief);
    if (result != P2PSYNC_OK) {
        return result;
    }
    out->number = brief.number;
    out->collection = key->collection;
    out->id = key->id;
    out->size = brief.size;
    out->applied = brief.applied;
    out->settled = brief.settled;
    out->root = brief.root;
    out->begin = brief.begin;
    out->origin.device = brief.device;
    out->origin.incarnation = ps_get_u64(row.data + AT_INCARNATION);
    out->head.size = ps_get_u64(row.data + AT_HEAD_SIZE);
    out->larger.size = ps_get_u64(row.data + AT_LARGER_SIZE);
    size_t proof_count = row.data[AT_PROOF_COUNT];
    if (proof_count > PS_PROOF_MAX || (out->head.size != 0 && out->head.size < out->size) ||
        (out->head.size == out->size && proof_count > 0) ||
        (out->larger.size != 0 && out->larger.size <= out->size)) {
        return P2PSYNC_ECORRUPT;
    }
    struct ps_bytes tail = ps_bytes(row.data + ROW_FIXED_SIZE, row.size - ROW_FIXED_SIZE);
    return decode_tail(tail, proof_count, out);
}

p2psync_result ps_log_from_row(uint32_t collection, const struct ps_log_id *id, struct ps_bytes row,
                               struct ps_log *out)
{
    const struct ps_log_key key = {.collection = collection, .id = *id};
    return decode(&key, row, out);
}

bool ps_log_row_origin(struct ps_bytes row, struct ps_origin *out)
{
    if (row.size < ROW_FIXED_SIZE) {
        return false;
    }
    memcpy(out->device.key, row.data + AT_DEVICE, PS_DEVICE_SIZE);
    out->incarnation = ps_get_u64(row.data + AT_INCARNATION);
    return true;
}

/* The parts of a row that need not be there. */
static p2psync_result decode_tail(struct ps_bytes tail, size_t proof_count, struct ps_log *out)
{
    bool whole = true;
    out->head.root = out->root;
    if (out->head.size != out->size && out->head.size != 0) {
        whole = take(&tail, out->head.root.bytes, PS_HASH_SIZE);
    }
    if (out->head.size != 0) {
        whole = whole && take(&tail, out->head.signature, PS_SIGNATURE_SIZE);
    } else {
        memset(&out->head, 0, sizeof out->head);
    }
    if (out->larger.size != 0) {
        whole = whole && take(&tail, out->larger.root.bytes, PS_HASH_SIZE) &&
                take(&tail, out->larger.signature, PS_SIGNATURE_SIZE);
    } else {
        memset(&out->larger, 0, sizeof out->larger);
    }
    out->proof.count = proof_count;
    for (size_t i = 0; i < proof_count; i++) {
        whole = whole && take(&tail, out->proof.node[i].bytes, PS_HASH_SIZE);
    }
    out->frontier.size = out->size;
    for (unsigned level = 0; level < 64; level++) {
        if ((out->size >> level & 1U) != 0) {
            whole = whole && take(&tail, out->frontier.peak[level].bytes, PS_HASH_SIZE);
        }
    }
    return whole && tail.size == 0 ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
}

static bool take(struct ps_bytes *bytes, void *out, size_t size)
{
    if (bytes->size < size) {
        return false;
    }
    memcpy(out, bytes->data, size);
    *bytes = ps_bytes(bytes->data + size, bytes->size - size);
    return true;
}

/* Returns the size of the row. */
static size_t encode(const struct ps_log *log, uint8_t row[static ROW_SIZE_MAX])
{
    ps_put_u32(row, log->number);
    ps_put_u64(row + AT_BEGIN, log->begin);
    ps_put_u64(row + AT_SIZE, log->size);
    ps_put_u64(row + AT_APPLIED, log->applied);
    ps_put_u64(row + AT_SETTLED, log->settled);
    memcpy(row + AT_ROOT, log->root.bytes, PS_HASH_SIZE);
    memcpy(row + AT_DEVICE, log->origin.device.key, PS_DEVICE_SIZE);
    ps_put_u64(row + AT_INCARNATION, log->origin.incarnation);
    ps_put_u64(row + AT_HEAD_SIZE, log->head.size);
    assert(log->proof.count <= PS_PROOF_MAX);
    row[AT_PROOF_COUNT] = (uint8_t)log->proof.count;
    ps_put_u64(row + AT_LARGER_SIZE, log->larger.size);
    uint8_t *at = row + ROW_FIXED_SIZE;
    if (log->head.size != log->size && log->head.size != 0) {
        memcpy(at, log->head.root.bytes, PS_HASH_SIZE);
        at += PS_HASH_SIZE;
    }
    if (log->head.size != 0) {
        memcpy(at, log->head.signature, PS_SIGNATURE_SIZE);
        at += PS_SIGNATURE_SIZE;
    }
    if (log->larger.size != 0) {
        memcpy(at, log->larger.root.bytes, PS_HASH_SIZE);
        memcpy(at + PS_HASH_SIZE, log->larger.signature, PS_SIGNATURE_SIZE);
        at += PS_HASH_SIZE + PS_SIGNATURE_SIZE;
    }
    for (size_t i = 0; i < log->proof.count; i++) {
        memcpy(at, log->proof.node[i].bytes, PS_HASH_SIZE);
        at += PS_HASH_SIZE;
    }
    for (unsigned level = 0; level < 64; level++) {
        if ((log->size >> level & 1U) != 0) {
            memcpy(at, log->frontier.peak[level].bytes, PS_HASH_SIZE);
            at += PS_HASH_SIZE;
        }
    }
    return (size_t)(at - row);
}
