/* Reading records: snapshots, and single records. What the app gets points into the memory map and
 * is valid as long as the snapshot's transaction; only the list of versions is put together here.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "node/api/snapshot.h"
#include "node/host/time.h"
#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/merge/stale.h"
#include "store/record/record.h"
#include "store/write/write.h"
#include "wire/hlc.h"
#include "wire/map.h"

static p2psync_result get_record(p2psync_snapshot *snapshot, uint32_t collection,
                                 struct ps_bytes id, struct p2psync_record *out);
static p2psync_result get_copy(p2psync_snapshot *snapshot, uint32_t collection, struct ps_bytes id,
                               struct p2psync_record *out);
static void write_versions(struct ps_writer *writer, const struct p2psync_record *record);
static p2psync_result fill_dots(p2psync_snapshot *snapshot, const struct ps_record_row *row);

p2psync_result p2psync_snapshot_open(p2psync_node *node, p2psync_snapshot **out)
{
    if (!ps_node_usable(node) || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (snapshot == NULL) {
        return P2PSYNC_ENOMEM;
    }
    ps_buf_init(&snapshot->value, PS_VALUE_SIZE_MAX);
    p2psync_result result = ps_txn_begin(node->store, false, &snapshot->txn);
    if (result != P2PSYNC_OK) {
        free(snapshot);
        return result;
    }
    *out = snapshot;
    return P2PSYNC_OK;
}

void p2psync_snapshot_close(p2psync_snapshot *snapshot)
{
    if (snapshot != NULL) {
        ps_txn_abort(&snapshot->txn);
        while (snapshot->rows != NULL) {
            struct ps_snapshot_row *next = snapshot->rows->next;
            ps_buf_deinit(&snapshot->rows->bytes);
            free(snapshot->rows);
            snapshot->rows = next;
        }
        ps_buf_deinit(&snapshot->value);
        free(snapshot->dots);
        free(snapshot);
    }
}

p2psync_result p2psync_get(p2psync_snapshot *snapshot, const char *collection, const char *id,
                           struct p2psync_record *out)
{
    if (snapshot == NULL || collection == NULL || id == NULL ||
        !ps_sized_valid(out, PS_RECORD_OUT_SIZE_MIN)) {
        return P2PSYNC_EMISUSE;
    }
    uint32_t number = 0;
    struct p2psync_record found;
    struct ps_bytes wanted = ps_bytes_text(id);
    struct ps_bytes record;
    struct ps_dot dot;
    bool is_copy = ps_copy_id_split(wanted, &record, &dot);
    p2psync_result result = ps_snapshot_collection(snapshot, collection, &number);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = is_copy ? get_copy(snapshot, number, wanted, &found)
                     : get_record(snapshot, number, wanted, &found);
    if (result == P2PSYNC_OK) {
        ps_sized_write(out, &found, sizeof found);
    }
    return result;
}

/* By cursor, because it gives the id as it lies in the map: it must outlive the caller's. In order
 * of bytes an id comes before all that it is a prefix of. */
static p2psync_result get_record(p2psync_snapshot *snapshot, uint32_t collection,
                                 struct ps_bytes id, struct p2psync_record *out)
{
    struct ps_bytes found;
    struct ps_record_row row;
    struct ps_record_cursor cursor = {0};
    if (!ps_record_id_valid(id)) {
        return P2PSYNC_ENOTFOUND;
    }
    p2psync_result result = ps_record_cursor_open(&snapshot->txn, collection, id, &cursor);
    if (result == P2PSYNC_OK) {
        result = ps_record_cursor_next(&cursor, &found, &row);
    }
    if (result == P2PSYNC_OK && !ps_bytes_equal(found, id)) {
        result = P2PSYNC_ENOTFOUND;
    }
    if (result == P2PSYNC_OK) {
        result = ps_snapshot_renew(snapshot, collection, found, &row);
    }
    if (result == P2PSYNC_OK) {
        result = ps_snapshot_record(snapshot, found, &row, out);
    }
    ps_record_cursor_close(&cursor);
    return result;
}

static p2psync_result get_copy(p2psync_snapshot *snapshot, uint32_t collection, struct ps_bytes id,
                               struct p2psync_record *out)
{
    struct ps_record_row row;
    struct ps_version version;
    struct ps_bytes record;
    struct ps_dot dot;
    if (!ps_copy_id_split(id, &record, &dot)) {
        return P2PSYNC_ENOTFOUND;
    }
    p2psync_result result = ps_record_get(&snapshot->txn, collection, record, &row);
    if (result == P2PSYNC_OK) {
        result = ps_snapshot_renew(snapshot, collection, record, &row);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    return ps_record_find_shown(&row, dot, &version) && version.is_copy
               ? ps_snapshot_copy(snapshot, record, &row, &version, out)
               : P2PSYNC_ENOTFOUND;
}

p2psync_result p2psync_copy_parse(const char *id, struct p2psync_copy *out)
{
    struct ps_bytes record;
    struct ps_dot dot;
    uint8_t own[PS_RECORD_ID_SIZE_MAX];
    struct p2psync_copy copy = {.size = 0};
    static_assert(sizeof copy.record == PS_RECORD_ID_SIZE_MAX + 1, "any id fits");
    if (id == NULL || !ps_sized_valid(out, PS_SIZED_UP_TO(struct p2psync_copy, own))) {
        return P2PSYNC_EMISUSE;
    }
    if (!ps_copy_id_split(ps_bytes_text(id), &record, &dot) || !ps_record_id_valid(record)) {
        return P2PSYNC_ENOTFOUND;
    }
    memcpy(copy.record, record.data, record.size);
    memcpy(copy.own, own, ps_copy_id_own(record, dot, own));
    copy.version = ps_outer_dot(dot);
    ps_sized_write(out, &copy, sizeof copy);
    return P2PSYNC_OK;
}

p2psync_result p2psync_record_pack(const struct p2psync_record *given, struct p2psync_buffer *out)
{
    struct p2psync_record whole;
    const struct p2psync_record *record = &whole;
    if (!ps_sized_read(given, PS_RECORD_OUT_SIZE_MIN, &whole, sizeof whole) || out == NULL ||
        record->id == NULL || (record->versions == NULL && record->version_count > 0)) {
        return P2PSYNC_EMISUSE;
    }
    struct ps_buf buf;
    struct ps_writer writer;
    struct ps_map map;
    ps_buf_init(&buf, PS_BUFFER_SIZE_MAX);
    ps_writer_init(&writer, &buf);
    struct ps_device author;
    char author_text[PS_DEVICE_TEXT_SIZE];
    memcpy(author.key, record->author, sizeof author.key);
    ps_device_text(&author, author_text);

    ps_map_begin(&map, &writer);
    ps_map_str(&map, "id", ps_bytes(record->id, record->id_size));
    ps_map_key(&map, "fields");
    if (record->fields.size > 0) {
        ps_write_raw(&writer, ps_bytes(record->fields.data, record->fields.size));
    } else {
        ps_write_map(&writer, 0);
    }
    ps_map_key(&map, "version");
    write_versions(&writer, record);
    ps_map_key(&map, "created");
    ps_time_write(&writer, record->created_ms);
    ps_map_key(&map, "updated");
    ps_time_write(&writer, record->updated_ms);
    ps_map_text(&map, "author", author_text);
    ps_map_bool(&map, "deleted", record->deleted);
    ps_map_bool(&map, "archived", record->archived);
    ps_map_bool(&map, "conflict", record->conflict);
    ps_map_end(&map);
    return ps_buffer_give(ps_writer_finish(&writer), &buf, out);
}

static void write_versions(struct ps_writer *writer, const struct p2psync_record *record)
{
    ps_write_array(writer, record->version_count);
    for (size_t i = 0; i < record->version_count; i++) {
        char text[P2PSYNC_DOT_TEXT_SIZE];
        p2psync_dot_format(&record->versions[i], text);
        ps_write_text(writer, text);
    }
}

p2psync_result ps_snapshot_collection(p2psync_snapshot *snapshot, const char *name,
                                      uint32_t *number_out)
{
    struct ps_bytes bytes = ps_bytes_text(name);
    struct ps_collection collection;
    if (ps_bytes_equal(bytes, ps_bytes(snapshot->collection, snapshot->collection_size)) &&
        bytes.size > 0) {
        *number_out = snapshot->collection_number;
        return P2PSYNC_OK;
    }
    if (!ps_collection_name_valid(bytes)) {
        return P2PSYNC_ENOCOLLECTION;
    }
    p2psync_result result = ps_collection_find(&snapshot->txn, bytes, &collection);
    result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_ENOCOLLECTION : result;
    if (result == P2PSYNC_OK) {
        memcpy(snapshot->collection, bytes.data, bytes.size);
        snapshot->collection_size = bytes.size;
        snapshot->collection_number = collection.number;
        *number_out = collection.number;
    }
    return result;
}

p2psync_result ps_snapshot_renew(p2psync_snapshot *snapshot, uint32_t collection,
                                 struct ps_bytes id, struct ps_record_row *row)
{
    struct ps_buf bytes;
    ps_buf_init(&bytes, UINT32_MAX);
    p2psync_result result = ps_stale_renew(&snapshot->txn, collection, id, row, &bytes);
    struct ps_snapshot_row *kept = bytes.size > 0 ? malloc(sizeof *kept) : NULL;
    if (bytes.size > 0 && kept == NULL) {
        result = P2PSYNC_ENOMEM;
    }
    if (kept == NULL) {
        ps_buf_deinit(&bytes);
        return result;
    }
    *kept = (struct ps_snapshot_row){.next = snapshot->rows, .bytes = bytes};
    snapshot->rows = kept;
    return result;
}

p2psync_result ps_snapshot_record(p2psync_snapshot *snapshot, struct ps_bytes id,
                                  const struct ps_record_row *row, struct p2psync_record *out)
{
    assert(row->version_count > 0);
    struct ps_view view;
    ps_record_view(row, &view);
    p2psync_result result = fill_dots(snapshot, row);
    if (result == P2PSYNC_OK) {
        result = ps_snapshot_author(snapshot, view.log);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    *out = (struct p2psync_record){
        .id = (const char *)id.data,
        .id_size = id.size,
        .versions = snapshot->dots,
        .version_count = row->version_count,
        .created_ms = ps_hlc_ms(row->created_hlc),
        .updated_ms = ps_hlc_ms(view.hlc),
        .deleted = view.state == PS_RECORD_DELETED,
        .archived = view.state == PS_RECORD_ARCHIVED,
        .conflict = view.conflict,
    };
    if (!out->deleted) {
        out->fields.data = view.value.data;
        out->fields.size = view.value.size;
    }
    memcpy(out->author, snapshot->author.key, sizeof out->author);
    return P2PSYNC_OK;
}

p2psync_result ps_snapshot_copy(p2psync_snapshot *snapshot, struct ps_bytes id,
                                const struct ps_record_row *row, const struct ps_version *version,
                                struct p2psync_record *out)
{
    assert(version->is_copy && version->has_value);
    p2psync_result result = ps_snapshot_reserve_dots(snapshot, 1);
    if (result == P2PSYNC_OK) {
        result = ps_snapshot_author(snapshot, version->log);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_dot shown = ps_record_shown(row, version);
    snapshot->dots[0] = ps_outer_dot(shown);
    *out = (struct p2psync_record){
        .id = snapshot->copy_id,
        .id_size = ps_copy_id(id, shown, snapshot->copy_id),
        .fields = {.data = version->value.data, .size = version->value.size},
        .versions = snapshot->dots,
        .version_count = 1,
        .created_ms = ps_hlc_ms(row->created_hlc),
        .updated_ms = ps_hlc_ms(version->hlc),
        .archived = version->state == PS_RECORD_ARCHIVED,
        .conflict = true,
    };
    memcpy(out->author, snapshot->author.key, sizeof out->author);
    return P2PSYNC_OK;
}

static p2psync_result fill_dots(p2psync_snapshot *snapshot, const struct ps_record_row *row)
{
    p2psync_result result = ps_snapshot_reserve_dots(snapshot, row->version_count);
    if (result != P2PSYNC_OK) {
        return result;
    }
    for (uint32_t i = 0; i < row->version_count; i++) {
        struct ps_version version;
        ps_record_version(row, i, &version);
        snapshot->dots[i] = ps_outer_dot(ps_record_shown(row, &version));
    }
    return P2PSYNC_OK;
}

p2psync_result ps_snapshot_reserve_dots(p2psync_snapshot *snapshot, size_t count)
{
    if (count > snapshot->dot_capacity) {
        struct p2psync_dot *dots = reallocarray(snapshot->dots, count, sizeof *dots);
        if (dots == NULL) {
            return P2PSYNC_ENOMEM;
        }
        snapshot->dots = dots;
        snapshot->dot_capacity = count;
    }
    return P2PSYNC_OK;
}

/* Most neighbours in a walk are of one author, so the last one is kept. */
p2psync_result ps_snapshot_author(p2psync_snapshot *snapshot, uint32_t log)
{
    if (snapshot->author_known && snapshot->author_log == log) {
        return P2PSYNC_OK;
    }
    struct ps_log_brief found;
    p2psync_result result = ps_log_brief_by_number(&snapshot->txn, log, &found);
    if (result == P2PSYNC_OK) {
        snapshot->author = found.device;
        snapshot->author_log = log;
        snapshot->author_known = true;
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}
