/* HEADS: the newest signed heads that a node knows, how much of each log it holds, and the proof
 * that what the receiver has is a part of it. */
#include "wire/message_part.h"

static void read_item(struct ps_reader *reader, struct ps_heads_item *out);

p2psync_result ps_heads_decode(struct ps_bytes input, struct ps_cursor *out)
{
    struct ps_reader reader;
    uint32_t extra = ps_message_begin(&reader, input, PS_MESSAGE_HEADS, 1);
    struct ps_bytes list = reader.rest;
    uint32_t count = ps_message_read_list(&reader, PS_HEADS_MAX);
    for (uint32_t i = 0; i < count && reader.error == P2PSYNC_OK; i++) {
        struct ps_heads_item item;
        read_item(&reader, &item);
    }
    ps_read_skip(&reader, extra);
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        (void)ps_message_cursor_begin(out, list);
    }
    return result;
}

bool ps_heads_next(struct ps_cursor *cursor, struct ps_heads_item *out)
{
    if (cursor->left == 0) {
        return false;
    }
    cursor->left--;
    read_item(&cursor->reader, out);
    return cursor->reader.error == P2PSYNC_OK;
}

static void read_item(struct ps_reader *reader, struct ps_heads_item *out)
{
    uint32_t extra = ps_read_array_at_least(reader, 5);
    ps_message_read_log_name(reader, &out->log);
    out->size = ps_read_uint_max(reader, PS_LOG_SIZE_MAX);
    ps_head_read(reader, &out->head);
    out->proof_size = ps_read_uint_max(reader, PS_LOG_SIZE_MAX);
    ps_head_read_proof(reader, &out->proof);
    ps_read_skip(reader, extra);
    if (out->size > out->head.size || out->proof_size > out->head.size) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

p2psync_result ps_heads_encode(const struct ps_heads_item *items, size_t count, struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    ps_message_start(&writer, out, PS_MESSAGE_HEADS, 1);
    ps_write_array(&writer, count);
    for (size_t i = 0; i < count; i++) {
        ps_write_array(&writer, 5);
        ps_message_write_log_name(&writer, &items[i].log);
        ps_write_uint(&writer, items[i].size);
        ps_head_write(&writer, &items[i].head);
        ps_write_uint(&writer, items[i].proof_size);
        ps_head_write_proof(&writer, &items[i].proof);
    }
    return ps_message_end(&writer, out, start);
}
