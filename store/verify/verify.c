/* Verifying a whole store, as store/verify/verify.h says. */
#include "store/verify/verify.h"

#include <stdlib.h>
#include <string.h>

#include "store/env/identity.h"
#include "store/env/keys.h"
#include "store/env/store.h"
#include "store/log/check.h"
#include "store/log/collection.h"
#include "store/verify/anew.h"
#include "store/verify/rows.h"

#define PIECE_SIZE 4096 /* entries that are looked at between two words of progress, or commits */

static p2psync_result verify_in(struct ps_txn *txn, struct ps_verify *verify);
static p2psync_result count_all(struct ps_txn *txn, struct ps_verify *verify);
static p2psync_result verify_collection(struct ps_txn *txn, const struct ps_mesh *mesh,
                                        const struct ps_collection *collection,
                                        struct ps_verify *verify);
static p2psync_result verify_logs(struct ps_txn *txn, const struct ps_mesh *mesh,
                                  struct ps_verify_found *found, struct ps_verify *verify);
static p2psync_result verify_log(struct ps_txn *txn, const struct ps_mesh *mesh,
                                 struct ps_log_check *check, struct ps_verify *verify,
                                 bool *sound_out);
static p2psync_result keep(struct ps_verify *verify, const struct ps_verify_found *found);
static p2psync_result read_tables(struct ps_txn *txn, struct ps_verify *verify);
static bool rows_go_on(void *user, uint64_t more);
static bool go_on(struct ps_verify *verify, uint64_t more);
static p2psync_result list_collection(struct ps_store *store, uint32_t collection);
static p2psync_result list_log(struct ps_store *store, uint32_t log);

p2psync_result ps_verify(struct ps_store *store, struct ps_verify *verify)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = verify_in(&txn, verify);
    }
    ps_txn_abort(&txn);
    return result;
}

static p2psync_result verify_in(struct ps_txn *txn, struct ps_verify *verify)
{
    struct ps_identity identity = {0};
    struct ps_collection_walk walk = {.txn = txn};
    struct ps_collection collection;
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK) {
        result = count_all(txn, verify);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    while (ps_collection_walk_next(&walk, &collection)) {
        walk.result = verify_collection(txn, &identity.mesh, &collection, verify);
    }
    /* If a row of the collections cannot be read, nothing is told of those after it. */
    bool read = walk.result == P2PSYNC_OK || walk.result == P2PSYNC_ECORRUPT;
    return read ? read_tables(txn, verify) : walk.result;
}

/* Entries are looked at twice, records once. */
static p2psync_result count_all(struct ps_txn *txn, struct ps_verify *verify)
{
    uint64_t entries = 0;
    uint64_t records = 0;
    p2psync_result result = ps_db_count(txn, PS_DB_ENTRIES, &entries);
    if (result == P2PSYNC_OK) {
        result = ps_db_count(txn, PS_DB_RECORDS, &records);
    }
    verify->total = 2 * entries + records;
    return result;
}

static p2psync_result verify_collection(struct ps_txn *txn, const struct ps_mesh *mesh,
                                        const struct ps_collection *collection,
                                        struct ps_verify *verify)
{
    struct ps_verify_found found = {.collection = collection->number,
                                    .name_size = collection->name.size};
    struct ps_rows_check rows = {.goes_on = rows_go_on, .user = verify};
    memcpy(found.name, collection->name.data, collection->name.size);
    p2psync_result result = verify_logs(txn, mesh, &found, verify);
    if (result == P2PSYNC_OK) {
        result = ps_rows_check(txn, collection->number, &rows);
    }
    if (result == P2PSYNC_ECORRUPT) {
        found.logs++; /* the row of a log: nothing of the collection can be told */
        result = P2PSYNC_OK;
    }
    found.rows = rows.bad;
    bool bad = found.entries + found.nodes + found.logs + found.rows > 0;
    verify->checked += rows.checked;
    return result == P2PSYNC_OK && bad ? keep(verify, &found) : result;
}

static p2psync_result verify_logs(struct ps_txn *txn, const struct ps_mesh *mesh,
                                  struct ps_verify_found *found, struct ps_verify *verify)
{
    struct ps_log_walk walk = {.txn = txn, .collection = found->collection};
    struct ps_log_brief log;
    while (ps_log_walk_next_brief(&walk, &log)) {
        struct ps_log_check check;
        bool sound = false;
        walk.result = ps_log_check_begin(txn, log.number, &check);
        if (walk.result == P2PSYNC_OK) {
            walk.result = verify_log(txn, mesh, &check, verify, &sound);
        }
        if (walk.result == P2PSYNC_OK) {
            found->entries += check.damaged;
            found->nodes += check.nodes;
            found->logs += sound ? 0 : 1;
        }
    }
    return walk.result;
}

static p2psync_result verify_log(struct ps_txn *txn, const struct ps_mesh *mesh,
                                 struct ps_log_check *check, struct ps_verify *verify,
                                 bool *sound_out)
{
    p2psync_result result = P2PSYNC_OK;
    while (check->at < check->end && result == P2PSYNC_OK) {
        uint64_t before = check->looked;
        result = ps_log_check_step(txn, check, PIECE_SIZE);
        if (result == P2PSYNC_OK && !go_on(verify, check->looked - before)) {
            result = P2PSYNC_ECANCELLED;
        }
    }
    return result == P2PSYNC_OK ? ps_log_check_end(txn, mesh, check, sound_out) : result;
}

static p2psync_result keep(struct ps_verify *verify, const struct ps_verify_found *found)
{
    if (verify->found_count == verify->found_capacity) {
        size_t capacity = verify->found_capacity == 0 ? 8 : verify->found_capacity * 2;
        struct ps_verify_found *grown = reallocarray(verify->found, capacity, sizeof *grown);
        if (grown == NULL) {
            return P2PSYNC_ENOMEM;
        }
        verify->found = grown;
        verify->found_capacity = capacity;
    }
    verify->found[verify->found_count] = *found;
    verify->found_count++;
    return P2PSYNC_OK;
}

/* Rows that stand for themselves: all that can be told of one is whether it is as it was written.
 * Tables that share one of LMDB's databases count as one: a row that has rotted between two of them
 * may be of either. */
static p2psync_result read_tables(struct ps_txn *txn, struct ps_verify *verify)
{
    static const ps_db tables[] = {
        PS_DB_COLLECTIONS, PS_DB_LOGS,      PS_DB_META,    PS_DB_LOG_NUMBERS, PS_DB_STEMS,
        PS_DB_STALE,       PS_DB_UNSETTLED, PS_DB_WAITING, PS_DB_AWAITED,     PS_DB_DEVICES,
        PS_DB_PEERS,       PS_DB_CONFLICTS, PS_DB_DAMAGED, PS_DB_BEGUN,       PS_DB_NAMED,
        PS_DB_ROLES,       PS_DB_ENDS,      PS_DB_SHOWN};
    bool of_shared = false;
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        struct ps_key from = {.size = 0};
        struct ps_row row;
        p2psync_result result = P2PSYNC_OK;
        while (ps_db_walk_next(txn, tables[i], &from, &result, &row)) {
        }
        if (result != P2PSYNC_OK && result != P2PSYNC_ECORRUPT) {
            return result;
        }
        bool rotten = result == P2PSYNC_ECORRUPT;
        bool is_shared = ps_db_is_shared(tables[i]);
        verify->tables += rotten && !(is_shared && of_shared) ? 1 : 0;
        of_shared = of_shared || (rotten && is_shared);
    }
    return P2PSYNC_OK;
}

static bool rows_go_on(void *user, uint64_t more)
{
    return go_on(user, more);
}

static bool go_on(struct ps_verify *verify, uint64_t more)
{
    verify->done += more;
    verify->total = verify->done > verify->total ? verify->done : verify->total;
    return verify->goes_on == NULL || verify->goes_on(verify->user, verify->done, verify->total);
}

p2psync_result ps_verify_sound(struct ps_store *store, struct ps_verify *verify)
{
    p2psync_result result = ps_verify(store, verify);
    bool bad = ps_verify_bad(verify) > 0;
    ps_verify_deinit(verify);
    return result == P2PSYNC_OK && bad ? P2PSYNC_ECORRUPT : result;
}

uint64_t ps_verify_bad(const struct ps_verify *verify)
{
    uint64_t bad = verify->tables;
    for (size_t i = 0; i < verify->found_count; i++) {
        const struct ps_verify_found *found = &verify->found[i];
        bad += found->entries + found->nodes + found->logs + found->rows;
    }
    return bad;
}

void ps_verify_deinit(struct ps_verify *verify)
{
    free(verify->found);
    verify->found = NULL;
    verify->found_count = 0;
}

p2psync_result ps_verify_list(struct ps_store *store, const struct ps_verify *verify)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < verify->found_count && result == P2PSYNC_OK; i++) {
        if (verify->found[i].entries + verify->found[i].nodes > 0) {
            result = list_collection(store, verify->found[i].collection);
        }
    }
    return result;
}

static p2psync_result list_collection(struct ps_store *store, uint32_t collection)
{
    struct ps_log_walk walk = {.collection = collection};
    struct ps_log_brief log;
    bool found = true;
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && found) {
        struct ps_txn txn = {0};
        result = ps_txn_begin(store, false, &txn);
        if (result == P2PSYNC_OK) {
            walk.txn = &txn;
            found = ps_log_walk_next_brief(&walk, &log);
            result = walk.result;
        }
        ps_txn_abort(&txn);
        if (result == P2PSYNC_OK && found) {
            result = list_log(store, log.number);
        }
    }
    return result;
}

/* As the check in a write transaction does it. */
static p2psync_result list_log(struct ps_store *store, uint32_t log)
{
    struct ps_log_check check = {.end = 0};
    bool begun = false;
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && (!begun || check.at < check.end)) {
        struct ps_txn txn = {0};
        result = ps_txn_begin(store, true, &txn);
        if (result == P2PSYNC_OK && !begun) {
            result = ps_log_check_begin(&txn, log, &check);
            begun = true;
        }
        if (result == P2PSYNC_OK) {
            result = ps_log_check_step(&txn, &check, PIECE_SIZE);
        }
        if (result == P2PSYNC_OK) {
            result = ps_txn_commit(&txn);
        } else {
            ps_txn_abort(&txn);
        }
    }
    return result;
}

p2psync_result ps_verify_rebuild(struct ps_store *store, const struct ps_verify *verify,
                                 uint64_t now_ms)
{
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < verify->found_count && result == P2PSYNC_OK; i++) {
        const struct ps_verify_found *found = &verify->found[i];
        struct ps_txn txn = {0};
        bool damaged = false;
        if (found->rows == 0 || found->logs > 0) {
            continue;
        }
        result = ps_txn_begin(store, true, &txn);
        if (result == P2PSYNC_OK) {
            result = ps_damage_is_in(&txn, found->collection, &damaged);
        }
        if (result == P2PSYNC_OK && !damaged) {
            result = ps_anew(&txn, found->collection, now_ms);
        }
        if (result == P2PSYNC_OK && !damaged) {
            result = ps_damage_remove_rows(&txn, found->collection);
        }
        if (result == P2PSYNC_OK && !damaged) {
            result = ps_txn_commit(&txn);
        } else {
            ps_txn_abort(&txn);
        }
    }
    return result;
}
