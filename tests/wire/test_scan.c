/* The bounded scanner: every lead byte, every cut, and inputs that claim more than they are. */
#include <criterion/criterion.h>
#include <string.h>

#include "wire/limits.h"
#include "wire/scan.h"

#define BYTES(...) ps_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

struct sample {
    struct ps_bytes input;
    ps_token_type type;
    size_t size;
    uint64_t uint;
};

Test(scan, token_reads_every_form)
{
    const struct sample samples[] = {
        {BYTES(0x00), PS_TOKEN_UINT, 1, 0},
        {BYTES(0x7f), PS_TOKEN_UINT, 1, 127},
        {BYTES(0xcc, 0xff), PS_TOKEN_UINT, 2, 255},
        {BYTES(0xcd, 0x01, 0x02), PS_TOKEN_UINT, 3, 0x0102},
        {BYTES(0xce, 1, 2, 3, 4), PS_TOKEN_UINT, 5, 0x01020304},
        {BYTES(0xcf, 0xff, 2, 3, 4, 5, 6, 7, 8), PS_TOKEN_UINT, 9, 0xff02030405060708},
        {BYTES(0xff), PS_TOKEN_INT, 1, (uint64_t)-1},
        {BYTES(0xe0), PS_TOKEN_INT, 1, (uint64_t)-32},
        {BYTES(0xd0, 0x80), PS_TOKEN_INT, 2, (uint64_t)-128},
        {BYTES(0xd0, 0x05), PS_TOKEN_UINT, 2, 5},
        {BYTES(0xd1, 0xff, 0xfe), PS_TOKEN_INT, 3, (uint64_t)-2},
        {BYTES(0xd2, 0x80, 0, 0, 0), PS_TOKEN_INT, 5, (uint64_t)INT32_MIN},
        {BYTES(0xd3, 0x80, 0, 0, 0, 0, 0, 0, 0), PS_TOKEN_INT, 9, (uint64_t)INT64_MIN},
        {BYTES(0xc0), PS_TOKEN_NIL, 1, 0},
        {BYTES(0xc2), PS_TOKEN_BOOL, 1, 0},
        {BYTES(0xc3), PS_TOKEN_BOOL, 1, 1},
        {BYTES(0xca, 0x3f, 0x80, 0, 0), PS_TOKEN_FLOAT, 5, 0x3f800000},
        {BYTES(0xcb, 0x3f, 0xf0, 0, 0, 0, 0, 0, 1), PS_TOKEN_FLOAT, 9, 0x3ff0000000000001},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct ps_token token;
        cr_assert_eq(ps_scan_token(samples[i].input, &token), P2PSYNC_OK, "%zu", i);
        cr_assert_eq(token.type, samples[i].type, "%zu", i);
        cr_assert_eq(token.size, samples[i].size, "%zu", i);
        cr_assert_eq(token.uint, samples[i].uint, "%zu", i);
    }
}

Test(scan, token_reads_contents_behind_every_header)
{
    const struct sample samples[] = {
        {BYTES(0xa2, 7, 8), PS_TOKEN_STR, 3, 0},
        {BYTES(0xd9, 2, 7, 8), PS_TOKEN_STR, 4, 0},
        {BYTES(0xda, 0, 2, 7, 8), PS_TOKEN_STR, 5, 0},
        {BYTES(0xdb, 0, 0, 0, 2, 7, 8), PS_TOKEN_STR, 7, 0},
        {BYTES(0xc4, 2, 7, 8), PS_TOKEN_BIN, 4, 0},
        {BYTES(0xc5, 0, 2, 7, 8), PS_TOKEN_BIN, 5, 0},
        {BYTES(0xc6, 0, 0, 0, 2, 7, 8), PS_TOKEN_BIN, 7, 0},
        {BYTES(0xc7, 2, 1, 7, 8), PS_TOKEN_EXT, 5, 0},
        {BYTES(0xc8, 0, 2, 1, 7, 8), PS_TOKEN_EXT, 6, 0},
        {BYTES(0xc9, 0, 0, 0, 2, 1, 7, 8), PS_TOKEN_EXT, 8, 0},
        {BYTES(0xd5, 1, 7, 8), PS_TOKEN_EXT, 4, 0},
    };
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        struct ps_token token;
        cr_assert_eq(ps_scan_token(samples[i].input, &token), P2PSYNC_OK, "%zu", i);
        cr_assert_eq(token.type, samples[i].type, "%zu", i);
        cr_assert_eq(token.size, samples[i].size, "%zu", i);
        cr_assert(ps_bytes_equal(token.bytes, BYTES(7, 8)), "%zu", i);
        for (size_t cut = 0; cut < samples[i].input.size; cut++) {
            struct ps_bytes shorter = ps_bytes(samples[i].input.data, cut);
            cr_assert_eq(ps_scan_token(shorter, &token), P2PSYNC_EFORMAT, "%zu %zu", i, cut);
        }
    }
}

Test(scan, token_rejects_nothing_and_the_unused_lead_byte)
{
    struct ps_token token;
    cr_assert_eq(ps_scan_token(ps_bytes(NULL, 0), &token), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_scan_token(BYTES(0xc1, 0xc1), &token), P2PSYNC_EFORMAT);
}

Test(scan, token_rejects_a_count_beyond_the_bytes_left)
{
    struct ps_token token;
    cr_assert_eq(ps_scan_token(BYTES(0xdd, 0xff, 0xff, 0xff, 0xff), &token), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_scan_token(BYTES(0xdf, 0xff, 0xff, 0xff, 0xff), &token), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_scan_token(BYTES(0xc6, 0xff, 0xff, 0xff, 0xff), &token), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_scan_token(BYTES(0xdb, 0xff, 0xff, 0xff, 0xff), &token), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_scan_token(BYTES(0xc9, 0xff, 0xff, 0xff, 0xff, 1), &token), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_scan_token(BYTES(0x92, 0), &token), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_scan_token(BYTES(0x81, 0), &token), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_scan_token(BYTES(0x81, 0, 0), &token), P2PSYNC_OK);
    cr_assert_eq(token.count, 1);
}

Test(scan, value_tells_the_size_of_the_first_value)
{
    size_t size = 0;
    cr_assert_eq(ps_scan_value(BYTES(0x92, 0x81, 0xa1, 'a', 0x90, 5, 6, 7), 3, &size), P2PSYNC_OK);
    cr_assert_eq(size, 6);
    cr_assert_eq(ps_scan_exact(BYTES(0x92, 0x81, 0xa1, 'a', 0x90, 5), 3), P2PSYNC_OK);
    cr_assert_eq(ps_scan_exact(BYTES(0x92, 0x81, 0xa1, 'a', 0x90, 5, 6), 3), P2PSYNC_EFORMAT);
}

Test(scan, value_rejects_every_truncation)
{
    struct ps_bytes input = BYTES(0x92, 0x82, 0xa1, 'a', 0x90, 0xa1, 'b', 0xc4, 1, 9, 0xcd, 1, 2);
    size_t size = 0;
    cr_assert_eq(ps_scan_value(input, 3, &size), P2PSYNC_OK);
    for (size_t cut = 0; cut < input.size; cut++) {
        cr_assert_eq(ps_scan_value(ps_bytes(input.data, cut), 3, &size), P2PSYNC_EFORMAT);
    }
}

Test(scan, value_counts_nesting)
{
    size_t size = 0;
    cr_assert_eq(ps_scan_value(BYTES(5), 0, &size), P2PSYNC_OK);
    cr_assert_eq(ps_scan_value(BYTES(0x90), 0, &size), P2PSYNC_ELIMIT);
    cr_assert_eq(ps_scan_value(BYTES(0x90), 1, &size), P2PSYNC_OK);
    cr_assert_eq(ps_scan_value(BYTES(0x93, 0x90, 0x80, 0x90), 2, &size), P2PSYNC_OK);
    cr_assert_eq(size, 4);
    cr_assert_eq(ps_scan_value(BYTES(0x91, 0x91, 0x90), 2, &size), P2PSYNC_ELIMIT);
}

Test(scan, value_of_a_million_open_arrays_ends_at_the_depth_limit)
{
    static uint8_t deep[1000000];
    size_t size = 0;
    memset(deep, 0x91, sizeof deep);
    cr_assert_eq(ps_scan_value(ps_bytes(deep, sizeof deep), PS_DEPTH_MAX, &size), P2PSYNC_ELIMIT);
}

Test(scan, value_admits_exactly_the_deepest)
{
    uint8_t deep[PS_DEPTH_MAX + 1];
    size_t size = 0;
    memset(deep, 0x91, sizeof deep);
    deep[PS_DEPTH_MAX] = 0xc0;
    cr_assert_eq(ps_scan_value(ps_bytes(deep, sizeof deep), PS_DEPTH_MAX, &size), P2PSYNC_OK);
    cr_assert_eq(ps_scan_value(ps_bytes(deep, sizeof deep), PS_DEPTH_MAX - 1, &size),
                 P2PSYNC_ELIMIT);
}

Test(scan, utf8_accepts_the_bounds_of_each_length)
{
    cr_assert(ps_scan_utf8(ps_bytes(NULL, 0)));
    cr_assert(ps_scan_utf8(BYTES(0x00, 0x7f)));
    cr_assert(ps_scan_utf8(BYTES(0xc2, 0x80, 0xdf, 0xbf)));
    cr_assert(ps_scan_utf8(BYTES(0xe0, 0xa0, 0x80, 0xed, 0x9f, 0xbf, 0xee, 0x80, 0x80)));
    cr_assert(ps_scan_utf8(BYTES(0xf0, 0x90, 0x80, 0x80, 0xf4, 0x8f, 0xbf, 0xbf)));
}

Test(scan, utf8_rejects_overlong_surrogate_and_cut_forms)
{
    cr_assert_not(ps_scan_utf8(BYTES(0x80)));
    cr_assert_not(ps_scan_utf8(BYTES(0xc0, 0x80)));
    cr_assert_not(ps_scan_utf8(BYTES(0xc1, 0xbf)));
    cr_assert_not(ps_scan_utf8(BYTES(0xe0, 0x9f, 0xbf)));
    cr_assert_not(ps_scan_utf8(BYTES(0xed, 0xa0, 0x80)));
    cr_assert_not(ps_scan_utf8(BYTES(0xf0, 0x8f, 0xbf, 0xbf)));
    cr_assert_not(ps_scan_utf8(BYTES(0xf4, 0x90, 0x80, 0x80)));
    cr_assert_not(ps_scan_utf8(BYTES(0xf5, 0x80, 0x80, 0x80)));
    cr_assert_not(ps_scan_utf8(BYTES('a', 0xe2, 0x82)));
    cr_assert_not(ps_scan_utf8(BYTES(0xe2, 0x82, 'a')));
}
