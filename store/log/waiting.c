/* Transactions that wait: see waiting.h. A row's key has the last change and not the first, so that
 * the row that may hold a change is the next one from its key on. */
#include "store/log/waiting.h"

#include <string.h>

/* begin || judged || since || collection || origin || seq || leaf */
#define AT_JUDGED     8
#define AT_SINCE      16
#define AT_COLLECTION 24
#define AT_ORIGIN     28
#define AT_SEQ        (AT_ORIGIN + PS_TAG_SIZE)
#define AT_LEAF       (AT_SEQ + 8)
#define ROW_SIZE      (AT_LEAF + PS_HASH_SHORT_SIZE)
#define SUM_SIZE      16

static p2psync_result put(struct ps_txn *txn, const struct ps_waiting *waiting);
static p2psync_result put_due(struct ps_txn *txn, const struct ps_waiting *waiting);
static p2psync_result put_row(struct ps_txn *txn, const struct ps_waiting *waiting);
static struct ps_key awaited_key(const struct ps_waiting *waiting);
static p2psync_result count(struct ps_txn *txn, const struct ps_waiting *waiting, bool ends);
static bool decode(const struct ps_row *row, struct ps_waiting *out);

p2psync_result ps_waiting_add(struct ps_txn *txn, const struct ps_waiting *waiting)
{
    p2psync_result result = put(txn, waiting);
    return result == P2PSYNC_OK ? count(txn, waiting, false) : result;
}

p2psync_result ps_waiting_again(struct ps_txn *txn, const struct ps_waiting *waiting)
{
    struct ps_key due = ps_key_due(waiting->log, waiting->last);
    p2psync_result result = ps_db_delete(txn, PS_DB_AWAITED, ps_key_view(&due));
    return result == P2PSYNC_OK ? put(txn, waiting) : result;
}

p2psync_result ps_waiting_end(struct ps_txn *txn, const struct ps_waiting *waiting)
{
    struct ps_key due = ps_key_due(waiting->log, waiting->last);
    struct ps_key key = ps_key_entry(waiting->log, waiting->last);
    p2psync_result result = ps_db_delete(txn, PS_DB_AWAITED, ps_key_view(&due));
    if (result == P2PSYNC_OK) {
        result = ps_db_delete(txn, PS_DB_WAITING, ps_key_view(&key));
    }
    return result == P2PSYNC_OK ? count(txn, waiting, true) : result;
}

p2psync_result ps_waiting_cut(struct ps_txn *txn, const struct ps_waiting *waiting, uint64_t at)
{
    assert(waiting->begin < at && at <= waiting->last);
    struct ps_key awaited = awaited_key(waiting);
    struct ps_waiting first = *waiting;
    struct ps_waiting rest = *waiting;
    first.judged = first.begin;
    first.last = at - 1;
    rest.begin = at;
    rest.judged = at;
    p2psync_result result = ps_db_delete(txn, PS_DB_AWAITED, ps_key_view(&awaited));
    if (result == P2PSYNC_OK) {
        result = put_due(txn, &first);
    }
    return result == P2PSYNC_OK ? put_due(txn, &rest) : result;
}

/* Write the row, and one that says that it is to be judged again. */
static p2psync_result put_due(struct ps_txn *txn, const struct ps_waiting *waiting)
{
    struct ps_key due = ps_key_due(waiting->log, waiting->last);
    p2psync_result result = put_row(txn, waiting);
    return result == P2PSYNC_OK ? ps_db_put(txn, PS_DB_AWAITED, ps_key_view(&due), ps_bytes("", 0))
                                : result;
}

p2psync_result ps_waiting_wake(struct ps_txn *txn, const struct ps_waiting_for *applied)
{
    struct ps_awaited_key first = {
        .collection = applied->collection, .origin = applied->origin, .seq = applied->begin};
    struct ps_key from = ps_key_awaited(&first);
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(txn, PS_DB_AWAITED, &from, &result, &row)) {
        struct ps_awaited_key at;
        if (!ps_key_split_awaited(row.key, &at) || at.collection != applied->collection ||
            ps_tag_compare(at.origin, applied->origin) != 0 || at.seq >= applied->end) {
            break;
        }
        struct ps_key awaited = ps_key_awaited(&at);
        struct ps_key due = ps_key_due(at.log, at.last);
        result = ps_db_delete(txn, PS_DB_AWAITED, ps_key_view(&awaited));
        if (result == P2PSYNC_OK) {
            result = ps_db_put(txn, PS_DB_AWAITED, ps_key_view(&due), ps_bytes("", 0));
        }
    }
    return result;
}

p2psync_result ps_waiting_due(struct ps_txn *txn, struct ps_waiting *out)
{
    struct ps_key from = ps_key_due(0, 0);
    struct ps_row row;
    uint32_t log = 0;
    uint64_t last = 0;
    p2psync_result result = ps_db_seek(txn, PS_DB_AWAITED, ps_key_view(&from), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (!ps_key_split_due(row.key, &log, &last)) {
        return P2PSYNC_ECORRUPT;
    }
    result = ps_waiting_find(txn, log, last, out);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}

p2psync_result ps_waiting_find(struct ps_txn *txn, uint32_t log, uint64_t seq,
                               struct ps_waiting *out)
{
    struct ps_key from = ps_key_entry(log, seq);
    struct ps_row row;
    struct ps_waiting found;
    p2psync_result result = ps_db_seek(txn, PS_DB_WAITING, ps_key_view(&from), &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (!decode(&row, &found)) {
        return P2PSYNC_ECORRUPT;
    }
    if (found.log != log || found.begin > seq) {
        return P2PSYNC_ENOTFOUND;
    }
    *out = found;
    return P2PSYNC_OK;
}

p2psync_result ps_waiting_is_applied(struct ps_txn *txn, const struct ps_log *log, uint64_t seq,
                                     bool *out)
{
    struct ps_waiting waiting;
    if (seq < log->applied || seq >= log->settled) {
        *out = seq < log->applied;
        return P2PSYNC_OK;
    }
    p2psync_result result = ps_waiting_find(txn, log->number, seq, &waiting);
    if (result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND) {
        *out = result == P2PSYNC_ENOTFOUND;
        result = P2PSYNC_OK;
    }
    return result;
}

p2psync_result ps_waiting_drop(struct ps_txn *txn, uint32_t log)
{
    struct ps_key from = ps_key_entry(log, 0);
    struct ps_key to = ps_key_entry(log, UINT64_MAX);
    struct ps_key due_from = ps_key_due(log, 0);
    struct ps_key due_to = ps_key_due(log, UINT64_MAX);
    p2psync_result result =
        ps_db_clear_range(txn, PS_DB_WAITING, ps_key_view(&from), ps_key_view(&to));
    return result == P2PSYNC_OK
               ? ps_db_clear_range(txn, PS_DB_AWAITED, ps_key_view(&due_from), ps_key_view(&due_to))
               : result;
}

p2psync_result ps_waiting_drop_awaited(struct ps_txn *txn, uint32_t collection)
{
    const struct ps_awaited_key first = {.collection = collection};
    const struct ps_awaited_key next = {.collection = collection + 1};
    struct ps_key from = ps_key_awaited(&first);
    struct ps_key to = ps_key_awaited(&next);
    return ps_db_clear_range(txn, PS_DB_AWAITED, ps_key_view(&from), ps_key_view(&to));
}

p2psync_result ps_waiting_rejudge(struct ps_txn *txn)
{
    struct ps_waiting_walk walk = {.txn = txn, .result = ps_db_clear(txn, PS_DB_AWAITED)};
    struct ps_waiting waiting;
    while (ps_waiting_walk_next(&walk, &waiting)) {
        waiting.judged = waiting.begin;
        walk.result = put_due(txn, &waiting);
    }
    return walk.result;
}

p2psync_result ps_waiting_recount(struct ps_txn *txn)
{
    struct ps_waiting_walk walk = {.txn = txn};
    struct ps_waiting waiting;
    struct ps_waiting_sum sum;
    uint8_t row[SUM_SIZE];
    p2psync_result result = ps_waiting_sum(txn, &sum);
    if (result == P2PSYNC_ECORRUPT) {
        sum = (struct ps_waiting_sum){.changes = 0};
        result = P2PSYNC_OK;
    }
    sum.changes = 0;
    while (result == P2PSYNC_OK && ps_waiting_walk_next(&walk, &waiting)) {
        sum.changes += waiting.last - waiting.begin + 1;
    }
    if (result != P2PSYNC_OK || walk.result != P2PSYNC_OK) {
        return result != P2PSYNC_OK ? result : walk.result;
    }
    ps_put_u64(row, sum.changes);
    ps_put_u64(row + 8, sum.ended);
    return ps_db_put(txn, PS_DB_META, ps_bytes_text(PS_META_WAITING), ps_bytes(row, sizeof row));
}

bool ps_waiting_walk_next(struct ps_waiting_walk *walk, struct ps_waiting *out)
{
    struct ps_row row;
    if (!ps_db_walk_next(walk->txn, PS_DB_WAITING, &walk->from, &walk->result, &row)) {
        return false;
    }
    if (!decode(&row, out)) {
        walk->result = P2PSYNC_ECORRUPT;
        return false;
    }
    return true;
}

p2psync_result ps_waiting_count(struct ps_txn *txn, uint32_t log, uint32_t *out)
{
    struct ps_waiting_walk walk = {.txn = txn, .from = ps_key_entry(log, 0)};
    struct ps_waiting waiting;
    uint32_t counted = 0;
    while (counted < PS_WAITING_MAX && ps_waiting_walk_next(&walk, &waiting) &&
           waiting.log == log) {
        counted++;
    }
    if (walk.result == P2PSYNC_OK) {
        *out = counted;
    }
    return walk.result;
}

p2psync_result ps_waiting_sum(struct ps_txn *txn, struct ps_waiting_sum *out)
{
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(PS_META_WAITING), &row);
    if (result == P2PSYNC_ENOTFOUND) {
        *out = (struct ps_waiting_sum){.changes = 0};
        return P2PSYNC_OK;
    }
    if (result != P2PSYNC_OK || row.size != SUM_SIZE) {
        return result != P2PSYNC_OK ? result : P2PSYNC_ECORRUPT;
    }
    *out =
        (struct ps_waiting_sum){.changes = ps_get_u64(row.data), .ended = ps_get_u64(row.data + 8)};
    return P2PSYNC_OK;
}

/* Write the row, and the one that says for whom it waits. */
static p2psync_result put(struct ps_txn *txn, const struct ps_waiting *waiting)
{
    struct ps_key awaited = awaited_key(waiting);
    p2psync_result result = put_row(txn, waiting);
    return result == P2PSYNC_OK
               ? ps_db_put(txn, PS_DB_AWAITED, ps_key_view(&awaited), ps_bytes("", 0))
               : result;
}

static p2psync_result put_row(struct ps_txn *txn, const struct ps_waiting *waiting)
{
    assert(waiting->begin <= waiting->judged && waiting->judged <= waiting->last);
    uint8_t row[ROW_SIZE];
    struct ps_key key = ps_key_entry(waiting->log, waiting->last);
    ps_put_u64(row, waiting->begin);
    ps_put_u64(row + AT_JUDGED, waiting->judged);
    ps_put_u64(row + AT_SINCE, waiting->since_ms);
    ps_put_u32(row + AT_COLLECTION, waiting->collection);
    memcpy(row + AT_ORIGIN, waiting->parent.dot.origin.bytes, PS_TAG_SIZE);
    ps_put_u64(row + AT_SEQ, waiting->parent.dot.seq);
    memcpy(row + AT_LEAF, waiting->parent.leaf, PS_HASH_SHORT_SIZE);
    return ps_db_put(txn, PS_DB_WAITING, ps_key_view(&key), ps_bytes(row, sizeof row));
}

static struct ps_key awaited_key(const struct ps_waiting *waiting)
{
    const struct ps_awaited_key key = {.collection = waiting->collection,
                                       .origin = waiting->parent.dot.origin,
                                       .seq = waiting->parent.dot.seq,
                                       .log = waiting->log,
                                       .last = waiting->last};
    return ps_key_awaited(&key);
}

static p2psync_result count(struct ps_txn *txn, const struct ps_waiting *waiting, bool ends)
{
    struct ps_waiting_sum sum;
    uint8_t row[SUM_SIZE];
    uint64_t changes = waiting->last - waiting->begin + 1;
    p2psync_result result = ps_waiting_sum(txn, &sum);
    if (result != P2PSYNC_OK || (ends && sum.changes < changes)) {
        return result != P2PSYNC_OK ? result : P2PSYNC_ECORRUPT;
    }
    ps_put_u64(row, ends ? sum.changes - changes : sum.changes + changes);
    ps_put_u64(row + 8, sum.ended + (ends ? 1 : 0));
    return ps_db_put(txn, PS_DB_META, ps_bytes_text(PS_META_WAITING), ps_bytes(row, sizeof row));
}

static bool decode(const struct ps_row *row, struct ps_waiting *out)
{
    const uint8_t *bytes = row->value.data;
    if (row->value.size != ROW_SIZE || !ps_key_split_entry(row->key, &out->log, &out->last)) {
        return false;
    }
    out->begin = ps_get_u64(bytes);
    out->judged = ps_get_u64(bytes + AT_JUDGED);
    out->since_ms = ps_get_u64(bytes + AT_SINCE);
    out->collection = ps_get_u32(bytes + AT_COLLECTION);
    memcpy(out->parent.dot.origin.bytes, bytes + AT_ORIGIN, PS_TAG_SIZE);
    out->parent.dot.seq = ps_get_u64(bytes + AT_SEQ);
    memcpy(out->parent.leaf, bytes + AT_LEAF, PS_HASH_SHORT_SIZE);
    return out->begin <= out->judged && out->judged <= out->last;
}
