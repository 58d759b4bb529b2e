/* The code that `p2psync invite` shows: "P2P1" and Crockford base32 of
 *
 *     version (1 byte, 1) | device (32) | token (16) | count (1) | endpoints | first 4 bytes of
 * BLAKE2b-256 of all before
 *
 * where an endpoint is type (1 byte: 4 IPv4, 6 IPv6, 0 a name) | address (4, 16, or 1 + length) |
 * port (2). Only capitals and digits, so that a QR code of it is small; case, spaces and dashes do
 * not matter when it is read. */
#ifndef PS_WIRE_PAIRING_CODE_H
#define PS_WIRE_PAIRING_CODE_H

#include "wire/id.h"

#define PS_PAIRING_CODE_SIZE_MAX 2048 /* characters, with the NUL */

struct ps_pairing_code {
    struct ps_device device;
    uint8_t token[PS_TOKEN_SIZE];
    size_t endpoint_count;
    char endpoints[PS_INVITE_ENDPOINTS_MAX][PS_ENDPOINT_SIZE_MAX + 1]; /* "host:port", IPv6 in [] */
};

/* Errors  P2PSYNC_EFORMAT an endpoint is not "host:port"; P2PSYNC_ELIMIT. */
p2psync_result ps_pairing_code_encode(const struct ps_pairing_code *code,
                                      char out[static PS_PAIRING_CODE_SIZE_MAX]) P2PSYNC_MUST_CHECK;

/* Errors  P2PSYNC_EFORMAT no code, or mistyped (the check bytes differ); P2PSYNC_EVERSION. */
p2psync_result ps_pairing_code_decode(const char *text,
                                      struct ps_pairing_code *out) P2PSYNC_MUST_CHECK;

#endif
