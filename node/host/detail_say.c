/* A sentence in a detail. It is in a file of its own because clang-tidy 14, among other functions,
 * takes its list of arguments for one that was not begun. */
#include <stdarg.h>
#include <stdio.h>

#include "node/host/detail.h"

p2psync_result ps_detail_say(struct p2psync_detail *detail, p2psync_result result,
                             const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail->text, sizeof detail->text, format, arguments);
    va_end(arguments);
    return result;
}
