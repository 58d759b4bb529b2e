/* Names for people of what played.h counts. */
#include "tests/sim/played.h"

#include <inttypes.h>
#include <stdio.h>

#include "tests/sim/lies.h"

void sim_played_add(struct sim_played_counts *sum, const struct sim_played_counts *more)
{
    for (size_t i = 0; i < SIM_PLAYED_COUNT; i++) {
        sum->of[i] += more->of[i];
    }
    for (size_t i = 0; i < SIM_LIE_COUNT; i++) {
        sum->lies[i] += more->lies[i];
    }
}

void sim_played_print(const struct sim_played_counts *counts)
{
    static const char *const names[SIM_PLAYED_COUNT] = {
        [SIM_PLAYED_YEARS] = "clocks years off",
        [SIM_PLAYED_LATE] = "devices that joined late",
        [SIM_PLAYED_TWIN] = "backups restored on two machines",
        [SIM_PLAYED_THRIFT] = "credits changed",
        [SIM_PLAYED_HUGE] = "changes of 1 MiB",
        [SIM_PLAYED_EARLY_ACK] = "ACKs that overtook",
        [SIM_PLAYED_LATER_TYPE] = "messages of types to come",
        [SIM_PLAYED_LATER_ELEMENTS] = "messages with elements to come",
        [SIM_PLAYED_LATER_OP] = "entries of ops or flags to come",
        [SIM_PLAYED_NO_BODY] = "entries whose body counts as none",
        [SIM_PLAYED_INERT] = "inert entries",
        [SIM_PLAYED_ORPHAN] = "entries whose parent never comes",
        [SIM_PLAYED_HALF] = "transactions that never end",
        [SIM_PLAYED_SUM] = "sums added to",
        [SIM_PLAYED_RESET] = "resets",
        [SIM_PLAYED_REMOVED] = "removals",
        [SIM_PLAYED_ROLE] = "roles given",
    };
    printf("played:");
    for (size_t i = 0; i < SIM_PLAYED_COUNT; i++) {
        printf("%s %" PRIu64 " %s", i == 0 ? "" : ",", counts->of[i], names[i]);
    }
    printf("\nlies:");
    for (size_t i = 0; i < SIM_LIE_COUNT; i++) {
        if (counts->lies[i] > 0) {
            printf(" %s %" PRIu64 ",", sim_lies_name((sim_lie)i), counts->lies[i]);
        }
    }
    printf("\n");
}
