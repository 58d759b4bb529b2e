/* Bytes: views and the capped buffer that everything encoded is written to. The buffer never holds
 * more than its cap, so whoever fills it from outside is bounded by whoever made it. */
#include "wire/bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 64

struct ps_bytes ps_bytes_text(const char *text)
{
    return ps_bytes(text, strlen(text));
}

bool ps_bytes_equal(struct ps_bytes a, struct ps_bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

int ps_bytes_compare(struct ps_bytes a, struct ps_bytes b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    if (order != 0) {
        return order;
    }
    return (a.size > b.size) - (a.size < b.size);
}

void ps_buf_init(struct ps_buf *buf, size_t size_max)
{
    *buf = (struct ps_buf){.size_max = size_max};
}

void ps_buf_deinit(struct ps_buf *buf)
{
    free(buf->data);
    *buf = (struct ps_buf){.size_max = buf->size_max};
}

p2psync_result ps_buf_append(struct ps_buf *buf, const void *data, size_t size)
{
    if (size == 0) {
        return P2PSYNC_OK;
    }
    uint8_t *room = NULL;
    p2psync_result result = ps_buf_extend(buf, size, &room);
    if (result == P2PSYNC_OK) {
        memcpy(room, data, size);
    }
    return result;
}

p2psync_result ps_buf_extend(struct ps_buf *buf, size_t size, uint8_t **room_out)
{
    assert(buf->size <= buf->capacity || buf->capacity == 0);
    assert(buf->size <= buf->size_max);
    if (size > buf->size_max - buf->size) {
        return P2PSYNC_ELIMIT;
    }
    size_t needed = buf->size + size;
    if (needed > buf->capacity || buf->data == NULL) {
        size_t capacity = buf->capacity > buf->size_max / 2 ? buf->size_max : buf->capacity * 2;
        if (capacity < needed) {
            capacity = needed;
        }
        if (capacity < CAPACITY_MIN) {
            capacity = buf->size_max < CAPACITY_MIN ? buf->size_max : CAPACITY_MIN;
        }
        uint8_t *data = realloc(buf->data, capacity == 0 ? 1 : capacity);
        if (data == NULL) {
            return P2PSYNC_ENOMEM;
        }
        buf->data = data;
        buf->capacity = capacity;
    }
    *room_out = buf->data + buf->size;
    buf->size = needed;
    return P2PSYNC_OK;
}

void ps_buf_truncate(struct ps_buf *buf, size_t size)
{
    assert(size <= buf->size);
    buf->size = size;
}

void ps_buf_clear(struct ps_buf *buf)
{
    buf->size = 0;
}

struct ps_bytes ps_buf_view(const struct ps_buf *buf)
{
    return ps_bytes(buf->data, buf->size);
}

void ps_put_u16(uint8_t out[static 2], uint16_t value)
{
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
}

void ps_put_u32(uint8_t out[static 4], uint32_t value)
{
    ps_put_u16(out, (uint16_t)(value >> 16));
    ps_put_u16(out + 2, (uint16_t)value);
}

void ps_put_u64(uint8_t out[static 8], uint64_t value)
{
    ps_put_u32(out, (uint32_t)(value >> 32));
    ps_put_u32(out + 4, (uint32_t)value);
}
