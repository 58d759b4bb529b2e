/* A bounded walk over untrusted MessagePack. Everything that comes from network, disk or user
 * passes here before anything is parsed: counts are checked against the bytes left, depth against a
 * limit, and nothing is allocated (msgpack-c allocates 96 GB for a five-byte array header). */
#ifndef PS_WIRE_SCAN_H
#define PS_WIRE_SCAN_H

#include "wire/bytes.h"

typedef enum ps_token_type {
    PS_TOKEN_NIL,
    PS_TOKEN_BOOL,
    PS_TOKEN_UINT,  /* any integer >= 0 */
    PS_TOKEN_INT,   /* any integer < 0 */
    PS_TOKEN_FLOAT, /* 32 or 64 bits: see token size */
    PS_TOKEN_STR,
    PS_TOKEN_BIN,
    PS_TOKEN_EXT,
    PS_TOKEN_ARRAY,
    PS_TOKEN_MAP,
} ps_token_type;

struct ps_token {
    ps_token_type type;
    size_t size;   /* bytes the token takes: its header, and its contents unless array or map */
    uint64_t uint; /* bool, uint; int as two's complement; float: its bits, 32 or 64 */
    struct ps_bytes bytes; /* contents of str, bin, ext */
    uint32_t count; /* elements of an array, pairs of a map; never more than the bytes left */
};

/* Read the token at the start of `input`.
 *
 * Errors  P2PSYNC_EFORMAT it ends too early, claims more than is left, or begins with 0xc1.
 */
p2psync_result ps_scan_token(struct ps_bytes input, struct ps_token *out) P2PSYNC_MUST_CHECK;

/* Walk one whole value at the start of `input` and tell how many bytes it takes. depth_max 0 admits
 * scalars only; each array or map inside takes one.
 *
 * Errors  P2PSYNC_EFORMAT malformed; P2PSYNC_ELIMIT nested deeper than depth_max, which is at most
 *         PS_DOCUMENT_DEPTH_MAX.
 */
p2psync_result ps_scan_value(struct ps_bytes input, unsigned depth_max,
                             size_t *size_out) P2PSYNC_MUST_CHECK;

/* Whether `input` is exactly one value within depth_max, with nothing after it. Errors as above.
 */
p2psync_result ps_scan_exact(struct ps_bytes input, unsigned depth_max) P2PSYNC_MUST_CHECK;

/* The bytes that the first character of `text` takes, and its number; 0 if it is none, or `text` is
 * empty. */
size_t ps_scan_character(struct ps_bytes text, uint32_t *code_out);

/* Whether `text` is valid UTF-8 (no overlong forms, no surrogates, at most U+10FFFF). */
bool ps_scan_utf8(struct ps_bytes text);

#endif
