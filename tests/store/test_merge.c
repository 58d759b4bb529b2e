/* What every strategy and rule must keep to, whatever the values: laws over random maps, and what
 * each strategy shows of the versions of a record. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "store/merge/fields.h"
#include "tests/lib/literal.h"
#include "tests/lib/past.h"

#define ROUNDS 20000U

static struct store_case here;
static struct past past;
static struct prng prng;

static void setup(void)
{
    case_open(&here, 1);
    past_open(&past, &here, 4);
    prng = prng_new(1, 0);
}

static void teardown(void)
{
    past_close(&past);
    case_close(&here);
}

TestSuite(merge, .init = setup, .fini = teardown, .timeout = 300);

/* ---- laws of merging values ---- */

#define RULES                                                                                      \
    "{field.count: 'counter', field.high: 'max', field.low: 'min', field.set: 'union',"            \
    " field.text: 'text'}"

static const char *const names[] = {"count", "high", "low", "other", "set", "text"};
#define NAMES (sizeof(names) / sizeof(*names))

/* A value of any type, mostly of the one that the field's rule is for. */
static const char *random_value(size_t field)
{
    static const char *const numbers[] = {"1", "2", "-7", "2.5", "18446744073709551615", "inf"};
    static const char *const arrays[] = {"[]", "[1]", "[1, 2]", "[2, 1, 1]", "[[1], {a: 1}]"};
    static const char *const texts[] = {"''", "'a\nb\n'", "'a\nc\n'", "'x\na\nb\n'", "'b\n'"};
    static const char *const others[] = {"nil", "true", "{a: 1}", "{a: 2, b: 1}", "{b: {c: 3}}"};
    size_t type = prng_chance(&prng, 200) ? prng_below(&prng, NAMES) : field;
    if (type < 3) {
        return numbers[prng_below(&prng, 6)];
    }
    return type == 3   ? others[prng_below(&prng, 5)]
           : type == 4 ? arrays[prng_below(&prng, 5)]
                       : texts[prng_below(&prng, 5)];
}

struct values {
    const char *field[NAMES]; /* NULL: it has none */
};

static struct values random_values(void)
{
    struct values values = {.field = {NULL}};
    for (size_t i = 0; i < NAMES; i++) {
        values.field[i] = prng_chance(&prng, 800) ? random_value(i) : NULL;
    }
    return values;
}

/* Some fields of `from`, each with its chance of another value. */
static struct values edited(const struct values *from, unsigned per_mille)
{
    struct values values = *from;
    for (size_t i = 0; i < NAMES; i++) {
        if (prng_chance(&prng, per_mille)) {
            values.field[i] = prng_chance(&prng, 800) ? random_value(i) : NULL;
        }
    }
    return values;
}

static struct ps_bytes write_values(const struct values *values)
{
    char text[512] = "{";
    for (size_t i = 0; i < NAMES; i++) {
        if (values->field[i] != NULL) {
            (void)snprintf(text + strlen(text), sizeof text - strlen(text), "%s: %s, ", names[i],
                           values->field[i]);
        }
    }
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "}");
    return literal(text);
}

static struct ps_rules rules;
static struct ps_buf merged;
static struct ps_merge_notes notes;

static void merge(struct ps_bytes base, struct ps_bytes earlier, struct ps_bytes later)
{
    struct ps_sides sides = {
        .base = {.value = base}, .earlier = {.value = earlier}, .later = {.value = later}};
    ps_record_state state = PS_RECORD_DELETED;
    ps_buf_clear(&merged);
    notes = (struct ps_merge_notes){.conflict = false};
    cr_assert_eq(ps_fields_merge(&rules, &sides, &merged, &state, &notes), P2PSYNC_OK);
    cr_assert_eq(state, PS_RECORD_LIVE);
}

static void open_rules(void)
{
    setup();
    ps_buf_init(&merged, PS_VALUE_SIZE_MAX);
    p2psync_result result = ps_rules_parse(literal(RULES), &rules);
    cr_assert_eq(result, P2PSYNC_OK);
    literal_clear();
}

static void close_rules(void)
{
    ps_rules_deinit(&rules);
    ps_buf_deinit(&merged);
    teardown();
}

TestSuite(merge_laws, .init = open_rules, .fini = close_rules, .timeout = 300);

Test(merge_laws, merged_with_its_ancestor_a_version_is_itself)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct values base = random_values();
        struct values edit = edited(&base, 500);
        struct ps_bytes before = write_values(&base);
        struct ps_bytes after = write_values(&edit);
        merge(before, before, after);
        cr_assert(ps_bytes_equal(ps_buf_view(&merged), after), "round %u", round);
        cr_assert_not(notes.conflict);
        merge(before, after, before);
        cr_assert(ps_bytes_equal(ps_buf_view(&merged), after), "round %u", round);
        cr_assert_not(notes.conflict);
        literal_clear();
    }
}

static bool same_field(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

Test(merge_laws, nothing_that_one_side_changed_is_lost)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct values base = random_values();
        struct values sides[2] = {edited(&base, 400), edited(&base, 400)};
        merge(write_values(&base), write_values(&sides[0]), write_values(&sides[1]));
        for (size_t i = 0; i < NAMES; i++) {
            bool changed[2] = {!same_field(base.field[i], sides[0].field[i]),
                               !same_field(base.field[i], sides[1].field[i])};
            if (changed[0] && changed[1]) {
                continue;
            }
            const char *expected = changed[0] ? sides[0].field[i] : sides[1].field[i];
            struct ps_bytes value = ps_value_field(ps_buf_view(&merged), ps_bytes_text(names[i]));
            cr_assert(expected == NULL ? value.size == 0 : ps_bytes_equal(value, literal(expected)),
                      "round %u, %s", round, names[i]);
        }
        literal_clear();
    }
}

/* What is shown and whether it is a conflict may depend on which side is the later one only where
 * time decides, or the order of what both added. */
Test(merge_laws, sides_may_be_exchanged_where_time_does_not_decide)
{
    unsigned compared = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct values base = random_values();
        struct values sides[2] = {edited(&base, 300), edited(&base, 300)};
        struct ps_buf first;
        sides[0].field[4] = base.field[4]; /* unions keep the earlier side's order */
        ps_buf_init(&first, PS_VALUE_SIZE_MAX);
        merge(write_values(&base), write_values(&sides[0]), write_values(&sides[1]));
        bool conflict = notes.conflict;
        cr_assert_eq(ps_buf_append(&first, merged.data, merged.size), P2PSYNC_OK);
        merge(write_values(&base), write_values(&sides[1]), write_values(&sides[0]));
        cr_assert_eq(notes.conflict, conflict, "round %u", round);
        if (!conflict) {
            cr_assert(ps_bytes_equal(ps_buf_view(&first), ps_buf_view(&merged)), "round %u", round);
            compared++;
        }
        ps_buf_deinit(&first);
        literal_clear();
    }
    cr_assert_gt(compared, ROUNDS / 4);
}

/* ---- strategies ---- */

struct shown {
    const char *value;
    size_t winner; /* a change */
    bool conflict;
    bool open;
    unsigned copies; /* bits of versions, in their order */
};

static void check_shown(const char *settings, const struct shown *expected)
{
    struct ps_view view;
    struct ps_record_row row;
    unsigned copies = 0;
    past_begin(&past);
    past_set_rules(&past, literal(settings));
    past_play(&past);
    past_view(&past, &view);
    cr_assert_eq(ps_record_get(&past.txn, past.collection, ps_bytes_text(PAST_RECORD), &row),
                 P2PSYNC_OK);
    for (uint32_t i = 0; i < row.version_count; i++) {
        struct ps_version version;
        ps_record_version(&row, i, &version);
        copies |= version.is_copy ? 1U << i : 0;
    }
    cr_assert(ps_bytes_equal(view.value, literal(expected->value)), "%s", settings);
    cr_assert_eq(ps_dot_compare(view.winner.dot, past.entries[expected->winner].name.dot), 0, "%s",
                 settings);
    cr_assert_eq(view.conflict, expected->conflict, "%s", settings);
    cr_assert_eq(view.open, expected->open, "%s", settings);
    cr_assert_eq(copies, expected->copies, "%s", settings);
    past_abort(&past);
}

static size_t add(unsigned device, uint32_t op, const char *fields, size_t parent)
{
    struct past_change change = {.device = device,
                                 .op_and_flags = op,
                                 .hlc = 10 + past.count,
                                 .parent_count = past.count == 0 ? 0 : 1,
                                 .parents = {parent},
                                 .fields = literal(fields)};
    return past_add(&past, &change);
}

static const char *prefer(unsigned device)
{
    static char text[32 + PS_DEVICE_TEXT_SIZE];
    struct ps_identity identity = case_identity(2 + device, NULL);
    (void)snprintf(text, sizeof text, "{strategy: 'prefer:");
    ps_device_text(&identity.device, text + strlen(text));
    memcpy(text + strlen(text), "'}", 3);
    return text;
}

#define LAST_WINS "{strategy: 'last_write_wins'}"
#define MANUAL    "{strategy: 'manual'}"
#define KEEP_BOTH "{strategy: 'keep_both'}"

Test(merge, each_strategy_shows_what_it_says_of_three_versions)
{
    size_t a = add(0, PS_OP_CREATE, "{x: 1, y: 1}", 0);
    size_t b = add(0, PS_OP_UPDATE, "{x: 2}", a);
    size_t c = add(1, PS_OP_UPDATE, "{y: 2}", a);
    size_t d = add(2, PS_OP_UPDATE, "{z: 3}", a);
    check_shown("{}", &(struct shown){"{x: 2, y: 2, z: 3}", d, false, false, 0});
    check_shown(LAST_WINS, &(struct shown){"{x: 1, y: 1, z: 3}", d, true, false, 0});
    check_shown(MANUAL, &(struct shown){"{x: 1, y: 1, z: 3}", d, true, true, 0});
    check_shown(KEEP_BOTH, &(struct shown){"{x: 1, y: 1, z: 3}", d, true, true, 3});
    check_shown(prefer(0), &(struct shown){"{x: 2, y: 1}", b, true, false, 0});
    check_shown(prefer(1), &(struct shown){"{x: 1, y: 2}", c, true, false, 0});
    check_shown(prefer(3), &(struct shown){"{x: 1, y: 1, z: 3}", d, true, false, 0});
}

Test(merge, each_strategy_shows_what_it_says_of_an_edit_and_a_later_delete)
{
    size_t a = add(0, PS_OP_CREATE, "{x: 1}", 0);
    size_t b = add(0, PS_OP_UPDATE, "{x: 2}", a);
    size_t c = add(1, PS_OP_DELETE, "{}", a);
    struct ps_view view;
    check_shown("{}", &(struct shown){"{x: 2}", b, true, false, 0});
    check_shown(KEEP_BOTH, &(struct shown){"{x: 2}", b, false, false, 0});
    check_shown(prefer(0), &(struct shown){"{x: 2}", b, true, false, 0});
    static const char *const deleted[] = {LAST_WINS, MANUAL};
    for (size_t i = 0; i < 2; i++) {
        past_begin(&past);
        past_set_rules(&past, literal(deleted[i]));
        past_play(&past);
        past_view(&past, &view);
        cr_assert_eq(view.state, PS_RECORD_DELETED);
        cr_assert(view.conflict);
        cr_assert_eq(ps_dot_compare(view.winner.dot, past.entries[c].name.dot), 0);
        past_abort(&past);
    }
}

Test(merge, equal_values_are_no_conflict_by_any_strategy)
{
    size_t a = add(0, PS_OP_CREATE, "{x: 1, y: 1}", 0);
    (void)add(0, PS_OP_UPDATE, "{x: 2}", a);
    size_t c = add(1, PS_OP_UPDATE | PS_CHANGE_FULL, "{y: 1, x: 2}", a);
    static const char *const settings[] = {"{}", LAST_WINS, MANUAL, KEEP_BOTH};
    for (size_t i = 0; i < 4; i++) {
        check_shown(settings[i], &(struct shown){"{x: 2, y: 1}", c, false, false, 0});
    }
    check_shown(prefer(1), &(struct shown){"{x: 2, y: 1}", c, false, false, 0});
}

Test(merge, two_increments_to_the_same_number_are_two)
{
    size_t a = add(0, PS_OP_CREATE, "{x: 1}", 0);
    (void)add(0, PS_OP_UPDATE, "{x: 2}", a);
    size_t c = add(1, PS_OP_UPDATE, "{x: 2}", a);
    check_shown("{field.x: 'counter'}", &(struct shown){"{x: 3}", c, false, false, 0});
    check_shown("{}", &(struct shown){"{x: 2}", c, false, false, 0});
}

Test(merge, overlapping_texts_leave_a_record_open)
{
    size_t a = add(0, PS_OP_CREATE, "{t: 'a\n'}", 0);
    (void)add(0, PS_OP_UPDATE, "{t: 'b\n'}", a);
    size_t c = add(1, PS_OP_UPDATE, "{t: 'c\n'}", a);
    check_shown("{field.t: 'text'}", &(struct shown){"{t: 'b\nc\n'}", c, true, true, 0});
}

/* Two answers of devices that disagree: one of them counts, by every strategy, and nothing is a
 * conflict: none of them would answer again. */
Test(merge, automatic_answers_that_disagree_are_settled)
{
    size_t a = add(0, PS_OP_CREATE, "{x: 1}", 0);
    struct past_change answer = {
        .op_and_flags = PS_OP_UPDATE | PS_CHANGE_AUTO,
        .parent_count = 2,
        .parents = {add(0, PS_OP_UPDATE, "{x: 2}", a), add(1, PS_OP_UPDATE, "{x: 3}", a)}};
    answer.device = 2;
    answer.hlc = 50;
    answer.fields = literal("{x: 20}");
    (void)past_add(&past, &answer);
    answer.device = 3;
    answer.hlc = 60;
    answer.fields = literal("{x: 30}");
    size_t last = past_add(&past, &answer);
    static const char *const settings[] = {"{}", LAST_WINS, MANUAL, KEEP_BOTH};
    for (size_t i = 0; i < 4; i++) {
        check_shown(settings[i], &(struct shown){"{x: 30}", last, false, false, 0});
    }
    check_shown(prefer(2), &(struct shown){"{x: 30}", last, false, false, 0});
}
