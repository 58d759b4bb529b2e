/* JSON to MessagePack, as p2psync.h promises it, in one pass and without a tree: the contents of an
 * array or an object are written first, and when it ends and its count is known, the header is put
 * in front of them. Arrays and objects that are open are on a bounded stack. Every integer of the
 * format is read as itself, which parsers that keep them in 64 bits with a sign cannot do. */
#include <assert.h>
#include <math.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include <p2psync.h>

#include "node/host/detail.h"
#include "node/host/json.h"
#include "node/host/real.h"
#include "wire/codec.h"
#include "wire/limits.h"
#include "wire/scan.h"
#include "wire/value.h"

/* Bytes of JSON: as many as a value of 1 MiB may become. */
#define TEXT_SIZE_MAX ((size_t)8 * PS_VALUE_SIZE_MAX)

/* A wrapping is an object in JSON only. */
#define DEPTH_MAX (PS_DEPTH_MAX + 1)

#define WRAPPING "{\"$bytes\": TEXT} takes base64, {\"$float32\": N} a number"

/* An array or object that is open. */
struct frame {
    bool is_map;
    size_t begin; /* of its contents */
    uint32_t count;
};

struct parser {
    struct ps_bytes rest;
    struct ps_buf out;
    struct ps_writer writer; /* to `out` */
    struct ps_buf scratch;
    struct frame stack[DEPTH_MAX];
    size_t depth;
    bool wants_value; /* else a comma or an end */
    size_t size;      /* of all that is read */
    bool over;        /* a number was too large: no reason to take for JSON what is none */
    size_t over_at;   /* the bytes read when it was seen */
    struct p2psync_detail found; /* what is wrong first */
    bool is_json;                /* what is refused is JSON as far as it was read */
};

static p2psync_result read_whole(struct parser *parser);
static p2psync_result refuse(struct parser *parser, const char *text);
static p2psync_result refuse_wrapping(struct parser *parser);
static p2psync_result read_document(struct parser *parser);
static p2psync_result read_value(struct parser *parser);
static p2psync_result open_container(struct parser *parser, bool is_map);
static p2psync_result read_key(struct parser *parser);
static p2psync_result read_next(struct parser *parser);
static p2psync_result close_container(struct parser *parser);
static p2psync_result put_header(struct parser *parser, const struct frame *frame);
static p2psync_result unwrap(struct parser *parser, size_t begin, bool *done_out);
static p2psync_result write_bytes(struct parser *parser, struct ps_bytes base64);
static p2psync_result write_single(struct parser *parser, const struct ps_token *number);
static p2psync_result read_word(struct parser *parser);
static p2psync_result read_string(struct parser *parser);
static p2psync_result read_escape(struct parser *parser);
static p2psync_result read_number(struct parser *parser);
static void write_integer(struct parser *parser, struct ps_bytes digits, bool negative);
static p2psync_result write_real(struct parser *parser, struct ps_bytes text);

p2psync_result p2psync_value_from_json(const char *json, size_t size, struct p2psync_buffer *out,
                                       struct p2psync_detail *detail)
{
    struct p2psync_detail found = ps_detail_none();
    struct parser *parser = NULL;
    p2psync_result result;

    if (json == NULL || out == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    if (size > TEXT_SIZE_MAX) {
        return ps_detail_give(ps_detail_limit(&found, "JSON", TEXT_SIZE_MAX, "bytes"), &found,
                              detail);
    }
    parser = calloc(1, sizeof *parser);
    if (parser == NULL) {
        return P2PSYNC_ENOMEM;
    }
    parser->found = found;
    parser->rest = ps_bytes(json, size);
    parser->size = size;
    parser->wants_value = true;
    ps_buf_init(&parser->out, TEXT_SIZE_MAX);
    ps_buf_init(&parser->scratch, TEXT_SIZE_MAX);
    ps_writer_init(&parser->writer, &parser->out);
    result = ps_detail_give(read_whole(parser), &parser->found, detail);
    if (result == P2PSYNC_OK) {
        out->data = parser->out.data;
        out->size = parser->out.size;
        ps_buf_init(&parser->out, 0);
    }
    ps_buf_deinit(&parser->scratch);
    ps_buf_deinit(&parser->out);
    free(parser);
    return result;
}

static p2psync_result read_whole(struct parser *parser)
{
    p2psync_result result = read_document(parser);

    if (result == P2PSYNC_OK) {
        result = ps_writer_finish(&parser->writer);
    }
    if (result != P2PSYNC_OK) {
        parser->found.offset = parser->is_json ? SIZE_MAX : parser->size - parser->rest.size;
        return result;
    }
    if (parser->over) {
        (void)ps_detail_say(&parser->found, P2PSYNC_EFORMAT,
                            "a number is too large: integers go from -2^63 to "
                            "2^64 - 1, floats to 1.8e308");
        parser->found.offset = parser->over_at;
        return P2PSYNC_ELIMIT;
    }
    if (parser->out.size > PS_VALUE_SIZE_MAX) {
        return ps_detail_limit(&parser->found, "a value", PS_VALUE_SIZE_MAX, "bytes");
    }
    result = ps_value_check(ps_buf_view(&parser->out));
    if (result == P2PSYNC_EFORMAT) {
        return ps_detail_say(&parser->found, P2PSYNC_EFORMAT,
                             "an object has a key twice, or one with a NUL");
    }
    return result == P2PSYNC_ELIMIT
               ? ps_detail_limit(&parser->found, "a value", PS_DEPTH_MAX, "levels of nesting")
               : result;
}

static p2psync_result refuse(struct parser *parser, const char *text)
{
    return ps_detail_say(&parser->found, P2PSYNC_EFORMAT, "%s", text);
}

/* It is JSON, and says what no value is: there is no place where it ends to be JSON. */
static p2psync_result refuse_wrapping(struct parser *parser)
{
    parser->is_json = true;
    return refuse(parser, WRAPPING);
}

static void see_over(struct parser *parser, bool over)
{
    if (over && !parser->over) {
        parser->over = true;
        parser->over_at = parser->size - parser->rest.size;
    }
}

/* ---- structure ---- */

static int peek(const struct parser *parser)
{
    return parser->rest.size > 0 ? parser->rest.data[0] : -1;
}

static void skip(struct parser *parser, size_t size)
{
    parser->rest = ps_bytes(parser->rest.data + size, parser->rest.size - size);
}

/* The next byte that is no white space, or -1. */
static int peek_token(struct parser *parser)
{
    int byte = peek(parser);

    while (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
        skip(parser, 1);
        byte = peek(parser);
    }
    return byte;
}

static p2psync_result read_document(struct parser *parser)
{
    p2psync_result result = P2PSYNC_OK;

    /* Ends because each turn takes a byte at least. */
    while (result == P2PSYNC_OK && (parser->wants_value || parser->depth > 0)) {
        result = parser->wants_value ? read_value(parser) : read_next(parser);
    }
    if (result == P2PSYNC_OK && peek_token(parser) != -1) {
        result = refuse(parser, "something follows the value");
    }
    return result;
}

/* Take a scalar, or open an array or object. */
static p2psync_result read_value(struct parser *parser)
{
    int byte = peek_token(parser);

    if (parser->depth > 0) {
        parser->stack[parser->depth - 1].count++;
    }
    if (byte == '{' || byte == '[') {
        return open_container(parser, byte == '{');
    }
    parser->wants_value = false;
    if (byte == '"') {
        p2psync_result result = read_string(parser);

        if (result == P2PSYNC_OK) {
            ps_write_str(&parser->writer, ps_buf_view(&parser->scratch));
        }
        return result;
    }
    return byte == '-' || (byte >= '0' && byte <= '9') ? read_number(parser) : read_word(parser);
}

static p2psync_result open_container(struct parser *parser, bool is_map)
{
    if (parser->depth == DEPTH_MAX) {
        return ps_detail_limit(&parser->found, "a value", PS_DEPTH_MAX, "levels of nesting");
    }
    skip(parser, 1);
    parser->stack[parser->depth] = (struct frame){.is_map = is_map, .begin = parser->out.size};
    parser->depth++;
    if (peek_token(parser) == (is_map ? '}' : ']')) {
        return close_container(parser);
    }
    return is_map ? read_key(parser) : P2PSYNC_OK;
}

static p2psync_result read_key(struct parser *parser)
{
    p2psync_result result = peek_token(parser) == '"'
                                ? read_string(parser)
                                : refuse(parser, "a key in quotes is expected");

    if (result == P2PSYNC_OK) {
        ps_write_str(&parser->writer, ps_buf_view(&parser->scratch));
        result = peek_token(parser) == ':' ? P2PSYNC_OK : refuse(parser, "a colon is expected");
    }
    if (result == P2PSYNC_OK) {
        skip(parser, 1);
        parser->wants_value = true;
    }
    return result;
}

/* After a value: a comma and what follows, or the end of what is open. */
static p2psync_result read_next(struct parser *parser)
{
    bool is_map = parser->stack[parser->depth - 1].is_map;
    int byte = peek_token(parser);

    if (byte == (is_map ? '}' : ']')) {
        return close_container(parser);
    }
    if (byte != ',') {
        return refuse(parser, is_map ? "a comma or '}' is expected" : "a comma or ']' is expected");
    }
    skip(parser, 1);
    parser->wants_value = true;
    return is_map ? read_key(parser) : P2PSYNC_OK;
}

static p2psync_result close_container(struct parser *parser)
{
    const struct frame *frame = &parser->stack[parser->depth - 1];
    p2psync_result result = ps_writer_finish(&parser->writer);
    bool done = false;

    skip(parser, 1);
    parser->depth--;
    parser->wants_value = false;
    if (result == P2PSYNC_OK && frame->is_map && frame->count == 1) {
        result = unwrap(parser, frame->begin, &done);
    }
    return result == P2PSYNC_OK && !done ? put_header(parser, frame) : result;
}

/* Write the header after the contents, and bring it before them. */
static p2psync_result put_header(struct parser *parser, const struct frame *frame)
{
    struct ps_buf *out = &parser->out;
    uint8_t header[5];
    size_t end = out->size;

    if (frame->is_map) {
        ps_write_map(&parser->writer, frame->count);
    } else {
        ps_write_array(&parser->writer, frame->count);
    }
    p2psync_result result = ps_writer_finish(&parser->writer);
    if (result != P2PSYNC_OK) {
        return result;
    }
    size_t size = out->size - end;
    assert(size <= sizeof header);
    memcpy(header, out->data + end, size);
    memmove(out->data + frame->begin + size, out->data + frame->begin, end - frame->begin);
    memcpy(out->data + frame->begin, header, size);
    return P2PSYNC_OK;
}

/* An object of one pair, whose key and value are what was written last: if it wraps another value,
 * that takes its place. `done_out` tells. If it is data that was written with one `$` more, that is
 * taken off. */
static p2psync_result unwrap(struct parser *parser, size_t begin, bool *done_out)
{
    struct ps_buf *out = &parser->out;
    struct ps_token key;
    struct ps_token value;
    p2psync_result result = ps_scan_token(ps_bytes(out->data + begin, out->size - begin), &key);

    *done_out = false;
    if (result != P2PSYNC_OK || !ps_json_wraps(key.bytes)) {
        return result;
    }
    ps_buf_clear(&parser->scratch);
    result = ps_buf_append(&parser->scratch, out->data + begin, out->size - begin);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_bytes pair = ps_buf_view(&parser->scratch);
    struct ps_bytes rest = ps_bytes(pair.data + key.size, pair.size - key.size);
    struct ps_bytes name = ps_bytes(rest.data - key.bytes.size, key.bytes.size);
    ps_buf_truncate(out, begin);
    if (name.data[1] == '$') {
        ps_write_str(&parser->writer, ps_bytes(name.data + 1, name.size - 1));
        ps_write_raw(&parser->writer, rest);
        return ps_writer_finish(&parser->writer);
    }
    *done_out = true;
    result = ps_scan_token(rest, &value);
    if (result == P2PSYNC_OK && ps_bytes_equal(name, ps_bytes_text(PS_JSON_FLOAT32))) {
        return write_single(parser, &value);
    }
    if (result == P2PSYNC_OK && ps_bytes_equal(name, ps_bytes_text(PS_JSON_BYTES)) &&
        value.type == PS_TOKEN_STR) {
        return write_bytes(parser, value.bytes);
    }
    return refuse(parser, WRAPPING);
}

static p2psync_result write_bytes(struct parser *parser, struct ps_bytes base64)
{
    size_t room = base64.size / 4 * 3 + 3;
    uint8_t *data = malloc(room);
    size_t size = 0;
    p2psync_result result = P2PSYNC_OK;

    if (data == NULL) {
        return P2PSYNC_ENOMEM;
    }
    if (sodium_base642bin(data, room, (const char *)base64.data, base64.size, NULL, &size, NULL,
                          sodium_base64_VARIANT_ORIGINAL) == 0) {
        ps_write_bin(&parser->writer, ps_bytes(data, size));
    } else {
        result = refuse_wrapping(parser);
    }
    free(data);
    return result;
}

/* A float of 32 bits, from any number. */
static p2psync_result write_single(struct parser *parser, const struct ps_token *number)
{
    uint8_t bytes[5] = {0xca};
    uint32_t bits = 0;
    double wide = 0;

    if (number->type == PS_TOKEN_FLOAT) {
        memcpy(&wide, &number->uint, sizeof wide);
    } else if (number->type == PS_TOKEN_UINT || number->type == PS_TOKEN_INT) {
        wide = number->type == PS_TOKEN_UINT ? (double)number->uint : (double)(int64_t)number->uint;
    } else {
        return refuse_wrapping(parser);
    }
    float narrow = (float)wide;
    see_over(parser, !isfinite(narrow));
    memcpy(&bits, &narrow, sizeof bits);
    ps_put_u32(bytes + 1, bits);
    ps_write_raw(&parser->writer, ps_bytes(bytes, sizeof bytes));
    return P2PSYNC_OK;
}

/* ---- scalars ---- */

static bool starts(struct parser *parser, const char *word)
{
    size_t size = strlen(word);

    if (parser->rest.size < size || memcmp(parser->rest.data, word, size) != 0) {
        return false;
    }
    skip(parser, size);
    return true;
}

static p2psync_result read_word(struct parser *parser)
{
    if (starts(parser, "null")) {
        ps_write_nil(&parser->writer);
    } else if (starts(parser, "true")) {
        ps_write_bool(&parser->writer, true);
    } else if (starts(parser, "false")) {
        ps_write_bool(&parser->writer, false);
    } else {
        return refuse(parser, parser->rest.size > 0 ? "this is no value" : "it ends too early");
    }
    return P2PSYNC_OK;
}

/* Read a string, quotes included, into scratch. */
static p2psync_result read_string(struct parser *parser)
{
    p2psync_result result = P2PSYNC_OK;
    size_t plain = 0;

    ps_buf_clear(&parser->scratch);
    skip(parser, 1);
    /* Ends because each turn takes a byte at least, or looks at one more. */
    while (result == P2PSYNC_OK) {
        if (plain == parser->rest.size) {
            return refuse(parser, "a string does not end");
        }
        uint8_t byte = parser->rest.data[plain];
        if (byte != '"' && byte != '\\' && byte >= 0x20) {
            plain++;
            continue;
        }
        result = ps_buf_append(&parser->scratch, parser->rest.data, plain);
        skip(parser, plain);
        plain = 0;
        if (result == P2PSYNC_OK && byte == '"') {
            skip(parser, 1);
            break;
        }
        if (result == P2PSYNC_OK) {
            result = byte == '\\' ? read_escape(parser)
                                  : refuse(parser, "a control character must be escaped");
        }
    }
    if (result == P2PSYNC_OK && !ps_scan_utf8(ps_buf_view(&parser->scratch))) {
        result = refuse(parser, "a string is not UTF-8");
    }
    return result;
}

/* Four hex digits behind `\u`; false if there are none. */
static bool read_unit(struct parser *parser, uint32_t *unit_out)
{
    uint32_t unit = 0;

    if (!starts(parser, "\\u") || parser->rest.size < 4) {
        return false;
    }
    for (size_t i = 0; i < 4; i++) {
        uint8_t byte = parser->rest.data[i];
        uint8_t lower = byte | 0x20U;
        bool digit = byte >= '0' && byte <= '9';

        if (!digit && (lower < 'a' || lower > 'f')) {
            return false;
        }
        unit = unit << 4 | (uint32_t)(digit ? byte - '0' : lower - 'a' + 10);
    }
    skip(parser, 4);
    *unit_out = unit;
    return true;
}

static p2psync_result append_character(struct parser *parser, uint32_t code)
{
    uint8_t bytes[4] = {(uint8_t)code};
    size_t size = 1;

    if (code >= 0x80) {
        size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
        for (size_t i = size - 1; i > 0; i--) {
            bytes[i] = (uint8_t)(0x80U | (code & 0x3fU));
            code >>= 6;
        }
        bytes[0] = (uint8_t)((0xf00U >> size) | code);
    }
    return ps_buf_append(&parser->scratch, bytes, size);
}

/* An escape. Halves of a pair that stand alone are no character. */
static p2psync_result read_escape(struct parser *parser)
{
    static const char letters[] = "b\bf\fn\nr\rt\t\"\"\\\\//";
    uint32_t code = 0;
    uint32_t low = 0;

    for (size_t i = 0; i + 1 < sizeof letters - 1 && parser->rest.size > 1; i += 2) {
        if (parser->rest.data[1] == (uint8_t)letters[i]) {
            skip(parser, 2);
            return ps_buf_append(&parser->scratch, &letters[i + 1], 1);
        }
    }
    if (!read_unit(parser, &code)) {
        return refuse(parser, "this is no escape");
    }
    if (code >= 0xd800 && code <= 0xdbff) {
        if (!read_unit(parser, &low) || low < 0xdc00 || low > 0xdfff) {
            return refuse(parser, "this is no escape");
        }
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xdc00 && code <= 0xdfff) {
        return refuse(parser, "this is no escape");
    }
    return append_character(parser, code);
}

static p2psync_result read_number(struct parser *parser)
{
    struct ps_bytes text = parser->rest;
    size_t begin = text.data[0] == '-' ? 1 : 0;
    bool integer = false;
    size_t end = ps_json_number(text, &integer);

    if (end == 0) {
        return refuse(parser, "this is no number");
    }
    skip(parser, end);
    if (integer) {
        write_integer(parser, ps_bytes(text.data + begin, end - begin), begin > 0);
        return P2PSYNC_OK;
    }
    return write_real(parser, ps_bytes(text.data, end));
}

static void write_integer(struct parser *parser, struct ps_bytes digits, bool negative)
{
    uint64_t number = 0;

    for (size_t i = 0; i < digits.size; i++) {
        uint64_t digit = (uint64_t)(digits.data[i] - '0');

        see_over(parser, number > (UINT64_MAX - digit) / 10);
        number = number * 10 + digit;
    }
    if (!negative || number == 0) {
        ps_write_uint(&parser->writer, number);
    } else if (number <= (uint64_t)INT64_MAX + 1) {
        ps_write_int(&parser->writer, -(int64_t)(number - 1) - 1);
    } else {
        see_over(parser, true);
        ps_write_nil(&parser->writer); /* in its place */
    }
}

static p2psync_result write_real(struct parser *parser, struct ps_bytes text)
{
    uint8_t bytes[9] = {0xcb};
    uint64_t bits = 0;
    double number = 0;

    ps_buf_clear(&parser->scratch);
    p2psync_result result = ps_buf_append(&parser->scratch, text.data, text.size);
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(&parser->scratch, "", 1);
    }
    if (result == P2PSYNC_OK) {
        result = ps_real_parse((const char *)parser->scratch.data, &number);
    }
    if (result == P2PSYNC_ELIMIT) {
        see_over(parser, true);
        result = P2PSYNC_OK;
    }
    if (result == P2PSYNC_OK) {
        memcpy(&bits, &number, sizeof bits);
        ps_put_u64(bytes + 1, bits);
        ps_write_raw(&parser->writer, ps_bytes(bytes, sizeof bytes));
    }
    return result;
}
