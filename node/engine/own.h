/* What this device knows of its own standing, and has told the app: its role, and whether it was
 * removed. */
#ifndef PS_NODE_ENGINE_OWN_H
#define PS_NODE_ENGINE_OWN_H

#include <stdbool.h>

#include "wire/act.h"

struct ps_peer;
struct ps_turn;

/* As the app was last told. */
struct ps_own {
    bool known;
    bool is_member;
    ps_role role;
    bool is_removed;
    bool is_refused; /* a member has said that it was removed, and nobody has admitted it since */
};

/* The members have been read anew: tell if this device has another role, or was removed. */
void ps_own_note(struct ps_turn *turn);
/* A peer refuses this device as removed. */
void ps_own_refused(struct ps_turn *turn, struct ps_peer *peer);
/* A peer has a session with this device. */
void ps_own_admitted(struct ps_turn *turn, struct ps_peer *peer);

#endif
