/* Two processes on loopback: this one and another, which is forked before any library is in use and
 * does what it is told, one order at a time. Times are of the monotonic clock, which both share. */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <sys/types.h>

#include "tools/bench/bench.h"

typedef enum pair_verb {
    PAIR_JOIN,      /* join the mesh of the invite `text`, and close the store */
    PAIR_START,     /* open the store and run the node; dials this process's */
    PAIR_TAKE_OVER, /* open this process's store, which is closed, and run its node */
    PAIR_CLOSE,     /* stop the node and close the store */
    PAIR_WRITE,     /* write records first to first + count - 1; no node needs to run */
    PAIR_EDIT,   /* set the field `text` of records first to first + count - 1; no node needs to run
                  */
    PAIR_AWAIT,  /* reply when records `first` to first + count - 1 are there, or `first` alone if
                    count is 0, with the time */
    PAIR_EVENTS, /* reply once when ready, then each of the next `count` changes with the time */
    PAIR_SYNC,   /* reply when in sync with this process, with the time */
    PAIR_MEMORY, /* reply how many bytes of anonymous pages the process has */
} pair_verb;

#define PAIR_TEXT_SIZE 2048
struct pair_order {
    pair_verb verb;
    uint64_t first;
    uint64_t count;
    char text[PAIR_TEXT_SIZE];
};

struct pair {
    p2psync_node *node; /* this process's; NULL while it is closed */
    char *dir;
    char *other_dir;
    char *endpoint;
    char *other_endpoint;
    p2psync_durability durability;
    int fd; /* to the other process */
    pid_t pid;
};

/* Fork the other process, make a device and its mesh here, with this process's node running, and
 * have the other join it. The other's node does not run yet, and its store is empty but for the
 * mesh. */
void pair_begin(struct pair *pair, p2psync_durability durability);
/* Close both, end the other process and remove what they wrote. */
void pair_end(struct pair *pair);

/* Stop and close this process's node; open it and run it again. */
void pair_close_own(struct pair *pair);
void pair_start_own(struct pair *pair);

/* Tell the other process, and wait for its reply: nanoseconds, or a number. */
uint64_t pair_order(struct pair *pair, const struct pair_order *order);
/* Wait for the next reply. */
uint64_t pair_reply(struct pair *pair);

/* Wait until the record of this index is there. */
void pair_await_record(p2psync_node *node, uint64_t index);
/* Wait until the node is in sync with a connected peer. */
void pair_await_sync(p2psync_node *node);
/* The sum of what p2psync_peers() fills in as `key`. */
uint64_t pair_sum(p2psync_node *node, const char *key);

#endif
