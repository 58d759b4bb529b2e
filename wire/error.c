/* Results as text: generated from the one list in p2psync.h, and total over all numbers, so that a
 * result of a later version still prints. And the one table from the system's errors to results. */
#include "wire/error.h"

#include <errno.h>

const char *p2psync_strerror(int result)
{
    switch (result) {
#define RESULT_TEXT(name, number, text)                                                            \
    case (number):                                                                                 \
        return (text);
        P2PSYNC_RESULTS(RESULT_TEXT)
#undef RESULT_TEXT
    default:
        return "an unknown error";
    }
}

const char *p2psync_result_name(int result)
{
    switch (result) {
#define RESULT_NAME(name, number, text)                                                            \
    case (number):                                                                                 \
        return "P2PSYNC_" #name;
        P2PSYNC_RESULTS(RESULT_NAME)
#undef RESULT_NAME
    default:
        return "P2PSYNC_UNKNOWN";
    }
}

const char *p2psync_version(void)
{
#define TEXT_OF(number)      #number
#define TEXT_OF_VALUE(macro) TEXT_OF(macro)
    return TEXT_OF_VALUE(P2PSYNC_VERSION_MAJOR) "." TEXT_OF_VALUE(
        P2PSYNC_VERSION_MINOR) "." TEXT_OF_VALUE(P2PSYNC_VERSION_PATCH);
}

p2psync_result ps_error_of_errno(int number)
{
    switch (number) {
    case EACCES:
    case EPERM:
    case EROFS:
        return P2PSYNC_EDENIED;
    case ENOSPC:
    case EDQUOT:
        return P2PSYNC_ENOSPC;
    case EMFILE:
    case ENFILE:
        return P2PSYNC_EFILES;
    case ENOMEM:
    case ENOBUFS:
        return P2PSYNC_ENOMEM;
    default:
        return P2PSYNC_EIO;
    }
}
