/* SUMMARY says what the peer holds. If roots differ, the next messages compare the short heads of
 * these collections. Short heads show what the peer lacks: we offer it in HEADS, or send the
 * changes at once if they are few and our own. What we lack, the peer offers in the same way,
 * because it gets our short heads. */
#include <stdlib.h>
#include <string.h>

#include "node/engine/clocks.h"
#include "node/engine/closed.h"
#include "node/engine/damage.h"
#include "node/engine/emit.h"
#include "node/engine/offer.h"
#include "node/engine/on_message.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"
#include "store/log/summary.h"
#include "store/mesh/members.h"

#define AT_ONCE_MAX 2048 /* changes of one log that are sent without a WANT */

/* The collections whose heads are to be sent, or the logs of them. */
struct asked {
    struct ps_summary_part *items;
    size_t count;
    size_t capacity;
};

/* What the peer holds of one history. */
struct history {
    struct ps_short_head head;
    bool named; /* we have one of that name */
    bool held;  /* we hold that much of it as well */
};

/* What the peer holds of one origin: a history, or several if the log is forked, by name. */
struct histories {
    struct history *items;
    size_t count;
    size_t capacity;
};

/* A list of roots or of heads of a SUMMARY, while its names are walked. */
struct list {
    struct ps_cursor cursor;
    bool heads;
    bool more;
    struct ps_bytes name;
};

/* A collection while both sides are walked, and what the peer holds of the origin they are at. */
struct comparison {
    struct ps_log_id last; /* no further than this one */
    struct ps_cursor cursor;
    struct ps_short_head head; /* the peer's next one ... */
    bool more;                 /* ... if there is one */
    struct ps_log_walk walk;
    struct ps_log log; /* our next one ... */
    bool here;         /* ... if there is one */
    struct histories theirs;
};

static void compare_heads(struct ps_turn *turn, struct ps_peer *peer,
                          const struct ps_summary *summary, struct ps_offers *offers,
                          struct asked *ask);
static void hold_back(struct ps_turn *turn, struct ps_peer *peer, const struct ps_summary *summary,
                      struct ps_offers *offers);
static bool lacks_devices(struct ps_turn *turn, const struct ps_summary *summary,
                          struct ps_collection *devices_out, uint64_t *theirs_out);
static bool is_devices(struct ps_bytes name);
static bool compare_named(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                          const struct ps_summary_part *theirs);
static bool compare_collection(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                               uint32_t collection, const struct ps_summary_part *theirs);
static bool compare_origin(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                           struct comparison *comparison);
static void add_history(struct ps_turn *turn, struct histories *histories,
                        const struct ps_short_head *head);
static void match_names(struct ps_turn *turn, const struct ps_log *ours,
                        struct histories *histories);
static void compare_contents(struct ps_turn *turn, struct ps_offers *offers,
                             const struct ps_log *log, struct histories *theirs,
                             uint64_t *size_out);
static void next_theirs(struct comparison *comparison);
static void next_ours(struct comparison *comparison);
static struct history *find_history(const struct histories *theirs, const struct ps_log_id *id);
static void compare_log(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                        const struct ps_log *log, struct histories *theirs);
static bool is_beginning(struct ps_turn *turn, struct ps_offers *offers, const struct ps_log *log,
                         const struct ps_short_head *head);
static bool at_once(struct ps_turn *turn, const struct ps_peer *peer,
                    const struct ps_offers *offers, const struct ps_log *log, uint64_t their_size);
static bool is_own(const struct ps_turn *turn, const struct ps_log *log);
static void compare_roots(struct ps_turn *turn, const struct ps_peer *peer,
                          const struct ps_summary *summary, struct asked *ask);
static void offer_unnamed(struct ps_turn *turn, struct ps_peer *peer,
                          const struct ps_summary *summary, struct ps_offers *offers);
static struct list begin_list(struct ps_bytes bytes, bool heads);
static void next_name(struct list *list);
static bool list_has(struct list *list, struct ps_bytes name);
static void ask_of(struct ps_turn *turn, struct asked *asked, struct ps_bytes name,
                   const struct ps_log_range *logs);
static void reply_heads(struct ps_turn *turn, struct ps_peer *peer, const struct asked *asked,
                        bool asks);
static bool list_heads(struct ps_turn *turn, const struct asked *asked, struct ps_buf *out);

void ps_on_summary(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_summary summary;
    struct asked ask = {0};
    struct ps_offers offers;
    if (ps_summary_decode(turn->event->bytes, &summary) != P2PSYNC_OK) {
        ps_session_fault(turn, peer, peer->session.id, PS_ERROR_FORMAT, "a malformed SUMMARY");
        return;
    }
    ps_clocks_note(turn, peer, summary.clock_ms);
    ps_state_note(turn, peer, &summary.state);
    ps_rounds_replied(turn, peer);
    if (ps_state_is_equal(turn, peer)) {
        if (summary.reply) {
            ps_rounds_reply(turn, peer);
        }
        return;
    }
    ps_offer_begin_round(peer, &summary, &offers);
    if (summary.heads.size > 0 || summary.roots.size > 0) {
        ps_transfer_push_anew(peer);
    }
    hold_back(turn, peer, &summary, &offers);
    if (summary.heads.size > 0) {
        compare_heads(turn, peer, &summary, &offers, &ask);
        if (summary.roots.size > 0) {
            offer_unnamed(turn, peer, &summary, &offers);
            if (summary.from.size == 0 && summary.to.size == 0) {
                ps_holds_whole(peer);
            }
        }
        ps_offer_end_round(turn, peer, &offers);
        if (summary.reply) {
            reply_heads(turn, peer, &ask, false);
        }
        /* Charged when it is known: a SUMMARY of a kilobyte may need 16 of them. */
        (void)ps_session_spend(turn, peer, peer->session.id, offers.proof_count * PS_BUDGET_BLOCK);
    } else if (summary.roots.size > 0) {
        compare_roots(turn, peer, &summary, &ask);
        offer_unnamed(turn, peer, &summary, &offers);
        ps_offer_end_round(turn, peer, &offers);
        reply_heads(turn, peer, &ask, true);
    } else if (summary.reply) {
        ps_rounds_ask(turn, peer);
    }
    free(ask.items);
}

/* Whoever lacks something of `_devices` may not know the authors of other logs, and passes over
 * what it is offered of these. So for the time being it gets of them what this device wrote itself.
 * That is so once for each step that it comes on: `_devices` may differ for good. */
static void hold_back(struct ps_turn *turn, struct ps_peer *peer, const struct ps_summary *summary,
                      struct ps_offers *offers)
{
    struct ps_member member;
    uint64_t theirs = 0;
    if ((summary->heads.size == 0 && summary->roots.size == 0) || ps_peers_are_many(turn->engine)) {
        return; /* among many, others may have sent it by now */
    }
    struct ps_collection devices;
    if (lacks_devices(turn, summary, &devices, &theirs) && ps_offer_keep_back(peer, theirs)) {
        offers->devices = true;
        offers->devices_number = devices.number;
    }
    p2psync_result result = ps_member_get(turn->txn, &peer->device, &member);
    offers->newcomer = result == P2PSYNC_OK && ps_remember_row(peer)->last_sync_ms == 0 &&
                       ps_device_equal(&member.added_by, &turn->engine->identity.device);
    (void)(result == P2PSYNC_ENOTFOUND || ps_turn_ok(turn, result));
}

/* Whether the peer lacks something of `_devices`, as far as its short heads show. theirs_out: how
 * many changes of it the peer holds. */
static bool lacks_devices(struct ps_turn *turn, const struct ps_summary *summary,
                          struct ps_collection *devices_out, uint64_t *theirs_out)
{
    struct ps_bytes devices = ps_bytes_text(PS_DEVICES_COLLECTION);
    struct ps_cursor cursor;
    struct ps_summary_part part;
    struct ps_short_head head;
    uint64_t theirs = 0;
    struct list roots = begin_list(summary->roots, false);
    bool elsewhere = ps_bytes_compare(devices, summary->from) < 0 ||
                     (summary->to.size > 0 && ps_bytes_compare(devices, summary->to) >= 0);
    if (elsewhere || list_has(&roots, devices)) {
        return false; /* it is compared in another round */
    }
    bool named = false;
    if (summary->heads.size > 0) {
        (void)ps_message_cursor_begin(&cursor, summary->heads);
        while (!named && ps_summary_next_collection(&cursor, &part)) {
            named = is_devices(part.name);
        }
    }
    if (named ? !ps_log_range_is_all(&part.logs) : summary->roots.size == 0) {
        return false; /* it does not say what it holds of it */
    }
    if (named) {
        (void)ps_message_cursor_begin(&cursor, part.heads);
        while (ps_summary_next_head(&cursor, &head)) {
            theirs += head.size;
        }
    }
    *theirs_out = theirs;
    p2psync_result result = ps_collection_find(turn->txn, devices, devices_out);
    return result != P2PSYNC_ENOTFOUND && ps_turn_ok(turn, result) && devices_out->changes > theirs;
}

/* `_devices` first: its logs are offered before all others, whatever these are called. */
static void compare_heads(struct ps_turn *turn, struct ps_peer *peer,
                          const struct ps_summary *summary, struct ps_offers *offers,
                          struct asked *ask)
{
    struct ps_cursor cursor;
    struct ps_summary_part part;
    bool devices_lacking = false;
    (void)ps_message_cursor_begin(&cursor, summary->heads);
    while (ps_summary_next_collection(&cursor, &part)) {
        if (is_devices(part.name)) {
            devices_lacking = compare_named(turn, peer, offers, &part);
        }
    }
    (void)ps_message_cursor_begin(&cursor, summary->heads);
    while (ps_summary_next_collection(&cursor, &part)) {
        if (!ps_collection_is_local(part.name) &&
            (is_devices(part.name) ? devices_lacking : compare_named(turn, peer, offers, &part))) {
            ask_of(turn, ask, part.name, &part.logs);
        }
    }
}

static bool is_devices(struct ps_bytes name)
{
    return ps_bytes_equal(name, ps_bytes_text(PS_DEVICES_COLLECTION));
}

/* True if the peer has something of this collection that we lack. */
static bool compare_named(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                          const struct ps_summary_part *theirs)
{
    struct ps_collection collection;
    struct ps_cursor cursor;
    p2psync_result result = ps_collection_find(turn->txn, theirs->name, &collection);
    if (result == P2PSYNC_ENOTFOUND) {
        return ps_message_cursor_begin(&cursor, theirs->heads) > 0;
    }
    return ps_turn_ok(turn, result) &&
           compare_collection(turn, peer, offers, collection.number, theirs);
}

/* Walk the peer's short heads and our logs side by side, origin by origin; both ascend by (tag,
 * branch). True if the peer has something that we lack. */
static bool compare_collection(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                               uint32_t collection, const struct ps_summary_part *theirs)
{
    bool lacking = false;
    struct comparison comparison = {
        .last = theirs->logs.last,
        .walk = {.txn = turn->txn, .collection = collection, .at = theirs->logs.first}};
    (void)ps_message_cursor_begin(&comparison.cursor, theirs->heads);
    next_theirs(&comparison);
    next_ours(&comparison);
    while (comparison.here || comparison.more) {
        lacking = compare_origin(turn, peer, offers, &comparison) || lacking;
    }
    (void)ps_turn_ok(turn, comparison.walk.result);
    free(comparison.theirs.items);
    return lacking;
}

static void next_theirs(struct comparison *comparison)
{
    comparison->more = ps_summary_next_head(&comparison->cursor, &comparison->head);
}

static void next_ours(struct comparison *comparison)
{
    comparison->here = ps_log_walk_next(&comparison->walk, &comparison->log) &&
                       ps_log_id_compare(&comparison->log.id, &comparison->last) <= 0;
}

/* Compare all of the next origin. True if the peer has something of it that we lack. */
static bool compare_origin(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                           struct comparison *comparison)
{
    struct histories *theirs = &comparison->theirs;
    const struct ps_log *log = &comparison->log;
    bool lacking = false;
    struct ps_tag tag = comparison->more ? comparison->head.log.origin : comparison->log.id.origin;
    if (comparison->here && ps_tag_compare(log->id.origin, tag) < 0) {
        tag = log->id.origin;
    }
    theirs->count = 0;
    while (comparison->more && ps_tag_compare(comparison->head.log.origin, tag) == 0) {
        add_history(turn, theirs, &comparison->head);
        next_theirs(comparison);
    }
    if (comparison->here && ps_tag_compare(log->id.origin, tag) == 0) {
        match_names(turn, log, theirs);
    }
    while (comparison->here && ps_tag_compare(log->id.origin, tag) == 0) {
        compare_log(turn, peer, offers, log, theirs);
        next_ours(comparison);
    }
    for (size_t i = 0; i < theirs->count; i++) {
        lacking = lacking || !theirs->items[i].held;
    }
    return lacking;
}

static void add_history(struct ps_turn *turn, struct histories *histories,
                        const struct ps_short_head *head)
{
    if (histories->count == histories->capacity) {
        size_t capacity = histories->capacity == 0 ? 4 : histories->capacity * 2;
        struct history *items = reallocarray(histories->items, capacity, sizeof *items);
        if (items == NULL) {
            (void)ps_turn_ok(turn, P2PSYNC_ENOMEM);
            return;
        }
        histories->items = items;
        histories->capacity = capacity;
    }
    histories->items[histories->count] = (struct history){.head = *head, .held = head->size == 0};
    histories->count++;
}

/* Note for each of the peer's histories of one origin whether a log of the same name is here. ours:
 * our first log of that origin, which most often has the one name that there is. */
static void match_names(struct ps_turn *turn, const struct ps_log *ours,
                        struct histories *histories)
{
    struct ps_log log;
    for (size_t i = 0; i < histories->count; i++) {
        struct history *history = &histories->items[i];
        if (ps_log_id_compare(&history->head.log, &ours->id) == 0) {
            history->named = true;
            continue;
        }
        p2psync_result result = ps_log_find(turn->txn, ours->collection, &history->head.log, &log);
        history->named = result == P2PSYNC_OK;
        if (result != P2PSYNC_ENOTFOUND && !ps_turn_ok(turn, result)) {
            return;
        }
    }
}

/* Offer or send what the peer lacks of one of our logs. */
static void compare_log(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                        const struct ps_log *log, struct histories *theirs)
{
    uint64_t size = 0;
    bool differ = false;
    struct history *same = find_history(theirs, &log->id);
    compare_contents(turn, offers, log, theirs, &size);
    if (same != NULL) {
        size = same->head.size;
        differ = size == log->size && !is_beginning(turn, offers, log, &same->head);
        same->held = size <= log->size && !differ;
    }
    (void)ps_holds_note(turn, peer, log->number, size);
    if (offers->devices && log->collection != offers->devices_number && !is_own(turn, log)) {
        return;
    }
    if (log->size <= size && !differ) {
        return;
    }
    struct ps_closed_told told = ps_closed_tell(turn, log, size);
    if (told.closed && same != NULL && size == told.size) {
        differ = !is_beginning(turn, offers, log, &same->head);
    }
    if (!told.closed && at_once(turn, peer, offers, log, size)) {
        ps_transfer_push(turn, peer, log->number);
    } else if (told.size > size || differ) {
        (void)ps_offer_add(turn, peer, offers, log, size);
    }
}

/* NULL: the peer has none of that name. They ascend by name. */
static struct history *find_history(const struct histories *theirs, const struct ps_log_id *id)
{
    size_t low = 0;
    size_t high = theirs->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = ps_log_id_compare(&theirs->items[middle].head.log, id);
        if (order == 0) {
            return &theirs->items[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return NULL;
}

/* If either knows of a fork that the other does not, a history has two names, so what we have under
 * no such name is compared by what is in it: PS_BRANCHES_MAX of them, for honest devices have no
 * more, and who has is offered what it may hold already. size_out: how much of the log is in one.
 */
static void compare_contents(struct ps_turn *turn, struct ps_offers *offers,
                             const struct ps_log *log, struct histories *theirs, uint64_t *size_out)
{
    size_t compared = 0;
    for (size_t i = 0; i < theirs->count && compared < PS_BRANCHES_MAX; i++) {
        struct history *history = &theirs->items[i];
        if (history->named) {
            continue;
        }
        compared++;
        if (is_beginning(turn, offers, log, &history->head)) {
            history->held = true;
            *size_out = history->head.size > *size_out ? history->head.size : *size_out;
        }
    }
}

/* Whether what the peer holds of a history is what ours begins with. */
static bool is_beginning(struct ps_turn *turn, struct ps_offers *offers, const struct ps_log *log,
                         const struct ps_short_head *head)
{
    struct ps_hash root;
    if (head->size == 0 || head->size > log->size) {
        return false;
    }
    if (head->size == log->size) { /* most logs: this root need not be worked out */
        return memcmp(head->root, log->root.bytes, sizeof head->root) == 0;
    }
    offers->proof_count++;
    return ps_damage_ok(turn, log, ps_log_prove(turn->txn, log, head->size, NULL, &root)) &&
           memcmp(head->root, root.bytes, sizeof head->root) == 0;
}

/* Whether to send what the peer lacks of a log without being asked, which saves a round trip. We do
 * so with a few changes of our own, and with all logs where we have let the peer in and it is new,
 * because nobody else sends those at the same time; and only in the first round. If that round does
 * not help, the peer may hold another history of the log, and only an offer with its head can show
 * that. */
static bool at_once(struct ps_turn *turn, const struct ps_peer *peer,
                    const struct ps_offers *offers, const struct ps_log *log, uint64_t their_size)
{
    return !turn->engine->no_push && ps_rounds_are_fresh(peer) && !ps_log_is_forked(log) &&
           log->size > their_size && log->size - their_size <= AT_ONCE_MAX &&
           (is_own(turn, log) || (offers->newcomer && ps_trust_member(turn, &log->origin.device)));
}

static bool is_own(const struct ps_turn *turn, const struct ps_log *log)
{
    return ps_device_equal(&log->origin.device, &turn->engine->identity.device);
}

/* Collect in `ask` the names of the collections that differ. If `_devices` differs, it alone is
 * named, because the members decide whose heads we may take; but not where rounds bring nothing:
 * `_devices` may differ for good, and the others must not wait for it. */
static void compare_roots(struct ps_turn *turn, const struct ps_peer *peer,
                          const struct ps_summary *summary, struct asked *ask)
{
    const struct ps_log_range all = ps_log_range_all();
    const struct ps_roots *ours = NULL;
    struct ps_cursor cursor;
    struct ps_bytes name;
    struct ps_hash theirs;
    size_t at = 0;
    if (!ps_roots_list(turn, &ours)) {
        return;
    }
    (void)ps_message_cursor_begin(&cursor, summary->roots);
    while (ps_summary_next_root(&cursor, &name, &theirs)) { /* both lists ascend */
        if (ps_collection_is_local(name)) {
            continue;
        }
        while (at < ours->count && ps_bytes_compare(ps_root_name(&ours->items[at]), name) < 0) {
            at++;
        }
        const struct ps_root *item = at < ours->count ? &ours->items[at] : NULL;
        if (item != NULL && item->any && ps_bytes_equal(ps_root_name(item), name) &&
            ps_hash_equal(&item->root, &theirs)) {
            continue;
        }
        if (ps_rounds_are_fresh(peer) && is_devices(name)) {
            ask->count = 0;
            ask_of(turn, ask, name, &all);
            return;
        }
        ask_of(turn, ask, name, &all);
    }
}

/* Offer what is in collections that the peer does not have at all. The roots in its SUMMARY name
 * all collections that it has, of those that the SUMMARY is of. */
static void offer_unnamed(struct ps_turn *turn, struct ps_peer *peer,
                          const struct ps_summary *summary, struct ps_offers *offers)
{
    struct ps_collection_walk walk = ps_collection_walk_from(turn->txn, summary->from);
    struct ps_collection collection;
    const struct ps_summary_part none = {.heads = ps_bytes("\x90", 1), /* it holds no log of it */
                                         .logs = ps_log_range_all()};
    struct list roots = begin_list(summary->roots, false);
    struct list heads = begin_list(summary->heads, true);
    while (ps_collection_walk_next(&walk, &collection) &&
           (summary->to.size == 0 || ps_bytes_compare(collection.name, summary->to) < 0)) {
        bool in_roots = list_has(&roots, collection.name);
        bool in_heads = list_has(&heads, collection.name);
        if (!in_roots && !in_heads && !ps_collection_is_local(collection.name)) {
            (void)compare_collection(turn, peer, offers, collection.number, &none);
        }
    }
    (void)ps_turn_ok(turn, walk.result);
}

static struct list begin_list(struct ps_bytes bytes, bool heads)
{
    struct list list = {.heads = heads};
    list.more = bytes.size > 0 && ps_message_cursor_begin(&list.cursor, bytes) > 0;
    next_name(&list);
    return list;
}

static void next_name(struct list *list)
{
    struct ps_summary_part part;
    struct ps_hash root;
    if (list->more && list->heads) {
        list->more = ps_summary_next_collection(&list->cursor, &part);
        list->name = list->more ? part.name : list->name;
    } else if (list->more) {
        list->more = ps_summary_next_root(&list->cursor, &list->name, &root);
    }
}

/* Whether a name is in the list; those that are asked for ascend, as the list does. */
static bool list_has(struct list *list, struct ps_bytes name)
{
    while (list->more && ps_bytes_compare(list->name, name) < 0) {
        next_name(list);
    }
    return list->more && ps_bytes_equal(list->name, name);
}

static void ask_of(struct ps_turn *turn, struct asked *asked, struct ps_bytes name,
                   const struct ps_log_range *logs)
{
    if (asked->count == asked->capacity) {
        size_t capacity = asked->capacity == 0 ? 16 : asked->capacity * 2;
        struct ps_summary_part *items = reallocarray(asked->items, capacity, sizeof *items);
        if (items == NULL) {
            (void)ps_turn_ok(turn, P2PSYNC_ENOMEM);
            return;
        }
        asked->items = items;
        asked->capacity = capacity;
    }
    asked->items[asked->count++] = (struct ps_summary_part){.name = name, .logs = *logs};
}

/* Send our short heads of what is asked for. If nothing is, send our state alone, because the peer
 * waits for a reply. asks: the peer is to reply with its own heads. */
static void reply_heads(struct ps_turn *turn, struct ps_peer *peer, const struct asked *asked,
                        bool asks)
{
    struct ps_summary summary = {.reply = asks && asked->count > 0,
                                 .state = ps_state_tell_anew(turn, peer),
                                 .clock_ms = turn->wall_ms};
    struct ps_buf heads;
    ps_buf_init(&heads, PS_MESSAGE_SIZE_MAX);
    if (asked->count == 0 || list_heads(turn, asked, &heads)) {
        summary.heads = ps_buf_view(&heads);
        ps_emit_send(turn, peer, peer->session.id,
                     ps_summary_encode(&summary, ps_emit_begin(turn)));
        if (summary.reply) {
            ps_rounds_asked(turn, peer);
        }
    }
    ps_buf_deinit(&heads);
}

/* All short heads, or if they do not fit as many as do, from a place that is drawn by lot. What is
 * asked for differs from message to message, so going on where the last one ended could miss the
 * same logs each time. The lot goes to each log alike. */
static bool list_heads(struct ps_turn *turn, const struct asked *asked, struct ps_buf *out)
{
    struct ps_summary_wanted wanted = {.parts = asked->items,
                                       .count = asked->count,
                                       .heads_max = ps_rounds_heads_max(turn->engine)};
    struct ps_summary_told told;
    if (!ps_turn_ok(turn, ps_summary_heads(turn->txn, &wanted, &told, out)) || told.whole) {
        return turn->result == P2PSYNC_OK;
    }
    size_t before = wanted.heads_max - 1; /* a place before the first counts as the first */
    size_t place = (size_t)(ps_prng_next(&turn->engine->prng) % (told.total + before));
    wanted.skip = place > before ? place - before : 0;
    ps_buf_clear(out);
    return ps_turn_ok(turn, ps_summary_heads(turn->txn, &wanted, &told, out));
}
