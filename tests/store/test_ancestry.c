/* Common ancestors, and sets less what comes before others of them: against an answer computed in
 * another way, from the whole past, over random pasts. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "store/merge/ancestry.h"
#include "tests/lib/past.h"

#define ROUNDS  300U
#define CHANGES 60U
#define DEVICES 8U

static struct store_case here;
static struct past past;
static struct ps_ancestry ancestry;

static void setup(void)
{
    case_open(&here, 1);
    past_open(&past, &here, DEVICES);
}

static void teardown(void)
{
    past_close(&past);
    case_close(&here);
}

TestSuite(ancestry, .init = setup, .fini = teardown, .timeout = 300);

static size_t add(unsigned device, uint64_t hlc, size_t parent_count, const size_t *parents)
{
    struct past_change change = {.device = device,
                                 .op_and_flags = parent_count == 0 ? PS_OP_CREATE : PS_OP_UPDATE,
                                 .hlc = hlc,
                                 .parent_count = parent_count};
    if (parent_count > 0) {
        memcpy(change.parents, parents, parent_count * sizeof *parents);
    }
    return past_add(&past, &change);
}

static void begin(void)
{
    past_begin(&past);
    for (size_t i = 0; i < past.count; i++) {
        past_bring(&past, i);
    }
    ps_ancestry_init(&ancestry, &past.txn, past.collection);
}

static void end(void)
{
    ps_ancestry_deinit(&ancestry);
    past_abort(&past);
    past_clear(&past);
}

static void put(struct ps_ancestor_set *set, size_t change)
{
    uint32_t index = 0;
    cr_assert_eq(ps_ancestry_find(&ancestry, &past.entries[change].name, &index), P2PSYNC_OK);
    ps_ancestry_add(&ancestry, set, index);
}

/* A set as the bits of its changes. */
static uint64_t bits_of(const struct ps_ancestor_set *set)
{
    uint64_t bits = 0;
    for (size_t i = 0; i < set->count; i++) {
        for (size_t c = 0; c < past.count; c++) {
            const struct ps_parent *name = &past.entries[c].name;
            if (ps_dot_compare(ancestry.list[set->index[i]].name.dot, name->dot) == 0) {
                bits |= UINT64_C(1) << c;
            }
        }
    }
    return bits;
}

/* ---- the other computation: everything that comes before each change, as bits ---- */

static void all_before(uint64_t before[CHANGES])
{
    for (size_t i = 0; i < past.count; i++) {
        for (size_t p = 0; p < past.entries[i].parent_count; p++) {
            size_t parent = past.entries[i].parents[p];
            before[i] |= before[parent] | UINT64_C(1) << parent;
        }
    }
}

static uint64_t less_what_comes_before(uint64_t set, const uint64_t before[CHANGES])
{
    uint64_t left = set;
    for (size_t i = 0; i < past.count; i++) {
        left &= set >> i & 1 ? ~before[i] : UINT64_MAX;
    }
    return left;
}

static uint64_t reach(uint64_t set, const uint64_t before[CHANGES])
{
    uint64_t all = set;
    for (size_t i = 0; i < past.count; i++) {
        all |= set >> i & 1 ? before[i] : 0;
    }
    return all;
}

/* ---- random pasts ---- */

/* `late`: how many of a thousand changes are at the end of time, where all that follow are too. */
static void make(struct prng *prng, unsigned late)
{
    size_t count = prng_between(prng, 2, CHANGES);
    for (size_t i = 0; i < count; i++) {
        size_t parents[4];
        size_t parent_count = 0;
        uint64_t hlc = 0;
        size_t wanted = i == 0 || prng_chance(prng, 50) ? 0 : prng_between(prng, 1, 4);
        for (size_t p = 0; p < wanted; p++) {
            size_t parent = i - 1 - prng_below(prng, i < 12 ? i : 12);
            bool twice = false;
            for (size_t q = 0; q < parent_count; q++) {
                twice |= parents[q] == parent;
            }
            if (!twice) {
                parents[parent_count] = parent;
                parent_count++;
                hlc = past.entries[parent].hlc > hlc ? past.entries[parent].hlc : hlc;
            }
        }
        hlc += hlc == UINT64_MAX ? 0 : 1 + prng_below(prng, 3);
        hlc = prng_chance(prng, late) ? UINT64_MAX : hlc;
        (void)add((unsigned)prng_below(prng, DEVICES), hlc, parent_count, parents);
    }
}

static uint64_t random_set(struct prng *prng, struct ps_ancestor_set *set)
{
    uint64_t bits = 0;
    size_t count = prng_between(prng, 1, 5);
    for (size_t i = 0; i < count; i++) {
        size_t change = prng_below(prng, past.count);
        put(set, change);
        bits |= UINT64_C(1) << change;
    }
    return bits;
}

static void check_random(unsigned late)
{
    for (uint64_t seed = 0; seed < ROUNDS; seed++) {
        struct prng prng = prng_new(seed, late);
        uint64_t before[CHANGES] = {0};
        make(&prng, late);
        all_before(before);
        begin();
        for (unsigned question = 0; question < 20; question++) {
            struct ps_ancestor_set groups[4] = {{.count = 0}};
            struct ps_ancestor_set found = {.count = 0};
            size_t count = prng_between(&prng, 1, 4);
            uint64_t common = UINT64_MAX;
            for (size_t g = 0; g < count; g++) {
                common &= reach(random_set(&prng, &groups[g]), before);
            }
            cr_assert_eq(ps_ancestry_common(&ancestry, groups, count, &found), P2PSYNC_OK);
            cr_assert_eq(bits_of(&found), less_what_comes_before(common, before), "seed %u",
                         (unsigned)seed);
            struct ps_ancestor_set set = {.count = 0};
            uint64_t bits = random_set(&prng, &set);
            cr_assert_eq(ps_ancestry_reduce(&ancestry, &set), P2PSYNC_OK);
            cr_assert_eq(bits_of(&set), less_what_comes_before(bits, before), "seed %u",
                         (unsigned)seed);
        }
        end();
    }
}

Test(ancestry, finds_what_the_whole_past_says)
{
    check_random(0);
}

Test(ancestry, finds_what_the_whole_past_says_at_the_end_of_time)
{
    check_random(100);
    check_random(1000);
}

Test(ancestry, sets_are_in_order_with_automatic_answers_first)
{
    (void)add(3, 7, 0, NULL);
    (void)add(2, 5, 0, NULL);
    struct past_change answer = {.device = 1,
                                 .op_and_flags = PS_OP_UPDATE | PS_CHANGE_AUTO,
                                 .parent_count = 2,
                                 .parents = {0, 1},
                                 .hlc = 9};
    size_t automatic = past_add(&past, &answer);
    begin();
    struct ps_ancestor_set set = {.count = 0};
    put(&set, 0);
    put(&set, automatic);
    put(&set, 1);
    put(&set, 0);
    cr_assert_eq(set.count, 3);
    cr_assert(ancestry.list[set.index[0]].is_auto);
    cr_assert_eq(ancestry.list[set.index[1]].hlc, 5);
    cr_assert_eq(ancestry.list[set.index[2]].hlc, 7);
    end();
}

/* ---- limits ---- */

/* 70 creates, all of which two merges have seen, in two steps of at most 64 parents. */
Test(ancestry, common_ones_are_the_last_64)
{
    size_t creates[70];
    size_t sides[2];
    for (size_t i = 0; i < 70; i++) {
        creates[i] = add(0, 10 + i, 0, NULL);
    }
    for (unsigned side = 0; side < 2; side++) {
        size_t rest[20];
        memcpy(rest, creates + 51, 19 * sizeof *rest);
        rest[19] = add(1 + side, 100, 51, creates);
        sides[side] = add(1 + side, 101, 20, rest);
    }
    begin();
    struct ps_ancestor_set groups[2] = {{.count = 0}};
    struct ps_ancestor_set found = {.count = 0};
    put(&groups[0], sides[0]);
    put(&groups[1], sides[1]);
    cr_assert_eq(ps_ancestry_common(&ancestry, groups, 2, &found), P2PSYNC_OK);
    cr_assert_eq(found.count, PS_PARENTS_MAX);
    cr_assert_eq(ancestry.list[found.index[0]].hlc, 10 + 6);
    cr_assert_eq(ancestry.list[found.index[PS_PARENTS_MAX - 1]].hlc, 10 + 69);
    end();
}

/* A graph that is set up in memory: a chain of `count` from each of two tips down to one root. */
static void two_chains(struct ps_ancestor_set tips[2], uint32_t count)
{
    past_begin(&past);
    ps_ancestry_init(&ancestry, &past.txn, past.collection);
    uint32_t all = 2 * count + 1;
    ancestry.slot_count = 2U << 20;
    ancestry.slots = calloc(ancestry.slot_count, sizeof *ancestry.slots);
    ancestry.list = calloc(all, sizeof *ancestry.list);
    ancestry.parents = calloc(all, sizeof *ancestry.parents);
    cr_assert(ancestry.slots != NULL && ancestry.list != NULL && ancestry.parents != NULL);
    ancestry.capacity = all;
    ancestry.parent_capacity = all;
    for (uint32_t i = 0; i < all; i++) {
        struct ps_ancestor *change = &ancestry.list[i];
        *change = (struct ps_ancestor){.name = {.dot = {.seq = i}},
                                       .hlc = 1 + i,
                                       .parent_count = i == 0 ? 0 : 1,
                                       .first_parent = i};
        ps_put_u64(change->name.leaf, i);
        if (i > 0) {
            ancestry.parents[i] = ancestry.list[i < 2 ? 0 : i - 2].name;
        }
        ancestry.slots[i] = i + 1;
    }
    ancestry.count = all;
    ancestry.parent_count = all;
    tips[0] = (struct ps_ancestor_set){.count = 1, .index = {all - 2}};
    tips[1] = (struct ps_ancestor_set){.count = 1, .index = {all - 1}};
}

Test(ancestry, gives_up_where_too_many_changes_had_to_be_taken)
{
    struct ps_ancestor_set tips[2];
    struct ps_ancestor_set found = {.count = 0};
    two_chains(tips, PS_WALKS_MAX / 2 - 1);
    cr_assert_eq(ps_ancestry_common(&ancestry, tips, 2, &found), P2PSYNC_OK);
    cr_assert_eq(found.count, 1);
    end();
    two_chains(tips, PS_WALKS_MAX / 2);
    cr_assert_eq(ps_ancestry_common(&ancestry, tips, 2, &found), P2PSYNC_OK);
    cr_assert_eq(found.count, 0);
    end();
}

Test(ancestry, gives_up_where_all_walks_together_took_too_many)
{
    struct ps_ancestor_set tips[2];
    struct ps_ancestor_set found = {.count = 0};
    uint32_t each = 2 * 1000 + 1;
    two_chains(tips, 1000);
    for (uint32_t walk = 0; walk < PS_WALKS_MAX / each; walk++) {
        cr_assert_eq(ps_ancestry_common(&ancestry, tips, 2, &found), P2PSYNC_OK);
        cr_assert_eq(found.count, 1);
    }
    cr_assert_eq(ps_ancestry_common(&ancestry, tips, 2, &found), P2PSYNC_OK);
    cr_assert_eq(found.count, 0);
    cr_assert_eq(ancestry.work, PS_WALKS_MAX);
    end();
}

/* Five changes are read. Of them d and e are taken with two parents each, and b and c, which are
 * common, with one. */
Test(ancestry, counts_what_is_read_and_the_parents_of_what_is_taken)
{
    struct ps_ancestor_set groups[2] = {{.count = 0}, {.count = 0}};
    struct ps_ancestor_set found = {.count = 0};
    size_t a = add(0, 1, 0, NULL);
    size_t b = add(0, 2, 1, &a);
    size_t c = add(1, 3, 1, &a);
    size_t d = add(0, 4, 2, (size_t[]){b, c});
    size_t e = add(1, 5, 2, (size_t[]){b, c});
    begin();
    put(&groups[0], d);
    put(&groups[1], e);
    cr_assert_eq(ps_ancestry_common(&ancestry, groups, 2, &found), P2PSYNC_OK);
    cr_assert_eq(found.count, 2);
    cr_assert_eq(ancestry.work, 5 * PS_ANCESTRY_READ_WORK + 2 * 2 + 2 * 1);
    end();
}

Test(ancestry, change_that_is_not_here_is_an_error)
{
    uint32_t index = 0;
    (void)add(0, 5, 0, NULL);
    begin();
    struct ps_parent unknown = past.entries[0].name;
    unknown.leaf[0] ^= 1;
    cr_assert_eq(ps_ancestry_find(&ancestry, &unknown, &index), P2PSYNC_ECORRUPT);
    end();
}
