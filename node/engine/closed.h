/* Closed logs: those of devices that may not write there, or not any more. Of them what members
 * report is taken and told, and no more: wire/PROTOCOL.md, section 13, rules 9 and 10. So an offer
 * of one must prove that it is of a history that is reported, before anything of it is fetched. */
#ifndef PS_NODE_ENGINE_CLOSED_H
#define PS_NODE_ENGINE_CLOSED_H

#include <stdbool.h>
#include <stdint.h>

#include "store/log/log.h"

struct ps_changes;
struct ps_fetch;
struct ps_turn;

/* How much of a log is told to a peer that holds `their_size` of it. */
struct ps_closed_told {
    uint64_t size;
    bool closed; /* it is what is covered of a closed log: offers prove just that */
};
struct ps_closed_told ps_closed_tell(struct ps_turn *turn, const struct ps_log *log,
                                     uint64_t their_size);

/* Whether these changes are of what the fetch was begun for: an offer has shown that their author
 * has signed the head that they come with, and that it covers a reported history. A head that is
 * implied is that one then. */
bool ps_closed_fits(const struct ps_fetch *fetch, struct ps_changes *changes);

/* A log has grown: of a closed one more is shown. */
void ps_closed_grew(struct ps_turn *turn, const struct ps_log *log);

#endif
