/* The order of values. Numbers are compared exactly: neither is turned into the type of the other,
 * because 2^53 + 1 is no double. */
#include <string.h>

#include "wire/scan.h"
#include "wire/value.h"

#define TWO_TO_64 18446744073709551616.0

static int type_rank(ps_token_type type);
static int compare_numbers(const struct ps_token *a, const struct ps_token *b);
static int compare_integers(const struct ps_token *a, const struct ps_token *b);
static int compare_integer_float(const struct ps_token *integer, double number);
static int compare_magnitudes(uint64_t integer, double number);
static double float_of(const struct ps_token *token);

p2psync_result ps_value_compare(struct ps_bytes a, struct ps_bytes b, int *order_out)
{
    struct ps_token left;
    struct ps_token right;
    struct ps_buf forms[2];
    p2psync_result result = ps_scan_token(a, &left);
    if (result == P2PSYNC_OK) {
        result = ps_scan_token(b, &right);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    int ranks[2] = {type_rank(left.type), type_rank(right.type)};
    if (ranks[0] != ranks[1]) {
        *order_out = ranks[0] - ranks[1];
        return P2PSYNC_OK;
    }
    if (ranks[0] == type_rank(PS_TOKEN_UINT)) {
        *order_out = compare_numbers(&left, &right);
        return P2PSYNC_OK;
    }
    if (left.type == PS_TOKEN_STR || left.type == PS_TOKEN_BIN) {
        *order_out = ps_bytes_compare(left.bytes, right.bytes);
        return P2PSYNC_OK;
    }
    ps_buf_init(&forms[0], a.size);
    ps_buf_init(&forms[1], b.size);
    result = ps_value_canonical(a, &forms[0]);
    if (result == P2PSYNC_OK) {
        result = ps_value_canonical(b, &forms[1]);
    }
    if (result == P2PSYNC_OK) {
        *order_out = ps_bytes_compare(ps_buf_view(&forms[0]), ps_buf_view(&forms[1]));
    }
    ps_buf_deinit(&forms[1]);
    ps_buf_deinit(&forms[0]);
    return result;
}

static int type_rank(ps_token_type type)
{
    switch (type) {
    case PS_TOKEN_NIL:
        return 0;
    case PS_TOKEN_BOOL:
        return 1;
    case PS_TOKEN_UINT:
    case PS_TOKEN_INT:
    case PS_TOKEN_FLOAT:
        return 2;
    case PS_TOKEN_STR:
        return 3;
    case PS_TOKEN_BIN:
        return 4;
    case PS_TOKEN_ARRAY:
        return 5;
    case PS_TOKEN_MAP:
        return 6;
    default:
        return 7; /* ext: no field is one */
    }
}

static int compare_numbers(const struct ps_token *a, const struct ps_token *b)
{
    bool floats[2] = {a->type == PS_TOKEN_FLOAT, b->type == PS_TOKEN_FLOAT};
    if (floats[0] && floats[1]) {
        double left = float_of(a);
        double right = float_of(b);
        return left < right ? -1 : left > right;
    }
    if (floats[0]) {
        return -compare_integer_float(b, float_of(a));
    }
    return floats[1] ? compare_integer_float(a, float_of(b)) : compare_integers(a, b);
}

/* Negative ones are kept as two's complement, whose order as unsigned numbers is theirs. */
static int compare_integers(const struct ps_token *a, const struct ps_token *b)
{
    if (a->type != b->type) {
        return a->type == PS_TOKEN_INT ? -1 : 1;
    }
    return a->uint < b->uint ? -1 : a->uint > b->uint;
}

static int compare_integer_float(const struct ps_token *integer, double number)
{
    if (integer->type == PS_TOKEN_INT) {
        return -compare_magnitudes(0 - integer->uint, -number);
    }
    return compare_magnitudes(integer->uint, number);
}

static int compare_magnitudes(uint64_t integer, double number)
{
    if (number < 0.0) {
        return 1;
    }
    if (number >= TWO_TO_64) {
        return -1;
    }
    uint64_t whole = (uint64_t)number;
    if (integer != whole) {
        return integer < whole ? -1 : 1;
    }
    return number > (double)whole ? -1 : 0;
}

static double float_of(const struct ps_token *token)
{
    double wide = 0.0;
    if (token->size == 5) { /* its header and 32 bits */
        uint32_t bits = (uint32_t)token->uint;
        float narrow = 0.0F;
        memcpy(&narrow, &bits, sizeof narrow);
        return (double)narrow;
    }
    memcpy(&wide, &token->uint, sizeof wide);
    return wide;
}
