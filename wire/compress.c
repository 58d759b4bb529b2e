/* zstd, as wire/compress.h says. Level 1: a LAN is faster than any other level. */
#include "wire/compress.h"

#include <zstd.h>
#include <zstd_errors.h>

#define LEVEL 1

p2psync_result ps_compress(struct ps_bytes input, struct ps_buf *out)
{
    uint8_t *room = NULL;
    size_t before = out->size;
    if (input.size < 2) {
        return P2PSYNC_ELIMIT;
    }
    p2psync_result result = ps_buf_extend(out, input.size - 1, &room);
    if (result != P2PSYNC_OK) {
        return result;
    }
    size_t size = ZSTD_compress(room, input.size - 1, input.data, input.size, LEVEL);
    if (ZSTD_isError(size)) {
        ps_buf_truncate(out, before);
        return ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation ? P2PSYNC_ENOMEM
                                                                       : P2PSYNC_ELIMIT;
    }
    ps_buf_truncate(out, before + size);
    return P2PSYNC_OK;
}

p2psync_result ps_decompress(struct ps_bytes input, size_t size_max, struct ps_buf *out)
{
    uint8_t *room = NULL;
    size_t before = out->size;
    unsigned long long claimed = ZSTD_getFrameContentSize(input.data, input.size);
    if (claimed == ZSTD_CONTENTSIZE_UNKNOWN || claimed == ZSTD_CONTENTSIZE_ERROR || claimed == 0 ||
        ZSTD_findFrameCompressedSize(input.data, input.size) != input.size) {
        return P2PSYNC_EFORMAT;
    }
    if (claimed > size_max) {
        return P2PSYNC_ELIMIT;
    }
    p2psync_result result = ps_buf_extend(out, (size_t)claimed, &room);
    if (result != P2PSYNC_OK) {
        return result;
    }
    size_t size = ZSTD_decompress(room, (size_t)claimed, input.data, input.size);
    if (size != claimed) {
        ps_buf_truncate(out, before);
        return ZSTD_isError(size) && ZSTD_getErrorCode(size) == ZSTD_error_memory_allocation
                   ? P2PSYNC_ENOMEM
                   : P2PSYNC_EFORMAT;
    }
    return P2PSYNC_OK;
}
