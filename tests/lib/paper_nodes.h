/* What the devices of a mesh on paper do: rules 9 to 17 of wire/PROTOCOL.md, section 13, without
 * anything around them. */
#ifndef TESTS_LIB_PAPER_NODES_H
#define TESTS_LIB_PAPER_NODES_H

#include "tests/lib/paper.h"

/* The founder, node 0, which is alone. */
void paper_begin(unsigned seed);
/* A new incarnation. */
void paper_make_logs(uint32_t at);
/* Another history of its log of `_devices`, from somewhere on, which it writes from now on. */
void paper_fork(uint32_t at);

/* What an honest device writes, if it may and there is room; false if not. */
bool paper_act(uint32_t at, const struct ps_draft *draft);
bool paper_give(uint32_t at, uint32_t subject, ps_role role);
bool paper_remove(uint32_t at, uint32_t subject);
bool paper_invite(uint32_t at, uint32_t subject, ps_role role);
bool paper_edit(uint32_t at);
/* With the recovery key. `admin` and `removed` are devices, or PS_REPLAY_NONE. A person that
 * removes a founder keeps all honest devices that it knows. */
bool paper_recover(uint32_t at, uint32_t admin, uint32_t removed);
/* Report what is not covered, and answer admins that ask to be removed. */
void paper_report(uint32_t at);

/* One takes what the other offers. Of what thieves wrote, a thief offers as much as it likes, or
 * all if `relayed`. */
struct paper_sync {
    uint32_t to;
    uint32_t from;
    bool in_pieces;
    bool relayed;
    bool silent; /* reports come later */
};
void paper_sync(const struct paper_sync *sync);

/* What a thief writes: anything, in its own name, in a log of its own. */
void paper_steal(uint32_t at);
/* It names all that is written of a device. */
void paper_name_all(uint32_t at, uint32_t subject);

#endif
