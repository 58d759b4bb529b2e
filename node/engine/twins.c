/* Twins, as node/engine/twins.h says. */
#include "node/engine/twins.h"

#include <stdio.h>
#include <string.h>

#include "node/engine/emit.h"
#include "node/engine/greet.h"
#include "node/engine/tell.h"
#include "node/engine/turn.h"

#define DIAL_MS     60000  /* between two looks for a twin of this device */
#define REMEMBER_MS 600000 /* since a twin was met last */
#define RETURNS     2      /* of runs of a peer, until it is said to have a twin */

static void met(struct ps_turn *turn, struct ps_bytes where, const char *said_by);
static void come_first(struct ps_runs *runs, size_t at);
static void note_peers(struct ps_engine *engine);
static struct ps_bytes endpoint_of(const struct ps_turn *turn, const struct ps_hello *hello,
                                   char out[static 2 * PS_ENDPOINT_SIZE_MAX + 1]);
static void say(struct ps_turn *turn, const char *text);

void ps_twins_hear(struct ps_turn *turn, const char *endpoint)
{
    struct ps_engine *engine = turn->engine;
    struct ps_twins *twins = &engine->twins;
    if (turn->now_ms < twins->dial_ms || ps_reach_free_ms(engine) > turn->now_ms ||
        !ps_reach_is_free(engine, endpoint, PS_FOUND_BEACON)) {
        return;
    }
    if (twins->link != 0) {
        ps_emit_hangup(turn, twins->link); /* it has had all that time */
    }
    twins->dial_ms = turn->now_ms + DIAL_MS;
    twins->link = engine->next_link++;
    (void)snprintf(twins->dialled, sizeof twins->dialled, "%s", endpoint);
    ps_reach_spend(turn);
    ps_emit_dial(turn, twins->link, &engine->identity.device, endpoint);
}

bool ps_twins_link_up(struct ps_turn *turn, uint64_t link)
{
    bool ours = link != 0 && link == turn->engine->twins.link;
    if (ours) {
        ps_emit_send(turn, NULL, link, ps_greet(turn, ps_state_ours(turn), ps_emit_begin(turn)));
    }
    return ours;
}

bool ps_twins_link_down(struct ps_turn *turn, uint64_t link)
{
    struct ps_twins *twins = &turn->engine->twins;
    bool ours = link != 0 && link == twins->link;
    twins->link = ours ? 0 : twins->link;
    return ours;
}

void ps_twins_message(struct ps_turn *turn)
{
    const struct ps_event *event = turn->event;
    struct ps_engine *engine = turn->engine;
    bool dialled = event->link == engine->twins.link;
    struct ps_hello hello;
    char text[2 * PS_ENDPOINT_SIZE_MAX + 1];
    if (event->bytes.size == 0) {
        return; /* a probe of the link */
    }
    if (ps_hello_decode(event->bytes, &hello) == P2PSYNC_OK && hello.instance != engine->instance) {
        if (!dialled) {
            ps_emit_send(turn, NULL, event->link,
                         ps_greet(turn, ps_state_ours(turn), ps_emit_begin(turn)));
        }
        met(turn, dialled ? ps_bytes_text(engine->twins.dialled) : endpoint_of(turn, &hello, text),
            "");
    }
    ps_emit_hangup(turn, event->link);
    engine->twins.link = dialled ? 0 : engine->twins.link;
}

void ps_twins_take_word(struct ps_turn *turn, const struct ps_peer *peer, struct ps_bytes where)
{
    struct ps_address address;
    bool sound = where.size <= PS_ENDPOINT_SIZE_MAX && ps_address_parse(where, &address);
    met(turn, sound ? where : ps_bytes(NULL, 0), peer->name);
}

/* What was met here is not forgotten for what another says. */
static void met(struct ps_turn *turn, struct ps_bytes where, const char *said_by)
{
    struct ps_twins *twins = &turn->engine->twins;
    char text[PS_ALERT_SIZE];
    bool known = twins->until_ms != 0;
    twins->until_ms = turn->now_ms + REMEMBER_MS;
    if (known && said_by[0] != '\0') {
        return;
    }
    (void)snprintf(twins->where, sizeof twins->where, "%.*s", (int)where.size,
                   (const char *)where.data);
    (void)snprintf(twins->said_by, sizeof twins->said_by, "%s", said_by);
    if (!known) {
        ps_twins_describe(turn->engine, text);
        say(turn, text);
    }
}

/* Where the other side of an accepted link listens, else where it comes from. */
static struct ps_bytes endpoint_of(const struct ps_turn *turn, const struct ps_hello *hello,
                                   char out[static 2 * PS_ENDPOINT_SIZE_MAX + 1])
{
    struct ps_bytes address = turn->event->address;
    struct ps_bytes port = ps_bytes(NULL, 0);
    for (size_t i = 0; i < hello->listen_count; i++) {
        if (hello->listen[i].size > 0 && hello->listen[i].data[0] == ':') {
            port = hello->listen[i];
        }
    }
    if (port.size == 0 && hello->listen_count > 0) {
        return hello->listen[0];
    }
    if (address.size > PS_ENDPOINT_SIZE_MAX) {
        return ps_bytes(NULL, 0);
    }
    int size = snprintf(out, 2 * PS_ENDPOINT_SIZE_MAX + 1, "%.*s%.*s", (int)address.size,
                        (const char *)address.data, (int)port.size, (const char *)port.data);
    return ps_bytes(out, size > 0 && size <= PS_ENDPOINT_SIZE_MAX ? (size_t)size : 0);
}

/* ---- those of peers ---- */

void ps_twins_note(struct ps_turn *turn, struct ps_peer *peer, const struct ps_link *link)
{
    struct ps_runs *runs = &peer->runs;
    size_t at = 0;
    while (at < runs->count && runs->items[at].instance != link->instance) {
        at++;
    }
    bool fresh = at == runs->count;
    if (fresh) {
        runs->count += runs->count < PS_TWINS_RUNS_MAX ? 1 : 0;
        at = runs->count - 1;
    }
    bool returned = !fresh && at > 0;
    come_first(runs, at);
    struct ps_run *run = &runs->items[0];
    run->instance = link->instance;
    if (link->endpoint[0] != '\0') {
        memcpy(run->where, link->endpoint, sizeof run->where);
    } else {
        struct ps_bytes from = turn->event->address;
        bool fits = from.size < sizeof run->where;
        (void)snprintf(run->where, sizeof run->where, "%.*s", fits ? (int)from.size : 0,
                       (const char *)from.data);
    }
    runs->returns += returned && runs->returns < RETURNS ? 1 : 0;
    if (!returned || runs->returns < RETURNS) {
        return;
    }
    bool known = runs->until_ms != 0;
    runs->until_ms = turn->now_ms + REMEMBER_MS;
    note_peers(turn->engine);
    if (!known) {
        char text[PS_ALERT_SIZE];
        ps_twins_describe_peer(peer, text);
        say(turn, text);
    }
}

static void come_first(struct ps_runs *runs, size_t at)
{
    struct ps_run run = runs->items[at];
    memmove(&runs->items[1], &runs->items[0], at * sizeof run);
    runs->items[0] = run;
}

bool ps_twins_has(const struct ps_peer *peer)
{
    return peer->runs.until_ms != 0;
}

void ps_twins_tick(struct ps_turn *turn)
{
    struct ps_engine *engine = turn->engine;
    struct ps_twins *twins = &engine->twins;
    if (turn->now_ms >= twins->until_ms) {
        twins->until_ms = 0;
    }
    if (twins->peers_ms == 0 || turn->now_ms < twins->peers_ms) {
        return;
    }
    for (size_t i = 0; i < engine->peers.count; i++) {
        struct ps_runs *runs = &engine->peers.items[i]->runs;
        if (runs->until_ms != 0 && turn->now_ms >= runs->until_ms) {
            runs->until_ms = 0;
            runs->returns = 0;
        }
    }
    note_peers(engine);
}

/* When the first twin of a peer is forgotten. */
static void note_peers(struct ps_engine *engine)
{
    uint64_t soonest_ms = PS_NEVER;
    for (size_t i = 0; i < engine->peers.count; i++) {
        uint64_t until_ms = engine->peers.items[i]->runs.until_ms;
        soonest_ms = until_ms != 0 ? ps_deadline_sooner(soonest_ms, until_ms) : soonest_ms;
    }
    engine->twins.peers_ms = soonest_ms != PS_NEVER ? soonest_ms : 0;
}

uint64_t ps_twins_deadline(const struct ps_engine *engine)
{
    const struct ps_twins *twins = &engine->twins;
    uint64_t deadline = twins->until_ms != 0 ? twins->until_ms : PS_NEVER;
    return twins->peers_ms != 0 ? ps_deadline_sooner(deadline, twins->peers_ms) : deadline;
}

/* ---- what is said ---- */

void ps_twins_describe(const struct ps_engine *engine, char out[static PS_ALERT_SIZE])
{
    const struct ps_twins *twins = &engine->twins;
    bool said = twins->said_by[0] != '\0';
    out[0] = '\0';
    if (twins->until_ms != 0) {
        (void)snprintf(out, PS_ALERT_SIZE, "%s%sanother device runs with this one's key at %s",
                       said ? twins->said_by : "", said ? " says: " : "",
                       twins->where[0] != '\0' ? twins->where : "another address");
    }
}

void ps_twins_describe_peer(const struct ps_peer *peer, char out[static PS_ALERT_SIZE])
{
    const struct ps_runs *runs = &peer->runs;
    out[0] = '\0';
    if (runs->until_ms != 0) {
        (void)snprintf(out, PS_ALERT_SIZE, "two devices run with the key of %s: at %s and at %s",
                       peer->name, runs->items[1].where, runs->items[0].where);
    }
}

static void say(struct ps_turn *turn, const char *text)
{
    ps_emit_log(turn, P2PSYNC_LOG_WARNING, "twin", "%s; %s", text, PS_TWINS_FIX);
    ps_tell_error_text(turn, P2PSYNC_EBUSY, text);
}
