/* CRC-32C: the remainder of the polynomial 0x1EDC6F41 (Castagnoli), bits reflected, as in iSCSI and
 * ext4. It finds any change of up to three bits, and all but one in 2^32 of others. It is no
 * protection against anybody: what was signed is checked by its hashes. */
#ifndef PS_STORE_ENV_CHECKSUM_H
#define PS_STORE_ENV_CHECKSUM_H

#include "wire/bytes.h"

#define PS_CHECKSUM_SIZE 4

/* The checksum of `before` (0: nothing) and then `bytes`. Thread  any. */
uint32_t ps_checksum(uint32_t before, struct ps_bytes bytes);

#endif
