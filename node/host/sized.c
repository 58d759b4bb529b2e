/* Structs of the app that begin with their size. */
#include "node/host/sized.h"

#include <string.h>

static size_t size_of(const void *sized);

bool ps_sized_read(const void *given, size_t size_min, void *out, size_t size)
{
    if (!ps_sized_valid(given, size_min)) {
        return false;
    }
    size_t given_size = size_of(given);
    memset(out, 0, size);
    memcpy(out, given, given_size < size ? given_size : size);
    return true;
}

bool ps_sized_valid(const void *out, size_t size_min)
{
    return out != NULL && size_of(out) >= size_min;
}

void ps_sized_write(void *out, const void *full, size_t size)
{
    size_t out_size = size_of(out);
    size_t copied = out_size < size ? out_size : size;
    size_t first = sizeof out_size;
    if (copied > first) {
        memcpy((char *)out + first, (const char *)full + first, copied - first);
    }
}

static size_t size_of(const void *sized)
{
    size_t size = 0;
    memcpy(&size, sized, sizeof size);
    return size;
}
