/* Rows of records: a table of versions of a fixed size each, the view if there are several, then
 * the values, so that any version is read without looking at the others and without a copy. A row
 * is checked once, when it is decoded; from there on reading it cannot fail. */
#include "store/record/record.h"

#include <string.h>

#include "store/env/keys.h"
#include "store/env/met.h"

/* created || count, then for each version: origin || seq || log || hlc || leaf || depth || state ||
 * has_value || is_copy || size of the value || its offset in the row */
#define HEADER_SIZE  (8 + 4)
#define AT_SEQ       PS_TAG_SIZE
#define AT_LOG       (AT_SEQ + 8)
#define AT_HLC       (AT_LOG + 4)
#define AT_LEAF      (AT_HLC + 8)
#define AT_DEPTH     (AT_LEAF + PS_HASH_SHORT_SIZE)
#define AT_STATE     (AT_DEPTH + 1)
#define AT_HAS       (AT_STATE + 1)
#define AT_COPY      (AT_HAS + 1)
#define AT_SIZE      (AT_COPY + 1)
#define AT_OFFSET    (AT_SIZE + 4)
#define VERSION_SIZE (AT_OFFSET + 4)

/* The view is laid out as a version is; there has_value says that it is a conflict, and is_copy
 * that it is open. */
#define AT_CONFLICT AT_HAS

static p2psync_result start(struct ps_record_cursor *cursor, struct ps_row *out);
static p2psync_result step(struct ps_record_cursor *cursor, struct ps_row *out);
static void note_row(const struct ps_txn *txn, uint32_t collection);
static size_t table_size(uint32_t version_count);
static void put_version(uint8_t *at, const struct ps_version *version, size_t offset);
static void put_view(uint8_t *at, const struct ps_view *view, size_t offset);
static bool find_value(const struct ps_record_write *write, uint8_t *row, size_t *offset_out);

p2psync_result ps_record_get(struct ps_txn *txn, uint32_t collection, struct ps_bytes id,
                             struct ps_record_row *out)
{
    if (!ps_record_id_valid(id)) {
        return P2PSYNC_ENOTFOUND;
    }
    struct ps_key key = ps_key_record(collection, id);
    struct ps_bytes row;
    p2psync_result result = ps_db_get(txn, PS_DB_RECORDS, ps_key_view(&key), &row);
    if (result == P2PSYNC_OK) {
        result = ps_record_row_decode(row, out);
    }
    if (result == P2PSYNC_ECORRUPT) {
        note_row(txn, collection);
    }
    return result;
}

static void note_row(const struct ps_txn *txn, uint32_t collection)
{
    const struct ps_met met = {.log = collection, .seq = PS_MET_ROW};
    ps_met_note(txn, &met);
}

p2psync_result ps_record_row_decode(struct ps_bytes bytes, struct ps_record_row *out)
{
    if (bytes.size < HEADER_SIZE) {
        return P2PSYNC_ECORRUPT;
    }
    uint32_t count = ps_get_u32(bytes.data + 8);
    if (count == 0 || count > (bytes.size - HEADER_SIZE) / VERSION_SIZE ||
        table_size(count) > bytes.size) {
        return P2PSYNC_ECORRUPT;
    }
    for (size_t at = HEADER_SIZE; at < table_size(count); at += VERSION_SIZE) {
        const uint8_t *version = bytes.data + at;
        size_t offset = ps_get_u32(version + AT_OFFSET);
        if (version[AT_STATE] > PS_RECORD_ARCHIVED || version[AT_HAS] > 1 || version[AT_COPY] > 1 ||
            version[AT_DEPTH] > PS_CHAIN_MAX || offset > bytes.size ||
            ps_get_u32(version + AT_SIZE) > bytes.size - offset) {
            return P2PSYNC_ECORRUPT;
        }
    }
    *out = (struct ps_record_row){
        .bytes = bytes, .created_hlc = ps_get_u64(bytes.data), .version_count = count};
    return P2PSYNC_OK;
}

/* Of header, versions and view. */
static size_t table_size(uint32_t version_count)
{
    size_t slots = (size_t)version_count + (version_count > 1 ? 1 : 0);
    return HEADER_SIZE + slots * VERSION_SIZE;
}

void ps_record_version(const struct ps_record_row *row, uint32_t index, struct ps_version *out)
{
    assert(index < row->version_count);
    const uint8_t *version = row->bytes.data + HEADER_SIZE + (size_t)index * VERSION_SIZE;
    memcpy(out->dot.origin.bytes, version, PS_TAG_SIZE);
    out->dot.seq = ps_get_u64(version + AT_SEQ);
    out->log = ps_get_u32(version + AT_LOG);
    out->hlc = ps_get_u64(version + AT_HLC);
    memcpy(out->leaf, version + AT_LEAF, PS_HASH_SHORT_SIZE);
    out->depth = version[AT_DEPTH];
    out->state = (ps_record_state)version[AT_STATE];
    out->has_value = version[AT_HAS] != 0;
    out->is_copy = version[AT_COPY] != 0;
    out->value =
        ps_bytes(row->bytes.data + ps_get_u32(version + AT_OFFSET), ps_get_u32(version + AT_SIZE));
}

void ps_record_view(const struct ps_record_row *row, struct ps_view *out)
{
    struct ps_version version;
    /* If there are several versions, the view lies after them and has the same form. */
    struct ps_record_row slots = *row;
    slots.version_count += row->version_count > 1 ? 1 : 0;
    ps_record_version(&slots, slots.version_count - 1, &version);
    *out = (struct ps_view){
        .state = version.state,
        .conflict = row->version_count > 1 && version.has_value,
        .open = row->version_count > 1 && version.is_copy,
        .winner = {.dot = version.dot},
        .log = version.log,
        .hlc = version.hlc,
        .value = version.value,
    };
    memcpy(out->winner.leaf, version.leaf, sizeof out->winner.leaf);
}

struct ps_dot ps_record_shown(const struct ps_record_row *row, const struct ps_version *version)
{
    for (uint32_t i = ps_record_first_read(row->version_count); i < row->version_count; i++) {
        struct ps_version other;
        ps_record_version(row, i, &other);
        if (ps_dot_compare(other.dot, version->dot) == 0 &&
            memcmp(other.leaf, version->leaf, sizeof other.leaf) != 0) {
            return ps_dot_apart(version->dot, version->leaf);
        }
    }
    return version->dot;
}

bool ps_record_find_shown(const struct ps_record_row *row, struct ps_dot shown,
                          struct ps_version *out)
{
    for (uint32_t i = 0; i < row->version_count; i++) {
        ps_record_version(row, i, out);
        if (out->dot.seq == shown.seq && ps_dot_compare(ps_record_shown(row, out), shown) == 0) {
            return true;
        }
    }
    return false;
}

bool ps_record_find_winner(const struct ps_record_row *row, struct ps_version *out)
{
    struct ps_view view;
    ps_record_view(row, &view);
    for (uint32_t i = 0; i < row->version_count; i++) {
        ps_record_version(row, i, out);
        if (ps_dot_compare(out->dot, view.winner.dot) == 0 &&
            memcmp(out->leaf, view.winner.leaf, sizeof out->leaf) == 0) {
            return true;
        }
    }
    return false;
}

uint32_t ps_record_first_read(uint32_t version_count)
{
    return version_count > PS_PARENTS_MAX ? version_count - (uint32_t)PS_PARENTS_MAX : 0;
}

ps_record_state ps_record_state_after(uint32_t op_and_flags)
{
    switch (op_and_flags & PS_OP_MASK) {
    case PS_OP_DELETE:
        return PS_RECORD_DELETED;
    case PS_OP_ARCHIVE:
        return PS_RECORD_ARCHIVED;
    default:
        return PS_RECORD_LIVE;
    }
}

p2psync_result ps_record_put(struct ps_txn *txn, const struct ps_record_write *write)
{
    assert(write->version_count > 0);
    struct ps_buf row;
    ps_buf_init(&row, UINT32_MAX);
    p2psync_result result = ps_record_encode(write, &row);
    if (result == P2PSYNC_OK) {
        struct ps_key key = ps_key_record(write->collection, write->id);
        result = ps_db_put(txn, PS_DB_RECORDS, ps_key_view(&key), ps_buf_view(&row));
    }
    ps_buf_deinit(&row);
    return result;
}

/* A copy on the heap, because the values may lie in the row that it replaces. */
p2psync_result ps_record_encode(const struct ps_record_write *write, struct ps_buf *out)
{
    assert((write->view != NULL) == (write->version_count > 1));
    size_t offset = table_size(write->version_count);
    size_t size = offset;
    for (uint32_t i = 0; i < write->version_count; i++) {
        size += write->versions[i].has_value ? write->versions[i].value.size : 0;
    }
    size += write->view != NULL ? write->view->value.size : 0;
    uint8_t *row = NULL;
    size_t start = out->size;
    p2psync_result result = ps_buf_extend(out, size, &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    memset(row, 0, offset);
    ps_put_u64(row, write->created_hlc);
    ps_put_u32(row + 8, write->version_count);
    uint8_t *at = row + HEADER_SIZE;
    for (uint32_t i = 0; i < write->version_count; i++, at += VERSION_SIZE) {
        const struct ps_version *version = &write->versions[i];
        put_version(at, version, offset);
        if (version->has_value && version->value.size > 0) {
            memcpy(row + offset, version->value.data, version->value.size);
            offset += version->value.size;
        }
    }
    size_t shared = 0;
    if (write->view != NULL && find_value(write, row, &shared)) {
        put_view(at, write->view, shared);
        ps_buf_truncate(out, start + offset);
    } else if (write->view != NULL) {
        put_view(at, write->view, offset);
        memcpy(row + offset, write->view->value.data, write->view->value.size);
        offset += write->view->value.size;
    }
    assert(start + offset == out->size);
    return P2PSYNC_OK;
}

static void put_version(uint8_t *at, const struct ps_version *version, size_t offset)
{
    memcpy(at, version->dot.origin.bytes, PS_TAG_SIZE);
    ps_put_u64(at + AT_SEQ, version->dot.seq);
    ps_put_u32(at + AT_LOG, version->log);
    ps_put_u64(at + AT_HLC, version->hlc);
    memcpy(at + AT_LEAF, version->leaf, PS_HASH_SHORT_SIZE);
    at[AT_DEPTH] = version->depth;
    at[AT_STATE] = (uint8_t)version->state;
    at[AT_HAS] = version->has_value ? 1 : 0;
    at[AT_COPY] = version->is_copy ? 1 : 0;
    ps_put_u32(at + AT_OFFSET, (uint32_t)offset);
    ps_put_u32(at + AT_SIZE, version->has_value ? (uint32_t)version->value.size : 0);
}

static void put_view(uint8_t *at, const struct ps_view *view, size_t offset)
{
    struct ps_version slot = {.dot = view->winner.dot,
                              .log = view->log,
                              .hlc = view->hlc,
                              .state = view->state,
                              .has_value = true,
                              .is_copy = view->open,
                              .value = view->value};
    memcpy(slot.leaf, view->winner.leaf, sizeof slot.leaf);
    put_version(at, &slot, offset);
    at[AT_CONFLICT] = view->conflict ? 1 : 0;
}

/* Find the value of the view among those of the versions, where it often is: then it is not written
 * twice. An empty value counts as found. */
static bool find_value(const struct ps_record_write *write, uint8_t *row, size_t *offset_out)
{
    struct ps_bytes wanted = write->view->value;
    for (uint32_t i = 0; i < write->version_count; i++) {
        const uint8_t *at = row + HEADER_SIZE + (size_t)i * VERSION_SIZE;
        size_t offset = ps_get_u32(at + AT_OFFSET);
        if (ps_bytes_equal(ps_bytes(row + offset, ps_get_u32(at + AT_SIZE)), wanted)) {
            *offset_out = offset;
            return true;
        }
    }
    return wanted.size == 0;
}

p2psync_result ps_record_cursor_open(struct ps_txn *txn, uint32_t collection,
                                     struct ps_bytes prefix, struct ps_record_cursor *out)
{
    return ps_record_cursor_open_in(txn, PS_DB_RECORDS, collection, prefix, out);
}

p2psync_result ps_record_cursor_open_in(struct ps_txn *txn, ps_db db, uint32_t collection,
                                        struct ps_bytes prefix, struct ps_record_cursor *out)
{
    struct ps_db_cursor place = {.mdb = NULL};
    p2psync_result result = ps_db_cursor_open(txn, db, &place);
    if (result == P2PSYNC_OK) {
        *out =
            (struct ps_record_cursor){.place = place, .collection = collection, .prefix = prefix};
    }
    return result;
}

void ps_record_cursor_begin(struct ps_record_cursor *cursor, struct ps_bytes id, bool backward)
{
    assert(!cursor->started && id.size <= PS_RECORD_ID_SIZE_MAX);
    size_t common = id.size < cursor->prefix.size ? id.size : cursor->prefix.size;
    int order = memcmp(id.data, cursor->prefix.data, common);
    bool inside = order == 0 && id.size >= cursor->prefix.size;
    bool before = order < 0 || (order == 0 && id.size < cursor->prefix.size);
    cursor->backward = backward;
    /* Outside of the prefix, all that begins with it is on the way, or nothing. */
    cursor->from = inside || before == backward ? id : ps_bytes(NULL, 0);
    cursor->has_from = inside || before == backward;
}

void ps_record_cursor_begin_last(struct ps_record_cursor *cursor)
{
    assert(!cursor->started);
    cursor->backward = true;
}

p2psync_result ps_record_cursor_next_row(struct ps_record_cursor *cursor, struct ps_row *row_out,
                                         struct ps_bytes *id_out)
{
    struct ps_row row;
    if (cursor->prefix.size > PS_RECORD_ID_SIZE_MAX) {
        return P2PSYNC_ENOTFOUND; /* no id is that long */
    }
    p2psync_result result = cursor->started ? step(cursor, &row) : start(cursor, &row);
    if (result == P2PSYNC_ECORRUPT) {
        note_row(&cursor->place.txn, cursor->collection);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint32_t collection = 0;
    struct ps_bytes id;
    if (!ps_key_split_record(row.key, &collection, &id)) {
        return P2PSYNC_ECORRUPT;
    }
    if (collection != cursor->collection || id.size < cursor->prefix.size ||
        !ps_bytes_equal(ps_bytes(id.data, cursor->prefix.size), cursor->prefix)) {
        return P2PSYNC_ENOTFOUND;
    }
    cursor->started = true;
    *row_out = row;
    *id_out = id;
    return P2PSYNC_OK;
}

static p2psync_result step(struct ps_record_cursor *cursor, struct ps_row *out)
{
    return ps_db_cursor_move(&cursor->place, cursor->backward ? PS_DB_PREVIOUS : PS_DB_NEXT,
                             ps_bytes(NULL, 0), out);
}

/* Go to the first row: at `from` or the prefix; backward, at `from` or the last with the prefix, or
 * the row before. */
static p2psync_result start(struct ps_record_cursor *cursor, struct ps_row *out)
{
    struct ps_bytes id = cursor->has_from ? cursor->from : cursor->prefix;
    struct ps_key place = ps_key_record(cursor->collection, id);
    bool any = true; /* key above the prefix */
    if (cursor->backward && !cursor->has_from) {
        while (place.size > 0 && place.bytes[place.size - 1] == 0xff) {
            place.size--;
        }
        any = place.size > 0;
        place.bytes[any ? place.size - 1 : 0]++;
    }
    p2psync_result result =
        any ? ps_db_cursor_move(&cursor->place, PS_DB_FROM, ps_key_view(&place), out)
            : P2PSYNC_ENOTFOUND;
    if (!cursor->backward) {
        return result;
    }
    bool is_there =
        result == P2PSYNC_OK && cursor->has_from && ps_bytes_equal(out->key, ps_key_view(&place));
    if (is_there || (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND)) {
        return result;
    }
    return ps_db_cursor_move(&cursor->place, result == P2PSYNC_OK ? PS_DB_PREVIOUS : PS_DB_LAST,
                             ps_bytes(NULL, 0), out);
}

p2psync_result ps_record_cursor_next(struct ps_record_cursor *cursor, struct ps_bytes *id_out,
                                     struct ps_record_row *out)
{
    struct ps_row row = {.key = {NULL, 0}};
    struct ps_bytes id;
    p2psync_result result = ps_record_cursor_next_row(cursor, &row, &id);
    if (result == P2PSYNC_OK) {
        result = ps_record_row_decode(row.value, out);
    }
    if (result == P2PSYNC_OK) {
        *id_out = id;
    }
    return result;
}

void ps_record_cursor_close(struct ps_record_cursor *cursor)
{
    ps_db_cursor_close(&cursor->place);
}
