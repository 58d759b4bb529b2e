/* Roles in `_devices` of a store, for tests. */
#ifndef TESTS_LIB_DECIDED_H
#define TESTS_LIB_DECIDED_H

#include "store/mesh/decide.h"
#include "tests/lib/author.h"

/* The device of the store decides; the result of ps_decide(), nothing is written after an error. */
p2psync_result decided(struct store_case *c, const struct ps_decision *decision);
/* The founder makes it an admin of that name; or a writer: who brings in nobody. Both must succeed.
 */
void decided_admin(struct store_case *c, const struct ps_device *device, const char *name);
void decided_writer(struct store_case *c, const struct ps_device *device, const char *name);

/* The grant of an admin, which it names in its own acts; as the store has it. */
struct ps_act_id decided_grant(struct store_case *c, const struct ps_device *admin);

/* Add an act to an author's log of `_devices`. grant: NULL, it names none. */
void decided_by(struct author *by, const struct ps_act_id *grant, const struct ps_act *act,
                uint64_t ms);

#endif
