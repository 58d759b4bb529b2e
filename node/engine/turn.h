/* The inside of the engine: its state, and the turn, which is one call of ps_engine_step() while it
 * is carried out. For the files of the engine only. The state is made of parts; each part belongs
 * to the module whose header defines it, and only that module changes the part's fields. */
#ifndef PS_NODE_ENGINE_TURN_H
#define PS_NODE_ENGINE_TURN_H

#include "node/engine/by_log.h"
#include "node/engine/damage.h"
#include "node/engine/deadline.h"
#include "node/engine/dial.h"
#include "node/engine/elsewhere.h"
#include "node/engine/engine.h"
#include "node/engine/logs.h"
#include "node/engine/mend.h"
#include "node/engine/now.h"
#include "node/engine/on_beacon.h"
#include "node/engine/own.h"
#include "node/engine/pace.h"
#include "node/engine/pairing.h"
#include "node/engine/peer.h"
#include "node/engine/peers.h"
#include "node/engine/prng.h"
#include "node/engine/progress.h"
#include "node/engine/reach.h"
#include "node/engine/recover.h"
#include "node/engine/roots.h"
#include "node/engine/rounds.h"
#include "node/engine/stalls.h"
#include "node/engine/state.h"
#include "node/engine/trust.h"
#include "node/engine/twins.h"
#include "store/mesh/known.h"

struct ps_engine {
    struct ps_store *store;
    struct ps_identity identity;
    uint64_t instance;
    char name[PS_DEVICE_NAME_SIZE_MAX + 1];
    struct ps_prng prng;
    uint64_t interval_ms;
    bool no_push;
    uint32_t page_max;
    char (*listen)[PS_ENDPOINT_SIZE_MAX + 1];
    size_t listen_count;
    char (*statics)[PS_ENDPOINT_SIZE_MAX + 1];
    size_t static_count;

    struct ps_peers peers; /* read by all */
    struct ps_allowed allowed;
    struct ps_own own;
    struct ps_strangers strangers;
    struct ps_twins twins;
    struct ps_stalls stalls;
    struct ps_dials dials;
    struct ps_reach reach;
    struct ps_elsewhere elsewhere;
    struct ps_state_cache state;
    struct ps_roots roots;
    struct ps_known known; /* of `_devices` */
    struct ps_logs logs;
    struct ps_by_log vouched; /* sizes of heads that were found good */
    struct ps_crowd crowd;
    struct ps_counts counts;
    struct ps_invite *invite; /* in memory for secrets */
    struct ps_now nows[PS_NOWS_MAX];
    struct ps_damage damage;
    struct ps_mend mend;
    struct ps_recovery recovery;
    struct ps_pace pace;

    uint64_t next_link;       /* dial.c: number of the next link that is dialled */
    uint64_t written;         /* news.c: own writes that were looked at; 0: not known */
    uint64_t introduced;      /* introduce.c: how often there was news of where a peer is */
    uint64_t introduce_ms;    /* introduce.c: when to tell of it; PS_NEVER: all was told */
    uint64_t scanned;         /* news.c: and the incarnation that they were of */
    uint64_t announce_ms;     /* news.c: when to tell of fresh logs; PS_NEVER: none */
    uint64_t apply_ms;        /* backlog.c: when to apply at the latest; PS_NEVER: nothing waits */
    uint64_t refresh_ms;      /* backlog.c: when to merge a piece; PS_NEVER: nothing is left */
    uint64_t report_ms;       /* report.c: when to report what is due; PS_NEVER: nothing is */
    uint64_t persist_ms;      /* remember.c: when to write at the latest; PS_NEVER: nothing moved */
    uint64_t refusal_ms;      /* refusal.c: none is told before */
    uint64_t resume_ms;       /* turn.c: when to go on with what the effects had no room for */
    uint64_t clock_offset_ms; /* engine.c: wall clock less monotonic, in the last turn */
    bool members_dirty;       /* settle.c: `_devices` moved, or may when the backlog is applied */
    bool clock_is_wrong;      /* clocks.c: most peers say so */
    bool stopped;             /* engine.c */
};

/* A turn in progress. `result` is sticky: after an error of the store nothing more is done. */
struct ps_turn {
    struct ps_engine *engine;
    struct ps_txn *txn;
    struct ps_effects *effects;
    const struct ps_event *event;
    uint64_t now_ms;
    uint64_t wall_ms;
    p2psync_result result;
    uint32_t logs;    /* all in the store had numbers below it when the turn began */
    bool dirty;       /* logs moved in this turn: our state must be computed again */
    bool out_of_room; /* a message did not fit the effects */
};

/* Keep the first error of the store. True if there is none. */
bool ps_turn_ok(struct ps_turn *turn, p2psync_result result);

/* Have another turn at `at_ms`, or sooner if that was wanted already. */
void ps_turn_again(struct ps_turn *turn, uint64_t at_ms);

#endif
