/* Stems as rows, found from the branch and from the stem: see stem.h. */
#include "store/log/stem.h"

#include "store/env/keys.h"

#define ROW_SIZE (4 + 8)

p2psync_result ps_stem_put(struct ps_txn *txn, const struct ps_stem *stem)
{
    assert(stem->stem < stem->log);
    const struct ps_stem_key branch = {.stem = stem->stem, .begin = stem->begin, .log = stem->log};
    struct ps_key from_log = ps_key_stem(stem->log);
    struct ps_key from_stem = ps_key_branch(&branch);
    uint8_t row[ROW_SIZE];
    ps_put_u32(row, stem->stem);
    ps_put_u64(row + 4, stem->begin);
    p2psync_result result =
        ps_db_put(txn, PS_DB_STEMS, ps_key_view(&from_log), ps_bytes(row, sizeof row));
    return result == P2PSYNC_OK
               ? ps_db_put(txn, PS_DB_STEMS, ps_key_view(&from_stem), ps_bytes("", 0))
               : result;
}

p2psync_result ps_stem_owner(struct ps_txn *txn, uint32_t log, uint64_t seq, uint32_t *out)
{
    uint32_t owner = log;
    struct ps_stem stem;
    p2psync_result result = ps_stem_of(txn, owner, &stem);
    while (result == P2PSYNC_OK && seq < stem.begin) { /* each time to a smaller number */
        owner = stem.stem;
        result = ps_stem_of(txn, owner, &stem);
    }
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
        *out = owner;
        result = P2PSYNC_OK;
    }
    return result;
}

p2psync_result ps_stem_of(struct ps_txn *txn, uint32_t log, struct ps_stem *out)
{
    struct ps_key key = ps_key_stem(log);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_STEMS, ps_key_view(&key), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (row.size != ROW_SIZE || ps_get_u32(row.data) >= log) {
        return P2PSYNC_ECORRUPT;
    }
    *out = (struct ps_stem){
        .log = log, .stem = ps_get_u32(row.data), .begin = ps_get_u64(row.data + 4)};
    return P2PSYNC_OK;
}

p2psync_result ps_stem_next(struct ps_txn *txn, uint32_t stem, uint64_t from, struct ps_stem *out)
{
    const struct ps_stem_key first = {.stem = stem, .begin = from, .log = 0};
    struct ps_key key = ps_key_branch(&first);
    struct ps_stem_key found;
    struct ps_row row;
    p2psync_result result = ps_db_seek(txn, PS_DB_STEMS, ps_key_view(&key), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (!ps_key_split_branch(row.key, &found)) {
        return P2PSYNC_ECORRUPT;
    }
    *out = (struct ps_stem){.log = found.log, .stem = found.stem, .begin = found.begin};
    return found.stem == stem ? P2PSYNC_OK : P2PSYNC_ENOTFOUND;
}

/* A row of either kind is put as both. */
p2psync_result ps_stem_complete(struct ps_txn *txn, uint64_t *lacked_out)
{
    struct ps_key from = {.size = 0};
    struct ps_row row;
    uint64_t before = 0;
    uint64_t after = 0;
    p2psync_result result = ps_db_count(txn, PS_DB_STEMS, &before);
    while (ps_db_walk_next(txn, PS_DB_STEMS, &from, &result, &row)) {
        struct ps_stem_key branch;
        if (row.key.size == 1 + 4 && row.value.size == ROW_SIZE) {
            branch = (struct ps_stem_key){.stem = ps_get_u32(row.value.data),
                                          .begin = ps_get_u64(row.value.data + 4),
                                          .log = ps_get_u32(row.key.data + 1)};
        } else if (!ps_key_split_branch(row.key, &branch)) {
            return P2PSYNC_ECORRUPT;
        }
        const struct ps_stem stem = {.log = branch.log, .stem = branch.stem, .begin = branch.begin};
        result = stem.stem < stem.log ? ps_stem_put(txn, &stem) : P2PSYNC_ECORRUPT;
    }
    result = result == P2PSYNC_OK ? ps_db_count(txn, PS_DB_STEMS, &after) : result;
    if (result == P2PSYNC_OK) {
        *lacked_out = after - before;
    }
    return result;
}
