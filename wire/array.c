/* Arrays that grow. */
#include "wire/array.h"

#include <stdlib.h>

#define CAPACITY_MIN 16

void *ps_array_room(void *items, size_t count, size_t *capacity, size_t size)
{
    if (items != NULL && count <= *capacity) {
        return items;
    }
    size_t more = *capacity < CAPACITY_MIN / 2 ? CAPACITY_MIN : *capacity * 2;
    more = more < count ? count : more;
    void *larger = reallocarray(items, more, size);
    *capacity = larger == NULL ? *capacity : more;
    return larger;
}
