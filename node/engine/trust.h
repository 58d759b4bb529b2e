/* Trust: the members of the mesh, as the store has derived them, are the peers, and nobody else is
 * admitted. A device that was invited by a member this node does not know yet is nobody here until
 * `_devices` has told. */
#ifndef PS_NODE_ENGINE_TRUST_H
#define PS_NODE_ENGINE_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "wire/id.h"

struct ps_log_name;
struct ps_turn;

/* The devices whose links are admitted: peers, ascending; this device; and some of those that were
 * removed. */
struct ps_allowed {
    struct ps_device *devices;
    size_t count;
};

/* Read the members from the store, and tell whoever came, went, or has another role than before.
 * Peers that stay members stay as they are. */
void ps_trust_load(struct ps_turn *turn);
/* Whether this device was a member and is removed: it is let in to be told so. */
bool ps_trust_is_removed(struct ps_turn *turn, const struct ps_device *device);
bool ps_trust_member(struct ps_turn *turn, const struct ps_device *device);
/* Whether this device is the recovery key of the mesh. It is no member, and no link is its. */
bool ps_trust_recovery(const struct ps_turn *turn, const struct ps_device *device);
/* Whether all of this log is taken: it is open. Of others see closed.h. */
bool ps_trust_log(struct ps_turn *turn, const struct ps_log_name *log);
void ps_trust_deinit(struct ps_allowed *allowed);

#endif
