/* Connections that have come and said nothing yet, let in or not: whoever opens one says HELLO at
 * once, or loses it. A bounded list; it closes nothing itself.
 *
 * Who comes from one address has a quarter of the room at most. Where room is short, the address
 * that has most of it loses its oldest: so nobody can push out others. */
#ifndef PS_NODE_LINKS_SILENT_H
#define PS_NODE_LINKS_SILENT_H

#include "node/links/accepted.h"

#define PS_SILENT_MAX      64 /* a whole office that starts at once */
#define PS_SILENT_PAIR_MAX 32 /* on the pairing socket, silent or not */
#define PS_SILENT_PART     4  /* what one address may have: the fourth part */
#define PS_SILENT_MS       5000U
#define PS_SILENT_PAIR_MS  30000U

/* Oldest first. Everyone may read it. */
struct ps_silent {
    size_t max;
    uint64_t age_ms;
    struct {
        int descriptor;
        uint64_t from;     /* the address: see ps_socket_from() */
        uint64_t until_ms; /* 0: not decided yet */
    } items[PS_SILENT_MAX + 1];
    size_t count;
};

/* max   PS_SILENT_MAX at most. */
void ps_silent_init(struct ps_silent *silent, size_t max, uint64_t age_ms);

/* A connection has come. Returns one that is no link and that the caller must close to make room,
 * perhaps this one; or -1.
 *
 * links     those of it that have spoken already; NULL: there are none.
 * crowded   room is short already, whatever is in the list. */
int ps_silent_add(struct ps_silent *silent, struct ps_accepted_table *links, int descriptor,
                  uint64_t from, bool crowded);

/* The connection has ended, or has said something. False if it is not in the list, which is fine.
 */
bool ps_silent_remove(struct ps_silent *silent, int descriptor);

/* Take out a connection whose time is over and that is no link; the caller must close it. -1: none.
 */
int ps_silent_due(struct ps_silent *silent, struct ps_accepted_table *links, uint64_t now_ms);

/* When to call ps_silent_due() next: UINT64_MAX: no need. */
uint64_t ps_silent_deadline_ms(const struct ps_silent *silent);

#endif
