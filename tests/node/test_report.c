/* Log records: what is told, and that nothing in them is obeyed by the terminal that shows them. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "node/host/report.h"

static char told[PS_REPORT_SIZE_MAX + 1];
static unsigned count;

static void take(p2psync_log_level level, const char *event, const char *text, void *user)
{
    (void)level;
    (void)event;
    (void)user;
    count++;
    cr_assert_leq(strlen(text), PS_REPORT_SIZE_MAX - 1);
    (void)snprintf(told, sizeof told, "%s", text);
}

static const struct ps_report report = {.log = take, .level = P2PSYNC_LOG_INFO};

Test(report, escapes_names_of_others)
{
    ps_report(&report, P2PSYNC_LOG_INFO, "peer-up", "%s at %s",
              "\xe2\x80\xae"
              "nehctik\x1b[31m"
              "\xe2\x80\xac",
              "a\nb");
    cr_assert_str_eq(told, "\\u202enehctik\\u001b[31m\\u202c at a\\nb");
}

Test(report, cuts_what_is_too_long)
{
    char name[2 * PS_REPORT_SIZE_MAX];
    memset(name, 0x1b, sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ps_report(&report, P2PSYNC_LOG_INFO, "peer-up", "%s", name);
    cr_assert_eq(strlen(told) / 6, (PS_REPORT_SIZE_MAX - 1) / 6, "as many escapes as fit");
    cr_assert_eq(strlen(told) % 6, 0, "whole escapes only");
}

Test(report, tells_nothing_below_its_level)
{
    ps_report(&report, P2PSYNC_LOG_DEBUG, "peer-up", "x");
    cr_assert_eq(count, 0);
}
