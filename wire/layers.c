/* Deltas on top of a value: see layers.h. */
#include "wire/layers.h"

#include <assert.h>
#include <stdlib.h>

#include "wire/codec.h"

/* What a delta would do. */
struct weighed {
    struct ps_pairs pairs; /* a layer */
    size_t pair_count;     /* of the map with it */
    size_t size_bytes;
};

static p2psync_result weigh(const struct ps_layers *layers, const struct ps_delta *delta,
                            struct weighed *out);
static p2psync_result weigh_pairs(const struct ps_layers *layers, const struct ps_pairs *fields,
                                  const struct ps_pairs *unset, struct weighed *out);
static const struct ps_pair *look_up(const struct ps_layers *layers, size_t *at,
                                     struct ps_bytes name);
static size_t seek(const struct ps_pairs *pairs, size_t from, struct ps_bytes name);
static p2psync_result merge_top(struct ps_layers *layers);
static void write_two(const struct ps_layers *layers, struct ps_writer *writer);
static void write_pairs(const struct ps_pairs *pairs, size_t from, size_t to, bool is_whole,
                        struct ps_writer *writer);
static const uint8_t *begin_of_pair(const struct ps_pair *pair);
static size_t size_of_pair(const struct ps_pair *pair);
static size_t size_of_header(size_t pair_count);

p2psync_result ps_layers_begin(struct ps_layers *layers, struct ps_bytes base)
{
    assert(layers->layer_count == 0);
    struct ps_pairs pairs = {.count = 0};
    p2psync_result result = ps_pairs_list(&pairs, base);
    if (result != P2PSYNC_OK) {
        ps_pairs_free(&pairs);
        return result;
    }
    layers->is_map = base.size > 0;
    layers->pair_count = pairs.count;
    const uint8_t *end = pairs.count > 0 ? begin_of_pair(&pairs.pair[0]) : NULL;
    layers->is_whole = true;
    for (size_t i = 0; i < pairs.count; i++) {
        const struct ps_pair *pair = &pairs.pair[i];
        layers->is_whole = layers->is_whole && begin_of_pair(pair) == end &&
                           pair->value.data == pair->key.data + pair->key.size;
        end = pair->value.data + pair->value.size;
        layers->size_bytes += size_of_pair(pair);
    }
    layers->layer[0] = pairs;
    layers->layer_count = 1;
    return P2PSYNC_OK;
}

p2psync_result ps_layers_add(struct ps_layers *layers, const struct ps_delta *delta)
{
    assert(layers->layer_count > 0 && layers->layer_count < PS_LAYERS_MAX);
    struct weighed weighed = {.pair_count = layers->pair_count, .size_bytes = layers->size_bytes};
    layers->is_map = true;
    p2psync_result result = weigh(layers, delta, &weighed);
    if (result == P2PSYNC_OK &&
        size_of_header(weighed.pair_count) + weighed.size_bytes > PS_VALUE_SIZE_MAX) {
        result = P2PSYNC_ELIMIT;
    }
    if (result != P2PSYNC_OK || weighed.pairs.count == 0) {
        ps_pairs_free(&weighed.pairs);
        return result;
    }
    layers->layer[layers->layer_count] = weighed.pairs;
    layers->layer_count++;
    layers->pair_count = weighed.pair_count;
    layers->size_bytes = weighed.size_bytes;
    const struct ps_pairs *top = &layers->layer[layers->layer_count - 1];
    while (result == P2PSYNC_OK && layers->layer_count > 1 && top->count >= top[-1].count / 2) {
        result = merge_top(layers);
        top--;
    }
    return result;
}

static p2psync_result weigh(const struct ps_layers *layers, const struct ps_delta *delta,
                            struct weighed *out)
{
    struct ps_pairs fields = {.count = 0};
    struct ps_pairs unset = {.count = 0};
    p2psync_result result = ps_pairs_list(&fields, delta->fields);
    if (result == P2PSYNC_OK) {
        result = ps_pairs_list_names(&unset, delta->unset);
    }
    if (result == P2PSYNC_OK) {
        result = weigh_pairs(layers, &fields, &unset, out);
    }
    ps_pairs_free(&unset);
    ps_pairs_free(&fields);
    return result;
}

/* A name that is set and unset is set. One that is unset where it is not there is left out. */
static p2psync_result weigh_pairs(const struct ps_layers *layers, const struct ps_pairs *fields,
                                  const struct ps_pairs *unset, struct weighed *out)
{
    size_t at[PS_LAYERS_MAX] = {0};
    size_t f = 0;
    size_t u = 0;
    p2psync_result result = ps_pairs_reserve(&out->pairs, fields->count + unset->count);
    while (result == P2PSYNC_OK && (f < fields->count || u < unset->count)) {
        int order = ps_pairs_compare(fields, f, unset, u);
        struct ps_pair pair = order <= 0 ? fields->pair[f] : unset->pair[u];
        bool again = order > 0 && u > 0 && ps_bytes_equal(unset->pair[u - 1].key, pair.key);
        f += order <= 0;
        u += order >= 0;
        if (again) {
            continue; /* a list of names may have one twice */
        }
        const struct ps_pair *old = look_up(layers, at, pair.key);
        if (old != NULL) {
            out->size_bytes -= size_of_pair(old);
            out->pair_count--;
        }
        if (pair.value.size > 0) {
            out->size_bytes += size_of_pair(&pair);
            out->pair_count++;
        }
        if (old != NULL || pair.value.size > 0) {
            out->pairs.pair[out->pairs.count++] = pair;
        }
    }
    return result;
}

/* The pair of a name, or NULL if it is not there. Names are asked for in ascending order: `at` is
 * how far each layer has been looked through. */
static const struct ps_pair *look_up(const struct ps_layers *layers, size_t *at,
                                     struct ps_bytes name)
{
    for (size_t i = layers->layer_count; i > 0; i--) {
        const struct ps_pairs *layer = &layers->layer[i - 1];
        at[i - 1] = seek(layer, at[i - 1], name);
        if (at[i - 1] < layer->count && ps_bytes_equal(layer->pair[at[i - 1]].key, name)) {
            const struct ps_pair *pair = &layer->pair[at[i - 1]];
            return pair->value.size > 0 ? pair : NULL;
        }
    }
    return NULL;
}

/* The first place from `from` on whose name is not below `name`. In steps that double, so that a
 * few names are found fast among many, and many one after the other. */
static size_t seek(const struct ps_pairs *pairs, size_t from, struct ps_bytes name)
{
    size_t low = from; /* all before it are below */
    size_t step = 1;
    while (low + step <= pairs->count &&
           ps_bytes_compare(pairs->pair[low + step - 1].key, name) < 0) {
        low += step;
        step *= 2;
    }
    size_t high = low + step <= pairs->count ? low + step - 1 : pairs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ps_bytes_compare(pairs->pair[middle].key, name) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Make one layer of the two newest. In the oldest there is nothing to be taken out. */
static p2psync_result merge_top(struct ps_layers *layers)
{
    struct ps_pairs *lower = &layers->layer[layers->layer_count - 2];
    struct ps_pairs *upper = &layers->layer[layers->layer_count - 1];
    bool is_oldest = layers->layer_count == 2;
    struct ps_pairs merged = {.count = 0};
    size_t l = 0;
    size_t u = 0;
    p2psync_result result = ps_pairs_reserve(&merged, lower->count + upper->count);
    if (result != P2PSYNC_OK) {
        return result;
    }
    while (l < lower->count || u < upper->count) {
        int order = ps_pairs_compare(lower, l, upper, u);
        const struct ps_pair *pair = order < 0 ? &lower->pair[l] : &upper->pair[u];
        l += order <= 0;
        u += order >= 0;
        if (!is_oldest || pair->value.size > 0) {
            merged.pair[merged.count++] = *pair;
        }
    }
    ps_pairs_free(lower);
    ps_pairs_free(upper);
    layers->is_whole = layers->is_whole && !is_oldest;
    *lower = merged;
    layers->layer_count--;
    return P2PSYNC_OK;
}

p2psync_result ps_layers_write(struct ps_layers *layers, struct ps_buf *out)
{
    struct ps_writer writer;
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && layers->layer_count > 2) {
        result = merge_top(layers);
    }
    if (result != P2PSYNC_OK || !layers->is_map) {
        return result;
    }
    size_t start = out->size;
    ps_writer_init(&writer, out);
    ps_write_map(&writer, layers->pair_count);
    write_two(layers, &writer);
    result = ps_writer_finish(&writer);
    if (result != P2PSYNC_OK) {
        ps_buf_truncate(out, start);
    }
    assert(result != P2PSYNC_OK ||
           out->size - start == size_of_header(layers->pair_count) + layers->size_bytes);
    return result;
}

/* What lies between two names of the upper layer is written as a whole. */
static void write_two(const struct ps_layers *layers, struct ps_writer *writer)
{
    static const struct ps_pairs none = {.count = 0};
    const struct ps_pairs *lower = &layers->layer[0];
    const struct ps_pairs *upper = layers->layer_count > 1 ? &layers->layer[1] : &none;
    size_t at = 0;
    for (size_t i = 0; i < upper->count; i++) {
        const struct ps_pair *pair = &upper->pair[i];
        size_t next = seek(lower, at, pair->key);
        write_pairs(lower, at, next, layers->is_whole, writer);
        at = next;
        if (at < lower->count && ps_bytes_equal(lower->pair[at].key, pair->key)) {
            at++;
        }
        if (pair->value.size > 0) {
            write_pairs(upper, i, i + 1, false, writer);
        }
    }
    write_pairs(lower, at, lower->count, layers->is_whole, writer);
}

static void write_pairs(const struct ps_pairs *pairs, size_t from, size_t to, bool is_whole,
                        struct ps_writer *writer)
{
    if (is_whole && from < to) {
        const uint8_t *begin = begin_of_pair(&pairs->pair[from]);
        struct ps_bytes last = pairs->pair[to - 1].value;
        ps_write_raw(writer, ps_bytes(begin, (size_t)(last.data + last.size - begin)));
        return;
    }
    for (size_t i = from; i < to; i++) {
        ps_write_str(writer, pairs->pair[i].key);
        ps_write_raw(writer, pairs->pair[i].value);
    }
}

/* Where it begins if it lies as it will be written. */
static const uint8_t *begin_of_pair(const struct ps_pair *pair)
{
    return pair->key.data - ps_pairs_key_header(pair->key.size);
}

/* As it is written: a header, the name, and the value. */
static size_t size_of_pair(const struct ps_pair *pair)
{
    return ps_pairs_key_header(pair->key.size) + pair->key.size + pair->value.size;
}

static size_t size_of_header(size_t pair_count)
{
    return pair_count < 16 ? 1 : pair_count <= UINT16_MAX ? 3 : 5;
}

void ps_layers_deinit(struct ps_layers *layers)
{
    for (size_t i = 0; i < layers->layer_count; i++) {
        ps_pairs_free(&layers->layer[i]);
    }
    *layers = (struct ps_layers){.layer_count = 0};
}
