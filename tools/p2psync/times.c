/* Times are read by hand: strptime() passes over much that is no time. */
#include "tools/p2psync/times.h"

#include <string.h>
#include <time.h>

#include "tools/p2psync/fail.h"
#include "tools/p2psync/options.h"
#include "tools/p2psync/output.h"

/* A time of day, and the zone that it is in. */
struct clock_time {
    int hour;
    int minute;
    int second;
    unsigned ms;
    bool zoned;
    int offset_minutes;
};

static bool duration(const char *text, uint64_t max, uint64_t *ms_out);
static bool clock_at(const char *text, struct clock_time *out);
static bool moment(struct tm day, const struct clock_time *clock, uint64_t *ms_out);
static int digits_at(const char **text, unsigned count, char end);
static bool fraction_at(const char **text, unsigned *ms_out);
static bool offset_at(const char **text, int *minutes_out);

bool times_duration(const char *text, uint32_t *ms_out)
{
    uint64_t ms = 0;

    if (!duration(text, UINT32_MAX, &ms)) {
        return false;
    }
    *ms_out = (uint32_t)ms;
    return true;
}

static bool duration(const char *text, uint64_t max, uint64_t *ms_out)
{
    static const struct {
        char letter;
        uint64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
    char digits[16];
    size_t size = strlen(text);
    uint64_t number = 0;

    if (size < 2 || size > sizeof digits) {
        return false;
    }
    memcpy(digits, text, size - 1);
    digits[size - 1] = '\0';
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].letter == text[size - 1]) {
            if (!options_number(digits, max / units[i].ms, &number) || number == 0) {
                return false;
            }
            *ms_out = number * units[i].ms;
            return true;
        }
    }
    return false;
}

bool times_parse(const char *text, uint64_t *ms_out)
{
    struct tm day = {0};
    struct tm checked;
    struct clock_time clock = {0};
    const char *rest = text;

    day.tm_year = digits_at(&rest, 4, '-') - 1900;
    day.tm_mon = digits_at(&rest, 2, '-') - 1;
    day.tm_mday = digits_at(&rest, 2, 0);
    if (rest == NULL) {
        return false;
    }
    if (*rest != '\0' &&
        ((*rest != 'T' && *rest != 't' && *rest != ' ') || !clock_at(rest + 1, &clock))) {
        return false;
    }
    /* timegm() makes the 31st of February a day in March: no such day was meant. */
    checked = day;
    (void)timegm(&checked);
    return checked.tm_mon == day.tm_mon && checked.tm_mday == day.tm_mday &&
           moment(day, &clock, ms_out);
}

static bool since(const char *text, uint64_t *ms_out)
{
    static const char *const days[] = {"today", "yesterday"}; /* each one day before the last */
    struct timespec now = {0};
    uint64_t now_ms;
    uint64_t back_ms = 0;

    if (times_parse(text, ms_out)) {
        return true;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    for (size_t i = 0; i < sizeof days / sizeof days[0]; i++) {
        size_t size = strlen(days[i]);
        struct clock_time clock = {0};
        struct tm today = {0};

        if (strncmp(text, days[i], size) != 0 || (text[size] != '\0' && text[size] != ' ')) {
            continue;
        }
        if ((text[size] == ' ' && !clock_at(text + size + 1, &clock)) ||
            localtime_r(&now.tv_sec, &today) == NULL) {
            return false;
        }
        today.tm_mday -= (int)i;
        return moment(today, &clock, ms_out);
    }
    if (strcmp(text, "now") != 0 && !duration(text, now_ms, &back_ms)) {
        return false;
    }
    *ms_out = now_ms - back_ms;
    return true;
}

/* That time of that day. False if it is before 1970. */
static bool moment(struct tm day, const struct clock_time *clock, uint64_t *ms_out)
{
    int64_t seconds;

    day.tm_hour = clock->hour;
    day.tm_min = clock->minute;
    day.tm_sec = clock->second;
    day.tm_isdst = -1; /* mktime() finds out */
    seconds = clock->zoned ? (int64_t)timegm(&day) - (int64_t)clock->offset_minutes * 60
                           : (int64_t)mktime(&day);
    if (seconds < 0) {
        return false;
    }
    *ms_out = (uint64_t)seconds * 1000 + clock->ms;
    return true;
}

/* "10:00", "10:00:30", "10:00:30.5", each with a zone or without, and nothing more. */
static bool clock_at(const char *text, struct clock_time *out)
{
    const char *rest = text;

    out->hour = digits_at(&rest, 2, ':');
    out->minute = digits_at(&rest, 2, 0);
    if (rest != NULL && *rest == ':') {
        rest++;
        out->second = digits_at(&rest, 2, 0);
        if (!fraction_at(&rest, &out->ms)) {
            return false;
        }
    }
    if (rest == NULL || out->hour > 23 || out->minute > 59 || out->second > 59) {
        return false;
    }
    out->zoned = *rest != '\0';
    return !out->zoned || (offset_at(&rest, &out->offset_minutes) && *rest == '\0');
}

/* The number that `count` digits make, and `end` after them (0: none). Moves on; *text becomes
 * NULL if that is not there, and stays so. */
static int digits_at(const char **text, unsigned count, char end)
{
    const char *at = *text;
    int number = 0;

    for (unsigned i = 0; at != NULL && i < count; i++) {
        bool is_digit = *at >= '0' && *at <= '9';
        number = is_digit ? number * 10 + (*at - '0') : 0;
        at = is_digit ? at + 1 : NULL;
    }
    if (at != NULL && end != 0) {
        at = *at == end ? at + 1 : NULL;
    }
    *text = at;
    return number;
}

/* ".5", or nothing. What is below a millisecond is passed over. */
static bool fraction_at(const char **text, unsigned *ms_out)
{
    const char *at = *text;
    unsigned unit = 100;

    if (at == NULL || *at != '.') {
        return at != NULL;
    }
    at++;
    if (*at < '0' || *at > '9') {
        return false;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        *ms_out += (unsigned)(*at - '0') * unit;
        unit /= 10;
    }
    *text = at;
    return true;
}

/* "Z", or "+02:00". */
static bool offset_at(const char **text, int *minutes_out)
{
    const char *at = *text;
    bool west = *at == '-';
    int hours = 0;
    int minutes = 0;

    if (*at == 'Z' || *at == 'z') {
        *text = at + 1;
        return true;
    }
    if (*at != '+' && *at != '-') {
        return false;
    }
    at++;
    hours = digits_at(&at, 2, ':');
    minutes = digits_at(&at, 2, 0);
    if (at == NULL || hours > 23 || minutes > 59) {
        return false;
    }
    *minutes_out = (west ? -1 : 1) * (hours * 60 + minutes);
    *text = at;
    return true;
}

void times_show(struct p2psync_bytes value, char *text, size_t size)
{
    char written[32];
    uint64_t ms = 0;

    if (p2psync_value_string(value, written, sizeof written) == P2PSYNC_OK &&
        times_parse(written, &ms)) {
        output_time(ms, text, size);
    } else {
        snprintf(text, size, "-");
    }
}

bool times_since_option(struct cli *cli, const char *text, uint64_t *ms_out)
{
    if (since(text, ms_out)) {
        return true;
    }
    fail_usage(cli,
               "--since '%s' is no time such as 2026-11-26, '2026-11-26 10:00', "
               "2026-11-26T10:00:00Z, 'yesterday 18:00', or 10m, 2h, 3d back",
               text);
    return false;
}
