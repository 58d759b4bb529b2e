/* JSON from and to MessagePack, as p2psync.h promises it: one value at a time, order of keys kept,
 * bin as {"$bytes": BASE64}. JSON is parsed by jansson into a tree and walked with an explicit
 * stack; MessagePack is read token by token through the bounded scanner and never becomes a tree.
 * Neither direction knows what the values mean. */
#include <float.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p2psync.h>

#include "wire/bytes.h"
#include "wire/codec.h"
#include "wire/limits.h"
#include "wire/scan.h"

/* No MessagePack byte becomes more than eight of JSON: the worst are the numbers of one byte with
 * their comma, control characters ("\u0001"), and the wrapping of a bin of one byte. */
#define JSON_GROWTH   8
#define JSON_MARGIN   64
#define TEXT_SIZE_MAX ((size_t)JSON_GROWTH * PS_VALUE_SIZE_MAX)

/* Answers wrap values: a record's fields stand one level deep in the record, the record in a list.
 */
#define ANSWER_DEPTH_MAX (PS_DEPTH_MAX + 4)

#define BYTES_KEY "$bytes"

/* One array or object that from_json is inside of. */
struct node_frame {
    json_t *value;
    void *iter;   /* the next member, if it is an object */
    size_t index; /* the next element, if it is an array */
};

/* One array or map that to_json is inside of. */
struct text_frame {
    uint64_t left; /* tokens not written yet: elements, or keys and values */
    bool map;
};

static p2psync_result parse_error(const json_error_t *error);
static p2psync_result pack_tree(json_t *root, struct ps_writer *writer);
static p2psync_result unpack(struct ps_bytes value, struct ps_buf *text);

p2psync_result p2psync_value_from_json(const char *json, size_t size, struct p2psync_buffer *out)
{
    struct ps_buf buf;
    struct ps_writer writer;
    json_error_t error;
    json_t *root = NULL;
    p2psync_result result;

    if (json == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (size > TEXT_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    ps_buf_init(&buf, PS_VALUE_SIZE_MAX);
    root =
        json_loadb(json, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        result = parse_error(&error);
        goto out;
    }
    ps_writer_init(&writer, &buf);
    result = pack_tree(root, &writer);
    if (result == P2PSYNC_OK) {
        result = ps_writer_finish(&writer);
    }
    if (result == P2PSYNC_OK) {
        out->data = buf.data;
        out->size = buf.size;
        ps_buf_init(&buf, 0);
    }

out:
    json_decref(root);
    ps_buf_deinit(&buf);
    return result;
}

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

/* ---- JSON to MessagePack ---- */

static p2psync_result pack_scalar(const json_t *value, struct ps_writer *writer);
static p2psync_result pack_bytes(const json_t *text, struct ps_writer *writer);
static json_t *next_member(struct node_frame *frame, struct ps_writer *writer);
static const json_t *bytes_of(json_t *value);

static p2psync_result parse_error(const json_error_t *error)
{
    switch (json_error_code(error)) {
    case json_error_out_of_memory:
        return P2PSYNC_ENOMEM;
    case json_error_stack_overflow:
        return P2PSYNC_ELIMIT;
    default:
        return P2PSYNC_EFORMAT;
    }
}

static p2psync_result pack_tree(json_t *root, struct ps_writer *writer)
{
    struct node_frame stack[PS_DEPTH_MAX];
    size_t depth = 0;
    json_t *value = root;
    p2psync_result result = P2PSYNC_OK;

    /* Ends because each turn takes one value of a finite tree, or leaves one container. */
    while (result == P2PSYNC_OK && (value != NULL || depth > 0)) {
        const json_t *bytes = bytes_of(value);

        if (value == NULL) {
            depth--;
        } else if (bytes != NULL) {
            result = pack_bytes(bytes, writer);
        } else if (!json_is_object(value) && !json_is_array(value)) {
            result = pack_scalar(value, writer);
        } else if (depth == PS_DEPTH_MAX) {
            result = P2PSYNC_ELIMIT;
        } else if (json_is_object(value)) {
            ps_write_map(writer, json_object_size(value));
            stack[depth++] = (struct node_frame){.value = value, .iter = json_object_iter(value)};
        } else {
            ps_write_array(writer, json_array_size(value));
            stack[depth++] = (struct node_frame){.value = value};
        }
        value = depth > 0 ? next_member(&stack[depth - 1], writer) : NULL;
    }
    return result;
}

/* The next value inside `frame`, its key written already; NULL at its end. */
static json_t *next_member(struct node_frame *frame, struct ps_writer *writer)
{
    json_t *value = NULL;

    if (json_is_array(frame->value)) {
        return json_array_get(frame->value, frame->index++);
    }
    if (frame->iter != NULL) {
        ps_write_text(writer, json_object_iter_key(frame->iter));
        value = json_object_iter_value(frame->iter);
        frame->iter = json_object_iter_next(frame->value, frame->iter);
    }
    return value;
}

static p2psync_result pack_scalar(const json_t *value, struct ps_writer *writer)
{
    uint8_t real[9] = {0xcb}; /* float 64 */
    uint64_t bits = 0;
    double number = 0;

    switch (json_typeof(value)) {
    case JSON_STRING:
        ps_write_str(writer, ps_bytes(json_string_value(value), json_string_length(value)));
        break;
    case JSON_INTEGER:
        if (json_integer_value(value) >= 0) {
            ps_write_uint(writer, (uint64_t)json_integer_value(value));
        } else {
            ps_write_int(writer, json_integer_value(value));
        }
        break;
    case JSON_REAL:
        number = json_real_value(value);
        memcpy(&bits, &number, sizeof bits);
        ps_put_u64(real + 1, bits);
        ps_write_raw(writer, ps_bytes(real, sizeof real));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        ps_write_bool(writer, json_is_true(value));
        break;
    case JSON_NULL:
        ps_write_nil(writer);
        break;
    default:
        return P2PSYNC_EFORMAT;
    }
    return P2PSYNC_OK;
}

/* The text of {"$bytes": TEXT}, or NULL if `value` is anything else. */
static const json_t *bytes_of(json_t *value)
{
    const json_t *text = NULL;

    if (json_is_object(value) && json_object_size(value) == 1) {
        text = json_object_get(value, BYTES_KEY);
    }
    return json_is_string(text) ? text : NULL;
}

static p2psync_result pack_bytes(const json_t *text, struct ps_writer *writer)
{
    size_t room = json_string_length(text) / 4 * 3 + 3;
    uint8_t *data = malloc(room);
    size_t size = 0;
    p2psync_result result = P2PSYNC_OK;

    if (data == NULL) {
        return P2PSYNC_ENOMEM;
    }
    if (sodium_base642bin(data, room, json_string_value(text), json_string_length(text), NULL,
                          &size, NULL, sodium_base64_VARIANT_ORIGINAL) == 0) {
        ps_write_bin(writer, ps_bytes(data, size));
    } else {
        result = P2PSYNC_EFORMAT;
    }
    free(data);
    return result;
}

/* ---- MessagePack to JSON ---- */

static p2psync_result write_separator(struct text_frame *frame, const struct ps_token *token,
                                      struct ps_buf *text);
static p2psync_result write_token(const struct ps_token *token, struct ps_buf *text);
static p2psync_result write_string(struct ps_bytes string, struct ps_buf *text);
static p2psync_result write_bytes(struct ps_bytes bytes, struct ps_buf *text);
static p2psync_result write_integer(const struct ps_token *token, struct ps_buf *text);
static p2psync_result write_float(const struct ps_token *token, struct ps_buf *text);
static p2psync_result write_text(const char *string, struct ps_buf *text);

static p2psync_result unpack(struct ps_bytes value, struct ps_buf *text)
{
    struct text_frame stack[ANSWER_DEPTH_MAX];
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
        result = ps_scan_token(value, &token);
        if (result == P2PSYNC_OK && depth > 0) {
            result = write_separator(&stack[depth - 1], &token, text);
        }
        if (result == P2PSYNC_OK) {
            result = write_token(&token, text);
            value = ps_bytes(value.data + token.size, value.size - token.size);
        }
        if (result == P2PSYNC_OK && (token.type == PS_TOKEN_MAP || token.type == PS_TOKEN_ARRAY)) {
            if (depth == ANSWER_DEPTH_MAX) {
                return P2PSYNC_ELIMIT;
            }
            stack[depth].map = token.type == PS_TOKEN_MAP;
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
    /* The last byte is an opening bracket only right behind one: strings end in a quote. */
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

/* The fewest digits that read back as the same number, and always with a point or an exponent, so
 * that a float stays one. */
static p2psync_result write_float(const struct ps_token *token, struct ps_buf *text)
{
    char digits[40];
    double number = 0;

    if (token->size == 5) {
        uint32_t bits = (uint32_t)token->uint;
        float single = 0;

        memcpy(&single, &bits, sizeof single);
        number = (double)single;
    } else {
        memcpy(&number, &token->uint, sizeof number);
    }
    if (isnan(number)) {
        return P2PSYNC_EFORMAT;
    }
    if (isinf(number)) {
        /* JSON has no infinity; a number out of range is read as one by most. */
        return write_text(number > 0 ? "1e999" : "-1e999", text);
    }
    for (int precision = DBL_DIG; precision <= DBL_DECIMAL_DIG; precision++) {
        (void)snprintf(digits, sizeof digits, "%.*g", precision, number);
        if (strtod(digits, NULL) == number) {
            break;
        }
    }
    if (digits[strspn(digits, "-0123456789")] == '\0') {
        strncat(digits, ".0", sizeof digits - strlen(digits) - 1);
    }
    /* The app's locale may write the point differently. */
    for (char *at = digits; *at != '\0'; at++) {
        if (strchr("-+0123456789e", *at) == NULL) {
            *at = '.';
        }
    }
    return write_text(digits, text);
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
    result = write_text("{\"" BYTES_KEY "\":\"", text);
    if (result == P2PSYNC_OK) {
        result = write_text(encoded, text);
    }
    if (result == P2PSYNC_OK) {
        result = write_text("\"}", text);
    }
    free(encoded);
    return result;
}

/* Quote `string`. Besides what JSON asks for, DEL and the C1 controls are escaped: records come
 * from other devices, and a terminal might obey them. */
static p2psync_result write_string(struct ps_bytes string, struct ps_buf *text)
{
    static const char escapes[] = "b\bf\fn\nr\rt\t\"\"\\\\";
    p2psync_result result = ps_scan_utf8(string) ? write_text("\"", text) : P2PSYNC_EFORMAT;
    size_t plain = 0; /* start of the run that needs no escape */

    for (size_t i = 0; i < string.size && result == P2PSYNC_OK; i++) {
        unsigned code = string.data[i];
        size_t width = 1;
        char escape[8];

        if (code == 0xc2 && string.data[i + 1] < 0xa0) {
            code = string.data[i + 1];
            width = 2;
        } else if (code >= 0x20 && code != '"' && code != '\\' && code != 0x7f) {
            continue;
        }
        (void)snprintf(escape, sizeof escape, "\\u%04x", code);
        for (size_t s = 0; s + 1 < sizeof escapes - 1; s += 2) {
            if (code == (unsigned char)escapes[s + 1]) {
                (void)snprintf(escape, sizeof escape, "\\%c", escapes[s]);
            }
        }
        result = ps_buf_append(text, string.data + plain, i - plain);
        if (result == P2PSYNC_OK) {
            result = write_text(escape, text);
        }
        i += width - 1;
        plain = i + 1;
    }
    if (result == P2PSYNC_OK) {
        result = ps_buf_append(text, string.data + plain, string.size - plain);
    }
    return result == P2PSYNC_OK ? write_text("\"", text) : result;
}

static p2psync_result write_text(const char *string, struct ps_buf *text)
{
    return ps_buf_append(text, string, strlen(string));
}
