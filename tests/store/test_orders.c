/* Whatever the order in which changes come, a record ends the same, byte for byte: of all histories
 * of up to five changes by three devices, and of random ones of hundreds of changes by eight.
 *
 * A history: each change is by a device, which has seen some earlier changes: its own, and with any
 * change all that its author had seen. Devices are numbered as they first appear. A change is a
 * create by one who has seen nothing; else an edit of field a (and s and t with it) to one thing or
 * to another, an edit of field b, a delete or an archive, all on top of all versions seen, which
 * makes them resolutions where these are several; or, there, an edit or a delete of only the last
 * of them, or a resolution that says nothing new, by a person or automatic. Histories that differ
 * in the names of devices only, or in which of two things a is set to first, are the same one.
 *
 * Of up to four changes every order of delivery is played, through every set of rules. What comes
 * before its parents waits in its log, and is applied after them by ps_apply(). Of five changes the
 * last one applied may be any that no other one builds on: what was there before it is a history of
 * four, of which all orders were the same; so one order of it is enough for each last one. There
 * the sets of rules take turns. Rules are set before, in the middle of, or after delivery, and that
 * is no difference either.
 *
 * Under sanitizers every 61st history of four and five changes is played: SAMPLE. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/exhaust.h"
#include "tests/lib/literal.h"
#include "tests/lib/past.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SAMPLE 61U
#endif
#endif
#ifndef SAMPLE
#define SAMPLE 1U
#endif

#define DEVICES     3U
#define CHANGES_MAX 5U
#define RULES       8U

static struct store_case here;
static struct past past;
static struct ps_bytes rules[RULES];
static struct ps_buf states[2];

static void setup(void)
{
    static const char *const texts[] = {
        "{}",
        "{field.a: 'counter', field.s: 'union', field.t: 'text'}",
        "{field.a: 'max', field.s: 'union', field.t: 'text'}",
        "{field.a: 'min', field.b: 'counter', field.s: 'max', field.t: 'min'}",
        "{strategy: 'last_write_wins'}",
        "{strategy: 'keep_both'}",
        "{strategy: 'manual'}",
    };
    char prefer[32 + PS_DEVICE_TEXT_SIZE] = "{strategy: 'prefer:";
    struct ps_identity second = case_identity(3, NULL);
    case_open(&here, 1);
    past_open(&past, &here, 8);
    ps_device_text(&second.device, prefer + strlen(prefer));
    memcpy(prefer + strlen(prefer), "'}", 3);
    for (size_t i = 0; i < RULES - 1; i++) {
        rules[i] = literal(texts[i]);
    }
    rules[RULES - 1] = literal(prefer);
    ps_buf_init(&states[0], SIZE_MAX);
    ps_buf_init(&states[1], SIZE_MAX);
}

static void teardown(void)
{
    ps_buf_deinit(&states[1]);
    ps_buf_deinit(&states[0]);
    past_close(&past);
    case_close(&here);
}

TestSuite(orders, .init = setup, .fini = teardown, .timeout = 600);

/* ---- all histories ---- */

enum kind {
    EDIT_A,
    EDIT_A_OTHERWISE,
    EDIT_B,
    DELETE,
    ARCHIVE,
    EDIT_LAST, /* from here on: only where several versions are seen */
    RESOLVE,
    ANSWER,
    DELETE_LAST,
    KINDS,
};

struct change {
    unsigned device;
    unsigned seen; /* a bit for each earlier change */
    bool creates;
    enum kind kind;
    unsigned parents; /* bits */
};

struct history {
    size_t count;
    struct change change[CHANGES_MAX];
};

/* Draw what the author of the next change has seen: one of the sets that are closed. */
static unsigned draw_seen(struct exhaust *exhaust, const struct history *history, unsigned device)
{
    unsigned options[1U << (CHANGES_MAX - 1)];
    size_t count = 0;
    for (unsigned seen = 0; seen < 1U << history->count; seen++) {
        bool closed = true;
        for (size_t i = 0; i < history->count; i++) {
            bool in = (seen >> i & 1) != 0;
            closed &= in || history->change[i].device != device;
            closed &= !in || (history->change[i].seen & ~seen) == 0;
        }
        options[count] = seen;
        count += closed ? 1 : 0;
    }
    return options[exhaust_below(exhaust, count)];
}

static unsigned versions_of(const struct history *history, unsigned seen)
{
    unsigned versions = seen;
    for (size_t i = 0; i < history->count; i++) {
        versions &= seen >> i & 1 ? ~history->change[i].parents : UINT32_MAX;
    }
    return versions;
}

static unsigned last_of(unsigned versions)
{
    unsigned last = 1;
    while (versions / last > 1) {
        last *= 2;
    }
    return last;
}

static enum kind draw_kind(struct exhaust *exhaust, const struct history *history, bool several)
{
    enum kind options[KINDS];
    size_t count = 0;
    bool a_was_set = false;
    for (size_t i = 0; i < history->count; i++) {
        a_was_set |= !history->change[i].creates && history->change[i].kind == EDIT_A;
    }
    for (enum kind kind = EDIT_A; kind < KINDS; kind++) {
        bool possible = kind < EDIT_LAST || several;
        possible &= kind != EDIT_A_OTHERWISE || a_was_set;
        options[count] = kind;
        count += possible ? 1 : 0;
    }
    return options[exhaust_below(exhaust, count)];
}

static void draw_change(struct exhaust *exhaust, struct history *history)
{
    unsigned used = 0;
    for (size_t i = 0; i < history->count; i++) {
        used = history->change[i].device + 1 > used ? history->change[i].device + 1 : used;
    }
    struct change *change = &history->change[history->count];
    memset(change, 0, sizeof *change);
    change->device = (unsigned)exhaust_below(exhaust, used < DEVICES ? used + 1 : DEVICES);
    change->seen = draw_seen(exhaust, history, change->device);
    change->creates = change->seen == 0;
    unsigned versions = versions_of(history, change->seen);
    bool several = versions != 0 && last_of(versions) != versions;
    if (!change->creates) {
        change->kind = draw_kind(exhaust, history, several);
    }
    bool one = change->kind == EDIT_LAST || change->kind == DELETE_LAST;
    change->parents = one ? last_of(versions) : versions;
    history->count++;
}

/* ---- as changes with values ---- */

static const uint32_t ops[KINDS] = {
    [EDIT_A] = PS_OP_UPDATE,      [EDIT_A_OTHERWISE] = PS_OP_UPDATE,
    [EDIT_B] = PS_OP_UPDATE,      [DELETE] = PS_OP_DELETE,
    [ARCHIVE] = PS_OP_ARCHIVE,    [EDIT_LAST] = PS_OP_UPDATE,
    [RESOLVE] = PS_OP_UPDATE,     [ANSWER] = PS_OP_UPDATE | PS_CHANGE_AUTO,
    [DELETE_LAST] = PS_OP_DELETE,
};

static const char *const deltas[KINDS] = {
    [EDIT_A] = "{a: 7, s: [1, 7], t: 'x\ny\n7\n'}",
    [EDIT_A_OTHERWISE] = "{a: 8, s: [8, 1], t: '8\ny\nz\n'}",
    [EDIT_B] = "{b: 9}",
    [DELETE] = "{}",
    [ARCHIVE] = "{b: 4}",
    [EDIT_LAST] = "{a: 6, s: [], t: 'y\n6\n'}",
    [DELETE_LAST] = "{}",
};
static const char *const wholes[KINDS] = {
    [EDIT_A] = "{a: 7, b: 1, s: [1, 7], t: 'x\ny\n7\n'}",
    [EDIT_A_OTHERWISE] = "{a: 8, b: 1, s: [8, 1], t: '8\ny\nz\n'}",
    [EDIT_B] = "{a: 7, b: 9, s: [1], t: 'x\ny\nz\n'}",
    [DELETE] = "{}",
    [ARCHIVE] = "{a: 8, b: 4, s: [1], t: 'x\ny\nz\n'}",
    [RESOLVE] = "{a: 7, b: 9, s: [1, 7, 8], t: '8\ny\n7\n'}",
    [ANSWER] = "{a: 8, b: 9, s: [1, 7, 8], t: '8\ny\n7\n'}",
};

/* What each kind leaves: all of it, where a change must say all. */
static struct ps_bytes fields_of(const struct change *change, bool full)
{
    static struct ps_bytes made[2][KINDS + 1];
    size_t at = change->creates ? KINDS : change->kind;
    struct ps_bytes *value = &made[full][at];
    if (value->size == 0) {
        const char *text = change->creates ? "{a: 1, b: 1, s: [1], t: 'x\ny\nz\n'}"
                           : full          ? wholes[at]
                                           : deltas[at];
        *value = literal(text);
    }
    return *value;
}

static void write_history(const struct history *history, bool clocks_alike)
{
    past_clear(&past);
    for (size_t i = 0; i < history->count; i++) {
        const struct change *from = &history->change[i];
        struct past_change change = {.device = from->device,
                                     .op_and_flags = from->creates ? PS_OP_CREATE : ops[from->kind],
                                     .hlc = clocks_alike ? 0 : 10 + i};
        for (size_t p = 0; p < i; p++) {
            change.parents[change.parent_count] = p;
            change.parent_count += from->parents >> p & 1;
        }
        change.fields = fields_of(from, change.parent_count > 1);
        (void)past_add(&past, &change);
    }
}

static void print_history(const struct history *history, size_t set)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct change *change = &history->change[i];
        (void)fprintf(stderr, "device %u, seen %x, parents %x, %s %d\n", change->device,
                      change->seen, change->parents, change->creates ? "create" : "kind",
                      (int)change->kind);
    }
    (void)fprintf(stderr, "rules %zu\n", set);
}

static void check_same(const struct history *history, size_t set, bool first)
{
    if (!first && !ps_bytes_equal(ps_buf_view(&states[0]), ps_buf_view(&states[1]))) {
        print_history(history, set);
        cr_assert_fail("another order ends in another record");
    }
}

/* ---- every order of delivery ---- */

/* Play the order that is drawn: which device's next change comes next. Rules are set before change
 * number `set_at`. */
static void deliver(struct exhaust *exhaust, const struct history *history,
                    struct ps_bytes settings, size_t set_at)
{
    size_t next[DEVICES] = {0};
    past_begin(&past);
    for (size_t i = 0; i <= history->count; i++) {
        size_t options[DEVICES];
        size_t count = 0;
        if (i == set_at) {
            past_set_rules(&past, settings);
        }
        for (unsigned device = 0; device < DEVICES && i < history->count; device++) {
            while (next[device] < history->count &&
                   history->change[next[device]].device != device) {
                next[device]++;
            }
            options[count] = device;
            count += next[device] < history->count ? 1 : 0;
        }
        if (count > 0) {
            size_t device = options[exhaust_below(exhaust, count)];
            past_bring(&past, next[device]);
            next[device]++;
            past_apply(&past);
        }
    }
}

static void check_orders(const struct history *history, size_t set)
{
    struct exhaust exhaust = {0};
    size_t order = 0;
    do {
        ps_buf_clear(&states[order > 0]);
        deliver(&exhaust, history, rules[set], order % (history->count + 1));
        past_state(&past, &states[order > 0]);
        past_abort(&past);
        check_same(history, set, order == 0);
        order++;
    } while (exhaust_next(&exhaust));
}

static size_t check_histories(size_t count, size_t sample)
{
    struct exhaust exhaust = {0};
    size_t number = 0;
    do {
        struct history history = {.count = 0};
        while (history.count < count) {
            draw_change(&exhaust, &history);
        }
        if (number % sample == 0) {
            for (size_t set = 0; set < RULES; set++) {
                write_history(&history, (number + set) % 2 == 0);
                check_orders(&history, set);
            }
        }
        number++;
    } while (exhaust_next(&exhaust));
    return number;
}

Test(orders, of_up_to_four_changes_are_all_the_same_by_all_rules)
{
    cr_assert_eq(check_histories(1, 1), 1);
    cr_assert_gt(check_histories(2, 1), 8);
    cr_assert_gt(check_histories(3, 1), 100);
    cr_assert_gt(check_histories(4, SAMPLE), 6000);
}

/* ---- five changes: each that may be the last ---- */

/* Apply all but `last`, then that one. Rules are set before change number `set_at`. */
static void apply_with_last(const struct history *history, size_t last, struct ps_bytes settings,
                            size_t set_at)
{
    size_t step = 0;
    for (size_t i = 0; i <= history->count; i++) {
        size_t change = i == history->count ? last : i;
        if (i == last) {
            continue;
        }
        if (step == set_at) {
            past_set_rules(&past, settings);
        }
        past_apply_one(&past, change);
        step++;
    }
    if (step == set_at) {
        past_set_rules(&past, settings);
    }
}

static bool may_be_last(const struct history *history, size_t at)
{
    for (size_t i = at + 1; i < history->count; i++) {
        if (history->change[i].device == history->change[at].device ||
            (history->change[i].parents >> at & 1) != 0) {
            return false;
        }
    }
    return true;
}

static void check_last_ones(const struct history *history, size_t set)
{
    size_t plays = 0;
    past_begin(&past);
    for (size_t i = 0; i < history->count; i++) {
        past_bring(&past, i);
    }
    for (size_t last = 0; last < history->count; last++) {
        if (!may_be_last(history, last)) {
            continue;
        }
        if (plays > 0) {
            past_forget(&past);
            past_set_rules(&past, rules[0]);
        }
        ps_buf_clear(&states[plays > 0]);
        apply_with_last(history, last, rules[set], plays == 0 ? history->count : plays * 2 - 2);
        past_state(&past, &states[plays > 0]);
        check_same(history, set, plays == 0);
        plays++;
    }
    past_abort(&past);
}

Test(orders, of_five_changes_are_the_same_with_each_that_may_be_the_last)
{
    struct exhaust exhaust = {0};
    size_t number = 0;
    do {
        struct history history = {.count = 0};
        while (history.count < CHANGES_MAX) {
            draw_change(&exhaust, &history);
        }
        bool several = false;
        for (size_t i = 0; i + 1 < history.count; i++) {
            several |= may_be_last(&history, i);
        }
        if (several && number % SAMPLE == 0) {
            write_history(&history, false);
            check_last_ones(&history, number / SAMPLE % RULES);
        }
        number += several ? 1 : 0;
    } while (exhaust_next(&exhaust));
    cr_assert_gt(number, 200000);
}

/* ---- random ones ---- */

#define RANDOM_DEVICES 8U
#define RANDOM_CHANGES 300U
#define RANDOM_SEEDS   (12U / (SAMPLE > 1 ? 4U : 1U))
#define RANDOM_ORDERS  6U
#define RANDOM_RECORDS 3U

/* What each device has seen, a byte for each change, and whose record each change is. */
struct knowledge {
    uint8_t seen[RANDOM_DEVICES][RANDOM_CHANGES];
    unsigned record[RANDOM_CHANGES];
};

static struct knowledge knowledge;

/* The last ones first. */
static size_t random_versions(const uint8_t *seen, unsigned record, size_t count, size_t *versions)
{
    bool named[RANDOM_CHANGES] = {false};
    size_t found = 0;
    for (size_t i = count; i > 0; i--) {
        const struct past_entry *entry = &past.entries[i - 1];
        if (seen[i - 1] == 0 || knowledge.record[i - 1] != record) {
            continue;
        }
        for (size_t p = 0; p < entry->parent_count; p++) {
            named[entry->parents[p]] = true;
        }
        if (!named[i - 1] && found < PS_PARENTS_MAX) {
            versions[found] = i - 1;
            found++;
        }
    }
    return found;
}

static void meet(struct prng *prng, unsigned device, size_t count)
{
    size_t other = prng_below(prng, RANDOM_DEVICES);
    for (size_t i = 0; i < count; i++) {
        knowledge.seen[device][i] |= knowledge.seen[other][i];
    }
}

static void add_random(struct prng *prng, unsigned device)
{
    static const char *const ids[RANDOM_RECORDS] = {"p", "q", "r"};
    size_t index = past.count;
    unsigned record = (unsigned)prng_below(prng, RANDOM_RECORDS);
    struct past_change made = {.device = device, .id = ids[record]};
    struct change change = {.kind = (enum kind)prng_below(prng, KINDS)};
    made.parent_count = random_versions(knowledge.seen[device], record, index, made.parents);
    change.creates = made.parent_count == 0;
    if (made.parent_count < 2 && change.kind >= EDIT_LAST) {
        change.kind = EDIT_B;
    }
    if (change.kind == EDIT_LAST || change.kind == DELETE_LAST) {
        made.parent_count = 1;
    }
    /* Some start anew, so that no chain is too long. */
    bool full = made.parent_count > 1 || (change.kind == EDIT_B && index % 4 == 0);
    made.op_and_flags = change.creates ? PS_OP_CREATE : ops[change.kind];
    made.op_and_flags |= full ? PS_CHANGE_FULL : 0;
    made.fields = fields_of(&change, full && !change.creates);
    knowledge.record[index] = record;
    knowledge.seen[device][index] = 1;
    (void)past_add(&past, &made);
}

static void write_random(struct prng *prng)
{
    past_clear(&past);
    memset(&knowledge, 0, sizeof knowledge);
    unsigned meetings = (unsigned)prng_between(prng, 50, 900);
    while (past.count < RANDOM_CHANGES) {
        unsigned device = (unsigned)prng_below(prng, RANDOM_DEVICES);
        if (prng_chance(prng, meetings)) {
            meet(prng, device, past.count);
        }
        add_random(prng, device);
    }
}

/* Bring all, of a device drawn each time, and apply now and then; rules come at any time. */
static void deliver_randomly(struct prng *prng, struct ps_bytes settings)
{
    size_t next[RANDOM_DEVICES] = {0};
    size_t left = RANDOM_CHANGES;
    size_t set_at = prng_below(prng, RANDOM_CHANGES);
    past_begin(&past);
    past_set_rules(&past, rules[prng_below(prng, RULES)]);
    while (left > 0) {
        unsigned device = (unsigned)prng_below(prng, RANDOM_DEVICES);
        while (next[device] < RANDOM_CHANGES && past.entries[next[device]].device != device) {
            next[device]++;
        }
        if (next[device] == RANDOM_CHANGES) {
            continue;
        }
        past_bring(&past, next[device]);
        next[device]++;
        left--;
        if (prng_chance(prng, 300)) {
            past_apply(&past);
        }
        if (left == set_at) {
            past_set_rules(&past, settings);
        }
    }
    past_apply(&past);
}

Test(orders, of_hundreds_of_changes_by_eight_devices_are_the_same)
{
    for (uint64_t seed = 0; seed < RANDOM_SEEDS; seed++) {
        for (size_t set = 0; set < RULES; set++) {
            struct prng prng = prng_new(seed, set);
            write_random(&prng);
            for (unsigned order = 0; order < RANDOM_ORDERS; order++) {
                ps_buf_clear(&states[order > 0]);
                deliver_randomly(&prng, rules[set]);
                past_state(&past, &states[order > 0]);
                past_abort(&past);
                cr_assert(order == 0 ||
                              ps_bytes_equal(ps_buf_view(&states[0]), ps_buf_view(&states[1])),
                          "seed %u, rules %zu, order %u", (unsigned)seed, set, order);
            }
        }
    }
}
