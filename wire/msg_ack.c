/* ACK: how far the sender is in each log, held and settled. */
#include "wire/message_part.h"

static void read_position(struct ps_reader *reader, struct ps_position *out);

#define ELEMENT_COUNT 2

p2psync_result ps_ack_decode(struct ps_bytes input, struct ps_ack *out)
{
    struct ps_reader reader;
    struct ps_ack ack = {0};
    uint32_t extra = ps_message_begin(&reader, input, PS_MESSAGE_ACK, ELEMENT_COUNT);
    ps_message_read_state(&reader, &ack.state);
    struct ps_bytes before = reader.rest;
    uint32_t count = ps_message_read_list(&reader, PS_POSITIONS_MAX);
    for (uint32_t i = 0; i < count && reader.error == P2PSYNC_OK; i++) {
        struct ps_position position;
        read_position(&reader, &position);
    }
    ack.positions = ps_message_read_since(&reader, before);
    ps_read_skip(&reader, extra);
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        *out = ack;
    }
    return result;
}

static void read_position(struct ps_reader *reader, struct ps_position *out)
{
    uint32_t extra = ps_read_array_at_least(reader, 3);
    ps_message_read_log_name(reader, &out->log);
    out->size = ps_read_uint_max(reader, PS_LOG_SIZE_MAX);
    uint64_t unsettled = ps_read_uint_max(reader, PS_LOG_SIZE_MAX);
    ps_read_skip(reader, extra);
    if (unsettled > out->size) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
    out->settled = out->size - unsettled;
}

bool ps_ack_next(struct ps_cursor *cursor, struct ps_position *out)
{
    if (cursor->left == 0) {
        return false;
    }
    cursor->left--;
    read_position(&cursor->reader, out);
    return cursor->reader.error == P2PSYNC_OK;
}

p2psync_result ps_ack_encode(const struct ps_ack *ack, struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    ps_message_start(&writer, out, PS_MESSAGE_ACK, ELEMENT_COUNT);
    ps_message_write_state(&writer, &ack->state);
    if (ack->positions.size == 0) {
        ps_write_array(&writer, 0);
    } else {
        ps_write_raw(&writer, ack->positions);
    }
    return ps_message_end(&writer, out, start);
}

void ps_ack_write_position(struct ps_writer *writer, const struct ps_position *position)
{
    ps_write_array(writer, 3);
    ps_message_write_log_name(writer, &position->log);
    ps_write_uint(writer, position->size);
    ps_write_uint(writer, position->size - position->settled);
}
