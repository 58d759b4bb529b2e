/* How much of a log is shown: see shown.h. */
#include "store/log/shown.h"

#include <string.h>

#include "store/log/waiting.h"

#define MOVES_SIZE 9
#define ROW_SIZE   (8 + PS_HASH_SIZE + PS_HASH_SHORT_SIZE)

static p2psync_result get(struct ps_txn *txn, uint32_t number, struct ps_shown *out);
static bool decode(struct ps_bytes row, struct ps_shown *out);
static bool is_whole(const struct ps_log_brief *log, const struct ps_shown *shown);
static p2psync_result count_move(struct ps_txn *txn, bool is_known);

p2psync_result ps_shown_get(struct ps_txn *txn, const struct ps_log_brief *log,
                            struct ps_shown *out)
{
    p2psync_result result = get(txn, log->number, out);
    if (result == P2PSYNC_ENOTFOUND) {
        *out = (struct ps_shown){.size = log->size, .root = log->root};
        memcpy(out->branch, log->id.branch, sizeof out->branch);
        result = P2PSYNC_OK;
    }
    return result;
}

p2psync_result ps_shown_of(struct ps_txn *txn, const struct ps_log *log, struct ps_shown *out)
{
    const struct ps_log_brief brief = {
        .number = log->number, .id = log->id, .size = log->size, .root = log->root};
    return ps_shown_get(txn, &brief, out);
}

static p2psync_result get(struct ps_txn *txn, uint32_t number, struct ps_shown *out)
{
    struct ps_key key = ps_key_log_number(number);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_SHOWN, ps_key_view(&key), &row);
    return result != P2PSYNC_OK || decode(row, out) ? result : P2PSYNC_ECORRUPT;
}

static bool decode(struct ps_bytes row, struct ps_shown *out)
{
    if (row.size != ROW_SIZE) {
        return false;
    }
    out->size = ps_get_u64(row.data);
    memcpy(out->root.bytes, row.data + 8, PS_HASH_SIZE);
    memcpy(out->branch, row.data + 8 + PS_HASH_SIZE, PS_HASH_SHORT_SIZE);
    return true;
}

p2psync_result ps_shown_any(struct ps_txn *txn, bool *out)
{
    struct ps_row row;
    p2psync_result result = ps_db_seek(txn, PS_DB_SHOWN, ps_bytes("", 0), &row);
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
        *out = result == P2PSYNC_OK;
        result = P2PSYNC_OK;
    }
    return result;
}

p2psync_result ps_shown_set(struct ps_txn *txn, const struct ps_log_brief *log,
                            const struct ps_shown *shown)
{
    struct ps_key key = ps_key_log_number(log->number);
    struct ps_shown before;
    struct ps_shown_moves moves;
    uint8_t row[ROW_SIZE];
    bool whole = is_whole(log, shown);
    p2psync_result result = get(txn, log->number, &before);
    if (result == P2PSYNC_ENOTFOUND && whole) {
        return P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK && !whole && before.size == shown->size &&
        ps_hash_equal(&before.root, &shown->root) &&
        memcmp(before.branch, shown->branch, sizeof before.branch) == 0) {
        return P2PSYNC_OK;
    }
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND && result != P2PSYNC_ECORRUPT) {
        return result;
    }
    ps_put_u64(row, shown->size);
    memcpy(row + 8, shown->root.bytes, PS_HASH_SIZE);
    memcpy(row + 8 + PS_HASH_SIZE, shown->branch, PS_HASH_SHORT_SIZE);
    result = whole ? ps_db_delete(txn, PS_DB_SHOWN, ps_key_view(&key))
                   : ps_db_put(txn, PS_DB_SHOWN, ps_key_view(&key), ps_bytes(row, sizeof row));
    if (result == P2PSYNC_OK) {
        result = ps_shown_moves(txn, &moves);
    }
    return result == P2PSYNC_OK ? count_move(txn, moves.is_known) : result;
}

static bool is_whole(const struct ps_log_brief *log, const struct ps_shown *shown)
{
    return shown->size == log->size &&
           memcmp(shown->branch, log->id.branch, sizeof shown->branch) == 0;
}

bool ps_shown_walk_next(struct ps_shown_walk *walk, struct ps_log_brief *log_out,
                        struct ps_shown *out)
{
    struct ps_row row;
    uint32_t number = 0;
    if (!ps_db_walk_next(walk->txn, PS_DB_SHOWN, &walk->from, &walk->result, &row)) {
        return false;
    }
    if (!ps_key_split_log_number(row.key, &number) || !decode(row.value, out)) {
        walk->result = P2PSYNC_ECORRUPT;
        return false;
    }
    walk->result = ps_log_brief_by_number(walk->txn, number, log_out);
    walk->result = walk->result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : walk->result;
    return walk->result == P2PSYNC_OK;
}

p2psync_result ps_shown_moves(struct ps_txn *txn, struct ps_shown_moves *out)
{
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(PS_META_SHOWN), &row);
    *out = (struct ps_shown_moves){.count = 0};
    if (result == P2PSYNC_OK && row.size == MOVES_SIZE) {
        *out = (struct ps_shown_moves){.count = ps_get_u64(row.data), .is_known = row.data[8] != 0};
    }
    return result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT ? P2PSYNC_OK : result;
}

/* It has moved; set whether all is known then. */
static p2psync_result count_move(struct ps_txn *txn, bool is_known)
{
    struct ps_shown_moves moves;
    uint8_t row[MOVES_SIZE];
    p2psync_result result = ps_shown_moves(txn, &moves);
    ps_put_u64(row, moves.count + 1);
    row[8] = is_known ? 1 : 0;
    return result == P2PSYNC_OK
               ? ps_db_put(txn, PS_DB_META, ps_bytes_text(PS_META_SHOWN), ps_bytes(row, sizeof row))
               : result;
}

p2psync_result ps_shown_forget(struct ps_txn *txn)
{
    return count_move(txn, false);
}

p2psync_result ps_shown_found(struct ps_txn *txn)
{
    struct ps_shown_moves moves;
    p2psync_result result = ps_shown_moves(txn, &moves);
    return result == P2PSYNC_OK && !moves.is_known ? count_move(txn, true) : result;
}

p2psync_result ps_shown_hidden_pending(struct ps_txn *txn, uint64_t *out)
{
    struct ps_shown_walk walk = {.txn = txn};
    struct ps_log_brief log;
    struct ps_shown shown;
    uint64_t hidden = 0;
    while (ps_shown_walk_next(&walk, &log, &shown)) {
        uint64_t settled = log.settled > shown.size ? log.settled : shown.size;
        struct ps_waiting_walk waits = {.txn = txn, .from = ps_key_entry(log.number, shown.size)};
        struct ps_waiting waiting;
        hidden += log.size - settled;
        while (ps_waiting_walk_next(&waits, &waiting) && waiting.log == log.number) {
            uint64_t first = waiting.begin > shown.size ? waiting.begin : shown.size;
            hidden += waiting.last + 1 - first;
        }
        walk.result = waits.result;
    }
    if (walk.result == P2PSYNC_OK) {
        *out = hidden;
    }
    return walk.result;
}
