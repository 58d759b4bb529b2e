/* One change: skeleton and body. What is decided here about a skeleton decides on every device
 * whether a change counts, so these checks are part of the format and never depend on anything but
 * its bytes. */
#include "wire/change.h"

#include <assert.h>
#include <string.h>

#include "wire/codec.h"
#include "wire/scan.h"

static void read_parent(struct ps_reader *reader, struct ps_parent *out);
static void check_skeleton(struct ps_reader *reader, const struct ps_skeleton *skeleton);
static struct ps_bytes read_unset(struct ps_reader *reader);

p2psync_result ps_skeleton_encode(const struct ps_skeleton *skeleton, struct ps_buf *out)
{
    assert(skeleton->parent_count <= PS_PARENTS_MAX);
    size_t start = out->size;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    ps_write_array(&writer, 5);
    ps_write_uint(&writer, skeleton->op_and_flags);
    ps_write_str(&writer, skeleton->record_id);
    ps_write_uint(&writer, skeleton->hlc);
    ps_write_array(&writer, skeleton->parent_count);
    for (size_t i = 0; i < skeleton->parent_count; i++) {
        const struct ps_parent *parent = &skeleton->parents[i];
        ps_write_array(&writer, 3);
        ps_write_bin(&writer, ps_bytes(parent->dot.origin.bytes, PS_TAG_SIZE));
        ps_write_uint(&writer, parent->dot.seq);
        ps_write_bin(&writer, ps_bytes(parent->leaf, PS_HASH_SHORT_SIZE));
    }
    ps_write_uint(&writer, skeleton->body_size);
    p2psync_result result = ps_writer_finish(&writer);
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(out, start);
    }
    return result;
}

p2psync_result ps_skeleton_decode(struct ps_bytes bytes, struct ps_skeleton *out)
{
    if (bytes.size > PS_SKELETON_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    struct ps_reader reader;
    struct ps_skeleton skeleton; /* not zeroed: of 64 parents nearly all are unused */
    ps_reader_init(&reader, bytes);
    uint32_t extra = ps_read_array_at_least(&reader, 5);
    skeleton.op_and_flags = (uint32_t)ps_read_uint_max(&reader, UINT32_MAX);
    skeleton.record_id = ps_read_str(&reader, PS_RECORD_ID_SIZE_MAX);
    skeleton.hlc = ps_read_uint(&reader);
    uint32_t parent_count = ps_read_array(&reader);
    if (parent_count > PS_PARENTS_MAX) {
        return P2PSYNC_ELIMIT;
    }
    for (uint32_t i = 0; i < parent_count; i++) {
        read_parent(&reader, &skeleton.parents[i]);
    }
    skeleton.parent_count = parent_count;
    skeleton.body_size = (uint32_t)ps_read_uint_max(&reader, PS_BODY_SIZE_MAX);
    ps_read_skip(&reader, extra);
    check_skeleton(&reader, &skeleton);
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        memcpy(out, &skeleton,
               offsetof(struct ps_skeleton, parents) + parent_count * sizeof skeleton.parents[0]);
    }
    return result;
}

static void read_parent(struct ps_reader *reader, struct ps_parent *out)
{
    uint32_t extra = ps_read_array_at_least(reader, 3);
    ps_read_bin_exact(reader, out->dot.origin.bytes, PS_TAG_SIZE);
    out->dot.seq = ps_read_uint_max(reader, PS_LOG_SIZE_MAX);
    ps_read_bin_exact(reader, out->leaf, PS_HASH_SHORT_SIZE);
    ps_read_skip(reader, extra);
}

int ps_parent_compare(const struct ps_parent *a, const struct ps_parent *b)
{
    int order = ps_dot_compare(a->dot, b->dot);
    return order != 0 ? order : memcmp(a->leaf, b->leaf, sizeof a->leaf);
}

static void check_skeleton(struct ps_reader *reader, const struct ps_skeleton *skeleton)
{
    if (!ps_record_id_valid(skeleton->record_id)) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
    for (size_t i = 1; i < skeleton->parent_count; i++) {
        if (ps_parent_compare(&skeleton->parents[i - 1], &skeleton->parents[i]) >= 0) {
            ps_reader_fail(reader, P2PSYNC_EFORMAT);
        }
    }
    /* A delta has no meaning against several values. */
    if (skeleton->parent_count > 1 && (skeleton->op_and_flags & PS_CHANGE_FULL) == 0) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

p2psync_result ps_body_encode(const struct ps_body *body, struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    ps_write_array(&writer, 3);
    ps_write_raw_or_nil(&writer, body->fields);
    ps_write_raw_or_nil(&writer, body->unset);
    ps_write_raw_or_nil(&writer, body->note);
    p2psync_result result = ps_writer_finish(&writer);
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(out, start);
    }
    return result;
}

p2psync_result ps_body_decode(struct ps_bytes bytes, struct ps_body *out)
{
    if (bytes.size > PS_BODY_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    struct ps_reader reader;
    struct ps_body body = {0};
    ps_reader_init(&reader, bytes);
    uint32_t extra = ps_read_array_at_least(&reader, 3);
    if (!ps_read_nil(&reader)) {
        body.fields = ps_read_value(&reader, PS_DEPTH_MAX);
    }
    body.unset = read_unset(&reader);
    if (!ps_read_nil(&reader)) {
        body.note = ps_read_value(&reader, PS_DEPTH_MAX);
    }
    if (body.note.size > PS_NOTE_SIZE_MAX) {
        ps_reader_fail(&reader, P2PSYNC_ELIMIT);
    }
    ps_read_skip(&reader, extra);
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK && body.fields.size > 0) {
        result = ps_value_check_fields(body.fields);
    }
    if (result == P2PSYNC_OK && body.note.size > 0) {
        result = ps_value_check(body.note);
    }
    if (result == P2PSYNC_OK) {
        *out = body;
    }
    return result;
}

p2psync_result ps_body_decode_of(const struct ps_skeleton *skeleton, struct ps_bytes bytes,
                                 struct ps_body *out)
{
    return bytes.size == skeleton->body_size ? ps_body_decode(bytes, out) : P2PSYNC_EFORMAT;
}

/* nil, or an array of names: then its bytes. */
static struct ps_bytes read_unset(struct ps_reader *reader)
{
    if (ps_read_nil(reader)) {
        return ps_bytes(NULL, 0);
    }
    struct ps_bytes before = reader->rest;
    uint32_t count = ps_read_array(reader);
    for (uint32_t i = 0; i < count && reader->error == P2PSYNC_OK; i++) {
        if (!ps_value_is_key(ps_read_str(reader, PS_UNSET_SIZE_MAX))) {
            ps_reader_fail(reader, P2PSYNC_EFORMAT);
        }
    }
    size_t size = before.size - reader->rest.size;
    if (size > PS_UNSET_SIZE_MAX) {
        ps_reader_fail(reader, P2PSYNC_ELIMIT);
    }
    return ps_bytes(before.data, size);
}

struct ps_hash ps_change_leaf(const struct ps_entry *entry)
{
    return ps_hash_leaf(entry->skeleton, &entry->body_hash);
}
