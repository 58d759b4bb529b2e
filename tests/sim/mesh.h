/* How simulated devices come into one mesh. One device founds it. The others are paired through
 * invites of the engine, or a member writes their records into its store. */
#ifndef TESTS_SIM_MESH_H
#define TESTS_SIM_MESH_H

#include "store/mesh/members.h"
#include "store/mesh/recovery.h"
#include "store/write/write.h"
#include "tests/sim/net.h"

/* Make `node` the founder and first member of a new mesh, and start it. */
void sim_mesh_found(struct sim_net *net, unsigned node);

/* Make `node` a member: the store of `sponsor` gets its record. Then start it. */
void sim_mesh_add(struct sim_net *net, unsigned node, unsigned sponsor);

/* The same with a sponsor that is drawn, of those that are members and remember it. It tries again
 * until there is one. */
void sim_mesh_add_late(struct sim_net *net, unsigned node);

/* Let `node` join through an invite of some member. It tries again until it has joined. */
void sim_mesh_pair(struct sim_net *net, unsigned node);

/* Open an invite at `inviter` with this token. */
void sim_mesh_invite(struct sim_net *net, unsigned inviter, const uint8_t token[PS_TOKEN_SIZE],
                     uint64_t timeout_ms);

/* Send a JOIN of `node` with this token to `inviter`. */
void sim_mesh_send_join(struct sim_net *net, unsigned node, unsigned inviter,
                        const uint8_t token[PS_TOKEN_SIZE]);

/* net.c and node.c call these. */
void sim_mesh_reply(struct sim_net *net, unsigned inviter, uint64_t link, struct ps_bytes bytes);
void sim_mesh_deliver_join(struct sim_net *net, struct sim_packet *packet);
void sim_mesh_deliver_welcome(struct sim_net *net, struct sim_packet *packet);

/* Edits of one collection, to be written at once. */
struct sim_write {
    struct ps_bytes collection;
    const struct ps_edit *edits;
    size_t edit_count;
    const struct ps_secret *recovery; /* NULL: as the node's device, else as this key */
};

/* Write as another process beside the node does. The engine of the node learns of it a little
 * later.
 *
 * Errors  as ps_write(); nothing was written then.
 */
p2psync_result sim_mesh_write(struct sim_net *net, unsigned node, const struct sim_write *write);

/* Decide something on `node`, as another process beside it does. Errors  as ps_decide(). */
struct ps_decision;
p2psync_result sim_mesh_decide(struct sim_net *net, unsigned node,
                               const struct ps_decision *decision);

/* Write into `_devices` on `node` that `device` has this name, and, if it is another one, that it
 * is a member: an admin if node 0, which founds the mesh, says so, else a writer. */
void sim_mesh_name(struct sim_net *net, unsigned node, unsigned device, const char *name);

/* Write on `node` that `device` is called so from now on. */
void sim_mesh_rename(struct sim_net *net, unsigned node, unsigned device, const char *name);

/* Whether all nodes except puppets are members and run. */
bool sim_mesh_complete(const struct sim_net *net);

#endif
