/* Liveness, as tests/sim/live.h says. */
#include "tests/sim/live.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/apply/refresh.h"
#include "store/record/rules.h"
#include "tests/sim/draft.h"
#include "tests/sim/mesh.h"
#include "tests/sim/removals.h"
#include "tests/sim/sums.h"
#include "tests/sim/trace.h"
#include "tests/sim/twins.h"

#define IN_SYNC_MS    (60ULL * 1000) /* after the last fault all are in sync within */
#define MET_MS        5000           /* and two that could not meet sooner, after they have */
#define IDLE_MS       (10ULL * 60 * 1000)
#define IDLE_PER_HOUR (12ULL * 60) /* messages of a pair in sync, at the interval of 30 s */
#define LOOK_MS       250
#define LAN_MS        5              /* that a message takes there, at most */
#define CUT_MS        1000           /* for the links of two that were parted to break */
#define HAS_MS        100            /* on a LAN without faults, a write is on all nodes within */
#define KNOWN_MS      100            /* and all know so within so much more, if they are few */
#define TOLD_MS       2000           /* of many within so much more, ... */
#define TOLD_AT_ONCE  4              /* ... for each so many nodes, as rounds take turns */
#define REPAIRED_MS   (60ULL * 1000) /* what a peer withholds is had from others within */
#define TWINS_TOLD_MS                                                                              \
    (180ULL * 1000) /* they hear each other, and come in turn elsewhere, within                    \
                     */
#define TIES        4
#define MET         "another device runs with this one's key" /* what an alert begins with */
#define WRITERS_MAX 12                                        /* more would show nothing else */
#define EARLY_COUNT                                                                                \
    24 /* collections with names before `_devices`: more than are fetched at once                  \
        */

static bool meet_late(struct sim_live *live, uint64_t since_ms);
static void check_nothing_is_left(struct sim_net *net, unsigned node);
static void be_prompt(struct sim_live *live);
static void be_prompt_through_others(struct sim_live *live);
static void put_devices_first(struct sim_live *live);
static void go_round_a_stalled_one(struct sim_live *live);
static void meet_twins(struct sim_live *live);
static void settle_a_tie(struct sim_live *live);
static void let_the_last_win(struct sim_net *net, const char *collection);
static void make_lan(struct sim_live *live);
static uint64_t told_within_ms(const struct sim_net *net);
static bool put_everywhere(struct sim_live *live, unsigned node, uint64_t within_ms);
static bool have(struct sim_live *live, unsigned first, uint64_t number);
static bool settle(struct sim_live *live, uint64_t within_ms);
static bool count_wants(struct sim_net *net, unsigned from, unsigned to, uint64_t type);
static bool withhold(struct sim_net *net, unsigned from, unsigned to, uint64_t type);
static bool twins_are_told(const struct sim_net *net);
static void leave(struct sim_live *live, unsigned node);
static void meet(struct sim_live *live, unsigned node, unsigned other);

/* The hooks know nothing but the network. */
static uint64_t withheld;       /* messages */
static uint64_t wanted;         /* logs */
static uint64_t devices_before; /* changes of `_devices` that it had */

bool sim_live_advance(struct sim_live *live, uint64_t ms)
{
    struct sim_net *net = live->net;
    uint64_t until_ms = net->now_ms + ms;
    while (net->failure[0] == '\0' && sim_net_advance(net, until_ms)) {
        if (net->touched < SIM_NODES_MAX) {
            sim_removals_watch(net);
            sim_check_node(live->checker, net, net->touched);
            if (net->options.rollback == 0 && net->pasts == 0) {
                sim_check_claims(net, net->touched);
            }
            if (net->options.corrupt == 0) {
                sim_check_blame(net, net->touched);
            }
        }
    }
    return net->failure[0] == '\0';
}

uint64_t sim_live_recover(struct sim_live *live)
{
    struct sim_net *net = live->net;
    uint64_t begun_ms = net->now_ms;
    bool done = false;
    sim_trace(net, "there are no faults any more");
    while (!done && net->now_ms < begun_ms + IN_SYNC_MS && sim_live_advance(live, LOOK_MS)) {
        done = sim_mesh_complete(net) && sim_check_in_sync(net);
    }
    if (!done && !meet_late(live, begun_ms)) {
        sim_fail(net, "not in sync %llu s after the last fault", IN_SYNC_MS / 1000);
    }
    if (net->failure[0] == '\0') {
        sim_check_equal(net);
        sim_check_rule(net, 0);
        if (net->options.rollback == 0 && net->pasts == 0) {
            sim_sums_check(net, 0);
        }
    }
    return net->now_ms - begun_ms;
}

/* Some pairs may need longer to meet, but no others. Who did wrong again and again, and last with
 * the last fault, is barred for up to 75 s (PROTOCOL, section 9). And of a device that never was in
 * sync with anybody nobody may know where it is: it must dial itself, and pauses as long between
 * two dials if nobody was there for long. */
static bool meet_late(struct sim_live *live, uint64_t since_ms)
{
    struct sim_net *net = live->net;
    uint64_t until_ms = 0;
    bool done = false;
    if (net->failure[0] != '\0' || !sim_check_in_sync_but_parted(net, since_ms, &until_ms)) {
        return false;
    }
    while (!done && net->now_ms < until_ms + MET_MS && sim_live_advance(live, LOOK_MS)) {
        done = sim_mesh_complete(net) && sim_check_in_sync(net);
    }
    return done;
}

struct sim_idle sim_live_rest(struct sim_live *live)
{
    struct sim_net *net = live->net;
    struct sim_idle idle = {0};
    uint64_t ms = net->options.idle_minutes > 0 ? net->options.idle_minutes * 60000ULL : IDLE_MS;
    if (!sim_live_advance(live, 60000)) {
        return idle;
    }
    memset(net->traffic, 0, sizeof net->traffic);
    uint64_t step = net->step;
    (void)sim_live_advance(live, ms);
    uint64_t said = 0;
    for (unsigned i = 0; i < net->node_count; i++) {
        for (unsigned j = 0; j < i && !sim_removals_gone(net, i); j++) {
            if (sim_removals_gone(net, j)) {
                continue;
            }
            uint64_t both = net->traffic[i][j].messages + net->traffic[j][i].messages;
            uint64_t per_hour = both * 3600000 / ms;
            idle.pair_messages = per_hour > idle.pair_messages ? per_hour : idle.pair_messages;
            said += both;
        }
    }
    idle.messages = said * 60000 / ms;
    idle.wakes = (net->step - step) * 60000 / ms;
    uint64_t interval_ms = net->options.interval_ms == 0 ? 30000 : net->options.interval_ms;
    uint64_t bound = IDLE_PER_HOUR * 30000 / interval_ms;
    if (idle.pair_messages > bound) {
        sim_fail(net, "a pair in sync exchanges %" PRIu64 " messages per hour", idle.pair_messages);
    }
    if (net->failure[0] == '\0' && !sim_check_in_sync(net)) {
        sim_fail(net, "no longer in sync though nothing happened");
    }
    for (unsigned i = 0; i < net->node_count; i++) {
        check_nothing_is_left(net, i);
    }
    return idle;
}

/* Nothing is left to be merged anew. */
static void check_nothing_is_left(struct sim_net *net, unsigned node)
{
    struct ps_txn txn = {0};
    bool waits = false;
    if (net->nodes[node].puppet || net->nodes[node].store == NULL) {
        return;
    }
    if (ps_txn_begin(net->nodes[node].store, false, &txn) != P2PSYNC_OK ||
        ps_refresh_waits(&txn, &waits) != P2PSYNC_OK || waits) {
        sim_fail(net, "node %u has left something to be merged anew", node);
    }
    ps_txn_abort(&txn);
}

void sim_live_prompt(struct sim_live *live)
{
    if (live->net->options.removals > 0) {
        sim_removals_check(live->net); /* what follows is for those who all may write */
        return;
    }
    make_lan(live);
    be_prompt(live);
    if (live->net->node_count >= 3) {
        be_prompt_through_others(live);
        put_devices_first(live);
        go_round_a_stalled_one(live);
        meet_twins(live);
    }
    settle_a_tie(live);
}

static void make_lan(struct sim_live *live)
{
    struct sim_options *options = &live->net->options;
    unsigned under_way_ms = options->delay_max_ms; /* what comes on a link keeps its order */
    sim_trace(live->net, "from here on it is a LAN");
    options->delay_min_ms = 0;
    options->delay_max_ms = LAN_MS;
    options->notice_ms = 0;
    options->coarse = false;
    (void)sim_live_advance(live, under_way_ms);
}

/* Node after node writes something. A push takes one way, an announcement 5 to 30 ms and three
 * ways: only if both fail a round must find it, which is too late here. The same holds of what
 * makes it known to all that they have it: an ACK of each. */
static void be_prompt(struct sim_live *live)
{
    struct sim_net *net = live->net;
    bool many = net->node_count > PS_ROUND_PEERS_MAX + 1;
    /* Without pushes it may be had from another, and its author heard of in the next round. */
    bool by_rounds = many || net->options.no_push;
    uint64_t known_ms = by_rounds ? told_within_ms(net) : KNOWN_MS;
    unsigned writers = net->node_count < WRITERS_MAX ? net->node_count : WRITERS_MAX;
    for (unsigned i = 0; i < writers && net->failure[0] == '\0'; i++) {
        /* Of many, each tells a few. Without pushes that takes several rounds of announcements. */
        uint64_t has_ms = many && net->options.no_push ? known_ms : HAS_MS;
        if (put_everywhere(live, i, has_ms) && !settle(live, known_ms)) {
            sim_fail(net, "not in sync %" PRIu64 " ms after a write of node %u was everywhere",
                     known_ms, i);
        }
    }
}

/* Until who else has something is known to all, by rounds. */
static uint64_t told_within_ms(const struct sim_net *net)
{
    return TOLD_MS * (1ULL + net->node_count / TOLD_AT_ONCE);
}

/* What comes from others is passed on at once, too: two nodes cannot reach each other. */
static void be_prompt_through_others(struct sim_live *live)
{
    struct sim_net *net = live->net;
    unsigned last = net->node_count - 1;
    if (net->failure[0] != '\0') {
        return;
    }
    sim_link_part(net, 0, last);
    if (sim_live_advance(live, CUT_MS)) {
        /* Of many, each tells a few, by lot: all may miss the last one, and rounds make up for it.
         */
        bool many = last > PS_ROUND_PEERS_MAX;
        (void)put_everywhere(live, 0, many ? told_within_ms(net) : HAS_MS);
    }
    net->blocked[0][last] = false;
    net->blocked[last][0] = false;
}

/* Who was away for long learns who the members are before it takes anything else. It meets one that
 * only passes on, because a writer's own few changes need not be asked for. */
static void put_devices_first(struct sim_live *live)
{
    struct sim_net *net = live->net;
    unsigned late = net->node_count - 1;
    uint64_t begun_ms = net->now_ms;
    char name[24];
    if (net->failure[0] != '\0' || net->options.page_max > 0) {
        return; /* where not all fit a SUMMARY, others may be told in one before */
    }
    leave(live, late);
    for (unsigned i = 0; i < EARLY_COUNT; i++) {
        snprintf(name, sizeof name, "EARLY-%u", i);
        sim_put(net, 0, name, "early", ++live->workload->counter);
    }
    devices_before = sim_changes(net, late, PS_DEVICES_COLLECTION);
    sim_mesh_name(net, 0, 0, "renamed-early");
    if (!sim_live_advance(live, CUT_MS)) {
        return;
    }
    wanted = 0;
    net->hold = count_wants;
    meet(live, late, 1);
    bool came = false;
    while (!came && net->now_ms < begun_ms + REPAIRED_MS && sim_live_advance(live, 1)) {
        for (unsigned i = 0; i < EARLY_COUNT && !came; i++) {
            snprintf(name, sizeof name, "EARLY-%u", i);
            came = sim_changes(net, late, name) > 0;
        }
    }
    net->hold = NULL;
    if (!came) {
        sim_fail(net, "node %u has not got from node 1 what it lacks after %llu s", late,
                 REPAIRED_MS / 1000);
    } else if (sim_changes(net, late, PS_DEVICES_COLLECTION) == devices_before) {
        sim_fail(net, "node %u took other collections before that of the devices", late);
    } else if (wanted > 1) {
        sim_fail(net, "node %u asked for other collections before it had that of the devices",
                 late);
    }
}

/* How many logs the one who was away asks for before it knows the members: theirs. */
static bool count_wants(struct sim_net *net, unsigned from, unsigned to, uint64_t type)
{
    bool wants = type == PS_MESSAGE_WANT && from == net->node_count - 1 && to == 1;
    wanted += wants && sim_changes(net, from, PS_DEVICES_COLLECTION) == devices_before;
    return false;
}

/* A peer offers what it then does not send. It is had from another one, later. */
static void go_round_a_stalled_one(struct sim_live *live)
{
    struct sim_net *net = live->net;
    unsigned late = net->node_count - 1;
    uint64_t number = ++live->workload->counter;
    if (net->failure[0] != '\0') {
        return;
    }
    leave(live, late);
    sim_put(net, 0, "notes", "prompt", number);
    net->hold = withhold;
    if (!sim_live_advance(live, CUT_MS)) {
        return;
    }
    uint64_t begun_ms = net->now_ms;
    withheld = 0;
    meet(live, late, 1);
    while (withheld == 0 && net->now_ms < begun_ms + REPAIRED_MS &&
           sim_live_advance(live, LOOK_MS)) {
    }
    memset(net->blocked, 0, sizeof net->blocked);
    begun_ms = net->now_ms;
    while (!have(live, late, number) && net->now_ms < begun_ms + REPAIRED_MS &&
           sim_live_advance(live, LOOK_MS)) {
    }
    net->hold = NULL;
    if (!have(live, late, number)) {
        sim_fail(net,
                 "node %u has waited %llu s for what node 1 does not send, though others have it",
                 late, REPAIRED_MS / 1000);
    } else if (!settle(live, IN_SYNC_MS)) {
        sim_fail(net, "not in sync %llu s after a peer had stalled", IN_SYNC_MS / 1000);
    }
}

/* A backup is restored on two machines. Both are told, and so is somebody else; and once the second
 * one is a device of its own, all are in sync. Without beacons they do not meet. */
static void meet_twins(struct sim_live *live)
{
    struct sim_net *net = live->net;
    if (net->failure[0] != '\0' || net->options.twin == 0 || !net->options.beacons ||
        net->has_twin || net->node_count == SIM_NODES_MAX) {
        return;
    }
    unsigned node = net->node_count - 1;
    uint64_t begun_ms = net->now_ms;
    sim_twins_begin(net, node);
    while (!twins_are_told(net) && net->now_ms < begun_ms + TWINS_TOLD_MS &&
           sim_live_advance(live, LOOK_MS)) {
    }
    if (net->failure[0] == '\0' && !twins_are_told(net)) {
        sim_fail(net, "two nodes are one device for %llu s, and nobody says so",
                 TWINS_TOLD_MS / 1000);
    }
    sim_twins_end(net);
    begun_ms = net->now_ms;
    bool done = false;
    while (!done && net->now_ms < begun_ms + TWINS_TOLD_MS && sim_live_advance(live, LOOK_MS)) {
        done = sim_mesh_complete(net) && sim_check_in_sync(net);
    }
    if (!done) {
        sim_fail(net, "not in sync %llu s after one of two twins became a device of its own",
                 TWINS_TOLD_MS / 1000);
    }
}

/* Whether both have met, and have an alert of that, and not only of what others say; and one other
 * has one of them. */
static bool twins_are_told(const struct sim_net *net)
{
    char text[PS_ALERT_SIZE];
    struct ps_peer_info info;
    bool told = true;
    bool others_are = false;
    for (size_t i = 0; i < 2; i++) {
        ps_engine_alert(net->nodes[net->twins[i]].engine, text);
        told = told && strncmp(text, MET, sizeof MET - 1) == 0;
    }
    for (unsigned i = 0; i < net->node_count; i++) {
        others_are =
            others_are || (!sim_twins_has(net, i) && sim_node_peer(net, i, net->twins[0], &info) &&
                           strstr(info.alert, "two devices run with the key") != NULL);
    }
    return told && others_are;
}

/* Two devices edit one record at the same time, by clocks that agree: which edit is the last
 * follows from their origins alone. The rule is checked where both are held. */
static void settle_a_tie(struct sim_live *live)
{
    struct sim_net *net = live->net;
    if (net->failure[0] != '\0' || net->node_count < 2) {
        return;
    }
    let_the_last_win(net, "ties");
    net->nodes[1].skew_ms = net->nodes[0].skew_ms;
    for (unsigned i = 0; i < TIES; i++) {
        char name[16];
        snprintf(name, sizeof name, "tie-%u", i);
        sim_put(net, 0, "ties", name, ++live->workload->counter);
        sim_put(net, 1, "ties", name, ++live->workload->counter);
        (void)sim_live_advance(live, 1);
    }
    if (!settle(live, IN_SYNC_MS)) {
        sim_fail(net, "not in sync %llu s after edits at the same time", IN_SYNC_MS / 1000);
    }
    sim_check_rule(net, 0);
}

static void let_the_last_win(struct sim_net *net, const char *collection)
{
    struct sim_draft *draft = sim_draft_new();
    struct ps_edit *edit = sim_draft_edit(draft, PS_EDIT_REPLACE);
    struct ps_writer writer;
    ps_writer_init(&writer, &draft->bytes[0]);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "strategy");
    ps_write_text(&writer, "last_write_wins");
    edit->id = ps_bytes_text(collection);
    edit->fields = ps_buf_view(&draft->bytes[0]);
    p2psync_result result = sim_draft_commit(draft, net, 0, PS_SETTINGS_COLLECTION);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node 0: a strategy gives %d", result);
    }
}

static bool withhold(struct sim_net *net, unsigned from, unsigned to, uint64_t type)
{
    bool held = type == PS_MESSAGE_CHANGES && from == 1 && to == net->node_count - 1;
    withheld += held;
    return held;
}

/* Play until all are in sync and know it. */
static bool settle(struct sim_live *live, uint64_t within_ms)
{
    struct sim_net *net = live->net;
    uint64_t begun_ms = net->now_ms;
    bool done = sim_check_in_sync(net);
    uint64_t look_ms = within_ms > KNOWN_MS ? LOOK_MS : LAN_MS;
    while (!done && net->now_ms < begun_ms + within_ms && sim_live_advance(live, look_ms)) {
        done = sim_check_in_sync(net);
    }
    return done;
}

static bool put_everywhere(struct sim_live *live, unsigned node, uint64_t within_ms)
{
    struct sim_net *net = live->net;
    uint64_t begun_ms = net->now_ms;
    uint64_t number = ++live->workload->counter;
    sim_put(net, node, "notes", "prompt", number);
    while (!have(live, 0, number) && net->now_ms < begun_ms + within_ms &&
           sim_live_advance(live, LAN_MS)) {
    }
    if (!have(live, 0, number)) {
        sim_fail(net, "a write of node %u is not everywhere after %" PRIu64 " ms", node, within_ms);
    }
    return net->failure[0] == '\0';
}

/* Whether all nodes from `first` on have what was put last. */
static bool have(struct sim_live *live, unsigned first, uint64_t number)
{
    for (unsigned i = first; i < live->net->node_count; i++) {
        if (sim_get(live->net, i, "notes", "prompt") != number) {
            return false;
        }
    }
    return true;
}

static void leave(struct sim_live *live, unsigned node)
{
    sim_trace(live->net, "%s reaches nobody", sim_name(node));
    for (unsigned i = 0; i < live->net->node_count; i++) {
        if (i != node) {
            sim_link_part(live->net, i, node);
        }
    }
}

static void meet(struct sim_live *live, unsigned node, unsigned other)
{
    sim_trace(live->net, "%s reaches %s alone", sim_name(node), sim_name(other));
    live->net->blocked[node][other] = false;
    live->net->blocked[other][node] = false;
}
