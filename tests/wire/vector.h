/* Reads the files of tests/vectors: see the README there. */
#ifndef TESTS_WIRE_VECTOR_H
#define TESTS_WIRE_VECTOR_H

#include "wire/bytes.h"

#define VECTOR_ITEMS_MAX      32
#define VECTOR_VALUE_SIZE_MAX ((size_t)64 << 20) /* bytes of one value */

struct vector {
    char name[VECTOR_ITEMS_MAX][32];
    struct ps_buf value[VECTOR_ITEMS_MAX];
    size_t count;
};

/* Read tests/vectors/<name>.hex; ends the test if that fails. */
void vector_read(struct vector *vector, const char *name);
void vector_free(struct vector *vector);

/* Append what the text of a value stands for, pieces of hex and repetitions; false if it is no such
 * text, or too large for `out`, which then has some of it. */
bool vector_parse(const char *text, struct ps_buf *out);

/* One value; ends the test if there is none of that name. */
struct ps_bytes vector_get(const struct vector *vector, const char *name);
uint64_t vector_uint(const struct vector *vector, const char *name);

#endif
