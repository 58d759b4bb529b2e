#include <criterion/criterion.h>
#include <string.h>

#include "wire/compress.h"

static uint8_t text[4096];

static struct ps_bytes repetitive(void)
{
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (uint8_t)("the same again, "[i % 16]);
    }
    return ps_bytes(text, sizeof text);
}

Test(test_compress, gives_back_what_was_packed)
{
    struct ps_buf packed;
    struct ps_buf back;
    ps_buf_init(&packed, 65536);
    ps_buf_init(&back, 65536);
    cr_assert_eq(ps_compress(repetitive(), &packed), P2PSYNC_OK);
    cr_assert_lt(packed.size, 256);
    cr_assert_eq(ps_decompress(ps_buf_view(&packed), sizeof text, &back), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(ps_buf_view(&back), ps_bytes(text, sizeof text)));
    ps_buf_deinit(&packed);
    ps_buf_deinit(&back);
}

Test(test_compress, leaves_alone_what_does_not_shrink)
{
    struct ps_buf packed;
    ps_buf_init(&packed, 64);
    cr_assert_eq(ps_compress(ps_bytes("q7", 2), &packed), P2PSYNC_ELIMIT);
    cr_assert_eq(packed.size, 0);
    ps_buf_deinit(&packed);
}

Test(test_compress, refuses_to_grow_over_the_limit)
{
    struct ps_buf packed;
    struct ps_buf back;
    ps_buf_init(&packed, 65536);
    ps_buf_init(&back, 65536);
    cr_assert_eq(ps_compress(repetitive(), &packed), P2PSYNC_OK);
    cr_assert_eq(ps_decompress(ps_buf_view(&packed), sizeof text - 1, &back), P2PSYNC_ELIMIT);
    cr_assert_eq(back.size, 0);
    ps_buf_deinit(&packed);
    ps_buf_deinit(&back);
}

Test(test_compress, refuses_frames_cut_short_or_followed_by_more)
{
    struct ps_buf packed;
    struct ps_buf back;
    ps_buf_init(&packed, 65536);
    ps_buf_init(&back, 65536);
    cr_assert_eq(ps_compress(repetitive(), &packed), P2PSYNC_OK);
    for (size_t size = 0; size < packed.size; size++) {
        cr_assert_eq(ps_decompress(ps_bytes(packed.data, size), sizeof text, &back),
                     P2PSYNC_EFORMAT, "cut to %zu", size);
    }
    cr_assert_eq(ps_buf_append(&packed, "x", 1), P2PSYNC_OK);
    cr_assert_eq(ps_decompress(ps_buf_view(&packed), sizeof text, &back), P2PSYNC_EFORMAT);
    cr_assert_eq(back.size, 0);
    ps_buf_deinit(&packed);
    ps_buf_deinit(&back);
}
