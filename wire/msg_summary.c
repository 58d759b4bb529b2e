/* SUMMARY: what a node holds, as far down as is needed to say what differs: one hash; a root for
 * each collection; the short heads of some collections. */
#include <string.h>

#include "wire/message_part.h"

static struct ps_bytes read_roots(struct ps_reader *reader);
static struct ps_bytes read_heads(struct ps_reader *reader);
static void read_root(struct ps_reader *reader, struct ps_bytes *collection_out,
                      struct ps_hash *root_out);
static void check_ascends(struct ps_reader *reader, struct ps_bytes name, struct ps_bytes *last);
static void read_names(struct ps_reader *reader, struct ps_summary *out);
static struct ps_bytes read_name_or_none(struct ps_reader *reader);
static void read_part_end(struct ps_reader *reader, uint32_t extra, struct ps_log_range *out);
static void read_log_id(struct ps_reader *reader, struct ps_log_id *out);
static void read_short_head(struct ps_reader *reader, struct ps_short_head *out);
static void write_log_id(struct ps_writer *writer, const struct ps_log_id *id);

#define ELEMENT_COUNT 5

p2psync_result ps_summary_decode(struct ps_bytes input, struct ps_summary *out)
{
    struct ps_reader reader;
    struct ps_summary summary = {0};
    uint32_t extra = ps_message_begin(&reader, input, PS_MESSAGE_SUMMARY, ELEMENT_COUNT);
    summary.reply = ps_read_bool(&reader);
    ps_message_read_state(&reader, &summary.state);
    summary.roots = read_roots(&reader);
    summary.heads = read_heads(&reader);
    summary.clock_ms = ps_read_uint(&reader);
    if (extra > 0) {
        read_names(&reader, &summary);
        extra--;
    }
    ps_read_skip(&reader, extra);
    if (summary.state.as_before) {
        ps_reader_fail(&reader, P2PSYNC_EFORMAT);
    }
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        *out = summary;
    }
    return result;
}

static struct ps_bytes read_roots(struct ps_reader *reader)
{
    if (ps_read_nil(reader)) {
        return ps_bytes(NULL, 0);
    }
    struct ps_bytes before = reader->rest;
    struct ps_bytes last = ps_bytes(NULL, 0);
    uint32_t count = ps_message_read_list(reader, PS_ROOTS_MAX);
    for (uint32_t i = 0; i < count && reader->error == P2PSYNC_OK; i++) {
        struct ps_bytes collection;
        struct ps_hash root;
        read_root(reader, &collection, &root);
        check_ascends(reader, collection, &last);
    }
    return ps_message_read_since(reader, before);
}

static void read_root(struct ps_reader *reader, struct ps_bytes *collection_out,
                      struct ps_hash *root_out)
{
    uint32_t extra = ps_read_array_at_least(reader, 2);
    *collection_out = ps_message_read_collection(reader);
    ps_read_bin_exact(reader, root_out->bytes, PS_HASH_SIZE);
    ps_read_skip(reader, extra);
}

static struct ps_bytes read_heads(struct ps_reader *reader)
{
    if (ps_read_nil(reader)) {
        return ps_bytes(NULL, 0);
    }
    struct ps_bytes before = reader->rest;
    struct ps_bytes last = ps_bytes(NULL, 0);
    uint32_t left = PS_SHORT_HEADS_MAX; /* in all collections together */
    uint32_t count = ps_message_read_list(reader, PS_ROOTS_MAX);
    for (uint32_t i = 0; i < count && reader->error == P2PSYNC_OK; i++) {
        struct ps_log_range logs;
        uint32_t extra = ps_read_array_at_least(reader, 2);
        check_ascends(reader, ps_message_read_collection(reader), &last);
        uint32_t head_count = ps_message_read_list(reader, left);
        left -= head_count;
        for (uint32_t j = 0; j < head_count && reader->error == P2PSYNC_OK; j++) {
            struct ps_short_head head;
            read_short_head(reader, &head);
        }
        read_part_end(reader, extra, &logs);
    }
    return ps_message_read_since(reader, before);
}

/* Each collection once: to compare one costs a walk through its logs. */
static void check_ascends(struct ps_reader *reader, struct ps_bytes name, struct ps_bytes *last)
{
    if (reader->error == P2PSYNC_OK && ps_bytes_compare(*last, name) >= 0) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
    *last = name;
}

/* Behind the known elements: [from, to], or nil. */
static void read_names(struct ps_reader *reader, struct ps_summary *out)
{
    if (ps_read_nil(reader)) {
        return;
    }
    uint32_t extra = ps_read_array_at_least(reader, 2);
    out->from = read_name_or_none(reader);
    out->to = read_name_or_none(reader);
    ps_read_skip(reader, extra);
    if (out->to.size > 0 && ps_bytes_compare(out->from, out->to) >= 0) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

static struct ps_bytes read_name_or_none(struct ps_reader *reader)
{
    struct ps_bytes name = ps_read_str(reader, PS_COLLECTION_SIZE_MAX);
    if (name.size > 0 && !ps_collection_name_valid(name)) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
    return name;
}

/* What is behind the short heads of a collection: [first, last], or nil, or nothing. */
static void read_part_end(struct ps_reader *reader, uint32_t extra, struct ps_log_range *out)
{
    *out = ps_log_range_all();
    if (extra > 0 && !ps_read_nil(reader)) {
        uint32_t more = ps_read_array_at_least(reader, 2);
        read_log_id(reader, &out->first);
        read_log_id(reader, &out->last);
        ps_read_skip(reader, more);
        if (ps_log_id_compare(&out->first, &out->last) > 0) {
            ps_reader_fail(reader, P2PSYNC_EFORMAT);
        }
    }
    ps_read_skip(reader, extra > 0 ? extra - 1 : 0);
}

static void read_log_id(struct ps_reader *reader, struct ps_log_id *out)
{
    uint8_t bytes[PS_TAG_SIZE + PS_HASH_SHORT_SIZE];
    ps_read_bin_exact(reader, bytes, sizeof bytes);
    memcpy(out->origin.bytes, bytes, PS_TAG_SIZE);
    memcpy(out->branch, bytes + PS_TAG_SIZE, PS_HASH_SHORT_SIZE);
}

static void read_short_head(struct ps_reader *reader, struct ps_short_head *out)
{
    uint32_t extra = ps_read_array_at_least(reader, 4);
    ps_read_bin_exact(reader, out->log.origin.bytes, PS_TAG_SIZE);
    ps_message_read_branch(reader, out->log.branch);
    out->size = ps_read_uint_max(reader, PS_LOG_SIZE_MAX);
    ps_read_bin_exact(reader, out->root, PS_HASH_SHORT_SIZE);
    ps_read_skip(reader, extra);
}

bool ps_summary_next_root(struct ps_cursor *cursor, struct ps_bytes *collection_out,
                          struct ps_hash *root_out)
{
    if (cursor->left == 0) {
        return false;
    }
    cursor->left--;
    read_root(&cursor->reader, collection_out, root_out);
    return cursor->reader.error == P2PSYNC_OK;
}

bool ps_summary_next_collection(struct ps_cursor *cursor, struct ps_summary_part *out)
{
    if (cursor->left == 0) {
        return false;
    }
    cursor->left--;
    uint32_t extra = ps_read_array_at_least(&cursor->reader, 2);
    out->name = ps_message_read_collection(&cursor->reader);
    out->heads = ps_read_value(&cursor->reader, PS_MESSAGE_DEPTH_MAX);
    read_part_end(&cursor->reader, extra, &out->logs);
    return cursor->reader.error == P2PSYNC_OK;
}

bool ps_summary_next_head(struct ps_cursor *cursor, struct ps_short_head *out)
{
    if (cursor->left == 0) {
        return false;
    }
    cursor->left--;
    read_short_head(&cursor->reader, out);
    return cursor->reader.error == P2PSYNC_OK;
}

p2psync_result ps_summary_encode(const struct ps_summary *summary, struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    bool all = summary->from.size == 0 && summary->to.size == 0;
    ps_message_start(&writer, out, PS_MESSAGE_SUMMARY, all ? ELEMENT_COUNT : ELEMENT_COUNT + 1);
    ps_write_bool(&writer, summary->reply);
    ps_message_write_state(&writer, &summary->state);
    ps_write_raw_or_nil(&writer, summary->roots);
    ps_write_raw_or_nil(&writer, summary->heads);
    ps_write_uint(&writer, summary->clock_ms);
    if (!all) {
        ps_write_array(&writer, 2);
        ps_write_str(&writer, summary->from);
        ps_write_str(&writer, summary->to);
    }
    return ps_message_end(&writer, out, start);
}

void ps_summary_write_root(struct ps_writer *writer, struct ps_bytes collection,
                           const struct ps_hash *root)
{
    ps_write_array(writer, 2);
    ps_write_str(writer, collection);
    ps_write_bin(writer, ps_bytes(root->bytes, PS_HASH_SIZE));
}

void ps_summary_write_collection(struct ps_writer *writer, const struct ps_summary_part *part,
                                 size_t count)
{
    ps_write_array(writer, ps_log_range_is_all(&part->logs) ? 2 : 3);
    ps_write_str(writer, part->name);
    ps_write_array(writer, count);
}

void ps_summary_end_collection(struct ps_writer *writer, const struct ps_summary_part *part)
{
    if (!ps_log_range_is_all(&part->logs)) {
        ps_write_array(writer, 2);
        write_log_id(writer, &part->logs.first);
        write_log_id(writer, &part->logs.last);
    }
}

static void write_log_id(struct ps_writer *writer, const struct ps_log_id *id)
{
    uint8_t bytes[PS_TAG_SIZE + PS_HASH_SHORT_SIZE];
    memcpy(bytes, id->origin.bytes, PS_TAG_SIZE);
    memcpy(bytes + PS_TAG_SIZE, id->branch, PS_HASH_SHORT_SIZE);
    ps_write_bin(writer, ps_bytes(bytes, sizeof bytes));
}

struct ps_log_range ps_log_range_all(void)
{
    struct ps_log_range all;
    memset(&all.first, 0, sizeof all.first);
    memset(&all.last, 0xff, sizeof all.last);
    return all;
}

bool ps_log_range_is_all(const struct ps_log_range *range)
{
    const struct ps_log_range all = ps_log_range_all();
    return ps_log_id_compare(&range->first, &all.first) == 0 &&
           ps_log_id_compare(&range->last, &all.last) == 0;
}

void ps_summary_write_head(struct ps_writer *writer, const struct ps_short_head *head)
{
    ps_write_array(writer, 4);
    ps_write_bin(writer, ps_bytes(head->log.origin.bytes, PS_TAG_SIZE));
    ps_message_write_branch(writer, head->log.branch);
    ps_write_uint(writer, head->size);
    ps_write_bin(writer, ps_bytes(head->root, PS_HASH_SHORT_SIZE));
}
