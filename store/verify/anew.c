/* Dropping what lies beside the logs, and applying them again, as store/verify/anew.h says. */
#include "store/verify/anew.h"

#include "store/apply/apply.h"
#include "store/env/identity.h"
#include "store/env/keys.h"
#include "store/env/store.h"
#include "store/log/check.h"
#include "store/log/collection.h"
#include "store/log/waiting.h"
#include "store/verify/salvage.h"

static p2psync_result drop(struct ps_txn *txn, uint32_t collection);
static p2psync_result unapply(struct ps_txn *txn, uint32_t collection);
static p2psync_result unapply_log(struct ps_txn *txn, struct ps_log *log);
static p2psync_result apply_all(struct ps_txn *txn, uint64_t now_ms);
static p2psync_result all_in(struct ps_txn *txn, uint64_t now_ms);
static p2psync_result is_damaged(struct ps_txn *txn, uint32_t collection, bool *out);
static p2psync_result check_logs(struct ps_txn *txn, const struct ps_mesh *mesh);
static p2psync_result check_log(struct ps_txn *txn, const struct ps_mesh *mesh, uint32_t number);
static bool can_be_done(struct ps_txn *txn, uint32_t collection);

p2psync_result ps_anew(struct ps_txn *txn, uint32_t collection, uint64_t now_ms)
{
    p2psync_result result = drop(txn, collection);
    if (result == P2PSYNC_OK) {
        result = unapply(txn, collection);
    }
    if (result == P2PSYNC_OK) {
        result = ps_waiting_recount(txn);
    }
    return result == P2PSYNC_OK ? apply_all(txn, now_ms) : result;
}

p2psync_result ps_anew_listed(struct ps_txn *txn, uint64_t now_ms, uint32_t *collection_out)
{
    uint32_t number = 0;
    bool damaged = true;
    p2psync_result result = ps_damage_next_rows(txn, 0, &number);
    while (result == P2PSYNC_OK && damaged) { /* each number once, ascending */
        result = is_damaged(txn, number, &damaged);
        if (result == P2PSYNC_OK && damaged) {
            result = ps_damage_next_rows(txn, number + 1, &number);
        }
    }
    if (result == P2PSYNC_OK) {
        result = ps_anew(txn, number, now_ms);
    }
    if (result == P2PSYNC_OK) {
        result = ps_damage_remove_rows(txn, number);
    }
    if (result == P2PSYNC_OK) {
        *collection_out = number;
    }
    return result;
}

/* Whether what builds on an entry would be lacking. If none is listed, all are looked at: nobody
 * may have read it yet. */
static p2psync_result is_damaged(struct ps_txn *txn, uint32_t collection, bool *out)
{
    struct ps_identity identity = {0};
    struct ps_log_walk walk = {.txn = txn, .collection = collection};
    struct ps_log_brief log;
    p2psync_result result = ps_damage_is_in(txn, collection, out);
    if (result != P2PSYNC_OK || *out) {
        return result;
    }
    walk.result = ps_identity_read(txn, &identity);
    while (ps_log_walk_next_brief(&walk, &log)) {
        walk.result = check_log(txn, &identity.mesh, log.number);
    }
    return walk.result == P2PSYNC_OK ? ps_damage_is_in(txn, collection, out) : walk.result;
}

/* Rows are taken out by their keys alone, because they may be damaged. */
static p2psync_result drop(struct ps_txn *txn, uint32_t collection)
{
    static const ps_db databases[] = {PS_DB_RECORDS, PS_DB_CONFLICTS, PS_DB_STALE};
    struct ps_key from = ps_key_stale(collection, ps_bytes(NULL, 0));
    struct ps_key to = ps_key_stale(collection + 1, ps_bytes(NULL, 0));
    p2psync_result result = ps_waiting_drop_awaited(txn, collection);
    for (size_t i = 0; i < sizeof databases / sizeof databases[0] && result == P2PSYNC_OK; i++) {
        result = ps_db_clear_range(txn, databases[i], ps_key_view(&from), ps_key_view(&to));
    }
    return result;
}

/* As if nothing of its logs had been looked at yet. */
static p2psync_result unapply(struct ps_txn *txn, uint32_t collection)
{
    struct ps_collection_counts counts = {.records = 0};
    struct ps_log_walk walk = {.txn = txn, .collection = collection};
    struct ps_log log;
    while (ps_log_walk_next(&walk, &log)) {
        counts.logs++;
        counts.changes += log.size - log.begin;
        walk.result = unapply_log(txn, &log);
    }
    return walk.result == P2PSYNC_OK ? ps_collection_recount(txn, collection, &counts)
                                     : walk.result;
}

static p2psync_result unapply_log(struct ps_txn *txn, struct ps_log *log)
{
    struct ps_key key = ps_key_log_number(log->number);
    p2psync_result result = ps_waiting_drop(txn, log->number);
    if (result == P2PSYNC_OK) {
        result = ps_db_delete(txn, PS_DB_UNSETTLED, ps_key_view(&key));
    }
    log->applied = log->begin;
    log->settled = log->begin;
    return result == P2PSYNC_OK ? ps_log_save(txn, log) : result;
}

static p2psync_result apply_all(struct ps_txn *txn, uint64_t now_ms)
{
    const struct ps_apply_bounds bounds = {.limit = UINT64_MAX, .now_ms = now_ms};
    struct ps_applied applied = {.more = true};
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && applied.more) {
        result = ps_apply(txn, &bounds, &applied);
    }
    return result;
}

p2psync_result ps_anew_is_due(struct ps_store *store, bool *out)
{
    struct ps_txn txn = {0};
    struct ps_bytes row;
    p2psync_result result = ps_txn_begin(store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_db_get(&txn, PS_DB_META, ps_bytes_text(PS_META_TORN), &row);
        *out = result != P2PSYNC_ENOTFOUND; /* a row that is damaged says it as well */
        result = result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT ? P2PSYNC_OK : result;
    }
    ps_txn_abort(&txn);
    return result;
}

p2psync_result ps_anew_all(struct ps_store *store, uint64_t now_ms)
{
    struct ps_txn txn = {0};
    struct ps_bytes row;
    p2psync_result result = ps_txn_begin(store, true, &txn);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (ps_db_get(&txn, PS_DB_META, ps_bytes_text(PS_META_TORN), &row) != P2PSYNC_ENOTFOUND) {
        result = all_in(&txn, now_ms);
    }
    if (result == P2PSYNC_OK) {
        result = ps_db_delete(&txn, PS_DB_META, ps_bytes_text(PS_META_TORN));
    }
    if (result == P2PSYNC_OK) {
        return ps_txn_commit(&txn);
    }
    ps_txn_abort(&txn);
    return result;
}

static p2psync_result all_in(struct ps_txn *txn, uint64_t now_ms)
{
    struct ps_identity identity = {0};
    struct ps_salvaged salvaged;
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_ENODEVICE) {
        return P2PSYNC_OK; /* nothing has a log yet */
    }
    if (result == P2PSYNC_OK) {
        result = ps_salvage(txn, &salvaged);
    }
    if (result == P2PSYNC_OK) {
        result = check_logs(txn, &identity.mesh);
    }
    while (result == P2PSYNC_OK && ps_collection_walk_next(&walk, &collection)) {
        uint32_t number = collection.number;
        if (!can_be_done(txn, number)) {
            continue; /* what is there is better than nothing */
        }
        result = drop(txn, number);
        if (result == P2PSYNC_OK) {
            result = unapply(txn, number);
        }
    }
    result = result == P2PSYNC_OK ? walk.result : result;
    if (result == P2PSYNC_OK) {
        result = ps_waiting_recount(txn);
    }
    return result == P2PSYNC_OK ? apply_all(txn, now_ms) : result;
}

static p2psync_result check_logs(struct ps_txn *txn, const struct ps_mesh *mesh)
{
    struct ps_key from = {.size = 0};
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(txn, PS_DB_LOG_NUMBERS, &from, &result, &row)) {
        uint32_t number = 0;
        result = ps_key_split_log_number(row.key, &number) ? check_log(txn, mesh, number)
                                                           : P2PSYNC_ECORRUPT;
    }
    return result;
}

/* List what of its entries is damaged, and write subtrees anew that are wrong. Of a log that does
 * not give its root or its signed head all the same, the last entry is listed: so it is told, and
 * looked through again when a peer has sent that. One log's damage keeps nobody from opening. */
static p2psync_result check_log(struct ps_txn *txn, const struct ps_mesh *mesh, uint32_t number)
{
    struct ps_log_check check;
    bool sound = false;
    p2psync_result result = ps_log_check_begin(txn, number, &check);
    if (result == P2PSYNC_ECORRUPT || result == P2PSYNC_ENOTFOUND) {
        return P2PSYNC_OK; /* its row cannot be read */
    }
    if (result == P2PSYNC_OK) {
        result = ps_log_check_step(txn, &check, UINT64_MAX);
    }
    if (result == P2PSYNC_OK) {
        result = ps_log_check_end(txn, mesh, &check, &sound);
    }
    if (result == P2PSYNC_OK && !sound && check.damaged == 0 && check.end > check.begin) {
        const struct ps_damaged last = {.log = number, .seq = check.end - 1};
        result = ps_damage_add(txn, &last);
    }
    return result;
}

/* Whether all rows of its logs can be read. */
static bool can_be_done(struct ps_txn *txn, uint32_t collection)
{
    struct ps_log_walk walk = {.txn = txn, .collection = collection};
    struct ps_log_brief log;
    while (ps_log_walk_next_brief(&walk, &log)) {
    }
    return walk.result == P2PSYNC_OK;
}
