/* The vectors of merges, which another program computed from store/merge/MERGE.md: of two values,
 * and of whole records with their past. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "store/apply/slots.h"
#include "store/merge/fields.h"
#include "tests/lib/past.h"
#include "tests/wire/vector.h"
#include "wire/codec.h"

static struct vector vector;

/* ---- two values ---- */

static struct ps_side side_of(const char *value, const char *state)
{
    return (struct ps_side){.state = (ps_record_state)vector_uint(&vector, state),
                            .value = vector_get(&vector, value)};
}

static void check_fields(const char *name)
{
    struct ps_rules rules;
    struct ps_buf out;
    ps_record_state state = PS_RECORD_LIVE;
    struct ps_merge_notes notes = {.conflict = false};
    vector_read(&vector, name);
    struct ps_sides sides = {.base = side_of("base", "base_state"),
                             .earlier = side_of("earlier", "earlier_state"),
                             .later = side_of("later", "later_state")};
    ps_buf_init(&out, PS_VALUE_SIZE_MAX);
    cr_assert_eq(ps_rules_parse(vector_get(&vector, "settings"), &rules), P2PSYNC_OK);
    cr_assert_eq(ps_fields_merge(&rules, &sides, &out, &state, &notes), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(ps_buf_view(&out), vector_get(&vector, "merged")), "%s", name);
    cr_assert_eq(state, vector_uint(&vector, "merged_state"), "%s", name);
    cr_assert_eq(notes.conflict, vector_uint(&vector, "conflict") == 1, "%s", name);
    cr_assert_eq(notes.open, vector_uint(&vector, "open") == 1, "%s", name);
    ps_rules_deinit(&rules);
    ps_buf_deinit(&out);
    vector_free(&vector);
}

Test(merge_vectors, values_are_merged_as_in_them, .timeout = 300)
{
    static const char *const names[] = {
        "merge_fields_last_write_wins",
        "merge_fields_nested",
        "merge_fields_counter",
        "merge_fields_counter_floats",
        "merge_fields_max",
        "merge_fields_min",
        "merge_fields_union",
        "merge_fields_text",
        "merge_fields_restored",
        "merge_fields_archived",
        "merge_fields_edit_beats_delete",
        "merge_fields_archived_or_not",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_fields(names[i]);
    }
}

/* ---- records ---- */

static struct store_case here;
static struct past past;

static void setup(void)
{
    here.map_size = UINT64_C(256) * 1024 * 1024;
    case_open(&here, 1);
    past_open(&past, &here, 8);
}

static void teardown(void)
{
    past_close(&past);
    case_close(&here);
}

TestSuite(record_vectors, .init = setup, .fini = teardown, .timeout = 300);

/* [device, op_and_flags, hlc, [index of a parent, ...], fields], one after the other. */
static void read_changes(struct ps_bytes changes)
{
    struct ps_reader reader;
    uint64_t count = vector_uint(&vector, "count");
    ps_reader_init(&reader, changes);
    past_clear(&past);
    for (uint64_t i = 0; i < count; i++) {
        struct past_change change = {.device = 0};
        cr_assert_eq(ps_read_array(&reader), 5);
        change.device = (unsigned)ps_read_uint(&reader);
        change.op_and_flags = (uint32_t)ps_read_uint(&reader);
        change.hlc = ps_read_uint(&reader);
        change.parent_count = ps_read_array(&reader);
        for (size_t p = 0; p < change.parent_count; p++) {
            change.parents[p] = (size_t)ps_read_uint(&reader);
        }
        change.fields = ps_read_value(&reader, PS_DEPTH_MAX);
        (void)past_add(&past, &change);
    }
    cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_OK);
}

static void check_copies(const char *name)
{
    struct ps_reader reader;
    struct ps_record_row row;
    bool expected[PAST_CHANGES_MAX] = {false};
    ps_reader_init(&reader, vector_get(&vector, "copies"));
    uint32_t count = ps_read_array(&reader);
    for (uint32_t i = 0; i < count; i++) {
        expected[ps_read_uint(&reader)] = true;
    }
    cr_assert_eq(ps_record_get(&past.txn, past.collection, ps_bytes_text(PAST_RECORD), &row),
                 P2PSYNC_OK);
    for (uint32_t v = 0; v < row.version_count; v++) {
        struct ps_version version;
        ps_record_version(&row, v, &version);
        for (size_t i = 0; i < past.count; i++) {
            if (ps_dot_compare(version.dot, past.entries[i].name.dot) == 0) {
                cr_assert_eq(version.is_copy, expected[i], "%s: %zu", name, i);
            }
        }
    }
}

static void check_record(const char *name)
{
    struct ps_view view;
    vector_read(&vector, name);
    read_changes(vector_get(&vector, "changes"));
    past_begin(&past);
    past_set_rules(&past, vector_get(&vector, "settings"));
    past_play(&past);
    past_view(&past, &view);
    uint64_t winner = vector_uint(&vector, "winner");
    cr_assert_eq(view.state, vector_uint(&vector, "state"), "%s", name);
    cr_assert(ps_bytes_equal(view.value, vector_get(&vector, "shown")), "%s", name);
    cr_assert_eq(ps_dot_compare(view.winner.dot, past.entries[winner].name.dot), 0, "%s", name);
    cr_assert_eq(view.conflict, vector_uint(&vector, "conflict") == 1, "%s", name);
    cr_assert_eq(view.open, vector_uint(&vector, "open") == 1, "%s", name);
    check_copies(name);
    past_abort(&past);
    vector_free(&vector);
}

Test(record_vectors, are_shown_as_in_them)
{
    static const char *const names[] = {
        "merge_record_crossing",          "merge_record_three_bases",
        "merge_record_nothing_common",    "merge_record_deleted_base",
        "merge_record_three_versions",    "merge_record_answers",
        "merge_record_answers_disagree",  "merge_record_answer_to_answer",
        "merge_record_answer_and_person", "merge_record_keep_both",
        "merge_record_last_write_wins",   "merge_record_manual",
        "merge_record_overlap",           "merge_record_tie",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_record(names[i]);
    }
}

static uint32_t read_version(struct ps_reader *reader, struct ps_version *out)
{
    *out = (struct ps_version){.hlc = 0};
    uint32_t count = ps_read_array(reader);
    out->hlc = ps_read_uint(reader);
    ps_read_bin_exact(reader, out->dot.origin.bytes, PS_TAG_SIZE);
    out->dot.seq = ps_read_uint(reader);
    ps_read_bin_exact(reader, out->leaf, sizeof out->leaf);
    return count;
}

/* Whatever the order in which they came: here each time another one is the first. */
Test(record_vectors, stand_in_their_order)
{
    struct ps_version ordered[16];
    struct ps_reader reader;
    vector_read(&vector, "version_order");
    uint64_t count = vector_uint(&vector, "count");
    cr_assert_leq(count, sizeof ordered / sizeof *ordered);
    ps_reader_init(&reader, vector_get(&vector, "versions"));
    for (uint64_t i = 0; i < count; i++) {
        cr_assert_eq(read_version(&reader, &ordered[i]), 4);
    }
    cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_OK);
    for (uint64_t first = 0; first < count; first++) {
        struct ps_slots slots = {.count = 0};
        for (uint64_t i = 0; i < count; i++) {
            cr_assert_eq(ps_slots_add(&slots, &ordered[(first + 2 * count - i) % count]),
                         P2PSYNC_OK);
        }
        ps_slots_sort(&slots);
        for (uint64_t i = 0; i < count; i++) {
            cr_assert_eq(slots.items[i].version.hlc, ordered[i].hlc, "at %" PRIu64, i);
            cr_assert_eq(ps_dot_compare(slots.items[i].version.dot, ordered[i].dot), 0);
            cr_assert_eq(memcmp(slots.items[i].version.leaf, ordered[i].leaf, PS_HASH_SHORT_SIZE),
                         0);
        }
        ps_slots_deinit(&slots);
    }
    vector_free(&vector);
}

/* Limits, in pairs: what just holds, and what is one byte, or one step, over. */
Test(record_vectors, that_fill_the_room_of_what_is_folded_are_shown_as_in_them)
{
    check_record("merge_record_room_filled");
    check_record("merge_record_room_passed");
    check_record("merge_record_room_waiting");
    check_record("merge_record_room_waiting_passed");
}

Test(record_vectors, of_values_that_are_too_large_or_sealed_are_shown_as_in_them)
{
    check_record("merge_record_value_filled");
    check_record("merge_record_value_passed");
    check_record("merge_record_sealed");
}

Test(record_vectors, that_use_up_what_searches_may_cost_are_shown_as_in_them)
{
    check_record("merge_record_search_found");
    check_record("merge_record_search_given_up");
}

Test(record_vectors, that_use_up_what_may_be_read_are_shown_as_in_them)
{
    check_record("merge_record_read_filled");
    check_record("merge_record_read_passed");
}
