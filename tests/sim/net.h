/* A network of nodes in virtual time: real engines on real stores, with links that can be slow,
 * cut, lossy or one-way. The network plays the part that node/engine/engine.h gives to the loop,
 * and is built without ZeroMQ.
 *
 * A link is like a connection: while it lasts, it delivers in order and loses nothing, except for
 * the faults that a test asks for. The seed decides everything that is drawn. The first thing that
 * goes wrong is kept as the failure. Whoever runs the network looks for it, and stops. */
#ifndef TESTS_SIM_NET_H
#define TESTS_SIM_NET_H

#include "node/engine/engine.h"
#include "store/env/identity.h"
#include "tests/lib/prng.h"
#include "tests/sim/options.h"
#include "tests/sim/played.h"
#include "tests/sim/queue.h"

#define SIM_REQUESTS_MAX 16
#define SIM_WALL_MS      1800000000000ULL /* the wall clock when virtual time is 0 */
#define SIM_LOCAL_MARK   "never-leaves"   /* in every value of a `_local` collection */
#define SIM_LOCAL_NAME   "_local"         /* and in its name */
#define SIM_DIALS        (2 * 10 + 1)     /* more than an engine may begin within a second */

struct sim_request {
    uint64_t number; /* 0: free */
    uint64_t until_ms;
};

/* What the disk of a node does while the node writes. */
typedef enum sim_disk_mishap {
    SIM_DISK_WELL,
    SIM_DISK_FAILS, /* once */
    SIM_DISK_FULL,
    SIM_DISK_STOPS, /* the power fails */
} sim_disk_mishap;

struct sim_node {
    unsigned index;
    bool puppet; /* it has no engine: a test plays its part */
    bool joined; /* it is a member of a mesh */
    bool liar;   /* it says what is not so, while there are faults */
    bool up;     /* its engine runs */
    bool inviting;
    uint64_t epoch; /* counts its runs: packets for an earlier run are lost */
    char dir[128];
    struct ps_store *store; /* may be open while the engine does not run */
    struct ps_engine *engine;
    struct ps_identity identity;
    uint64_t saved_incarnation; /* when its store was last copied */
    struct ps_secret secret;
    struct ps_device former; /* of a twin: the device that it was */
    uint64_t instance;
    uint64_t monotonic_ms; /* of its clock when virtual time was 0 */
    bool looks_up;         /* the names that it dials, and has no reply yet */
    int64_t skew_ms;       /* by which its wall clock is off */
    uint64_t deadline_ms;  /* its engine's, since the last step; in its own time */
    uint64_t busy_ms;      /* virtual time until which it does nothing: all that comes waits */
    unsigned bursts;       /* beacons still to send at 1 s */
    uint64_t beacon;       /* number of the beacon that is planned; older beacons are void */
    uint64_t accepted;     /* how many links it has accepted */
    unsigned dials;        /* in its present run */
    uint64_t dials_ms[SIM_DIALS]; /* when the last ones were */
    unsigned spins;               /* how many ticks it had at spin_ms */
    uint64_t spin_ms;
    bool has_token; /* it tries to join with `token` */
    uint8_t token[PS_TOKEN_SIZE];
    unsigned inviter;
    struct sim_request requests[SIM_REQUESTS_MAX];
    uint64_t told[32];      /* events told, by type */
    unsigned connected;     /* peers that were told as up, and not as down since */
    bool saved;             /* there is a copy of its store */
    uint64_t claim;         /* a hash of what it claimed, and of its store, when checked last */
    uint64_t map_size;      /* of its store; 0: 64 MiB */
    p2psync_result excused; /* what a step of it may give */
    uint64_t excuses;       /* how often it did */
    bool no_flush;          /* its store is opened so */
    unsigned pasts;         /* how often it has lost what it had committed */
    unsigned resets;        /* how often it has dropped its past */
    bool sealed;            /* all others knew that it was removed, ... */
    uint64_t sealed_at;     /* ... when it had written so many changes */
    sim_disk_mishap mishap; /* of what it writes now */
    bool dead;          /* its disk has failed so that LMDB takes nothing more from its process */
    uint64_t committed; /* a digest of its store, when its power was going to fail */
    uint64_t full_ms;   /* virtual time until which its disk is full */
};

/* A connection. Index 0 of a pair is the dialler's end, 1 the target's. */
struct sim_link {
    unsigned dialler;
    unsigned target;
    char endpoint[24];  /* the beginning of what was dialled */
    uint64_t epoch[2];  /* of both nodes */
    uint64_t number[2]; /* as its engine knows it; the target's is 0 until it hears of it */
    bool up;            /* the dialler was told */
    bool ended[2];      /* this end was told that the link is gone, or hung up itself */
    uint64_t ended_step[2];
    bool cut;              /* nothing passes any more */
    bool unresolved;       /* it was not dialled: a name was being looked up */
    bool deaf;             /* the target hung up: what comes is swallowed */
    uint64_t latest_ms[2]; /* when the newest message arrives at each end */
};

/* A message that reached a puppet. */
struct sim_capture {
    unsigned node; /* the puppet */
    unsigned from;
    size_t link;
    uint64_t type;
    struct ps_buf bytes;
};

struct sim_traffic {
    uint64_t messages;
    uint64_t bytes;
};

/* What one end of a link has sent of a log, and may send. */
#define SIM_FLIGHT_MAX 16 /* messages of one log under way */
struct sim_window {
    size_t link;
    unsigned node;
    uint64_t number; /* of the log, as that end calls it */
    uint64_t credit;
    uint64_t step;        /* before the one in which it was granted */
    uint64_t landed;      /* how much of the log had arrived, as was heard last, ... */
    uint64_t landed_step; /* ... before this step */
    bool ended;           /* by a credit of 0: the next WANT begins anew */
    unsigned anew;        /* how often that step was told to begin anew */
    uint64_t moved_ms;
    struct {
        uint64_t end; /* behind its last change */
        uint64_t size;
    } flight[SIM_FLIGHT_MAX];
    size_t count;
};

struct sim_net {
    struct sim_options options;
    struct prng random;
    struct prng disk_random;  /* of its own, so that all else stays as it is */
    struct prng apart_random; /* likewise, for what options draw apart */
    struct prng more_random;  /* likewise, for resets, and for lies of those who meet */
    char dir[96];             /* holds the stores; removed at the end */
    uint64_t now_ms;
    uint64_t step; /* of any engine */
    bool faults;
    unsigned pasts; /* how often a device has lost what others may have built on ... */
    unsigned lost;  /* ... and how often its whole store, and has joined again as another */
    bool has_twin;  /* a backup was restored on two machines: on these nodes */
    unsigned twins[2];
    uint64_t sum; /* of what was added: sums.h */
    struct sim_played_counts played;
    struct sim_queue queue;
    struct sim_node nodes[SIM_NODES_MAX];
    unsigned node_count;
    struct sim_link *links;
    size_t link_count;
    size_t link_capacity;
    bool blocked[SIM_NODES_MAX][SIM_NODES_MAX]; /* no packet gets from the first to the second */
    struct sim_traffic traffic[SIM_NODES_MAX][SIM_NODES_MAX];
    struct sim_traffic by_type[32];
    uint64_t rounds; /* SUMMARYs that want a reply */
    struct sim_window *windows;
    size_t window_count;
    size_t window_capacity;
    struct sim_capture *captures;
    size_t capture_count;
    size_t capture_capacity;
    bool (*hold)(struct sim_net *net, unsigned from, unsigned to,
                 uint64_t type);      /* faults of a test: true loses the message */
    const struct ps_secret *recovery; /* the key of the mesh that is founded next; NULL: none */
    uint64_t now_done[SIM_NODES_MAX]; /* replies to requests */
    p2psync_result now_result[SIM_NODES_MAX];
    struct ps_buf now_bytes; /* of the last reply */
    uint64_t pair_replies;   /* to JOINs of puppets */
    uint64_t pair_reply;     /* type of the last reply */
    struct ps_effects effects;
    uint64_t digest;   /* of all that was sent: equal seeds give equal digests */
    unsigned touched;  /* the node whose engine stepped last; SIM_NODES_MAX: none */
    char failure[512]; /* empty: nothing has gone wrong */
};

/* Make the folder of the stores. There are no nodes yet. */
void sim_net_init(struct sim_net *net, const struct sim_options *options);
void sim_net_deinit(struct sim_net *net);

/* Play until one thing has happened. False if nothing happens until `until_ms`. */
bool sim_net_advance(struct sim_net *net, uint64_t until_ms);

/* Play `ms` milliseconds, or until something fails. */
void sim_net_run(struct sim_net *net, uint64_t ms);

/* Keep the first failure. */
__attribute__((format(printf, 2, 3))) void sim_fail(struct sim_net *net, const char *format, ...);

/* ---- nodes: node.c ---- */

/* Add a new device with an empty store. Returns its index. */
unsigned sim_node_add(struct sim_net *net);
/* Add a puppet: a new device whose part the test plays. */
unsigned sim_node_add_puppet(struct sim_net *net);
/* Open the store if it is closed, and start an engine on it. */
void sim_node_start(struct sim_net *net, unsigned node);
/* End the engine at once and close the store, as a crash does. A transaction that was open beside
 * it is lost. */
void sim_node_kill(struct sim_net *net, unsigned node);
/* The same, and open the store. */
void sim_node_crash(struct sim_net *net, unsigned node);
/* Start the node again within `ms` milliseconds. */
void sim_node_restart_within(struct sim_net *net, unsigned node, uint64_t ms);
/* Whether its power may fail: the store flushes, or is not that of the founder, who must remember
 * whom it has let in. */
bool sim_node_may_lose_power(const struct sim_net *net, unsigned node);
/* End the engine cleanly: it tells its peers. */
void sim_node_stop(struct sim_net *net, unsigned node);
void sim_node_close_store(struct sim_net *net, unsigned node);
/* It stays closed if it is damaged, and may be: it does not flush, and the power has failed. */
void sim_node_open_store(struct sim_net *net, unsigned node);
/* Whoever has lost its store joins again, as another device in another directory. The others keep
 * the old one in their lists, and never hear of it again. */
void sim_node_renew(struct sim_net *net, unsigned node);
/* Copy the store of a node that is down to `name`, or put such a copy in the place of the store,
 * as when the whole disk is rolled back: nothing tells the node. */
void sim_node_save(struct sim_net *net, unsigned node, const char *name);
void sim_node_restore(struct sim_net *net, unsigned node, const char *name);
/* Whether its store has all members: an older copy admits nobody who came later, and who is not
 * admitted cannot tell it. */
bool sim_node_knows_members(struct sim_net *net, unsigned node);
/* Start the node after a crash or a stop, perhaps on an older copy of its store. */
void sim_node_restart(struct sim_net *net, unsigned node);
/* Give events to the engine, and carry out its effects. The times of the events are filled in here.
 */
void sim_node_step(struct sim_net *net, unsigned node, struct ps_event *events, size_t count);
void sim_node_now(struct sim_net *net, unsigned node, uint64_t request, uint64_t timeout_ms);
uint64_t sim_node_wall_ms(const struct sim_net *net, unsigned node);
/* Let its wall clock be years off from now on. */
void sim_node_jump_years(struct sim_net *net, unsigned node);
/* When the engine wants its next tick, in virtual time; UINT64_MAX: never. */
uint64_t sim_node_deadline_ms(const struct sim_net *net, unsigned node);
/* What the engine of `node` says of `other`. False: it does not know `other`. */
bool sim_node_peer(const struct sim_net *net, unsigned node, unsigned other,
                   struct ps_peer_info *out);
/* Whether it calls `other` in sync. */
bool sim_node_is_in_sync(const struct sim_net *net, unsigned node, unsigned other);
/* Virtual time until which one of both gives the other no session, for what it did wrong. */
uint64_t sim_node_barred_ms(const struct sim_net *net, unsigned node, unsigned other);
bool sim_node_allows(const struct sim_net *net, unsigned node, unsigned other);
/* The node with this device; SIM_NODES_MAX: none. */
unsigned sim_node_of(const struct sim_net *net, const struct ps_device *device);

/* ---- links: link.c ---- */

void sim_link_dial(struct sim_net *net, unsigned node, const struct ps_effect *effect);
void sim_link_send(struct sim_net *net, unsigned node, uint64_t number, struct ps_bytes bytes);
void sim_link_hangup(struct sim_net *net, unsigned node, uint64_t number);
/* Break a link. Both ends learn of it later. */
void sim_link_cut(struct sim_net *net, size_t index);
void sim_link_cut_all(struct sim_net *net, unsigned node);
/* No packet gets from one node to the other any more, and their links break. */
void sim_link_part(struct sim_net *net, unsigned a, unsigned b);
/* Turn what has reached a node into an event. False if nothing is to be delivered, because the link
 * has ended or the node has restarted. */
bool sim_link_deliver(struct sim_net *net, struct sim_packet *packet, struct ps_event *event);
void sim_link_arrive(struct sim_net *net, const struct sim_packet *packet);
/* How many links from `dialler` to `target` are up. */
unsigned sim_link_count(const struct sim_net *net, unsigned dialler, unsigned target);
/* A puppet opens a link, whether it is admitted or not. Returns the index of the link. */
size_t sim_link_open(struct sim_net *net, unsigned puppet, unsigned target);
/* A puppet sends over a link that it opened or was dialled on. */
void sim_link_send_as(struct sim_net *net, unsigned puppet, size_t index, struct ps_bytes bytes);
uint64_t sim_delay_ms(struct sim_net *net);

/* Let a packet happen `after_ms` from now. */
void sim_plan(struct sim_net *net, uint64_t after_ms, struct sim_packet *packet);

#endif
