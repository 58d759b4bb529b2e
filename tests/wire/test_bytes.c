/* Views compare as memory does; the buffer never grows over its cap. */
#include <criterion/criterion.h>
#include <string.h>

#include "wire/bytes.h"

Test(bytes, compare_puts_a_prefix_first)
{
    cr_assert_lt(ps_bytes_compare(ps_bytes_text("a"), ps_bytes_text("ab")), 0);
    cr_assert_gt(ps_bytes_compare(ps_bytes_text("b"), ps_bytes_text("ab")), 0);
    cr_assert_lt(ps_bytes_compare(ps_bytes(NULL, 0), ps_bytes_text("a")), 0);
    cr_assert_eq(ps_bytes_compare(ps_bytes_text("ab"), ps_bytes_text("ab")), 0);
}

Test(bytes, compare_is_unsigned)
{
    cr_assert_gt(ps_bytes_compare(ps_bytes_text("\xff"), ps_bytes_text("a")), 0);
}

Test(bytes, equal_needs_same_size_and_contents)
{
    cr_assert(ps_bytes_equal(ps_bytes_text("ab"), ps_bytes_text("ab")));
    cr_assert(ps_bytes_equal(ps_bytes(NULL, 0), ps_bytes_text("")));
    cr_assert_not(ps_bytes_equal(ps_bytes_text("ab"), ps_bytes_text("a")));
    cr_assert_not(ps_bytes_equal(ps_bytes_text("ab"), ps_bytes_text("ac")));
}

Test(bytes, buffer_grows_up_to_its_cap_and_not_over)
{
    struct ps_buf buf;
    ps_buf_init(&buf, 100);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(ps_buf_append(&buf, "x", 1), P2PSYNC_OK);
    }
    cr_assert_eq(ps_buf_append(&buf, "y", 1), P2PSYNC_ELIMIT);
    cr_assert_eq(ps_buf_append(&buf, "y", 0), P2PSYNC_OK);
    cr_assert_eq(ps_buf_append(&buf, "y", SIZE_MAX), P2PSYNC_ELIMIT);
    cr_assert_eq(buf.size, 100);
    cr_assert_leq(buf.capacity, 100);
    cr_assert_eq(buf.data[99], 'x');
    ps_buf_deinit(&buf);
}

Test(bytes, buffer_of_cap_zero_takes_nothing)
{
    struct ps_buf buf = {0};
    uint8_t *room = NULL;
    cr_assert_eq(ps_buf_append(&buf, "x", 1), P2PSYNC_ELIMIT);
    cr_assert_eq(ps_buf_extend(&buf, 0, &room), P2PSYNC_OK);
    ps_buf_deinit(&buf);
    ps_buf_deinit(&buf);
}

Test(bytes, truncate_and_clear_keep_what_is_before)
{
    struct ps_buf buf;
    ps_buf_init(&buf, 10);
    cr_assert_eq(ps_buf_append(&buf, "hello", 5), P2PSYNC_OK);
    ps_buf_truncate(&buf, 2);
    cr_assert(ps_bytes_equal(ps_buf_view(&buf), ps_bytes_text("he")));
    ps_buf_clear(&buf);
    cr_assert_eq(ps_buf_view(&buf).size, 0);
    ps_buf_deinit(&buf);
}

Test(bytes, integers_are_big_endian)
{
    uint8_t out[8];
    ps_put_u64(out, 0x0102030405060708);
    cr_assert_eq(memcmp(out, "\1\2\3\4\5\6\7\10", 8), 0);
    cr_assert_eq(ps_get_u64(out), 0x0102030405060708);
    cr_assert_eq(ps_get_u32(out), 0x01020304);
    cr_assert_eq(ps_get_u16(out), 0x0102);
    ps_put_u32(out, 0xfffefdfc);
    cr_assert_eq(memcmp(out, "\xff\xfe\xfd\xfc\5", 5), 0);
    ps_put_u16(out, 0x8001);
    cr_assert_eq(ps_get_u16(out), 0x8001);
}
