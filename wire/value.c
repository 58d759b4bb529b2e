/* Fields of records. Every map that is looked into is first listed as pairs of key and value,
 * sorted by key, so that nothing here is quadratic in what an author sends; nothing recurses,
 * because depth is bounded by PS_DEPTH_MAX and kept on explicit stacks. */
#include "wire/value.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "wire/codec.h"
#include "wire/scan.h"

struct pair {
    struct ps_bytes key;   /* the characters, without header */
    struct ps_bytes value; /* one whole value */
};

/* The pairs of maps, on a stack of them: maps within maps are listed behind their parents. */
struct pairs {
    struct pair *pair;
    size_t count;
    size_t capacity;
};

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
    struct level level[PS_DEPTH_MAX + 1];
    unsigned depth;
    uint32_t map_count;
    struct key *key;
    size_t key_count;
};

static p2psync_result count_keys(struct ps_bytes map, size_t *count_out);
static p2psync_result walk_token(struct walk *walk);
static p2psync_result walk_key(struct walk *walk, const struct ps_token *token);
static bool keys_unique(struct key *key, size_t count);
static int compare_keys(const void *a, const void *b);

static p2psync_result pairs_list(struct pairs *pairs, struct ps_bytes map);
static void pairs_free(struct pairs *pairs);
static int compare_pairs(const void *a, const void *b);

#define KEYS_ON_STACK 64

p2psync_result ps_value_check_fields(struct ps_bytes map)
{
    if (map.size > PS_VALUE_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    size_t key_count_max = 0;
    p2psync_result result = ps_scan_exact(map, PS_DEPTH_MAX);
    if (result == P2PSYNC_OK) {
        result = count_keys(map, &key_count_max);
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
    struct walk walk = {.rest = map, .key = many != NULL ? many : few};
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

/* The number of pairs in a scanned value, in all of its maps; P2PSYNC_EFORMAT if it is no map. */
static p2psync_result count_keys(struct ps_bytes map, size_t *count_out)
{
    size_t count = 0;
    struct ps_bytes rest = map;
    while (rest.size > 0) {
        struct ps_token token;
        p2psync_result result = ps_scan_token(rest, &token);
        if (result != P2PSYNC_OK) {
            return result;
        }
        if (rest.data == map.data && token.type != PS_TOKEN_MAP) {
            return P2PSYNC_EFORMAT;
        }
        count += token.type == PS_TOKEN_MAP ? token.count : 0;
        rest = ps_bytes(rest.data + token.size, rest.size - token.size);
    }
    *count_out = count;
    return P2PSYNC_OK;
}

/* Take the next token of a scanned map, and check it. */
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
    if (token.type == PS_TOKEN_EXT || (token.type == PS_TOKEN_STR && !ps_scan_utf8(token.bytes))) {
        return P2PSYNC_EFORMAT;
    }
    if (token.type == PS_TOKEN_FLOAT) {
        /* NaN: all exponent bits set and a fraction. */
        uint64_t infinity = token.size == 5 ? 0x7f800000U : 0x7ff0000000000000U;
        uint64_t magnitude = token.size == 5 ? 0x7fffffffU : 0x7fffffffffffffffU;
        return (token.uint & magnitude) > infinity ? P2PSYNC_EFORMAT : P2PSYNC_OK;
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

static p2psync_result walk_key(struct walk *walk, const struct ps_token *token)
{
    uint32_t map = walk->level[walk->depth].map;
    if (token->type != PS_TOKEN_STR || !ps_scan_utf8(token->bytes)) {
        return P2PSYNC_EFORMAT;
    }
    /* Only the names of fields are bounded on their own; map 1 is the record. */
    if (map == 1 && token->bytes.size == 0) {
        return P2PSYNC_EFORMAT;
    }
    if (map == 1 && token->bytes.size > PS_FIELD_SIZE_MAX) {
        return P2PSYNC_ELIMIT;
    }
    walk->key[walk->key_count++] = (struct key){
        .data = token->bytes.data,
        .size = (uint32_t)token->bytes.size,
        .map = map,
    };
    return P2PSYNC_OK;
}

static bool keys_unique(struct key *key, size_t count)
{
    if (count < 2) {
        return true;
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

/* ---- equality: both values in one canonical form, compared by bytes ---- */

/* An array or map whose contents are being written. */
struct open {
    bool is_map;
    struct ps_bytes rest; /* of an array */
    uint64_t left;        /* elements of an array */
    size_t next;          /* pair of a map */
    size_t begin;         /* its first pair: where to cut the stack of pairs */
    size_t end;
};

struct canonical {
    struct pairs pairs;
    struct open open[PS_DEPTH_MAX + 1];
    unsigned depth; /* open ones */
    struct ps_writer writer;
};

static bool scalars_equal(const struct ps_token *a, const struct ps_token *b);
static p2psync_result canonical_write(struct ps_bytes value, struct ps_buf *out);
static bool canonical_next(struct canonical *canonical, struct ps_bytes *value_out);
static p2psync_result canonical_token(struct canonical *canonical, struct ps_bytes value);

bool ps_value_equal(struct ps_bytes a, struct ps_bytes b)
{
    if (ps_bytes_equal(a, b)) {
        return true;
    }
    struct ps_token left;
    struct ps_token right;
    if (ps_scan_token(a, &left) != P2PSYNC_OK || ps_scan_token(b, &right) != P2PSYNC_OK ||
        left.type != right.type || left.count != right.count) {
        return false;
    }
    if (left.type != PS_TOKEN_ARRAY && left.type != PS_TOKEN_MAP) {
        return scalars_equal(&left, &right);
    }
    struct ps_buf canonical_a;
    struct ps_buf canonical_b;
    /* Canonical is the shortest form, so neither grows. */
    ps_buf_init(&canonical_a, a.size);
    ps_buf_init(&canonical_b, b.size);
    bool equal = canonical_write(a, &canonical_a) == P2PSYNC_OK &&
                 canonical_write(b, &canonical_b) == P2PSYNC_OK &&
                 ps_bytes_equal(ps_buf_view(&canonical_a), ps_buf_view(&canonical_b));
    ps_buf_deinit(&canonical_b);
    ps_buf_deinit(&canonical_a);
    return equal;
}

/* Of the same type. The size of a float says its width; that of another is a choice of encoding. */
static bool scalars_equal(const struct ps_token *a, const struct ps_token *b)
{
    if (a->type == PS_TOKEN_FLOAT && a->size != b->size) {
        return false;
    }
    return a->uint == b->uint && ps_bytes_equal(a->bytes, b->bytes);
}

/* Write `value` with every map sorted by key, and every header and integer in its shortest form. */
static p2psync_result canonical_write(struct ps_bytes value, struct ps_buf *out)
{
    struct canonical canonical = {.depth = 0};
    struct ps_bytes next = value;
    ps_writer_init(&canonical.writer, out);
    p2psync_result result = P2PSYNC_OK;
    do {
        result = canonical_token(&canonical, next);
    } while (result == P2PSYNC_OK && canonical_next(&canonical, &next));
    pairs_free(&canonical.pairs);
    return result == P2PSYNC_OK ? ps_writer_finish(&canonical.writer) : result;
}

/* Find the next value to write, and write its key if it has one; false at the end. */
static bool canonical_next(struct canonical *canonical, struct ps_bytes *value_out)
{
    while (canonical->depth > 0) {
        struct open *open = &canonical->open[canonical->depth - 1];
        if (open->is_map && open->next < open->end) {
            const struct pair *pair = &canonical->pairs.pair[open->next++];
            ps_write_str(&canonical->writer, pair->key);
            *value_out = pair->value;
            return true;
        }
        size_t size = 0;
        if (!open->is_map && open->left > 0 &&
            ps_scan_value(open->rest, PS_DEPTH_MAX, &size) == P2PSYNC_OK) {
            open->left--;
            *value_out = ps_bytes(open->rest.data, size);
            open->rest = ps_bytes(open->rest.data + size, open->rest.size - size);
            return true;
        }
        if (open->is_map) {
            canonical->pairs.count = open->begin;
        }
        canonical->depth--;
    }
    return false;
}

/* Write the first token of `value`, and open it if it is an array or a map. */
static p2psync_result canonical_token(struct canonical *canonical, struct ps_bytes value)
{
    struct ps_writer *writer = &canonical->writer;
    struct ps_token token;
    p2psync_result result = ps_scan_token(value, &token);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (token.type == PS_TOKEN_UINT) {
        ps_write_uint(writer, token.uint);
    } else if (token.type == PS_TOKEN_INT) {
        ps_write_int(writer, (int64_t)token.uint);
    } else if (token.type == PS_TOKEN_STR) {
        ps_write_str(writer, token.bytes);
    } else if (token.type == PS_TOKEN_BIN) {
        ps_write_bin(writer, token.bytes);
    } else if (token.type != PS_TOKEN_ARRAY && token.type != PS_TOKEN_MAP) {
        ps_write_raw(writer, ps_bytes(value.data, token.size));
    } else if (canonical->depth > PS_DEPTH_MAX) {
        return P2PSYNC_ELIMIT;
    } else {
        struct open *open = &canonical->open[canonical->depth++];
        *open = (struct open){.is_map = token.type == PS_TOKEN_MAP};
        if (open->is_map) {
            open->begin = canonical->pairs.count;
            result = pairs_list(&canonical->pairs, value);
            open->next = open->begin;
            open->end = canonical->pairs.count;
            ps_write_map(writer, token.count);
        } else {
            open->left = token.count;
            open->rest = ps_bytes(value.data + token.size, value.size - token.size);
            ps_write_array(writer, token.count);
        }
    }
    return result;
}

/* ---- deltas ---- */

/* Three sorted lists that are walked together. */
struct merge {
    struct pairs base;
    struct pairs fields;
    struct pairs unset; /* names in key; no values */
};

static p2psync_result list_unset(struct pairs *pairs, struct ps_bytes unset);
static size_t merge_write(const struct merge *merge, struct ps_writer *writer);
static const struct pair *pair_at(const struct pairs *pairs, size_t at);
static int compare_fronts(const struct pair *left, const struct pair *right);
static bool name_listed(const struct pairs *names, size_t *at, struct ps_bytes name);
static void write_pair(struct ps_writer *writer, const struct pair *pair);

p2psync_result ps_value_apply(struct ps_bytes base, const struct ps_delta *delta,
                              struct ps_buf *out)
{
    size_t start = out->size;
    struct merge merge = {.base = {.count = 0}};
    struct ps_writer writer;
    p2psync_result result = pairs_list(&merge.base, base);
    if (result == P2PSYNC_OK) {
        result = pairs_list(&merge.fields, delta->fields);
    }
    if (result == P2PSYNC_OK) {
        result = list_unset(&merge.unset, delta->unset);
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
    pairs_free(&merge.unset);
    pairs_free(&merge.fields);
    pairs_free(&merge.base);
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
        const struct pair *base = pair_at(&merge->base, b);
        const struct pair *field = pair_at(&merge->fields, f);
        int order = compare_fronts(base, field);
        b += order <= 0;
        f += order >= 0;
        if (order < 0 && name_listed(&merge->unset, &u, base->key)) {
            continue;
        }
        if (writer != NULL) {
            write_pair(writer, order < 0 ? base : field);
        }
        count++;
    }
    return count;
}

/* NULL behind the last one. */
static const struct pair *pair_at(const struct pairs *pairs, size_t at)
{
    return at < pairs->count ? &pairs->pair[at] : NULL;
}

/* Which of two sorted lists has the next key: below 0 the left, above 0 the right, 0 both. One of
 * them may have ended. */
static int compare_fronts(const struct pair *left, const struct pair *right)
{
    assert(left != NULL || right != NULL);
    if (left == NULL) {
        return 1;
    }
    if (right == NULL) {
        return -1;
    }
    return ps_bytes_compare(left->key, right->key);
}

/* Whether `name` is among the sorted names; *at moves on, so ask in ascending order. */
static bool name_listed(const struct pairs *names, size_t *at, struct ps_bytes name)
{
    while (*at < names->count && ps_bytes_compare(names->pair[*at].key, name) < 0) {
        (*at)++;
    }
    return *at < names->count && ps_bytes_equal(names->pair[*at].key, name);
}

static void write_pair(struct ps_writer *writer, const struct pair *pair)
{
    ps_write_str(writer, pair->key);
    ps_write_raw(writer, pair->value);
}

/* What one list has and the other has not, or has otherwise. */
struct difference {
    const struct pairs *from;
    const struct pairs *to;
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
    struct pairs from_pairs = {.count = 0};
    struct pairs to_pairs = {.count = 0};
    struct difference difference = {.from = &from_pairs, .to = &to_pairs};
    p2psync_result result = pairs_list(&from_pairs, from);
    if (result == P2PSYNC_OK) {
        result = pairs_list(&to_pairs, to);
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
    pairs_free(&to_pairs);
    pairs_free(&from_pairs);
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
        const struct pair *from = pair_at(difference->from, f);
        const struct pair *to = pair_at(difference->to, t);
        int order = compare_fronts(from, to);
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

/* ---- lists of pairs ---- */

static p2psync_result pairs_reserve(struct pairs *pairs, size_t count);
static void pairs_sort(struct pairs *pairs, size_t begin);

/* List the pairs of the map at the start of `map` behind those that are listed, sorted by key.
 * Empty bytes are an empty map. */
static p2psync_result pairs_list(struct pairs *pairs, struct ps_bytes map)
{
    if (map.size == 0) {
        return P2PSYNC_OK;
    }
    struct ps_reader reader;
    size_t begin = pairs->count;
    ps_reader_init(&reader, map);
    uint32_t count = ps_read_map(&reader);
    p2psync_result result = pairs_reserve(pairs, count);
    if (result != P2PSYNC_OK) {
        return result;
    }
    for (uint32_t i = 0; i < count && reader.error == P2PSYNC_OK; i++) {
        struct pair *pair = &pairs->pair[pairs->count++];
        pair->key = ps_read_str(&reader, PS_VALUE_SIZE_MAX);
        pair->value = ps_read_value(&reader, PS_DEPTH_MAX);
    }
    pairs_sort(pairs, begin);
    return reader.error;
}

static p2psync_result list_unset(struct pairs *pairs, struct ps_bytes unset)
{
    if (unset.size == 0) {
        return P2PSYNC_OK;
    }
    struct ps_reader reader;
    ps_reader_init(&reader, unset);
    uint32_t count = ps_read_array(&reader);
    p2psync_result result = pairs_reserve(pairs, count);
    if (result != P2PSYNC_OK) {
        return result;
    }
    for (uint32_t i = 0; i < count && reader.error == P2PSYNC_OK; i++) {
        pairs->pair[pairs->count++] = (struct pair){.key = ps_read_str(&reader, PS_UNSET_SIZE_MAX)};
    }
    pairs_sort(pairs, 0);
    return ps_reader_finish(&reader) == P2PSYNC_OK ? P2PSYNC_OK : P2PSYNC_EFORMAT;
}

static p2psync_result pairs_reserve(struct pairs *pairs, size_t count)
{
    size_t needed = pairs->count + count;
    if (needed > pairs->capacity) {
        size_t capacity = needed < 2 * pairs->capacity ? 2 * pairs->capacity : needed;
        struct pair *pair = reallocarray(pairs->pair, capacity, sizeof *pair);
        if (pair == NULL) {
            return P2PSYNC_ENOMEM;
        }
        pairs->pair = pair;
        pairs->capacity = capacity;
    }
    return P2PSYNC_OK;
}

/* Maps that we wrote are sorted already. */
static void pairs_sort(struct pairs *pairs, size_t begin)
{
    for (size_t i = begin + 1; i < pairs->count; i++) {
        if (compare_pairs(&pairs->pair[i - 1], &pairs->pair[i]) > 0) {
            qsort(pairs->pair + begin, pairs->count - begin, sizeof *pairs->pair, compare_pairs);
            return;
        }
    }
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *left = a;
    const struct pair *right = b;
    return ps_bytes_compare(left->key, right->key);
}

static void pairs_free(struct pairs *pairs)
{
    free(pairs->pair);
    *pairs = (struct pairs){.count = 0};
}
