/* The property that every decoder has: what it takes is encoded, and that decodes to the same
 * again. Encoding is the shortest form, so the input itself may be longer. */
#ifndef TESTS_FUZZ_TWICE_H
#define TESTS_FUZZ_TWICE_H

#include <stdlib.h>

#include "tests/wire/recode.h"
#include "wire/limits.h"

static inline void twice(const uint8_t *data, size_t size, recode_fn *recode)
{
    struct ps_buf once;
    struct ps_buf again;
    ps_buf_init(&once, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&again, PS_MESSAGE_SIZE_MAX);
    if (recode(ps_bytes(data, size), &once) == P2PSYNC_OK &&
        (recode(ps_buf_view(&once), &again) != P2PSYNC_OK ||
         !ps_bytes_equal(ps_buf_view(&once), ps_buf_view(&again)))) {
        abort();
    }
    ps_buf_deinit(&again);
    ps_buf_deinit(&once);
}

#endif
