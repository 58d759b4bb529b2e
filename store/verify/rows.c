/* Rows against logs, as store/verify/rows.h says.
 *
 * The version of a record is the set of its changes that no other one names as a parent. So a bit
 * for each change of the collection is enough: first the logs are walked, and the bit of every
 * change that is named is set. Then the rows are walked: each version must be a change without the
 * bit, of that record, and as many changes as have none must be met in all. No two rows can hold
 * the same change, because it is of one record; so if the numbers agree, no row and no version is
 * missing.
 *
 * The bits cost no more memory than the changes that are here: of a log that claims very many more
 * nothing can be told, and versions that name it are wrong. */
#include "store/verify/rows.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/log.h"
#include "store/log/waiting.h"
#include "store/merge/conflict.h"
#include "store/merge/stale.h"
#include "store/record/rebuild.h"

#define TOLD_EVERY 4096 /* changes or records, until it is told how far this is */

struct bits {
    uint32_t number;
    struct ps_log log;
    uint64_t *words; /* of its own entries: bit seq - log.begin is set if the change is named */
};

struct walk {
    struct ps_txn *txn;
    uint32_t collection;
    struct ps_rows_check *check;
    struct bits *logs; /* ascending by number */
    size_t log_count;
    bool lost; /* a change is damaged: nobody knows what it names */
    uint64_t untold;
    uint64_t valid; /* changes that are applied and not inert */
    uint64_t named; /* of those */
    uint64_t versions;
    uint64_t live;
    uint64_t conflicts;
};

static p2psync_result open_logs(struct walk *walk);
static int compare_numbers(const void *a, const void *b);
static struct bits *find_log(const struct walk *walk, uint32_t number);
static p2psync_result walk_log(struct walk *walk, struct bits *log);
static p2psync_result name_parent(struct walk *walk, const struct bits *log,
                                  const struct ps_parent *parent);
static p2psync_result walk_rows(struct walk *walk);
static p2psync_result check_row(struct walk *walk, struct ps_bytes id,
                                const struct ps_record_row *row);
static p2psync_result check_version(struct walk *walk, struct ps_bytes id,
                                    const struct ps_version *version, bool *good_out);
static p2psync_result check_value(struct walk *walk, const struct ps_version *version,
                                  bool *good_out);
static p2psync_result check_view(struct walk *walk, struct ps_bytes id,
                                 const struct ps_record_row *row, bool *good_out);
static p2psync_result check_index(struct walk *walk);
static p2psync_result check_counts(struct walk *walk);
static p2psync_result tell(struct walk *walk);
static bool is_damage(p2psync_result result);

p2psync_result ps_rows_check(struct ps_txn *txn, uint32_t collection, struct ps_rows_check *check)
{
    struct walk walk = {.txn = txn, .collection = collection, .check = check};
    p2psync_result result = open_logs(&walk);
    for (size_t i = 0; i < walk.log_count && result == P2PSYNC_OK; i++) {
        result = walk_log(&walk, &walk.logs[i]);
    }
    if (result == P2PSYNC_OK) {
        result = walk_rows(&walk);
    }
    if (result == P2PSYNC_OK) {
        result = check_index(&walk);
    }
    if (result == P2PSYNC_OK) {
        result = check_counts(&walk);
    }
    for (size_t i = 0; i < walk.log_count; i++) {
        free(walk.logs[i].words);
    }
    free(walk.logs);
    return result;
}

static p2psync_result open_logs(struct walk *walk)
{
    struct ps_log_walk logs = {.txn = walk->txn, .collection = walk->collection};
    struct ps_log log;
    size_t capacity = 0;
    uint64_t words_left = 0; /* one for each change that is here has room for 64 times as many */
    logs.result = ps_db_count(walk->txn, PS_DB_ENTRIES, &words_left);
    while (ps_log_walk_next(&logs, &log)) {
        uint64_t words = (log.size - log.begin) / 64;
        if (words > words_left) {
            walk->lost = true;
            continue;
        }
        words_left -= words;
        if (walk->log_count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            struct bits *grown = reallocarray(walk->logs, capacity, sizeof *grown);
            if (grown == NULL) {
                return P2PSYNC_ENOMEM;
            }
            walk->logs = grown;
        }
        struct bits *bits = &walk->logs[walk->log_count];
        *bits = (struct bits){.number = log.number, .log = log};
        bits->words = calloc((size_t)words + 1, sizeof *bits->words);
        if (bits->words == NULL) {
            return P2PSYNC_ENOMEM;
        }
        walk->log_count++;
    }
    if (walk->log_count > 1) {
        qsort(walk->logs, walk->log_count, sizeof *walk->logs, compare_numbers);
    }
    return logs.result;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct bits *one = a;
    const struct bits *other = b;
    return one->number < other->number ? -1 : one->number > other->number ? 1 : 0;
}

static struct bits *find_log(const struct walk *walk, uint32_t number)
{
    const struct bits key = {.number = number};
    return walk->log_count == 0
               ? NULL
               : bsearch(&key, walk->logs, walk->log_count, sizeof *walk->logs, compare_numbers);
}

/* Name the parents of all changes that are applied and valid. */
static p2psync_result walk_log(struct walk *walk, struct bits *log)
{
    p2psync_result result = P2PSYNC_OK;
    for (uint64_t seq = log->log.begin; seq < log->log.settled && result == P2PSYNC_OK; seq++) {
        struct ps_stored entry;
        struct ps_skeleton skeleton;
        bool applied = seq < log->log.applied;
        if (!applied) {
            result = ps_waiting_is_applied(walk->txn, &log->log, seq, &applied);
        }
        if (result == P2PSYNC_OK) {
            result = tell(walk);
        }
        if (result != P2PSYNC_OK || !applied) {
            continue;
        }
        result = ps_stored_get_own(walk->txn, log->number, seq, &entry);
        if (is_damage(result)) {
            walk->lost = true; /* counted by the check of its log */
            result = P2PSYNC_OK;
            continue;
        }
        if (result != P2PSYNC_OK || entry.inert ||
            ps_skeleton_decode(entry.skeleton, &skeleton) != P2PSYNC_OK) {
            continue;
        }
        walk->valid++;
        for (size_t i = 0; i < skeleton.parent_count && result == P2PSYNC_OK; i++) {
            result = name_parent(walk, log, &skeleton.parents[i]);
        }
    }
    return result;
}

static p2psync_result name_parent(struct walk *walk, const struct bits *log,
                                  const struct ps_parent *parent)
{
    struct ps_log_place place = {.number = log->number};
    bool own = ps_tag_compare(parent->dot.origin, log->log.id.origin) == 0;
    if (!own || ps_log_is_forked(&log->log)) {
        p2psync_result result = ps_log_locate(walk->txn, walk->collection, parent, &place);
        if (result != P2PSYNC_OK) {
            walk->check->bad += is_damage(result) ? 1 : 0;
            return is_damage(result) ? P2PSYNC_OK : result;
        }
    }
    const struct bits *its = find_log(walk, place.number);
    uint64_t index = its != NULL ? parent->dot.seq - its->log.begin : 0;
    if (its == NULL || parent->dot.seq < its->log.begin || parent->dot.seq >= its->log.size) {
        walk->check->bad++;
        return P2PSYNC_OK;
    }
    uint64_t bit = UINT64_C(1) << index % 64;
    walk->named += (its->words[index / 64] & bit) == 0 ? 1 : 0;
    its->words[index / 64] |= bit;
    return P2PSYNC_OK;
}

static p2psync_result walk_rows(struct walk *walk)
{
    struct ps_record_cursor cursor;
    struct ps_record_row row;
    struct ps_bytes id;
    p2psync_result result =
        ps_record_cursor_open(walk->txn, walk->collection, ps_bytes(NULL, 0), &cursor);
    if (result != P2PSYNC_OK) {
        return result;
    }
    while (result == P2PSYNC_OK) {
        result = ps_record_cursor_next(&cursor, &id, &row);
        if (result == P2PSYNC_OK) {
            result = tell(walk);
        }
        if (result == P2PSYNC_OK) {
            result = check_row(walk, id, &row);
        }
    }
    ps_record_cursor_close(&cursor);
    if (result == P2PSYNC_ECORRUPT) {
        walk->check->bad++; /* where the walk ended: the numbers will not agree either */
        return P2PSYNC_OK;
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

static p2psync_result check_row(struct walk *walk, struct ps_bytes id,
                                const struct ps_record_row *row)
{
    struct ps_view view;
    bool good = row->version_count > 0;
    p2psync_result result = P2PSYNC_OK;
    for (uint32_t i = 0; i < row->version_count && result == P2PSYNC_OK; i++) {
        struct ps_version version;
        bool version_good = false;
        ps_record_version(row, i, &version);
        result = check_version(walk, id, &version, &version_good);
        good = good && version_good && row->created_hlc <= version.hlc;
        walk->versions++;
    }
    if (result == P2PSYNC_OK && good && row->version_count > 1) {
        result = check_view(walk, id, row, &good);
    }
    ps_record_view(row, &view);
    walk->live += view.state == PS_RECORD_LIVE ? 1 : 0;
    walk->conflicts += view.conflict ? 1 : 0;
    walk->check->bad += good ? 0 : 1;
    return result;
}

static p2psync_result check_version(struct walk *walk, struct ps_bytes id,
                                    const struct ps_version *version, bool *good_out)
{
    const struct bits *log = find_log(walk, version->log);
    uint64_t seq = version->dot.seq;
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    *good_out = false;
    if (log == NULL || seq < log->log.begin || seq >= log->log.settled ||
        ps_tag_compare(version->dot.origin, log->log.id.origin) != 0) {
        return P2PSYNC_OK;
    }
    uint64_t index = seq - log->log.begin;
    bool named = (log->words[index / 64] >> index % 64 & 1U) != 0;
    p2psync_result result = ps_stored_get_own(walk->txn, version->log, seq, &entry);
    if (is_damage(result)) {
        *good_out = !named; /* it is the entry that is damaged, and counted as that */
        return P2PSYNC_OK;
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    bool good = !named && !entry.inert &&
                memcmp(entry.leaf, version->leaf, sizeof entry.leaf) == 0 &&
                ps_skeleton_decode(entry.skeleton, &skeleton) == P2PSYNC_OK &&
                ps_bytes_equal(skeleton.record_id, id) && skeleton.hlc == version->hlc &&
                ps_record_state_after(skeleton.op_and_flags) == version->state;
    *good_out = good;
    return good && version->has_value ? check_value(walk, version, good_out) : P2PSYNC_OK;
}

static p2psync_result check_value(struct walk *walk, const struct ps_version *version,
                                  bool *good_out)
{
    const struct ps_rebuild from = {
        .collection = walk->collection, .log = version->log, .seq = version->dot.seq};
    struct ps_buf value;
    struct ps_rebuild_past past;
    ps_buf_init(&value, PS_VALUE_SIZE_MAX);
    p2psync_result result = ps_rebuild(walk->txn, &from, &value, &past);
    if (result == P2PSYNC_OK) {
        *good_out =
            past.depth == version->depth && ps_bytes_equal(ps_buf_view(&value), version->value);
    }
    ps_buf_deinit(&value);
    /* What it is built from may be damaged: that is counted by the check of its log. */
    return is_damage(result) ? P2PSYNC_OK : result;
}

/* What is seen of several versions. What is listed as stale is known to be behind. */
static p2psync_result check_view(struct walk *walk, struct ps_bytes id,
                                 const struct ps_record_row *row, bool *good_out)
{
    struct ps_buf shown;
    bool stale = false;
    p2psync_result result = ps_stale_has(walk->txn, walk->collection, id, &stale);
    if (result != P2PSYNC_OK || stale) {
        return is_damage(result) ? P2PSYNC_OK : result;
    }
    ps_buf_init(&shown, SIZE_MAX / 2);
    result = ps_conflict_show(walk->txn, walk->collection, row, &shown);
    if (result == P2PSYNC_OK) {
        *good_out = ps_bytes_equal(ps_buf_view(&shown), row->bytes);
    }
    ps_buf_deinit(&shown);
    return is_damage(result) ? P2PSYNC_OK : result;
}

/* Every record with several versions is listed, and says whether it is a conflict. */
static p2psync_result check_index(struct walk *walk)
{
    struct ps_conflict_walk items =
        ps_conflict_walk_from(walk->txn, walk->collection, ps_bytes(NULL, 0));
    struct ps_conflict_item item;
    uint64_t conflicts = 0;
    while (ps_conflict_walk_next(&items, &item)) {
        struct ps_record_row row;
        bool several = ps_record_get(walk->txn, walk->collection, item.id, &row) == P2PSYNC_OK &&
                       row.version_count > 1;
        walk->check->bad += several ? 0 : 1;
        conflicts += item.conflict ? 1 : 0;
    }
    walk->check->bad += items.result != P2PSYNC_OK || conflicts != walk->conflicts ? 1 : 0;
    return items.result == P2PSYNC_OK || is_damage(items.result) ? P2PSYNC_OK : items.result;
}

static p2psync_result check_counts(struct walk *walk)
{
    struct ps_collection collection;
    uint64_t changes = 0;
    p2psync_result result = ps_collection_by_number(walk->txn, walk->collection, &collection);
    if (result != P2PSYNC_OK) {
        return result;
    }
    for (size_t i = 0; i < walk->log_count; i++) {
        changes += walk->logs[i].log.size - walk->logs[i].log.begin;
    }
    uint64_t *bad = &walk->check->bad;
    *bad += !walk->lost && walk->versions != walk->valid - walk->named ? 1 : 0;
    *bad += collection.records != walk->live ? 1 : 0;
    *bad += collection.conflicts != walk->conflicts ? 1 : 0;
    *bad += collection.changes != changes || collection.logs != walk->log_count ? 1 : 0;
    return P2PSYNC_OK;
}

static p2psync_result tell(struct walk *walk)
{
    struct ps_rows_check *check = walk->check;
    check->checked++;
    walk->untold++;
    if (walk->untold < TOLD_EVERY) {
        return P2PSYNC_OK;
    }
    bool goes_on = check->goes_on == NULL || check->goes_on(check->user, walk->untold);
    walk->untold = 0;
    return goes_on ? P2PSYNC_OK : P2PSYNC_ECANCELLED;
}

static bool is_damage(p2psync_result result)
{
    return result == P2PSYNC_ECORRUPT || result == P2PSYNC_ENOTFOUND;
}
