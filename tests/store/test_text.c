/* Merges of texts: the vectors, which another program computed; the laws over many small texts; and
 * texts of a mebibyte that are made to cost as much as they can. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "store/merge/diff.h"
#include "store/merge/text.h"
#include "tests/lib/prng.h"
#include "tests/lib/text_laws.h"
#include "tests/wire/vector.h"
#include "wire/limits.h"

#define RANDOM_COUNT 20000U

static struct ps_buf out;
static bool overlap;

static void setup(void)
{
    ps_buf_init(&out, (size_t)3 * PS_VALUE_SIZE_MAX);
}

static void teardown(void)
{
    ps_buf_deinit(&out);
}

TestSuite(text, .init = setup, .fini = teardown, .timeout = 300);

/* ---- vectors ---- */

static void check_vector(const char *name)
{
    struct vector vector;
    vector_read(&vector, name);
    struct ps_text_merge texts = {.base = vector_get(&vector, "base"),
                                  .ours = vector_get(&vector, "earlier"),
                                  .theirs = vector_get(&vector, "later")};
    ps_buf_clear(&out);
    cr_assert_eq(ps_text_merge(&texts, &out, &overlap), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(ps_buf_view(&out), vector_get(&vector, "merged")), "%s", name);
    cr_assert_eq(overlap, vector_uint(&vector, "overlap") == 1, "%s", name);
    cr_assert_null(text_laws_broken(&texts), "%s: %s", name, text_laws_broken(&texts));
    vector_free(&vector);
}

Test(text, is_that_of_its_vectors)
{
    static const char *const names[] = {
        "merge_text_apart",        "merge_text_one_side",     "merge_text_alike",
        "merge_text_differently",  "merge_text_touching",     "merge_text_insertions",
        "merge_text_common_ends",  "merge_text_taken_away",   "merge_text_no_base",
        "merge_text_last_line",    "merge_text_no_end",       "merge_text_bytes",
        "merge_text_prefix_first", "merge_text_suffix",       "merge_text_tie",
        "merge_text_ends_changed", "merge_text_ends_back",    "merge_text_ends_mixed",
        "merge_text_ends_shared",  "merge_text_ends_overlap", "merge_text_ends_in_overlap",
        "merge_text_ends_many",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_vector(names[i]);
    }
}

/* ---- bounds ---- */

static uint8_t text[3][PS_VALUE_SIZE_MAX + 1];

Test(text, refuses_texts_over_the_size_of_a_value)
{
    struct ps_bytes large = ps_bytes(text[0], PS_VALUE_SIZE_MAX + 1);
    struct ps_bytes small = ps_bytes_text("a\n");
    cr_assert_eq(ps_text_merge(&(struct ps_text_merge){large, small, small, NULL}, &out, &overlap),
                 P2PSYNC_ELIMIT);
    cr_assert_eq(ps_text_merge(&(struct ps_text_merge){small, large, small, NULL}, &out, &overlap),
                 P2PSYNC_ELIMIT);
    cr_assert_eq(ps_text_merge(&(struct ps_text_merge){small, small, large, NULL}, &out, &overlap),
                 P2PSYNC_ELIMIT);
    cr_assert_eq(out.size, 0);
}

/* One search more may go on from just below the limit; behind it none begins. */
Test(text, counts_what_all_texts_of_a_merge_cost)
{
    uint64_t work = PS_MERGE_WORK_MAX;
    struct ps_text_merge texts = {.base = ps_bytes_text("a\nb\n"),
                                  .ours = ps_bytes_text("a\nx\nb\n"),
                                  .theirs = ps_bytes_text("a\nb\ny\n"),
                                  .work = &work};
    cr_assert_eq(ps_text_merge(&texts, &out, &overlap), P2PSYNC_OK);
    cr_assert_geq(work, PS_MERGE_WORK_MAX + 16, "its bytes at least");
    size_t size = out.size;
    cr_assert_eq(ps_text_merge(&texts, &out, &overlap), P2PSYNC_ELIMIT);
    cr_assert_eq(out.size, size);
}

Test(text, is_appended_and_leaves_what_it_does_not_fit_into)
{
    struct ps_text_merge texts = {ps_bytes_text("a\nb\n"), ps_bytes_text("a\nx\nb\n"),
                                  ps_bytes_text("a\ny\nb\n"), NULL};
    struct ps_buf tight;
    ps_buf_init(&tight, 9);
    cr_assert_eq(ps_buf_append(&tight, "+", 1), P2PSYNC_OK);
    cr_assert_eq(ps_text_merge(&texts, &tight, &overlap), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(ps_buf_view(&tight), ps_bytes_text("+a\nx\ny\nb\n")));
    cr_assert(overlap);

    ps_buf_truncate(&tight, 2);
    overlap = false;
    cr_assert_eq(ps_text_merge(&texts, &tight, &overlap), P2PSYNC_ELIMIT);
    cr_assert(ps_bytes_equal(ps_buf_view(&tight), ps_bytes_text("+a")));
    cr_assert_not(overlap);
    ps_buf_deinit(&tight);
}

/* ---- markers ---- */

static void check_marked(const struct ps_text_merge *texts, const char *expected)
{
    const struct ps_text_marks marks = {ps_bytes_text("left"), ps_bytes_text("right")};
    ps_buf_clear(&out);
    cr_assert_eq(ps_text_merge_marked(texts, &marks, &out, &overlap), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(ps_buf_view(&out), ps_bytes_text(expected)), "%.*s", (int)out.size,
              (const char *)out.data);
}

Test(text, marks_overlaps_for_people)
{
    struct ps_text_merge texts = {ps_bytes_text("a\nb\nc\n"), ps_bytes_text("a\nx\np\nc\n"),
                                  ps_bytes_text("a\ny\np\nc\nd\n"), NULL};
    check_marked(&texts, "a\n<<<<<<< left\nx\n=======\ny\n>>>>>>> right\np\nc\nd\n");
    cr_assert(overlap);
    texts.ours = ps_bytes_text("a\nc\n");
    check_marked(&texts, "a\n<<<<<<< left\n=======\ny\np\n>>>>>>> right\nc\nd\n");
    texts.ours = texts.base;
    check_marked(&texts, "a\ny\np\nc\nd\n");
    cr_assert_not(overlap);
}

Test(text, marks_stand_on_lines_of_their_own)
{
    struct ps_text_merge texts = {ps_bytes_text("a\r\nb"), ps_bytes_text("a\r\nx"),
                                  ps_bytes_text("a\r\ny"), NULL};
    check_marked(&texts, "a\r\n<<<<<<< left\r\nx\r\n=======\r\ny\r\n>>>>>>> right\r\n");
}

/* ---- laws ---- */

static size_t random_lines(struct prng *prng, uint8_t *to, size_t count, unsigned alphabet)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        to[size++] = (uint8_t)('a' + prng_below(prng, alphabet));
        to[size++] = '\n';
    }
    return size;
}

/* Lines of `from` with a few taken out and put in; at times with no end to the last. */
static size_t edited(struct prng *prng, struct ps_bytes from, uint8_t *to, unsigned alphabet)
{
    unsigned rate = (unsigned)prng_below(prng, 400);
    size_t size = 0;
    for (size_t i = 0; i + 1 < from.size; i += 2) {
        if (prng_chance(prng, rate)) {
            size += random_lines(prng, to + size, prng_below(prng, 3), alphabet);
        }
        if (!prng_chance(prng, rate)) {
            to[size++] = from.data[i];
            to[size++] = '\n';
        }
    }
    size += prng_chance(prng, rate) ? random_lines(prng, to + size, 1, alphabet) : 0;
    return size > 0 && prng_chance(prng, 200) ? size - 1 : size;
}

Test(text, laws_hold_for_random_texts)
{
    unsigned overlaps = 0;
    for (unsigned seed = 0; seed < RANDOM_COUNT; seed++) {
        struct prng prng = prng_new(seed, 1);
        unsigned alphabet = (unsigned)prng_between(&prng, 1, 12);
        size_t count = prng_below(&prng, seed % 100 == 0 ? 200 : 15);
        struct ps_bytes base = ps_bytes(text[0], random_lines(&prng, text[0], count, alphabet));
        struct ps_text_merge texts = {
            .base = base,
            .ours = ps_bytes(text[1], edited(&prng, base, text[1], alphabet)),
            .theirs = ps_bytes(text[2], edited(&prng, base, text[2], alphabet)),
        };
        const char *broken = text_laws_broken(&texts);
        cr_assert_null(broken, "seed %u: %s", seed, broken);
        ps_buf_clear(&out);
        cr_assert_eq(ps_text_merge(&texts, &out, &overlap), P2PSYNC_OK);
        overlaps += overlap ? 1 : 0;
    }
    cr_assert(overlaps > RANDOM_COUNT / 10 && overlaps < RANDOM_COUNT / 10 * 9, "%u", overlaps);
}

/* The same with both kinds of ends: all of a version in one, or mixed as it comes. */
static size_t with_ends(struct prng *prng, struct ps_bytes from, uint8_t *to)
{
    unsigned rate = prng_chance(prng, 300) ? 500 : prng_chance(prng, 500) ? 1000 : 0;
    size_t size = 0;
    for (size_t i = 0; i < from.size; i++) {
        if (from.data[i] == '\n' && prng_chance(prng, rate)) {
            to[size++] = '\r';
        }
        if (prng_chance(prng, 10)) { /* anywhere, also a second one */
            to[size++] = '\r';
        }
        to[size++] = from.data[i];
    }
    return size;
}

Test(text, laws_hold_for_texts_with_both_ends_of_lines)
{
    static uint8_t ended[3][4096];
    unsigned merged = 0;
    for (unsigned seed = 0; seed < RANDOM_COUNT; seed++) {
        struct prng prng = prng_new(seed, 3);
        unsigned alphabet = (unsigned)prng_between(&prng, 1, 12);
        struct ps_bytes from[3];
        from[0] = ps_bytes(text[0], random_lines(&prng, text[0], prng_below(&prng, 15), alphabet));
        from[1] = ps_bytes(text[1], edited(&prng, from[0], text[1], alphabet));
        from[2] = ps_bytes(text[2], edited(&prng, from[0], text[2], alphabet));
        for (size_t i = 0; i < 3; i++) {
            from[i] = ps_bytes(ended[i], with_ends(&prng, from[i], ended[i]));
        }
        struct ps_text_merge texts = {.base = from[0], .ours = from[1], .theirs = from[2]};
        const char *broken = text_laws_broken(&texts);
        cr_assert_null(broken, "seed %u: %s", seed, broken);
        ps_buf_clear(&out);
        cr_assert_eq(ps_text_merge(&texts, &out, &overlap), P2PSYNC_OK);
        merged += overlap ? 0 : 1;
    }
    cr_assert_gt(merged, RANDOM_COUNT / 10);
}

/* A last line that gets an end, and ends in more '\r' than anybody writes. */
Test(text, laws_hold_for_very_many_returns_at_the_end)
{
    for (size_t returns = 68; returns < 74; returns++) {
        memcpy(text[0], "a\nb", 3);
        memset(text[0] + 3, '\r', returns);
        struct ps_text_merge texts = {.base = ps_bytes_text("a\n"),
                                      .ours = ps_bytes(text[0], 3 + returns),
                                      .theirs = ps_bytes_text("a\nc\n")};
        const char *broken = text_laws_broken(&texts);
        cr_assert_null(broken, "%zu: %s", returns, broken);
    }
}

/* ---- large and hostile texts ---- */

static void fill(unsigned which, const char *pattern)
{
    size_t size = strlen(pattern);
    for (size_t i = 0; i < PS_VALUE_SIZE_MAX; i++) {
        text[which][i] = (uint8_t)pattern[i % size];
    }
}

/* Lines of `width` bytes, each of `alphabet`. */
static void fill_random(unsigned which, size_t width, unsigned alphabet)
{
    struct prng prng = prng_new(which, 2);
    for (size_t i = 0; i < PS_VALUE_SIZE_MAX; i++) {
        text[which][i] =
            (uint8_t)(i % (width + 1) == width ? '\n' : 11 + prng_below(&prng, alphabet));
    }
}

static void check_whole(bool given_up)
{
    struct ps_text_merge texts = {ps_bytes(text[0], PS_VALUE_SIZE_MAX),
                                  ps_bytes(text[1], PS_VALUE_SIZE_MAX),
                                  ps_bytes(text[2], PS_VALUE_SIZE_MAX), NULL};
    struct ps_lines base = {.count = 0};
    struct ps_lines side = {.count = 0};
    struct ps_diff diff = {.work = 0};
    cr_assert_eq(ps_lines_init(&base, texts.base), P2PSYNC_OK);
    cr_assert_eq(ps_lines_init(&side, texts.ours), P2PSYNC_OK);
    cr_assert_eq(ps_diff(&base, &side, &diff), P2PSYNC_OK);
    cr_assert_eq(diff.given_up, given_up);
    cr_assert_leq(diff.work, PS_TEXT_WORK_MAX + PS_VALUE_SIZE_MAX);
    ps_diff_deinit(&diff);
    ps_lines_deinit(&side);
    ps_lines_deinit(&base);

    ps_buf_clear(&out);
    cr_assert_eq(ps_text_merge(&texts, &out, &overlap), P2PSYNC_OK);
    cr_assert_leq(out.size, 2 * PS_VALUE_SIZE_MAX + 1);
}

Test(text, of_random_lines_of_one_byte_is_bounded)
{
    fill_random(0, 1, 240);
    fill_random(1, 1, 240);
    fill_random(2, 1, 2);
    check_whole(true);
}

Test(text, of_periodic_lines_is_bounded)
{
    fill(0, "a\nb\n");
    fill(1, "b\nc\na\n");
    fill(2, "b\na\na\n");
    check_whole(true);
}

Test(text, of_lines_that_all_differ_needs_no_search)
{
    fill_random(0, 16, 200);
    fill_random(1, 16, 200);
    fill_random(2, 16, 200);
    check_whole(false);
}

Test(text, of_empty_lines_is_bounded)
{
    for (unsigned i = 0; i < 3; i++) {
        fill(i, "\n");
        text[i][0] = (uint8_t)('a' + i);
        text[i][PS_VALUE_SIZE_MAX - 1] = (uint8_t)('a' + i);
    }
    check_whole(true);
}

Test(text, of_large_texts_with_few_edits_takes_both)
{
    fill_random(0, 40, 200);
    memcpy(text[1], text[0], PS_VALUE_SIZE_MAX);
    memcpy(text[2], text[0], PS_VALUE_SIZE_MAX);
    for (size_t i = 0; i < 1000; i++) {
        text[1][i * 820] ^= 0x80U;
        text[2][i * 820 + 410] ^= 0x80U;
    }
    check_whole(false);
    cr_assert_not(overlap);
    cr_assert_eq(out.size, PS_VALUE_SIZE_MAX);
    for (size_t i = 0; i < PS_VALUE_SIZE_MAX; i++) {
        uint8_t expected = (uint8_t)(text[0][i] ^ text[1][i] ^ text[2][i]);
        cr_assert_eq(out.data[i], expected, "byte %zu", i);
    }
}
