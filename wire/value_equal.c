/* Equality of values: both are written in one canonical form, whose bytes are compared. Nothing
 * recurses: depth is bounded by PS_DEPTH_MAX, and what is open is kept on a stack. */
#include "wire/codec.h"
#include "wire/pairs.h"
#include "wire/scan.h"
#include "wire/value.h"

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
    struct ps_pairs pairs;
    struct open open[PS_DEPTH_MAX + 1];
    unsigned depth; /* open ones */
    struct ps_writer writer;
};

static bool scalars_equal(const struct ps_token *a, const struct ps_token *b);
static bool canonical_next(struct canonical *canonical, struct ps_bytes *value_out);
static p2psync_result canonical_token(struct canonical *canonical, struct ps_bytes value);

bool ps_value_equal(struct ps_bytes a, struct ps_bytes b)
{
    bool same = false;
    return ps_value_same(a, b, &same) == P2PSYNC_OK && same;
}

p2psync_result ps_value_same(struct ps_bytes a, struct ps_bytes b, bool *same_out)
{
    *same_out = ps_bytes_equal(a, b);
    if (*same_out) {
        return P2PSYNC_OK;
    }
    struct ps_token left;
    struct ps_token right;
    if (ps_scan_token(a, &left) != P2PSYNC_OK || ps_scan_token(b, &right) != P2PSYNC_OK ||
        left.type != right.type || left.count != right.count) {
        return P2PSYNC_OK;
    }
    if (left.type != PS_TOKEN_ARRAY && left.type != PS_TOKEN_MAP) {
        *same_out = scalars_equal(&left, &right);
        return P2PSYNC_OK;
    }
    struct ps_buf canonical_a;
    struct ps_buf canonical_b;
    /* Canonical is the shortest form, so neither grows. */
    ps_buf_init(&canonical_a, a.size);
    ps_buf_init(&canonical_b, b.size);
    p2psync_result result = ps_value_canonical(a, &canonical_a);
    if (result == P2PSYNC_OK) {
        result = ps_value_canonical(b, &canonical_b);
    }
    *same_out = result == P2PSYNC_OK &&
                ps_bytes_equal(ps_buf_view(&canonical_a), ps_buf_view(&canonical_b));
    ps_buf_deinit(&canonical_b);
    ps_buf_deinit(&canonical_a);
    return result == P2PSYNC_ENOMEM ? result : P2PSYNC_OK;
}

/* Of the same type. The size of a float says its width; that of another is a choice of encoding. */
static bool scalars_equal(const struct ps_token *a, const struct ps_token *b)
{
    if (a->type == PS_TOKEN_FLOAT && a->size != b->size) {
        return false;
    }
    return a->uint == b->uint && ps_bytes_equal(a->bytes, b->bytes);
}

p2psync_result ps_value_canonical(struct ps_bytes value, struct ps_buf *out)
{
    struct canonical canonical = {.depth = 0};
    struct ps_bytes next = value;
    ps_writer_init(&canonical.writer, out);
    p2psync_result result = P2PSYNC_OK;
    do {
        result = canonical_token(&canonical, next);
    } while (result == P2PSYNC_OK && canonical_next(&canonical, &next));
    ps_pairs_free(&canonical.pairs);
    return result == P2PSYNC_OK ? ps_writer_finish(&canonical.writer) : result;
}

/* Find the next value to write, and write its key if it has one; false at the end. */
static bool canonical_next(struct canonical *canonical, struct ps_bytes *value_out)
{
    while (canonical->depth > 0) {
        struct open *open = &canonical->open[canonical->depth - 1];
        if (open->is_map && open->next < open->end) {
            const struct ps_pair *pair = &canonical->pairs.pair[open->next++];
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
            result = ps_pairs_list(&canonical->pairs, value);
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
