/* The kernel tells when the machine's interfaces or addresses change. We only learn that something
 * has changed; ps_interfaces_read() then reads what there is now. */
#ifndef PS_DISCOVERY_CHANGES_H
#define PS_DISCOVERY_CHANGES_H

#include "wire/bytes.h"

/* A descriptor that is readable when something has changed; -1 if the system gives none. The caller
 * closes it. */
int ps_changes_open(void);

/* Take what waits on the descriptor. True if something has changed since the last call. A
 * descriptor of -1 is fine. */
bool ps_changes_take(int descriptor);

#endif
