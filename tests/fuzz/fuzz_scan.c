/* The scanner, and what is built on it for values. What the scanner takes, tokens walk to the same
 * end; a map that may be fields is equal to itself however it is written, and differs from itself
 * in nothing. */
#include <stdlib.h>

#include "wire/limits.h"
#include "wire/scan.h"
#include "wire/value.h"

/* NOLINTNEXTLINE(readability-identifier-naming): the name is that of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void check_tokens(struct ps_bytes value)
{
    size_t at = 0;
    while (at < value.size) {
        struct ps_token token;
        struct ps_bytes rest = ps_bytes(value.data + at, value.size - at);
        require(ps_scan_token(rest, &token) == P2PSYNC_OK);
        require(token.size > 0 && token.size <= rest.size && token.count <= rest.size);
        at += token.size;
    }
}

static void check_fields(struct ps_bytes map)
{
    struct ps_buf written;
    struct ps_buf fields;
    struct ps_buf unset;
    struct ps_delta delta = {.fields = map};
    bool unchanged = false;
    ps_buf_init(&written, PS_VALUE_SIZE_MAX);
    ps_buf_init(&fields, PS_VALUE_SIZE_MAX);
    ps_buf_init(&unset, PS_UNSET_SIZE_MAX);
    require(ps_value_apply(ps_bytes(NULL, 0), &delta, &written) == P2PSYNC_OK);
    struct ps_bytes sorted = ps_buf_view(&written);
    require(ps_value_check_fields(sorted) == P2PSYNC_OK);
    require(ps_value_equal(map, sorted) && ps_value_equal(sorted, map));
    require(ps_value_diff(map, sorted, &fields, &unset, &unchanged) == P2PSYNC_OK && unchanged);
    ps_buf_deinit(&unset);
    ps_buf_deinit(&fields);
    ps_buf_deinit(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ps_bytes input = ps_bytes(data, size);
    size_t value_size = 0;
    (void)ps_scan_utf8(input);
    if (ps_scan_value(input, PS_DEPTH_MAX, &value_size) == P2PSYNC_OK) {
        require(value_size > 0 && value_size <= size);
        check_tokens(ps_bytes(data, value_size));
    }
    if (ps_value_check_fields(input) == P2PSYNC_OK) {
        check_fields(input);
    }
    return 0;
}
