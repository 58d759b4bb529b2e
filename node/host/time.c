/* The two clocks of the system, and RFC 3339. */
#include "node/host/time.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

uint64_t ps_time_wall_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t ps_time_monotonic_ms(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void ps_time_text(uint64_t wall_ms, char out[static PS_TIME_TEXT_SIZE])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm parts = {0};
    (void)gmtime_r(&seconds, &parts);
    size_t size = strftime(out, PS_TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    (void)snprintf(out + size, PS_TIME_TEXT_SIZE - size, ".%03" PRIu64 "Z", wall_ms % 1000);
}

void ps_time_write(struct ps_writer *writer, uint64_t wall_ms)
{
    if (wall_ms == 0) {
        ps_write_nil(writer);
        return;
    }
    char text[PS_TIME_TEXT_SIZE];
    ps_time_text(wall_ms, text);
    ps_write_text(writer, text);
}

/* A year has four digits, whatever the clock says. */
void ps_time_name(uint64_t wall_ms, char out[static PS_TIME_NAME_SIZE])
{
    const uint64_t last_ms = UINT64_C(253402300799000); /* the end of 9999 */
    time_t seconds = (time_t)((wall_ms < last_ms ? wall_ms : last_ms) / 1000);
    struct tm parts = {0};
    (void)gmtime_r(&seconds, &parts);
    (void)strftime(out, PS_TIME_NAME_SIZE, "%Y%m%dT%H%M%SZ", &parts);
}

bool ps_time_of_name(const char *text, uint64_t *wall_ms_out)
{
    char again[PS_TIME_NAME_SIZE];
    struct tm parts = {0};
    const char *end = strptime(text, "%Y%m%dT%H%M%SZ", &parts);
    time_t seconds = end == text + PS_TIME_NAME_SIZE - 1 ? timegm(&parts) : -1;
    if (seconds < 0) {
        return false;
    }
    ps_time_name((uint64_t)seconds * 1000, again);
    *wall_ms_out = (uint64_t)seconds * 1000;
    return strncmp(text, again, PS_TIME_NAME_SIZE - 1) == 0;
}

bool ps_time_parse_span(struct ps_bytes text, uint64_t *ms_out)
{
    static const char units[] = "smhdw";
    static const uint64_t seconds[] = {1, 60, 3600, 86400, 604800};
    uint64_t number = 0;
    size_t digits = 0;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9' &&
           digits < 9) {
        number = number * 10 + (uint64_t)(text.data[digits] - '0');
        digits++;
    }
    const char *unit = digits > 0 && text.size == digits + 1 && text.data[digits] != '\0'
                           ? strchr(units, text.data[digits])
                           : NULL;
    if (unit == NULL) {
        return false;
    }
    *ms_out = number * seconds[unit - units] * 1000;
    return true;
}
