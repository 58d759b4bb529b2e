/* What a target is told by its input, bit by bit: a byte at a time decides, and when none are left
 * every answer is 0. */
#ifndef TESTS_FUZZ_LOT_H
#define TESTS_FUZZ_LOT_H

#include <stdlib.h>

#include "wire/bytes.h"

struct lot {
    struct ps_bytes rest;
};

/* 0..255 */
static inline unsigned lot_byte(struct lot *lot)
{
    if (lot->rest.size == 0) {
        return 0;
    }
    unsigned byte = *lot->rest.data;
    lot->rest = ps_bytes(lot->rest.data + 1, lot->rest.size - 1);
    return byte;
}

/* 0..count - 1; 0 if that is less than 0. */
static inline uint64_t lot_below(struct lot *lot, uint64_t count)
{
    return count == 0 ? 0 : lot_byte(lot) % count;
}

/* A length, and as many bytes as are there. */
static inline struct ps_bytes lot_bytes(struct lot *lot)
{
    size_t size = lot_byte(lot);
    size = size < lot->rest.size ? size : lot->rest.size;
    struct ps_bytes bytes = ps_bytes(lot->rest.data, size);
    lot->rest = ps_bytes(lot->rest.data + size, lot->rest.size - size);
    return bytes;
}

static inline void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

#endif
