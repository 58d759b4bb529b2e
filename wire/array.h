/* Arrays that grow: one way to make room in them. */
#ifndef PS_WIRE_ARRAY_H
#define PS_WIRE_ARRAY_H

#include <stddef.h>

/* The same items in an array that has room for `count` of them, of `size` bytes each.
 *
 * items     from malloc() or NULL; freed by the caller.
 * capacity  of the array, and afterwards of the one returned: what grows doubles.
 * Returns   NULL if there is no memory; then the array and its capacity are as they were.
 */
void *ps_array_room(void *items, size_t count, size_t *capacity, size_t size);

#endif
