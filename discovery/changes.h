/* Changes of the machine's interfaces and addresses, as the kernel tells of them. That something
 * has changed is all that is taken from it: what there is now is read by ps_interfaces_read(). */
#ifndef PS_DISCOVERY_CHANGES_H
#define PS_DISCOVERY_CHANGES_H

#include "wire/bytes.h"

/* A descriptor, readable when something has changed; -1 if the system does not give one. The
 * caller's to close. */
int ps_changes_open(void);

/* Take what waits. True if something has changed since the last time. -1 is fine. */
bool ps_changes_take(int descriptor);

#endif
