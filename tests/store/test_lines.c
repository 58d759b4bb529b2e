/* Lines are the text, cut behind each newline. */
#include <criterion/criterion.h>

#include "store/merge/lines.h"
#include "wire/limits.h"

static struct ps_lines lines;

static void teardown(void)
{
    ps_lines_deinit(&lines);
}

TestSuite(lines, .fini = teardown);

static void cr_line(uint32_t index, const char *expected)
{
    struct ps_bytes line = ps_lines_view(&lines, index, index + 1);
    cr_assert(ps_bytes_equal(line, ps_bytes_text(expected)), "line %u", index);
}

Test(lines, end_behind_their_newline)
{
    cr_assert_eq(ps_lines_init(&lines, ps_bytes_text("one\n\ntwo\n")), P2PSYNC_OK);
    cr_assert_eq(lines.count, 3);
    cr_line(0, "one\n");
    cr_line(1, "\n");
    cr_line(2, "two\n");
    cr_assert_eq(ps_lines_view(&lines, 1, 3).size, 5);
    cr_assert_eq(ps_lines_view(&lines, 3, 3).size, 0);
}

Test(lines, last_one_needs_no_newline)
{
    cr_assert_eq(ps_lines_init(&lines, ps_bytes_text("one\ntwo")), P2PSYNC_OK);
    cr_assert_eq(lines.count, 2);
    cr_line(1, "two");
}

Test(lines, an_empty_text_has_none)
{
    cr_assert_eq(ps_lines_init(&lines, ps_bytes(NULL, 0)), P2PSYNC_OK);
    cr_assert_eq(lines.count, 0);
    cr_assert_eq(ps_lines_view(&lines, 0, 0).size, 0);
}

Test(lines, may_be_as_many_as_the_largest_text_has_bytes)
{
    static uint8_t text[PS_VALUE_SIZE_MAX];
    memset(text, '\n', sizeof text);
    cr_assert_eq(ps_lines_init(&lines, ps_bytes(text, sizeof text)), P2PSYNC_OK);
    cr_assert_eq(lines.count, PS_VALUE_SIZE_MAX);
    cr_line(PS_VALUE_SIZE_MAX - 1, "\n");
}

Test(lines, bytes_that_are_no_text_are_as_good_as_others)
{
    cr_assert_eq(ps_lines_init(&lines, ps_bytes("\0\xff\n\xc3", 4)), P2PSYNC_OK);
    cr_assert_eq(lines.count, 2);
    cr_assert_eq(ps_lines_view(&lines, 0, 1).size, 3);
    cr_line(1, "\xc3");
}

Test(lines, ends_are_alike)
{
    cr_assert_eq(ps_line_compare(ps_bytes_text("a\r\n"), ps_bytes_text("a\n")), 0);
    cr_assert_eq(ps_line_compare(ps_bytes_text("\r\n"), ps_bytes_text("\n")), 0);
    cr_assert_neq(ps_line_compare(ps_bytes_text("a\r"), ps_bytes_text("a")), 0, "no end");
    cr_assert_neq(ps_line_compare(ps_bytes_text("a\n"), ps_bytes_text("a")), 0);
    cr_assert_eq(ps_line_compare(ps_bytes_text("a\r\r\n"), ps_bytes_text("a\n")), 0);
    cr_assert_lt(ps_line_compare(ps_bytes_text("a\r\n"), ps_bytes_text("b\n")), 0);
    cr_assert_gt(ps_line_compare(ps_bytes_text("b\n"), ps_bytes_text("a\r\n")), 0);
}
