/* Iterators: the records of a collection in id order, each followed by its copies; or only those
 * that are conflicts. */
#include <stdlib.h>
#include <string.h>

#include "node/api/snapshot.h"
#include "store/merge/conflict.h"

struct p2psync_iterator {
    p2psync_snapshot *snapshot;
    uint32_t collection;
    bool conflicts;               /* only they are wanted */
    struct ps_conflict_walk walk; /* over them */
    bool deleted;                 /* wanted too */
    struct ps_record_cursor cursor;
    size_t prefix_size;
    uint8_t prefix[PS_COPY_ID_SIZE_MAX];
    size_t looked_at; /* bytes of the prefix: up to there it was looked for the ids of copies */
    /* The record whose copies come next. */
    struct ps_bytes id;
    struct ps_record_row row;
    uint32_t version; /* the next one to look at */
};

static p2psync_result open_iterator(p2psync_snapshot *snapshot, const char *collection,
                                    const char *prefix, p2psync_iterator **out);
static p2psync_result next_any(p2psync_iterator *iterator, struct p2psync_record *out);
static p2psync_result next_copy(p2psync_iterator *iterator, struct p2psync_record *out);
static p2psync_result next_in_prefix(p2psync_iterator *iterator);
static p2psync_result next_record(p2psync_iterator *iterator, struct p2psync_record *out);
static p2psync_result next_conflict(p2psync_iterator *iterator, struct p2psync_record *out);

p2psync_result p2psync_iterator_open(p2psync_snapshot *snapshot, const char *collection,
                                     const struct p2psync_range *given, p2psync_iterator **out)
{
    struct p2psync_range range = {.size = sizeof(range)};
    if (snapshot == NULL || collection == NULL || out == NULL ||
        (given != NULL && !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_range, conflicts),
                                         &range, sizeof(range)))) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_iterator *iterator = NULL;
    p2psync_result result = open_iterator(snapshot, collection, range.prefix, &iterator);
    if (result != P2PSYNC_OK) {
        return result;
    }
    iterator->deleted = range.deleted;
    iterator->conflicts = range.conflicts;
    iterator->walk =
        ps_conflict_walk_after(&snapshot->txn, iterator->collection, ps_bytes(NULL, 0));
    result =
        ps_record_cursor_open(&snapshot->txn, iterator->collection,
                              ps_bytes(iterator->prefix, iterator->prefix_size), &iterator->cursor);
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
    p2psync_result result =
        iterator->conflicts ? next_conflict(iterator, &record) : next_any(iterator, &record);
    if (result == P2PSYNC_OK) {
        ps_sized_write(out, &record, sizeof(record));
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_EEND : result;
}

static p2psync_result next_any(p2psync_iterator *iterator, struct p2psync_record *out)
{
    p2psync_result result = next_copy(iterator, out);
    while (result == P2PSYNC_ENOTFOUND && iterator->looked_at < iterator->prefix_size) {
        result = next_in_prefix(iterator);
        if (result == P2PSYNC_OK) {
            result = next_copy(iterator, out);
        }
    }
    return result == P2PSYNC_ENOTFOUND ? next_record(iterator, out) : result;
}

void p2psync_iterator_close(p2psync_iterator *iterator)
{
    if (iterator != NULL) {
        ps_record_cursor_close(&iterator->cursor);
        free(iterator);
    }
}

static p2psync_result open_iterator(p2psync_snapshot *snapshot, const char *collection,
                                    const char *prefix, p2psync_iterator **out)
{
    uint32_t number = 0;
    struct ps_bytes wanted = ps_bytes_text(prefix != NULL ? prefix : "");
    p2psync_result result = ps_snapshot_collection(snapshot, collection, &number);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (wanted.size > PS_COPY_ID_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    p2psync_iterator *iterator = calloc(1, sizeof(*iterator));
    if (iterator == NULL) {
        return P2PSYNC_ENOMEM;
    }
    iterator->snapshot = snapshot;
    iterator->collection = number;
    iterator->prefix_size = wanted.size;
    memcpy(iterator->prefix, wanted.data, wanted.size);
    *out = iterator;
    return P2PSYNC_OK;
}

/* The next copy of the record that came last, if it has one more. */
static p2psync_result next_copy(p2psync_iterator *iterator, struct p2psync_record *out)
{
    p2psync_snapshot *snapshot = iterator->snapshot;
    while (iterator->version < iterator->row.version_count) {
        struct ps_version version;
        ps_record_version(&iterator->row, iterator->version, &version);
        iterator->version++;
        if (!version.is_copy) {
            continue;
        }
        p2psync_result result =
            ps_snapshot_copy(snapshot, iterator->id, &iterator->row, &version, out);
        if (result != P2PSYNC_OK ||
            (out->id_size >= iterator->prefix_size &&
             memcmp(out->id, iterator->prefix, iterator->prefix_size) == 0)) {
            return result;
        }
    }
    return P2PSYNC_ENOTFOUND;
}

/* A prefix that reaches into the id of a copy is that of no record: take the next record whose
 * copies may begin so. */
static p2psync_result next_in_prefix(p2psync_iterator *iterator)
{
    const uint8_t *begin = iterator->prefix + iterator->looked_at;
    const uint8_t *at = memchr(begin, '@', iterator->prefix_size - iterator->looked_at);
    iterator->version = 0;
    iterator->row.version_count = 0;
    if (at == NULL) {
        iterator->looked_at = iterator->prefix_size;
        return P2PSYNC_ENOTFOUND;
    }
    size_t size = (size_t)(at - iterator->prefix);
    iterator->looked_at = size + 1;
    iterator->id = ps_bytes(iterator->prefix, size);
    return ps_record_get(&iterator->snapshot->txn, iterator->collection, iterator->id,
                         &iterator->row);
}

static p2psync_result next_record(p2psync_iterator *iterator, struct p2psync_record *out)
{
    p2psync_result result = P2PSYNC_OK;
    do { /* ends with the collection; a record that is deleted has no copies */
        result = ps_record_cursor_next(&iterator->cursor, &iterator->id, &iterator->row);
        iterator->version = result == P2PSYNC_OK ? 0 : iterator->row.version_count;
        if (result == P2PSYNC_OK) {
            result = ps_snapshot_record(iterator->snapshot, iterator->id, &iterator->row, out);
        }
    } while (result == P2PSYNC_OK && out->deleted && !iterator->deleted);
    return result;
}

static p2psync_result next_conflict(p2psync_iterator *iterator, struct p2psync_record *out)
{
    struct ps_conflict_item item = {.conflict = false};
    struct ps_record_row row;
    p2psync_snapshot *snapshot = iterator->snapshot;
    bool found = ps_conflict_walk_next(&iterator->walk, &item);
    while (found && !item.conflict) {
        found = ps_conflict_walk_next(&iterator->walk, &item);
    }
    if (!found) {
        return iterator->walk.result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : iterator->walk.result;
    }
    p2psync_result result = ps_record_get(&snapshot->txn, iterator->collection, item.id, &row);
    if (result == P2PSYNC_OK) {
        result = ps_snapshot_record(snapshot, item.id, &row, out);
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}
