/* What this device signs with, and memory for it and other secrets: in no core file, not swapped
 * where the system allows that (RLIMIT_MEMLOCK), and wiped when it is freed. A page or two each, so
 * it is for what lives long, or is rarely made. */
#ifndef PS_STORE_ENV_SECRET_H
#define PS_STORE_ENV_SECRET_H

#include <stddef.h>
#include <stdint.h>

/* CURVE key pairs are derived from it by whoever opens sockets. */
struct ps_secret {
    uint8_t key[64]; /* Ed25519, libsodium's form: the seed, and the public key */
};

/* NULL if there is no memory; else zeroed. */
struct ps_secret *ps_secret_new(void);
void ps_secret_destroy(struct ps_secret **secret);
void ps_secret_wipe(struct ps_secret *secret);

/* The same for secrets of another kind, of `size` bytes. */
void *ps_secret_allocate(size_t size);
void ps_secret_free(void *memory);

#endif
