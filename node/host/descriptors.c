/* The numbers below the limit are looked at from above: most processes use few of them, and the
 * system gives out the lowest first. */
#include "node/host/descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>

bool ps_descriptors_left(size_t count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return false;
    }
    size_t left = 0;
    for (rlim_t i = limit.rlim_cur; i > 0 && left < count; i--) {
        left += fcntl((int)(i - 1), F_GETFD) < 0 ? 1 : 0; /* there is no such descriptor */
    }
    return left >= count;
}
