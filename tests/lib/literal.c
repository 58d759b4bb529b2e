/* Values from text: see literal.h. The header of an array or a map is one byte, in which its count
 * is set when it ends; so nothing is parsed twice. */
#include "tests/lib/literal.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "wire/codec.h"
#include "wire/limits.h"

#define POOL_SIZE (UINT32_C(1) << 20)

static uint8_t pool[POOL_SIZE];
static size_t used;

static const char *write_scalar(struct ps_writer *writer, const char *at);
static const char *write_number(struct ps_writer *writer, const char *at);
static void write_float(struct ps_writer *writer, double number, bool narrow);

void literal_clear(void)
{
    used = 0;
}

struct ps_bytes literal(const char *text)
{
    struct ps_buf buf;
    struct ps_writer writer;
    size_t open[PS_DEPTH_MAX + 1]; /* where their headers are */
    size_t depth = 0;
    ps_buf_init(&buf, POOL_SIZE);
    ps_writer_init(&writer, &buf);
    const char *at = text;
    while (*at != 0) {
        if (*at == ' ' || *at == ',' || *at == ':') {
            at++;
        } else if (*at == '}' || *at == ']') {
            assert(depth > 0);
            depth--;
            /* Of a map, keys and values were counted. */
            uint8_t count = buf.data[open[depth]];
            buf.data[open[depth]] =
                *at == '}' ? (uint8_t)(0x80U | count / 2U) : (uint8_t)(0x90U | count);
            at++;
        } else {
            if (depth > 0) {
                buf.data[open[depth - 1]]++;
            }
            if (*at == '{' || *at == '[') {
                assert(depth < PS_DEPTH_MAX + 1);
                open[depth] = buf.size;
                depth++;
                ps_write_raw(&writer, ps_bytes("", 1));
                at++;
            } else {
                at = write_scalar(&writer, at);
            }
        }
    }
    assert(depth == 0 && ps_writer_finish(&writer) == P2PSYNC_OK && buf.size <= POOL_SIZE - used);
    memcpy(pool + used, buf.data, buf.size);
    struct ps_bytes value = ps_bytes(pool + used, buf.size);
    used += buf.size;
    ps_buf_deinit(&buf);
    return value;
}

static const char *write_scalar(struct ps_writer *writer, const char *at)
{
    if (*at == '\'') {
        const char *end = strchr(at + 1, '\'');
        assert(end != NULL);
        ps_write_str(writer, ps_bytes(at + 1, (size_t)(end - at - 1)));
        return end + 1;
    }
    if (isdigit((unsigned char)*at) || *at == '-' || strncmp(at, "inf", 3) == 0) {
        return write_number(writer, at);
    }
    size_t size = 0;
    while (isalnum((unsigned char)at[size]) || at[size] == '_' || at[size] == '.') {
        size++;
    }
    struct ps_bytes word = ps_bytes(at, size);
    assert(size > 0);
    if (ps_bytes_equal(word, ps_bytes_text("nil"))) {
        ps_write_nil(writer);
    } else if (ps_bytes_equal(word, ps_bytes_text("true"))) {
        ps_write_bool(writer, true);
    } else if (ps_bytes_equal(word, ps_bytes_text("false"))) {
        ps_write_bool(writer, false);
    } else {
        ps_write_str(writer, word);
    }
    return at + size;
}

static const char *write_number(struct ps_writer *writer, const char *at)
{
    size_t size = strcspn(at, " ,:]}");
    char *end = NULL;
    if (strcspn(at, ".i") < size) {
        double number = strtod(at, &end);
        write_float(writer, number, *end == 'f');
    } else if (*at == '-') {
        ps_write_int(writer, strtoll(at, &end, 10));
    } else {
        ps_write_uint(writer, strtoull(at, &end, 10));
    }
    return at + size;
}

static void write_float(struct ps_writer *writer, double number, bool narrow)
{
    uint8_t bytes[9] = {0xcb};
    uint64_t wide_bits = 0;
    uint32_t narrow_bits = 0;
    float less = (float)number;
    memcpy(&wide_bits, &number, sizeof wide_bits);
    memcpy(&narrow_bits, &less, sizeof narrow_bits);
    ps_put_u64(bytes + 1, wide_bits);
    if (narrow) {
        bytes[0] = 0xca;
        ps_put_u32(bytes + 1, narrow_bits);
    }
    ps_write_raw(writer, ps_bytes(bytes, narrow ? 5 : 9));
}
