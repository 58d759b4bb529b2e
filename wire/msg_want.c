/* WANT: send me this log from here on, and no more than that under way. */
#include "wire/message_part.h"

#define ELEMENT_COUNT 4

p2psync_result ps_want_decode(struct ps_bytes input, struct ps_want *out)
{
    struct ps_reader reader;
    struct ps_want want = {0};
    uint32_t extra = ps_message_begin(&reader, input, PS_MESSAGE_WANT, ELEMENT_COUNT);
    ps_message_read_log_name(&reader, &want.log);
    want.from = ps_read_uint_max(&reader, PS_LOG_SIZE_MAX);
    want.credit = ps_read_uint(&reader);
    want.again = ps_read_bool(&reader);
    ps_read_skip(&reader, extra);
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        *out = want;
    }
    return result;
}

p2psync_result ps_want_encode(const struct ps_want *want, struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    ps_message_start(&writer, out, PS_MESSAGE_WANT, ELEMENT_COUNT);
    ps_message_write_log_name(&writer, &want->log);
    ps_write_uint(&writer, want->from);
    ps_write_uint(&writer, want->credit);
    ps_write_bool(&writer, want->again);
    return ps_message_end(&writer, out, start);
}
