/* Connections that have come and said nothing yet, let in or not: whoever opens one says HELLO at
 * once, or loses it. A bounded list; it closes nothing itself. */
#ifndef PS_NODE_LINKS_SILENT_H
#define PS_NODE_LINKS_SILENT_H

#include "node/links/accepted.h"

#define PS_SILENT_MAX 256 /* a whole office that starts at once */
#define PS_SILENT_MS  10000U

/* A zeroed one is empty. Oldest first. */
struct ps_silent {
    struct {
        int descriptor;
        uint64_t until_ms; /* 0: not decided yet */
    } items[PS_SILENT_MAX];
    size_t count;
};

/* A connection has come. If there is no room for one more, returns the oldest that is no link,
 * which the caller must close; else -1. */
int ps_silent_add(struct ps_silent *silent, struct ps_accepted_table *links, int descriptor);

/* The connection has ended, or has said something. If it is not in the list, that is fine. */
void ps_silent_remove(struct ps_silent *silent, int descriptor);

/* Take out a connection whose time is over and that is no link; the caller must close it. -1: none.
 */
int ps_silent_due(struct ps_silent *silent, struct ps_accepted_table *links, uint64_t now_ms);

/* When to call ps_silent_due() next: UINT64_MAX: no need. */
uint64_t ps_silent_deadline_ms(const struct ps_silent *silent);

#endif
