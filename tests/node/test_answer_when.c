/* When automatic answers are given: not before the node is in sync with those it is connected to,
 * not where a signed head tells of changes that have not come, and for each conflict once. */
#include <assert.h>
#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "node/api/inside.h"
#include "nodes.h"
#include "tests/lib/author.h"
#include "tests/lib/decided.h"

#define RECORD    "r"
#define EARLIER   1 /* than anything that is written here */
#define ASKED_MAX 8
#define MANY      1060 /* conflicts */

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

/* As note(), where many are asked about. */
static void count_asked(struct p2psync_bytes conflict, p2psync_answer *answer, void *user)
{
    (void)conflict;
    (void)answer;
    (void)user;
    asked_count++;
    (void)sem_post(&asked_again);
}

static p2psync_node *open_asking(p2psync_resolver_fn *resolver, const char *name)
{
    struct p2psync_options options = nodes_options(dir);
    options.resolver = resolver;
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
    node = open_asking(note, "alpha");
    set("on_conflict_wait_ms", "1", NULL);
    p2psync_close(node);
    node = open_asking(note, NULL);
}

static void teardown(void)
{
    p2psync_close(node);
    nodes_remove(dir);
}

TestSuite(test_answer_when, .init = setup, .fini = teardown, .timeout = 180);

/* The node's store, to be written to beside it. */
static struct store_case store_of(const p2psync_node *of)
{
    struct store_case here = {.store = of->store, .map_size = CASE_MAP_SIZE};
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_identity_read(&txn, &here.identity), P2PSYNC_OK);
    ps_txn_abort(&txn);
    return here;
}

/* Another device makes `count` records in a collection too. The last `missing` changes of its log
 * do not come, but the signed head that tells of them does. */
struct other {
    const char *collection;
    uint64_t seed;
    uint64_t count; /* 1: RECORD, else r0, r1 ... */
    uint64_t missing;
};

static const char *id_of(const struct other *other, uint64_t i)
{
    static char id[32];
    (void)snprintf(id, sizeof id, "%s%llu", RECORD, (unsigned long long)i);
    return other->count == 1 && i == 0 ? RECORD : id;
}

static void write_own(const struct other *other, struct p2psync_bytes fields)
{
    p2psync_transaction *transaction = NULL;
    cr_assert_eq(p2psync_transaction_begin(node, other->collection, &transaction, NULL),
                 P2PSYNC_OK);
    for (uint64_t i = 0; i < other->count; i++) {
        const struct p2psync_edit edit = {
            .size = sizeof edit, .id = id_of(other, i), .fields = fields};
        cr_assert_eq(p2psync_transaction_edit(transaction, &edit, NULL), P2PSYNC_OK);
    }
    cr_assert_eq(p2psync_transaction_commit(transaction, NULL, NULL), P2PSYNC_OK);
}

static void make_conflicts(const struct other *other)
{
    static struct author author;
    struct p2psync_buffer fields = {0};
    struct store_case here = store_of(node);
    set("strategy", "\"manual\"", other->collection);
    cr_assert_eq(p2psync_value_from_json("{\"n\": 1}", 8, &fields, NULL), P2PSYNC_OK);
    write_own(other, (struct p2psync_bytes){fields.data, fields.size});
    p2psync_buffer_free(&fields);
    cr_assert_eq(p2psync_value_from_json("{\"n\": 2}", 8, &fields, NULL), P2PSYNC_OK);
    author_init(&author, other->seed);
    author.identity.mesh = here.identity.mesh;
    author.collection = other->collection;
    for (uint64_t i = 0; i < other->count + other->missing; i++) {
        struct author_change change = {.op_and_flags = PS_OP_CREATE,
                                       .id = id_of(other, i),
                                       .hlc = EARLIER + i,
                                       .fields = ps_bytes(fields.data, fields.size)};
        (void)author_add(&author, &change);
    }
    const struct author_delivery delivery = {.to = other->count,
                                             .head_size = other->count + other->missing};
    cr_assert_eq(author_deliver(&author, &here, &delivery), P2PSYNC_OK);
    (void)case_apply(&here);
    author_deinit(&author);
    p2psync_buffer_free(&fields);
    const char *json = nodes_get(node, other->collection, id_of(other, other->count - 1));
    cr_assert_not_null(strstr(json, "\"conflict\":true"), "%s", json);
}

static void make_conflict(const char *collection, uint64_t seed, uint64_t missing)
{
    make_conflicts(
        &(struct other){.collection = collection, .seed = seed, .count = 1, .missing = missing});
}

/* There is nobody who could know better. */
Test(test_answer_when, a_node_alone_in_its_mesh_asks)
{
    make_conflict("a", 7, 0);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    await_asked();
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

/* Another device has edited what is lost, in the same collection. */
Test(test_answer_when, what_waits_for_a_parent_holds_no_answer_up)
{
    struct store_case here = store_of(node);
    static struct author author;
    const struct author_change change = {.op_and_flags = PS_OP_UPDATE,
                                         .id = "lost",
                                         .hlc = EARLIER,
                                         .parent_count = 1,
                                         .parents = {{.dot = {.origin = {{7}}}}}};
    make_conflict("a", 7, 0);
    author_init(&author, 8);
    author.identity.mesh = here.identity.mesh;
    author.collection = "a";
    (void)author_add(&author, &change);
    author_deliver_all(&author, &here);
    author_deinit(&author);
    (void)case_apply(&here);
    cr_assert_eq(case_state(&here).pending, 1);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    await_asked();
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

/* A third member, which has signed three changes in `a`; one of them is here, and goes on to beta,
 * and so both hold the same. The rest may answer the conflict there. */
Test(test_answer_when, two_in_sync_ask_only_where_they_hold_all_of_a_third_one)
{
    struct pair pair;
    const struct ps_device third = case_identity(9, NULL).device;
    make_pair(&pair);
    resolve(pair.beta);
    node = nodes_open_with(&pair.options, NULL);
    struct store_case here = store_of(node);
    decided_writer(&here, &third, "gamma");
    make_conflict("a", 9, 2);
    make_conflict("b", 9, 0);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    cr_assert_eq(p2psync_start(pair.beta), P2PSYNC_OK);
    nodes_await_same(node, pair.beta);
    struct store_case there = store_of(pair.beta);
    struct author author = {.identity = case_identity(9, NULL), .collection = "a"};
    struct ps_log log = {.size = 0};
    author.identity.mesh = here.identity.mesh;
    cr_assert_eq(author_log(&author, &there, &log), P2PSYNC_OK);
    cr_assert_eq(log.size, 1);
    cr_assert_eq(log.head.size, 3);
    p2psync_close(node);
    pair.options.resolver = note;
    node = nodes_open_with(&pair.options, NULL);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    await_asked();
    cr_assert_eq(p2psync_stop(node), P2PSYNC_OK);
    cr_assert_eq(asked_count, 1);
    cr_assert_str_eq(asked[0], "b");
    end_pair(&pair);
}

/* More than were ever kept in memory. The last collection is asked about last: whoever has been
 * asked about it would have been asked about the others again before. */
Test(test_answer_when, each_of_many_conflicts_is_asked_about_once_by_all_runs)
{
    const struct other many = {.collection = "a", .seed = 7, .count = MANY};
    p2psync_close(node);
    node = open_asking(count_asked, NULL);
    make_conflicts(&many);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    for (size_t i = 0; i < MANY; i++) {
        await_asked();
    }
    make_conflict("b", 8, 0);
    await_asked();
    cr_assert_eq(p2psync_stop(node), P2PSYNC_OK);
    cr_assert_eq(asked_count, MANY + 1);
    make_conflict("c", 9, 0);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    await_asked();
    cr_assert_eq(p2psync_stop(node), P2PSYNC_OK);
    cr_assert_eq(asked_count, MANY + 2);
}

/* A new version, too. */
Test(test_answer_when, a_conflict_is_asked_about_again_when_its_versions_have_changed)
{
    make_conflict("a", 7, 0);
    cr_assert_eq(p2psync_start(node), P2PSYNC_OK);
    await_asked();
    cr_assert_eq(nodes_put(node, "a", RECORD, "{\"n\": 3}"), P2PSYNC_OK);
    await_asked();
    cr_assert_eq(p2psync_stop(node), P2PSYNC_OK);
    cr_assert_eq(asked_count, 2);
}
