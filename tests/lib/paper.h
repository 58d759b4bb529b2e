/* A mesh on paper: logs of acts and edits without keys, hashes or a store, of which a reader holds
 * as much as a test says. What is replayed of it is what store/mesh/replay.h would be given. */
#ifndef TESTS_LIB_PAPER_H
#define TESTS_LIB_PAPER_H

#include "store/mesh/replay.h"

#define PAPER_DEVICES_MAX 10
#define PAPER_LOGS_MAX    48
#define PAPER_ENTRIES_MAX 96 /* of a log */
#define PAPER_CLAIMS_MAX  24 /* of an entry */
#define PAPER_PARENTS_MAX 8
#define PAPER_NOTES       1U /* the only collection that is no `_devices` */

struct paper_place {
    uint32_t log;
    uint64_t seq;
};

struct paper_claim {
    uint32_t log; /* of any collection */
    uint64_t size;
    bool acts;
    bool is_false; /* names a root that the log does not have */
};

/* An act of `_devices`, or an edit of a record of notes. */
struct paper_entry {
    ps_act_kind kind;
    ps_role role;
    uint32_t subject;
    uint32_t scope;
    uint64_t hlc;
    size_t parent_count; /* of an edit: what it builds on. Those of a role are found */
    struct paper_place parents[PAPER_PARENTS_MAX];
    size_t claim_count;
    struct paper_claim claims[PAPER_CLAIMS_MAX];
};

struct paper_log {
    uint32_t device;
    bool is_notes; /* else of `_devices` */
    uint32_t stem; /* PS_REPLAY_NONE, or the log that it shares entries [0, begin) with */
    uint64_t begin;
    uint64_t size;
    struct paper_entry entries[PAPER_ENTRIES_MAX];
};

struct paper {
    uint32_t device_count;
    uint32_t founder;
    uint32_t recovery; /* PS_REPLAY_NONE: there is none */
    uint32_t log_count;
    struct paper_log logs[PAPER_LOGS_MAX];
};

/* What a reader comes to who has settled so many entries of each log. It may hold more, to see
 * whether a claim is true. */
struct paper_view {
    struct ps_replay replay;
    struct ps_replay_input input;
    uint32_t number[PAPER_LOGS_MAX]; /* of each log of `_devices`: which it is in the input */
    size_t at[PAPER_LOGS_MAX][PAPER_ENTRIES_MAX]; /* of each of its entries that is held: the act */
    struct ps_replay_log logs[PAPER_LOGS_MAX];
    struct ps_replay_act acts[PAPER_LOGS_MAX * PAPER_ENTRIES_MAX];
    size_t parents[PAPER_LOGS_MAX * PAPER_ENTRIES_MAX * PAPER_PARENTS_MAX];
    struct ps_replay_claim claims[PAPER_LOGS_MAX * PAPER_ENTRIES_MAX * PAPER_CLAIMS_MAX];
    uint64_t notes_end[PAPER_LOGS_MAX]; /* of each log of notes; as log_end and wanted */
    uint64_t notes_wanted[PAPER_LOGS_MAX];
};

void paper_init(struct paper *paper, uint32_t device_count);
/* A new log; returns its number. */
uint32_t paper_log(struct paper *paper, uint32_t device, bool is_notes);
/* Append; returns the entry, which is empty. */
struct paper_entry *paper_add(struct paper *paper, uint32_t log);

/* order: in which the logs are numbered, so that a test can have any; NULL: as they are. */
struct paper_held {
    const uint64_t *held;
    const uint64_t *settled;
};
void paper_read(const struct paper *paper, const struct paper_held *here, const uint32_t *order,
                struct paper_view *view);
void paper_view_deinit(struct paper_view *view);

/* Which role a device has in a collection, 0 being all others; PS_ROLE_NONE if it is no member. */
ps_role paper_role(const struct paper_view *view, uint32_t device, uint32_t scope);
/* Whether a log goes on without an end. */
bool paper_is_open(const struct paper *paper, const struct paper_view *view, uint32_t log);
/* As far as a log is accepted, and as far as it may be fetched. */
uint64_t paper_end(const struct paper *paper, const struct paper_view *view, uint32_t log);
uint64_t paper_wanted(const struct paper *paper, const struct paper_view *view, uint32_t log);

#endif
