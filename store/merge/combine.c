/* The rules of fields that combine what both sides did: counter, max and min, union, text. Each is
 * a function of three values; what does not fit a rule is not for this file. */
#include "store/merge/combine.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "store/merge/text.h"
#include "wire/codec.h"
#include "wire/scan.h"
#include "wire/value.h"

#define ELEMENT_WORK 32 /* what it counts to sort an element of a union */

/* An element of one of the three arrays of a union. */
struct element {
    struct ps_bytes raw;
    struct ps_bytes form; /* canonical */
    unsigned array;       /* 0: base, 1: earlier, 2: later */
    size_t place;         /* among all of them, in order of the arrays */
    bool kept;
};

struct set {
    struct element *elements;
    size_t count;
    size_t kept;
    struct ps_buf forms[3];
};

static bool is_type(struct ps_bytes value, ps_token_type type);
static bool is_number(struct ps_bytes value);
static p2psync_result count_up(const struct ps_field_sides *sides, struct ps_buf *out);
static p2psync_result pick(const struct ps_field_sides *sides, struct ps_buf *out);
static p2psync_result unite(const struct ps_field_sides *sides, struct ps_buf *out);
static p2psync_result list_elements(struct set *set, struct ps_bytes array, unsigned number);
static void keep_elements(struct set *set);
static int compare_forms(const void *a, const void *b);
static int compare_places(const void *a, const void *b);
static p2psync_result merge_texts(const struct ps_field_sides *sides, struct ps_buf *out,
                                  struct ps_merge_notes *notes);
static struct ps_bytes characters(struct ps_bytes value);

bool ps_combine_fits(const struct ps_field_sides *sides)
{
    struct ps_bytes earlier = sides->earlier;
    struct ps_bytes later = sides->later;
    switch (sides->rule) {
    case PS_FIELD_COUNTER:
        return is_number(earlier) && is_number(later);
    case PS_FIELD_MAX:
    case PS_FIELD_MIN:
        return earlier.size > 0 && later.size > 0;
    case PS_FIELD_UNION:
        return is_type(earlier, PS_TOKEN_ARRAY) && is_type(later, PS_TOKEN_ARRAY);
    case PS_FIELD_TEXT:
        return is_type(earlier, PS_TOKEN_STR) && is_type(later, PS_TOKEN_STR);
    default:
        return false;
    }
}

p2psync_result ps_combine(const struct ps_field_sides *sides, struct ps_buf *out,
                          struct ps_merge_notes *notes)
{
    switch (sides->rule) {
    case PS_FIELD_COUNTER:
        return count_up(sides, out);
    case PS_FIELD_UNION:
        return unite(sides, out);
    case PS_FIELD_TEXT:
        return merge_texts(sides, out, notes);
    default:
        return pick(sides, out);
    }
}

static bool is_type(struct ps_bytes value, ps_token_type type)
{
    struct ps_token token;
    return ps_scan_token(value, &token) == P2PSYNC_OK && token.type == type;
}

static bool is_number(struct ps_bytes value)
{
    return is_type(value, PS_TOKEN_UINT) || is_type(value, PS_TOKEN_INT) ||
           is_type(value, PS_TOKEN_FLOAT);
}

/* Integers from -2^63 to 2^64 - 1 and sums of them, in two's complement of 128 bits. */
struct wide {
    int64_t high;
    uint64_t low;
};

static struct wide wide_of(const struct ps_token *token)
{
    return (struct wide){.high = token->type == PS_TOKEN_INT ? -1 : 0, .low = token->uint};
}

static struct wide wide_add(struct wide a, struct wide b)
{
    uint64_t low = a.low + b.low;
    return (struct wide){.high = a.high + b.high + (low < a.low ? 1 : 0), .low = low};
}

static struct wide wide_negate(struct wide a)
{
    return (struct wide){.high = -a.high - (a.low != 0 ? 1 : 0), .low = 0 - a.low};
}

/* A number that does not fit is written as the nearest one that does. */
static void write_wide(struct ps_writer *writer, struct wide number)
{
    if (number.high == 0) {
        ps_write_uint(writer, number.low);
    } else if (number.high > 0) {
        ps_write_uint(writer, UINT64_MAX);
    } else if (number.high == -1 && number.low > INT64_MAX) {
        ps_write_int(writer, (int64_t)number.low);
    } else {
        ps_write_int(writer, INT64_MIN);
    }
}

static double float_of(const struct ps_token *token)
{
    double number = 0.0;
    float narrow = 0.0F;
    uint32_t bits = (uint32_t)token->uint;
    if (token->type == PS_TOKEN_UINT) {
        return (double)token->uint;
    }
    if (token->type == PS_TOKEN_INT) {
        return (double)(int64_t)token->uint;
    }
    if (token->size == 1 + sizeof narrow) {
        memcpy(&narrow, &bits, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&number, &token->uint, sizeof number);
    return number;
}

/* No value is infinite, so that of three the sum is no NaN. */
static double bounded(double number)
{
    return isinf(number) ? copysign(DBL_MAX, number) : number;
}

/* What either side added to the base, on top of the base: earlier - base + later. Integers as long
 * as all three are; a base that is no number is 0. What no number of the type can say is the
 * greatest or the smallest one that it can: the store takes no infinity. */
static p2psync_result count_up(const struct ps_field_sides *sides, struct ps_buf *out)
{
    struct ps_token base = {.type = PS_TOKEN_UINT};
    struct ps_token earlier;
    struct ps_token later;
    struct ps_writer writer;
    p2psync_result result = ps_scan_token(sides->earlier, &earlier);
    if (result == P2PSYNC_OK) {
        result = ps_scan_token(sides->later, &later);
    }
    if (result == P2PSYNC_OK && is_number(sides->base)) {
        result = ps_scan_token(sides->base, &base);
    }
    if (result != P2PSYNC_OK) {
        return P2PSYNC_ECORRUPT;
    }
    ps_writer_init(&writer, out);
    if (base.type == PS_TOKEN_FLOAT || earlier.type == PS_TOKEN_FLOAT ||
        later.type == PS_TOKEN_FLOAT) {
        uint8_t bytes[9] = {0xcb}; /* a float of 64 bits */
        uint64_t bits = 0;
        double from = float_of(&base);
        double added = float_of(&earlier) - from;
        double sum = bounded(added + float_of(&later));
        memcpy(&bits, &sum, sizeof bits);
        ps_put_u64(bytes + 1, bits);
        ps_write_raw(&writer, ps_bytes(bytes, sizeof bytes));
    } else {
        struct wide sum = wide_add(wide_of(&earlier), wide_negate(wide_of(&base)));
        write_wide(&writer, wide_add(sum, wide_of(&later)));
    }
    return ps_writer_finish(&writer);
}

/* The greater or the smaller one; of equal ones (1 and 1.0) the later. */
static p2psync_result pick(const struct ps_field_sides *sides, struct ps_buf *out)
{
    int order = 0;
    p2psync_result result = ps_value_compare(sides->earlier, sides->later, &order);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
    }
    bool earlier = sides->rule == PS_FIELD_MAX ? order > 0 : order < 0;
    struct ps_bytes value = earlier ? sides->earlier : sides->later;
    return ps_buf_append(out, value.data, value.size);
}

/* What both have, and what either added: the earlier side's in its order, then what only the later
 * one has; each once. */
static p2psync_result unite(const struct ps_field_sides *sides, struct ps_buf *out)
{
    struct set set = {.count = 0};
    if (sides->work != NULL && *sides->work > PS_MERGE_WORK_MAX) {
        return P2PSYNC_ELIMIT;
    }
    const struct ps_bytes arrays[3] = {is_type(sides->base, PS_TOKEN_ARRAY) ? sides->base
                                                                            : ps_bytes(NULL, 0),
                                       sides->earlier, sides->later};
    p2psync_result result = P2PSYNC_OK;
    for (unsigned i = 0; i < 3 && result == P2PSYNC_OK; i++) {
        ps_buf_init(&set.forms[i], arrays[i].size);
        if (arrays[i].size > 0) {
            result = list_elements(&set, arrays[i], i);
        }
    }
    if (result == P2PSYNC_OK) {
        struct ps_writer writer;
        if (sides->work != NULL) {
            *sides->work += arrays[0].size + arrays[1].size + arrays[2].size +
                            ELEMENT_WORK * (uint64_t)set.count;
        }
        keep_elements(&set);
        ps_writer_init(&writer, out);
        ps_write_array(&writer, set.kept);
        for (size_t i = 0; i < set.count; i++) {
            if (set.elements[i].kept) {
                ps_write_raw(&writer, set.elements[i].raw);
            }
        }
        result = ps_writer_finish(&writer);
    }
    for (unsigned i = 0; i < 3; i++) {
        ps_buf_deinit(&set.forms[i]);
    }
    free(set.elements);
    return result;
}

/* An element's canonical form is where it is in that of the array. */
static p2psync_result list_elements(struct set *set, struct ps_bytes array, unsigned number)
{
    struct ps_reader raw;
    struct ps_reader form;
    p2psync_result result = ps_value_canonical(array, &set->forms[number]);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOMEM ? result : P2PSYNC_ECORRUPT;
    }
    ps_reader_init(&raw, array);
    ps_reader_init(&form, ps_buf_view(&set->forms[number]));
    uint32_t count = ps_read_array(&raw);
    (void)ps_read_array(&form);
    if (count > PS_UNION_MAX - set->count) {
        return P2PSYNC_ELIMIT;
    }
    size_t needed = set->count + count;
    struct element *elements =
        reallocarray(set->elements, needed > 0 ? needed : 1, sizeof *elements);
    if (elements == NULL) {
        return P2PSYNC_ENOMEM;
    }
    set->elements = elements;
    for (uint32_t i = 0; i < count; i++) {
        elements[set->count] = (struct element){
            .raw = ps_read_value(&raw, PS_DEPTH_MAX),
            .form = ps_read_value(&form, PS_DEPTH_MAX),
            .array = number,
            .place = set->count,
        };
        set->count++;
    }
    return raw.error == P2PSYNC_OK && form.error == P2PSYNC_OK ? P2PSYNC_OK : P2PSYNC_ECORRUPT;
}

/* Of each run of equal elements at most one stays: the first that is not of the base. */
static void keep_elements(struct set *set)
{
    if (set->count == 0) {
        return;
    }
    qsort(set->elements, set->count, sizeof *set->elements, compare_forms);
    size_t begin = 0;
    while (begin < set->count) {
        bool in[3] = {false, false, false};
        struct element *first = NULL;
        size_t end = begin;
        while (end < set->count &&
               ps_bytes_equal(set->elements[end].form, set->elements[begin].form)) {
            struct element *element = &set->elements[end];
            in[element->array] = true;
            first = first == NULL && element->array > 0 ? element : first;
            end++;
        }
        if (first != NULL && (!in[0] || (in[1] && in[2]))) {
            first->kept = true;
            set->kept++;
        }
        begin = end;
    }
    qsort(set->elements, set->count, sizeof *set->elements, compare_places);
}

static int compare_forms(const void *a, const void *b)
{
    const struct element *left = a;
    const struct element *right = b;
    int order = ps_bytes_compare(left->form, right->form);
    return order != 0 ? order : compare_places(a, b);
}

static int compare_places(const void *a, const void *b)
{
    const struct element *left = a;
    const struct element *right = b;
    return left->place < right->place ? -1 : left->place > right->place;
}

static p2psync_result merge_texts(const struct ps_field_sides *sides, struct ps_buf *out,
                                  struct ps_merge_notes *notes)
{
    struct ps_text_merge texts = {.base = characters(sides->base),
                                  .ours = characters(sides->earlier),
                                  .theirs = characters(sides->later),
                                  .work = sides->work};
    struct ps_buf text;
    struct ps_writer writer;
    bool overlap = false;
    ps_buf_init(&text, PS_VALUE_SIZE_MAX);
    p2psync_result result = ps_text_merge_marked(&texts, sides->marks, &text, &overlap);
    if (result == P2PSYNC_OK) {
        ps_writer_init(&writer, out);
        ps_write_str(&writer, ps_buf_view(&text));
        result = ps_writer_finish(&writer);
    }
    if (result == P2PSYNC_OK && overlap) {
        notes->conflict = true;
        notes->open = true;
    }
    ps_buf_deinit(&text);
    return result;
}

/* Empty if it is no string. */
static struct ps_bytes characters(struct ps_bytes value)
{
    struct ps_token token;
    bool is_text = ps_scan_token(value, &token) == P2PSYNC_OK && token.type == PS_TOKEN_STR;
    return is_text ? token.bytes : ps_bytes(NULL, 0);
}
