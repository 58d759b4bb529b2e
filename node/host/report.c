/* Log records: formatted into a bounded line, only if somebody listens at that level. */
#include "node/host/report.h"

#include <stdarg.h>
#include <stdio.h>

void ps_report(const struct ps_report *report, p2psync_log_level level, const char *event,
               const char *format, ...)
{
    if (report->log == NULL || level > report->level) {
        return;
    }
    char text[PS_REPORT_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    report->log(level, event, written < 0 ? "" : text, report->user);
}
