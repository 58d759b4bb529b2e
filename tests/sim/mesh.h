/* How simulated devices come into one mesh: founded, paired through the engine's own invites, or
 * written down by the founder. */
#ifndef TESTS_SIM_MESH_H
#define TESTS_SIM_MESH_H

#include "store/mesh/members.h"
#include "store/write/write.h"
#include "tests/sim/net.h"

/* Make `node` the founder of a new mesh, a member of it, and start it. */
void sim_mesh_found(struct sim_net *net, unsigned node);

/* Let `node` be a member by the word of `sponsor`, whose store gets its record, and start it. */
void sim_mesh_add(struct sim_net *net, unsigned node, unsigned sponsor);

/* Try to join `node` by an invite of some member, now and again until it has worked. */
void sim_mesh_pair(struct sim_net *net, unsigned node);

/* Open an invite at `inviter` with this token. */
void sim_mesh_invite(struct sim_net *net, unsigned inviter, const uint8_t token[PS_TOKEN_SIZE],
                     uint64_t timeout_ms);

/* Send a JOIN of `node` with this token to `inviter`. */
void sim_mesh_send_join(struct sim_net *net, unsigned node, unsigned inviter,
                        const uint8_t token[PS_TOKEN_SIZE]);

/* For the network. */
void sim_mesh_answer(struct sim_net *net, unsigned inviter, uint64_t link, struct ps_bytes bytes);
void sim_mesh_deliver_join(struct sim_net *net, struct sim_packet *packet);
void sim_mesh_deliver_welcome(struct sim_net *net, struct sim_packet *packet);

/* Write `fields` of a record as another process beside the node does; its engine hears of it a
 * little later. Errors as ps_write(); after one nothing was written. */
struct sim_write {
    struct ps_bytes collection;
    const struct ps_edit *edits;
    size_t edit_count;
};
p2psync_result sim_mesh_write(struct sim_net *net, unsigned node, const struct sim_write *write);

/* Write the record of `device` in `_devices`, which makes it a member if `node` is one. */
void sim_mesh_name(struct sim_net *net, unsigned node, unsigned device, const char *name);

/* Whether all nodes but puppets are members and run. */
bool sim_mesh_complete(const struct sim_net *net);

#endif
