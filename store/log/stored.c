/* Rows of entries. The first bytes of the leaf hash are kept beside the bytes, because every change
 * names its parents by them; the hash of a large body is kept too, because proofs ask for it often.
 */
#include "store/log/stored.h"

#include <string.h>

#include "store/env/keys.h"
#include "store/env/met.h"
#include "store/log/stem.h"

/* flags || size of the skeleton || leaf || skeleton || [hash of the body] || [body] */
#define HEADER_SIZE     (1 + 2 + PS_HASH_SHORT_SIZE)
#define FLAG_BODY       0x01U
#define FLAG_INERT      0x02U
#define FLAG_HASH       0x04U
#define FLAG_OPENED     0x08U
#define FLAG_CLOSED     0x10U
#define BODY_LARGE_SIZE 1024 /* bytes from which on the hash of a body is kept */

static p2psync_result set_flag(struct ps_txn *txn, uint32_t log, uint64_t seq, uint8_t flag);

/* Where a branch has no entry of its own, the one beside that place may be damaged: that says
 * nothing of the stem's. */
p2psync_result ps_stored_get(struct ps_txn *txn, uint32_t log, uint64_t seq, struct ps_stored *out)
{
    uint32_t owner = log;
    p2psync_result result = ps_stored_look(txn, log, seq, out);
    if (result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT) {
        p2psync_result found = ps_stem_owner(txn, log, seq, &owner);
        result = found == P2PSYNC_OK ? result : found;
    }
    if (owner != log) {
        result = ps_stored_look(txn, owner, seq, out);
    }
    if (result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT) {
        ps_met_note(txn, &(struct ps_met){.log = owner, .seq = seq});
    }
    return result;
}

p2psync_result ps_stored_get_own(struct ps_txn *txn, uint32_t log, uint64_t seq,
                                 struct ps_stored *out)
{
    p2psync_result result = ps_stored_look(txn, log, seq, out);
    if (result == P2PSYNC_ECORRUPT) {
        ps_met_note(txn, &(struct ps_met){.log = log, .seq = seq});
    }
    return result;
}

p2psync_result ps_stored_look(struct ps_txn *txn, uint32_t log, uint64_t seq, struct ps_stored *out)
{
    struct ps_key key = ps_key_entry(log, seq);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_ENTRIES, ps_key_view(&key), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (row.size < HEADER_SIZE) {
        return P2PSYNC_ECORRUPT;
    }
    unsigned flags = row.data[0];
    size_t skeleton_size = ps_get_u16(row.data + 1);
    size_t hash_size = (flags & FLAG_HASH) != 0 ? PS_HASH_SIZE : 0;
    bool has_body = (flags & FLAG_BODY) != 0;
    size_t before_body = HEADER_SIZE + skeleton_size + hash_size;
    if (row.size < before_body || (!has_body && (hash_size == 0 || row.size != before_body))) {
        return P2PSYNC_ECORRUPT;
    }
    *out = (struct ps_stored){
        .skeleton = ps_bytes(row.data + HEADER_SIZE, skeleton_size),
        .hash = ps_bytes(row.data + HEADER_SIZE + skeleton_size, hash_size),
        .body = ps_bytes(row.data + before_body, row.size - before_body),
        .has_body = has_body,
        .inert = (flags & FLAG_INERT) != 0,
        .mark = (flags & FLAG_OPENED) != 0   ? PS_STORED_OPENED
                : (flags & FLAG_CLOSED) != 0 ? PS_STORED_CLOSED
                                             : PS_STORED_UNMARKED,
    };
    memcpy(out->leaf, row.data + 3, PS_HASH_SHORT_SIZE);
    return P2PSYNC_OK;
}

p2psync_result ps_stored_next(struct ps_txn *txn, uint32_t log, uint64_t from, uint64_t *out)
{
    struct ps_key key = ps_key_entry(log, from);
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(txn, PS_DB_ENTRIES, &key, &result, &row)) {
        uint32_t owner = 0;
        uint64_t seq = 0;
        if (!ps_key_split_entry(row.key, &owner, &seq)) {
            continue; /* it leads to no entry */
        }
        if (owner == log) {
            *out = seq;
        }
        return owner == log ? P2PSYNC_OK : P2PSYNC_ENOTFOUND;
    }
    return result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : result;
}

struct ps_hash ps_stored_body_hash(const struct ps_stored *stored)
{
    if (stored->hash.size == 0) {
        return ps_hash_bytes(stored->body);
    }
    struct ps_hash hash;
    assert(stored->hash.size == PS_HASH_SIZE);
    memcpy(hash.bytes, stored->hash.data, PS_HASH_SIZE);
    return hash;
}

struct ps_hash ps_stored_leaf(const struct ps_stored *stored)
{
    struct ps_hash body_hash = ps_stored_body_hash(stored);
    return ps_hash_leaf(stored->skeleton, &body_hash);
}

bool ps_stored_keeps_hash(struct ps_bytes body)
{
    return body.size >= BODY_LARGE_SIZE;
}

bool ps_stored_takes(const struct ps_entry *entry)
{
    return entry->has_body;
}

p2psync_result ps_stored_put(struct ps_txn *txn, const struct ps_stored_put *put)
{
    const struct ps_entry *entry = put->entry;
    if (entry->skeleton.size > UINT16_MAX) {
        return P2PSYNC_EFORMAT;
    }
    bool has_hash = !entry->has_body || ps_stored_keeps_hash(entry->body);
    size_t hash_size = has_hash ? PS_HASH_SIZE : 0;
    size_t body_size = entry->has_body ? entry->body.size : 0;
    struct ps_key key = ps_key_entry(put->log, put->seq);
    size_t size = HEADER_SIZE + entry->skeleton.size + hash_size + body_size;
    uint8_t *row = NULL;
    p2psync_result result = ps_db_reserve(txn, PS_DB_ENTRIES, ps_key_view(&key), size, &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint8_t *at = row + HEADER_SIZE;
    row[0] = (uint8_t)((entry->has_body ? FLAG_BODY : 0U) | (has_hash ? FLAG_HASH : 0U));
    ps_put_u16(row + 1, (uint16_t)entry->skeleton.size);
    memcpy(row + 3, put->leaf->bytes, PS_HASH_SHORT_SIZE);
    if (entry->skeleton.size > 0) {
        memcpy(at, entry->skeleton.data, entry->skeleton.size);
        at += entry->skeleton.size;
    }
    if (has_hash) {
        memcpy(at, entry->body_hash.bytes, PS_HASH_SIZE);
        at += PS_HASH_SIZE;
    }
    if (body_size > 0) {
        memcpy(at, entry->body.data, body_size);
    }
    ps_db_seal(PS_DB_ENTRIES, ps_key_view(&key), row, size);
    return P2PSYNC_OK;
}

p2psync_result ps_stored_set_inert(struct ps_txn *txn, uint32_t log, uint64_t seq)
{
    return set_flag(txn, log, seq, FLAG_INERT);
}

p2psync_result ps_stored_set_mark(struct ps_txn *txn, uint32_t log, uint64_t seq,
                                  ps_stored_mark mark)
{
    assert(mark != PS_STORED_UNMARKED);
    return set_flag(txn, log, seq, mark == PS_STORED_OPENED ? FLAG_OPENED : FLAG_CLOSED);
}

static p2psync_result set_flag(struct ps_txn *txn, uint32_t log, uint64_t seq, uint8_t flag)
{
    struct ps_key key = ps_key_entry(log, seq);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_ENTRIES, ps_key_view(&key), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (row.size < HEADER_SIZE) {
        return P2PSYNC_ECORRUPT;
    }
    /* The row is copied first, because LMDB may move it while it is written. */
    struct ps_buf copy;
    ps_buf_init(&copy, row.size);
    result = ps_buf_append(&copy, row.data, row.size);
    if (result == P2PSYNC_OK) {
        copy.data[0] |= flag;
        result = ps_db_put(txn, PS_DB_ENTRIES, ps_key_view(&key), ps_buf_view(&copy));
    }
    ps_buf_deinit(&copy);
    return result;
}
