/* Changes of a few records by a few authors, sound and not: whatever they are and however they
 * come, the same is applied and shown in the end, and a change of somebody else that comes after
 * them is applied like any other. */
#include <string.h>

#include "tests/fuzz/lot.h"
#include "tests/lib/literal.h"
#include "tests/lib/past.h"

#define AUTHORS     3
#define SOUND       AUTHORS /* the number of the author of what is sound */
#define CHANGES_MAX 48

/* NOLINTBEGIN(readability-identifier-naming): the names are those of libFuzzer. */
int LLVMFuzzerInitialize(const int *argc, const char *const *const *argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* NOLINTEND(readability-identifier-naming) */

static struct store_case here;
static struct past past;

static void end(void)
{
    past_close(&past);
    case_close(&here);
}

int LLVMFuzzerInitialize(const int *argc, const char *const *const *argv)
{
    (void)argc;
    (void)argv;
    case_open(&here, 1);
    past_open(&past, &here, AUTHORS + 1);
    return atexit(end);
}

static struct ps_bytes draw_rules(struct lot *lot)
{
    static const char *const rules[] = {
        "{}",
        "{strategy: 'last_write_wins'}",
        "{strategy: 'keep_both'}",
        "{strategy: 'manual'}",
        "{fields: {a: 'counter', b: 'union', c: 'text'}}",
        "{fields: {a: 'max', b: 'min', c: 'text'}}",
    };
    return literal(rules[lot_below(lot, sizeof rules / sizeof *rules)]);
}

static struct ps_bytes draw_fields(struct lot *lot)
{
    static const char *const fields[] = {
        "{a: 1}",
        "{a: -2.5, b: [1, 2]}",
        "{b: [2, 3, 'x']}",
        "{c: 'one two'}",
        "{c: 'one 2 two'}",
        "{a: {x: 1}, c: nil}",
        "{}",
        "{a: {x: {y: 2}}, b: 'b'}",
    };
    return literal(fields[lot_below(lot, sizeof fields / sizeof *fields)]);
}

/* A byte of the skeleton or of the body is another one: its author may sign whatever it likes. */
static void spoil(struct lot *lot, struct past_entry *entry)
{
    struct ps_buf *part = lot_below(lot, 2) == 0 ? &entry->skeleton : &entry->body;
    part->data[lot_byte(lot) % part->size] = (uint8_t)lot_byte(lot);
    struct ps_entry whole = {.skeleton = ps_buf_view(&entry->skeleton),
                             .body = ps_buf_view(&entry->body),
                             .body_hash = ps_hash_bytes(ps_buf_view(&entry->body)),
                             .has_body = true};
    entry->leaf = ps_change_leaf(&whole);
    memcpy(entry->name.leaf, entry->leaf.bytes, sizeof entry->name.leaf);
}

static void draw_change(struct lot *lot)
{
    static const char *const ids[] = {"r", "s", "t"};
    static const uint64_t times[] = {0, 0, 0, 1, 5, 1000, UINT64_MAX, UINT64_MAX - 1};
    unsigned what = lot_byte(lot);
    struct past_change change = {.device = what % AUTHORS,
                                 .id = ids[(what >> 2U) % 3],
                                 .op_and_flags = lot_byte(lot) & 0x7fU,
                                 .hlc = times[what >> 5U]};
    unsigned parents = lot_byte(lot); /* of the last eight */
    for (size_t back = 1; back <= 8 && back <= past.count; back++) {
        if ((parents >> (back - 1) & 1U) != 0) {
            change.parents[change.parent_count] = past.count - back;
            change.parent_count++;
        }
    }
    change.fields = draw_fields(lot);
    size_t made = past_add(&past, &change);
    if (lot_below(lot, 4) == 1) {
        spoil(lot, &past.entries[made]);
    }
}

/* What is there once all have come: those of one author after the other, or as they were made, and
 * looked at again and again. */
static void play(struct ps_bytes rules, bool by_author, unsigned looks, struct ps_buf *out)
{
    struct ps_record_row row;
    struct ps_view view;
    size_t last = past.count - 1; /* the sound one */
    past_begin(&past);
    past_set_rules(&past, rules);
    for (unsigned device = 0; device < (by_author ? AUTHORS : 1); device++) {
        for (size_t i = 0; i < last; i++) {
            if (!by_author || past.entries[i].device == device) {
                past_bring(&past, i);
            }
            if (!by_author && (looks >> i % 8 & 1U) != 0) {
                past_apply(&past);
            }
        }
    }
    past_apply(&past);
    past_bring(&past, last);
    past_apply(&past);
    must(ps_record_get(&past.txn, past.collection, ps_bytes_text("sound"), &row) == P2PSYNC_OK);
    ps_record_view(&row, &view);
    must(view.state == PS_RECORD_LIVE && row.version_count == 1);
    past_state(&past, out);
    past_abort(&past);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lot lot = {.rest = ps_bytes(data, size)};
    struct ps_buf once;
    struct ps_buf again;
    ps_buf_init(&once, UINT32_MAX);
    ps_buf_init(&again, UINT32_MAX);
    past_clear(&past);
    literal_clear();
    struct ps_bytes rules = draw_rules(&lot);
    unsigned looks = lot_byte(&lot);
    while (lot.rest.size > 0 && past.count < CHANGES_MAX) {
        draw_change(&lot);
    }
    struct past_change sound = {
        .device = SOUND, .id = "sound", .op_and_flags = PS_OP_CREATE, .fields = literal("{a: 7}")};
    (void)past_add(&past, &sound);
    play(rules, false, looks, &once);
    play(rules, true, 0, &again);
    must(ps_bytes_equal(ps_buf_view(&once), ps_buf_view(&again)));
    ps_buf_deinit(&again);
    ps_buf_deinit(&once);
    return 0;
}
