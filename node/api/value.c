/* Values for apps without another MessagePack library: taken apart, and put together. What comes
 * here may be any bytes. Nothing is recursive: what is inside of a value is passed over by counting
 * the tokens that are still to come. */
#include "wire/value.h"

#include <stdlib.h>
#include <string.h>

#include "node/host/sized.h"
#include "wire/codec.h"
#include "wire/limits.h"
#include "wire/scan.h"

/* A map or array that is not ended yet. */
struct frame {
    bool is_map;
    size_t begin; /* of its contents */
    uint32_t count;
};

struct p2psync_builder {
    struct ps_buf out;
    struct ps_writer writer;
    struct frame stack[PS_DOCUMENT_DEPTH_MAX];
    size_t depth;
    p2psync_result error; /* the first one; what the writer failed with is its own */
};

static bool take_token(struct p2psync_bytes value, p2psync_value_type type, struct ps_token *out);
static p2psync_value_type type_of(const struct ps_token *token);
static size_t whole_size(struct ps_bytes value);
static bool begin_value(p2psync_builder *builder, const char *key);
static bool begin_keyed(p2psync_builder *builder, const struct ps_bytes *key);
static void add_whole(p2psync_builder *builder, const struct ps_bytes *key,
                      struct p2psync_bytes value);
static void begin_container(p2psync_builder *builder, const char *key, bool is_map);
static void end_container(p2psync_builder *builder);
static void fail(p2psync_builder *builder, p2psync_result error);

/* ---- taking apart ---- */

p2psync_value_type p2psync_value_type_of(struct p2psync_bytes value)
{
    struct ps_token token;
    if (value.data == NULL ||
        ps_scan_token(ps_bytes(value.data, value.size), &token) != P2PSYNC_OK) {
        return P2PSYNC_VALUE_NONE;
    }
    return type_of(&token);
}

static p2psync_value_type type_of(const struct ps_token *token)
{
    switch (token->type) {
    case PS_TOKEN_NIL:
        return P2PSYNC_VALUE_NIL;
    case PS_TOKEN_BOOL:
        return P2PSYNC_VALUE_BOOL;
    case PS_TOKEN_UINT:
    case PS_TOKEN_INT:
        return P2PSYNC_VALUE_INTEGER;
    case PS_TOKEN_FLOAT:
        return P2PSYNC_VALUE_REAL;
    case PS_TOKEN_STR:
        return P2PSYNC_VALUE_TEXT;
    case PS_TOKEN_BIN:
        return P2PSYNC_VALUE_BYTES;
    case PS_TOKEN_ARRAY:
        return P2PSYNC_VALUE_ARRAY;
    case PS_TOKEN_MAP:
        return P2PSYNC_VALUE_MAP;
    case PS_TOKEN_EXT:
        break;
    }
    return P2PSYNC_VALUE_NONE;
}

/* The first token of a value of this type. */
static bool take_token(struct p2psync_bytes value, p2psync_value_type type, struct ps_token *out)
{
    return value.data != NULL &&
           ps_scan_token(ps_bytes(value.data, value.size), out) == P2PSYNC_OK &&
           type_of(out) == type;
}

uint64_t p2psync_value_count(struct p2psync_bytes value)
{
    struct ps_token token;
    return take_token(value, P2PSYNC_VALUE_MAP, &token) ||
                   take_token(value, P2PSYNC_VALUE_ARRAY, &token)
               ? token.count
               : 0;
}

p2psync_result p2psync_value_check(struct p2psync_bytes value)
{
    return value.data == NULL ? P2PSYNC_EFORMAT
                              : ps_value_check_document(ps_bytes(value.data, value.size));
}

struct p2psync_bytes p2psync_value_find(struct p2psync_bytes map, const char *key)
{
    return key != NULL ? p2psync_value_find_text(
                             map, (struct p2psync_bytes){.data = key, .size = strlen(key)})
                       : (struct p2psync_bytes){.size = 0};
}

struct p2psync_bytes p2psync_value_find_text(struct p2psync_bytes map, struct p2psync_bytes key)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = map};
    struct p2psync_bytes found;
    struct p2psync_bytes value;
    if (key.data != NULL && p2psync_value_type_of(map) == P2PSYNC_VALUE_MAP) {
        while (p2psync_walk_next(&walk, &found, &value) == P2PSYNC_OK) { /* ends with the map */
            if (ps_bytes_equal(ps_bytes(found.data, found.size), ps_bytes(key.data, key.size))) {
                return value;
            }
        }
    }
    return (struct p2psync_bytes){.size = 0};
}

struct p2psync_bytes p2psync_map_text(struct p2psync_bytes map, const char *key)
{
    struct p2psync_bytes text = p2psync_value_text(p2psync_value_find(map, key));
    return text.data != NULL ? text : (struct p2psync_bytes){.data = ""};
}

uint64_t p2psync_map_unsigned(struct p2psync_bytes map, const char *key)
{
    uint64_t number = 0;
    return p2psync_value_unsigned(p2psync_value_find(map, key), &number) == P2PSYNC_OK ? number : 0;
}

bool p2psync_map_bool(struct p2psync_bytes map, const char *key)
{
    bool yes = false;
    return p2psync_value_bool(p2psync_value_find(map, key), &yes) == P2PSYNC_OK && yes;
}

bool p2psync_text_equals(struct p2psync_bytes text, const char *string)
{
    return string != NULL && (text.data != NULL || text.size == 0) &&
           ps_bytes_equal(ps_bytes(text.data, text.size), ps_bytes_text(string));
}

p2psync_result p2psync_value_bool(struct p2psync_bytes value, bool *out)
{
    struct ps_token token;
    if (out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (!take_token(value, P2PSYNC_VALUE_BOOL, &token)) {
        return P2PSYNC_EFORMAT;
    }
    *out = token.uint != 0;
    return P2PSYNC_OK;
}

p2psync_result p2psync_value_integer(struct p2psync_bytes value, int64_t *out)
{
    struct ps_token token;
    if (out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (!take_token(value, P2PSYNC_VALUE_INTEGER, &token)) {
        return P2PSYNC_EFORMAT;
    }
    if (token.type == PS_TOKEN_UINT && token.uint > INT64_MAX) {
        return P2PSYNC_ELIMIT;
    }
    *out = (int64_t)token.uint;
    return P2PSYNC_OK;
}

p2psync_result p2psync_value_unsigned(struct p2psync_bytes value, uint64_t *out)
{
    struct ps_token token;
    if (out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (!take_token(value, P2PSYNC_VALUE_INTEGER, &token)) {
        return P2PSYNC_EFORMAT;
    }
    if (token.type == PS_TOKEN_INT) {
        return P2PSYNC_ELIMIT;
    }
    *out = token.uint;
    return P2PSYNC_OK;
}

p2psync_result p2psync_value_real(struct p2psync_bytes value, double *out)
{
    struct ps_token token;
    float narrow = 0;
    if (out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (take_token(value, P2PSYNC_VALUE_INTEGER, &token)) {
        *out = token.type == PS_TOKEN_UINT ? (double)token.uint : (double)(int64_t)token.uint;
        return P2PSYNC_OK;
    }
    if (!take_token(value, P2PSYNC_VALUE_REAL, &token)) {
        return P2PSYNC_EFORMAT;
    }
    if (token.size == 1 + sizeof narrow) {
        uint32_t bits = (uint32_t)token.uint;
        memcpy(&narrow, &bits, sizeof narrow);
        *out = (double)narrow;
    } else {
        memcpy(out, &token.uint, sizeof *out);
    }
    return P2PSYNC_OK;
}

static struct p2psync_bytes content(struct p2psync_bytes value, p2psync_value_type type)
{
    struct ps_token token;
    return take_token(value, type, &token)
               ? (struct p2psync_bytes){.data = token.bytes.data, .size = token.bytes.size}
               : (struct p2psync_bytes){.size = 0};
}

struct p2psync_bytes p2psync_value_text(struct p2psync_bytes value)
{
    return content(value, P2PSYNC_VALUE_TEXT);
}

struct p2psync_bytes p2psync_value_bytes(struct p2psync_bytes value)
{
    return content(value, P2PSYNC_VALUE_BYTES);
}

p2psync_result p2psync_value_string(struct p2psync_bytes value, char *out, size_t out_size)
{
    struct p2psync_bytes text = p2psync_value_text(value);
    if (out == NULL || out_size == 0) {
        return P2PSYNC_EMISUSE;
    }
    if (text.data == NULL || memchr(text.data, '\0', text.size) != NULL) {
        return P2PSYNC_EFORMAT;
    }
    if (text.size >= out_size) {
        return P2PSYNC_ELIMIT;
    }
    memcpy(out, text.data, text.size);
    out[text.size] = '\0';
    return P2PSYNC_OK;
}

/* The first call finds how much there is: the header is at least one byte, so offset 0 is before
 * it. */
static void begin_walk(struct p2psync_walk *walk)
{
    struct ps_token token;
    bool is_map = take_token(walk->value, P2PSYNC_VALUE_MAP, &token);
    if (is_map || take_token(walk->value, P2PSYNC_VALUE_ARRAY, &token)) {
        walk->left = token.count;
        walk->offset = token.size;
    }
}

p2psync_result p2psync_walk_next(struct p2psync_walk *walk, struct p2psync_bytes *key_out,
                                 struct p2psync_bytes *value_out)
{
    if (!ps_sized_valid(walk, PS_SIZED_UP_TO(struct p2psync_walk, left)) || value_out == NULL ||
        walk->offset > walk->value.size) {
        return P2PSYNC_EMISUSE;
    }
    if (walk->offset == 0) {
        begin_walk(walk);
    }
    if (walk->left == 0 || walk->offset == 0) {
        return P2PSYNC_EEND;
    }
    struct p2psync_bytes key = {.size = 0};
    struct ps_bytes rest =
        ps_bytes((const uint8_t *)walk->value.data + walk->offset, walk->value.size - walk->offset);
    if (p2psync_value_type_of(walk->value) == P2PSYNC_VALUE_MAP) {
        key = p2psync_value_text((struct p2psync_bytes){.data = rest.data, .size = rest.size});
        size_t key_size = key.data != NULL ? whole_size(rest) : 0;
        if (key_size == 0) {
            return P2PSYNC_EFORMAT;
        }
        rest = ps_bytes(rest.data + key_size, rest.size - key_size);
    }
    size_t value_size = whole_size(rest);
    if (value_size == 0) {
        return P2PSYNC_EFORMAT;
    }
    if (key_out != NULL) {
        *key_out = key;
    }
    *value_out = (struct p2psync_bytes){.data = rest.data, .size = value_size};
    walk->offset = walk->value.size - rest.size + value_size;
    walk->left--;
    return P2PSYNC_OK;
}

/* The bytes of the value at the start; 0 if none is whole. */
static size_t whole_size(struct ps_bytes value)
{
    uint64_t wanted = 1; /* no more than twice the bytes, as of each count */
    struct ps_bytes rest = value;
    while (wanted > 0) { /* each turn takes a byte at least */
        struct ps_token token;
        if (ps_scan_token(rest, &token) != P2PSYNC_OK) {
            return 0;
        }
        wanted--;
        wanted += token.type == PS_TOKEN_ARRAY ? token.count : 0;
        wanted += token.type == PS_TOKEN_MAP ? 2 * (uint64_t)token.count : 0;
        rest = ps_bytes(rest.data + token.size, rest.size - token.size);
    }
    return value.size - rest.size;
}

/* ---- putting together ---- */

p2psync_result p2psync_value_from_text(const char *text, size_t size, struct p2psync_buffer *out)
{
    struct ps_buf packed;
    struct ps_writer writer;
    if (text == NULL || out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (!ps_scan_utf8(ps_bytes(text, size))) {
        return P2PSYNC_EFORMAT;
    }
    ps_buf_init(&packed, PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, &packed);
    ps_write_str(&writer, ps_bytes(text, size));
    p2psync_result result = ps_writer_finish(&writer);
    if (result == P2PSYNC_OK) {
        *out = (struct p2psync_buffer){.data = packed.data, .size = packed.size};
        ps_buf_init(&packed, 0);
    }
    ps_buf_deinit(&packed);
    return result;
}

p2psync_result p2psync_builder_new(p2psync_builder **out)
{
    if (out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_builder *builder = calloc(1, sizeof *builder);
    if (builder == NULL) {
        return P2PSYNC_ENOMEM;
    }
    ps_buf_init(&builder->out, PS_BUILT_SIZE_MAX);
    ps_writer_init(&builder->writer, &builder->out);
    builder->stack[0] = (struct frame){.is_map = true};
    builder->depth = 1;
    *out = builder;
    return P2PSYNC_OK;
}

void p2psync_builder_nil(p2psync_builder *builder, const char *key)
{
    if (begin_value(builder, key)) {
        ps_write_nil(&builder->writer);
    }
}

void p2psync_builder_bool(p2psync_builder *builder, const char *key, bool value)
{
    if (begin_value(builder, key)) {
        ps_write_bool(&builder->writer, value);
    }
}

void p2psync_builder_integer(p2psync_builder *builder, const char *key, int64_t value)
{
    if (value >= 0) {
        p2psync_builder_unsigned(builder, key, (uint64_t)value);
    } else if (begin_value(builder, key)) {
        ps_write_int(&builder->writer, value);
    }
}

void p2psync_builder_unsigned(p2psync_builder *builder, const char *key, uint64_t value)
{
    if (begin_value(builder, key)) {
        ps_write_uint(&builder->writer, value);
    }
}

void p2psync_builder_real(p2psync_builder *builder, const char *key, double value)
{
    uint8_t real[9] = {0xcb}; /* float 64 */
    uint64_t bits = 0;
    if (begin_value(builder, key)) {
        memcpy(&bits, &value, sizeof bits);
        ps_put_u64(real + 1, bits);
        ps_write_raw(&builder->writer, ps_bytes(real, sizeof real));
    }
}

void p2psync_builder_text(p2psync_builder *builder, const char *key, const char *text)
{
    if (text == NULL) {
        fail(builder, P2PSYNC_EMISUSE);
    } else if (begin_value(builder, key)) {
        ps_write_text(&builder->writer, text);
    }
}

void p2psync_builder_bytes(p2psync_builder *builder, const char *key, struct p2psync_bytes bytes)
{
    if (bytes.data == NULL && bytes.size > 0) {
        fail(builder, P2PSYNC_EMISUSE);
    } else if (begin_value(builder, key)) {
        ps_write_bin(&builder->writer, ps_bytes(bytes.data, bytes.size));
    }
}

void p2psync_builder_value(p2psync_builder *builder, const char *key, struct p2psync_bytes value)
{
    const struct ps_bytes name = ps_bytes_text(key != NULL ? key : "");
    add_whole(builder, key != NULL ? &name : NULL, value);
}

void p2psync_builder_pair(p2psync_builder *builder, struct p2psync_bytes key,
                          struct p2psync_bytes value)
{
    if (key.data == NULL && key.size > 0) {
        fail(builder, P2PSYNC_EMISUSE);
        return;
    }
    const struct ps_bytes name = ps_bytes(key.data, key.size);
    add_whole(builder, &name, value);
}

/* Add the bytes of a value, of which nothing is known yet. */
static void add_whole(p2psync_builder *builder, const struct ps_bytes *key,
                      struct p2psync_bytes value)
{
    if (value.data == NULL || value.size == 0) {
        fail(builder, P2PSYNC_EMISUSE);
        return;
    }
    struct ps_bytes bytes = ps_bytes(value.data, value.size);
    if (whole_size(bytes) != bytes.size) {
        fail(builder, P2PSYNC_EFORMAT);
    } else if (begin_keyed(builder, key)) {
        ps_write_raw(&builder->writer, bytes);
    }
}

void p2psync_builder_map(p2psync_builder *builder, const char *key)
{
    begin_container(builder, key, true);
}

void p2psync_builder_array(p2psync_builder *builder, const char *key)
{
    begin_container(builder, key, false);
}

void p2psync_builder_end(p2psync_builder *builder)
{
    if (builder != NULL && builder->depth <= 1) {
        fail(builder, P2PSYNC_EMISUSE); /* the map itself ends with p2psync_builder_finish() */
    } else if (builder != NULL) {
        end_container(builder);
    }
}

p2psync_result p2psync_builder_finish(p2psync_builder *builder, struct p2psync_buffer *out)
{
    if (builder == NULL || out == NULL) {
        p2psync_builder_free(builder);
        return P2PSYNC_EMISUSE;
    }
    if (builder->depth != 1) { /* something is not ended; an earlier error says more */
        fail(builder, P2PSYNC_EMISUSE);
    }
    end_container(builder);
    p2psync_result result = builder->error;
    if (result == P2PSYNC_OK) {
        result = ps_writer_finish(&builder->writer);
    }
    if (result == P2PSYNC_OK) {
        result = ps_value_check_document(ps_buf_view(&builder->out));
    }
    if (result == P2PSYNC_OK) {
        out->data = builder->out.data;
        out->size = builder->out.size;
        ps_buf_init(&builder->out, 0);
    }
    p2psync_builder_free(builder);
    return result;
}

void p2psync_builder_free(p2psync_builder *builder)
{
    if (builder != NULL) {
        ps_buf_deinit(&builder->out);
        free(builder);
    }
}

/* Write the key of what comes next, NULL in an array; false if nothing may come. */
static bool begin_value(p2psync_builder *builder, const char *key)
{
    const struct ps_bytes name = ps_bytes_text(key != NULL ? key : "");
    return begin_keyed(builder, key != NULL ? &name : NULL);
}

static bool begin_keyed(p2psync_builder *builder, const struct ps_bytes *key)
{
    if (builder == NULL || builder->error != P2PSYNC_OK) {
        return false;
    }
    struct frame *frame = &builder->stack[builder->depth - 1];
    if ((key != NULL) != frame->is_map) {
        fail(builder, P2PSYNC_EMISUSE);
        return false;
    }
    frame->count++;
    if (key != NULL) {
        ps_write_str(&builder->writer, *key);
    }
    return true;
}

static void begin_container(p2psync_builder *builder, const char *key, bool is_map)
{
    if (!begin_value(builder, key)) {
        return;
    }
    if (builder->depth == PS_DOCUMENT_DEPTH_MAX) {
        fail(builder, P2PSYNC_ELIMIT);
        return;
    }
    builder->stack[builder->depth] = (struct frame){.is_map = is_map, .begin = builder->out.size};
    builder->depth++;
}

/* Its count is known now: write the header after the contents, and bring it before them. */
static void end_container(p2psync_builder *builder)
{
    const struct frame *frame = &builder->stack[builder->depth - 1];
    struct ps_buf *out = &builder->out;
    uint8_t header[5];
    size_t end = out->size;
    if (builder->error != P2PSYNC_OK) {
        return;
    }
    builder->depth--;
    if (frame->is_map) {
        ps_write_map(&builder->writer, frame->count);
    } else {
        ps_write_array(&builder->writer, frame->count);
    }
    if (ps_writer_finish(&builder->writer) != P2PSYNC_OK) {
        return;
    }
    size_t size = out->size - end;
    assert(size <= sizeof header);
    memcpy(header, out->data + end, size);
    memmove(out->data + frame->begin + size, out->data + frame->begin, end - frame->begin);
    memcpy(out->data + frame->begin, header, size);
}

static void fail(p2psync_builder *builder, p2psync_result error)
{
    if (builder != NULL && builder->error == P2PSYNC_OK) {
        builder->error = error;
    }
}
