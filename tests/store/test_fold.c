/* Folding versions and their bases: histories in which devices merge each other's merges, automatic
 * answers, and what a past made to be costly comes to. */
#include <criterion/criterion.h>
#include <string.h>

#include "store/merge/fold.h"
#include "tests/lib/literal.h"
#include "tests/lib/past.h"
#include "wire/codec.h"

static struct store_case here;
static struct past past;
static struct ps_rules rules;
static struct ps_fold fold;
static struct ps_folded folded;

static void setup(void)
{
    here.map_size = 16 * CASE_MAP_SIZE;
    case_open(&here, 1);
    past_open(&past, &here, 8);
    p2psync_result result =
        ps_rules_parse(literal("{field.n: 'counter', field.set: 'union'}"), &rules);
    cr_assert_eq(result, P2PSYNC_OK);
}

static void teardown(void)
{
    ps_rules_deinit(&rules);
    past_close(&past);
    case_close(&here);
}

TestSuite(fold, .init = setup, .fini = teardown, .timeout = 300);

static size_t add(unsigned device, struct ps_bytes fields, size_t parent_count,
                  const size_t *parents)
{
    struct past_change change = {.device = device,
                                 .op_and_flags = parent_count == 0 ? PS_OP_CREATE : PS_OP_UPDATE,
                                 .parent_count = parent_count,
                                 .fields = fields};
    if (parent_count > 0) {
        memcpy(change.parents, parents, parent_count * sizeof *parents);
    }
    return past_add(&past, &change);
}

static size_t create(unsigned device, const char *fields)
{
    return add(device, literal(fields), 0, NULL);
}

static size_t edit(unsigned device, const char *fields, size_t parent)
{
    return add(device, literal(fields), 1, &parent);
}

static size_t merge(unsigned device, const char *fields, size_t a, size_t b)
{
    return add(device, literal(fields), 2, (const size_t[]){a, b});
}

static size_t answer(unsigned device, const char *fields, size_t a, size_t b)
{
    struct past_change change = {.device = device,
                                 .op_and_flags = PS_OP_UPDATE | PS_CHANGE_AUTO,
                                 .parent_count = a == b ? 1 : 2,
                                 .parents = {a, b},
                                 .fields = literal(fields)};
    return past_add(&past, &change);
}

/* ---- folding some of what was added ---- */

static void begin(void)
{
    past_begin(&past);
    past_play(&past);
    ps_fold_init(&fold, &past.txn, past.collection, &rules);
    folded = (struct ps_folded){.state = PS_RECORD_DELETED};
    ps_buf_init(&folded.value, PS_VALUE_SIZE_MAX);
}

static void end(void)
{
    ps_buf_deinit(&folded.value);
    ps_fold_deinit(&fold);
    past_abort(&past);
    past_clear(&past);
    literal_clear();
}

static struct ps_ancestor_set set_of(size_t count, const size_t *changes)
{
    struct ps_ancestor_set set = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        uint32_t index = 0;
        p2psync_result result =
            ps_ancestry_find(&fold.ancestry, &past.entries[changes[i]].name, &index);
        cr_assert_eq(result, P2PSYNC_OK);
        ps_ancestry_add(&fold.ancestry, &set, index);
    }
    return set;
}
#define SET(...)                                                                                   \
    set_of(sizeof((size_t[]){__VA_ARGS__}) / sizeof(size_t), (const size_t[]){__VA_ARGS__})

static bool is_set(const struct ps_ancestor_set *set, struct ps_ancestor_set expected)
{
    return set->count == expected.count &&
           memcmp(set->index, expected.index, set->count * sizeof set->index[0]) == 0;
}

static void check_fold(struct ps_ancestor_set set, const char *expected)
{
    cr_assert_eq(ps_fold(&fold, &set, &folded), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(ps_buf_view(&folded.value), literal(expected)), "%s", expected);
}

static void check_base(struct ps_ancestor_set set, const char *expected)
{
    bool found = false;
    ps_buf_clear(&folded.value);
    cr_assert_eq(ps_fold_base(&fold, &set, &folded, &found), P2PSYNC_OK);
    cr_assert_eq(found, expected != NULL);
    if (expected != NULL) {
        cr_assert(ps_bytes_equal(ps_buf_view(&folded.value), literal(expected)), "%s", expected);
    }
}

Test(fold, of_one_change_is_its_value_also_if_it_must_be_rebuilt)
{
    size_t a = create(0, "{n: 1, x: 1}");
    size_t b = edit(0, "{n: 2}", a);
    (void)edit(1, "{n: 3}", b);
    begin();
    check_fold(SET(b), "{n: 2, x: 1}");
    end();
}

Test(fold, takes_versions_in_order_each_two_with_the_base_of_both)
{
    size_t a = create(0, "{n: 10, x: 1, y: 1}");
    size_t b = edit(0, "{n: 11}", a);
    size_t c = edit(1, "{n: 15, x: 2}", a);
    size_t d = edit(2, "{n: 12, y: 2}", b);
    begin();
    check_fold(SET(d, c), "{n: 17, x: 2, y: 2}");
    cr_assert_not(folded.notes.conflict);
    check_base(SET(d, c), "{n: 10, x: 1, y: 1}");
    end();
}

Test(fold, of_changes_with_nothing_in_common_has_no_base)
{
    size_t a = create(0, "{n: 1, x: 1}");
    size_t b = create(1, "{n: 2, y: 1}");
    size_t c = create(2, "{n: 4, z: 1}");
    begin();
    check_fold(SET(a, b, c), "{n: 7, x: 1, y: 1, z: 1}");
    check_base(SET(a, b, c), NULL);
    end();
}

/* Two devices merge the same two edits, and both go on: the base is the merge of the two edits, and
 * neither of them. */
Test(fold, of_crossing_merges_counts_each_edit_once)
{
    size_t a = create(0, "{n: 0}");
    size_t b = edit(0, "{n: 1}", a);
    size_t c = edit(1, "{n: 10}", a);
    size_t left = merge(0, "{n: 111}", b, c);
    size_t right = merge(1, "{n: 1011}", c, b);
    begin();
    check_base(SET(left, right), "{n: 11}");
    check_fold(SET(left, right), "{n: 1111}");
    cr_assert_eq(fold.memo_count, 1, "the base is folded once");
    end();
}

/* The example of store/merge/MERGE.md, to the letter. */
Test(fold, example_of_the_page_holds)
{
    size_t a = create(0, "{item: 'milk', n: 1}");
    size_t b = edit(0, "{n: 3}", a);
    size_t c = edit(1, "{item: 'oat milk', n: 2}", a);
    size_t d = merge(0, "{item: 'oat milk', n: 5}", b, c);
    size_t e = merge(1, "{item: 'oat milk', n: 14}", b, c);
    begin();
    check_base(SET(b, c), "{item: 'milk', n: 1}");
    check_fold(SET(b, c), "{item: 'oat milk', n: 4}");
    cr_assert_not(folded.notes.conflict);
    check_base(SET(d, e), "{item: 'oat milk', n: 4}");
    check_fold(SET(d, e), "{item: 'oat milk', n: 15}");
    cr_assert_not(folded.notes.conflict);
    end();
}

/* What both see is what both began from: three devices, each of which merges the other two. */
Test(fold, of_three_common_ancestors_has_their_fold_as_its_base)
{
    size_t a = create(0, "{n: 0}");
    size_t e[3] = {edit(0, "{n: 1}", a), edit(1, "{n: 2}", a), edit(2, "{n: 4}", a)};
    size_t left = add(3, literal("{n: 17}"), 3, e);
    size_t right = add(4, literal("{n: 39}"), 3, e);
    begin();
    check_base(SET(left, right), "{n: 7}");
    check_fold(SET(left, right), "{n: 49}");
    end();
}

/* A delete is a base with nothing in it. */
Test(fold, of_restored_records_starts_from_nothing)
{
    size_t a = create(0, "{n: 5, x: 1}");
    struct past_change gone = {
        .device = 1, .op_and_flags = PS_OP_DELETE, .parent_count = 1, .parents = {a}};
    size_t b = past_add(&past, &gone);
    size_t c = edit(0, "{n: 2}", b);
    size_t d = edit(2, "{n: 3}", b);
    begin();
    check_fold(SET(c, d), "{n: 5}");
    end();
}

/* Two devices raise a counter by 1 and by 1,000 each time, on top of a merge that each made of the
 * other's last one: after 300 rounds nothing is lost, or counted twice. */
Test(fold, counters_stay_exact_through_300_rounds_of_crossing_merges)
{
    struct ps_buf buf;
    ps_buf_init(&buf, 64);
    size_t start = add(0, case_fields(&buf, "n", 0), 0, NULL);
    size_t tips[2] = {add(0, case_fields(&buf, "n", 1), 1, &start),
                      add(1, case_fields(&buf, "n", 1000), 1, &start)};
    for (int64_t round = 1; round <= 300; round++) {
        int64_t all = round * 1001;
        size_t left = add(0, case_fields(&buf, "n", all + 1), 2, tips);
        size_t right = add(1, case_fields(&buf, "n", all + 1000), 2, tips);
        tips[0] = left;
        tips[1] = right;
    }
    begin();
    struct ps_ancestor_set set = SET(tips[0], tips[1]);
    cr_assert_eq(ps_fold(&fold, &set, &folded), P2PSYNC_OK);
    cr_assert(
        ps_bytes_equal(ps_buf_view(&folded.value), case_fields(&buf, "n", INT64_C(301) * 1001)));
    cr_assert_eq(fold.memo_count, 300);
    end();
    ps_buf_deinit(&buf);
}

/* ---- automatic answers ---- */

Test(fold, of_several_automatic_answers_only_the_last_counts)
{
    size_t a = create(0, "{x: 1}");
    size_t b = edit(0, "{x: 2}", a);
    size_t c = edit(1, "{x: 3}", a);
    size_t first = answer(2, "{x: 20}", b, c);
    size_t last = answer(3, "{x: 30}", c, b);
    begin();
    struct ps_ancestor_set set = SET(first, last);
    cr_assert_eq(ps_fold_effective(&fold, &set), P2PSYNC_OK);
    cr_assert_eq(set.count, 1);
    /* Of the same time: the greater origin is the last one. */
    bool exchanged = ps_dot_compare(past.entries[first].name.dot, past.entries[last].name.dot) > 0;
    cr_assert(is_set(&set, exchanged ? SET(first) : SET(last)));
    check_fold(set, exchanged ? "{x: 20}" : "{x: 30}");
    cr_assert_not(folded.notes.conflict);
    end();
}

/* One answered b and c, the later one only c and d: b would be lost with the first answer. */
Test(fold, what_only_a_dropped_answer_answered_comes_back)
{
    size_t a = create(0, "{x: 1}");
    size_t b = edit(0, "{b: 1}", a);
    size_t c = edit(1, "{c: 1}", a);
    size_t d = edit(2, "{d: 1}", a);
    d = edit(2, "{d: 2}", d);
    size_t first = answer(3, "{x: 1, b: 1, c: 1}", b, c);
    size_t last = answer(4, "{x: 1, c: 1, d: 2}", c, d);
    begin();
    struct ps_ancestor_set set = SET(first, last);
    cr_assert_eq(ps_fold_effective(&fold, &set), P2PSYNC_OK);
    cr_assert(is_set(&set, SET(last, b)));
    check_fold(set, "{b: 1, c: 1, d: 2, x: 1}");
    end();
}

/* What comes back may be an answer itself, which does not count either. */
Test(fold, answers_to_answers_are_dropped_down_to_the_edits_of_persons)
{
    size_t a = create(0, "{x: 1}");
    size_t b = edit(0, "{b: 1}", a);
    size_t c = edit(1, "{c: 1}", a);
    size_t d = edit(2, "{d: 1}", a);
    size_t e = edit(3, "{e: 1}", a);
    size_t inner = answer(4, "{x: 1, b: 1, c: 1}", b, c);
    size_t outer = answer(4, "{x: 1, b: 1, c: 1, d: 1}", inner, d);
    size_t other = edit(3, "{e: 2}", edit(3, "{e: 3}", e));
    size_t last = answer(5, "{x: 9}", other, other);
    begin();
    struct ps_ancestor_set set = SET(outer, last);
    cr_assert_eq(ps_fold_effective(&fold, &set), P2PSYNC_OK);
    cr_assert(is_set(&set, SET(last, b, c, d)));
    end();
}

Test(fold, edit_of_a_person_prevails_over_a_later_answer)
{
    size_t a = create(0, "{x: 1}");
    size_t b = edit(0, "{x: 2}", a);
    size_t c = edit(1, "{x: 3}", a);
    size_t mine = edit(2, "{x: 4}", a);
    size_t automatic = answer(3, "{x: 5}", b, c);
    cr_assert_gt(past.entries[automatic].hlc, past.entries[mine].hlc);
    begin();
    check_fold(SET(automatic, mine), "{x: 4}");
    cr_assert(folded.notes.conflict);
    end();
}

/* Random answers among random edits: whatever a person wrote is in a member, or before one that
 * is no dropped answer. */
Test(fold, no_edit_of_a_person_is_lost_to_dropped_answers)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct prng prng = prng_new(seed, 7);
        uint64_t before[40] = {0};
        bool named[40] = {false};
        (void)create(0, "{x: 1}");
        for (size_t i = 1; i < 40; i++) {
            struct past_change change = {.device = (unsigned)prng_below(&prng, 8),
                                         .op_and_flags = PS_OP_UPDATE,
                                         .parent_count = 1,
                                         .fields = literal("{x: 2}")};
            change.parents[0] = i - 1 - prng_below(&prng, i < 8 ? i : 8);
            size_t second = i - 1 - prng_below(&prng, i < 8 ? i : 8);
            if (prng_chance(&prng, 600) && second != change.parents[0]) {
                change.parents[1] = second;
                change.parent_count = 2;
                change.op_and_flags |= prng_chance(&prng, 700) ? PS_CHANGE_AUTO : 0;
            }
            for (size_t p = 0; p < change.parent_count; p++) {
                before[i] |= before[change.parents[p]] | UINT64_C(1) << change.parents[p];
                named[change.parents[p]] = true;
            }
            (void)past_add(&past, &change);
        }
        begin();
        size_t versions[40];
        size_t count = 0;
        for (size_t i = 0; i < 40; i++) {
            versions[count] = i;
            count += named[i] ? 0 : 1;
        }
        struct ps_ancestor_set set = set_of(count, versions);
        cr_assert_eq(ps_fold_effective(&fold, &set), P2PSYNC_OK);
        uint64_t held = 0;
        unsigned answers = 0;
        for (size_t m = 0; m < set.count; m++) {
            const struct ps_ancestor *member = &fold.ancestry.list[set.index[m]];
            answers += member->is_auto ? 1 : 0;
            for (size_t i = 0; i < 40; i++) {
                if (ps_dot_compare(member->name.dot, past.entries[i].name.dot) == 0) {
                    held |= before[i] | UINT64_C(1) << i;
                }
            }
        }
        cr_assert_leq(answers, 1);
        for (size_t i = 0; i < 40; i++) {
            bool automatic = (past.entries[i].op_and_flags & PS_CHANGE_AUTO) != 0;
            cr_assert(automatic || (held >> i & 1) != 0, "seed %u, change %zu", (unsigned)seed, i);
        }
        end();
    }
}

/* ---- limits ---- */

/* `rounds` of crossing merges, each of which needs the fold of the ones before. */
static void cross(size_t tips[2], unsigned rounds, const char *fields)
{
    size_t start = create(0, fields);
    tips[0] = edit(0, "{n: 1}", start);
    tips[1] = edit(1, "{n: 10}", start);
    for (unsigned i = 0; i < rounds; i++) {
        size_t left = merge(0, fields, tips[0], tips[1]);
        size_t right = merge(1, fields, tips[0], tips[1]);
        tips[0] = left;
        tips[1] = right;
    }
}

Test(fold, of_more_sets_than_the_limit_takes_a_last_change_as_base)
{
    size_t tips[2];
    struct ps_buf first;
    ps_buf_init(&first, PS_VALUE_SIZE_MAX);
    cross(tips, PS_FOLDS_MAX + 5, "{n: 1}");
    begin();
    struct ps_ancestor_set set = SET(tips[0], tips[1]);
    cr_assert_eq(ps_fold(&fold, &set, &folded), P2PSYNC_OK);
    cr_assert_eq(fold.memo_count, PS_FOLDS_MAX);
    cr_assert_eq(ps_buf_append(&first, folded.value.data, folded.value.size), P2PSYNC_OK);
    ps_fold_deinit(&fold);
    ps_fold_init(&fold, &past.txn, past.collection, &rules);
    ps_buf_clear(&folded.value);
    set = SET(tips[1], tips[0]);
    cr_assert_eq(ps_fold(&fold, &set, &folded), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(ps_buf_view(&first), ps_buf_view(&folded.value)));
    ps_buf_deinit(&first);
    end();
}

/* Three changes on top of three: two merges each. */
Test(fold, counts_merges_and_not_sets)
{
    size_t tips[3] = {create(0, "{n: 1}"), create(1, "{n: 2}"), create(2, "{n: 3}")};
    for (unsigned i = 0; i < PS_FOLDS_MAX / 2 + 5; i++) {
        size_t next[3] = {add(0, literal("{n: 1}"), 3, tips), add(1, literal("{n: 2}"), 3, tips),
                          add(2, literal("{n: 3}"), 3, tips)};
        memcpy(tips, next, sizeof tips);
    }
    begin();
    struct ps_ancestor_set set = SET(tips[0], tips[1], tips[2]);
    cr_assert_eq(ps_fold(&fold, &set, &folded), P2PSYNC_OK);
    cr_assert_eq(fold.memo_count, PS_FOLDS_MAX / 2);
    end();
}

/* Two chains of answers to answers. */
Test(fold, takes_back_no_more_answers_than_the_limit)
{
    size_t start = create(0, "{n: 1}");
    size_t tips[2] = {answer(0, "{n: 2}", start, start), answer(1, "{n: 3}", start, start)};
    for (unsigned i = 0; i < PS_ANSWERS_MAX + 1; i++) {
        bool full = i % (PS_CHAIN_MAX - 1) == 0;
        for (unsigned device = 0; device < 2; device++) {
            struct past_change change = {.device = device,
                                         .op_and_flags = PS_OP_UPDATE | PS_CHANGE_AUTO |
                                                         (full ? PS_CHANGE_FULL : 0U),
                                         .parent_count = 1,
                                         .parents = {tips[device]},
                                         .fields = literal("{n: 2}")};
            tips[device] = past_add(&past, &change);
        }
    }
    begin();
    struct ps_ancestor_set set = SET(tips[0], tips[1]);
    uint32_t last = set.index[1];
    cr_assert_eq(ps_fold_effective(&fold, &set), P2PSYNC_OK);
    cr_assert_eq(set.count, 2, "two are left that are automatic");
    cr_assert_eq(set.index[1], last);
    end();
}

/* {"n": 1, "b": bin of `size`} */
static struct ps_bytes large(struct ps_buf *buf, size_t size)
{
    struct ps_writer writer;
    static uint8_t bytes[PS_VALUE_SIZE_MAX];
    ps_buf_init(buf, PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, buf);
    ps_write_map(&writer, 2);
    ps_write_text(&writer, "b");
    ps_write_bin(&writer, ps_bytes(bytes, size));
    ps_write_text(&writer, "n");
    ps_write_uint(&writer, 1);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    return ps_buf_view(buf);
}

/* 40 sets of 1 MiB each, of which 16 MiB are kept. */
Test(fold, keeps_no_more_bytes_than_the_limit)
{
    struct ps_buf buf;
    struct ps_bytes value = large(&buf, PS_VALUE_SIZE_MAX - 64);
    size_t start = add(0, value, 0, NULL);
    size_t tips[2] = {edit(0, "{n: 2}", start), edit(1, "{n: 11}", start)};
    for (unsigned i = 0; i < 40; i++) {
        size_t left = add(0, value, 2, tips);
        size_t right = add(1, value, 2, tips);
        tips[0] = left;
        tips[1] = right;
    }
    begin();
    struct ps_ancestor_set set = SET(tips[0], tips[1]);
    cr_assert_eq(ps_fold(&fold, &set, &folded), P2PSYNC_OK);
    cr_assert_leq(fold.memo_bytes, PS_FOLDS_SIZE_MAX);
    cr_assert_gt(fold.memo_bytes, PS_FOLDS_SIZE_MAX - PS_VALUE_SIZE_MAX);
    cr_assert_gt(folded.value.size, PS_VALUE_SIZE_MAX / 2);
    end();
    ps_buf_deinit(&buf);
}

/* 20 sets as above, of which each member is rebuilt from a chain of ten bodies. */
Test(fold, reads_no_more_bytes_than_the_limit)
{
    struct ps_buf buf;
    struct ps_bytes value = large(&buf, PS_VALUE_SIZE_MAX - 64);
    size_t start = add(0, value, 0, NULL);
    size_t tips[2] = {edit(0, "{n: 2}", start), edit(1, "{n: 11}", start)};
    for (unsigned i = 0; i < 20; i++) {
        size_t next[2] = {add(0, value, 2, tips), add(1, value, 2, tips)};
        for (unsigned link = 0; link < 9; link++) {
            next[0] = add(0, value, 1, &next[0]);
            next[1] = add(1, value, 1, &next[1]);
        }
        memcpy(tips, next, sizeof tips);
    }
    begin();
    struct ps_ancestor_set set = SET(tips[0], tips[1]);
    cr_assert_eq(ps_fold(&fold, &set, &folded), P2PSYNC_OK);
    cr_assert_gt(fold.read_bytes, PS_FOLD_READ_MAX);
    cr_assert_leq(fold.read_bytes, PS_FOLD_READ_MAX + 3 * 11 * PS_VALUE_SIZE_MAX);
    cr_assert(folded.notes.conflict && folded.notes.open);
    struct ps_side last;
    cr_assert_eq(ps_fold_side(&fold, set.index[1], &fold.scratch[0], &last), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(ps_buf_view(&folded.value), last.value));
    end();
    ps_buf_deinit(&buf);
}

/* 30 edits of one value. It is read once, and counted as often as the format says. */
Test(fold, base_of_many_is_built_once)
{
    struct ps_buf buf;
    size_t edits[30];
    struct ps_ancestor_set set = {.count = 0};
    struct ps_bytes value = large(&buf, PS_VALUE_SIZE_MAX / 4);
    size_t start = add(0, value, 0, NULL);
    for (size_t i = 0; i < 30; i++) {
        edits[i] = edit(i % 2, i % 2 == 0 ? "{n: 2}" : "{x: 2}", start);
    }
    begin();
    set = set_of(30, edits);
    cr_assert_eq(ps_fold(&fold, &set, &folded), P2PSYNC_OK);
    cr_expect_gt(fold.read_bytes, UINT64_C(29) * 4 * value.size);
    cr_expect_lt(fold.built_bytes, 64 * (uint64_t)value.size, "each edit, and the base, once");
    end();
    ps_buf_deinit(&buf);
}

/* Three changes after three, so that the third one of a set has another base than the first two:
 * the fold of these, 1 MiB, waits for that of the three before. */
Test(fold, waits_with_no_more_bytes_than_the_limit)
{
    struct ps_buf buf;
    struct past_change change = {
        .op_and_flags = PS_OP_CREATE, .hlc = 1, .fields = large(&buf, PS_VALUE_SIZE_MAX - 64)};
    size_t start = past_add(&past, &change);
    size_t tips[3] = {start, start, start};
    change.op_and_flags = PS_OP_UPDATE;
    for (unsigned i = 0; i < 40; i++) {
        static const size_t seen[3][3] = {{0, 2}, {1, 2}, {0, 1, 2}};
        size_t next[3];
        for (unsigned device = 0; device < 3; device++) {
            change.device = device;
            change.hlc = 10 + 3 * i + device;
            change.parent_count = i == 0 ? 1 : device < 2 ? 2 : 3;
            for (size_t p = 0; p < change.parent_count; p++) {
                change.parents[p] = tips[seen[device][p]];
            }
            next[device] = past_add(&past, &change);
        }
        memcpy(tips, next, sizeof tips);
    }
    begin();
    struct ps_ancestor_set set = SET(tips[0], tips[1], tips[2]);
    cr_assert_eq(ps_fold(&fold, &set, &folded), P2PSYNC_OK);
    cr_assert_leq(fold.memo_bytes, PS_FOLDS_SIZE_MAX);
    cr_assert_leq(fold.memo_count, PS_FOLDS_SIZE_MAX / (PS_VALUE_SIZE_MAX - 100));
    end();
    ps_buf_deinit(&buf);
}
