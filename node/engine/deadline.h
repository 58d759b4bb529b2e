/* Deadlines: monotonic milliseconds. */
#ifndef PS_NODE_ENGINE_DEADLINE_H
#define PS_NODE_ENGINE_DEADLINE_H

#include <stdint.h>

#define PS_NEVER UINT64_MAX

/* The earlier of two. */
static inline uint64_t ps_deadline_sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

#endif
