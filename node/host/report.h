/* Log records on their way to the app's callback. Nothing is reported that is secret: no key, token
 * or value of a field ever passes here. */
#ifndef PS_NODE_HOST_REPORT_H
#define PS_NODE_HOST_REPORT_H

#include <p2psync.h>

#define PS_REPORT_SIZE_MAX 512 /* bytes of one record's text, with its NUL; longer ones are cut */

struct ps_report {
    p2psync_log_fn *log; /* NULL: nothing is reported */
    void *user;
    p2psync_log_level level; /* the least severe one that is reported */
};

/* Report one thing that happened, unless it is below the level asked for.
 *
 * event  a stable name ("peer-up"), static.
 * Thread any, if the app's callback allows it. */
void ps_report(const struct ps_report *report, p2psync_log_level level, const char *event,
               const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
