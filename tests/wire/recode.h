/* Decode a structure and encode what was decoded: for tests and fuzz targets. The result is the
 * code of the decoder, or the encoder's. */
#ifndef TESTS_WIRE_RECODE_H
#define TESTS_WIRE_RECODE_H

#include "wire/bytes.h"

typedef p2psync_result recode_fn(struct ps_bytes input, struct ps_buf *out);

p2psync_result recode_skeleton(struct ps_bytes input, struct ps_buf *out);
p2psync_result recode_body(struct ps_bytes input, struct ps_buf *out);
p2psync_result recode_head(struct ps_bytes input, struct ps_buf *out);

/* Any message that is known; P2PSYNC_ENOTFOUND for a type that is not. */
p2psync_result recode_message(struct ps_bytes input, struct ps_buf *out);

/* The characters of a pairing code, or of a recovery code, without a NUL. */
p2psync_result recode_pairing_code(struct ps_bytes input, struct ps_buf *out);
p2psync_result recode_recovery_code(struct ps_bytes input, struct ps_buf *out);

#endif
