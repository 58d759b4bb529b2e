/* What a failed call into the system means, as a result. */
#ifndef PS_WIRE_ERROR_H
#define PS_WIRE_ERROR_H

#include <p2psync.h>

/* number  errno after a call that failed; P2PSYNC_EIO for what has no better result. */
p2psync_result ps_error_of_errno(int number) P2PSYNC_MUST_CHECK;

#endif
