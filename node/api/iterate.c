/* Iterators: the records of a collection in the order of their ids, each followed by its copies; or
 * all that the other way round; or only those that are conflicts.
 *
 * Each step of the cursor gives a row, and of a row come, in this order, the record itself and each
 * version that is shown as a copy. These places of a row are counted: RECORD, then the versions by
 * their index. So a walk in either direction, from any place on, is a matter of where to begin. */
#include <stdlib.h>
#include <string.h>

#include "node/api/snapshot.h"
#include "store/log/collection.h"
#include "store/log/damage.h"
#include "store/log/log.h"
#include "store/merge/conflict.h"
#include "store/merge/stale.h"

#define RECORD (-1) /* the place of the record itself */

struct p2psync_iterator {
    p2psync_snapshot *snapshot;
    uint32_t collection;
    struct p2psync_range range; /* its texts are the app's: not used after the opening */
    uint64_t left;              /* of the limit */
    struct ps_record_cursor cursor;
    bool cursor_ended;
    uint64_t counted; /* of the rows that came: live records, or conflicts */
    size_t prefix_size;
    uint8_t prefix[PS_COPY_ID_SIZE_MAX];
    size_t at; /* in the prefix: up to there it was looked for ids of records with copies */
    /* Where the walk begins, if it was said; until then. */
    bool has_start;
    struct ps_bytes start; /* the record */
    size_t start_size;
    uint8_t start_text[PS_COPY_ID_SIZE_MAX]; /* as the app said it: maybe a copy */
    /* The row whose places come next. */
    struct ps_bytes id;
    struct ps_record_row row;
    struct ps_buf shown; /* the row, if the store has an old one (store/merge/stale.h) */
    int64_t place;
    int64_t place_end; /* one step after the last place */
};

static p2psync_result new_iterator(p2psync_snapshot *snapshot, const char *collection,
                                   const struct p2psync_range *range, p2psync_iterator **out);
static p2psync_result set_start(p2psync_iterator *iterator, const char *text);
static p2psync_result open_cursor(p2psync_iterator *iterator);
static p2psync_result next_any(p2psync_iterator *iterator, struct p2psync_record *out);
static p2psync_result next_place(p2psync_iterator *iterator, struct p2psync_record *out);
static p2psync_result fill_place(p2psync_iterator *iterator, int64_t place,
                                 struct p2psync_record *out, bool *wanted_out);
static p2psync_result next_row(p2psync_iterator *iterator);
static p2psync_result next_of_cursor(p2psync_iterator *iterator);
static p2psync_result next_conflict(p2psync_iterator *iterator);
static p2psync_result check_damage(struct ps_txn *txn, uint32_t collection);
static p2psync_result check_count(p2psync_iterator *iterator);
static p2psync_result next_in_prefix(p2psync_iterator *iterator);
static bool find_at(p2psync_iterator *iterator);
static bool begin_row(p2psync_iterator *iterator);
static int64_t start_place(const p2psync_iterator *iterator);

p2psync_result p2psync_iterator_open(p2psync_snapshot *snapshot, const char *collection,
                                     const struct p2psync_range *given, p2psync_iterator **out)
{
    struct p2psync_range range = {.size = sizeof range};
    if (snapshot == NULL || collection == NULL || out == NULL ||
        (given != NULL && !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_range, conflicts),
                                         &range, sizeof range)) ||
        (range.from != NULL && range.after != NULL)) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_iterator *iterator = NULL;
    p2psync_result result = new_iterator(snapshot, collection, &range, &iterator);
    if (result != P2PSYNC_OK) {
        return result;
    }
    const char *start = range.from != NULL ? range.from : range.after;
    result = start != NULL ? set_start(iterator, start) : P2PSYNC_OK;
    if (result == P2PSYNC_OK) {
        result = open_cursor(iterator);
    }
    if (result != P2PSYNC_OK) {
        p2psync_iterator_close(iterator);
        return result;
    }
    *out = iterator;
    return P2PSYNC_OK;
}

p2psync_result p2psync_iterator_next(p2psync_iterator *iterator, struct p2psync_record *out)
{
    if (iterator == NULL || !ps_sized_valid(out, PS_RECORD_OUT_SIZE_MIN)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_record record;
    p2psync_result result = iterator->left > 0 ? next_any(iterator, &record) : P2PSYNC_ENOTFOUND;
    if (result == P2PSYNC_OK) {
        iterator->left--;
        ps_sized_write(out, &record, sizeof record);
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_EEND : result;
}

void p2psync_iterator_close(p2psync_iterator *iterator)
{
    if (iterator != NULL) {
        ps_record_cursor_close(&iterator->cursor);
        ps_buf_deinit(&iterator->shown);
        free(iterator);
    }
}

/* ---- opening ---- */

static p2psync_result new_iterator(p2psync_snapshot *snapshot, const char *collection,
                                   const struct p2psync_range *range, p2psync_iterator **out)
{
    uint32_t number = 0;
    struct ps_bytes wanted = ps_bytes_text(range->prefix != NULL ? range->prefix : "");
    p2psync_result result = ps_snapshot_collection(snapshot, collection, &number);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (wanted.size > PS_COPY_ID_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    p2psync_iterator *iterator = calloc(1, sizeof *iterator);
    if (iterator == NULL) {
        return P2PSYNC_ENOMEM;
    }
    ps_buf_init(&iterator->shown, UINT32_MAX);
    iterator->snapshot = snapshot;
    iterator->collection = number;
    iterator->range = *range;
    iterator->left = range->limit > 0 ? range->limit : UINT64_MAX;
    iterator->prefix_size = wanted.size;
    iterator->at = range->reverse ? wanted.size : 0;
    memcpy(iterator->prefix, wanted.data, wanted.size);
    *out = iterator;
    return P2PSYNC_OK;
}

static p2psync_result set_start(p2psync_iterator *iterator, const char *text)
{
    struct ps_bytes id = ps_bytes_text(text);
    struct ps_bytes record;
    struct ps_dot dot;
    if (id.size > PS_COPY_ID_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    memcpy(iterator->start_text, id.data, id.size);
    iterator->start_size = id.size;
    id.data = iterator->start_text;
    iterator->start = ps_copy_id_split(id, &record, &dot) ? record : id;
    iterator->has_start = true;
    return iterator->start.size > PS_RECORD_ID_SIZE_MAX ? P2PSYNC_ELIMIT : P2PSYNC_OK;
}

static p2psync_result open_cursor(p2psync_iterator *iterator)
{
    struct ps_txn *txn = &iterator->snapshot->txn;
    struct ps_bytes prefix = ps_bytes(iterator->prefix, iterator->prefix_size);
    p2psync_result result =
        iterator->range.conflicts
            ? ps_conflict_cursor_open(txn, iterator->collection, prefix, &iterator->cursor)
            : ps_record_cursor_open(txn, iterator->collection, prefix, &iterator->cursor);
    if (result == P2PSYNC_OK && iterator->has_start) {
        ps_record_cursor_begin(&iterator->cursor, iterator->start, iterator->range.reverse);
    } else if (result == P2PSYNC_OK && iterator->range.reverse) {
        ps_record_cursor_begin_last(&iterator->cursor);
    }
    return result;
}

/* ---- walking ---- */

static p2psync_result next_any(p2psync_iterator *iterator, struct p2psync_record *out)
{
    p2psync_result result = next_place(iterator, out);
    while (result == P2PSYNC_ENOTFOUND) { /* ends with the rows */
        result = next_row(iterator);
        if (result != P2PSYNC_OK) {
            return result;
        }
        result = next_place(iterator, out);
    }
    return result;
}

/* The next place of the row at hand that is wanted. Errors  P2PSYNC_ENOTFOUND it has none. */
static p2psync_result next_place(p2psync_iterator *iterator, struct p2psync_record *out)
{
    int64_t step = iterator->range.reverse ? -1 : 1;
    while (iterator->place != iterator->place_end) {
        bool wanted = false;
        p2psync_result result = fill_place(iterator, iterator->place, out, &wanted);
        iterator->place += step;
        if (result != P2PSYNC_OK || wanted) {
            return result;
        }
    }
    return P2PSYNC_ENOTFOUND;
}

static p2psync_result fill_place(p2psync_iterator *iterator, int64_t place,
                                 struct p2psync_record *out, bool *wanted_out)
{
    p2psync_snapshot *snapshot = iterator->snapshot;
    struct ps_version version;
    p2psync_result result = P2PSYNC_OK;
    if (place == RECORD) {
        result = ps_snapshot_record(snapshot, iterator->id, &iterator->row, out);
    } else {
        ps_record_version(&iterator->row, (uint32_t)place, &version);
        if (!version.is_copy || iterator->range.conflicts) {
            return P2PSYNC_OK;
        }
        result = ps_snapshot_copy(snapshot, iterator->id, &iterator->row, &version, out);
    }
    *wanted_out = result == P2PSYNC_OK && (!out->deleted || iterator->range.deleted) &&
                  (!out->archived || iterator->range.archived) &&
                  out->id_size >= iterator->prefix_size &&
                  memcmp(out->id, iterator->prefix, iterator->prefix_size) == 0;
    return result;
}

/* The next row, with its places; rows before the start are passed over. In the order of ids those
 * whose copies alone begin with the prefix come first. */
static p2psync_result next_row(p2psync_iterator *iterator)
{
    p2psync_result result = P2PSYNC_OK;
    do { /* ends with the rows */
        bool reverse = iterator->range.reverse;
        result = reverse ? next_of_cursor(iterator) : next_in_prefix(iterator);
        if (result == P2PSYNC_ENOTFOUND) {
            result = reverse ? next_in_prefix(iterator) : next_of_cursor(iterator);
        }
    } while (result == P2PSYNC_OK && !begin_row(iterator));
    return result;
}

static p2psync_result next_of_cursor(p2psync_iterator *iterator)
{
    p2psync_result result = iterator->cursor_ended ? P2PSYNC_ENOTFOUND : P2PSYNC_OK;
    if (result == P2PSYNC_OK && iterator->range.conflicts) {
        result = next_conflict(iterator);
    } else if (result == P2PSYNC_OK) {
        result = ps_record_cursor_next(&iterator->cursor, &iterator->id, &iterator->row);
        if (result == P2PSYNC_OK) {
            struct ps_view view;
            ps_record_view(&iterator->row, &view); /* a stale one is counted as it was */
            iterator->counted += view.state == PS_RECORD_LIVE ? 1 : 0;
            result = ps_stale_renew(&iterator->snapshot->txn, iterator->collection, iterator->id,
                                    &iterator->row, &iterator->shown);
        }
    }
    if (result == P2PSYNC_ENOTFOUND && !iterator->cursor_ended) {
        iterator->cursor_ended = true;
        result = check_count(iterator);
    }
    return result;
}

/* The list says of a stale record what it was. */
static p2psync_result next_conflict(p2psync_iterator *iterator)
{
    struct ps_txn *txn = &iterator->snapshot->txn;
    struct ps_conflict_item item;
    struct ps_view view = {.conflict = false};
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && !view.conflict) { /* ends with the list */
        bool stale = false;
        result = ps_conflict_cursor_next(&iterator->cursor, &item);
        iterator->counted += result == P2PSYNC_OK && item.conflict ? 1 : 0;
        if (result == P2PSYNC_OK && !item.conflict) {
            result = ps_stale_has(txn, iterator->collection, item.id, &stale);
        }
        if (result != P2PSYNC_OK || (!item.conflict && !stale)) {
            continue;
        }
        iterator->id = item.id;
        result = ps_stale_get(txn, iterator->collection, item.id, &iterator->row, &iterator->shown);
        if (result == P2PSYNC_OK) {
            ps_record_view(&iterator->row, &view);
        } else if (result == P2PSYNC_ENOTFOUND) {
            result = P2PSYNC_ECORRUPT;
        }
    }
    return result;
}

/* A change that this disk has lost before it was applied may be of any record: then nobody can say
 * that all are here. P2PSYNC_ECORRUPT there is one. */
static p2psync_result check_damage(struct ps_txn *txn, uint32_t collection)
{
    struct ps_damaged at = {0};
    p2psync_result result = ps_damage_next(txn, &at, &at);
    while (result == P2PSYNC_OK) {
        struct ps_log_brief log;
        result = ps_log_brief_by_number(txn, at.log, &log);
        if (result == P2PSYNC_OK && log.collection == collection && at.seq >= log.settled) {
            return P2PSYNC_ECORRUPT;
        }
        at.seq++;
        result = result == P2PSYNC_OK ? ps_damage_next(txn, &at, &at) : result;
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

/* A walk over all rows must have met as many as the collection has: fewer are a damaged store.
 * Other walks cannot tell. Errors  P2PSYNC_ENOTFOUND all is well: the walk is over;
 * P2PSYNC_ECORRUPT. */
static p2psync_result check_count(p2psync_iterator *iterator)
{
    struct ps_collection collection;
    p2psync_result result = check_damage(&iterator->snapshot->txn, iterator->collection);
    if (result != P2PSYNC_OK || iterator->has_start || iterator->prefix_size > 0) {
        return result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : result;
    }
    result = ps_collection_by_number(&iterator->snapshot->txn, iterator->collection, &collection);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
    }
    uint64_t wanted = iterator->range.conflicts ? collection.conflicts : collection.records;
    return iterator->counted == wanted ? P2PSYNC_ENOTFOUND : P2PSYNC_ECORRUPT;
}

/* A prefix that reaches into the id of a copy is that of no record: take the next record whose
 * copies may begin so, of each '@' that is in it. */
static p2psync_result next_in_prefix(p2psync_iterator *iterator)
{
    p2psync_result result = P2PSYNC_ENOTFOUND;
    while (result == P2PSYNC_ENOTFOUND && !iterator->range.conflicts && find_at(iterator)) {
        result = ps_stale_get(&iterator->snapshot->txn, iterator->collection, iterator->id,
                              &iterator->row, &iterator->shown);
    }
    return result;
}

static bool find_at(p2psync_iterator *iterator)
{
    const uint8_t *prefix = iterator->prefix;
    const uint8_t *found = iterator->range.reverse ? memrchr(prefix, '@', iterator->at)
                                                   : memchr(prefix + iterator->at, '@',
                                                            iterator->prefix_size - iterator->at);
    if (found == NULL) {
        iterator->at = iterator->range.reverse ? 0 : iterator->prefix_size;
        return false;
    }
    size_t size = (size_t)(found - prefix);
    iterator->at = iterator->range.reverse ? size : size + 1;
    iterator->id = ps_bytes(prefix, size);
    return size <= PS_RECORD_ID_SIZE_MAX;
}

/* Set the places of the row at hand that are to come; false if none of them is. */
static bool begin_row(p2psync_iterator *iterator)
{
    int64_t count = iterator->row.version_count;
    bool reverse = iterator->range.reverse;
    int order = iterator->has_start ? ps_bytes_compare(iterator->id, iterator->start) : 0;
    iterator->place = reverse ? count - 1 : RECORD;
    iterator->place_end = reverse ? RECORD - 1 : count;
    if (!iterator->has_start || (reverse ? order < 0 : order > 0)) {
        return true;
    }
    if (order == 0) {
        iterator->place = start_place(iterator);
        return true;
    }
    iterator->place = iterator->place_end;
    return false;
}

/* Of the row in which the walk begins: with which place. */
static int64_t start_place(const p2psync_iterator *iterator)
{
    struct ps_bytes record;
    struct ps_dot dot;
    int64_t count = iterator->row.version_count;
    int64_t step = iterator->range.reverse ? -1 : 1;
    int64_t skipped = iterator->range.after != NULL ? step : 0;
    if (!ps_copy_id_split(ps_bytes(iterator->start_text, iterator->start_size), &record, &dot)) {
        return RECORD + skipped;
    }
    for (int64_t i = 0; i < count; i++) {
        struct ps_version version;
        ps_record_version(&iterator->row, (uint32_t)i, &version);
        if (version.is_copy &&
            ps_dot_compare(ps_record_shown(&iterator->row, &version), dot) == 0) {
            return i + skipped;
        }
    }
    return iterator->range.reverse ? count - 1 : 0;
}
