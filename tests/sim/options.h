/* What one simulated run is like. The seed draws all options: first whether each fault is on, and
 * then its rate. So runs differ in kind, and not only in luck. */
#ifndef TESTS_SIM_OPTIONS_H
#define TESTS_SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SIM_NODES_MAX 200

struct sim_options {
    uint64_t seed;
    unsigned nodes; /* 1..SIM_NODES_MAX */
    unsigned steps; /* how many things apps do */
    bool trace;
    unsigned idle_minutes; /* how long nothing happens; 0: ten */
    bool no_push;          /* engines never push: rounds alone must bring all in sync */

    bool pairing;   /* devices join by invite; else the founder writes all members at once */
    bool beacons;   /* nodes hear each other */
    bool endpoints; /* engines are given all endpoints; without both, PEERS must tell them */
    bool deaf;      /* an accepted link that was hung up swallows what still arrives */
    bool coarse;    /* delays are multiples of 10 ms: messages arrive together */
    uint32_t interval_ms;
    uint32_t page_max; /* collections or short heads in a SUMMARY; 0: the limits */
    unsigned delay_min_ms;
    unsigned delay_max_ms;
    unsigned notice_ms;   /* maximum until an engine learns of a write beside it */
    unsigned skew_max_ms; /* maximum by which a wall clock is off */
    unsigned large;       /* how many writes of a thousand are large */
    unsigned pause_ms;    /* maximum between two things that apps do */
    unsigned huge;        /* how many writes of a thousand are of 1 MiB, nearly */
    unsigned work;        /* how many things of a thousand are more than plain edits */
    bool vast;            /* one transaction is as large as may be */
    bool answers;         /* devices answer conflicts by themselves, and disagree */
    bool often_lies;      /* as sim_options_lie() makes them */
    bool often_resets;    /* as sim_options_reset() does */
    bool often_removals;  /* as sim_options_remove() does */
    bool plain;           /* nothing of what is drawn apart, below: for seeds that are older */

    /* Faults: how often in a thousand times. */
    unsigned drop;       /* a message vanishes on a link that stays up */
    unsigned duplicate;  /* a message comes twice */
    unsigned reorder;    /* a message overtakes those before it */
    unsigned corrupt;    /* a byte of a message is changed, as a hostile member could do */
    unsigned cut;        /* per half second and link: it breaks, and loses what is under way */
    unsigned crash;      /* per half second and node */
    unsigned crash_step; /* per step of an engine: between its commit and its effects */
    unsigned stop;       /* per half second and node: a clean end and a restart */
    unsigned partition;  /* per half second */
    unsigned heal;       /* per half second, while there is a partition */
    unsigned refuse;     /* per dial: nobody accepts */
    unsigned deafen;     /* per beacon: it is not heard */
    unsigned rollback;   /* per restart: on an older copy of the store, so logs may fork */
    unsigned slow;       /* per step of an engine: it takes up to ten seconds, as on a slow disk */
    unsigned freeze;     /* per half second and node: it does nothing for 5 to 90 s */
    unsigned jump;       /* per half second and node: its wall clock jumps */
    unsigned unflushed;  /* per node: its store does not flush */
    unsigned power;      /* per half second and node: its power fails */
    unsigned power_step; /* per write to a store: the power fails in the middle of it */
    unsigned fail;       /* per write to a store: its disk gives an error */
    unsigned fill;       /* per write to a store: its disk is full, for up to 20 s */

    /* Drawn apart: how often in a thousand times. The report says how often each was played. */
    unsigned years;       /* per node: its wall clock is years off, or jumps by years */
    unsigned late;        /* per node: it joins at any time */
    unsigned liars;       /* per node but the first: some fields of what it says are not true ... */
    unsigned lies;        /* ... per message */
    unsigned twin;        /* per run: one backup is restored on two machines, and both run */
    unsigned thrift;      /* per WANT: it grants any credit, from one byte on */
    unsigned early_ack;   /* per ACK: it overtakes all that is under way */
    unsigned later;       /* per message: one of a later version comes before it, or is in it */
    unsigned meaningless; /* per thing that apps do: an entry that means nothing here, or waits */
    unsigned sums;        /* per thing that apps do: something is added to what all add to */
    unsigned removals;    /* per thing that apps do: somebody decides who may what */
    unsigned resets;      /* per restart: it drops its past, if another device has all of it */
};

#define SIM_REPEAT_SIZE 160
/* The command that plays the run again. */
void sim_options_repeat(const struct sim_options *options, char out[static SIM_REPEAT_SIZE]);

/* Draw the options of a seed. If nodes or steps is 0, it is drawn, too. */
void sim_options_draw(struct sim_options *options, uint64_t seed, unsigned nodes, unsigned steps);

/* Take out what is drawn apart. */
void sim_options_be_plain(struct sim_options *options);

/* Make rollbacks of stores frequent, so that logs fork. */
void sim_options_roll_back(struct sim_options *options);

/* Make lies frequent, and messages with a part of a log, which alone need proofs. */
void sim_options_lie(struct sim_options *options);

/* Make resets frequent, and devices stop and start, so that resets may be. */
void sim_options_reset(struct sim_options *options);

/* Let devices be removed, lowered and raised. Nobody lies, and no store goes back. */
void sim_options_remove(struct sim_options *options);

/* A quiet network without losses, whose `nodes` know each other: for scripted tests. */
void sim_options_calm(struct sim_options *options, unsigned nodes);

/* Print them, and the command that repeats the run. */
void sim_options_print(const struct sim_options *options, FILE *out);

#endif
