/* Fields: what may be one, when two are equal, and deltas. Maps are written here as bytes: fixmap
 * 0x80, fixstr 0xa0, fixarray 0x90. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "wire/codec.h"
#include "wire/limits.h"
#include "wire/value.h"

#define BYTES(...) ps_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define KEY(c)     0xa1, (c)

Test(value, accepts_maps_of_every_kind_of_value)
{
    cr_assert_eq(ps_value_check_fields(BYTES(0x80)), P2PSYNC_OK);
    cr_assert_eq(ps_value_check_fields(BYTES(0x82, KEY('b'), 1, KEY('a'), 0xc0)), P2PSYNC_OK);
    cr_assert_eq(ps_value_check_fields(BYTES(0x81, KEY('a'), 0xca, 0x7f, 0x7f, 0xff, 0xff)),
                 P2PSYNC_OK);
    cr_assert_eq(ps_value_check_fields(
                     BYTES(0x81, KEY('a'), 0xcb, 0xff, 0xef, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)),
                 P2PSYNC_OK);
    cr_assert_eq(ps_value_check_fields(BYTES(0x81, KEY('a'), 0xa1, 0)), P2PSYNC_OK);
    cr_assert_eq(ps_value_check_fields(BYTES(0x81, KEY('a'), 0x81, 0xa0, 0xc4, 1, 0xff)),
                 P2PSYNC_OK);
    /* The same name in different maps is no duplicate. */
    cr_assert_eq(ps_value_check_fields(BYTES(0x82, KEY('a'), 0x92, 0x81, KEY('a'), 1, 0x81,
                                             KEY('a'), 2, KEY('b'), 3)),
                 P2PSYNC_OK);
}

Test(value, rejects_what_is_no_map_of_fields)
{
    const struct ps_bytes bad[] = {
        ps_bytes(NULL, 0),
        BYTES(0x90),
        BYTES(0xc0),
        BYTES(0x80, 0xc0),
        BYTES(0x81, KEY('a')),
        BYTES(0x81, 1, 1),
        BYTES(0x81, 0xa0, 1),
        BYTES(0x81, 0xa1, 0xff, 1),
        BYTES(0x81, KEY('a'), 0xa1, 0xff),
        BYTES(0x81, KEY('a'), 0xd4, 1, 1),
        BYTES(0x81, KEY('a'), 0xca, 0x7f, 0xc0, 0, 0),
        BYTES(0x81, KEY('a'), 0xca, 0xff, 0x80, 0, 1),
        BYTES(0x81, KEY('a'), 0xcb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 1),
        BYTES(0x81, KEY('a'), 0xca, 0x7f, 0x80, 0, 0),
        BYTES(0x81, KEY('a'), 0xcb, 0xff, 0xf0, 0, 0, 0, 0, 0, 0),
        BYTES(0x81, 0xa2, 'a', 0, 1),
        BYTES(0x81, KEY('a'), 0x91, 0x81, 0xa1, 0, 1),
        BYTES(0x81, KEY('a'), 0x81, 5, 5),
        BYTES(0x81, 0xc4, 1, 'a', 5),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cr_assert_eq(ps_value_check_fields(bad[i]), P2PSYNC_EFORMAT, "%zu", i);
    }
}

/* What is no record's field may be any value: a note is one. */
Test(value, checks_single_values)
{
    cr_assert_eq(ps_value_check(BYTES(0xc0)), P2PSYNC_OK);
    cr_assert_eq(ps_value_check(BYTES(0x92, 0x81, 0xa0, 1, 0xa1, 'x')), P2PSYNC_OK);
    cr_assert_eq(ps_value_check(BYTES(0xd4, 1, 1)), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_value_check(BYTES(1, 1)), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_value_check(BYTES(0x91, 0x82, KEY('a'), 1, KEY('a'), 1)), P2PSYNC_EFORMAT);
    uint8_t deep[PS_DEPTH_MAX + 2];
    memset(deep, 0x91, sizeof deep);
    deep[PS_DEPTH_MAX] = 1;
    cr_assert_eq(ps_value_check(ps_bytes(deep, PS_DEPTH_MAX + 1)), P2PSYNC_OK);
    deep[PS_DEPTH_MAX] = 0x91;
    deep[PS_DEPTH_MAX + 1] = 1;
    cr_assert_eq(ps_value_check(ps_bytes(deep, PS_DEPTH_MAX + 2)), P2PSYNC_ELIMIT);
}

/* Documents have values inside of them. */
Test(value, checks_documents_that_are_deeper_than_values)
{
    uint8_t deep[PS_DOCUMENT_DEPTH_MAX + 2];
    memset(deep, 0x91, sizeof deep);
    deep[PS_DOCUMENT_DEPTH_MAX] = 1;
    const struct ps_bytes deepest = ps_bytes(deep, PS_DOCUMENT_DEPTH_MAX + 1);
    cr_assert_eq(ps_value_check_document(deepest), P2PSYNC_OK);
    cr_assert_eq(ps_value_check(deepest), P2PSYNC_ELIMIT);
    deep[PS_DOCUMENT_DEPTH_MAX] = 0x91;
    deep[PS_DOCUMENT_DEPTH_MAX + 1] = 1;
    cr_assert_eq(ps_value_check_document(ps_bytes(deep, sizeof deep)), P2PSYNC_ELIMIT);
    cr_assert_eq(ps_value_check_document(BYTES(0x81, KEY('a'), 0xd4, 1, 1)), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_value_check_document(BYTES(0x82, KEY('a'), 1, KEY('a'), 1)), P2PSYNC_EFORMAT);
}

Test(value, rejects_a_name_twice_in_any_map)
{
    cr_assert_eq(ps_value_check_fields(BYTES(0x82, KEY('a'), 1, KEY('a'), 2)), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_value_check_fields(BYTES(0x83, KEY('a'), 1, KEY('b'), 2, 0xd9, 1, 'a', 3)),
                 P2PSYNC_EFORMAT);
    cr_assert_eq(
        ps_value_check_fields(BYTES(0x81, KEY('a'), 0x91, 0x82, KEY('x'), 0x80, KEY('x'), 0xc0)),
        P2PSYNC_EFORMAT);
}

Test(value, bounds_the_size_of_names_and_of_the_map)
{
    static uint8_t map[PS_VALUE_SIZE_MAX + 1] = {0x81, 0xd9};
    map[2] = PS_FIELD_SIZE_MAX;
    memset(map + 3, 'n', PS_FIELD_SIZE_MAX);
    map[258] = 0xc0;
    cr_assert_eq(ps_value_check_fields(ps_bytes(map, 259)), P2PSYNC_OK);
    uint8_t longer[] = {0x81, 0xda, 1, 0};
    memcpy(map, longer, sizeof longer);
    memset(map + 4, 'n', 256);
    map[260] = 0xc0;
    cr_assert_eq(ps_value_check_fields(ps_bytes(map, 261)), P2PSYNC_ELIMIT);
    /* One bin that fills the map to its limit, then one byte more. */
    uint8_t full[] = {0x81, KEY('a'), 0xc6, 0, 0x0f, 0xff, 0xf8};
    memcpy(map, full, sizeof full);
    cr_assert_eq(ps_value_check_fields(ps_bytes(map, PS_VALUE_SIZE_MAX)), P2PSYNC_OK);
    map[7]++;
    cr_assert_eq(ps_value_check_fields(ps_bytes(map, PS_VALUE_SIZE_MAX + 1)), P2PSYNC_ELIMIT);
}

Test(value, bounds_nesting_with_the_map_included)
{
    uint8_t map[64] = {0x81, KEY('a')};
    memset(map + 3, 0x91, PS_DEPTH_MAX);
    map[3 + PS_DEPTH_MAX - 1] = 0xc0;
    cr_assert_eq(ps_value_check_fields(ps_bytes(map, 3 + PS_DEPTH_MAX)), P2PSYNC_OK);
    map[3 + PS_DEPTH_MAX - 1] = 0x91;
    map[3 + PS_DEPTH_MAX] = 0xc0;
    cr_assert_eq(ps_value_check_fields(ps_bytes(map, 3 + PS_DEPTH_MAX + 1)), P2PSYNC_ELIMIT);
}

/* `count` names in descending order: the worst for a check that compares each with each. */
static void write_names(struct ps_buf *buf, uint32_t count)
{
    struct ps_writer writer;
    ps_writer_init(&writer, buf);
    ps_write_map(&writer, count);
    for (uint32_t i = count; i-- > 0;) {
        uint8_t name[4] = {'a', (uint8_t)(' ' + (i >> 12)), (uint8_t)(' ' + (i >> 6 & 0x3f)),
                           (uint8_t)(' ' + (i & 0x3f))};
        ps_write_str(&writer, ps_bytes(name, sizeof name));
        ps_write_nil(&writer);
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
}

Test(value, checks_a_hundred_thousand_names)
{
    struct ps_buf map;
    ps_buf_init(&map, PS_VALUE_SIZE_MAX);
    write_names(&map, 100000);
    cr_assert_eq(ps_value_check_fields(ps_buf_view(&map)), P2PSYNC_OK);
    /* Make the last name, the least, that of its neighbour. */
    map.data[map.size - 2]++;
    cr_assert_eq(ps_value_check_fields(ps_buf_view(&map)), P2PSYNC_EFORMAT);
    ps_buf_deinit(&map);
}

struct pairing {
    struct ps_bytes a;
    struct ps_bytes b;
    bool equal;
};

Test(value, equality_is_by_meaning)
{
    const struct pairing table[] = {
        {BYTES(5), BYTES(0xcc, 5), true},
        {BYTES(5), BYTES(0xd3, 0, 0, 0, 0, 0, 0, 0, 5), true},
        {BYTES(0xff), BYTES(0xd1, 0xff, 0xff), true},
        {BYTES(5), BYTES(6), false},
        {BYTES(0xff), BYTES(0xcf, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), false},
        {BYTES(1), BYTES(0xc3), false},
        {BYTES(0xc2), BYTES(0xc3), false},
        {BYTES(0xc0), BYTES(0xc2), false},
        {BYTES(0xca, 0, 0, 0, 0), BYTES(0xcb, 0, 0, 0, 0, 0, 0, 0, 0), false},
        {BYTES(0xca, 0, 0, 0, 0), BYTES(0xca, 0x80, 0, 0, 0), false},
        {BYTES(0xca, 0x3f, 0x80, 0, 0), BYTES(1), false},
        {BYTES(0xa1, 'a'), BYTES(0xd9, 1, 'a'), true},
        {BYTES(0xa1, 'a'), BYTES(0xc4, 1, 'a'), false},
        {BYTES(0xc4, 1, 'a'), BYTES(0xc5, 0, 1, 'a'), true},
        {BYTES(0x92, 1, 2), BYTES(0xdc, 0, 2, 1, 0xcc, 2), true},
        {BYTES(0x92, 1, 2), BYTES(0x92, 2, 1), false},
        {BYTES(0x91, 1), BYTES(0x92, 1, 1), false},
        {BYTES(0x90), BYTES(0x80), false},
        {BYTES(0x82, KEY('a'), 1, KEY('b'), 2), BYTES(0x82, KEY('b'), 2, KEY('a'), 1), true},
        {BYTES(0x82, KEY('a'), 1, KEY('b'), 2), BYTES(0x82, KEY('b'), 1, KEY('a'), 2), false},
        {BYTES(0x81, KEY('a'), 1), BYTES(0x81, KEY('b'), 1), false},
        {BYTES(0x92, 0x82, KEY('a'), 0x82, KEY('x'), 1, KEY('y'), 2, KEY('b'), 0x90, 7),
         BYTES(0x92, 0x82, KEY('b'), 0x90, KEY('a'), 0x82, KEY('y'), 2, KEY('x'), 1, 7), true},
        {BYTES(0x92, 0x82, KEY('a'), 0x82, KEY('x'), 1, KEY('y'), 2, KEY('b'), 0x90, 7),
         BYTES(0x92, 0x82, KEY('b'), 0x90, KEY('a'), 0x82, KEY('y'), 2, KEY('x'), 9, 7), false},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        cr_assert_eq(ps_value_equal(table[i].a, table[i].b), table[i].equal, "%zu", i);
        cr_assert_eq(ps_value_equal(table[i].b, table[i].a), table[i].equal, "%zu", i);
    }
}

Test(value, equality_of_the_deepest_maps)
{
    uint8_t a[PS_DEPTH_MAX * 5 + 1];
    uint8_t b[PS_DEPTH_MAX * 5 + 1];
    size_t size = 0;
    /* Each map holds the next one and a scalar: in the one order, and in the other. */
    for (int i = 0; i < PS_DEPTH_MAX; i++) {
        const uint8_t open[] = {0x81, KEY('m')};
        memcpy(a + size, open, sizeof open);
        size += sizeof open;
    }
    memcpy(b, a, size);
    a[size] = 5;
    b[size] = 0xcc;
    b[size + 1] = 5;
    cr_assert(ps_value_equal(ps_bytes(a, size + 1), ps_bytes(b, size + 2)));
    b[size + 1] = 6;
    cr_assert_not(ps_value_equal(ps_bytes(a, size + 1), ps_bytes(b, size + 2)));
}

struct application {
    struct ps_bytes base;
    struct ps_delta delta;
    struct ps_bytes result;
};

#define NONE                                                                                       \
    {                                                                                              \
        NULL, 0                                                                                    \
    }

Test(value, apply_sets_and_unsets_and_sorts)
{
    const struct application table[] = {
        {NONE, {NONE, NONE}, BYTES(0x80)},
        {NONE,
         {BYTES(0x82, KEY('b'), 2, KEY('a'), 1), NONE},
         BYTES(0x82, KEY('a'), 1, KEY('b'), 2)},
        {BYTES(0x82, KEY('c'), 3, KEY('a'), 1),
         {BYTES(0x82, KEY('b'), 2, KEY('c'), 9), NONE},
         BYTES(0x83, KEY('a'), 1, KEY('b'), 2, KEY('c'), 9)},
        {BYTES(0x82, KEY('a'), 1, KEY('b'), 2),
         {NONE, BYTES(0x92, KEY('z'), KEY('a'))},
         BYTES(0x81, KEY('b'), 2)},
        /* Unset comes first, so a field that is set as well is there. */
        {BYTES(0x81, KEY('a'), 1),
         {BYTES(0x81, KEY('a'), 2), BYTES(0x92, KEY('a'), KEY('a'))},
         BYTES(0x81, KEY('a'), 2)},
        {BYTES(0x81, KEY('a'), 1), {NONE, BYTES(0x91, KEY('a'))}, BYTES(0x80)},
        /* The author's bytes stay, but for the header of the name. */
        {NONE, {BYTES(0x81, 0xd9, 1, 'a', 0xcc, 1), NONE}, BYTES(0x81, KEY('a'), 0xcc, 1)},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct ps_buf out;
        ps_buf_init(&out, 1000);
        cr_assert_eq(ps_value_apply(table[i].base, &table[i].delta, &out), P2PSYNC_OK, "%zu", i);
        cr_assert(ps_bytes_equal(ps_buf_view(&out), table[i].result), "%zu", i);
        ps_buf_deinit(&out);
    }
}

Test(value, apply_rejects_an_unset_that_is_no_list_of_names)
{
    const struct ps_bytes bad[] = {BYTES(0x80), BYTES(0x91, 5), BYTES(0x91), BYTES(0x90, 0x90)};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ps_buf out;
        struct ps_delta delta = {NONE, bad[i]};
        ps_buf_init(&out, 1000);
        cr_assert_eq(ps_value_apply(BYTES(0x80), &delta, &out), P2PSYNC_EFORMAT, "%zu", i);
        cr_assert_eq(out.size, 0);
        ps_buf_deinit(&out);
    }
}

Test(value, apply_stops_over_a_mebibyte_and_leaves_the_buffer)
{
    static uint8_t base[PS_VALUE_SIZE_MAX] = {0x81, KEY('a'), 0xc6, 0, 0x0f, 0xff, 0xf8};
    struct ps_delta delta = {BYTES(0x81, KEY('b'), 0xc0), NONE};
    struct ps_buf out;
    ps_buf_init(&out, 2 * sizeof base);
    cr_assert_eq(ps_buf_append(&out, "x", 1), P2PSYNC_OK);
    cr_assert_eq(ps_value_apply(ps_bytes(base, sizeof base), &delta, &out), P2PSYNC_ELIMIT);
    cr_assert_eq(out.size, 1);
    ps_buf_deinit(&out);
}

struct change {
    struct ps_bytes from;
    struct ps_bytes to;
    struct ps_bytes fields;
    struct ps_bytes unset;
};

Test(value, diff_is_what_apply_needs)
{
    const struct change table[] = {
        {NONE, NONE, BYTES(0x80), BYTES(0x90)},
        {NONE, BYTES(0x81, KEY('a'), 1), BYTES(0x81, KEY('a'), 1), BYTES(0x90)},
        {BYTES(0x81, KEY('a'), 1), NONE, BYTES(0x80), BYTES(0x91, KEY('a'))},
        {BYTES(0x82, KEY('a'), 1, KEY('b'), 2), BYTES(0x82, KEY('b'), 0xcc, 2, KEY('a'), 1),
         BYTES(0x80), BYTES(0x90)},
        {BYTES(0x83, KEY('a'), 1, KEY('b'), 2, KEY('d'), 4),
         BYTES(0x83, KEY('c'), 3, KEY('b'), 5, KEY('a'), 1), BYTES(0x82, KEY('b'), 5, KEY('c'), 3),
         BYTES(0x91, KEY('d'))},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct change *row = &table[i];
        struct ps_buf fields;
        struct ps_buf unset;
        struct ps_buf applied;
        bool unchanged = false;
        ps_buf_init(&fields, 1000);
        ps_buf_init(&unset, 1000);
        ps_buf_init(&applied, 1000);
        cr_assert_eq(ps_value_diff(row->from, row->to, &fields, &unset, &unchanged), P2PSYNC_OK);
        cr_assert(ps_bytes_equal(ps_buf_view(&fields), row->fields), "%zu", i);
        cr_assert(ps_bytes_equal(ps_buf_view(&unset), row->unset), "%zu", i);
        cr_assert_eq(unchanged, fields.size == 1 && fields.data[0] == 0x80 && unset.size == 1,
                     "%zu", i);
        struct ps_delta delta = {ps_buf_view(&fields), ps_buf_view(&unset)};
        cr_assert_eq(ps_value_apply(row->from, &delta, &applied), P2PSYNC_OK);
        struct ps_bytes to = row->to.size == 0 ? BYTES(0x80) : row->to;
        cr_assert(ps_value_equal(ps_buf_view(&applied), to), "%zu", i);
        ps_buf_deinit(&applied);
        ps_buf_deinit(&unset);
        ps_buf_deinit(&fields);
    }
}

Test(value, field_finds_one_by_name)
{
    struct ps_bytes map = BYTES(0x82, KEY('b'), 0x91, 2, KEY('a'), 1);
    cr_assert(ps_bytes_equal(ps_value_field(map, ps_bytes_text("b")), BYTES(0x91, 2)));
    cr_assert(ps_bytes_equal(ps_value_field(map, ps_bytes_text("a")), BYTES(1)));
    cr_assert_eq(ps_value_field(map, ps_bytes_text("c")).size, 0);
    cr_assert_eq(ps_value_field(ps_bytes(NULL, 0), ps_bytes_text("c")).size, 0);
}

/* ---- order ---- */

#define ORDERED_MAX 512U

static struct ps_bytes ordered[ORDERED_MAX];
static size_t ordered_count;
static uint8_t ordered_pool[ORDERED_MAX * 32];
static size_t ordered_used;

static void add_ordered(const uint8_t *bytes, size_t size)
{
    cr_assert(ordered_count < ORDERED_MAX && ordered_used + size <= sizeof ordered_pool);
    memcpy(ordered_pool + ordered_used, bytes, size);
    ordered[ordered_count] = ps_bytes(ordered_pool + ordered_used, size);
    ordered_used += size;
    ordered_count++;
}

static void add_integer(uint8_t lead, uint64_t number)
{
    uint8_t bytes[9] = {lead};
    ps_put_u64(bytes + 1, number);
    add_ordered(bytes, sizeof bytes);
}

static void add_float(double number)
{
    uint8_t bytes[9] = {0xcb};
    uint64_t bits = 0;
    float narrow = (float)number;
    uint32_t narrow_bits = 0;
    memcpy(&bits, &number, sizeof bits);
    ps_put_u64(bytes + 1, bits);
    add_ordered(bytes, sizeof bytes);
    memcpy(&narrow_bits, &narrow, sizeof narrow_bits);
    bytes[0] = 0xca;
    ps_put_u32(bytes + 1, narrow_bits);
    add_ordered(bytes, 5);
}

/* Numbers around the powers of two where doubles and integers stop to be the same, and some of
 * every other type. */
static void add_all(void)
{
    static const unsigned powers[] = {0, 1, 23, 24, 31, 32, 52, 53, 54, 62, 63};
    ordered_count = 0;
    ordered_used = 0;
    for (size_t i = 0; i < sizeof powers / sizeof *powers; i++) {
        uint64_t power = UINT64_C(1) << powers[i];
        for (uint64_t near = power - 2; near != power + 3; near++) {
            add_integer(0xcf, near);
            add_integer(0xd3, 0 - near);
        }
        add_float((double)power);
        add_float(-(double)power);
        add_float((double)power * 1.25);
    }
    add_integer(0xcf, UINT64_MAX);
    add_integer(0xcf, UINT64_MAX - 1);
    static const double floats[] = {0.0,
                                    -0.0,
                                    0.5,
                                    -0.5,
                                    18446744073709551616.0,
                                    18446744073709549568.0,
                                    9007199254740994.0,
                                    -9007199254740994.0,
                                    1e300,
                                    -1e300,
                                    INFINITY,
                                    -INFINITY};
    for (size_t i = 0; i < sizeof floats / sizeof *floats; i++) {
        add_float(floats[i]);
    }
    static const char *const others[] = {"\xc0",         "\xc2",     "\xc3",         "\xa1z",
                                         "\xa2zz",       "\xa2yz",   "\xd9\x01z",    "\xc4\x01z",
                                         "\xc4\x02zz",   "\x91\x01", "\x92\x01\x01", "\x91\x02",
                                         "\x81\xa1z\x01"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        add_ordered((const uint8_t *)others[i], strlen(others[i]));
    }
}

static int order_of(size_t a, size_t b)
{
    int order = 0;
    cr_assert_eq(ps_value_compare(ordered[a], ordered[b], &order), P2PSYNC_OK);
    return (order > 0) - (order < 0);
}

/* Each with each, and each triple: antisymmetric, transitive, also where two are alike. */
Test(value, order_is_total)
{
    static int8_t orders[ORDERED_MAX][ORDERED_MAX];
    add_all();
    for (size_t a = 0; a < ordered_count; a++) {
        for (size_t b = 0; b < ordered_count; b++) {
            orders[a][b] = (int8_t)order_of(a, b);
        }
        cr_assert_eq(orders[a][a], 0);
    }
    size_t broken = 0;
    for (size_t a = 0; a < ordered_count; a++) {
        for (size_t b = 0; b < ordered_count; b++) {
            broken += orders[a][b] != -orders[b][a];
            broken += ps_value_equal(ordered[a], ordered[b]) && orders[a][b] != 0;
            for (size_t c = 0; c < ordered_count; c++) {
                broken += orders[a][b] <= 0 && orders[b][c] <= 0 && orders[a][c] > 0;
                broken += orders[a][b] <= 0 && orders[b][c] < 0 && orders[a][c] >= 0;
            }
        }
    }
    cr_assert_eq(broken, 0);
}

Test(value, order_of_numbers_is_exact)
{
    static const struct {
        uint64_t integer;
        double number;
        int order;
    } table[] = {
        {9007199254740992, 9007199254740992.0, 0},
        {9007199254740993, 9007199254740992.0, 1},
        {9007199254740993, 9007199254740994.0, -1},
        {9223372036854775807, 9223372036854775808.0, -1},
        {9223372036854775808U, 9223372036854775808.0, 0},
        {UINT64_MAX, 18446744073709551616.0, -1},
        {UINT64_MAX, 18446744073709549568.0, 1},
        {UINT64_MAX, INFINITY, -1},
        {0, -INFINITY, 1},
        {0, -0.0, 0},
        {0, 0.5, -1},
        {0, -0.5, 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        ordered_count = 0;
        ordered_used = 0;
        add_integer(0xcf, table[i].integer);
        add_float(table[i].number);
        cr_assert_eq(order_of(0, 1), table[i].order, "%zu", i);
        cr_assert_eq(order_of(1, 0), -table[i].order, "%zu", i);
    }
    ordered_count = 0;
    add_integer(0xd3, UINT64_C(1) << 63);
    add_float(-9223372036854775808.0);
    add_float(-9223372036854777856.0);
    cr_assert_eq(order_of(0, 1), 0);
    cr_assert_eq(order_of(0, 3), 1);
}

Test(value, order_is_by_type_first)
{
    static const char *const ascending[] = {
        "\xc0",     "\xc2",         "\xc3", "\x05",     "\xa1\x61",     "\xa2\x61\x61",
        "\xa1\x62", "\xc4\x01\x01", "\x90", "\x91\x05", "\x92\x01\x01", "\x80"};
    for (size_t a = 0; a < sizeof ascending / sizeof *ascending; a++) {
        for (size_t b = 0; b < sizeof ascending / sizeof *ascending; b++) {
            int order = 0;
            cr_assert_eq(
                ps_value_compare(ps_bytes_text(ascending[a]), ps_bytes_text(ascending[b]), &order),
                P2PSYNC_OK);
            cr_assert_eq((order > 0) - (order < 0), (a > b) - (a < b), "%zu %zu", a, b);
        }
    }
}
