/* Values as tests write them: a little like JSON.
 *
 *     {a: 1, b: -2.5, c: 'text', d: [nil, true, false], e: {x: 1.5f}, f: inf, g: -inf}
 *
 * A number with a point is a float of 64 bits, with an f after it one of 32. Keys are bare words.
 * Arrays and maps have at most 15 elements; no escapes, no commas needed. */
#ifndef TESTS_LIB_LITERAL_H
#define TESTS_LIB_LITERAL_H

#include "wire/bytes.h"

/* Write one value; what is malformed ends the test. The bytes are in a pool of a mebibyte, which
 * literal_clear() empties. */
struct ps_bytes literal(const char *text);
void literal_clear(void);

#endif
