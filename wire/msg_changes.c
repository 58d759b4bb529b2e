/* CHANGES: a run of one log, with the signed head and the proof that it is a part of that head's
 * tree. Each skeleton and body travels as the bytes its author wrote. */
#include <string.h>

#include "wire/message_part.h"

#define ELEMENT_COUNT 7

/* What the first element of an entry says. */
enum entry_kind {
    ENTRY_WHOLE = 0,
    ENTRY_WITHOUT_BODY = 1,
};

static void read_head(struct ps_reader *reader, struct ps_changes *out);
static void write_head(struct ps_writer *writer, const struct ps_changes *changes);

p2psync_result ps_changes_decode(struct ps_bytes input, struct ps_changes *out)
{
    struct ps_reader reader;
    struct ps_changes changes = {0};
    uint32_t extra = ps_message_begin(&reader, input, PS_MESSAGE_CHANGES, ELEMENT_COUNT);
    ps_message_read_log_name(&reader, &changes.log);
    changes.from = ps_read_uint_max(&reader, PS_LOG_SIZE_MAX);
    changes.encoding = ps_read_uint(&reader);
    changes.entries = ps_read_bin(&reader, PS_MESSAGE_SIZE_MAX);
    read_head(&reader, &changes);
    ps_head_read_proof(&reader, &changes.proof);
    ps_message_read_state(&reader, &changes.state);
    ps_read_skip(&reader, extra);
    /* There is one entry at least, and it lies within the head. */
    if (changes.from >= changes.head.size || changes.entries.size == 0 ||
        (changes.root_implied && changes.proof.count > 0)) {
        ps_reader_fail(&reader, P2PSYNC_EFORMAT);
    }
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        *out = changes;
    }
    return result;
}

p2psync_result ps_changes_encode(const struct ps_changes *changes, struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    ps_message_start(&writer, out, PS_MESSAGE_CHANGES, ELEMENT_COUNT);
    ps_message_write_log_name(&writer, &changes->log);
    ps_write_uint(&writer, changes->from);
    ps_write_uint(&writer, changes->encoding);
    ps_write_bin(&writer, changes->entries);
    write_head(&writer, changes);
    ps_head_write_proof(&writer, &changes->proof);
    ps_message_write_state(&writer, &changes->state);
    return ps_message_end(&writer, out, start);
}

/* As in HEADS, or with nil for the root. */
static void read_head(struct ps_reader *reader, struct ps_changes *out)
{
    uint32_t extra = ps_read_array_at_least(reader, 3);
    out->head.size = ps_read_uint_max(reader, PS_LOG_SIZE_MAX);
    out->root_implied = ps_read_nil(reader);
    if (!out->root_implied) {
        ps_read_bin_exact(reader, out->head.root.bytes, PS_HASH_SIZE);
    }
    ps_read_bin_exact(reader, out->head.signature, PS_SIGNATURE_SIZE);
    ps_read_skip(reader, extra);
}

static void write_head(struct ps_writer *writer, const struct ps_changes *changes)
{
    if (!changes->root_implied) {
        ps_head_write(writer, &changes->head);
        return;
    }
    ps_write_array(writer, 3);
    ps_write_uint(writer, changes->head.size);
    ps_write_nil(writer);
    ps_write_bin(writer, ps_bytes(changes->head.signature, PS_SIGNATURE_SIZE));
}

p2psync_result ps_changes_next(struct ps_bytes *entries, struct ps_entry *out)
{
    p2psync_result result = ps_changes_next_unhashed(entries, out);
    if (result == P2PSYNC_OK && out->has_body) {
        out->body_hash = ps_hash_bytes(out->body);
    }
    return result;
}

p2psync_result ps_changes_next_unhashed(struct ps_bytes *entries, struct ps_entry *out)
{
    if (entries->size == 0) {
        return P2PSYNC_ENOTFOUND;
    }
    struct ps_reader reader;
    struct ps_entry entry = {.has_body = true};
    ps_reader_init(&reader, *entries);
    uint32_t extra = ps_read_array_at_least(&reader, 3);
    uint64_t kind = ps_read_uint(&reader);
    entry.skeleton = ps_read_bin(&reader, PS_SKELETON_TRAVELS_MAX);
    if (kind == ENTRY_WHOLE) {
        entry.body = ps_read_bin(&reader, PS_BODY_SIZE_MAX);
    } else if (kind == ENTRY_WITHOUT_BODY) {
        entry.has_body = false;
        ps_read_bin_exact(&reader, entry.body_hash.bytes, PS_HASH_SIZE);
    } else {
        ps_reader_fail(&reader, P2PSYNC_EFORMAT);
    }
    ps_read_skip(&reader, extra);
    if (reader.error == P2PSYNC_OK) {
        *entries = reader.rest;
        *out = entry;
    }
    return reader.error;
}

p2psync_result ps_changes_write_entry(const struct ps_entry *entry, struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    ps_write_array(&writer, 3);
    ps_write_uint(&writer, entry->has_body ? ENTRY_WHOLE : ENTRY_WITHOUT_BODY);
    ps_write_bin(&writer, entry->skeleton);
    if (entry->has_body) {
        ps_write_bin(&writer, entry->body);
    } else {
        ps_write_bin(&writer, ps_bytes(entry->body_hash.bytes, PS_HASH_SIZE));
    }
    return ps_message_end(&writer, out, start);
}
