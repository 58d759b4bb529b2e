/* The fields of records: maps from names to MessagePack values. Checks what a value may be,
 * compares, and applies a delta to a map. All maps that leave here have their top-level names
 * sorted by bytes, each once; the values are the author's own bytes. */
#ifndef PS_WIRE_VALUE_H
#define PS_WIRE_VALUE_H

#include "wire/bytes.h"
#include "wire/limits.h"

/* Whether `value` is exactly one MessagePack value that the store takes (wire/PROTOCOL.md, section
 * 3): no NaN, no infinity, no ext; all strings are UTF-8; all keys of maps are strings without a
 * NUL, each once in its map; nested at most 32 deep.
 *
 * Errors  P2PSYNC_EFORMAT; P2PSYNC_ELIMIT; P2PSYNC_ENOMEM.
 */
p2psync_result ps_value_check(struct ps_bytes value) P2PSYNC_MUST_CHECK;

/* The same for a document, which has values inside of it: nested at most PS_DOCUMENT_DEPTH_MAX
 * deep.
 */
p2psync_result ps_value_check_document(struct ps_bytes value) P2PSYNC_MUST_CHECK;

/* Whether `map` is such a value and may be a record's fields: a map of at most 1 MiB, whose names
 * have 1..255 bytes. Errors as above.
 */
p2psync_result ps_value_check_fields(struct ps_bytes map) P2PSYNC_MUST_CHECK;

/* Whether `text` may be a key of a map: UTF-8 without a NUL. */
bool ps_value_is_key(struct ps_bytes text);

/* Whether two single values are equal as DESIGN section 2 says: integers by value, floats by bits
 * (a float32 is never a float64), strings and bins by bytes, arrays in order, maps regardless of
 * order. Both must have passed ps_value_check_fields() as part of a map; false if memory runs out.
 */
bool ps_value_equal(struct ps_bytes a, struct ps_bytes b);

/* As ps_value_equal(), but running out of memory is an error. For results that are stored and must
 * be the same on all devices.
 *
 * Errors  P2PSYNC_ENOMEM.
 */
p2psync_result ps_value_same(struct ps_bytes a, struct ps_bytes b,
                             bool *same_out) P2PSYNC_MUST_CHECK;

/* Append `value` in its canonical form: every map sorted by key, every header and integer in its
 * shortest form. Two values that passed ps_value_check_fields() are equal if and only if these
 * bytes are.
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_ELIMIT over out's cap: the form is never longer than the value.
 */
p2psync_result ps_value_canonical(struct ps_bytes value, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* A total order of values, for `max` and `min`: below, at or above 0. By type first: nil, booleans,
 * numbers, strings, bins, arrays, maps; numbers by their value, exactly, integers and floats
 * together; strings and bins by their bytes; all else by the bytes of its canonical form.
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_EFORMAT.
 */
p2psync_result ps_value_compare(struct ps_bytes a, struct ps_bytes b,
                                int *order_out) P2PSYNC_MUST_CHECK;

/* A delta: what to set and what to take out. `unset` is a MessagePack array of strings, or empty.
 */
struct ps_delta {
    struct ps_bytes fields; /* a checked map, or empty bytes for none */
    struct ps_bytes unset;
};

/* Append to `out` the map `base` with `delta` on top: unset first, then fields. base is a checked
 * map or empty bytes for none.
 *
 * Errors  P2PSYNC_EFORMAT unset is no array of strings; P2PSYNC_ELIMIT over 1 MiB; P2PSYNC_ENOMEM.
 */
p2psync_result ps_value_apply(struct ps_bytes base, const struct ps_delta *delta,
                              struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* The smallest delta that turns map `from` into map `to`: appends to fields_out a map of what
 * differs and to unset_out an array of the names that went. Either map may be empty bytes.
 * unchanged_out  whether the two are equal.
 *
 * Errors  P2PSYNC_ENOMEM; P2PSYNC_ELIMIT.
 */
p2psync_result ps_value_diff(struct ps_bytes from, struct ps_bytes to, struct ps_buf *fields_out,
                             struct ps_buf *unset_out, bool *unchanged_out) P2PSYNC_MUST_CHECK;

/* The value of one field of a checked map, as its bytes; empty bytes if it has none. */
struct ps_bytes ps_value_field(struct ps_bytes map, struct ps_bytes name);

#endif
