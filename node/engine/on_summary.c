/* SUMMARY says what the peer holds. If roots differ, the next messages compare the short heads of
 * these collections. Short heads show what the peer lacks: we offer it in HEADS, or send the
 * changes at once if they are few and our own. What we lack, the peer offers in the same way,
 * because it gets our short heads. */
#include <stdlib.h>
#include <string.h>

#include "node/engine/clocks.h"
#include "node/engine/damage.h"
#include "node/engine/emit.h"
#include "node/engine/offer.h"
#include "node/engine/on_message.h"
#include "node/engine/turn.h"
#include "store/log/collection.h"
#include "store/log/summary.h"

#define AT_ONCE_MAX 2048 /* changes of one log that are sent without a WANT */

/* The names of collections whose heads are to be sent. */
struct names {
    struct ps_bytes *items;
    size_t count;
    size_t capacity;
};

/* What the peer holds of one origin: a history, or several if the log is forked. */
struct histories {
    size_t count;
    struct ps_short_head head[PS_BRANCHES_MAX];
    bool held[PS_BRANCHES_MAX]; /* we hold that much of it as well */
};

/* A list of roots or of heads of a SUMMARY, while its names are walked. */
struct list {
    struct ps_cursor cursor;
    bool heads;
    bool more;
    struct ps_bytes name;
};

static void compare_heads(struct ps_turn *turn, struct ps_peer *peer,
                          const struct ps_summary *summary, struct ps_offers *offers,
                          struct names *ask);
static bool is_devices(struct ps_bytes name);
static bool compare_named(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                          struct ps_bytes name, struct ps_bytes heads);
static bool compare_collection(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                               uint32_t collection, struct ps_bytes heads);
static void add_history(struct histories *histories, const struct ps_short_head *head);
static void compare_log(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                        const struct ps_log *log, struct histories *theirs);
static bool is_beginning(struct ps_turn *turn, const struct ps_log *log,
                         const struct ps_short_head *head);
static bool at_once(const struct ps_turn *turn, const struct ps_peer *peer,
                    const struct ps_log *log, uint64_t their_size);
static void compare_roots(struct ps_turn *turn, const struct ps_peer *peer,
                          const struct ps_summary *summary, struct names *ask);
static void offer_unnamed(struct ps_turn *turn, struct ps_peer *peer,
                          const struct ps_summary *summary, struct ps_offers *offers);
static struct list begin_list(struct ps_bytes bytes, bool heads);
static void next_name(struct list *list);
static bool list_has(struct list *list, struct ps_bytes name);
static void add_name(struct ps_turn *turn, struct names *names, struct ps_bytes name);
static void reply_heads(struct ps_turn *turn, struct ps_peer *peer, const struct names *names,
                        bool asks);

void ps_on_summary(struct ps_turn *turn, struct ps_peer *peer)
{
    struct ps_summary summary;
    struct names ask = {0};
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
    ps_offer_begin_round(peer, &offers);
    if (summary.heads.size > 0 || summary.roots.size > 0) {
        ps_transfer_push_anew(peer);
    }
    if (summary.heads.size > 0) {
        compare_heads(turn, peer, &summary, &offers, &ask);
        if (summary.roots.size > 0) {
            offer_unnamed(turn, peer, &summary, &offers);
            ps_holds_whole(peer);
        }
        ps_offer_end_round(turn, peer, &offers);
        if (summary.reply) {
            reply_heads(turn, peer, &ask, false);
        }
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

/* `_devices` first: its logs are offered before all others, whatever these are called. */
static void compare_heads(struct ps_turn *turn, struct ps_peer *peer,
                          const struct ps_summary *summary, struct ps_offers *offers,
                          struct names *ask)
{
    struct ps_cursor cursor;
    struct ps_bytes name;
    struct ps_bytes heads;
    bool devices_lacking = false;
    (void)ps_message_cursor_begin(&cursor, summary->heads);
    while (ps_summary_next_collection(&cursor, &name, &heads)) {
        if (is_devices(name)) {
            devices_lacking = compare_named(turn, peer, offers, name, heads);
        }
    }
    (void)ps_message_cursor_begin(&cursor, summary->heads);
    while (ps_summary_next_collection(&cursor, &name, &heads)) {
        if (!ps_collection_is_local(name) &&
            (is_devices(name) ? devices_lacking : compare_named(turn, peer, offers, name, heads))) {
            add_name(turn, ask, name);
        }
    }
}

static bool is_devices(struct ps_bytes name)
{
    return ps_bytes_equal(name, ps_bytes_text(PS_DEVICES_COLLECTION));
}

/* True if the peer has something of this collection that we lack. */
static bool compare_named(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                          struct ps_bytes name, struct ps_bytes heads)
{
    struct ps_collection collection;
    struct ps_cursor cursor;
    p2psync_result result = ps_collection_find(turn->txn, name, &collection);
    if (result == P2PSYNC_ENOTFOUND) {
        return ps_message_cursor_begin(&cursor, heads) > 0;
    }
    return ps_turn_ok(turn, result) &&
           compare_collection(turn, peer, offers, collection.number, heads);
}

/* Walk the peer's short heads and our logs side by side, origin by origin; both ascend by (tag,
 * branch). True if the peer has something that we lack. */
static bool compare_collection(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                               uint32_t collection, struct ps_bytes heads)
{
    bool lacking = false;
    struct histories theirs;
    struct ps_cursor cursor;
    struct ps_short_head head;
    struct ps_log_walk walk = {.txn = turn->txn, .collection = collection};
    struct ps_log log;
    (void)ps_message_cursor_begin(&cursor, heads);
    bool more = ps_summary_next_head(&cursor, &head);
    bool here = ps_log_walk_next(&walk, &log);
    while (here || more) { /* each pass takes all of one origin */
        struct ps_tag tag = more ? head.log.origin : log.id.origin;
        if (here && ps_tag_compare(log.id.origin, tag) < 0) {
            tag = log.id.origin;
        }
        theirs.count = 0;
        while (more && ps_tag_compare(head.log.origin, tag) == 0) {
            add_history(&theirs, &head);
            more = ps_summary_next_head(&cursor, &head);
        }
        while (here && ps_tag_compare(log.id.origin, tag) == 0) {
            compare_log(turn, peer, offers, &log, &theirs);
            here = ps_log_walk_next(&walk, &log);
        }
        for (size_t i = 0; i < theirs.count; i++) {
            lacking = lacking || !theirs.held[i];
        }
    }
    (void)ps_turn_ok(turn, walk.result);
    return lacking;
}

/* More than an origin may have are passed over: nobody takes them. */
static void add_history(struct histories *histories, const struct ps_short_head *head)
{
    if (histories->count < PS_BRANCHES_MAX) {
        histories->head[histories->count] = *head;
        histories->held[histories->count] = head->size == 0;
        histories->count++;
    }
}

/* Offer or send what the peer lacks of one of our logs. If either knows of a fork that the other
 * does not, a history has two names, so what has none in common is compared by what is in it. */
static void compare_log(struct ps_turn *turn, struct ps_peer *peer, struct ps_offers *offers,
                        const struct ps_log *log, struct histories *theirs)
{
    uint64_t size = 0;
    bool named = false;
    bool differ = false;
    for (size_t i = 0; i < theirs->count; i++) {
        const struct ps_short_head *head = &theirs->head[i];
        bool same_name = ps_log_id_compare(&head->log, &log->id) == 0;
        if (same_name) {
            named = true;
            size = head->size;
            differ = size == log->size && !is_beginning(turn, log, head);
            theirs->held[i] = size <= log->size && !differ;
        } else if (is_beginning(turn, log, head)) {
            theirs->held[i] = true;
            size = head->size > size && !named ? head->size : size;
        }
    }
    (void)ps_holds_note(turn, peer, log->number, size);
    if (at_once(turn, peer, log, size)) {
        ps_transfer_push(turn, peer, log->number);
    } else if (log->size > size || differ) {
        (void)ps_offer_add(turn, peer, offers, log, size);
    }
}

/* Whether what the peer holds of a history is what ours begins with. */
static bool is_beginning(struct ps_turn *turn, const struct ps_log *log,
                         const struct ps_short_head *head)
{
    struct ps_hash root;
    return head->size > 0 && head->size <= log->size &&
           ps_damage_ok(turn, log, ps_log_prove(turn->txn, log, head->size, NULL, &root)) &&
           memcmp(head->root, root.bytes, sizeof head->root) == 0;
}

/* Whether to send what the peer lacks of a log without being asked, which saves a round trip. We do
 * so with a few changes of our own, because nobody else sends those at the same time, and only in
 * the first round. If that round does not help, the peer may hold another history of the log, and
 * only an offer with its head can show that. */
static bool at_once(const struct ps_turn *turn, const struct ps_peer *peer,
                    const struct ps_log *log, uint64_t their_size)
{
    const struct ps_engine *engine = turn->engine;
    return !engine->no_push && ps_rounds_are_fresh(peer) && !ps_log_is_forked(log) &&
           log->size > their_size && log->size - their_size <= AT_ONCE_MAX &&
           ps_device_equal(&log->origin.device, &engine->identity.device);
}

/* Collect in `ask` the names of the collections that differ. If `_devices` differs, it alone is
 * named, because the members decide whose heads we may take; but not where rounds bring nothing:
 * `_devices` may differ for good, and the others must not wait for it. */
static void compare_roots(struct ps_turn *turn, const struct ps_peer *peer,
                          const struct ps_summary *summary, struct names *ask)
{
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
            add_name(turn, ask, name);
            return;
        }
        add_name(turn, ask, name);
    }
}

/* Offer what is in collections that the peer does not have at all. The roots in its SUMMARY name
 * all collections that it has. */
static void offer_unnamed(struct ps_turn *turn, struct ps_peer *peer,
                          const struct ps_summary *summary, struct ps_offers *offers)
{
    struct ps_collection_walk walk = {.txn = turn->txn};
    struct ps_collection collection;
    struct ps_bytes none = ps_bytes("\x90", 1); /* an empty array: it holds no log of it */
    struct list roots = begin_list(summary->roots, false);
    struct list heads = begin_list(summary->heads, true);
    while (ps_collection_walk_next(&walk, &collection)) {
        bool in_roots = list_has(&roots, collection.name);
        bool in_heads = list_has(&heads, collection.name);
        if (!in_roots && !in_heads && !ps_collection_is_local(collection.name)) {
            (void)compare_collection(turn, peer, offers, collection.number, none);
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
    struct ps_bytes rest;
    struct ps_hash root;
    list->more =
        list->more && (list->heads ? ps_summary_next_collection(&list->cursor, &list->name, &rest)
                                   : ps_summary_next_root(&list->cursor, &list->name, &root));
}

/* Whether a name is in the list; those that are asked for ascend, as the list does. */
static bool list_has(struct list *list, struct ps_bytes name)
{
    while (list->more && ps_bytes_compare(list->name, name) < 0) {
        next_name(list);
    }
    return list->more && ps_bytes_equal(list->name, name);
}

static void add_name(struct ps_turn *turn, struct names *names, struct ps_bytes name)
{
    if (names->count == names->capacity) {
        size_t capacity = names->capacity == 0 ? 16 : names->capacity * 2;
        struct ps_bytes *items = realloc(names->items, capacity * sizeof *items);
        if (items == NULL) {
            (void)ps_turn_ok(turn, P2PSYNC_ENOMEM);
            return;
        }
        names->items = items;
        names->capacity = capacity;
    }
    names->items[names->count++] = name;
}

/* Send our short heads of the named collections. If no collection is named, send our state alone,
 * because the peer waits for a reply. asks: the peer is to reply with its own heads. */
static void reply_heads(struct ps_turn *turn, struct ps_peer *peer, const struct names *names,
                        bool asks)
{
    struct ps_summary summary = {.reply = asks && names->count > 0,
                                 .state = ps_state_tell_anew(turn, peer),
                                 .clock_ms = turn->wall_ms};
    struct ps_buf heads;
    ps_buf_init(&heads, PS_MESSAGE_SIZE_MAX);
    if (names->count == 0 ||
        ps_turn_ok(turn, ps_summary_heads(turn->txn, names->items, names->count, &heads))) {
        summary.heads = ps_buf_view(&heads);
        ps_emit_send(turn, peer, peer->session.id,
                     ps_summary_encode(&summary, ps_emit_begin(turn)));
        if (summary.reply) {
            ps_rounds_asked(turn, peer);
        }
    }
    ps_buf_deinit(&heads);
}
