/* What another process of this machine waits for, that does not do what it should. */
#ifndef PS_NODE_HOST_STALLED_H
#define PS_NODE_HOST_STALLED_H

#include <stdint.h>

typedef enum ps_stalled {
    PS_STALLED_UNKNOWN,   /* the system does not tell, or it runs */
    PS_STALLED_SUSPENDED, /* by a signal, or by a debugger */
    PS_STALLED_DISK,      /* a thread of it is in a call that no signal ends, as one to a disk is */
} ps_stalled;

/* Look at all threads of process `pid`. */
ps_stalled ps_stalled_look(int64_t pid);

#endif
