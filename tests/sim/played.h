/* What a run has played of each kind that a seed draws apart, so that it shows when an option
 * changes nothing. */
#ifndef TESTS_SIM_PLAYED_H
#define TESTS_SIM_PLAYED_H

#include <stdint.h>

typedef enum sim_played {
    SIM_PLAYED_YEARS, /* clocks that were years off */
    SIM_PLAYED_LATE,  /* devices that joined late */
    SIM_PLAYED_TWIN,
    SIM_PLAYED_THRIFT,
    SIM_PLAYED_HUGE, /* changes of 1 MiB, nearly */
    SIM_PLAYED_EARLY_ACK,
    SIM_PLAYED_LATER_TYPE,     /* messages of a type to come */
    SIM_PLAYED_LATER_ELEMENTS, /* messages with elements to come */
    SIM_PLAYED_LATER_OP,       /* entries of an op to come, or with flags to come */
    SIM_PLAYED_NO_BODY,        /* entries whose body counts as none */
    SIM_PLAYED_INERT,
    SIM_PLAYED_ORPHAN, /* entries whose parent never comes */
    SIM_PLAYED_HALF,   /* transactions of which the end never comes */
    SIM_PLAYED_SUM,
    SIM_PLAYED_RESET, /* devices that dropped their past */
    SIM_PLAYED_REMOVED,
    SIM_PLAYED_ROLE, /* given or taken */
    SIM_PLAYED_COUNT,
} sim_played;

/* One of each message's fields that somebody may believe. */
typedef enum sim_lie {
    SIM_LIE_HELLO_VERSIONS,
    SIM_LIE_HELLO_CAPABILITIES,
    SIM_LIE_HELLO_DEVICE,
    SIM_LIE_HELLO_MESH,
    SIM_LIE_HELLO_INSTANCE,
    SIM_LIE_HELLO_CLOCK,
    SIM_LIE_HELLO_LISTEN,
    SIM_LIE_HELLO_COMMON,
    SIM_LIE_HELLO_PENDING,
    SIM_LIE_SUMMARY_COMMON,
    SIM_LIE_SUMMARY_PENDING,
    SIM_LIE_SUMMARY_CLOCK,
    SIM_LIE_SUMMARY_REPLY,
    SIM_LIE_SUMMARY_ROOT,
    SIM_LIE_SUMMARY_COLLECTION,
    SIM_LIE_SUMMARY_LEFT_OUT,
    SIM_LIE_SUMMARY_SIZE,
    SIM_LIE_SUMMARY_SHORT,
    SIM_LIE_SUMMARY_ORIGIN,
    SIM_LIE_SUMMARY_RANGE,
    SIM_LIE_HEADS_COLLECTION,
    SIM_LIE_HEADS_DEVICE,
    SIM_LIE_HEADS_INCARNATION,
    SIM_LIE_HEADS_BRANCH,
    SIM_LIE_HEADS_NUMBER,
    SIM_LIE_HEADS_HELD,
    SIM_LIE_HEADS_SIZE,
    SIM_LIE_HEADS_ROOT,
    SIM_LIE_HEADS_SIGNATURE,
    SIM_LIE_HEADS_SIGNED,
    SIM_LIE_HEADS_PROOF_SIZE,
    SIM_LIE_HEADS_PROOF,
    SIM_LIE_WANT_NUMBER,
    SIM_LIE_WANT_FROM,
    SIM_LIE_WANT_CREDIT,
    SIM_LIE_WANT_AGAIN,
    SIM_LIE_CHANGES_COLLECTION,
    SIM_LIE_CHANGES_DEVICE,
    SIM_LIE_CHANGES_INCARNATION,
    SIM_LIE_CHANGES_BRANCH,
    SIM_LIE_CHANGES_NUMBER,
    SIM_LIE_CHANGES_FROM,
    SIM_LIE_CHANGES_ENCODING,
    SIM_LIE_CHANGES_ENTRIES,
    SIM_LIE_CHANGES_LEFT_OUT,
    SIM_LIE_CHANGES_SIZE,
    SIM_LIE_CHANGES_ROOT,
    SIM_LIE_CHANGES_SIGNATURE,
    SIM_LIE_CHANGES_SIGNED,
    SIM_LIE_CHANGES_PROOF,
    SIM_LIE_CHANGES_COMMON,
    SIM_LIE_CHANGES_PENDING,
    SIM_LIE_ACK_COMMON,
    SIM_LIE_ACK_PENDING,
    SIM_LIE_ACK_NUMBER,
    SIM_LIE_ACK_HELD,
    SIM_LIE_ACK_SETTLED,
    SIM_LIE_PEERS_DEVICE,
    SIM_LIE_PEERS_ENDPOINT,
    SIM_LIE_ERROR,
    SIM_LIE_HELLO_NAME, /* and what is told by tests/sim/greetings.h */
    SIM_LIE_JOIN_TOKEN,
    SIM_LIE_JOIN_DEVICE,
    SIM_LIE_JOIN_NAME,
    SIM_LIE_WELCOME_DEVICE,
    SIM_LIE_WELCOME_NAME,
    SIM_LIE_WELCOME_LISTEN,
    SIM_LIE_BEACON_DEVICE,
    SIM_LIE_BEACON_NONCE,
    SIM_LIE_BEACON_ADDRESS,
    SIM_LIE_COUNT,
    SIM_LIE_NONE = SIM_LIE_COUNT,
} sim_lie;

struct sim_played_counts {
    uint64_t of[SIM_PLAYED_COUNT];
    uint64_t lies[SIM_LIE_COUNT];
};

void sim_played_add(struct sim_played_counts *sum, const struct sim_played_counts *more);
void sim_played_print(const struct sim_played_counts *counts);

#endif
