/* The recovery key of a mesh, and its code, which `p2psync init` shows once: "P2R1" and Crockford
 * base32 of
 *
 *     secret (16 bytes) | first 4 bytes of BLAKE2b-256 of it
 *
 * in groups of four: P2R1-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX. The key is Ed25519, its seed is
 * BLAKE2b-256("p2psync recovery seed 1" || secret), and its public key is a valid id. The code lies
 * on paper for years and is typed from it. So the secret is as short as it may be, and who reads a
 * code says what is wrong with it. Case, blanks and dashes do not matter.
 *
 * No function here leaves a secret behind, but in what the caller gave it for that. */
#ifndef PS_WIRE_RECOVERY_CODE_H
#define PS_WIRE_RECOVERY_CODE_H

#include "wire/id.h"

#define PS_RECOVERY_CODE_SIZE 45 /* characters of a code as it is written, with the NUL */
#define PS_RECOVERY_KEY_SIZE  64 /* libsodium's form: the seed, and the public key */

void ps_recovery_code_encode(const uint8_t secret[static PS_RECOVERY_SIZE],
                             char out[static PS_RECOVERY_CODE_SIZE]);

/* Read what somebody has typed.
 *
 * why_out  after an error what is wrong with it, a static sentence without full stop.
 *
 * Errors   P2PSYNC_EFORMAT no code, mistyped, or of a later version.
 */
p2psync_result ps_recovery_code_decode(const char *text,
                                       uint8_t secret_out[static PS_RECOVERY_SIZE],
                                       const char **why_out) P2PSYNC_MUST_CHECK;

/* The key pair of a secret. False: its public key is no valid id, as happens to every other secret;
 * then nothing is filled in. */
bool ps_recovery_code_key(const uint8_t secret[static PS_RECOVERY_SIZE],
                          uint8_t key_out[static PS_RECOVERY_KEY_SIZE]);

#endif
