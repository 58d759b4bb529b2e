/* Damaged entries, as node/view/damage.h says. */
#include "node/view/damage.h"

#include <inttypes.h>
#include <stdio.h>

#include "store/log/collection.h"
#include "store/log/log.h"

bool ps_view_damage_text(struct ps_txn *txn, char out[static PS_VIEW_DAMAGE_TEXT_SIZE])
{
    struct ps_damaged at = {0};
    struct ps_log_brief log;
    struct ps_collection collection;
    uint64_t count = 0;
    if (ps_damage_count(txn, &count) != P2PSYNC_OK || count == 0) {
        return false;
    }
    if (ps_damage_next(txn, &at, &at) != P2PSYNC_OK) { /* none of a change */
        (void)snprintf(out, PS_VIEW_DAMAGE_TEXT_SIZE,
                       "what follows from the changes cannot be read in %" PRIu64 " %s of the disk",
                       count, count == 1 ? "place" : "places");
        return true;
    }
    at = (struct ps_damaged){.log = 0};
    int size =
        snprintf(out, PS_VIEW_DAMAGE_TEXT_SIZE, "%" PRIu64 " %s cannot be read from the disk",
                 count, count == 1 ? "change" : "changes");
    const char *before = ": of ";
    uint32_t said = UINT32_MAX; /* the last collection that was named */
    while (ps_damage_next(txn, &at, &at) == P2PSYNC_OK &&
           ps_log_brief_by_number(txn, at.log, &log) == P2PSYNC_OK &&
           ps_collection_by_number(txn, log.collection, &collection) == P2PSYNC_OK) {
        size_t room = PS_VIEW_DAMAGE_TEXT_SIZE - (size_t)size;
        if (log.collection != said) {
            int more = snprintf(out + size, room, "%s%.*s", before, (int)collection.name.size,
                                (const char *)collection.name.data);
            if (more < 0 || (size_t)more >= room) {
                out[size] = '\0'; /* it would be cut */
                break;
            }
            size += more;
            before = ", ";
            said = log.collection;
        }
        at = (struct ps_damaged){.log = at.log + 1};
    }
    return true;
}
