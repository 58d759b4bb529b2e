/* A record's past as the app sees it. */
#include "store/history/history.h"

#include <stdlib.h>
#include <string.h>

#include "node/api/snapshot.h"
#include "node/host/time.h"
#include "node/view/members.h"
#include "store/history/past.h"
#include "wire/hlc.h"
#include "wire/map.h"
#include "wire/scan.h"

struct p2psync_history {
    p2psync_node *node;
    struct ps_history stretch; /* the one told last; the next one if it is unread */
    bool unread;
    p2psync_result failed; /* what a stretch could not be read for, or OK */
};

/* A stretch that is being told. Changes are packed oldest first, because each value is made from
 * the one before it, and put the other way round in the end. */
struct telling {
    p2psync_snapshot *snapshot;
    const struct ps_history *history;
    struct ps_buf pieces;
    size_t *ends; /* of each piece */
    size_t count;
    struct ps_buf fields;
    struct ps_buf unset;
    bool named; /* name is that of snapshot->author */
    struct ps_member author;
};

static p2psync_result tell(p2psync_snapshot *snapshot, const struct ps_history *history,
                           struct p2psync_buffer *out);
static p2psync_result tell_all(struct telling *telling);
static p2psync_result tell_change(struct telling *telling, const struct ps_past_step *step);
static p2psync_result name_author(struct telling *telling, uint32_t log);
static p2psync_result make_delta(struct telling *telling, const struct ps_past_step *step);
static const char *op_name(uint32_t op_and_flags);
static struct ps_bytes note_text(const struct ps_stored *entry);
static p2psync_result turn_round(const struct telling *telling, struct p2psync_buffer *out);
static void write_dot(struct ps_writer *writer, struct ps_dot dot);

p2psync_result p2psync_history_open(p2psync_node *node, const char *collection, const char *id,
                                    p2psync_history **out)
{
    uint32_t number = 0;
    p2psync_snapshot *snapshot = NULL;
    if (!ps_node_usable(node) || collection == NULL || id == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_history *history = calloc(1, sizeof *history);
    if (history == NULL) {
        return P2PSYNC_ENOMEM;
    }
    history->node = node;
    history->unread = true;
    p2psync_result result = p2psync_snapshot_open(node, &snapshot);
    if (result == P2PSYNC_OK) {
        result = ps_snapshot_collection(snapshot, collection, &number);
    }
    if (result == P2PSYNC_OK) {
        result = ps_history_read(&snapshot->txn, number, ps_bytes_text(id), &history->stretch);
    }
    p2psync_snapshot_close(snapshot);
    if (result == P2PSYNC_OK) {
        *out = history;
    } else {
        p2psync_history_close(history);
    }
    return result;
}

p2psync_result p2psync_history_next(p2psync_history *history, struct p2psync_buffer *out)
{
    p2psync_snapshot *snapshot = NULL;
    if (history == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (history->failed != P2PSYNC_OK) {
        return history->failed;
    }
    if (!history->unread && history->stretch.further_count == 0) {
        return P2PSYNC_EEND;
    }
    p2psync_result result = p2psync_snapshot_open(history->node, &snapshot);
    if (result == P2PSYNC_OK && !history->unread) {
        history->failed = ps_history_read_on(&snapshot->txn, &history->stretch);
        history->unread = true;
        result = history->failed;
    }
    if (result == P2PSYNC_OK) {
        result = tell(snapshot, &history->stretch, out);
        history->unread = result != P2PSYNC_OK;
    }
    p2psync_snapshot_close(snapshot);
    return result;
}

void p2psync_history_close(p2psync_history *history)
{
    if (history != NULL) {
        ps_history_deinit(&history->stretch);
        free(history);
    }
}

static p2psync_result tell(p2psync_snapshot *snapshot, const struct ps_history *history,
                           struct p2psync_buffer *out)
{
    struct telling telling = {.snapshot = snapshot, .history = history};
    p2psync_result result = P2PSYNC_ENOMEM;
    ps_buf_init(&telling.pieces, PS_HISTORY_SIZE_MAX);
    ps_buf_init(&telling.fields, PS_VALUE_SIZE_MAX);
    ps_buf_init(&telling.unset, PS_VALUE_SIZE_MAX);
    telling.ends = calloc(history->count, sizeof *telling.ends);
    if (telling.ends != NULL) {
        result = tell_all(&telling);
    }
    if (result == P2PSYNC_OK) {
        result = turn_round(&telling, out);
    }
    free(telling.ends);
    ps_buf_deinit(&telling.unset);
    ps_buf_deinit(&telling.fields);
    ps_buf_deinit(&telling.pieces);
    return result;
}

static p2psync_result tell_all(struct telling *telling)
{
    struct ps_past_walk walk;
    struct ps_past_step step;
    ps_past_walk_init(&walk, &telling->snapshot->txn, telling->history);
    p2psync_result result = ps_past_walk_next(&walk, &step);
    while (result == P2PSYNC_OK) { /* ends with the history */
        result = tell_change(telling, &step);
        if (result == P2PSYNC_OK) {
            telling->ends[telling->count] = telling->pieces.size;
            telling->count++;
            result = ps_past_walk_next(&walk, &step);
        }
    }
    ps_past_walk_deinit(&walk);
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
}

static p2psync_result tell_change(struct telling *telling, const struct ps_past_step *step)
{
    const struct ps_history_change *change = step->change;
    p2psync_result result = make_delta(telling, step);
    if (result == P2PSYNC_OK) {
        result = name_author(telling, change->log);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_writer writer;
    struct ps_map map;
    char device[PS_DEVICE_TEXT_SIZE];
    struct ps_bytes note = note_text(&step->entry);
    ps_device_text(&telling->author.device, device);
    ps_writer_init(&writer, &telling->pieces);
    ps_map_begin(&map, &writer);
    ps_map_key(&map, "version");
    write_dot(&writer, change->dot);
    ps_map_key(&map, "parents");
    ps_write_array(&writer, change->parent_count);
    for (uint32_t i = 0; i < change->parent_count; i++) {
        uint32_t parent = telling->history->parents[change->first_parent + i];
        write_dot(&writer, telling->history->changes[parent].dot);
    }
    ps_map_text(&map, "op", op_name(change->op_and_flags));
    ps_map_key(&map, "time");
    ps_time_write(&writer, ps_hlc_ms(change->hlc));
    ps_map_text(&map, "device", device);
    ps_map_str(&map, "name", ps_bytes(telling->author.name, telling->author.name_size));
    ps_map_raw(&map, "fields", ps_buf_view(&telling->fields));
    ps_map_raw(&map, "unset", ps_buf_view(&telling->unset));
    ps_map_key(&map, "note");
    if (note.size > 0) {
        ps_write_str(&writer, note);
    } else {
        ps_write_nil(&writer);
    }
    ps_map_bool(&map, "auto", (change->op_and_flags & PS_CHANGE_AUTO) != 0);
    ps_map_end(&map);
    return ps_writer_finish(&writer);
}

static p2psync_result name_author(struct telling *telling, uint32_t log)
{
    p2psync_snapshot *snapshot = telling->snapshot;
    p2psync_result result = ps_snapshot_author(snapshot, log);
    if (result != P2PSYNC_OK ||
        (telling->named && ps_device_equal(&telling->author.device, &snapshot->author))) {
        return result;
    }
    result = ps_view_members_get(&snapshot->txn, &snapshot->author, &telling->author);
    telling->named = result == P2PSYNC_OK;
    return result;
}

/* A delete says all by itself. */
static p2psync_result make_delta(struct telling *telling, const struct ps_past_step *step)
{
    bool unchanged = false;
    bool is_delete = step->after_state == PS_RECORD_DELETED;
    ps_buf_clear(&telling->fields);
    ps_buf_clear(&telling->unset);
    return ps_value_diff(is_delete ? step->after : step->before, step->after, &telling->fields,
                         &telling->unset, &unchanged);
}

/* An operation of a later version does here what an update does. */
static const char *op_name(uint32_t op_and_flags)
{
    static const char *const names[] = {
        [PS_OP_CREATE] = "create",   [PS_OP_UPDATE] = "update",   [PS_OP_DELETE] = "delete",
        [PS_OP_ARCHIVE] = "archive", [PS_OP_RESTORE] = "restore", [PS_OP_METADATA] = "metadata",
    };
    uint32_t op = op_and_flags & PS_OP_MASK;
    return names[op < sizeof names / sizeof names[0] ? op : PS_OP_UPDATE];
}

/* A note is {"text": str}, or a str; any other is not told. Empty bytes: there is none. */
static struct ps_bytes note_text(const struct ps_stored *entry)
{
    struct ps_skeleton skeleton;
    struct ps_body body;
    struct ps_reader reader;
    if (!entry->has_body || ps_skeleton_decode(entry->skeleton, &skeleton) != P2PSYNC_OK ||
        (skeleton.op_and_flags & PS_CHANGE_SEALED) != 0 ||
        ps_body_decode_of(&skeleton, entry->body, &body) != P2PSYNC_OK) {
        return ps_bytes(NULL, 0);
    }
    struct ps_bytes value = ps_value_field(body.note, ps_bytes_text("text"));
    ps_reader_init(&reader, value.size > 0 ? value : body.note);
    struct ps_bytes text = ps_read_str(&reader, PS_NOTE_SIZE_MAX);
    bool valid = ps_reader_finish(&reader) == P2PSYNC_OK && ps_scan_utf8(text);
    return valid ? text : ps_bytes(NULL, 0);
}

static p2psync_result turn_round(const struct telling *telling, struct p2psync_buffer *out)
{
    struct ps_buf head;
    struct ps_writer writer;
    ps_buf_init(&head, 16);
    ps_writer_init(&writer, &head);
    ps_write_array(&writer, telling->count);
    p2psync_result result = ps_writer_finish(&writer);
    uint8_t *data = NULL;
    if (result == P2PSYNC_OK) {
        data = malloc(head.size + telling->pieces.size);
        result = data == NULL ? P2PSYNC_ENOMEM : P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK) {
        memcpy(data, head.data, head.size);
        size_t size = head.size;
        for (size_t i = telling->count; i > 0; i--) {
            size_t begin = i > 1 ? telling->ends[i - 2] : 0;
            memcpy(data + size, telling->pieces.data + begin, telling->ends[i - 1] - begin);
            size += telling->ends[i - 1] - begin;
        }
        out->data = data;
        out->size = size;
    }
    ps_buf_deinit(&head);
    return result;
}

static void write_dot(struct ps_writer *writer, struct ps_dot dot)
{
    char text[PS_DOT_TEXT_SIZE];
    ps_dot_text(dot, text);
    ps_write_text(writer, text);
}
