/* Deltas one on top of another, written once: the same bytes as one step after another. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/lib/prng.h"
#include "wire/codec.h"
#include "wire/layers.h"

#define DELTAS_MAX 40

/* A chain of random deltas, some of which are too large or malformed, and so count as none. */
struct chain {
    struct prng prng;
    unsigned names;   /* how many there are */
    size_t value_max; /* bytes of one */
    struct ps_buf base;
    size_t count;
    struct ps_buf fields[DELTAS_MAX];
    struct ps_buf unset[DELTAS_MAX];
};

static uint8_t filler[PS_VALUE_SIZE_MAX];

static void write_name(struct ps_writer *writer, unsigned number)
{
    char name[64];
    int size = snprintf(name, sizeof name, "%.*u", (int)(1 + number % 40), number);
    ps_write_str(writer, ps_bytes((const uint8_t *)name, (size_t)size));
}

/* A map with some of the names, once each and in any order: every so many-th, from one on. */
static void write_fields(struct chain *chain, unsigned count, struct ps_buf *out)
{
    struct ps_writer writer;
    unsigned step = 11; /* names are no multiple of it */
    unsigned at = (unsigned)prng_below(&chain->prng, chain->names);
    ps_writer_init(&writer, out);
    ps_write_map(&writer, count);
    for (unsigned i = 0; i < count; i++) {
        write_name(&writer, at);
        ps_write_bin(&writer, ps_bytes(filler, (size_t)prng_below(&chain->prng, chain->value_max)));
        at = (at + step) % chain->names;
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
}

/* Names, some of them twice; once in a while something else is among them. */
static void write_unset(struct chain *chain, unsigned count, struct ps_buf *out)
{
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    ps_write_array(&writer, count);
    for (unsigned i = 0; i < count; i++) {
        if (prng_chance(&chain->prng, 5)) {
            ps_write_uint(&writer, i);
        } else {
            write_name(&writer, (unsigned)prng_below(&chain->prng, chain->names));
        }
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
}

static unsigned some(struct chain *chain)
{
    unsigned most = prng_chance(&chain->prng, 200) ? chain->names : 4;
    return (unsigned)prng_below(&chain->prng, 1 + (most < chain->names ? most : chain->names));
}

/* As a value is that we have written. */
static void sort_base(struct chain *chain)
{
    const struct ps_delta nothing = {.fields = {NULL, 0}};
    struct ps_buf sorted;
    ps_buf_init(&sorted, SIZE_MAX / 2);
    cr_assert_eq(ps_value_apply(ps_buf_view(&chain->base), &nothing, &sorted), P2PSYNC_OK);
    ps_buf_deinit(&chain->base);
    chain->base = sorted;
}

static void draw(struct chain *chain, uint64_t seed)
{
    static const size_t sizes[] = {1, 12, 3000, 200000};
    *chain = (struct chain){.prng = prng_new(seed, 1)};
    chain->names = (unsigned)prng_between(&chain->prng, 1, 5) * 20 + 1;
    chain->value_max = sizes[prng_below(&chain->prng, sizeof sizes / sizeof *sizes)];
    chain->count = (size_t)prng_below(&chain->prng, DELTAS_MAX + 1);
    ps_buf_init(&chain->base, SIZE_MAX / 2);
    if (!prng_chance(&chain->prng, 200)) {
        write_fields(chain, chain->value_max < 10000 ? some(chain) : 3, &chain->base);
    }
    if (prng_chance(&chain->prng, 500)) {
        sort_base(chain);
    }
    for (size_t i = 0; i < chain->count; i++) {
        ps_buf_init(&chain->fields[i], SIZE_MAX / 2);
        ps_buf_init(&chain->unset[i], SIZE_MAX / 2);
        if (!prng_chance(&chain->prng, 100)) {
            write_fields(chain, chain->value_max < 10000 ? some(chain) : 3, &chain->fields[i]);
        }
        if (prng_chance(&chain->prng, 500)) {
            write_unset(chain, some(chain), &chain->unset[i]);
        }
    }
}

static void deinit(struct chain *chain)
{
    ps_buf_deinit(&chain->base);
    for (size_t i = 0; i < chain->count; i++) {
        ps_buf_deinit(&chain->fields[i]);
        ps_buf_deinit(&chain->unset[i]);
    }
}

static struct ps_delta delta_of(const struct chain *chain, size_t at)
{
    return (struct ps_delta){.fields = ps_buf_view(&chain->fields[at]),
                             .unset = ps_buf_view(&chain->unset[at])};
}

/* Compare the two ways, and count the deltas that were refused. */
static unsigned compare(const struct chain *chain)
{
    struct ps_layers layers = {.layer_count = 0};
    struct ps_buf value[2];
    struct ps_buf written;
    unsigned refused = 0;
    size_t turn = 0;
    ps_buf_init(&value[0], SIZE_MAX / 2);
    ps_buf_init(&value[1], SIZE_MAX / 2);
    ps_buf_init(&written, SIZE_MAX / 2);
    cr_assert_eq(ps_buf_append(&value[0], chain->base.data, chain->base.size), P2PSYNC_OK);
    cr_assert_eq(ps_layers_begin(&layers, ps_buf_view(&chain->base)), P2PSYNC_OK);
    for (size_t i = 0; i < chain->count; i++) {
        const struct ps_delta nothing = {.fields = {NULL, 0}};
        struct ps_delta delta = delta_of(chain, i);
        turn = 1 - turn;
        ps_buf_clear(&value[turn]);
        p2psync_result result = ps_value_apply(ps_buf_view(&value[1 - turn]), &delta, &value[turn]);
        cr_assert_eq(ps_layers_add(&layers, &delta), result);
        if (result != P2PSYNC_OK) {
            refused++;
            cr_assert_eq(ps_value_apply(ps_buf_view(&value[1 - turn]), &nothing, &value[turn]),
                         P2PSYNC_OK);
        }
    }
    if (chain->count == 0 && chain->base.size > 0) { /* one that is taken over is sorted, too */
        const struct ps_delta nothing = {.fields = {NULL, 0}};
        turn = 1;
        cr_assert_eq(ps_value_apply(ps_buf_view(&value[0]), &nothing, &value[1]), P2PSYNC_OK);
    }
    cr_assert_eq(ps_layers_write(&layers, &written), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(ps_buf_view(&written), ps_buf_view(&value[turn])));
    ps_layers_deinit(&layers);
    ps_buf_deinit(&written);
    ps_buf_deinit(&value[1]);
    ps_buf_deinit(&value[0]);
    return refused;
}

Test(layers, come_to_what_one_step_after_another_comes_to)
{
    static struct chain chain;
    unsigned refused = 0;
    for (uint64_t seed = 0; seed < 500; seed++) {
        draw(&chain, seed);
        refused += compare(&chain);
        deinit(&chain);
    }
    cr_expect_gt(refused, 250, "%u", refused);
}

Test(layers, delta_that_comes_to_a_byte_too_much_counts_as_none)
{
    struct ps_buf fields;
    struct ps_buf out;
    struct ps_writer writer;
    const struct ps_bytes small = ps_bytes_text("\x81\xa1x\x01");
    ps_buf_init(&fields, SIZE_MAX / 2);
    ps_buf_init(&out, PS_VALUE_SIZE_MAX);
    ps_writer_init(&writer, &fields);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "a");
    ps_write_bin(&writer, ps_bytes(filler, PS_VALUE_SIZE_MAX - 1 - 2 - 5 - 3));
    struct ps_layers layers = {.layer_count = 0};
    cr_assert_eq(ps_layers_begin(&layers, ps_buf_view(&fields)), P2PSYNC_OK);
    cr_assert_eq(ps_layers_add(&layers, &(struct ps_delta){.fields = small}), P2PSYNC_OK);
    cr_assert_eq(
        ps_layers_add(&layers, &(struct ps_delta){.fields = ps_bytes_text("\x81\xa2yy\x01")}),
        P2PSYNC_ELIMIT);
    cr_assert_eq(
        ps_layers_add(&layers, &(struct ps_delta){.fields = ps_bytes_text("\x81\xa1x\xcc\xff")}),
        P2PSYNC_ELIMIT);
    cr_assert_eq(ps_layers_write(&layers, &out), P2PSYNC_OK);
    cr_assert_eq(out.size, PS_VALUE_SIZE_MAX);
    cr_assert(ps_bytes_equal(ps_value_field(ps_buf_view(&out), ps_bytes_text("x")),
                             ps_bytes_text("\x01")));
    ps_layers_deinit(&layers);
    ps_buf_deinit(&out);
    ps_buf_deinit(&fields);
}

/* What all names of a value and then a name for each of 62 deltas cost. */
Test(layers, few_names_on_many_move_few)
{
    struct chain chain = {.prng = prng_new(7, 1), .names = 100003, .value_max = 1, .count = 0};
    struct ps_layers layers = {.layer_count = 0};
    ps_buf_init(&chain.base, SIZE_MAX / 2);
    write_fields(&chain, 20000, &chain.base);
    cr_assert_eq(ps_layers_begin(&layers, ps_buf_view(&chain.base)), P2PSYNC_OK);
    const struct ps_pair *base = layers.layer[0].pair;
    for (unsigned i = 0; i < 62; i++) {
        cr_assert_eq(
            ps_layers_add(&layers, &(struct ps_delta){.fields = ps_bytes_text("\x81\xa1x\x01")}),
            P2PSYNC_OK);
    }
    cr_assert_eq(layers.layer_count, 2);
    cr_assert_eq(layers.layer[1].count, 1);
    cr_assert_eq(layers.layer[0].pair, base, "it was not written anew");
    ps_layers_deinit(&layers);
    ps_buf_deinit(&chain.base);
}
