/* What a check finds is gathered in a text of bounded size. */
#include "node/view/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/map.h"

void ps_check_say(struct ps_check *check, const char *format, ...)
{
    size_t size = strlen(check->detail);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(check->detail + size, sizeof check->detail - size, format, arguments);
    va_end(arguments);
    size = strlen(check->detail);
    if (size < sizeof check->detail - 1) {
        return;
    }
    /* It may have been cut within a character of UTF-8: that one goes whole. */
    while (size > 0 && ((uint8_t)check->detail[size - 1] & 0xc0U) == 0x80U) {
        size--;
    }
    if (size > 0 && (uint8_t)check->detail[size - 1] >= 0xc0U) {
        size--;
    }
    check->detail[size] = '\0';
}

void ps_check_set(struct ps_check *check, ps_check_state state, const char *fix)
{
    check->state = state;
    check->fix = fix;
}

void ps_check_set_to(struct ps_check *check, ps_check_state state, const char *fix, ...)
{
    va_list arguments;
    va_start(arguments, fix);
    (void)vsnprintf(check->fix_text, sizeof check->fix_text, fix, arguments);
    va_end(arguments);
    ps_check_set(check, state, check->fix_text);
}

void ps_check_write(struct ps_writer *writer, const struct ps_check *check)
{
    static const char *const states[] = {"ok", "warn", "fail"};
    struct ps_map map;
    ps_map_begin(&map, writer);
    ps_map_text(&map, "check", check->name);
    ps_map_text(&map, "state", states[check->state]);
    ps_map_text(&map, "detail", check->detail);
    ps_map_known(&map, "fix", check->fix);
    ps_map_end(&map);
}
