/* Differences: which of several shortest ones is found, and where the search is given up. That they
 * are shortest at all is checked with the laws of merging: see test_merge_text.c. */
#include <criterion/criterion.h>

#include "store/merge/diff.h"
#include "wire/limits.h"

#define NONE PS_LINE_NONE
/* Two blocks of so many lines each change places: the last that is found, store/merge/MERGE.md. */
#define BLOCK_MAX 1007

static struct ps_lines base;
static struct ps_lines side;
static struct ps_diff diff;

static void teardown(void)
{
    ps_diff_deinit(&diff);
    ps_lines_deinit(&side);
    ps_lines_deinit(&base);
}

TestSuite(diff, .fini = teardown);

static void find(struct ps_bytes base_text, struct ps_bytes side_text)
{
    teardown();
    cr_assert_eq(ps_lines_init(&base, base_text), P2PSYNC_OK);
    cr_assert_eq(ps_lines_init(&side, side_text), P2PSYNC_OK);
    cr_assert_eq(ps_diff(&base, &side, &diff), P2PSYNC_OK);
}

/* Each character stands for a line. */
static void check(const char *base_chars, const char *side_chars, const uint32_t *expected)
{
    uint8_t text[2][64];
    size_t size[2] = {0, 0};
    for (unsigned i = 0; i < 2; i++) {
        for (const char *at = i == 0 ? base_chars : side_chars; *at != '\0'; at++) {
            text[i][size[i]++] = (uint8_t)*at;
            text[i][size[i]++] = '\n';
        }
    }
    find(ps_bytes(text[0], size[0]), ps_bytes(text[1], size[1]));
    for (uint32_t i = 0; i < base.count; i++) {
        cr_assert_eq(diff.match[i], expected[i], "%s, %s: line %u is %u", base_chars, side_chars, i,
                     diff.match[i]);
    }
}

Test(diff, begin_and_end_match_before_anything_else)
{
    check("abxcd", "abycd", (uint32_t[]){0, 1, NONE, 3, 4});
    check("aa", "aaa", (uint32_t[]){0, 1});
    check("aaa", "aa", (uint32_t[]){0, 1, NONE});
    check("pc", "pqcrc", (uint32_t[]){0, 4});
    check("", "ab", NULL);
    check("ab", "", (uint32_t[]){NONE, NONE});
    cr_assert_eq(diff.work, 0);
}

Test(diff, lines_of_one_text_only_cost_no_search)
{
    check("qaxybs", "raziwjvbt", (uint32_t[]){NONE, 1, NONE, NONE, 7, NONE});
    cr_assert_eq(diff.work, 16 * (6 + 9) + 3);
}

Test(diff, of_two_shortest_the_one_that_keeps_the_later_line_of_base)
{
    check("ab", "ba", (uint32_t[]){NONE, 0});
    check("abc", "cab", (uint32_t[]){1, 2, NONE});
    check("abab", "baba", (uint32_t[]){NONE, 0, 1, 2});
}

Test(diff, the_example_of_myers_is_found_as_specified)
{
    check("abcabba", "cbabac", (uint32_t[]){NONE, NONE, 0, 2, 3, NONE, 4});
}

static uint8_t blocks[2][4 * BLOCK_MAX + 16];

static void find_blocks(size_t size)
{
    for (size_t i = 0; i < 2 * size; i++) {
        blocks[0][2 * i] = i < size ? 'a' : 'b';
        blocks[1][2 * i] = i < size ? 'b' : 'a';
        blocks[0][2 * i + 1] = '\n';
        blocks[1][2 * i + 1] = '\n';
    }
    find(ps_bytes(blocks[0], 4 * size), ps_bytes(blocks[1], 4 * size));
}

Test(diff, search_goes_on_up_to_its_limit)
{
    find_blocks(BLOCK_MAX);
    cr_assert_not(diff.given_up);
    cr_assert_eq(diff.work, 2096575);
    cr_assert_eq(diff.match[0], NONE);
    cr_assert_eq(diff.match[BLOCK_MAX], 0);
    cr_assert_eq(diff.match[2 * BLOCK_MAX - 1], BLOCK_MAX - 1);
}

Test(diff, search_is_given_up_behind_its_limit)
{
    find_blocks(BLOCK_MAX + 1);
    cr_assert(diff.given_up);
    cr_assert_eq(diff.work, PS_TEXT_WORK_MAX + 1);
    for (uint32_t i = 0; i < base.count; i++) {
        cr_assert_eq(diff.match[i], NONE);
    }
}

/* One line more than can be numbered: nothing is searched, however alike they are. */
Test(diff, too_many_lines_are_not_numbered)
{
    static uint8_t text[2][4 * (PS_TEXT_WORK_MAX / 16)];
    size_t count = PS_TEXT_WORK_MAX / 16 / 2;
    for (size_t i = 0; i < count; i++) {
        memcpy(text[0] + 2 * i, i == 0 ? "x\n" : "a\n", 2);
        memcpy(text[1] + 2 * i, i + 1 == count ? "y\n" : "a\n", 2);
    }
    find(ps_bytes(text[0], 2 * count), ps_bytes(text[1], 2 * count));
    cr_assert_not(diff.given_up);
    cr_assert_eq(diff.match[1], 0);
    memcpy(text[1] + 2 * count, "z\n", 2);
    find(ps_bytes(text[0], 2 * count), ps_bytes(text[1], 2 * (count + 1)));
    cr_assert(diff.given_up);
    cr_assert_eq(diff.work, PS_TEXT_WORK_MAX + 1);
    cr_assert_eq(diff.match[1], NONE);
}

Test(diff, begin_and_end_match_also_if_the_search_is_given_up)
{
    static uint8_t text[2][sizeof blocks[0] + 4];
    find_blocks(BLOCK_MAX + 1);
    size_t size = base.text.size;
    for (unsigned i = 0; i < 2; i++) {
        memcpy(text[i], "x\n", 2);
        memcpy(text[i] + 2, blocks[i], size);
        memcpy(text[i] + 2 + size, "y\n", 2);
    }
    find(ps_bytes(text[0], size + 4), ps_bytes(text[1], size + 4));
    cr_assert(diff.given_up);
    cr_assert_eq(diff.match[0], 0);
    cr_assert_eq(diff.match[1], NONE);
    cr_assert_eq(diff.match[base.count - 1], base.count - 1);
}
