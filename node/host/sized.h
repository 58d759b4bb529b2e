/* Structs of the app, which begin with their size: an app that was built against an earlier header
 * has shorter ones. What such a struct does not hold is not read, and not written. */
#ifndef PS_NODE_HOST_SIZED_H
#define PS_NODE_HOST_SIZED_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes of a struct up to and with a member: what the first version of it held. */
#define PS_SIZED_UP_TO(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))

/* Copy an input, its size first, into `out` of `size` bytes; what the app's lacks becomes zero.
 * False, and `out` untouched: `given` is NULL or shorter than `size_min`. */
bool ps_sized_read(const void *given, size_t size_min, void *out, size_t size);

/* Whether `out` may be filled: not NULL, and no shorter than `size_min`. */
bool ps_sized_valid(const void *out, size_t size_min);

/* Fill a valid output from `full` of `size` bytes, as far as it reaches; its own size stays. */
void ps_sized_write(void *out, const void *full, size_t size);

#endif
