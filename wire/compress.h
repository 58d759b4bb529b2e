/* zstd (RFC 8878) for the entries of CHANGES. What comes from a peer is held against its claimed
 * and its real size before and while it is unpacked, so a small message cannot become a large one.
 */
#ifndef PS_WIRE_COMPRESS_H
#define PS_WIRE_COMPRESS_H

#include "wire/bytes.h"

/* Append `input` compressed, if that is smaller.
 *
 * Errors  P2PSYNC_ELIMIT it is not smaller; P2PSYNC_ENOMEM. Nothing was appended.
 */
p2psync_result ps_compress(struct ps_bytes input, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Append what `input`, one whole frame that states its size, unpacks to.
 *
 * size_max  bytes that it may unpack to.
 * Errors    P2PSYNC_EFORMAT not such a frame; P2PSYNC_ELIMIT over size_max; P2PSYNC_ENOMEM. Nothing
 * was appended.
 */
p2psync_result ps_decompress(struct ps_bytes input, size_t size_max,
                             struct ps_buf *out) P2PSYNC_MUST_CHECK;

#endif
