/* When automatic answers are given: not before the node is in sync with those it is connected to,
 * and not where a signed head tells of changes that have not come. */
#include <assert.h>
#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "node/api/inside.h"
#include "nodes.h"
#include "tests/lib/author.h"

#define RECORD    "r"
#define EARLIER   1 /* than anything that is written here */
#define ASKED_MAX 8

static char dir[NODES_DIR_SIZE];
static p2psync_node *node;
static sem_t asked_again; /* posted for each conflict that the app is asked about */

/* The collections that the app was asked about, in order. To be read once the node has stopped. */
static char asked[ASKED_MAX][16];
static size_t asked_count;

/* In the node's thread, where no test can fail but by aborting. It gives no answer. */
static void note(struct p2psync_bytes conflict, p2psync_answer *answer, void *user)
{
    (void)answer;
    (void)user;
    struct p2psync_buffer json = {0};
    p2psync_result result = p2psync_value_to_json(conflict, &json);
    assert(result == P2PSYNC_OK && asked_count < ASKED_MAX);
    nodes_text(json.data, "collection", asked[asked_count], sizeof asked[asked_count]);
    asked_count++;
    p2psync_buffer_free(&json);
    (void)sem_post(&asked_again);
}

static void await_asked(void)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    cr_assert_eq(sem_timedwait(&asked_again, &until), 0, "nobody asked");
}

static p2psync_node *open_asking(const char *directory, const char *name)
{
    struct p2psync_options options = nodes_options(directory);
    options.resolver = note;
    return nodes_open_with(&options, name);
}

static void set(const char *key, const char *json, const char *collection)
{
    struct p2psync_buffer value = {0};
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), &value, NULL), P2PSYNC_OK);
    struct p2psync_bytes bytes = {value.data, value.size};
    p2psync_result result = collection == NULL
                                ? p2psync_config_set(node, key, bytes, NULL)
                                : p2psync_collection_set(node, collection, key, bytes, NULL);
    cr_assert_eq(result, P2PSYNC_OK);
    p2psync_buffer_free(&value);
}

/* Alpha, which answers soon after it has seen a conflict. */
static void setup(void)
{
    cr_assert_eq(sem_init(&asked_again, 0, 0), 0);
    nodes_dir(dir);
    node = open_asking(dir, "alpha");
    set("on_conflict_wait_ms", "1", NULL);
    p2psync_close(node);
    node = open_asking(dir, NULL);
}

static void teardown(void)
{
    p2psync_close(node);
    nodes_remove(dir);
}

TestSuite(test_answer_when, .init = setup, .fini = teardown, .timeout = 180);

/* Another device makes the record in a collection too. The last `missing` changes of its log do not
 * come, but the signed head that tells of them does. */
static void make_conflict(const char *collection, uint64_t seed, uint64_t missing)
{
    struct p2psync_buffer fields = {0};
    struct author author;
    struct store_case here = {.store = node->store, .map_size = CASE_MAP_SIZE};
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_identity_read(&txn, &here.identity), P2PSYNC_OK);
    ps_txn_abort(&txn);
    set("strategy", "\"manual\"", collection);
    cr_assert_eq(nodes_put(node, collection, RECORD, "{\"n\": 1}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_value_from_json("{\"n\": 2}", 8, &fields, NULL), P2PSYNC_OK);
    author_init(&author, seed);
    author.identity.mesh = here.identity.mesh;
    author.collection = collection;
    for (uint64_t i = 0; i < 1 + missing; i++) {
        struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                       .id = i == 0 ? RECORD : "s",
                                       .hlc = EARLIER + i,
                                       .fields = ps_bytes(fields.data, fields.size)};
        (void)author_add(&author, &change);
    }
    const struct author_delivery delivery = {.to = 1, .head_size = 1 + missing};
    cr_assert_eq(author_deliver(&author, &here, &delivery), P2PSYNC_OK);
    (void)case_apply(&here);
    author_deinit(&author);
    p2psync_buffer_free(&fields);
    const char *json = nodes_get(node, collection, RECORD);
    cr_assert_not_null(strstr(json, "\"conflict\":true"), "%s", json);
}

/* Conflicts are answered in the order of their collections: whoever asks about the one in `b` has
 * been at `a` before. */
Test(test_answer_when, a_collection_with_changes_that_have_not_come_is_left_alone)
{
    make_conflict("a", 7, 1);
    make_conflict("b", 8, 0);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    await_asked();
    cr_assert_eq(p2psync_stop(node), P2PSYNC_OK);
    cr_assert_eq(asked_count, 1);
    cr_assert_str_eq(asked[0], "b");
}

/* Two members that edited a record apart and have met: both have the conflict, and neither runs. */
struct pair {
    struct p2psync_options options; /* of alpha, with nobody who answers */
    char endpoint[NODES_ENDPOINT_SIZE];
    char beta_dir[NODES_DIR_SIZE];
    p2psync_node *beta;
};

static void make_pair(struct pair *pair)
{
    nodes_dir(pair->beta_dir);
    nodes_own_endpoint(0, pair->endpoint);
    pair->options = nodes_options(dir);
    pair->options.listen = pair->endpoint;
    p2psync_close(node);
    node = nodes_open_with(&pair->options, NULL);
    pair->beta = nodes_open(pair->beta_dir, NULL);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    set("strategy", "\"manual\"", "notes");
    nodes_join(node, pair->beta, "beta");
    cr_assert_eq(nodes_put(node, "notes", RECORD, "{\"n\": 1}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(pair->beta, "notes", RECORD, "{\"n\": 2}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_start(pair->beta), P2PSYNC_OK);
    nodes_await_same(node, pair->beta);
    cr_assert_not_null(strstr(nodes_get(node, "notes", RECORD), "\"conflict\":true"));
    cr_assert_eq(p2psync_stop(pair->beta), P2PSYNC_OK);
    p2psync_close(node);
}

static void end_pair(struct pair *pair)
{
    p2psync_close(pair->beta);
    nodes_remove(pair->beta_dir);
}

/* Start alpha, which asks now, and wait longer than an answer would take if it were given at once:
 * until a write has gone through the loop and the feed. */
static void start_alone(struct pair *pair)
{
    int fd = -1;
    pair->options.resolver = note;
    node = nodes_open_with(&pair->options, NULL);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    cr_assert_eq(p2psync_event_fd(node, &fd), P2PSYNC_OK);
    cr_assert_eq(nodes_put(node, "others", RECORD, "{\"n\": 1}"), P2PSYNC_OK);
    (void)nodes_await(node, P2PSYNC_EVENT_RECORD_CHANGED, "others");
    struct p2psync_buffer status = {0};
    const char *json = nodes_json(p2psync_status(node, &status), &status);
    cr_assert_not_null(strstr(json, "\"state\":\"offline\",\"in_sync\":false"), "%s", json);
}

/* A person answers: what is merged of the two versions counts. */
static void resolve(p2psync_node *where)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record record = {.size = sizeof record};
    cr_assert_eq(p2psync_snapshot_open(where, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_get(snapshot, "notes", RECORD, &record), P2PSYNC_OK);
    const struct p2psync_resolution resolution = {.size = sizeof resolution,
                                                  .collection = "notes",
                                                  .id = RECORD,
                                                  .versions = record.versions,
                                                  .version_count = record.version_count,
                                                  .merge = true};
    cr_assert_eq(p2psync_resolve(where, &resolution, NULL, NULL), P2PSYNC_OK);
    p2psync_snapshot_close(snapshot);
    cr_assert_not_null(strstr(nodes_get(where, "notes", RECORD), "\"conflict\":false"));
}

/* Beta ends the conflict while alpha does not run. Once alpha has heard of that, there is nothing
 * to answer. */
Test(test_answer_when, a_node_that_meets_nobody_waits_for_those_it_knows)
{
    struct pair pair;
    make_pair(&pair);
    resolve(pair.beta);
    start_alone(&pair);
    cr_assert_eq(p2psync_start(pair.beta), P2PSYNC_OK);
    nodes_await_same(node, pair.beta);
    cr_assert_eq(p2psync_stop(node), P2PSYNC_OK);
    cr_assert_eq(asked_count, 0);
    end_pair(&pair);
}

/* Nothing but the meeting itself is new. */
Test(test_answer_when, a_node_that_waited_answers_once_it_has_met_somebody)
{
    struct pair pair;
    make_pair(&pair);
    start_alone(&pair);
    cr_assert_eq(p2psync_start(pair.beta), P2PSYNC_OK);
    await_asked();
    cr_assert_eq(p2psync_stop(node), P2PSYNC_OK);
    cr_assert_eq(asked_count, 1);
    end_pair(&pair);
}
