/* Crockford base32, for what people read aloud and type: no I, L, O or U is ever written; O is read
 * as 0, I and L as 1, and case does not matter. Bits are taken from the top of each byte; the last
 * digit is filled up with zero bits. */
#ifndef PS_WIRE_BASE32_H
#define PS_WIRE_BASE32_H

#include "wire/bytes.h"

/* How many digits `size` bytes take. */
#define PS_BASE32_DIGITS(size) (((size)*8 + 4) / 5)

/* Write PS_BASE32_DIGITS(bytes.size) digits, without a NUL. */
void ps_base32_encode(struct ps_bytes bytes, char *out);

/* The value 0..31 of one digit, or -1. */
int ps_base32_value(char digit);

/* The value of the next digit of what a person has typed, whose blanks, line ends and dashes are
 * passed over; -1 for another character; PS_BASE32_END at the end of the text. Moves on behind it.
 */
#define PS_BASE32_END (-2)
int ps_base32_next(const char **text);

#endif
