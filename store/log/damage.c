/* Damaged entries as rows, as store/log/damage.h says. */
#include "store/log/damage.h"

#include <string.h>

#include "store/env/keys.h"
#include "store/log/stem.h"

p2psync_result ps_damage_look(struct ps_txn *txn, const struct ps_damaged *entry,
                              struct ps_hash *leaf_out, bool *sound_out)
{
    struct ps_stored stored;
    p2psync_result result = ps_stored_get_own(txn, entry->log, entry->seq, &stored);
    memset(leaf_out, 0, sizeof *leaf_out);
    *sound_out = false;
    if (result != P2PSYNC_OK) {
        bool damaged = result == P2PSYNC_ECORRUPT || result == P2PSYNC_ENOTFOUND;
        return damaged ? P2PSYNC_OK : result;
    }
    struct ps_hash body_hash = ps_stored_body_hash(&stored);
    if (stored.has_body && stored.hash.size > 0) { /* a stored hash proves nothing of the body */
        struct ps_hash computed = ps_hash_bytes(stored.body);
        if (!ps_hash_equal(&computed, &body_hash)) {
            return P2PSYNC_OK;
        }
    }
    struct ps_hash leaf = ps_hash_leaf(stored.skeleton, &body_hash);
    if (memcmp(leaf.bytes, stored.leaf, sizeof stored.leaf) == 0) {
        *leaf_out = leaf;
        *sound_out = true;
    }
    return P2PSYNC_OK;
}

p2psync_result ps_damage_add(struct ps_txn *txn, const struct ps_damaged *entry)
{
    struct ps_key key = ps_key_entry(entry->log, entry->seq);
    return ps_db_put(txn, PS_DB_DAMAGED, ps_key_view(&key), ps_bytes("", 0));
}

p2psync_result ps_damage_explain(struct ps_txn *txn, uint32_t log, struct ps_range entries)
{
    uint64_t listed = 0;
    p2psync_result result = P2PSYNC_OK;
    for (uint64_t seq = entries.begin; seq < entries.end && result == P2PSYNC_OK; seq++) {
        struct ps_damaged entry = {.log = log, .seq = seq};
        struct ps_hash leaf;
        bool sound = false;
        result = ps_stem_owner(txn, log, seq, &entry.log);
        if (result == P2PSYNC_OK) {
            result = ps_damage_look(txn, &entry, &leaf, &sound);
        }
        if (result == P2PSYNC_OK && !sound) {
            return ps_damage_add(txn, &entry);
        }
    }
    if (result == P2PSYNC_OK) {
        result = ps_damage_count(txn, &listed);
    }
    return result == P2PSYNC_OK && listed == 0 ? P2PSYNC_ECORRUPT : result;
}

p2psync_result ps_damage_remove(struct ps_txn *txn, const struct ps_damaged *entry)
{
    struct ps_key key = ps_key_entry(entry->log, entry->seq);
    return ps_db_delete(txn, PS_DB_DAMAGED, ps_key_view(&key));
}

p2psync_result ps_damage_next(struct ps_txn *txn, const struct ps_damaged *from,
                              struct ps_damaged *out)
{
    struct ps_key key = ps_key_entry(from->log, from->seq);
    struct ps_row row;
    struct ps_damaged found;
    p2psync_result result = ps_db_seek(txn, PS_DB_DAMAGED, ps_key_view(&key), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (!ps_key_split_entry(row.key, &found.log, &found.seq)) {
        return P2PSYNC_ECORRUPT;
    }
    *out = found;
    return P2PSYNC_OK;
}

p2psync_result ps_damage_count(struct ps_txn *txn, uint64_t *out)
{
    return ps_db_count(txn, PS_DB_DAMAGED, out);
}
