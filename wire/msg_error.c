/* ERROR: why the sender ends a session. The text is for people. */
#include "wire/message_part.h"
#include "wire/scan.h"

#define ELEMENT_COUNT 2

p2psync_result ps_error_decode(struct ps_bytes input, struct ps_error *out)
{
    struct ps_reader reader;
    struct ps_error error = {0};
    uint32_t extra = ps_message_begin(&reader, input, PS_MESSAGE_ERROR, ELEMENT_COUNT);
    error.code = ps_read_uint(&reader);
    error.text = ps_read_str(&reader, PS_ERROR_TEXT_SIZE_MAX);
    ps_read_skip(&reader, extra);
    if (!ps_scan_utf8(error.text)) {
        ps_reader_fail(&reader, P2PSYNC_EFORMAT);
    }
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        *out = error;
    }
    return result;
}

p2psync_result ps_error_encode(const struct ps_error *error, struct ps_buf *out)
{
    size_t start = out->size;
    struct ps_writer writer;
    ps_message_start(&writer, out, PS_MESSAGE_ERROR, ELEMENT_COUNT);
    ps_write_uint(&writer, error->code);
    ps_write_str(&writer, error->text);
    return ps_message_end(&writer, out, start);
}
