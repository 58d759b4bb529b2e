/* One peer: a device that may connect, its one state, and what is known of it. No second state
 * machine exists beside `state`. It is made of parts; each part belongs to the module whose header
 * defines it, and only that module touches the part's fields. What every module may read is who the
 * peer is, its state, its links, and the id of its session.
 *
 * Memory per peer is bounded: PS_FETCHES_QUEUED_MAX fetches, PS_SERVES_MAX serves, two sizes of
 * each log in the store, and PS_CREDIT_MAX bytes of changes under way. */
#ifndef PS_NODE_ENGINE_PEER_H
#define PS_NODE_ENGINE_PEER_H

#include "node/engine/blame.h"
#include "node/engine/dial.h"
#include "node/engine/engine.h"
#include "node/engine/holds.h"
#include "node/engine/introduce.h"
#include "node/engine/link.h"
#include "node/engine/names.h"
#include "node/engine/now.h"
#include "node/engine/offer.h"
#include "node/engine/on_beacon.h"
#include "node/engine/progress.h"
#include "node/engine/receipts.h"
#include "node/engine/remember.h"
#include "node/engine/resent.h"
#include "node/engine/rounds.h"
#include "node/engine/session.h"
#include "node/engine/stalls.h"
#include "node/engine/state.h"
#include "node/engine/transfer.h"
#include "node/engine/twins.h"

struct ps_peer {
    struct ps_device device;
    char name[PS_DEVICE_NAME_SIZE_MAX + 1]; /* trust.c */
    bool allowed;                           /* trust.c: still a member */
    ps_role role;                           /* trust.c: as the app was last told */
    ps_peer_state state;                    /* moved by session.c, dial.c and settle.c */

    struct ps_link links[PS_LINKS_PER_PEER_MAX];
    struct ps_session session;
    struct ps_dial dial;
    struct ps_blame blame;
    struct ps_budget excess; /* excess.c: logs taken that nobody honest begins */
    struct ps_remembered remembered;

    struct ps_state_heard heard;
    struct ps_state_told told;
    struct ps_names names;
    struct ps_holds holds;
    struct ps_round round;
    struct ps_transfer transfer;
    struct ps_offered offered;
    struct ps_resent resent;
    struct ps_receipts receipts;
    struct ps_introduction introduction;
    struct ps_progress progress;
    struct ps_now_peer now;
    struct ps_nonces nonces;
    struct ps_runs runs;
    struct ps_stall stall;
};

/* Errors  P2PSYNC_ENOMEM. */
p2psync_result ps_peer_new(const struct ps_device *device, struct ps_peer **out) P2PSYNC_MUST_CHECK;
/* Nulls the pointer; NULL is fine. */
void ps_peer_destroy(struct ps_peer **peer);

/* Forget what belongs to a session. */
void ps_peer_end_session(const struct ps_engine *engine, struct ps_peer *peer);

#endif
