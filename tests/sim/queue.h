/* What is going to happen. Packets are ordered by virtual time, and then by the order in which they
 * were put in, so that a run can be repeated exactly. */
#ifndef TESTS_SIM_QUEUE_H
#define TESTS_SIM_QUEUE_H

#include "wire/bytes.h"

typedef enum sim_packet_kind {
    SIM_PACKET_MESSAGE, /* from one end of a link to the other */
    SIM_PACKET_ARRIVE,  /* a dial reaches its target */
    SIM_PACKET_UP,      /* the dialler learns that its link is up */
    SIM_PACKET_DOWN,    /* one end learns that its link is gone */
    SIM_PACKET_BEACON,  /* a node sends its beacon */
    SIM_PACKET_HEARD,   /* a beacon is heard */
    SIM_PACKET_CHANGED, /* another process has written to a node's store */
    SIM_PACKET_JOIN,    /* a device's JOIN reaches the inviter */
    SIM_PACKET_WELCOME, /* the inviter's reply reaches the device */
    SIM_PACKET_PAIR,    /* a device that has not joined yet tries to */
    SIM_PACKET_RESTART, /* a node comes back */
    SIM_PACKET_FAULT,   /* time to roll the dice for faults */
    SIM_PACKET_ANSWER,  /* a device looks for conflicts to answer */
    SIM_PACKET_ADD,     /* some member makes a device one, too */
    SIM_PACKET_TWIN,    /* a device is restored from a backup, twice */
} sim_packet_kind;

struct sim_packet {
    uint64_t time_ms;
    uint64_t order; /* set by the queue */
    sim_packet_kind kind;
    unsigned node;     /* the node that it concerns */
    unsigned from;     /* the other node, if there is one */
    uint64_t epoch;    /* of `node` when the packet was put in */
    size_t link;       /* index */
    uint64_t accepted; /* DOWN at the target: the number that the target gave to the link */
    bool refused;
    bool waits;          /* for a node that is busy */
    struct ps_buf bytes; /* owned */
};

struct sim_queue {
    struct sim_packet *items; /* a binary heap */
    size_t count;
    size_t capacity;
    uint64_t order;
};

/* Put a packet in. The queue then owns its bytes. If memory runs out, the program ends. */
void sim_queue_push(struct sim_queue *queue, struct sim_packet *packet);

/* Put a packet in again, for later. Of those at one time it comes before all that were put in after
 * it was put in first: what is on one link stays in order. */
void sim_queue_postpone(struct sim_queue *queue, struct sim_packet *packet);

/* Nobody is busy any more: what waits happens now. */
void sim_queue_wake(struct sim_queue *queue, uint64_t now_ms);

/* The next packet, or NULL. */
const struct sim_packet *sim_queue_peek(const struct sim_queue *queue);

/* Take the next packet. The caller owns its bytes. The queue must not be empty. */
struct sim_packet sim_queue_pop(struct sim_queue *queue);

void sim_queue_deinit(struct sim_queue *queue);

#endif
