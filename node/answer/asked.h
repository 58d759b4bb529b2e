/* Which conflicts were asked about and got no answer. They are left alone until their versions
 * change, also by later runs: the store keeps it beside each conflict, so there may be any number.
 *
 * What is kept is a hash of the versions and of who was asked, so that another command or rule is
 * asked anew. Where asking failed, it is a hash of this run too: the next run asks again. */
#ifndef PS_NODE_ANSWER_ASKED_H
#define PS_NODE_ANSWER_ASKED_H

#include "store/merge/conflict.h"
#include "wire/hash.h"

#define PS_ASKED_ROOM 256 /* conflicts that are written in one commit */

/* A conflict, as it was when it was looked at. */
struct ps_asked_about {
    char collection[PS_COLLECTION_SIZE_MAX + 1];
    char id[PS_RECORD_ID_SIZE_MAX + 1];
    size_t version_count;
    struct ps_dot versions[PS_PARENTS_MAX];
};

struct ps_asked {
    struct ps_store *store;
    struct ps_hash who;
    struct ps_hash run;
    size_t count; /* not written yet */
    struct ps_asked_row {
        char collection[PS_COLLECTION_SIZE_MAX + 1];
        char id[PS_RECORD_ID_SIZE_MAX + 1];
        uint8_t asked[PS_CONFLICT_ASKED_SIZE];
    } rows[PS_ASKED_ROOM];
};

/* who  the command or rule that is asked; "": the app. */
void ps_asked_init(struct ps_asked *asked, struct ps_store *store, const char *who);

/* Whether this conflict was asked about. kept: of its row in the list of conflicts. */
bool ps_asked_has(const struct ps_asked *asked, const struct ps_asked_about *about,
                  struct ps_bytes kept);

/* It got no answer; failed: because asking failed.
 *
 * Errors  as ps_asked_write(): it may be asked about again.
 */
p2psync_result ps_asked_add(struct ps_asked *asked, const struct ps_asked_about *about,
                            bool failed) P2PSYNC_MUST_CHECK;

/* Write what was added.
 *
 * Errors  as a transaction: what was added is still there, and may be written later.
 */
p2psync_result ps_asked_write(struct ps_asked *asked) P2PSYNC_MUST_CHECK;

#endif
