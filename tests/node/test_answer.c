/* Automatic answers, on two nodes of one mesh that edit a record apart and meet again. */
#include <assert.h>
#include <criterion/criterion.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "nodes.h"

#define NODES  2
#define RECORD "r"

/* One of the two, opened with what answers its conflicts. */
struct side {
    char dir[NODES_DIR_SIZE];
    char endpoint[NODES_ENDPOINT_SIZE]; /* where it listens each time, so that the other finds it */
    p2psync_node *node;
    p2psync_resolver_fn *resolver;
    atomic_uint asked;
    sem_t asked_again;   /* posted each time */
    const char *fields;  /* that `give` answers with; NULL: it gives no answer */
    char conflict[4096]; /* as it was asked last; written before `asked` moves */
};

static struct side sides[NODES];

static void open_side(struct side *side, const char *name)
{
    struct p2psync_options options = nodes_options(side->dir);
    options.listen = side->endpoint;
    options.resolver = side->resolver;
    options.resolver_user = side;
    side->node = nodes_open_with(&options, name);
}

static void configure(struct side *side, const char *key, const char *json)
{
    struct p2psync_buffer value = {0};
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), &value, NULL), P2PSYNC_OK);
    cr_assert_eq(
        p2psync_config_set(side->node, key, (struct p2psync_bytes){value.data, value.size}, NULL),
        P2PSYNC_OK);
    p2psync_buffer_free(&value);
}

static void set_strategy(const char *strategy)
{
    struct p2psync_buffer value = {0};
    char json[64];
    (void)snprintf(json, sizeof json, "\"%s\"", strategy);
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), &value, NULL), P2PSYNC_OK);
    struct p2psync_bytes bytes = {value.data, value.size};
    cr_assert_eq(p2psync_collection_set(sides[0].node, "notes", "strategy", bytes, NULL),
                 P2PSYNC_OK);
    p2psync_buffer_free(&value);
}

/* Both members of a mesh, neither running; conflicts are answered soon after they are seen. */
static void setup(void)
{
    memset(sides, 0, sizeof sides);
    for (unsigned i = 0; i < NODES; i++) {
        nodes_dir(sides[i].dir);
        nodes_own_endpoint(i, sides[i].endpoint);
        open_side(&sides[i], i == 0 ? "alpha" : NULL);
    }
    cr_assert_eq(p2psync_start(sides[0].node), P2PSYNC_OK);
    nodes_join(sides[0].node, sides[1].node, "beta");
    cr_assert_eq(p2psync_start(sides[1].node), P2PSYNC_OK);
    set_strategy("manual");
    nodes_await_same(sides[0].node, sides[1].node);
    for (size_t i = 0; i < NODES; i++) {
        cr_assert_eq(p2psync_stop(sides[i].node), P2PSYNC_OK);
        cr_assert_eq(sem_init(&sides[i].asked_again, 0, 0), 0);
        configure(&sides[i], "on_conflict_wait_ms", "20");
    }
}

static void teardown(void)
{
    for (size_t i = 0; i < NODES; i++) {
        p2psync_close(sides[i].node);
        nodes_remove(sides[i].dir);
    }
}

TestSuite(test_answer, .init = setup, .fini = teardown, .timeout = 600);

/* Alpha writes 1 and then beta 2; then both run, with what was configured. */
static void edit_apart_and_meet(const char *id)
{
    cr_assert_eq(nodes_put(sides[0].node, "notes", id, "{\"n\": 1}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(sides[1].node, "notes", id, "{\"n\": 2}"), P2PSYNC_OK);
    for (size_t i = 0; i < NODES; i++) {
        p2psync_close(sides[i].node);
        open_side(&sides[i], NULL);
        cr_assert_eq(p2psync_start(sides[i].node), P2PSYNC_OK);
    }
}

/* Until both show this record, with this text in it, and no conflict any more. */
static void await_shown(const char *id, const char *text)
{
    for (size_t i = 0; i < NODES; i++) {
        int fd = -1;
        cr_assert_eq(p2psync_event_fd(sides[i].node, &fd), P2PSYNC_OK);
        const char *json = nodes_get(sides[i].node, "notes", id);
        while (strstr(json, text) == NULL || strstr(json, "\"conflict\":false") == NULL) {
            (void)nodes_await(sides[i].node, P2PSYNC_EVENT_RECORD_CHANGED, NULL);
            json = nodes_get(sides[i].node, "notes", id);
        }
    }
    nodes_await_same(sides[0].node, sides[1].node);
}

/* In the node's thread, where no test can fail but by aborting. */
static void give(struct p2psync_bytes conflict, p2psync_answer *answer, void *user)
{
    struct side *side = user;
    struct p2psync_buffer text = {0};
    struct p2psync_buffer fields = {0};
    p2psync_result result = p2psync_value_to_json(conflict, &text);
    assert(result == P2PSYNC_OK);
    (void)snprintf(side->conflict, sizeof side->conflict, "%s", (const char *)text.data);
    p2psync_buffer_free(&text);
    if (side->fields != NULL) {
        result = p2psync_value_from_json(side->fields, strlen(side->fields), &fields, NULL);
        assert(result == P2PSYNC_OK);
        struct p2psync_bytes bytes = {fields.data, fields.size};
        result = p2psync_answer_fields(answer, bytes);
        assert(result == P2PSYNC_OK);
        p2psync_buffer_free(&fields);
    }
    atomic_fetch_add(&side->asked, 1);
    (void)sem_post(&side->asked_again);
}

static void await_asked(struct side *side)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    cr_assert_eq(sem_timedwait(&side->asked_again, &until), 0, "nobody asked");
}

Test(test_answer, an_app_answers_for_all_devices)
{
    sides[0].resolver = give;
    sides[0].fields = "{\"n\": 42}";
    edit_apart_and_meet(RECORD);
    await_shown(RECORD, "\"n\":42");
    cr_assert_eq(atomic_load(&sides[0].asked), 1);
    const char *conflict = sides[0].conflict;
    cr_expect_not_null(strstr(conflict, "\"collection\":\"notes\",\"id\":\"r\""), "%s", conflict);
    cr_expect_not_null(strstr(conflict, "\"name\":\"alpha\""), "%s", conflict);
    cr_expect_not_null(strstr(conflict, "\"name\":\"beta\""), "%s", conflict);
}

Test(test_answer, devices_that_disagree_come_to_one_answer)
{
    for (size_t i = 0; i < NODES; i++) {
        sides[i].resolver = give;
    }
    sides[0].fields = "{\"by\": \"alpha\", \"answered\": true}";
    sides[1].fields = "{\"by\": \"beta\", \"answered\": true}";
    edit_apart_and_meet(RECORD);
    await_shown(RECORD, "\"answered\":true");
    char shown[1024];
    (void)snprintf(shown, sizeof shown, "%s", nodes_get(sides[0].node, "notes", RECORD));
    cr_assert_str_eq(nodes_get(sides[1].node, "notes", RECORD), shown);
}

Test(test_answer, local_and_remote_take_a_side)
{
    configure(&sides[0], "on_conflict", "\"local\"");
    edit_apart_and_meet(RECORD);
    await_shown(RECORD, "\"n\":1");
    cr_assert_eq(p2psync_stop(sides[0].node), P2PSYNC_OK);
    cr_assert_eq(p2psync_stop(sides[1].node), P2PSYNC_OK);
    configure(&sides[0], "on_conflict", "null");
    configure(&sides[1], "on_conflict", "\"remote\"");
    edit_apart_and_meet("s");
    await_shown("s", "\"n\":1");
}

/* Have conflicts answered by a script of these lines, which find one in $conflict. */
static void configure_script(struct side *side, const char *lines)
{
    char path[NODES_DIR_SIZE + 16];
    char json[NODES_DIR_SIZE + 32];
    (void)snprintf(path, sizeof path, "%s/answer.sh", side->dir);
    (void)snprintf(json, sizeof json, "\"sh %s\"", path);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert_geq(fprintf(file, "read -r conflict\n%s", lines), 0);
    cr_assert_eq(fclose(file), 0);
    configure(side, "on_conflict", json);
}

/* Its answers are fields, and, for another record, the version that is shown. */
Test(test_answer, a_command_answers)
{
    configure_script(&sides[1],
                     "case $conflict in\n"
                     "*'\"id\":\"r\"'*) echo '{\"fields\": {\"n\": 3}}' ;;\n"
                     "*) echo \"$conflict\" |\n"
                     "   sed 's/.*\"shown\":\"\\([^\"]*\\)\".*/{\"take\": \"\\1\"}/' ;;\n"
                     "esac\n");
    cr_assert_eq(nodes_put(sides[0].node, "notes", "s", "{\"n\": 1}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(sides[1].node, "notes", "s", "{\"n\": 2}"), P2PSYNC_OK);
    edit_apart_and_meet(RECORD);
    await_shown(RECORD, "\"n\":3");
    await_shown("s", "\"n\":");
}

/* Also if it fills the memory that it is read into to the last byte. Conflicts are answered in the
 * order of their records, so the first one has been asked about when the second one is answered. */
Test(test_answer, white_space_from_a_command_is_no_answer)
{
    configure_script(&sides[1], "case $conflict in\n"
                                "*'\"id\":\"r\"'*) printf '%64s' '' ;;\n"
                                "*) echo '{\"fields\": {\"n\": 3}}' ;;\n"
                                "esac\n");
    cr_assert_eq(nodes_put(sides[0].node, "notes", RECORD, "{\"n\": 1}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(sides[1].node, "notes", RECORD, "{\"n\": 2}"), P2PSYNC_OK);
    edit_apart_and_meet("s");
    await_shown("s", "\"n\":3");
    const char *json = nodes_get(sides[1].node, "notes", RECORD);
    cr_expect_not_null(strstr(json, "\"conflict\":true"), "%s", json);
    struct p2psync_buffer answer = {0};
    json = nodes_json(p2psync_status(sides[1].node, &answer), &answer);
    cr_expect_not_null(strstr(json, "\"last_error\":null"), "%s", json);
}

/* The text says why, and is all that `status` says. */
Test(test_answer, taking_no_version_of_the_conflict_is_an_error)
{
    configure_script(&sides[0], "echo '{\"take\": \"00112233445566778899aabbccddeeff-8\"}'\n");
    edit_apart_and_meet(RECORD);
    int fd = -1;
    cr_assert_eq(p2psync_event_fd(sides[0].node, &fd), P2PSYNC_OK);
    struct p2psync_buffer answer = {0};
    const char *json = nodes_json(p2psync_status(sides[0].node, &answer), &answer);
    if (strstr(json, "no answer") == NULL) {
        (void)nodes_await(sides[0].node, P2PSYNC_EVENT_ERROR, "no answer");
        json = nodes_json(p2psync_status(sides[0].node, &answer), &answer);
    }
    cr_expect_not_null(strstr(json,
                              "\"last_error\":\"a conflict of record r in notes has no answer: "
                              "00112233445566778899aabbccddeeff-8 is none of its versions\""),
                       "%s", json);
}

Test(test_answer, a_command_that_fails_leaves_it_open_and_says_why)
{
    configure(&sides[0], "on_conflict", "\"echo no idea >&2; exit 7\"");
    edit_apart_and_meet(RECORD);
    int fd = -1;
    cr_assert_eq(p2psync_event_fd(sides[0].node, &fd), P2PSYNC_OK);
    struct p2psync_buffer answer = {0};
    const char *json = nodes_json(p2psync_status(sides[0].node, &answer), &answer);
    if (strstr(json, "no idea") == NULL) {
        json = nodes_await(sides[0].node, P2PSYNC_EVENT_ERROR, "no idea");
    }
    cr_expect_not_null(strstr(json, "a conflict of record r in notes has no answer: it ended with "
                                    "exit code 7: no idea"),
                       "%s", json);
    json = nodes_get(sides[0].node, "notes", RECORD);
    cr_expect_not_null(strstr(json, "\"conflict\":true"), "%s", json);
}

/* How often the command was run, as it says itself, in a file. */
static size_t times_run(const struct side *side)
{
    char path[NODES_DIR_SIZE + 16];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "%s/ran", side->dir);
    FILE *file = fopen(path, "re");
    cr_assert_not_null(file);
    while (fgetc(file) != EOF) {
        count++;
    }
    (void)fclose(file);
    return count;
}

/* Whatever made it fail may be mended then. */
Test(test_answer, a_command_that_failed_is_run_again_by_the_next_run_alone)
{
    struct side *side = &sides[0];
    char line[NODES_DIR_SIZE + 64];
    (void)snprintf(line, sizeof line, "printf x >>%s/ran; exit 7\n", side->dir);
    configure_script(side, line);
    edit_apart_and_meet(RECORD);
    int fd = -1;
    cr_assert_eq(p2psync_event_fd(side->node, &fd), P2PSYNC_OK);
    struct p2psync_buffer answer = {0};
    const char *json = nodes_json(p2psync_status(side->node, &answer), &answer);
    if (strstr(json, "exit code 7") == NULL) {
        (void)nodes_await(side->node, P2PSYNC_EVENT_ERROR, "exit code 7");
    }
    cr_assert_eq(p2psync_stop(side->node), P2PSYNC_OK);
    cr_assert_eq(times_run(side), 1);
    p2psync_close(side->node);
    open_side(side, NULL);
    cr_assert_eq(p2psync_start(side->node), P2PSYNC_OK);
    cr_assert_eq(p2psync_event_fd(side->node, &fd), P2PSYNC_OK);
    json = nodes_json(p2psync_status(side->node, &answer), &answer);
    if (strstr(json, "exit code 7") == NULL) {
        (void)nodes_await(side->node, P2PSYNC_EVENT_ERROR, "exit code 7");
    }
    cr_assert_eq(p2psync_stop(side->node), P2PSYNC_OK);
    cr_assert_eq(times_run(side), 2);
}

/* What it says may be any bytes, and is told as text. */
Test(test_answer, a_command_that_speaks_no_utf8_is_told_of)
{
    configure_script(&sides[0], "printf 'caf\\351 \\303\\251 \\377' >&2; exit 1\n");
    edit_apart_and_meet(RECORD);
    int fd = -1;
    cr_assert_eq(p2psync_event_fd(sides[0].node, &fd), P2PSYNC_OK);
    struct p2psync_buffer answer = {0};
    const char *json = nodes_json(p2psync_status(sides[0].node, &answer), &answer);
    if (strstr(json, "exit code") == NULL) { /* not "caf": that may be in the id of a device */
        (void)nodes_await(sides[0].node, P2PSYNC_EVENT_ERROR, "exit code");
        json = nodes_json(p2psync_status(sides[0].node, &answer), &answer);
    }
    cr_expect_not_null(strstr(json, "exit code 1: caf? \303\251 ?\""), "%s", json);
}

/* A third conflict is asked about while two have no answer, and these are not asked about again. */
Test(test_answer, without_an_answer_it_is_asked_about_once)
{
    sides[0].resolver = give;
    cr_assert_eq(nodes_put(sides[0].node, "notes", RECORD, "{\"n\": 1}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(sides[1].node, "notes", RECORD, "{\"n\": 2}"), P2PSYNC_OK);
    edit_apart_and_meet("s");
    await_asked(&sides[0]);
    await_asked(&sides[0]);
    cr_assert_eq(p2psync_stop(sides[1].node), P2PSYNC_OK);
    cr_assert_eq(nodes_put(sides[0].node, "notes", "t", "{\"n\": 1}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(sides[1].node, "notes", "t", "{\"n\": 2}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_start(sides[1].node), P2PSYNC_OK);
    await_asked(&sides[0]);
    cr_assert_eq(p2psync_stop(sides[0].node), P2PSYNC_OK); /* it ends what it has begun */
    cr_assert_not_null(strstr(sides[0].conflict, "\"id\":\"t\""));
    cr_assert_eq(atomic_load(&sides[0].asked), 3);
}

/* A person is faster: the answer to what was there before is not written. */
static void edit_and_give(struct p2psync_bytes conflict, p2psync_answer *answer, void *user)
{
    struct side *side = user;
    bool first = atomic_load(&side->asked) == 0;
    if (first) {
        p2psync_result result = nodes_put(side->node, "notes", RECORD, "{\"person\": true}");
        assert(result == P2PSYNC_OK);
    }
    side->fields = first ? "{\"answer\": \"old\"}" : "{\"answer\": \"new\"}";
    give(conflict, answer, user);
}

Test(test_answer, an_answer_to_versions_that_are_gone_is_not_written)
{
    sides[0].resolver = edit_and_give;
    edit_apart_and_meet(RECORD);
    await_shown(RECORD, "\"answer\":\"new\"");
    cr_assert_eq(atomic_load(&sides[0].asked), 2);
    cr_assert_not_null(strstr(sides[0].conflict, "\"person\":true"));
}
