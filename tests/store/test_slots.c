/* Many versions of one record: a batch that brings them all leaves the same as bringing them one by
 * one, and a resolution ends them all. */
#include <criterion/criterion.h>

#include "store/apply/slots.h"
#include "tests/lib/author.h"
#include "tests/lib/literal.h"
#include "tests/lib/past.h"

#define CHANGES 400

static struct store_case store;
static struct past past;
static struct prng prng;

static void setup(void)
{
    prng = prng_new(7, 0);
    case_open(&store, 1);
}

static void teardown(void)
{
    case_close(&store);
}

TestSuite(slots, .init = setup, .fini = teardown, .timeout = 300);

/* Most begin from nothing, at any time; some end one to three earlier ones. */
static void make_past(void)
{
    for (size_t i = 0; i < CHANGES; i++) {
        char text[32];
        struct past_change change = {.device = (unsigned)prng_below(&prng, 8),
                                     .hlc = 1 + prng_below(&prng, 1000),
                                     .op_and_flags = PS_OP_UPDATE};
        size_t ends = i > 20 && prng_chance(&prng, 300) ? 1 + prng_below(&prng, 3) : 0;
        while (change.parent_count < ends) {
            size_t parent = prng_below(&prng, i);
            bool named = false;
            for (size_t j = 0; j < change.parent_count; j++) {
                named = named || change.parents[j] == parent;
            }
            if (!named) {
                change.parents[change.parent_count] = parent;
                change.parent_count++;
            }
        }
        change.hlc = ends > 0 ? 0 : change.hlc;
        (void)snprintf(text, sizeof text, "{n: %zu}", i);
        change.fields = literal(text);
        (void)past_add(&past, &change);
    }
    literal_clear();
}

Test(slots, of_a_batch_come_to_what_one_by_one_comes_to)
{
    struct ps_buf batch;
    struct ps_buf single;
    ps_buf_init(&batch, UINT32_MAX);
    ps_buf_init(&single, UINT32_MAX);
    past_open(&past, &store, 8);
    make_past();
    past_begin(&past);
    past_play(&past);
    past_state(&past, &batch);
    past_abort(&past);
    past_begin(&past);
    for (size_t i = 0; i < past.count; i++) {
        past_bring(&past, i);
        past_apply(&past);
    }
    past_state(&past, &single);
    past_abort(&past);
    past_close(&past);
    cr_assert_gt(batch.size, (size_t)100 * 40);
    cr_assert(ps_bytes_equal(ps_buf_view(&batch), ps_buf_view(&single)));
    ps_buf_deinit(&single);
    ps_buf_deinit(&batch);
}

Test(slots, are_all_ended_by_one_resolution)
{
    static struct author author;
    author_init(&author, 100);
    author.collection = CASE_NOTES;
    for (size_t i = 0; i < 4 * PS_PARENTS_MAX + 7; i++) {
        (void)author_add(&author, &(struct author_change){.op_and_flags = PS_OP_CREATE,
                                                          .id = PAST_RECORD,
                                                          .hlc = 1 + prng_below(&prng, 1000),
                                                          .fields = literal("{n: 1}")});
    }
    author_deliver_all(&author, &store);
    (void)case_apply(&store);
    author_deinit(&author);
    cr_assert_eq(case_version_count(&store, PAST_RECORD), 4 * PS_PARENTS_MAX + 7);
    struct ps_dot dot;
    struct ps_written written;
    struct ps_edit edit = {
        .kind = PS_EDIT_RESOLVE, .id = ps_bytes_text(PAST_RECORD), .fields = literal("{n: 1234}")};
    struct ps_write write = {.collection = ps_bytes_text(CASE_NOTES),
                             .now_ms = 5000,
                             .edits = &edit,
                             .edit_count = 1,
                             .dots = &dot};
    cr_assert_eq(case_write(&store, &write, &written), P2PSYNC_OK);
    cr_assert_eq(written.changed, 1);
    cr_assert_eq(case_version_count(&store, PAST_RECORD), 1);
    cr_assert_eq(case_shown(&store, PAST_RECORD), 1234);
    struct ps_collection notes = case_collection(&store, CASE_NOTES);
    cr_assert_eq(notes.records, 1);
    cr_assert_eq(notes.conflicts, 0);

    /* Others see the same, and never a part of it. */
    struct store_case other = {.map_size = 0};
    struct exchange whole = {.prng = NULL};
    case_open(&other, 200);
    case_exchange(&store, &other, &whole);
    (void)case_apply(&other);
    cr_assert(case_same_records(&store, &other));
    cr_assert(case_logs_are_sound(&store));
    case_close(&other);
}
