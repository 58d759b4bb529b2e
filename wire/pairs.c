/* Sorted lists of the pairs of maps, on a stack of them, so that maps within maps are listed after
 * their parents and cut off again. */
#include "wire/pairs.h"

#include <assert.h>
#include <stdlib.h>

#include "wire/codec.h"
#include "wire/limits.h"

static void sort(struct ps_pairs *pairs, size_t begin);
static int compare_pairs(const void *a, const void *b);

p2psync_result ps_pairs_list(struct ps_pairs *pairs, struct ps_bytes map)
{
    if (map.size == 0) {
        return P2PSYNC_OK;
    }
    struct ps_reader reader;
    size_t begin = pairs->count;
    ps_reader_init(&reader, map);
    uint32_t count = ps_read_map(&reader);
    p2psync_result result = ps_pairs_reserve(pairs, count);
    if (result != P2PSYNC_OK) {
        return result;
    }
    for (uint32_t i = 0; i < count && reader.error == P2PSYNC_OK; i++) {
        struct ps_pair *pair = &pairs->pair[pairs->count++];
        pair->key = ps_read_str(&reader, PS_VALUE_SIZE_MAX);
        pair->value = ps_read_value(&reader, PS_DEPTH_MAX);
    }
    sort(pairs, begin);
    return reader.error;
}

p2psync_result ps_pairs_list_names(struct ps_pairs *pairs, struct ps_bytes names)
{
    if (names.size == 0) {
        return P2PSYNC_OK;
    }
    struct ps_reader reader;
    ps_reader_init(&reader, names);
    uint32_t count = ps_read_array(&reader);
    p2psync_result result = ps_pairs_reserve(pairs, count);
    if (result != P2PSYNC_OK) {
        return result;
    }
    for (uint32_t i = 0; i < count && reader.error == P2PSYNC_OK; i++) {
        pairs->pair[pairs->count++] =
            (struct ps_pair){.key = ps_read_str(&reader, PS_UNSET_SIZE_MAX)};
    }
    sort(pairs, 0);
    return ps_reader_finish(&reader) == P2PSYNC_OK ? P2PSYNC_OK : P2PSYNC_EFORMAT;
}

p2psync_result ps_pairs_reserve(struct ps_pairs *pairs, size_t count)
{
    size_t needed = pairs->count + count;
    if (needed > pairs->capacity) {
        size_t capacity = needed < 2 * pairs->capacity ? 2 * pairs->capacity : needed;
        struct ps_pair *pair = reallocarray(pairs->pair, capacity, sizeof *pair);
        if (pair == NULL) {
            return P2PSYNC_ENOMEM;
        }
        pairs->pair = pair;
        pairs->capacity = capacity;
    }
    return P2PSYNC_OK;
}

/* Maps that we wrote are sorted already. */
static void sort(struct ps_pairs *pairs, size_t begin)
{
    for (size_t i = begin + 1; i < pairs->count; i++) {
        if (compare_pairs(&pairs->pair[i - 1], &pairs->pair[i]) > 0) {
            qsort(pairs->pair + begin, pairs->count - begin, sizeof *pairs->pair, compare_pairs);
            return;
        }
    }
}

int ps_pairs_compare(const struct ps_pairs *left, size_t left_at, const struct ps_pairs *right,
                     size_t right_at)
{
    assert(left_at < left->count || right_at < right->count);
    if (left_at >= left->count) {
        return 1;
    }
    return right_at >= right->count
               ? -1
               : ps_bytes_compare(left->pair[left_at].key, right->pair[right_at].key);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct ps_pair *left = a;
    const struct ps_pair *right = b;
    return ps_bytes_compare(left->key, right->key);
}

size_t ps_pairs_key_header(size_t size)
{
    return size < 32 ? 1 : size <= UINT8_MAX ? 2 : size <= UINT16_MAX ? 3 : 5;
}

void ps_pairs_free(struct ps_pairs *pairs)
{
    free(pairs->pair);
    *pairs = (struct ps_pairs){.count = 0};
}
