/* One check of the doctor: what was found, whether it is in order, and what to do. */
#ifndef PS_NODE_VIEW_CHECK_H
#define PS_NODE_VIEW_CHECK_H

#include "wire/codec.h"

typedef enum ps_check_state { PS_CHECK_OK, PS_CHECK_WARN, PS_CHECK_FAIL } ps_check_state;

#define PS_CHECK_FIX_SIZE    512
#define PS_CHECK_DETAIL_SIZE 1024 /* bytes with the NUL; a longer one is cut */

/* One check. */
struct ps_check {
    const char *name;
    ps_check_state state;
    char detail[PS_CHECK_DETAIL_SIZE];
    const char *fix; /* what to do; NULL: nothing */
    char fix_text[PS_CHECK_FIX_SIZE];
};

/* Add to what was found; `format` as printf. */
void ps_check_say(struct ps_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A check that is not in order. */
void ps_check_set(struct ps_check *check, ps_check_state state, const char *fix);

/* The same where `fix` is a format as of printf. */
void ps_check_set_to(struct ps_check *check, ps_check_state state, const char *fix, ...)
    __attribute__((format(printf, 3, 4)));

/* Append {check, state, detail, fix}. */
void ps_check_write(struct ps_writer *writer, const struct ps_check *check);

#endif
