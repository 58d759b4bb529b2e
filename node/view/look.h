/* What the files of the doctor share: a look in progress, and the checks. Each check is a function
 * that says what it found, and false if it has nothing to look at. */
#ifndef PS_NODE_VIEW_LOOK_H
#define PS_NODE_VIEW_LOOK_H

#include "node/view/doctor.h"
#include "store/env/identity.h"

struct ps_look {
    const struct ps_doctor *doctor;
    struct ps_txn *txn;
    struct ps_identity identity;
    bool has_device;
};

typedef bool ps_look_fn(const struct ps_look *look, struct ps_check *check);

/* The network: look_network.c. */
ps_look_fn ps_look_node;
ps_look_fn ps_look_interfaces;
ps_look_fn ps_look_beacons;
ps_look_fn ps_look_port;
ps_look_fn ps_look_packets;

/* How many members the mesh has; 0 if that cannot be read. */
size_t ps_look_members(struct ps_txn *txn);

#endif
