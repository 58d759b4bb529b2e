/* The hub: all connections of a node, and what came on them and was not taken yet. It turns what
 * libzmq's sockets tell into UP, MESSAGE and DOWN of devices; links.h is its door, and says what
 * each of these functions does whose name is the same there.
 *
 * The sockets hold any number of messages, because a libzmq that stops reading aborts the process
 * if the peer then goes away (its issue 4364). So the hub must be made to receive all the time, and
 * it bounds itself what a device may have waiting: PS_PEER_MEMORY_MAX bytes of all its links. Who
 * sends more is hung up on, and nobody else notices.
 *
 * It calls no clock. Thread  one at a time. */
#ifndef PS_NODE_LINKS_HUB_H
#define PS_NODE_LINKS_HUB_H

#include <poll.h>

#include "node/links/accepted.h"
#include "node/links/backlog.h"
#include "node/links/dialled.h"
#include "node/links/silent.h"
#include "node/links/socket.h"
#include "node/links/zap.h"

#define PS_HUB_POLL_MAX      (5 + 2 * PS_LINKS_DIALLED_MAX)
#define PS_HUB_OF_DEVICE_MAX 8 /* accepted links of one device: it needs one or two */

/* What is looked at beside the dialled links. */
enum ps_hub_source {
    PS_HUB_ZAP,
    PS_HUB_MONITOR,
    PS_HUB_ROUTER,
    PS_HUB_PAIR,
    PS_HUB_PAIR_MONITOR,
    PS_HUB_SOURCES,
};

/* Its fields are hub.c's. */
struct ps_hub {
    void *context;
    struct ps_zap zap;
    struct ps_curve_keys *keys; /* in memory for secrets */
    struct ps_socket router;    /* closed if this object only dials */
    struct ps_socket pair;
    char *host;
    uint16_t port;
    uint16_t pair_port;
    struct ps_dialled dialled[PS_LINKS_DIALLED_MAX];
    size_t dialled_count;
    struct ps_accepted_table accepted;
    struct ps_silent silent;
    struct ps_silent pairing; /* all connections of the pairing socket */
    bool bloated;             /* some have sent much, and the memory is not given back yet */
    uint64_t look_ms;         /* when to look next at what the silent ones have sent */
    struct ps_socket_queue *queues;
    struct ps_backlog strangers;   /* what came on the pairing socket */
    bool ready[PS_HUB_SOURCES];    /* something may have come since it was looked at last */
    bool changed;                  /* what was polled is not what there is now: look everywhere */
    bool news;                     /* there may be something for ps_hub_next() */
    size_t turn;                   /* whose backlog ps_hub_next() looks at */
    size_t run;                    /* how many events it has given in a row */
    struct ps_backlog_item *taken; /* whose bytes were given last */
    uint64_t beat_ms;              /* when the heartbeats are due */
    uint64_t ticked_ms;
};

p2psync_result ps_hub_init(struct ps_hub *hub,
                           const struct ps_links_options *options) P2PSYNC_MUST_CHECK;
/* Also after ps_hub_init() has failed. */
void ps_hub_deinit(struct ps_hub *hub);

p2psync_result ps_hub_dial(struct ps_hub *hub, uint64_t link, const struct ps_device *device,
                           const char *endpoint) P2PSYNC_MUST_CHECK;
void ps_hub_hangup(struct ps_hub *hub, uint64_t link);
p2psync_result ps_hub_send(struct ps_hub *hub, uint64_t link,
                           struct ps_bytes bytes) P2PSYNC_MUST_CHECK;
p2psync_result ps_hub_next(struct ps_hub *hub, struct ps_link_event *out) P2PSYNC_MUST_CHECK;
p2psync_result ps_hub_pair_open(struct ps_hub *hub, uint16_t *port_out) P2PSYNC_MUST_CHECK;
void ps_hub_pair_close(struct ps_hub *hub);
p2psync_result ps_hub_pair_send(struct ps_hub *hub, uint64_t link,
                                struct ps_bytes bytes) P2PSYNC_MUST_CHECK;

/* Look what the monitors tell of connections that come and end. */
void ps_hub_silent_read(struct ps_hub *hub);
/* Close connections that have been silent for too long, or send too much. */
void ps_hub_silent_tick(struct ps_hub *hub, uint64_t now_ms);
/* When to do that next; UINT64_MAX: no need. */
uint64_t ps_hub_silent_deadline_ms(const struct ps_hub *hub);

/* Look whether what is sent gets through; to be told by ps_hub_next(). */
void ps_hub_flow_look(struct ps_hub *hub, uint64_t now_ms);
/* This process stood still: what was seen before says nothing. */
void ps_hub_flow_reset(struct ps_hub *hub);
/* Make `news` an event of its link; false if there are none. They are told once. */
bool ps_hub_flow_tell(ps_flow_news *news, struct ps_link_event *event);

/* Receive what strangers have sent, and answer their heartbeats. */
void ps_hub_pair_receive(struct ps_hub *hub);

/* Forget the dialled link at `index`. `linger_ms`: for what was just sent. */
void ps_hub_remove_dialled(struct ps_hub *hub, size_t index, int linger_ms);

/* Do what is due by the clock: send heartbeats, hang up on who is not heard any more, look for
 * accepted links that have gone. */
void ps_hub_tick(struct ps_hub *hub, uint64_t now_ms);

/* When to call ps_hub_tick() next; UINT64_MAX: no need. */
uint64_t ps_hub_deadline_ms(const struct ps_hub *hub);

/* Receive what has come, a bounded number of messages; also lets newcomers in. True if there may be
 * more: then it must be called again before anything is polled for longer than no time. */
bool ps_hub_receive(struct ps_hub *hub, uint64_t now_ms);

/* What to poll until the next ps_hub_receive(): fills PS_HUB_POLL_MAX items at most, and returns
 * how many. After any other call on the hub it must be made to look everywhere: see `changed`. */
size_t ps_hub_poll_items(struct ps_hub *hub, struct pollfd items[static PS_HUB_POLL_MAX]);
/* What polling those items gave. NULL: it is not known, so look everywhere. */
void ps_hub_polled(struct ps_hub *hub, const struct pollfd *items);

#endif
