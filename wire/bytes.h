/* Bytes: a view (`ps_bytes`, by value, owns nothing) and a growing, capped buffer (`ps_buf`, owned
 * by whoever declares it). All integers in keys, hashes and beacons are big-endian and pass through
 * here. */
#ifndef PS_WIRE_BYTES_H
#define PS_WIRE_BYTES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p2psync.h>

struct ps_bytes {
    const uint8_t *data; /* may be NULL if size is 0 */
    size_t size;
};

/* Invariant: size <= capacity <= size_max. A zeroed one with `size_max` set is empty and valid. */
struct ps_buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t size_max;
};

/* It is inline, because every token of every message passes through it. */
static inline struct ps_bytes ps_bytes(const void *data, size_t size)
{
    assert(data != NULL || size == 0);
    return (struct ps_bytes){.data = data, .size = size};
}

/* A view of the characters of `text`, without its NUL. */
struct ps_bytes ps_bytes_text(const char *text);

bool ps_bytes_equal(struct ps_bytes a, struct ps_bytes b);

/* Below, at or above 0 as memcmp, a shorter prefix first. */
int ps_bytes_compare(struct ps_bytes a, struct ps_bytes b);

/* An empty buffer that never grows over `size_max` bytes; allocates nothing yet. */
void ps_buf_init(struct ps_buf *buf, size_t size_max);

/* Free what `buf` holds and leave it empty with the same cap. A zeroed one is fine. */
void ps_buf_deinit(struct ps_buf *buf);

/* Append `size` bytes.
 *
 * Errors  P2PSYNC_ELIMIT over size_max; P2PSYNC_ENOMEM. Unchanged after either.
 */
p2psync_result ps_buf_append(struct ps_buf *buf, const void *data, size_t size) P2PSYNC_MUST_CHECK;

/* Make room for `size` more bytes in one step, and give them, uninitialised, as part of the buffer.
 *
 * Errors  P2PSYNC_ELIMIT over size_max; P2PSYNC_ENOMEM. Unchanged after either.
 */
p2psync_result ps_buf_extend(struct ps_buf *buf, size_t size,
                             uint8_t **room_out) P2PSYNC_MUST_CHECK;

/* Forget all but the first `size` bytes; size is at most buf->size. */
void ps_buf_truncate(struct ps_buf *buf, size_t size);

/* Forget the contents, keep the memory. */
void ps_buf_clear(struct ps_buf *buf);

struct ps_bytes ps_buf_view(const struct ps_buf *buf);

void ps_put_u16(uint8_t out[static 2], uint16_t value);
void ps_put_u32(uint8_t out[static 4], uint32_t value);
void ps_put_u64(uint8_t out[static 8], uint64_t value);

/* These are inline, because every read of a record calls them many times. */
static inline uint16_t ps_get_u16(const uint8_t in[static 2])
{
    return (uint16_t)((in[0] << 8) | in[1]);
}

static inline uint32_t ps_get_u32(const uint8_t in[static 4])
{
    return ((uint32_t)ps_get_u16(in) << 16) | ps_get_u16(in + 2);
}

static inline uint64_t ps_get_u64(const uint8_t in[static 8])
{
    return ((uint64_t)ps_get_u32(in) << 32) | ps_get_u32(in + 4);
}

#endif
