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
    struct frame stack[PS_DEPTH_MAX];
    size_t depth;
    p2psync_result error; /* the first one; what the writer failed with is its own */
};

static bool take_token(struct p2psync_bytes value, p2psync_value_type type, struct ps_token *out);
static p2psync_value_type type_of(const struct ps_token *token);
static size_t whole_size(struct ps_bytes value);
static bool begin_value(p2psync_builder *builder, const char *key);
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

struct p2psync_bytes p2psync_value_find(struct p2psync_bytes map, const char *key)
{
    const struct p2psync_bytes none = {.size = 0};
    struct p2psync_walk walk = {.size = sizeof walk};
    struct p2psync_bytes found;
    struct p2psync_bytes value;
    if (key == NULL || p2psync_walk_begin(map, &walk) != P2PSYNC_OK || !walk.is_map) {
        return none;
    }
    size_t size = strlen(key);
    while (p2psync_walk_next(&walk, &found, &value) == P2PSYNC_OK) { /* ends with the map */
        struct p2psync_bytes text;
        if (p2psync_value_text(found, &text) == P2PSYNC_OK && text.size == size &&
            memcmp(text.data, key, size) == 0) {
            return value;
        }
    }
    return none;
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

p2psync_result p2psync_value_text(struct p2psync_bytes value, struct p2psync_bytes *out)
{
    struct ps_token token;
    if (out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (!take_token(value, P2PSYNC_VALUE_TEXT, &token)) {
        return P2PSYNC_EFORMAT;
    }
    *out = (struct p2psync_bytes){.data = token.bytes.data, .size = token.bytes.size};
    return P2PSYNC_OK;
}

p2psync_result p2psync_value_bytes(struct p2psync_bytes value, struct p2psync_bytes *out)
{
    struct ps_token token;
    if (out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (!take_token(value, P2PSYNC_VALUE_BYTES, &token)) {
        return P2PSYNC_EFORMAT;
    }
    *out = (struct p2psync_bytes){.data = token.bytes.data, .size = token.bytes.size};
    return P2PSYNC_OK;
}

p2psync_result p2psync_value_string(struct p2psync_bytes value, char *out, size_t out_size)
{
    struct p2psync_bytes text;
    if (out == NULL || out_size == 0) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_result result = p2psync_value_text(value, &text);
    if (result == P2PSYNC_OK && text.size > 0 && memchr(text.data, '\0', text.size) != NULL) {
        result = P2PSYNC_EFORMAT;
    }
    if (result == P2PSYNC_OK && text.size >= out_size) {
        result = P2PSYNC_ELIMIT;
    }
    if (result == P2PSYNC_OK) {
        memcpy(out, text.data, text.size);
        out[text.size] = '\0';
    }
    return result;
}

p2psync_result p2psync_walk_begin(struct p2psync_bytes value, struct p2psync_walk *out)
{
    struct ps_token token;
    if (!ps_sized_valid(out, PS_SIZED_UP_TO(struct p2psync_walk, rest))) {
        return P2PSYNC_EMISUSE;
    }
    bool is_map = take_token(value, P2PSYNC_VALUE_MAP, &token);
    if (!is_map && !take_token(value, P2PSYNC_VALUE_ARRAY, &token)) {
        return P2PSYNC_EFORMAT;
    }
    const struct p2psync_walk walk = {
        .is_map = is_map,
        .left = token.count,
        .rest = {.data = (const uint8_t *)value.data + token.size, .size = value.size - token.size},
    };
    ps_sized_write(out, &walk, sizeof walk);
    return P2PSYNC_OK;
}

p2psync_result p2psync_walk_next(struct p2psync_walk *walk, struct p2psync_bytes *key_out,
                                 struct p2psync_bytes *value_out)
{
    if (!ps_sized_valid(walk, PS_SIZED_UP_TO(struct p2psync_walk, rest)) || value_out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    if (walk->left == 0) {
        return P2PSYNC_EEND;
    }
    struct ps_bytes rest = ps_bytes(walk->rest.data, walk->rest.size);
    size_t key_size = walk->is_map ? whole_size(rest) : 0;
    struct ps_bytes after = ps_bytes(rest.data + key_size, rest.size - key_size);
    size_t value_size = whole_size(after);
    if ((walk->is_map && key_size == 0) || value_size == 0) {
        return P2PSYNC_EFORMAT;
    }
    if (key_out != NULL) {
        *key_out = (struct p2psync_bytes){.data = rest.data, .size = key_size};
    }
    *value_out = (struct p2psync_bytes){.data = after.data, .size = value_size};
    walk->rest =
        (struct p2psync_bytes){.data = after.data + value_size, .size = after.size - value_size};
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

p2psync_result p2psync_builder_new(p2psync_builder **out)
{
    if (out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    p2psync_builder *builder = calloc(1, sizeof *builder);
    if (builder == NULL) {
        return P2PSYNC_ENOMEM;
    }
    ps_buf_init(&builder->out, PS_VALUE_SIZE_MAX);
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
    struct ps_bytes bytes = ps_bytes(value.data, value.size);
    if (value.data == NULL || value.size == 0) {
        fail(builder, P2PSYNC_EMISUSE);
    } else if (whole_size(bytes) != bytes.size) {
        fail(builder, P2PSYNC_EFORMAT);
    } else if (begin_value(builder, key)) {
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
        result = ps_value_check_fields(ps_buf_view(&builder->out));
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

/* Write the key of what comes next; false if nothing may come. */
static bool begin_value(p2psync_builder *builder, const char *key)
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
        ps_write_text(&builder->writer, key);
    }
    return true;
}

static void begin_container(p2psync_builder *builder, const char *key, bool is_map)
{
    if (!begin_value(builder, key)) {
        return;
    }
    if (builder->depth == PS_DEPTH_MAX) {
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
