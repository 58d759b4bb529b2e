/* Nodes of a mesh on paper: what each has settled, what an honest one writes and takes, and when it
 * reports. They are rules 9 to 13 of wire/PROTOCOL.md, section 13, without anything around them. */
#ifndef TESTS_LIB_PAPER_NODES_H
#define TESTS_LIB_PAPER_NODES_H

#include "tests/lib/paper.h"
#include "tests/lib/prng.h"

#define PAPER_NODES 8
#define PAPER_KEY   PAPER_NODES /* the recovery key */

struct paper_node {
    bool joined;
    bool honest;
    uint32_t devices_log; /* own ones */
    uint32_t notes_log;
    uint64_t held[PAPER_LOGS_MAX];
    uint64_t settled[PAPER_LOGS_MAX];
    uint64_t belief[PAPER_LOGS_MAX]; /* so far what a log decides has counted here */
    uint64_t told[PAPER_LOGS_MAX];   /* what its reports say already */
    uint64_t told_belief[PAPER_LOGS_MAX];
    uint64_t open_at[PAPER_NODES + 1];    /* when a device's acts had no end here, last */
    uint64_t log_open_at[PAPER_LOGS_MAX]; /* when a log had none, last */
    bool applied[PAPER_LOGS_MAX][PAPER_ENTRIES_MAX]; /* of notes */
};

/* Everything of one test. */
struct paper_mesh {
    struct paper paper;
    struct paper_view view; /* of whoever has looked last */
    struct paper_node nodes[PAPER_NODES];
    struct prng prng;
    uint64_t now;
    bool moved;   /* something was taken or written */
    bool relayed; /* what thieves write reaches everybody, through whoever is in league with them */
    unsigned seed;
    uint64_t recovered_at[PAPER_NODES + 1]; /* when who used the recovery key on a device last saw
                                               that it had a say */
    unsigned compared;                      /* nodes, ... */
    unsigned checked; /* ... and acts: so that one sees that a test is about something */
    unsigned apart;   /* nodes that have parted from the others: see paper_check() */
};
extern struct paper_mesh mesh;

#define PAPER_CHECK(condition) cr_assert(condition, "seed %u: " #condition, mesh.seed)

static inline uint64_t paper_least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t paper_most(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static inline uint32_t paper_draw(uint32_t bound)
{
    return (uint32_t)prng_below(&mesh.prng, bound);
}

/* The founder, node 0, which is alone. */
void paper_begin(unsigned seed);
/* A new incarnation. */
void paper_make_logs(uint32_t at);
/* Another history of its newest log of `_devices`, from somewhere on, which it writes from now on.
 */
void paper_fork(uint32_t at);
bool paper_has_room(uint32_t log);
struct paper_entry *paper_write(struct paper_node *node, uint32_t log);
const struct ps_replay_end *paper_end_of(uint32_t log);
void paper_claim_one(struct paper_entry *entry, uint32_t log, uint64_t size, bool acts);

/* Work out what a node comes to, and what it has settled by that. */
void paper_look(uint32_t at);
/* What an honest node does after `_devices` has moved. */
void paper_report(uint32_t at);
void paper_apply(struct paper_node *node);
/* One takes what the other has, if each lets the other in. */
void paper_sync(uint32_t to, uint32_t from, bool in_pieces);

/* What an honest device writes. All but joins want the node to have looked. */
void paper_edit(uint32_t at);
void paper_join(uint32_t by, uint32_t subject, ps_role role);
void paper_give(struct paper_node *node, uint32_t log, uint32_t subject, ps_role role);
void paper_remove(struct paper_node *node, uint32_t log, uint32_t subject);
void paper_retire(uint32_t at);
void paper_recover(uint32_t at, uint32_t subject, bool removes);
/* Whether it may act on another, by what it sees. */
bool paper_may_act(uint32_t at, uint32_t subject);
/* The acts that a new one on this role is built on: those on which no other is. */
void paper_find_parents(const struct paper_node *node, struct paper_entry *entry);

#endif
