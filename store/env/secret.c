/* libsodium's guarded memory: madvise(MADV_DONTDUMP), mlock() if that is allowed, pages around it
 * that nobody may touch, and wiped at its end. */
#include "store/env/secret.h"

#include <sodium.h>
#include <string.h>

struct ps_secret *ps_secret_new(void)
{
    return ps_secret_allocate(sizeof(struct ps_secret));
}

void ps_secret_destroy(struct ps_secret **secret)
{
    ps_secret_free(*secret);
    *secret = NULL;
}

void ps_secret_wipe(struct ps_secret *secret)
{
    sodium_memzero(secret, sizeof *secret);
}

void *ps_secret_allocate(size_t size)
{
    void *memory = sodium_init() >= 0 ? sodium_malloc(size) : NULL;
    if (memory != NULL) {
        memset(memory, 0, size);
    }
    return memory;
}

void ps_secret_free(void *memory)
{
    sodium_free(memory); /* NULL is fine */
}
