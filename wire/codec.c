/* The reader: a cursor over the tokens of the bounded scanner. The writer: msgpack-c packing into a
 * capped buffer. Both keep their first error and go on harmlessly, so that a caller checks once. */
#include "wire/codec.h"

#include <assert.h>
#include <string.h>

#include "wire/scan.h"

static bool take(struct ps_reader *reader, ps_token_type type, struct ps_token *out);
static void advance(struct ps_reader *reader, size_t size);
static int write_bytes(void *data, const char *bytes, size_t size);

void ps_reader_init(struct ps_reader *reader, struct ps_bytes input)
{
    *reader = (struct ps_reader){.rest = input, .error = P2PSYNC_OK};
}

uint32_t ps_read_array(struct ps_reader *reader)
{
    struct ps_token token;
    return take(reader, PS_TOKEN_ARRAY, &token) ? token.count : 0;
}

uint32_t ps_read_array_at_least(struct ps_reader *reader, uint32_t count)
{
    uint32_t found = ps_read_array(reader);
    if (found < count) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
        return 0;
    }
    return found - count;
}

uint32_t ps_read_map(struct ps_reader *reader)
{
    struct ps_token token;
    return take(reader, PS_TOKEN_MAP, &token) ? token.count : 0;
}

uint64_t ps_read_uint(struct ps_reader *reader)
{
    struct ps_token token;
    return take(reader, PS_TOKEN_UINT, &token) ? token.uint : 0;
}

uint64_t ps_read_uint_max(struct ps_reader *reader, uint64_t max)
{
    uint64_t value = ps_read_uint(reader);
    if (value > max) {
        ps_reader_fail(reader, P2PSYNC_ELIMIT);
        return 0;
    }
    return value;
}

bool ps_read_bool(struct ps_reader *reader)
{
    struct ps_token token;
    return take(reader, PS_TOKEN_BOOL, &token) && token.uint != 0;
}

struct ps_bytes ps_read_str(struct ps_reader *reader, size_t size_max)
{
    struct ps_token token;
    if (!take(reader, PS_TOKEN_STR, &token)) {
        return ps_bytes(NULL, 0);
    }
    if (token.bytes.size > size_max) {
        ps_reader_fail(reader, P2PSYNC_ELIMIT);
        return ps_bytes(NULL, 0);
    }
    return token.bytes;
}

struct ps_bytes ps_read_bin(struct ps_reader *reader, size_t size_max)
{
    struct ps_token token;
    if (!take(reader, PS_TOKEN_BIN, &token)) {
        return ps_bytes(NULL, 0);
    }
    if (token.bytes.size > size_max) {
        ps_reader_fail(reader, P2PSYNC_ELIMIT);
        return ps_bytes(NULL, 0);
    }
    return token.bytes;
}

void ps_read_bin_exact(struct ps_reader *reader, void *out, size_t size)
{
    struct ps_token token;
    if (take(reader, PS_TOKEN_BIN, &token) && token.bytes.size == size) {
        memcpy(out, token.bytes.data, size);
        return;
    }
    ps_reader_fail(reader, P2PSYNC_EFORMAT);
    memset(out, 0, size);
}

bool ps_reader_at_array(const struct ps_reader *reader)
{
    struct ps_token token;
    return reader->error == P2PSYNC_OK && ps_scan_token(reader->rest, &token) == P2PSYNC_OK &&
           token.type == PS_TOKEN_ARRAY;
}

bool ps_read_nil(struct ps_reader *reader)
{
    struct ps_token token;
    if (reader->error != P2PSYNC_OK || ps_scan_token(reader->rest, &token) != P2PSYNC_OK ||
        token.type != PS_TOKEN_NIL) {
        return false;
    }
    advance(reader, token.size);
    return true;
}

struct ps_bytes ps_read_value(struct ps_reader *reader, unsigned depth_max)
{
    if (reader->error != P2PSYNC_OK) {
        return ps_bytes(NULL, 0);
    }
    size_t size = 0;
    p2psync_result result = ps_scan_value(reader->rest, depth_max, &size);
    if (result != P2PSYNC_OK) {
        ps_reader_fail(reader, result);
        return ps_bytes(NULL, 0);
    }
    struct ps_bytes value = ps_bytes(reader->rest.data, size);
    advance(reader, size);
    return value;
}

void ps_read_skip(struct ps_reader *reader, uint32_t count)
{
    for (uint32_t i = 0; i < count && reader->error == P2PSYNC_OK; i++) {
        (void)ps_read_value(reader, PS_DEPTH_MAX);
    }
}

void ps_reader_fail(struct ps_reader *reader, p2psync_result error)
{
    assert(error != P2PSYNC_OK);
    if (reader->error == P2PSYNC_OK) {
        reader->error = error;
    }
}

p2psync_result ps_reader_finish(const struct ps_reader *reader)
{
    if (reader->error != P2PSYNC_OK) {
        return reader->error;
    }
    return reader->rest.size == 0 ? P2PSYNC_OK : P2PSYNC_EFORMAT;
}

static bool take(struct ps_reader *reader, ps_token_type type, struct ps_token *out)
{
    if (reader->error != P2PSYNC_OK) {
        return false;
    }
    p2psync_result result = ps_scan_token(reader->rest, out);
    if (result == P2PSYNC_OK && out->type != type) {
        result = P2PSYNC_EFORMAT;
    }
    if (result != P2PSYNC_OK) {
        ps_reader_fail(reader, result);
        return false;
    }
    advance(reader, out->size);
    return true;
}

static void advance(struct ps_reader *reader, size_t size)
{
    assert(size <= reader->rest.size);
    reader->rest = ps_bytes(reader->rest.data + size, reader->rest.size - size);
}

void ps_writer_init(struct ps_writer *writer, struct ps_buf *buf)
{
    writer->buf = buf;
    writer->error = P2PSYNC_OK;
    msgpack_packer_init(&writer->packer, writer, write_bytes);
}

/* What msgpack-c returns from packing is what this returns: the error is kept here instead. */
static int write_bytes(void *data, const char *bytes, size_t size)
{
    struct ps_writer *writer = data;
    if (writer->error == P2PSYNC_OK) {
        writer->error = ps_buf_append(writer->buf, bytes, size);
    }
    return writer->error == P2PSYNC_OK ? 0 : -1;
}

void ps_write_array(struct ps_writer *writer, size_t count)
{
    assert(count <= UINT32_MAX);
    (void)msgpack_pack_array(&writer->packer, count);
}

void ps_write_map(struct ps_writer *writer, size_t count)
{
    assert(count <= UINT32_MAX);
    (void)msgpack_pack_map(&writer->packer, count);
}

void ps_write_uint(struct ps_writer *writer, uint64_t value)
{
    (void)msgpack_pack_uint64(&writer->packer, value);
}

void ps_write_int(struct ps_writer *writer, int64_t value)
{
    (void)msgpack_pack_int64(&writer->packer, value);
}

void ps_write_bool(struct ps_writer *writer, bool value)
{
    if (value) {
        (void)msgpack_pack_true(&writer->packer);
    } else {
        (void)msgpack_pack_false(&writer->packer);
    }
}

void ps_write_nil(struct ps_writer *writer)
{
    (void)msgpack_pack_nil(&writer->packer);
}

void ps_write_str(struct ps_writer *writer, struct ps_bytes value)
{
    assert(value.size <= UINT32_MAX);
    (void)msgpack_pack_str(&writer->packer, value.size);
    ps_write_raw(writer, value);
}

void ps_write_text(struct ps_writer *writer, const char *value)
{
    ps_write_str(writer, ps_bytes_text(value));
}

void ps_write_bin(struct ps_writer *writer, struct ps_bytes value)
{
    assert(value.size <= UINT32_MAX);
    (void)msgpack_pack_bin(&writer->packer, value.size);
    ps_write_raw(writer, value);
}

void ps_write_raw(struct ps_writer *writer, struct ps_bytes value)
{
    if (value.size > 0) {
        (void)write_bytes(writer, (const char *)value.data, value.size);
    }
}

void ps_write_raw_or_nil(struct ps_writer *writer, struct ps_bytes value)
{
    if (value.size == 0) {
        ps_write_nil(writer);
    } else {
        ps_write_raw(writer, value);
    }
}

p2psync_result ps_writer_finish(const struct ps_writer *writer)
{
    return writer->error;
}
