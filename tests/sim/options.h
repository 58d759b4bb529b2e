/* What one simulated run is like: the seed draws a swarm of options, each fault on or off and then
 * its rate, so that runs differ in kind and not only in luck. */
#ifndef TESTS_SIM_OPTIONS_H
#define TESTS_SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_NODES_MAX 24

struct sim_options {
    uint64_t seed;
    unsigned nodes; /* 1..SIM_NODES_MAX */
    unsigned steps; /* moments of the workload */
    bool trace;
    bool no_push; /* engines never push: reconciliation alone must do */

    bool pairing;   /* join by invite; else the founder writes all members at once */
    bool beacons;   /* nodes hear each other */
    bool endpoints; /* engines are given each other's endpoints; if neither, they tell each other */
    bool deaf;      /* an accepted link that was hung up swallows what still comes */
    bool coarse;    /* delays are multiples of 10 ms: messages arrive together */
    uint32_t interval_ms;
    unsigned delay_min_ms;
    unsigned delay_max_ms;
    unsigned notice_ms;   /* most until an engine hears of a write beside it */
    unsigned skew_max_ms; /* of wall clocks */
    unsigned large;       /* per mille of writes that are large */
    unsigned pause_ms;    /* most between two moments of the workload */

    /* Faults, per mille. */
    unsigned drop;       /* a message vanishes on a link that stays up */
    unsigned duplicate;  /* a message comes twice */
    unsigned reorder;    /* a message overtakes those before it */
    unsigned corrupt;    /* a byte of a message is another on arrival: as from a hostile member */
    unsigned cut;        /* per half second and link: it breaks, with what is on it */
    unsigned crash;      /* per half second and node */
    unsigned crash_step; /* per step of an engine: between its commit and its effects */
    unsigned stop;       /* per half second and node: a clean end and a restart */
    unsigned partition;  /* per half second */
    unsigned heal;       /* per half second, while there is one */
    unsigned refuse;     /* per dial: nobody answers */
    unsigned deafen;     /* per beacon: it is not heard */
    unsigned rollback;   /* per restart: on an older copy of its store; so logs may fork */
    unsigned jump;       /* per half second and node: its wall clock jumps */
};

/* The options of a seed; nodes and steps 0: drawn too. */
void sim_options_draw(struct sim_options *options, uint64_t seed, unsigned nodes, unsigned steps);

/* Let stores be rolled back often, so that logs fork. */
void sim_options_roll_back(struct sim_options *options);

/* A quiet, lossless network of `nodes` that know each other: for scripted tests. */
void sim_options_calm(struct sim_options *options, unsigned nodes);

/* Print them, and the command that repeats the run. */
void sim_options_print(const struct sim_options *options, FILE *out);

#endif
