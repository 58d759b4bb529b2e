/* What JSON has no word for, as both directions know it: a map of one key stands for the value.
 *
 *     bin               {"$bytes": BASE64}
 *     a float of 32 bit {"$float32": NUMBER}
 *     kept for later    {"$blob": ...}
 *
 * A map of the data with such an only key is written with one `$` more, and read with one less. */
#ifndef PS_NODE_HOST_JSON_H
#define PS_NODE_HOST_JSON_H

#include "wire/bytes.h"

#define PS_JSON_BYTES   "$bytes"
#define PS_JSON_FLOAT32 "$float32"
#define PS_JSON_BLOB    "$blob"

/* Whether `key` is one of these, with any number of further `$` before it. */
bool ps_json_wraps(struct ps_bytes key);

/* How many bytes a JSON number takes at the beginning of `text`, by RFC 8259 section 6; 0 if there
 * is none. With a point or an exponent it is a float, else an integer. */
size_t ps_json_number(struct ps_bytes text, bool *integer_out);

#endif
