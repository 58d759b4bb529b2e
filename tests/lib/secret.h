/* The secret of an identity that a test has made, and whose seed it knows. */
#ifndef TESTS_LIB_SECRET_H
#define TESTS_LIB_SECRET_H

#include <string.h>

#include "store/env/identity.h"

static inline void secret_of_identity(const struct ps_identity *identity, struct ps_secret *out)
{
    memcpy(out->key, identity->seed, PS_SEED_SIZE);
    memcpy(out->key + PS_SEED_SIZE, identity->device.key, PS_DEVICE_SIZE);
}

#endif
