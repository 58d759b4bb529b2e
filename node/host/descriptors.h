/* Descriptors: whether this process may still open some. libzmq and czmq end the process where they
 * find none left, so whoever uses them asks here first. */
#ifndef PS_NODE_HOST_DESCRIPTORS_H
#define PS_NODE_HOST_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>

/* Left to the node itself by connections, which others open: for beacons, names to look up,
 * clients, commands and files. */
#define PS_DESCRIPTORS_KEPT 16

/* Whether at least `count` more may be opened. Opens none. Thread  any. */
bool ps_descriptors_left(size_t count);

#endif
