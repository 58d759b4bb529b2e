/* Log records: formatted into a bounded line, only if somebody listens at that level. Names and
 * texts of other devices are in them, so what a terminal would obey is escaped. */
#include "node/host/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void ps_report(const struct ps_report *report, p2psync_log_level level, const char *event,
               const char *format, ...)
{
    if (report->log == NULL || level > report->level) {
        return;
    }
    char text[PS_REPORT_SIZE_MAX];
    char shown[PS_REPORT_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    int written = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)p2psync_text_escape(text, written < 0 ? 0 : strlen(text), shown, sizeof shown);
    report->log(level, event, shown, report->user);
}
