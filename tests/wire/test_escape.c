/* Text that is shown to people: what is escaped, what is not, and that nothing is cut in two. */
#include <criterion/criterion.h>
#include <string.h>

#include "wire/escape.h"

TestSuite(escape);

static void check(const char *text, const char *expected)
{
    char out[128];
    size_t size = p2psync_text_escape(text, strlen(text), out, sizeof out);
    cr_assert_str_eq(out, expected);
    cr_assert_eq(size, strlen(expected));
}

Test(escape, leaves_what_is_seen)
{
    check("", "");
    check("Plan \"B\" \\ \xc3\xbc \xe6\x97\xa5 \xf0\x9f\x98\x80",
          "Plan \"B\" \\ \xc3\xbc \xe6\x97\xa5 \xf0\x9f\x98\x80");
    check("e\xcc\x81 \xe2\x9d\xa4\xef\xb8\x8f", "e\xcc\x81 \xe2\x9d\xa4\xef\xb8\x8f");
}

Test(escape, escapes_controls)
{
    check("a\nb\tc\r\x1b[31m\x7f\xc2\x9b", "a\\nb\\tc\\u000d\\u001b[31m\\u007f\\u009b");
    char out[16];
    cr_assert_eq(p2psync_text_escape("\0", 1, out, sizeof out), 6);
    cr_assert_str_eq(out, "\\u0000");
}

Test(escape, escapes_marks_of_direction_and_zero_width)
{
    check("\xe2\x80\xae"
          "cba\xe2\x80\xac",
          "\\u202ecba\\u202c");
    check("a\xe2\x80\x8b\xe2\x80\x8d\xef\xbb\xbf", "a\\u200b\\u200d\\ufeff");
    check("\xe2\x81\xa6\xe2\x81\xa9\xd8\x9c", "\\u2066\\u2069\\u061c");
    check("\xf3\xa0\x80\x81", "\\udb40\\udc01");
    check("\xe3\x85\xa4\xc2\xad", "\\u3164\\u00ad");
}

Test(escape, shows_bytes_that_are_no_text)
{
    check("a\xff\xc3", "a\\xff\\xc3");
    check("\xed\xa0\x80", "\\xed\\xa0\\x80");
}

Test(escape, knows_the_ends_of_each_range)
{
    static const uint32_t seen[] = {
        0x20,   0x7e,    0xa0,    0xac,    0xae,   0x34e,  0x350,  0x61b,   0x61d,   0x115e,
        0x1161, 0x200a,  0x2010,  0x2027,  0x202f, 0x205f, 0x2070, 0xfefe,  0xff00,  0xfff8,
        0xfffc, 0x1d172, 0x1d17b, 0xdffff, 0xfe0f, 0x3163, 0x3165, 0xe0080, 0x10ffff};
    static const uint32_t hidden[] = {0x00,    0x1f,    0x7f,    0x9f,    0xad,   0x34f,  0x61c,
                                      0x1160,  0x17b4,  0x180e,  0x200b,  0x200f, 0x2028, 0x202e,
                                      0x2060,  0x206f,  0x3164,  0xfeff,  0xffa0, 0xfff9, 0xfffb,
                                      0x1bca3, 0x1d173, 0x1d17a, 0xe0000, 0xe007f};
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        cr_assert_not(ps_escape_needed(seen[i]), "%x", seen[i]);
    }
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++) {
        cr_assert(ps_escape_needed(hidden[i]), "%x", hidden[i]);
    }
}

Test(escape, cuts_between_characters_only)
{
    static const char text[] = "a\xe2\x80\x8f\xc3\xa9z"; /* a, a mark, an accent, z */
    static const char *const cut[] = {"",
                                      "",
                                      "a",
                                      "a",
                                      "a",
                                      "a",
                                      "a",
                                      "a",
                                      "a\\u200f",
                                      "a\\u200f",
                                      "a\\u200f\xc3\xa9",
                                      "a\\u200f\xc3\xa9z"};
    for (size_t size = 1; size < sizeof cut / sizeof *cut; size++) {
        char out[16];
        memset(out, '#', sizeof out);
        cr_assert_eq(p2psync_text_escape(text, sizeof text - 1, out, size), 10);
        cr_assert_str_eq(out, cut[size], "%zu", size);
        cr_assert_eq(out[size], '#');
    }
    cr_assert_eq(p2psync_text_escape(text, sizeof text - 1, NULL, 0), 10);
}
