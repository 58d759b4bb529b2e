/* Merging two values field by field: what each rule makes of what both sides did. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/merge/fields.h"
#include "tests/lib/literal.h"
#include "tests/lib/prng.h"
#include "wire/codec.h"
#include "wire/value.h"

static struct ps_buf out;
static struct ps_rules rules;
static struct ps_merge_notes notes;
static ps_record_state state;

static void setup(void)
{
    ps_buf_init(&out, PS_VALUE_SIZE_MAX);
    p2psync_result result = ps_rules_parse(
        literal("{field.count: 'counter', field.high: 'max', field.low: 'min', field.set: 'union',"
                " field.text: 'text'}"),
        &rules);
    cr_assert_eq(result, P2PSYNC_OK);
}

static void teardown(void)
{
    ps_rules_deinit(&rules);
    ps_buf_deinit(&out);
}

TestSuite(fields, .init = setup, .fini = teardown, .timeout = 300);

static void merge(const struct ps_sides *sides)
{
    ps_buf_clear(&out);
    notes = (struct ps_merge_notes){.conflict = false};
    cr_assert_eq(ps_fields_merge(&rules, sides, &out, &state, &notes), P2PSYNC_OK);
}

/* A side that is NULL in a table is none. */
static struct ps_side side_of(const char *text)
{
    return text == NULL ? (struct ps_side){.state = PS_RECORD_DELETED}
                        : (struct ps_side){.value = literal(text)};
}

enum outcome {
    CLEAN,
    CONFLICT,
    OPEN,
};

struct row {
    const char *base;
    const char *earlier;
    const char *later;
    const char *merged;
    enum outcome outcome;
};

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct ps_sides sides = {.base = side_of(rows[i].base),
                                 .earlier = side_of(rows[i].earlier),
                                 .later = side_of(rows[i].later)};
        merge(&sides);
        cr_assert(ps_bytes_equal(ps_buf_view(&out), literal(rows[i].merged)), "%s | %s | %s",
                  rows[i].base == NULL ? "none" : rows[i].base, rows[i].earlier, rows[i].later);
        cr_assert_eq(notes.conflict, rows[i].outcome != CLEAN, "%s | %s", rows[i].earlier,
                     rows[i].later);
        cr_assert_eq(notes.open, rows[i].outcome == OPEN, "%s | %s", rows[i].earlier,
                     rows[i].later);
        cr_assert_eq(state, PS_RECORD_LIVE);
    }
    literal_clear();
}

#define CHECK(rows) check_rows(rows, sizeof(rows) / sizeof(*(rows)))

Test(fields, takes_what_one_side_changed_and_the_later_of_both)
{
    static const struct row rows[] = {
        {"{a: 1, b: 1}", "{a: 2, b: 1}", "{a: 1, b: 2}", "{a: 2, b: 2}", CLEAN},
        {"{a: 1}", "{a: 2}", "{a: 3}", "{a: 3}", CONFLICT},
        {"{a: 1}", "{a: 2}", "{a: 2}", "{a: 2}", CLEAN},
        {"{a: 1}", "{a: 1, b: 1}", "{a: 1, c: 1}", "{a: 1, b: 1, c: 1}", CLEAN},
        {"{a: 1, b: 1}", "{b: 1}", "{a: 1, b: 1}", "{b: 1}", CLEAN},
        {"{a: 1, b: 1}", "{a: 1, b: 1}", "{b: 1}", "{b: 1}", CLEAN},
        {"{a: 1, b: 1}", "{b: 1}", "{b: 1}", "{b: 1}", CLEAN},
        {"{a: 1}", "{}", "{a: 2}", "{a: 2}", CONFLICT},
        {"{a: 1}", "{a: 2}", "{}", "{}", CONFLICT},
        {NULL, "{a: 1}", "{b: 2}", "{a: 1, b: 2}", CLEAN},
        {NULL, "{a: 1}", "{a: 2}", "{a: 2}", CONFLICT},
        {NULL, "{a: 1}", "{a: 1}", "{a: 1}", CLEAN},
        {"{a: 1}", "{a: 1.0}", "{a: 1}", "{a: 1.0}", CLEAN},
        {"{a: [1]}", "{a: [1, 2]}", "{a: [1, 3]}", "{a: [1, 3]}", CONFLICT},
    };
    CHECK(rows);
}

Test(fields, merges_nested_maps_by_key)
{
    static const struct row rows[] = {
        {"{m: {a: 1, b: 1}}", "{m: {a: 2, b: 1}}", "{m: {a: 1, b: 2}}", "{m: {a: 2, b: 2}}", CLEAN},
        {"{m: {a: 1}}", "{m: {a: 2}}", "{m: {a: 3}}", "{m: {a: 3}}", CONFLICT},
        {"{m: {a: 1}}", "{m: {}}", "{m: {a: 1, b: 1}}", "{m: {b: 1}}", CLEAN},
        {"{m: {a: 1}}", "{m: {}}", "{m: {b: 1}}", "{m: {b: 1}}", CLEAN},
        {"{m: {a: {x: 1, y: 1}}}", "{m: {a: {x: 2, y: 1}}}", "{m: {a: {x: 1}}}", "{m: {a: {x: 2}}}",
         CLEAN},
        {"{m: 1}", "{m: {a: 1}}", "{m: {b: 2}}", "{m: {a: 1, b: 2}}", CLEAN},
        {NULL, "{m: {a: 1}}", "{m: {b: 2}}", "{m: {a: 1, b: 2}}", CLEAN},
        {"{m: {a: 1}}", "{m: {a: 2}}", "{m: 5}", "{m: 5}", CONFLICT},
        {"{m: {a: 1}}", "{m: {a: 2}}", "{}", "{}", CONFLICT},
        /* The rules are those of fields: a key within a map has none. */
        {"{m: {count: 1}}", "{m: {count: 2}}", "{m: {count: 3}}", "{m: {count: 3}}", CONFLICT},
        /* With another rule a map is a whole. */
        {"{high: {a: 1}}", "{high: {a: 3}}", "{high: {b: 1}}", "{high: {b: 1}}", CLEAN},
        {"{set: {a: 1}}", "{set: {a: 3}}", "{set: {b: 1}}", "{set: {b: 1}}", CONFLICT},
    };
    CHECK(rows);
}

Test(fields, adds_what_either_side_added_to_a_counter)
{
    static const struct row rows[] = {
        {"{count: 10}", "{count: 11}", "{count: 13}", "{count: 14}", CLEAN},
        {"{count: 10}", "{count: 11}", "{count: 11}", "{count: 12}", CLEAN},
        {"{count: 10}", "{count: 7}", "{count: 5}", "{count: 2}", CLEAN},
        {"{count: 0}", "{count: -3}", "{count: -4}", "{count: -7}", CLEAN},
        {"{count: 10}", "{count: 10}", "{count: 5}", "{count: 5}", CLEAN},
        {"{}", "{count: 2}", "{count: 3}", "{count: 5}", CLEAN},
        {NULL, "{count: 2}", "{count: 2}", "{count: 4}", CLEAN},
        {"{count: 'x'}", "{count: 2}", "{count: 3}", "{count: 5}", CLEAN},
        {"{count: 0}", "{count: 18446744073709551615}", "{count: 1}",
         "{count: 18446744073709551615}", CLEAN},
        {"{count: 0}", "{count: -9223372036854775808}", "{count: -1}",
         "{count: -9223372036854775808}", CLEAN},
        {"{count: -9223372036854775808}", "{count: 0}", "{count: 18446744073709551615}",
         "{count: 18446744073709551615}", CLEAN},
        {"{count: 18446744073709551615}", "{count: 1}", "{count: 2}",
         "{count: -9223372036854775808}", CLEAN},
        {"{count: 9223372036854775808}", "{count: 9223372036854775807}",
         "{count: 9223372036854775807}", "{count: 9223372036854775806}", CLEAN},
        {"{count: 1.5}", "{count: 2.5}", "{count: 3}", "{count: 4.0}", CLEAN},
        {"{count: 1}", "{count: 2.5f}", "{count: 3}", "{count: 4.5}", CLEAN},
        {"{count: 1}", "{count: 1.0}", "{count: 1.0}", "{count: 1.0}", CLEAN},
        {"{count: 1}", "{count: 2}", "{count: 'x'}", "{count: 'x'}", CONFLICT},
        {"{count: 1}", "{count: nil}", "{count: 5}", "{count: 5}", CONFLICT},
        {"{count: 1}", "{count: 2}", "{}", "{}", CONFLICT},
        {"{count: 1}", "{count: 'x'}", "{count: 'x'}", "{count: 'x'}", CLEAN},
    };
    CHECK(rows);
}

Test(fields, takes_the_greatest_or_least_of_any_types)
{
    static const struct row rows[] = {
        {"{high: 1}", "{high: 9}", "{high: 5}", "{high: 9}", CLEAN},
        {"{high: 1}", "{high: 5}", "{high: 9}", "{high: 9}", CLEAN},
        {"{low: 7}", "{low: 5}", "{low: 6}", "{low: 5}", CLEAN},
        {"{low: 7}", "{low: 6}", "{low: 5}", "{low: 5}", CLEAN},
        {"{low: 1}", "{low: 5}", "{low: 6}", "{low: 5}", CLEAN},
        {"{high: 9}", "{high: 9}", "{high: 2}", "{high: 2}", CLEAN}, /* on one side only */
        {"{high: 0}", "{high: 1}", "{high: 1.0}", "{high: 1.0}", CLEAN},
        {"{high: 0}", "{high: 1.0}", "{high: 1}", "{high: 1}", CLEAN},
        {"{low: 0}", "{low: 1}", "{low: 1.0f}", "{low: 1.0f}", CLEAN},
        {"{high: 0}", "{high: 9007199254740993}", "{high: 9007199254740992.0}",
         "{high: 9007199254740993}", CLEAN},
        {"{high: 0}", "{high: 'a'}", "{high: 1000}", "{high: 'a'}", CLEAN},
        {"{high: 0}", "{high: 'b'}", "{high: 'aa'}", "{high: 'b'}", CLEAN},
        {"{high: 0}", "{high: [1]}", "{high: 'z'}", "{high: [1]}", CLEAN},
        {"{high: 0}", "{high: {}}", "{high: [1]}", "{high: {}}", CLEAN},
        {"{low: 0}", "{low: nil}", "{low: false}", "{low: nil}", CLEAN},
        {"{low: 0}", "{low: true}", "{low: false}", "{low: false}", CLEAN},
        {"{low: 0}", "{low: true}", "{low: -5}", "{low: true}", CLEAN},
        {"{high: 0}", "{high: inf}", "{high: 18446744073709551615}", "{high: inf}", CLEAN},
        {NULL, "{high: 3}", "{high: 2}", "{high: 3}", CLEAN},
        {"{high: 1}", "{high: 2}", "{}", "{}", CONFLICT},
        {"{high: 1}", "{}", "{high: 2}", "{high: 2}", CONFLICT},
    };
    CHECK(rows);
}

Test(fields, unites_arrays_as_sets)
{
    static const struct row rows[] = {
        {"{set: [1]}", "{set: [1, 2]}", "{set: [1, 3]}", "{set: [1, 2, 3]}", CLEAN},
        {"{set: [1, 2]}", "{set: [2, 3]}", "{set: [1, 2, 4]}", "{set: [2, 3, 4]}", CLEAN},
        {"{set: [1, 2]}", "{set: [2]}", "{set: [1]}", "{set: []}", CLEAN},
        {NULL, "{set: [2, 1]}", "{set: [1, 3]}", "{set: [2, 1, 3]}", CLEAN},
        {NULL, "{set: [2, 2, 1]}", "{set: [1, 3, 3]}", "{set: [2, 1, 3]}", CLEAN},
        {"{set: []}", "{set: [1, 1.0, 1.0f]}", "{set: [1.0, '1']}", "{set: [1, 1.0, 1.0f, '1']}",
         CLEAN},
        {"{set: [[1, 2]]}", "{set: [[1, 2], {a: 1, b: 2}]}", "{set: [{b: 2, a: 1}, [2, 1]]}",
         "{set: [{a: 1, b: 2}, [2, 1]]}", CLEAN},
        {"{set: 5}", "{set: [1]}", "{set: [2]}", "{set: [1, 2]}", CLEAN},
        {"{set: [1]}", "{set: [1, 1]}", "{set: [1]}", "{set: [1, 1]}",
         CLEAN}, /* on one side only */
        {"{set: [1]}", "{set: [1, 2]}", "{set: 3}", "{set: 3}", CONFLICT},
        {"{set: [1]}", "{set: [1, 2]}", "{}", "{}", CONFLICT},
    };
    CHECK(rows);
}

Test(fields, merges_texts_and_leaves_overlaps_open)
{
    static const struct row rows[] = {
        {"{text: 'a\nb\nc\n'}", "{text: 'A\nb\nc\n'}", "{text: 'a\nb\nC\n'}", "{text: 'A\nb\nC\n'}",
         CLEAN},
        {"{text: 'a\n'}", "{text: 'b\n'}", "{text: 'c\n'}", "{text: 'b\nc\n'}", OPEN},
        {"{text: 'a\n'}", "{text: 'b\n'}", "{text: 'b\n'}", "{text: 'b\n'}", CLEAN},
        {NULL, "{text: 'b\n'}", "{text: 'c\n'}", "{text: 'b\nc\n'}", OPEN},
        {"{text: 7}", "{text: 'b\n'}", "{text: 'c\n'}", "{text: 'b\nc\n'}", OPEN},
        {"{text: 'a\n'}", "{text: 'b\n'}", "{text: 1}", "{text: 1}", CONFLICT},
        {"{text: 'a\n'}", "{text: 'b\n'}", "{}", "{}", CONFLICT},
    };
    CHECK(rows);
}

/* ---- deleted and archived ---- */

#define LIVE     PS_RECORD_LIVE
#define DELETED  PS_RECORD_DELETED
#define ARCHIVED PS_RECORD_ARCHIVED

Test(fields, edit_beats_delete_and_archiving_is_like_a_field)
{
    static const struct {
        ps_record_state base, earlier, later, merged;
        bool conflict;
    } rows[] = {
        {LIVE, LIVE, DELETED, LIVE, true},           {LIVE, DELETED, LIVE, LIVE, true},
        {LIVE, DELETED, DELETED, DELETED, false},    {LIVE, DELETED, ARCHIVED, ARCHIVED, true},
        {DELETED, DELETED, LIVE, LIVE, false},       {DELETED, LIVE, DELETED, LIVE, false},
        {LIVE, ARCHIVED, LIVE, ARCHIVED, false},     {LIVE, LIVE, ARCHIVED, ARCHIVED, false},
        {LIVE, ARCHIVED, ARCHIVED, ARCHIVED, false}, {ARCHIVED, LIVE, ARCHIVED, LIVE, false},
        {ARCHIVED, ARCHIVED, LIVE, LIVE, false},     {DELETED, LIVE, ARCHIVED, ARCHIVED, true},
        {DELETED, ARCHIVED, LIVE, LIVE, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct ps_bytes value = literal("{a: 1}");
        const struct ps_bytes none = ps_bytes(NULL, 0);
        struct ps_sides sides = {
            .base = {rows[i].base, rows[i].base == DELETED ? none : value},
            .earlier = {rows[i].earlier, rows[i].earlier == DELETED ? none : value},
            .later = {rows[i].later, rows[i].later == DELETED ? none : value}};
        merge(&sides);
        cr_assert_eq(state, rows[i].merged, "%zu", i);
        cr_assert_eq(notes.conflict, rows[i].conflict, "%zu", i);
        cr_assert_eq(out.size, rows[i].merged == DELETED ? 0 : value.size, "%zu", i);
    }
}

Test(fields, what_was_deleted_is_no_base)
{
    struct ps_sides sides = {.base = {DELETED, literal("{a: 1}")},
                             .earlier = {LIVE, literal("{a: 1}")},
                             .later = {LIVE, literal("{a: 2}")}};
    merge(&sides);
    cr_assert(notes.conflict, "the earlier side did not leave it as it was: there was nothing");
}

/* ---- limits ---- */

/* {"name": bin of `size`} */
static struct ps_bytes large(struct ps_buf *buf, const char *name, size_t size, uint8_t fill)
{
    static uint8_t bytes[PS_VALUE_SIZE_MAX];
    struct ps_writer writer;
    memset(bytes, fill, size);
    ps_buf_init(buf, PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, buf);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, name);
    ps_write_bin(&writer, ps_bytes(bytes, size));
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    return ps_buf_view(buf);
}

Test(fields, texts_that_cost_too_much_are_settled_by_time)
{
    uint64_t work = PS_MERGE_WORK_MAX + 1;
    struct ps_sides sides = {.base = side_of("{text: 'a'}"),
                             .earlier = side_of("{text: 'b', n: 1}"),
                             .later = side_of("{text: 'c'}"),
                             .work = &work};
    merge(&sides);
    cr_assert(ps_bytes_equal(ps_buf_view(&out), literal("{n: 1, text: 'c'}")));
    cr_assert(notes.conflict);
    cr_assert_not(notes.open);
    work = 0;
    merge(&sides);
    cr_assert(notes.open, "both sides are in it");
    cr_assert_gt(work, 0);
}

Test(fields, merge_over_a_mebibyte_is_the_later_side)
{
    struct ps_buf bufs[2];
    struct ps_sides sides = {.base = {.state = DELETED},
                             .earlier = {ARCHIVED, large(&bufs[0], "a", 600000, 1)},
                             .later = {LIVE, large(&bufs[1], "b", 600000, 2)}};
    merge(&sides);
    cr_assert(ps_bytes_equal(ps_buf_view(&out), sides.later.value));
    cr_assert(notes.conflict);
    cr_assert_not(notes.open);
    ps_buf_deinit(&bufs[0]);
    /* One byte more than fits: 1 + 2 + 5 + size, twice, less one header. */
    size_t rest = PS_VALUE_SIZE_MAX - sides.later.value.size - 2 - 5;
    sides.earlier.value = large(&bufs[0], "a", rest, 1);
    merge(&sides);
    cr_assert_eq(out.size, PS_VALUE_SIZE_MAX);
    ps_buf_deinit(&bufs[0]);
    sides.earlier.value = large(&bufs[0], "a", rest + 1, 1);
    merge(&sides);
    cr_assert(ps_bytes_equal(ps_buf_view(&out), sides.later.value));
    ps_buf_deinit(&bufs[0]);
    ps_buf_deinit(&bufs[1]);
}

/* {"set": [from, from + 1, ...]} */
static struct ps_bytes numbers(struct ps_buf *buf, uint64_t from, size_t count)
{
    struct ps_writer writer;
    ps_buf_init(buf, PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, buf);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "set");
    ps_write_array(&writer, count);
    for (size_t i = 0; i < count; i++) {
        ps_write_uint(&writer, from + i);
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    return ps_buf_view(buf);
}

Test(fields, union_of_too_many_elements_is_the_later_side)
{
    struct ps_buf bufs[3];
    struct ps_sides sides = {.base = {LIVE, numbers(&bufs[0], 0, 1000)},
                             .earlier = {LIVE, numbers(&bufs[1], 1000, 40000)},
                             .later = {LIVE, numbers(&bufs[2], 20000, PS_UNION_MAX - 41000)}};
    merge(&sides);
    cr_assert_not(notes.conflict);
    cr_assert_gt(out.size, sides.earlier.value.size);
    ps_buf_deinit(&bufs[2]);
    sides.later.value = numbers(&bufs[2], 20000, PS_UNION_MAX - 41000 + 1);
    merge(&sides);
    cr_assert(notes.conflict);
    cr_assert(ps_bytes_equal(ps_buf_view(&out), sides.later.value));
    for (size_t i = 0; i < 3; i++) {
        ps_buf_deinit(&bufs[i]);
    }
}

/* ---- maps that are sorted, and the same in any order ---- */

#define KEYS 24

/* Three maps over a few keys. Most keys have the same value in all of them. */
struct drawn {
    unsigned value[3][KEYS]; /* 0: it is not there */
    bool wide[KEYS];         /* the key has a longer header than it needs */
};

static struct drawn draw(struct prng *prng)
{
    struct drawn drawn;
    unsigned per_mille = (unsigned)prng_below(prng, 500);
    for (unsigned k = 0; k < KEYS; k++) {
        unsigned common = (unsigned)prng_below(prng, 4);
        drawn.wide[k] = prng_chance(prng, 100);
        for (unsigned side = 0; side < 3; side++) {
            bool own = prng_chance(prng, per_mille);
            drawn.value[side][k] = own ? (unsigned)prng_below(prng, 4) : common;
        }
    }
    for (unsigned side = 0; side < 3; side++) { /* so that neither is taken as a whole */
        drawn.value[side][0] = side == 1;
        drawn.value[side][KEYS - 1] = side == 2;
    }
    return drawn;
}

/* {"m": {...}}, because the keys of a record itself are always written in one way. `turn`: 0 in
 * order; else the keys begin elsewhere. */
static struct ps_bytes write_drawn(struct ps_buf *buf, const struct drawn *drawn, unsigned side,
                                   unsigned turn)
{
    struct ps_writer writer;
    size_t count = 0;
    for (unsigned k = 0; k < KEYS; k++) {
        count += drawn->value[side][k] > 0;
    }
    ps_buf_init(buf, 4096);
    ps_writer_init(&writer, buf);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "m");
    ps_write_map(&writer, count);
    for (unsigned i = 0; i < KEYS; i++) {
        unsigned k = (i + turn) % KEYS;
        const uint8_t key[] = {0xd9, 2, 'k', (uint8_t)('a' + k)};
        if (drawn->value[side][k] == 0) {
            continue;
        }
        if (drawn->wide[k]) {
            ps_write_raw(&writer, ps_bytes(key, 4));
        } else {
            ps_write_str(&writer, ps_bytes(key + 2, 2));
        }
        ps_write_uint(&writer, drawn->value[side][k] + 100);
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    return ps_buf_view(buf);
}

static void merge_drawn(const struct drawn *drawn, const unsigned turns[3])
{
    struct ps_buf bufs[3];
    struct ps_bytes maps[3];
    for (unsigned i = 0; i < 3; i++) {
        maps[i] = write_drawn(&bufs[i], drawn, i, turns[i]);
    }
    const struct ps_sides sides = {
        .base = {LIVE, maps[0]}, .earlier = {LIVE, maps[1]}, .later = {LIVE, maps[2]}};
    merge(&sides);
    for (unsigned i = 0; i < 3; i++) {
        ps_buf_deinit(&bufs[i]);
    }
}

/* Those in order are walked in step, which the result must not show. */
Test(fields, order_of_keys_is_no_matter)
{
    struct ps_buf sorted;
    struct prng prng = prng_new(1, 1);
    unsigned conflicts = 0;
    ps_buf_init(&sorted, PS_VALUE_SIZE_MAX);
    for (unsigned i = 0; i < 2000; i++) {
        struct drawn drawn = draw(&prng);
        unsigned turns[3] = {0};
        merge_drawn(&drawn, turns);
        struct ps_merge_notes noted = notes;
        conflicts += noted.conflict;
        ps_buf_clear(&sorted);
        cr_assert_eq(ps_buf_append(&sorted, out.data, out.size), P2PSYNC_OK);
        turns[prng_below(&prng, 3)] = (unsigned)prng_between(&prng, 1, KEYS - 1);
        turns[prng_below(&prng, 3)] = (unsigned)prng_between(&prng, 1, KEYS - 1);
        merge_drawn(&drawn, turns);
        cr_assert(ps_bytes_equal(ps_buf_view(&out), ps_buf_view(&sorted)), "%u", i);
        cr_assert_eq(notes.conflict, noted.conflict);
    }
    cr_expect(conflicts > 500 && conflicts < 1900, "%u", conflicts);
    ps_buf_deinit(&sorted);
}

Test(fields, maps_as_deep_as_values_may_be_are_merged)
{
    struct ps_buf bufs[3];
    for (size_t i = 0; i < 3; i++) {
        struct ps_writer writer;
        ps_buf_init(&bufs[i], 4096);
        ps_writer_init(&writer, &bufs[i]);
        for (unsigned depth = 1; depth < PS_DEPTH_MAX; depth++) {
            ps_write_map(&writer, 1);
            ps_write_text(&writer, "m");
        }
        ps_write_map(&writer, 2);
        ps_write_text(&writer, "a");
        ps_write_uint(&writer, i == 1 ? 7 : 1);
        ps_write_text(&writer, "b");
        ps_write_uint(&writer, i == 2 ? 8 : 1);
        cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
        cr_assert_eq(ps_value_check_fields(ps_buf_view(&bufs[i])), P2PSYNC_OK);
    }
    struct ps_sides sides = {.base = {LIVE, ps_buf_view(&bufs[0])},
                             .earlier = {LIVE, ps_buf_view(&bufs[1])},
                             .later = {LIVE, ps_buf_view(&bufs[2])}};
    merge(&sides);
    cr_assert_not(notes.conflict);
    struct ps_bytes end = literal("{a: 7, b: 8}");
    cr_assert(ps_bytes_equal(ps_bytes(out.data + out.size - end.size, end.size), end));
    for (size_t i = 0; i < 3; i++) {
        ps_buf_deinit(&bufs[i]);
    }
}
