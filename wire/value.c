/* Fields of records: what they may be, and deltas between them. Keys are sorted before they are
 * compared with each other, so that nothing here is quadratic in what an author sends; nothing
 * recurses, because depth is bounded by PS_DEPTH_MAX. */
#include "wire/value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/codec.h"
#include "wire/pairs.h"
#include "wire/scan.h"

/* One key seen anywhere in a value, and which of its maps it is in. */
struct key {
    const uint8_t *data;
    uint32_t size;
    uint32_t map;
};

/* An array or map that a walk is in. */
struct level {
    uint32_t map;  /* its number, counted from 1; 0 for an array */
    uint64_t left; /* keys and values still to come */
};

struct walk {
    struct ps_bytes rest;
    bool is_record; /* it is a record's fields, whose names are bounded */
    struct level level[PS_DOCUMENT_DEPTH_MAX + 1];
    unsigned depth;
    uint32_t map_count;
    struct key *key;
    size_t key_count;
};

static p2psync_result check(struct ps_bytes value, unsigned depth_max, bool is_record);
static p2psync_result count_keys(struct ps_bytes value, size_t *count_out);
static p2psync_result walk_token(struct walk *walk);
static p2psync_result walk_key(struct walk *walk, const struct ps_token *token);
static bool is_finite(const struct ps_token *token);
static bool keys_unique(struct key *key, size_t count);
static int compare_keys(const void *a, const void *b);

#define KEYS_ON_STACK 64

p2psync_result ps_value_check(struct ps_bytes value)
{
    return check(value, PS_DEPTH_MAX, false);
}

p2psync_result ps_value_check_document(struct ps_bytes value)
{
    return check(value, PS_DOCUMENT_DEPTH_MAX, false);
}

p2psync_result ps_value_check_fields(struct ps_bytes map)
{
    struct ps_token token;
    if (map.size > PS_VALUE_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    p2psync_result result = ps_scan_token(map, &token);
    if (result == P2PSYNC_OK && token.type != PS_TOKEN_MAP) {
        result = P2PSYNC_EFORMAT;
    }
    return result == P2PSYNC_OK ? check(map, PS_DEPTH_MAX, true) : result;
}

static p2psync_result check(struct ps_bytes value, unsigned depth_max, bool is_record)
{
    size_t key_count_max = 0;
    p2psync_result result = ps_scan_exact(value, depth_max);
    if (result == P2PSYNC_OK) {
        result = count_keys(value, &key_count_max);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct key few[KEYS_ON_STACK];
    struct key *many = NULL;
    if (key_count_max > KEYS_ON_STACK) {
        many = calloc(key_count_max, sizeof *many);
        if (many == NULL) {
            return P2PSYNC_ENOMEM;
        }
    }
    struct walk walk = {.rest = value, .is_record = is_record, .key = many != NULL ? many : few};
    walk.level[0].left = 1;
    /* Every turn takes a token, of which there are no more than bytes. */
    while (walk.rest.size > 0 && result == P2PSYNC_OK) {
        result = walk_token(&walk);
    }
    assert(walk.key_count <= key_count_max);
    if (result == P2PSYNC_OK && !keys_unique(walk.key, walk.key_count)) {
        result = P2PSYNC_EFORMAT;
    }
    free(many);
    return result;
}

/* The number of pairs in a scanned value, in all of its maps. */
static p2psync_result count_keys(struct ps_bytes value, size_t *count_out)
{
    size_t count = 0;
    struct ps_bytes rest = value;
    while (rest.size > 0) {
        struct ps_token token;
        p2psync_result result = ps_scan_token(rest, &token);
        if (result != P2PSYNC_OK) {
            return result;
        }
        count += token.type == PS_TOKEN_MAP ? token.count : 0;
        rest = ps_bytes(rest.data + token.size, rest.size - token.size);
    }
    *count_out = count;
    return P2PSYNC_OK;
}

/* Take the next token of a scanned value, and check it. */
static p2psync_result walk_token(struct walk *walk)
{
    while (walk->level[walk->depth].left == 0) {
        assert(walk->depth > 0);
        walk->depth--;
    }
    struct ps_token token;
    struct level *level = &walk->level[walk->depth];
    p2psync_result result = ps_scan_token(walk->rest, &token);
    if (result != P2PSYNC_OK) {
        return result;
    }
    walk->rest = ps_bytes(walk->rest.data + token.size, walk->rest.size - token.size);
    bool is_key = level->map != 0 && level->left % 2 == 0;
    level->left--;
    if (is_key) {
        return walk_key(walk, &token);
    }
    if (token.type == PS_TOKEN_EXT || (token.type == PS_TOKEN_STR && !ps_scan_utf8(token.bytes)) ||
        (token.type == PS_TOKEN_FLOAT && !is_finite(&token))) {
        return P2PSYNC_EFORMAT;
    }
    if (token.type == PS_TOKEN_MAP || token.type == PS_TOKEN_ARRAY) {
        bool is_map = token.type == PS_TOKEN_MAP;
        walk->level[++walk->depth] = (struct level){
            .map = is_map ? ++walk->map_count : 0,
            .left = (uint64_t)token.count * (is_map ? 2 : 1),
        };
    }
    return P2PSYNC_OK;
}

/* JSON has no word for NaN and the infinities, whose bits of the exponent are all set. */
static bool is_finite(const struct ps_token *token)
{
    uint64_t exponent = token->size == 5 ? 0x7f800000U : 0x7ff0000000000000U;
    return (token->uint & exponent) != exponent;
}

static p2psync_result walk_key(struct walk *walk, const struct ps_token *token)
{
    if (token->type != PS_TOKEN_STR || !ps_value_is_key(token->bytes)) {
        return P2PSYNC_EFORMAT;
    }
    uint32_t map = walk->level[walk->depth].map;
    bool is_name = walk->is_record && map == 1;
    if (is_name && token->bytes.size == 0) {
        return P2PSYNC_EFORMAT;
    }
    if (is_name && token->bytes.size > PS_FIELD_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    walk->key[walk->key_count++] = (struct key){
        .data = token->bytes.data,
        .size = (uint32_t)token->bytes.size,
        .map = map,
    };
    return P2PSYNC_OK;
}

/* Most languages keep the keys of a map as strings that end at a NUL. */
bool ps_value_is_key(struct ps_bytes text)
{
    return ps_scan_utf8(text) && (text.size == 0 || memchr(text.data, '\0', text.size) == NULL);
}

static bool keys_unique(struct key *key, size_t count)
{
    size_t ascending = 1;
    while (ascending < count && compare_keys(&key[ascending - 1], &key[ascending]) < 0) {
        ascending++;
    }
    if (ascending >= count) {
        return true; /* as maps are that we wrote */
    }
    qsort(key, count, sizeof *key, compare_keys);
    for (size_t i = 1; i < count; i++) {
        if (compare_keys(&key[i - 1], &key[i]) == 0) {
            return false;
        }
    }
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    const struct key *left = a;
    const struct key *right = b;
    if (left->map != right->map) {
        return left->map < right->map ? -1 : 1;
    }
    return ps_bytes_compare(ps_bytes(left->data, left->size), ps_bytes(right->data, right->size));
}

/* Three sorted lists that are walked together. */
struct merge {
    struct ps_pairs base;
    struct ps_pairs fields;
    struct ps_pairs unset; /* names in key; no values */
};

static size_t merge_write(const struct merge *merge, struct ps_writer *writer);
static bool name_listed(const struct ps_pairs *names, size_t *at, struct ps_bytes name);
static void write_pair(struct ps_writer *writer, const struct ps_pair *pair);

p2psync_result ps_value_apply(struct ps_bytes base, const struct ps_delta *delta,
                              struct ps_buf *out)
{
    size_t start = out->size;
    struct merge merge = {.base = {.count = 0}};
    struct ps_writer writer;
    p2psync_result result = ps_pairs_list(&merge.base, base);
    if (result == P2PSYNC_OK) {
        result = ps_pairs_list(&merge.fields, delta->fields);
    }
    if (result == P2PSYNC_OK) {
        result = ps_pairs_list_names(&merge.unset, delta->unset);
    }
    if (result == P2PSYNC_OK) {
        ps_writer_init(&writer, out);
        ps_write_map(&writer, merge_write(&merge, NULL));
        (void)merge_write(&merge, &writer);
        result = ps_writer_finish(&writer);
    }
    if (result == P2PSYNC_OK && out->size - start > PS_VALUE_SIZE_MAX) {
        result = P2PSYNC_ELIMIT;
    }
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(out, start);
    }
    ps_pairs_free(&merge.unset);
    ps_pairs_free(&merge.fields);
    ps_pairs_free(&merge.base);
    return result;
}

/* Write the pairs of the result, or only count them if writer is NULL. */
static size_t merge_write(const struct merge *merge, struct ps_writer *writer)
{
    size_t count = 0;
    size_t b = 0;
    size_t f = 0;
    size_t u = 0;
    while (b < merge->base.count || f < merge->fields.count) {
        int order = ps_pairs_compare(&merge->base, b, &merge->fields, f);
        const struct ps_pair *pair = order < 0 ? &merge->base.pair[b] : &merge->fields.pair[f];
        b += order <= 0;
        f += order >= 0;
        if (order < 0 && name_listed(&merge->unset, &u, pair->key)) {
            continue;
        }
        if (writer != NULL) {
            write_pair(writer, pair);
        }
        count++;
    }
    return count;
}

/* Whether `name` is among the sorted names; *at moves on, so ask in ascending order. */
static bool name_listed(const struct ps_pairs *names, size_t *at, struct ps_bytes name)
{
    while (*at < names->count && ps_bytes_compare(names->pair[*at].key, name) < 0) {
        (*at)++;
    }
    return *at < names->count && ps_bytes_equal(names->pair[*at].key, name);
}

static void write_pair(struct ps_writer *writer, const struct ps_pair *pair)
{
    ps_write_str(writer, pair->key);
    ps_write_raw(writer, pair->value);
}

/* What one list has and the other has not, or has otherwise. */
struct difference {
    const struct ps_pairs *from;
    const struct ps_pairs *to;
    size_t set;   /* pairs to set */
    size_t unset; /* names to take out */
};

static void difference_walk(struct difference *difference, struct ps_writer *fields,
                            struct ps_writer *unset);

p2psync_result ps_value_diff(struct ps_bytes from, struct ps_bytes to, struct ps_buf *fields_out,
                             struct ps_buf *unset_out, bool *unchanged_out)
{
    size_t fields_start = fields_out->size;
    size_t unset_start = unset_out->size;
    struct ps_pairs from_pairs = {.count = 0};
    struct ps_pairs to_pairs = {.count = 0};
    struct difference difference = {.from = &from_pairs, .to = &to_pairs};
    p2psync_result result = ps_pairs_list(&from_pairs, from);
    if (result == P2PSYNC_OK) {
        result = ps_pairs_list(&to_pairs, to);
    }
    if (result == P2PSYNC_OK) {
        struct ps_writer fields;
        struct ps_writer unset;
        ps_writer_init(&fields, fields_out);
        ps_writer_init(&unset, unset_out);
        difference_walk(&difference, NULL, NULL);
        ps_write_map(&fields, difference.set);
        ps_write_array(&unset, difference.unset);
        difference_walk(&difference, &fields, &unset);
        result = ps_writer_finish(&fields);
        result = result == P2PSYNC_OK ? ps_writer_finish(&unset) : result;
    }
    if (result == P2PSYNC_OK) {
        *unchanged_out = difference.set == 0 && difference.unset == 0;
    } else {
        ps_buf_truncate(fields_out, fields_start);
        ps_buf_truncate(unset_out, unset_start);
    }
    ps_pairs_free(&to_pairs);
    ps_pairs_free(&from_pairs);
    return result;
}

/* Count what differs, or write it if there are writers. */
static void difference_walk(struct difference *difference, struct ps_writer *fields,
                            struct ps_writer *unset)
{
    size_t f = 0;
    size_t t = 0;
    difference->set = 0;
    difference->unset = 0;
    while (f < difference->from->count || t < difference->to->count) {
        int order = ps_pairs_compare(difference->from, f, difference->to, t);
        const struct ps_pair *from = order <= 0 ? &difference->from->pair[f] : NULL;
        const struct ps_pair *to = order >= 0 ? &difference->to->pair[t] : NULL;
        f += order <= 0;
        t += order >= 0;
        if (order < 0) {
            difference->unset++;
            if (unset != NULL) {
                ps_write_str(unset, from->key);
            }
        } else if (order > 0 || !ps_value_equal(from->value, to->value)) {
            difference->set++;
            if (fields != NULL) {
                write_pair(fields, to);
            }
        }
    }
}

struct ps_bytes ps_value_field(struct ps_bytes map, struct ps_bytes name)
{
    struct ps_reader reader;
    ps_reader_init(&reader, map);
    uint32_t count = map.size == 0 ? 0 : ps_read_map(&reader);
    for (uint32_t i = 0; i < count && reader.error == P2PSYNC_OK; i++) {
        struct ps_bytes key = ps_read_str(&reader, PS_VALUE_SIZE_MAX);
        struct ps_bytes value = ps_read_value(&reader, PS_DEPTH_MAX);
        if (reader.error == P2PSYNC_OK && ps_bytes_equal(key, name)) {
            return value;
        }
    }
    return ps_bytes(NULL, 0);
}
