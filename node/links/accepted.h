/* The connections that came in, as links. libzmq does not tell which of a ROUTER's connections has
 * ended, only that the one with some descriptor has. So every link with that descriptor is
 * suspected, and looked at again and again for some seconds. This is only a table: it sends nothing
 * itself.
 *
 * Invariant: gone_count of the items are gone and not ended; all stay until they are removed. */
#ifndef PS_NODE_LINKS_ACCEPTED_H
#define PS_NODE_LINKS_ACCEPTED_H

#include "node/links/backlog.h"
#include "node/links/flow.h"
#include "wire/bytes.h"
#include "wire/id.h"
#include "wire/limits.h"

struct ps_socket_queue;

struct ps_accepted {
    uint64_t link;
    struct ps_device device;
    int descriptor;  /* of its connection, as the monitor names it */
    bool muted;      /* hung up here: what comes on it is dropped */
    bool cut;        /* and its connection was closed */
    uint64_t cut_ms; /* when to do that, if the other side does not; 0: not decided yet */
    struct ps_socket_queue *queue; /* what waits to be sent on it */
    struct ps_backlog backlog;     /* what has come on it */
    bool up_told;                  /* the caller knows of it */
    bool lost;                     /* hung up here, and a DOWN is still to be told */
    uint64_t heard_ms;             /* when something came on it */
    struct ps_flow flow;
    ps_flow_news flow_news; /* to be told */
    bool gone;
    bool ended;          /* gone, and nothing of it waits in the socket */
    unsigned looks_left; /* while it is suspected */
    uint64_t look_ms;    /* when to look next */
};

/* A zeroed one is empty, but for deadline_ms: see ps_accepted_init(). */
struct ps_accepted_table {
    struct ps_accepted *items;
    size_t count;
    size_t capacity;
    size_t count_max;
    size_t gone_count;
    uint64_t deadline_ms; /* of ps_accepted_due() and ps_accepted_overdue(); UINT64_MAX: none */
};

void ps_accepted_init(struct ps_accepted_table *table, size_t count_max);
/* A zeroed one is fine. */
void ps_accepted_deinit(struct ps_accepted_table *table);

/* NULL if there is none. Pointers are good until the next call that adds or takes. */
struct ps_accepted *ps_accepted_find(struct ps_accepted_table *table, uint64_t link);

/* Add a link. NULL if the table or the memory is full. */
struct ps_accepted *ps_accepted_add(struct ps_accepted_table *table,
                                    const struct ps_accepted *accepted);

/* The connection with this descriptor has ended. */
void ps_accepted_suspect(struct ps_accepted_table *table, int descriptor);

/* The next link to look at, or NULL: then nothing is due before table->deadline_ms. */
struct ps_accepted *ps_accepted_due(struct ps_accepted_table *table, uint64_t now_ms);

/* This link was hung up: the other side has a moment to read why, and to close it. */
void ps_accepted_mute(struct ps_accepted_table *table, struct ps_accepted *accepted);

/* The next link that was hung up and whose connection must be closed now; each is given once. NULL:
 * none before table->deadline_ms. Ask ps_accepted_due() first. */
struct ps_accepted *ps_accepted_overdue(struct ps_accepted_table *table, uint64_t now_ms);

/* The link whose connection has this descriptor and has not ended; NULL: none. */
struct ps_accepted *ps_accepted_by_descriptor(struct ps_accepted_table *table, int descriptor);

/* This link is known to be gone. */
void ps_accepted_set_gone(struct ps_accepted_table *table, struct ps_accepted *accepted);

/* Take out this one, gone or not. */
void ps_accepted_remove(struct ps_accepted_table *table, struct ps_accepted *accepted);

/* Make one that is gone an ended one. NULL if there is none. */
struct ps_accepted *ps_accepted_end_gone(struct ps_accepted_table *table);

#endif
