/* Saving what has rotted: see salvage.h. */
#include "store/verify/salvage.h"

#include <string.h>

#include "store/env/identity.h"
#include "store/env/met.h"
#include "store/env/rotten.h"
#include "store/env/stamp.h"
#include "store/env/store.h"
#include "store/log/begun.h"
#include "store/log/collection.h"
#include "store/log/damage.h"
#include "store/log/shown.h"
#include "store/log/stem.h"
#include "store/log/unsettled.h"
#include "store/log/waiting.h"
#include "store/merge/conflict.h"
#include "store/merge/stale.h"
#include "store/verify/lost_log.h"

#define LOGS_SIZE_MAX                                                                              \
    (UINT64_C(16) * 1024 * 1024) /* of rotten rows of logs that are looked into                    \
                                  */

/* All but those of entries, subtrees and records. */
static const ps_db tables[] = {
    PS_DB_META,  PS_DB_COLLECTIONS, PS_DB_LOGS,    PS_DB_LOG_NUMBERS, PS_DB_STEMS, PS_DB_CONFLICTS,
    PS_DB_STALE, PS_DB_UNSETTLED,   PS_DB_WAITING, PS_DB_AWAITED,     PS_DB_BEGUN, PS_DB_DEVICES,
    PS_DB_NAMED, PS_DB_PEERS,       PS_DB_DAMAGED, PS_DB_ROLES,       PS_DB_ENDS,  PS_DB_SHOWN};
#define TABLES (sizeof tables / sizeof tables[0])

struct salvage {
    struct ps_txn *txn;
    struct ps_salvaged *out;
    uint64_t rotten[PS_DB_COUNT]; /* rows that were taken out of each table */
    bool met[PS_DB_COUNT];        /* tables in which readers have met rot */
    struct ps_buf logs;           /* those of logs: size u32 || value */
    bool doubt;                   /* a log may have been longer, or another one */
};

static p2psync_result note_tables(struct salvage *it);
static p2psync_result take_out(struct salvage *it, ps_db db);
static p2psync_result complete_meta(struct salvage *it);
static p2psync_result complete_numbers(struct salvage *it);
static p2psync_result raise_number(struct salvage *it, const char *counter, uint64_t used);
static p2psync_result complete_refreshes(struct salvage *it);
static p2psync_result complete_collections(struct salvage *it);
static p2psync_result list_records(struct salvage *it, uint32_t number);
static p2psync_result drop_nameless(struct salvage *it);
static p2psync_result complete_logs(struct salvage *it);
static p2psync_result number_log(struct salvage *it, const struct ps_log_brief *log);
static p2psync_result settle_number(struct salvage *it, const struct ps_log_brief *log,
                                    const struct ps_log_key *other);
static p2psync_result drop_log(struct salvage *it, const struct ps_log_key *log_key);
static void count_lost(struct salvage *it, uint32_t number);
static p2psync_result find_lost_logs(struct salvage *it);
static p2psync_result find_lost_log(struct salvage *it, const struct ps_lost_log *lost);
static p2psync_result forget_number(struct salvage *it, uint32_t number);
static p2psync_result complete_unsettled(struct salvage *it);
static p2psync_result look_anew(struct salvage *it);
static p2psync_result list(struct salvage *it, bool all);
static p2psync_result count_begun(struct salvage *it);

p2psync_result ps_salvage(struct ps_txn *txn, struct ps_salvaged *out)
{
    struct ps_identity identity;
    struct salvage it = {.txn = txn, .out = out};
    uint64_t listed = 0;
    *out = (struct ps_salvaged){.rotten = 0};
    p2psync_result result = note_tables(&it);
    for (size_t i = 0; i < TABLES && result == P2PSYNC_OK; i++) {
        uint64_t corrected = 0;
        result = ps_rotten_correct(txn, tables[i], &corrected);
        out->rotten += corrected;
        it.met[tables[i]] = it.met[tables[i]] && corrected == 0;
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(txn, &identity);
    }
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENODEVICE ? P2PSYNC_OK : result; /* nothing has a log yet */
    }
    ps_buf_init(&it.logs, LOGS_SIZE_MAX);
    for (size_t i = 0; i < TABLES && result == P2PSYNC_OK; i++) {
        result = take_out(&it, tables[i]);
        if (result == P2PSYNC_OK && it.met[tables[i]] && it.rotten[tables[i]] == 0) {
            result = ps_rotten_rewrite(txn, tables[i]); /* a page that leads to rows has rotted */
            result = result == P2PSYNC_ELIMIT ? P2PSYNC_OK : result;
        }
    }
    if (result == P2PSYNC_OK) {
        result = complete_meta(&it);
    }
    if (result == P2PSYNC_OK) {
        result = complete_collections(&it);
    }
    if (result == P2PSYNC_OK) {
        result = complete_logs(&it);
    }
    if (result == P2PSYNC_OK) {
        result = look_anew(&it);
    }
    if (result == P2PSYNC_OK && it.doubt) {
        result = ps_identity_renew(txn);
    }
    if (result == P2PSYNC_OK) {
        result = ps_damage_list_met(txn, &listed); /* what was met on the way */
    }
    ps_buf_deinit(&it.logs);
    return result == P2PSYNC_OK ? ps_damage_remove_tables(txn) : result;
}

/* Which tables readers have met rot in. */
static p2psync_result note_tables(struct salvage *it)
{
    uint64_t unused = 0;
    uint32_t table = 0;
    p2psync_result result = ps_damage_list_met(it->txn, &unused);
    while (result == P2PSYNC_OK) { /* ascending */
        result = ps_damage_next_table(it->txn, table, &table);
        if (result == P2PSYNC_OK && table < PS_DB_COUNT) {
            it->met[table] = true;
        }
        table++;
    }
    return result == P2PSYNC_ENOTFOUND || result == P2PSYNC_ECORRUPT ? P2PSYNC_OK : result;
}

static p2psync_result take_out(struct salvage *it, ps_db db)
{
    static const ps_db in_doubt[] = {PS_DB_META, PS_DB_COLLECTIONS, PS_DB_LOGS, PS_DB_LOG_NUMBERS,
                                     PS_DB_STEMS};
    struct ps_rotten_walk walk = {.txn = it->txn, .db = db};
    struct ps_row row;
    while (ps_rotten_walk_next(&walk, &row)) {
        it->rotten[db]++;
        it->out->rotten++;
        if (db == PS_DB_LOGS && it->logs.size + row.value.size + 4 <= LOGS_SIZE_MAX) {
            uint8_t size[4];
            ps_put_u32(size, (uint32_t)row.value.size);
            walk.result = ps_buf_append(&it->logs, size, sizeof size);
            if (walk.result == P2PSYNC_OK) {
                walk.result = ps_buf_append(&it->logs, row.value.data, row.value.size);
            }
        }
    }
    for (size_t i = 0; i < sizeof in_doubt / sizeof in_doubt[0]; i++) {
        it->doubt = it->doubt || (db == in_doubt[i] && it->rotten[db] > 0);
    }
    return walk.result;
}

/* Who this device is was read. Whether a process that did not flush has ended well is not known if
 * anything of this table was lost: it is taken to say no, which its end puts right. */
static p2psync_result complete_meta(struct salvage *it)
{
    p2psync_result result = ps_store_check_format(it->txn);
    if (result == P2PSYNC_OK) {
        result = complete_numbers(it);
    }
    if (result != P2PSYNC_OK || it->rotten[PS_DB_META] == 0) {
        return result;
    }
    result = ps_stamp_mark(it->txn);
    return result == P2PSYNC_OK ? complete_refreshes(it) : result;
}

/* No number is used twice, not even of what is lost: its entries and records lie under it. */
static p2psync_result complete_numbers(struct salvage *it)
{
    static const struct {
        ps_db db;
        const char *counter;
    } uses[] = {{PS_DB_LOG_NUMBERS, PS_META_LOGS},
                {PS_DB_ENTRIES, PS_META_LOGS},
                {PS_DB_RECORDS, PS_META_COLLECTIONS}};
    const struct ps_key end = {.size = 5, .bytes = {0xff, 0xff, 0xff, 0xff, 0xff}};
    p2psync_result result = P2PSYNC_OK;
    for (size_t i = 0; i < sizeof uses / sizeof uses[0] && result == P2PSYNC_OK; i++) {
        struct ps_key last;
        uint64_t unused = 0;
        result = ps_rotten_before(it->txn, uses[i].db, ps_key_view(&end), &last, &unused);
        if (result == P2PSYNC_OK && last.size >= 4) {
            result = raise_number(it, uses[i].counter, ps_get_u32(last.bytes));
        }
        result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    struct ps_collection_walk walk = {.txn = it->txn, .result = result};
    struct ps_collection collection;
    while (ps_collection_walk_next(&walk, &collection)) {
        walk.result = raise_number(it, PS_META_COLLECTIONS, collection.number);
    }
    return walk.result;
}

static p2psync_result raise_number(struct salvage *it, const char *counter, uint64_t used)
{
    struct ps_bytes row;
    uint8_t next[4];
    p2psync_result result = ps_db_get(it->txn, PS_DB_META, ps_bytes_text(counter), &row);
    if (result == P2PSYNC_OK && row.size == sizeof next && ps_get_u32(row.data) > used) {
        return P2PSYNC_OK;
    }
    if ((result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) || used >= UINT32_MAX) {
        return result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    }
    ps_put_u32(next, (uint32_t)used + 1);
    return ps_db_put(it->txn, PS_DB_META, ps_bytes_text(counter), ps_bytes(next, sizeof next));
}

/* At least as many refreshes as the list of conflicts speaks of. */
static p2psync_result complete_refreshes(struct salvage *it)
{
    struct ps_key from = {.size = 0};
    struct ps_row row;
    uint32_t refreshes = 0;
    uint8_t value[4];
    p2psync_result result =
        ps_db_get(it->txn, PS_DB_META, ps_bytes_text(PS_META_REFRESHES), &row.value);
    if (result != P2PSYNC_ENOTFOUND) {
        return result;
    }
    result = P2PSYNC_OK;
    while (ps_db_walk_next(it->txn, PS_DB_CONFLICTS, &from, &result, &row)) {
        uint32_t of = row.value.size >= PS_CONFLICT_ROW_SIZE ? ps_get_u32(row.value.data + 1) : 0;
        refreshes = of > refreshes ? of : refreshes;
    }
    ps_put_u32(value, refreshes);
    return result == P2PSYNC_OK ? ps_db_put(it->txn, PS_DB_META, ps_bytes_text(PS_META_REFRESHES),
                                            ps_bytes(value, sizeof value))
                                : result;
}

/* The rows by number come first in the table, and after them those by name. A name that is put
 * again has no counters yet. */
static p2psync_result complete_collections(struct salvage *it)
{
    struct ps_key from = {.size = 0};
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (it->rotten[PS_DB_COLLECTIONS] > 0 &&
           ps_db_walk_next(it->txn, PS_DB_COLLECTIONS, &from, &result, &row)) {
        struct ps_bytes name = row.value;
        bool made = false;
        bool by_name = ps_key_split_collection(row.key, &name);
        if (by_name ? row.value.size < 4 : row.key.size != 1 + 4) {
            continue; /* those that were written last */
        }
        uint32_t number = by_name ? ps_get_u32(row.value.data) : ps_get_u32(row.key.data + 1);
        char copy[PS_COLLECTION_SIZE_MAX];
        if (!ps_collection_name_valid(name)) {
            continue;
        }
        memcpy(copy, name.data, name.size);
        result = ps_collection_complete(it->txn, number, ps_bytes(copy, name.size), &made);
        if (result == P2PSYNC_OK && made) {
            result = list_records(it, number);
        }
    }
    return result;
}

/* The records of a collection are to be worked out anew, if it is still known. */
static p2psync_result list_records(struct salvage *it, uint32_t number)
{
    struct ps_collection unused;
    p2psync_result result = ps_collection_by_number(it->txn, number, &unused);
    return result == P2PSYNC_OK          ? ps_damage_add_rows(it->txn, number)
           : result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK
                                         : result;
}

/* Logs of collections that have lost both their rows: nobody knows their names. */
static p2psync_result drop_nameless(struct salvage *it)
{
    struct ps_key from = {.size = 0};
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (it->rotten[PS_DB_COLLECTIONS] > 0 &&
           ps_db_walk_next(it->txn, PS_DB_LOGS, &from, &result, &row)) {
        struct ps_collection unused;
        struct ps_log_key key;
        bool is_key = ps_key_split_log(row.key, &key) && row.value.size >= 4;
        uint32_t number = is_key ? ps_get_u32(row.value.data) : 0;
        result =
            is_key ? ps_collection_by_number(it->txn, key.collection, &unused) : P2PSYNC_ECORRUPT;
        if (result == P2PSYNC_ENOTFOUND) {
            result = drop_log(it, &key);
            result = result == P2PSYNC_OK ? forget_number(it, number) : result;
        }
    }
    return result;
}

static p2psync_result complete_logs(struct salvage *it)
{
    struct ps_collection_walk walk = {.txn = it->txn};
    struct ps_collection collection;
    uint64_t lacked = 0;
    p2psync_result result = ps_stem_complete(it->txn, &lacked);
    walk.result = result == P2PSYNC_OK ? drop_nameless(it) : result;
    while (ps_collection_walk_next(&walk, &collection)) {
        struct ps_log_walk logs = {.txn = it->txn, .collection = collection.number};
        struct ps_log_brief log;
        while (ps_log_walk_next_brief(&logs, &log)) {
            logs.result = number_log(it, &log);
        }
        walk.result = logs.result;
    }
    result = walk.result == P2PSYNC_OK ? find_lost_logs(it) : walk.result;
    return result == P2PSYNC_OK ? complete_unsettled(it) : result;
}

/* The number of a log leads to it. */
static p2psync_result number_log(struct salvage *it, const struct ps_log_brief *log)
{
    struct ps_key number = ps_key_log_number(log->number);
    struct ps_log_key other;
    struct ps_bytes row;
    p2psync_result result = ps_db_get(it->txn, PS_DB_LOG_NUMBERS, ps_key_view(&number), &row);
    if (result == P2PSYNC_ENOTFOUND) {
        return ps_log_put_number(it->txn, log->number, &log->id, log->collection);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    bool leads = ps_key_split_log(row, &other) && other.collection == log->collection &&
                 ps_log_id_compare(&other.id, &log->id) == 0;
    return leads ? P2PSYNC_OK : settle_number(it, log, &other);
}

/* Two logs have one number: after power has failed under a process that does not flush. The entries
 * that lie under it are those of one; the other one is dropped, and comes again from others. */
static p2psync_result settle_number(struct salvage *it, const struct ps_log_brief *log,
                                    const struct ps_log_key *other)
{
    const struct ps_log_key mine = {.collection = log->collection, .id = log->id};
    struct ps_log found;
    bool owns = false;
    p2psync_result result = ps_log_find(it->txn, other->collection, &other->id, &found);
    bool shared = result == P2PSYNC_OK && found.number == log->number;
    result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
    if (result == P2PSYNC_OK && shared) {
        result = ps_lost_log_owns(it->txn, log, &owns);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (shared && !owns) {
        return drop_log(it, &mine);
    }
    result = ps_log_put_number(it->txn, log->number, &log->id, log->collection);
    return result == P2PSYNC_OK && shared ? drop_log(it, other) : result;
}

static p2psync_result drop_log(struct salvage *it, const struct ps_log_key *log_key)
{
    struct ps_key key = ps_key_log(log_key);
    it->doubt = true;
    count_lost(it, log_key->collection);
    p2psync_result result = ps_db_delete(it->txn, PS_DB_LOGS, ps_key_view(&key));
    return result == P2PSYNC_OK ? list_records(it, log_key->collection) : result;
}

static void count_lost(struct salvage *it, uint32_t number)
{
    struct ps_collection collection;
    bool other = ps_collection_by_number(it->txn, number, &collection) == P2PSYNC_OK &&
                 !ps_collection_is_internal(collection.name);
    it->out->lost++;
    it->out->of_members = it->out->of_members || !other;
}

/* Numbers that lead to no log. */
static p2psync_result find_lost_logs(struct salvage *it)
{
    struct ps_key from = {.size = 0};
    struct ps_row row;
    p2psync_result result = P2PSYNC_OK;
    while (ps_db_walk_next(it->txn, PS_DB_LOG_NUMBERS, &from, &result, &row)) {
        struct ps_lost_log lost = {.rotten = ps_buf_view(&it->logs)};
        struct ps_log_brief log;
        if (!ps_key_split_log_number(row.key, &lost.number) ||
            !ps_key_split_log(row.value, &lost.key)) {
            return P2PSYNC_ECORRUPT;
        }
        if (ps_log_brief_by_number(it->txn, lost.number, &log) != P2PSYNC_OK) {
            result = find_lost_log(it, &lost);
        }
    }
    return result;
}

static p2psync_result find_lost_log(struct salvage *it, const struct ps_lost_log *lost)
{
    bool found = false;
    it->doubt = true;
    p2psync_result result = ps_lost_log_put(it->txn, lost, &found);
    if (result == P2PSYNC_OK && !found) {
        count_lost(it, lost->key.collection);
        result = forget_number(it, lost->number);
    }
    return result == P2PSYNC_OK ? list_records(it, lost->key.collection) : result;
}

/* A log that nobody can name: what refers to it goes, and its entries stay where they are. */
static p2psync_result forget_number(struct salvage *it, uint32_t number)
{
    struct ps_key key = ps_key_log_number(number);
    struct ps_key first = ps_key_entry(number, 0);
    struct ps_key end = ps_key_entry(number, PS_MET_TABLE);
    p2psync_result result = ps_db_delete(it->txn, PS_DB_LOG_NUMBERS, ps_key_view(&key));
    if (result == P2PSYNC_OK) {
        result = ps_db_delete(it->txn, PS_DB_UNSETTLED, ps_key_view(&key));
    }
    if (result == P2PSYNC_OK) {
        result = ps_waiting_drop(it->txn, number);
    }
    return result == P2PSYNC_OK
               ? ps_db_clear_range(it->txn, PS_DB_DAMAGED, ps_key_view(&first), ps_key_view(&end))
               : result;
}

/* Saving a log lists it if it is not settled. */
static p2psync_result complete_unsettled(struct salvage *it)
{
    struct ps_collection_walk walk = {.txn = it->txn};
    struct ps_collection collection;
    while (it->rotten[PS_DB_UNSETTLED] > 0 && ps_collection_walk_next(&walk, &collection)) {
        struct ps_log_walk logs = {.txn = it->txn, .collection = collection.number};
        struct ps_log log;
        while (ps_log_walk_next(&logs, &log)) {
            logs.result = log.settled < log.size ? ps_log_save(it->txn, &log) : P2PSYNC_OK;
        }
        walk.result = logs.result;
    }
    return walk.result;
}

/* What nobody can tell from a row that is lost is looked at anew: who waits, what is to be merged
 * again, what was damaged, and what of records has several versions. */
static p2psync_result look_anew(struct salvage *it)
{
    const uint64_t *rotten = it->rotten;
    bool waits = rotten[PS_DB_WAITING] + rotten[PS_DB_AWAITED] > 0;
    p2psync_result result = P2PSYNC_OK;
    if (waits || it->doubt) {
        result = ps_waiting_rejudge(it->txn);
    }
    if (result == P2PSYNC_OK) {
        result = ps_waiting_recount(it->txn);
    }
    if (result == P2PSYNC_OK) {
        result = list(it, rotten[PS_DB_CONFLICTS] + rotten[PS_DB_DAMAGED] > 0);
    }
    if (result == P2PSYNC_OK && rotten[PS_DB_BEGUN] + rotten[PS_DB_LOGS] > 0) {
        result = count_begun(it);
    }
    if (result == P2PSYNC_OK &&
        rotten[PS_DB_ROLES] + rotten[PS_DB_ENDS] + rotten[PS_DB_SHOWN] > 0) {
        result = ps_shown_forget(it->txn);
    }
    return result;
}

/* List collections of which records are to be worked out anew: all, or those in which something
 * waits; and those with several versions of a record as stale. */
static p2psync_result list(struct salvage *it, bool all)
{
    bool waits = it->rotten[PS_DB_WAITING] + it->rotten[PS_DB_AWAITED] > 0;
    struct ps_collection_walk walk = {.txn = it->txn};
    struct ps_collection collection;
    while (ps_collection_walk_next(&walk, &collection)) {
        struct ps_log_walk logs = {.txn = it->txn, .collection = collection.number};
        struct ps_conflict_walk conflicts = {.txn = it->txn, .collection = collection.number};
        struct ps_log_brief log;
        struct ps_conflict_item item;
        bool listed = all;
        while (waits && !listed && ps_log_walk_next_brief(&logs, &log)) {
            listed = log.applied < log.settled;
        }
        walk.result = logs.result;
        if (walk.result == P2PSYNC_OK && listed) {
            walk.result = ps_damage_add_rows(it->txn, collection.number);
        }
        if (walk.result == P2PSYNC_OK && it->rotten[PS_DB_STALE] > 0 &&
            ps_conflict_walk_next(&conflicts, &item)) {
            walk.result = ps_stale_add_from(it->txn, collection.number, ps_bytes(NULL, 0));
        }
        walk.result = walk.result == P2PSYNC_OK ? conflicts.result : walk.result;
    }
    return walk.result;
}

static p2psync_result count_begun(struct salvage *it)
{
    struct ps_key from = {.size = 0};
    struct ps_row row;
    p2psync_result result = ps_db_clear(it->txn, PS_DB_BEGUN);
    while (ps_db_walk_next(it->txn, PS_DB_LOGS, &from, &result, &row)) {
        struct ps_origin origin;
        if (ps_log_row_origin(row.value, &origin)) {
            result = ps_begun_add(it->txn, &origin.device, 1);
        }
    }
    return result;
}
