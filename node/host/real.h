/* Floats as text, the only place where they are printed and read: the fewest digits that read back
 * as the same float, whatever the app's locale is. */
#ifndef PS_NODE_HOST_REAL_H
#define PS_NODE_HOST_REAL_H

#include "wire/bytes.h"

#define PS_REAL_TEXT_SIZE 32 /* "-2.2250738585072014e-308", with its NUL and room */

/* Print the float with these bits, 64 of them, or 32 if it is `single`. There is always a point or
 * an exponent, so that it stays a float: 1.0.
 *
 * Errors  P2PSYNC_EFORMAT it is not finite; P2PSYNC_ENOMEM.
 */
p2psync_result ps_real_print(uint64_t bits, bool single,
                             char out[static PS_REAL_TEXT_SIZE]) P2PSYNC_MUST_CHECK;

/* Read a number of JSON that ends with a NUL.
 *
 * Errors  P2PSYNC_ELIMIT no finite float is near it; P2PSYNC_ENOMEM.
 */
p2psync_result ps_real_parse(const char *text, double *out) P2PSYNC_MUST_CHECK;

#endif
