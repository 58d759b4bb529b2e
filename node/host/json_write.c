/* MessagePack to JSON, as p2psync.h promises it: read token by token through the bounded scanner,
 * so that no tree is made; the order of keys is kept. What JSON has no word for is wrapped in a map
 * of one key (node/host/json.h). It does not matter here what the values mean. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p2psync.h>

#include "node/host/json.h"
#include "node/host/real.h"
#include "wire/bytes.h"
#include "wire/escape.h"
#include "wire/limits.h"
#include "wire/scan.h"

/* No MessagePack byte becomes more than eight of JSON: the worst are the numbers of one byte with
 * their comma, control characters ("\u0001"), and the wrapping of a bin of one byte. */
#define JSON_GROWTH 8
#define JSON_MARGIN 64

/* One array or map that to_json is inside of. */
struct text_frame {
    uint64_t left; /* tokens not written yet: elements, or keys and values */
    bool map;
    bool alone; /* it has one element, or one pair */
};

static p2psync_result unpack(struct ps_bytes value, struct ps_buf *text);

p2psync_result p2psync_value_to_json(struct p2psync_bytes value, struct p2psync_buffer *out)
{
    struct ps_buf text;
    p2psync_result result;

    if (out == NULL || (value.data == NULL && value.size != 0)) {
        return P2PSYNC_EMISUSE;
    }
    if (value.size > (SIZE_MAX - JSON_MARGIN) / JSON_GROWTH) {
        return P2PSYNC_ELIMIT;
    }
    ps_buf_init(&text, value.size * JSON_GROWTH + JSON_MARGIN);
    result = unpack(ps_bytes(value.data, value.size), &text);
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(&text, "", 1);
    }
    if (result == P2PSYNC_OK) {
        out->data = text.data;
        out->size = text.size - 1;
        ps_buf_init(&text, 0);
    }
    ps_buf_deinit(&text);
    return result;
}

static p2psync_result write_separator(struct text_frame *frame, const struct ps_token *token,
                                      struct ps_buf *text);
static p2psync_result write_token(const struct ps_token *token, struct ps_buf *text);
static p2psync_result write_key(const struct text_frame *frame, struct ps_bytes key,
                                struct ps_buf *text);
static p2psync_result write_string(struct ps_bytes string, struct ps_buf *text);
static p2psync_result write_characters(struct ps_bytes string, struct ps_buf *text);
static p2psync_result write_escaped(uint32_t code, struct ps_buf *text);
static p2psync_result write_bytes(struct ps_bytes bytes, struct ps_buf *text);
static p2psync_result write_integer(const struct ps_token *token, struct ps_buf *text);
static p2psync_result write_float(const struct ps_token *token, struct ps_buf *text);
static p2psync_result write_text(const char *string, struct ps_buf *text);

static p2psync_result unpack(struct ps_bytes value, struct ps_buf *text)
{
    struct text_frame stack[PS_DOCUMENT_DEPTH_MAX];
    size_t depth = 0;
    bool done = false;
    p2psync_result result = P2PSYNC_OK;

    /* Ends because each turn takes one token of `value`, or leaves one container. */
    while (result == P2PSYNC_OK && !done) {
        struct ps_token token;

        if (depth > 0 && stack[depth - 1].left == 0) {
            depth--;
            result = write_text(stack[depth].map ? "}" : "]", text);
            done = depth == 0;
            continue;
        }
        bool is_key = depth > 0 && stack[depth - 1].map && stack[depth - 1].left % 2 == 0;
        result = ps_scan_token(value, &token);
        if (result == P2PSYNC_OK && depth > 0) {
            result = write_separator(&stack[depth - 1], &token, text);
        }
        if (result == P2PSYNC_OK) {
            result = is_key ? write_key(&stack[depth - 1], token.bytes, text)
                            : write_token(&token, text);
            value = ps_bytes(value.data + token.size, value.size - token.size);
        }
        if (result == P2PSYNC_OK && (token.type == PS_TOKEN_MAP || token.type == PS_TOKEN_ARRAY)) {
            if (depth == PS_DOCUMENT_DEPTH_MAX) {
                return P2PSYNC_ELIMIT;
            }
            stack[depth].map = token.type == PS_TOKEN_MAP;
            stack[depth].alone = token.count == 1;
            stack[depth].left = (uint64_t)token.count * (stack[depth].map ? 2 : 1);
            depth++;
        } else {
            done = depth == 0;
        }
    }
    if (result == P2PSYNC_OK && value.size != 0) {
        result = P2PSYNC_EFORMAT;
    }
    return result;
}

/* What stands before a token inside `frame`, and the brackets' own bookkeeping. */
static p2psync_result write_separator(struct text_frame *frame, const struct ps_token *token,
                                      struct ps_buf *text)
{
    bool key = frame->map && frame->left % 2 == 0;
    char last = (char)text->data[text->size - 1];

    if (key && token->type != PS_TOKEN_STR) {
        return P2PSYNC_EFORMAT;
    }
    frame->left--;
    if (frame->map && !key) {
        return write_text(":", text);
    }
    /* The last byte is an opening bracket only right after one: strings end in a quote. */
    return last == '[' || last == '{' ? P2PSYNC_OK : write_text(",", text);
}

static p2psync_result write_token(const struct ps_token *token, struct ps_buf *text)
{
    switch (token->type) {
    case PS_TOKEN_NIL:
        return write_text("null", text);
    case PS_TOKEN_BOOL:
        return write_text(token->uint != 0 ? "true" : "false", text);
    case PS_TOKEN_UINT:
    case PS_TOKEN_INT:
        return write_integer(token, text);
    case PS_TOKEN_FLOAT:
        return write_float(token, text);
    case PS_TOKEN_STR:
        return write_string(token->bytes, text);
    case PS_TOKEN_BIN:
        return write_bytes(token->bytes, text);
    case PS_TOKEN_ARRAY:
        return write_text("[", text);
    case PS_TOKEN_MAP:
        return write_text("{", text);
    case PS_TOKEN_EXT:
        break;
    }
    return P2PSYNC_EFORMAT;
}

/* A map that looks like a wrapping and is none gets one `$` more, which is taken off again when it
 * is read. */
static p2psync_result write_key(const struct text_frame *frame, struct ps_bytes key,
                                struct ps_buf *text)
{
    bool escaped = frame->alone && ps_json_wraps(key);
    p2psync_result result = write_text(escaped ? "\"$" : "\"", text);

    return result == P2PSYNC_OK ? write_characters(key, text) : result;
}

bool ps_json_wraps(struct ps_bytes key)
{
    static const char *const words[] = {PS_JSON_BYTES, PS_JSON_FLOAT32, PS_JSON_BLOB};

    while (key.size > 1 && key.data[0] == '$' && key.data[1] == '$') {
        key = ps_bytes(key.data + 1, key.size - 1);
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (ps_bytes_equal(key, ps_bytes_text(words[i]))) {
            return true;
        }
    }
    return false;
}

static p2psync_result write_integer(const struct ps_token *token, struct ps_buf *text)
{
    char digits[24];

    if (token->type == PS_TOKEN_INT) {
        (void)snprintf(digits, sizeof digits, "%" PRId64, (int64_t)token->uint);
    } else {
        (void)snprintf(digits, sizeof digits, "%" PRIu64, token->uint);
    }
    return write_text(digits, text);
}

static p2psync_result write_float(const struct ps_token *token, struct ps_buf *text)
{
    char digits[PS_REAL_TEXT_SIZE];
    bool single = token->size == 5;
    p2psync_result result = ps_real_print(token->uint, single, digits);

    if (result == P2PSYNC_OK && single) {
        result = write_text("{\"" PS_JSON_FLOAT32 "\":", text);
    }
    if (result == P2PSYNC_OK) {
        result = write_text(digits, text);
    }
    return result == P2PSYNC_OK && single ? write_text("}", text) : result;
}

static p2psync_result write_bytes(struct ps_bytes bytes, struct ps_buf *text)
{
    size_t size = sodium_base64_ENCODED_LEN(bytes.size, sodium_base64_VARIANT_ORIGINAL);
    char *encoded = malloc(size);
    p2psync_result result;

    if (encoded == NULL) {
        return P2PSYNC_ENOMEM;
    }
    sodium_bin2base64(encoded, size, bytes.data, bytes.size, sodium_base64_VARIANT_ORIGINAL);
    result = write_text("{\"" PS_JSON_BYTES "\":\"", text);
    if (result == P2PSYNC_OK) {
        result = write_text(encoded, text);
    }
    if (result == P2PSYNC_OK) {
        result = write_text("\"}", text);
    }
    free(encoded);
    return result;
}

static p2psync_result write_string(struct ps_bytes string, struct ps_buf *text)
{
    p2psync_result result = write_text("\"", text);

    return result == P2PSYNC_OK ? write_characters(string, text) : result;
}

/* The rest of a string, up to its last quote. Besides what JSON asks for, what nobody sees is
 * escaped, and what a terminal might obey: records come from other devices. */
static p2psync_result write_characters(struct ps_bytes string, struct ps_buf *text)
{
    p2psync_result result = P2PSYNC_OK;
    struct ps_bytes rest = string;
    size_t plain = 0; /* bytes before `rest` that need no escape, and are not written yet */

    while (rest.size > 0 && result == P2PSYNC_OK) {
        uint32_t code = 0;
        size_t width = ps_scan_character(rest, &code);

        if (width == 0) {
            return P2PSYNC_EFORMAT;
        }
        if (code == '"' || code == '\\' || ps_escape_needed(code)) {
            result = ps_buf_append(text, rest.data - plain, plain);
            if (result == P2PSYNC_OK) {
                result = write_escaped(code, text);
            }
            plain = 0;
        } else {
            plain += width;
        }
        rest = ps_bytes(rest.data + width, rest.size - width);
    }
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(text, rest.data - plain, plain);
    }
    return result == P2PSYNC_OK ? write_text("\"", text) : result;
}

static p2psync_result write_escaped(uint32_t code, struct ps_buf *text)
{
    static const char letters[] = "b\bf\fn\nr\rt\t\"\"\\\\";
    char escape[PS_ESCAPE_SIZE] = "\\";

    for (size_t i = 0; i + 1 < sizeof letters - 1; i += 2) {
        if (code == (unsigned char)letters[i + 1]) {
            escape[1] = letters[i];
            return ps_buf_append(text, escape, 2);
        }
    }
    ps_escape_print(code, escape);
    return write_text(escape, text);
}

static p2psync_result write_text(const char *string, struct ps_buf *text)
{
    return ps_buf_append(text, string, strlen(string));
}
