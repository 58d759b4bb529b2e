/* A mesh on paper: logs of acts, reports and edits without keys, hashes or a store, and nodes that
 * hold some of each. What a node comes to is what store/mesh/replay.h makes of what it holds. Time
 * is a number that grows with each thing that happens. */
#ifndef TESTS_LIB_PAPER_H
#define TESTS_LIB_PAPER_H

#include "store/mesh/draft.h"
#include "tests/lib/prng.h"

#define PAPER_NODES       8
#define PAPER_KEY         PAPER_NODES /* the recovery key, as a device */
#define PAPER_DEVICES     (PAPER_NODES + 1)
#define PAPER_FOUNDER     0
#define PAPER_LOGS_MAX    72
#define PAPER_ENTRIES_MAX 128        /* of a log */
#define PAPER_CLAIMS_MAX  16         /* of a report */
#define PAPER_PARENTS_MAX 2          /* of an edit */
#define PAPER_NOTES       1U         /* the only scope but that of all collections */
#define PAPER_ALL         UINT64_MAX /* so much is taken of a log that is open */

struct paper_place {
    uint32_t log;
    uint64_t seq;
};

struct paper_claim {
    uint32_t log;
    uint64_t size;
    bool is_false; /* names a root that the log does not have */
};

/* An act or a report in a log of `_devices`; in one of notes, and of kind PS_ACT_NAME, an edit. */
struct paper_entry {
    struct ps_draft draft; /* of an act: what it says; of a report its subject */
    bool has_by;
    struct ps_act_id by;
    size_t claim_count;
    struct paper_claim claims[PAPER_CLAIMS_MAX];
    size_t parent_count;
    struct paper_place parents[PAPER_PARENTS_MAX];
    uint64_t written;
    uint64_t shown; /* to an honest device, for the first time; 0: never */
};

/* A history is a log from its first entry on, those that it shares with its stem among them. */
struct paper_log {
    uint32_t device;
    bool is_notes; /* else of `_devices` */
    uint32_t stem; /* PS_REPLAY_NONE, or the log that has entries [0, begin) */
    uint64_t begin;
    uint64_t size;
    struct paper_entry entries[PAPER_ENTRIES_MAX];
};

/* What a node comes to by what it holds. */
struct paper_view {
    struct ps_replay_input input;
    struct ps_replay replay;
    struct ps_replay_act acts[PAPER_LOGS_MAX * PAPER_ENTRIES_MAX];
    struct paper_place places[PAPER_LOGS_MAX * PAPER_ENTRIES_MAX]; /* of each act */
    bool open[PAPER_LOGS_MAX];
    uint64_t covered[PAPER_LOGS_MAX]; /* by reports that count and are true */
    uint64_t known[PAPER_LOGS_MAX];   /* by those of them that the node can check */
};

struct paper_node {
    bool joined;
    bool honest;
    uint32_t devices_log; /* that it writes */
    uint32_t notes_log;
    uint64_t held[PAPER_LOGS_MAX];
    bool looked; /* the view is of what it holds */
    struct paper_view view;
    uint64_t open_at[PAPER_LOGS_MAX]; /* when a log was open here, last */
};

struct paper_mesh {
    struct paper_log logs[PAPER_LOGS_MAX];
    uint32_t log_count;
    struct paper_node nodes[PAPER_NODES];
    uint64_t league[PAPER_LOGS_MAX]; /* so much was covered by a thief that was a member */
    struct prng prng;
    unsigned seed;
    uint64_t now;
    bool moved;        /* something was taken or written */
    unsigned compared; /* nodes, ... */
    unsigned acts;     /* ... acts that did not count, ... */
    unsigned late;     /* ... and entries that were not taken: a test is about something */
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

static inline bool paper_chance(unsigned per_mille)
{
    return prng_chance(&mesh.prng, per_mille);
}

/* An empty mesh, of which nobody is. */
void paper_clear(unsigned seed);
/* A new log; returns its number. */
uint32_t paper_log(uint32_t device, bool is_notes);
bool paper_has_room(uint32_t log);
/* A node appends to a log; returns the entry, which is empty. */
struct paper_entry *paper_write(uint32_t at, uint32_t log);
/* A node now holds so much of a history. */
void paper_hold(uint32_t at, uint32_t log, uint64_t size);
struct ps_act_id paper_id(uint32_t log, uint64_t seq);

/* What a node comes to; worked out if it holds more than at the last look. */
const struct paper_view *paper_look(uint32_t at);
/* How much of a log it takes, by that. */
uint64_t paper_limit(uint32_t at, uint32_t log);
ps_role paper_role(uint32_t at, uint32_t device, uint32_t scope);
bool paper_may_report(const struct paper_view *view, uint32_t by, uint32_t log);

#endif
