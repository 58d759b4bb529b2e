/* The thread that answers. It looks at the list of records with several versions whenever something
 * was committed, waits until the node is in sync and nothing has moved for a while, and then asks
 * for an answer to each open conflict. What got none is left alone until its versions change
 * (node/answer/asked.h). */
#include "node/answer/answer.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "node/answer/asked.h"
#include "node/answer/command.h"
#include "node/host/thread.h"
#include "node/host/time.h"
#include "node/loop/loop.h"
#include "node/view/conflict.h"
#include "store/env/identity.h"
#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/merge/conflict.h"
#include "store/merge/stale.h"
#include "store/mesh/may.h"
#include "store/record/record.h"
#include "wire/error.h"
#include "wire/value.h"

#define DELAYS_MAX 10      /* how often news may put an answer off */
#define ANSWER_MAX 3145728 /* bytes of JSON from a command: 3 MiB */

typedef enum answer_kind {
    ANSWER_NONE = 0,
    ANSWER_FIELDS,
    ANSWER_TAKE,
} answer_kind;

/* What the app's callback fills. */
struct p2psync_answer {
    answer_kind kind;
    struct ps_buf fields;
    struct ps_dot take;
};

struct found {
    struct ps_asked_about conflict;
    struct ps_device authors[PS_PARENTS_MAX];
};

struct ps_answerer {
    struct ps_answerer_options options;
    pthread_t thread;
    int stop_fd; /* readable: end */
    atomic_bool stopping;
    struct ps_device device;
    uint32_t wait_ms;
    uint64_t seen_txn; /* the store and the loop, when they were looked at last */
    uint64_t seen_since_ms;
    uint64_t due_ms; /* 0: nothing is open */
    unsigned delays;
    struct ps_asked asked;
};

static void *run(void *argument);
static void wait_news(struct ps_answerer *answerer);
static void look(struct ps_answerer *answerer);
static bool next_conflict(struct ps_answerer *answerer, const struct found *after,
                          struct found *out);
static p2psync_result next_in(const struct ps_answerer *answerer, struct ps_txn *txn,
                              const struct ps_collection *collection, struct ps_bytes id,
                              struct found *out);
static p2psync_result read_conflict(struct ps_txn *txn, const struct ps_collection *collection,
                                    struct ps_bytes id, struct found *out);
static p2psync_result all_heads_held(struct ps_txn *txn, uint32_t collection, bool *out);
static void answer_all(struct ps_answerer *answerer);
static p2psync_result answer_one(struct ps_answerer *answerer, const struct found *found);
static p2psync_result ask(struct ps_answerer *answerer, const struct found *found,
                          struct p2psync_answer *answer, char *why);
static void answer_by_author(const struct ps_answerer *answerer, const struct found *found,
                             struct p2psync_answer *answer);
static p2psync_result explain(struct ps_answerer *answerer, const struct found *found,
                              struct ps_buf *out);
static p2psync_result ask_command(struct ps_answerer *answerer, struct p2psync_bytes conflict,
                                  struct p2psync_answer *answer, char *why);
static bool is_blank(struct ps_bytes text);
static p2psync_result take_json(struct ps_bytes json, struct p2psync_answer *answer);
static p2psync_result write_answer(struct ps_answerer *answerer, const struct found *found,
                                   const struct p2psync_answer *answer);
static void tell(struct ps_answerer *answerer, const struct found *found, p2psync_result result,
                 const char *why);

p2psync_result ps_answerer_start(const struct ps_answerer_options *options,
                                 struct ps_answerer **out)
{
    struct ps_txn txn = {0};
    struct ps_identity identity = {0};
    struct ps_answerer *answerer = calloc(1, sizeof *answerer);
    if (answerer == NULL) {
        return P2PSYNC_ENOMEM;
    }
    uint32_t wait_ms = options->config->on_conflict_wait_ms;
    answerer->options = *options;
    answerer->wait_ms = wait_ms != 0 ? wait_ms : PS_CONFIG_ANSWER_WAIT_MS;
    ps_asked_init(&answerer->asked, options->store,
                  options->resolver == NULL ? options->config->on_conflict : "");
    atomic_init(&answerer->stopping, false);
    answerer->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p2psync_result result = answerer->stop_fd < 0 ? ps_error_of_errno(errno) : P2PSYNC_OK;
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(options->store, false, &txn);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &identity);
    }
    ps_txn_abort(&txn);
    answerer->device = identity.device;
    if (result == P2PSYNC_OK) {
        result = ps_thread_start(&answerer->thread, run, answerer);
    }
    if (result != P2PSYNC_OK) {
        if (answerer->stop_fd >= 0) {
            (void)close(answerer->stop_fd);
        }
        free(answerer);
        return result;
    }
    *out = answerer;
    return P2PSYNC_OK;
}

void ps_answerer_destroy(struct ps_answerer **answerer)
{
    if (*answerer == NULL) {
        return;
    }
    atomic_store(&(*answerer)->stopping, true);
    (void)!eventfd_write((*answerer)->stop_fd, 1);
    (void)pthread_join((*answerer)->thread, NULL);
    (void)close((*answerer)->stop_fd);
    free(*answerer);
    *answerer = NULL;
}

/* ---- the thread ---- */

static void *run(void *argument)
{
    struct ps_answerer *answerer = argument;
    while (!atomic_load(&answerer->stopping)) { /* until the node stops */
        look(answerer);
        if (answerer->due_ms != 0 && ps_time_monotonic_ms() >= answerer->due_ms &&
            ps_loop_in_sync_since_ms(answerer->options.loop) != 0) {
            answerer->due_ms = 0;
            answer_all(answerer);
            continue; /* what was committed meanwhile is looked at first */
        }
        wait_news(answerer);
    }
    (void)!ps_asked_write(&answerer->asked); /* else the next run asks again */
    return NULL;
}

/* Wait until an answer is due, or the loop has news. If an answer is due and the node is not in
 * sync, the loop says when it is. */
static void wait_news(struct ps_answerer *answerer)
{
    eventfd_t count = 0;
    uint64_t now_ms = ps_time_monotonic_ms();
    int timeout_ms = -1;
    if (answerer->due_ms > now_ms) {
        timeout_ms = (int)(answerer->due_ms - now_ms);
    }
    struct pollfd items[] = {{.fd = answerer->options.news_fd, .events = POLLIN},
                             {.fd = answerer->stop_fd, .events = POLLIN}};
    (void)poll(items, 2, timeout_ms);
    (void)!eventfd_read(answerer->options.news_fd, &count);
}

/* After something was committed, or the node has come to be in sync: see whether anything is open,
 * and put the answer off a little, so that what belongs together has come, but not for ever. */
static void look(struct ps_answerer *answerer)
{
    struct found found;
    uint64_t txn = ps_store_txn_id(answerer->options.store);
    uint64_t since_ms = ps_loop_in_sync_since_ms(answerer->options.loop);
    if (txn == answerer->seen_txn && since_ms == answerer->seen_since_ms) {
        return;
    }
    answerer->seen_txn = txn;
    answerer->seen_since_ms = since_ms;
    if (!next_conflict(answerer, NULL, &found)) {
        answerer->due_ms = 0;
        answerer->delays = 0;
    } else if (answerer->due_ms == 0 || answerer->delays < DELAYS_MAX) {
        answerer->delays += answerer->due_ms == 0 ? 0 : 1;
        answerer->due_ms =
            ps_time_monotonic_ms() + answerer->wait_ms + randombytes_uniform(answerer->wait_ms);
    }
}

/* The next conflict, by collection and record, that may be answered now. */
static bool next_conflict(struct ps_answerer *answerer, const struct found *after,
                          struct found *out)
{
    struct ps_txn txn = {0};
    struct ps_collection collection;
    struct ps_bytes id = ps_bytes_text(after != NULL ? after->conflict.id : "");
    bool found = false;
    struct ps_collection_walk walk = ps_collection_walk_from(
        &txn, ps_bytes_text(after != NULL ? after->conflict.collection : ""));
    walk.result = ps_txn_begin(answerer->options.store, false, &txn);
    while (!found && ps_collection_walk_next(&walk, &collection)) {
        p2psync_result result = next_in(answerer, &txn, &collection, id, out);
        found = result == P2PSYNC_OK;
        walk.result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
        id = ps_bytes(NULL, 0);
    }
    ps_txn_abort(&txn);
    return found;
}

/* Find one in a collection, after the record `id`.
 *
 * Errors  P2PSYNC_ENOTFOUND there is none. */
static p2psync_result next_in(const struct ps_answerer *answerer, struct ps_txn *txn,
                              const struct ps_collection *collection, struct ps_bytes id,
                              struct found *out)
{
    bool held = false;
    p2psync_result result = all_heads_held(txn, collection->number, &held);
    if (result == P2PSYNC_OK && !held) {
        return P2PSYNC_ENOTFOUND; /* none that may be answered now */
    }
    struct ps_conflict_walk walk = ps_conflict_walk_after(txn, collection->number, id);
    struct ps_conflict_item item;
    walk.result = result;
    while (ps_conflict_walk_next(&walk, &item)) {
        bool stale = false;
        walk.result =
            item.conflict ? ps_stale_has(txn, collection->number, item.id, &stale) : P2PSYNC_OK;
        if (!item.conflict || stale || walk.result != P2PSYNC_OK) {
            continue; /* a stale one will be asked about when it has been merged */
        }
        walk.result = read_conflict(txn, collection, item.id, out);
        if (walk.result == P2PSYNC_OK && out->conflict.version_count > 0 &&
            !ps_asked_has(&answerer->asked, &out->conflict, item.asked)) {
            return P2PSYNC_OK;
        }
    }
    return walk.result == P2PSYNC_OK ? P2PSYNC_ENOTFOUND : walk.result;
}

/* Gives no versions in `out` if there are more than can be answered. */
static p2psync_result read_conflict(struct ps_txn *txn, const struct ps_collection *collection,
                                    struct ps_bytes id, struct found *out)
{
    struct ps_record_row row;
    p2psync_result result = ps_record_get(txn, collection->number, id, &row);
    if (result != P2PSYNC_OK) {
        return result;
    }
    memset(out, 0, sizeof *out);
    memcpy(out->conflict.collection, collection->name.data, collection->name.size);
    memcpy(out->conflict.id, id.data, id.size);
    if (row.version_count > PS_PARENTS_MAX) {
        return P2PSYNC_OK;
    }
    for (uint32_t i = 0; i < row.version_count && result == P2PSYNC_OK; i++) {
        struct ps_version version;
        struct ps_log log;
        ps_record_version(&row, i, &version);
        result = ps_log_by_number(txn, version.log, &log);
        out->conflict.versions[i] = ps_record_shown(&row, &version);
        out->authors[i] = log.origin.device;
    }
    out->conflict.version_count = row.version_count;
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}

static p2psync_result all_heads_held(struct ps_txn *txn, uint32_t collection, bool *out)
{
    struct ps_log_walk walk = {.txn = txn, .collection = collection};
    struct ps_log log;
    bool held = true;
    while (held && ps_log_walk_next(&walk, &log)) {
        held = log.head.size <= log.size;
    }
    *out = held;
    return walk.result;
}

/* ---- answering ---- */

/* If it cannot be kept who was asked, no more are asked until the store takes it. */
static void answer_all(struct ps_answerer *answerer)
{
    struct found found;
    const struct found *after = NULL;
    struct found last;
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK && !atomic_load(&answerer->stopping) &&
           next_conflict(answerer, after, &found)) {
        result = answer_one(answerer, &found);
        last = found;
        after = &last;
    }
    (void)!ps_asked_write(&answerer->asked); /* what cannot be written now may be at the end */
}

/* A conflict that got no answer, or one that could not be written, is left alone from now on; but
 * not if its versions have changed meanwhile, or the node stops.
 *
 * Errors  as ps_asked_add(). */
static p2psync_result answer_one(struct ps_answerer *answerer, const struct found *found)
{
    struct p2psync_answer answer = {.kind = ANSWER_NONE};
    char why[PS_COMMAND_WHY_SIZE] = "";
    char dot[PS_DOT_TEXT_SIZE];
    ps_buf_init(&answer.fields, PS_VALUE_SIZE_MAX);
    p2psync_result result = ask(answerer, found, &answer, why);
    if (result == P2PSYNC_OK && answer.kind != ANSWER_NONE) {
        result = write_answer(answerer, found, &answer);
        if (result == P2PSYNC_ENOTFOUND && answer.kind == ANSWER_TAKE) {
            ps_dot_text(answer.take, dot);
            (void)snprintf(why, sizeof why, "%s is none of its versions", dot);
        }
    }
    bool failed = result != P2PSYNC_OK;
    bool kept = false;
    p2psync_result keeping = P2PSYNC_OK;
    if (result != P2PSYNC_ECONFLICT && result != P2PSYNC_EAGAIN) {
        kept = failed || answer.kind == ANSWER_NONE;
        keeping = kept ? ps_asked_add(&answerer->asked, &found->conflict, failed) : P2PSYNC_OK;
    }
    if (kept && failed) {
        tell(answerer, found, result, why);
    }
    ps_buf_deinit(&answer.fields);
    return keeping;
}

static p2psync_result ask(struct ps_answerer *answerer, const struct found *found,
                          struct p2psync_answer *answer, char *why)
{
    const struct ps_answerer_options *options = &answerer->options;
    const char *rule = options->config->on_conflict;
    struct ps_buf conflict;
    if (options->resolver == NULL && (strcmp(rule, "local") == 0 || strcmp(rule, "remote") == 0)) {
        answer_by_author(answerer, found, answer);
        return P2PSYNC_OK;
    }
    ps_buf_init(&conflict, PS_HISTORY_SIZE_MAX);
    p2psync_result result = explain(answerer, found, &conflict);
    struct p2psync_bytes bytes = {.data = conflict.data, .size = conflict.size};
    if (result == P2PSYNC_OK && options->resolver != NULL) {
        options->resolver(bytes, answer, options->resolver_user);
    } else if (result == P2PSYNC_OK) {
        result = ask_command(answerer, bytes, answer, why);
    }
    ps_buf_deinit(&conflict);
    return result;
}

/* `local` takes the last version that this device wrote, `remote` the last that another device
 * wrote. A device that wrote none of them leaves the answer to those that did. */
static void answer_by_author(const struct ps_answerer *answerer, const struct found *found,
                             struct p2psync_answer *answer)
{
    bool local = strcmp(answerer->options.config->on_conflict, "local") == 0;
    bool own = false;
    bool found_one = false;
    for (size_t i = 0; i < found->conflict.version_count; i++) {
        bool is_own = ps_device_equal(&found->authors[i], &answerer->device);
        own |= is_own;
        if (is_own == local) {
            answer->take = found->conflict.versions[i];
            found_one = true;
        }
    }
    answer->kind = own && found_one ? ANSWER_TAKE : ANSWER_NONE;
}

static p2psync_result explain(struct ps_answerer *answerer, const struct found *found,
                              struct ps_buf *out)
{
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(answerer->options.store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_view_conflict_write(&txn, ps_bytes_text(found->conflict.collection),
                                        ps_bytes_text(found->conflict.id), out);
    }
    ps_txn_abort(&txn);
    return result;
}

static p2psync_result ask_command(struct ps_answerer *answerer, struct p2psync_bytes conflict,
                                  struct p2psync_answer *answer, char *why)
{
    const struct ps_config *config = answerer->options.config;
    const struct ps_command command = {
        .line = config->on_conflict,
        .timeout_ms = config->on_conflict_timeout_ms != 0 ? config->on_conflict_timeout_ms
                                                          : PS_CONFIG_ANSWER_TIMEOUT_MS,
        .stop_fd = answerer->stop_fd,
    };
    struct p2psync_buffer json = {0};
    struct ps_buf output;
    ps_buf_init(&output, ANSWER_MAX);
    p2psync_result result = p2psync_value_to_json(conflict, &json);
    if (result == P2PSYNC_OK) {
        result = ps_command_run(&command, ps_bytes(json.data, json.size), &output, why);
    }
    if (result == P2PSYNC_OK && output.size > 0) {
        result = take_json(ps_buf_view(&output), answer);
        if (result != P2PSYNC_OK) {
            (void)snprintf(why, PS_COMMAND_WHY_SIZE,
                           "what it wrote is neither {\"fields\": {...}} nor {\"take\": \"DOT\"}");
        }
    }
    ps_buf_deinit(&output);
    p2psync_buffer_free(&json);
    return result;
}

static bool is_blank(struct ps_bytes text)
{
    size_t at = 0;
    while (at < text.size && (text.data[at] == ' ' || text.data[at] == '\t' ||
                              text.data[at] == '\r' || text.data[at] == '\n')) {
        at++;
    }
    return at == text.size;
}

/* White space alone is no answer either. */
static p2psync_result take_json(struct ps_bytes json, struct p2psync_answer *answer)
{
    struct p2psync_buffer map = {0};
    struct ps_dot dot;
    if (is_blank(json)) {
        return P2PSYNC_OK;
    }
    p2psync_result result = p2psync_value_from_json((const char *)json.data, json.size, &map, NULL);
    if (result == P2PSYNC_OK) {
        struct ps_bytes bytes = ps_bytes(map.data, map.size);
        struct ps_bytes fields = ps_value_field(bytes, ps_bytes_text("fields"));
        struct ps_reader reader;
        ps_reader_init(&reader, ps_value_field(bytes, ps_bytes_text("take")));
        struct ps_bytes take = ps_read_str(&reader, PS_DOT_TEXT_SIZE);
        result = P2PSYNC_EFORMAT;
        if (fields.size > 0) {
            result = ps_answer_fields(answer, fields);
        } else if (take.size > 0) {
            result = ps_dot_parse(take, &dot);
            if (result == P2PSYNC_OK) {
                ps_answer_take(answer, dot);
            }
        }
    }
    p2psync_buffer_free(&map);
    return result;
}

p2psync_result ps_answer_fields(struct p2psync_answer *answer, struct ps_bytes fields)
{
    p2psync_result result = ps_value_check_fields(fields);
    if (result == P2PSYNC_OK) {
        ps_buf_clear(&answer->fields);
        result = ps_buf_append(&answer->fields, fields.data, fields.size);
    }
    answer->kind = result == P2PSYNC_OK ? ANSWER_FIELDS : answer->kind;
    return result;
}

void ps_answer_take(struct p2psync_answer *answer, struct ps_dot version)
{
    answer->take = version;
    answer->kind = ANSWER_TAKE;
}

/* The answer is written only if the versions are still those that were asked about. */
static p2psync_result write_answer(struct ps_answerer *answerer, const struct found *found,
                                   const struct p2psync_answer *answer)
{
    struct ps_edit edit = {
        .kind = answer->kind == ANSWER_TAKE ? PS_EDIT_TAKE : PS_EDIT_RESOLVE,
        .id = ps_bytes_text(found->conflict.id),
        .fields = ps_buf_view(&answer->fields),
        .take = answer->take,
        .automatic = true,
        .has_expected = true,
        .expected = found->conflict.versions,
        .expected_count = found->conflict.version_count,
    };
    const struct ps_write write = {
        .collection = ps_bytes_text(found->conflict.collection), .edits = &edit, .edit_count = 1};
    struct ps_written written = {0};
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(answerer->options.store, true, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_may_write(&txn, &write, ps_time_wall_ms(), &written);
    }
    if (result == P2PSYNC_OK) {
        result = ps_txn_commit(&txn);
        ps_loop_wake(answerer->options.loop);
    }
    ps_txn_abort(&txn);
    return result;
}

static void tell(struct ps_answerer *answerer, const struct found *found, p2psync_result result,
                 const char *why)
{
    char text[PS_REPORT_SIZE_MAX];
    (void)snprintf(text, sizeof text, "a conflict of record %.64s in %.64s has no answer: %s",
                   found->conflict.id, found->conflict.collection,
                   why[0] != '\0' ? why : p2psync_strerror(result));
    ps_loop_tell_error(answerer->options.loop, result, text);
}
