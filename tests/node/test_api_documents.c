/* The keys and types of all documents, as the section "documents" of p2psync.h lists them, against
 * what really comes: whatever comes is listed, with its type, and whatever is listed comes. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/api/inside.h"
#include "nodes.h"
#include "store/env/keys.h"
#include "tests/lib/author.h"

#define KEYS_MAX  320
#define PATH_SIZE 96
#define DEPTH_MAX 8

/* One line of the header's lists: "status.collections.name", its type, and whether it came. */
struct key {
    char path[PATH_SIZE];
    char type[16];
    bool nullable;
    bool seen;
};

static struct key keys[KEYS_MAX];
static size_t key_count;

static void read_header(void);

static void setup(void)
{
    read_header();
    nodes_begin();
}

TestSuite(test_api_documents, .init = setup, .fini = nodes_end, .timeout = 120);

/* ---- the header ---- */

/* A line " *   ..name  type?  text" of the document that was named last. */
static void read_key(char path[DEPTH_MAX][PATH_SIZE], const char *line)
{
    char name[PATH_SIZE];
    char type[16];
    size_t depth = strspn(line, ".");
    cr_assert_lt(depth + 1, DEPTH_MAX, "%s", line);
    cr_assert_eq(sscanf(line + depth, "%95s %15s", name, type), 2, "%s", line);
    cr_assert_lt(key_count, KEYS_MAX);
    struct key *key = &keys[key_count++];
    (void)snprintf(key->path, PATH_SIZE, "%.40s.%.40s", path[depth], name);
    (void)snprintf(path[depth + 1], PATH_SIZE, "%s", key->path);
    size_t size = strlen(type);
    key->nullable = type[size - 1] == '?';
    (void)snprintf(key->type, sizeof key->type, "%.*s", (int)(size - (key->nullable ? 1 : 0)),
                   type);
}

static void read_header(void)
{
    FILE *header = fopen(PS_PUBLIC_HEADER, "re");
    char line[256];
    char path[DEPTH_MAX][PATH_SIZE] = {""};
    bool inside = false;
    cr_assert_not_null(header);
    while (fgets(line, sizeof line, header) != NULL) {
        char name[PATH_SIZE];
        if (strcmp(line, "/* ---- documents ---- */\n") == 0) {
            inside = true;
        } else if (strncmp(line, "/* ----", 7) == 0) {
            inside = false;
        } else if (inside && sscanf(line, " * document %95[a-z_]", name) == 1) {
            (void)snprintf(path[0], PATH_SIZE, "%s", name);
        } else if (path[0][0] != '\0' && inside && strncmp(line, " *   ", 5) == 0) {
            read_key(path, line + 5);
        }
    }
    (void)fclose(header);
    cr_assert_gt(key_count, 100);
}

static struct key *find_key(const char *path)
{
    for (size_t i = 0; i < key_count; i++) {
        if (strcmp(keys[i].path, path) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/* ---- what comes ---- */

static bool is_time(struct p2psync_bytes value)
{
    char text[32];
    return p2psync_value_string(value, text, sizeof text) == P2PSYNC_OK && strlen(text) == 24 &&
           text[10] == 'T' && text[23] == 'Z';
}

static bool has_type(struct p2psync_bytes value, const struct key *key)
{
    static const struct {
        const char *name;
        p2psync_value_type type;
    } types[] = {
        {"text", P2PSYNC_VALUE_TEXT},       {"bool", P2PSYNC_VALUE_BOOL},
        {"integer", P2PSYNC_VALUE_INTEGER}, {"array", P2PSYNC_VALUE_ARRAY},
        {"map", P2PSYNC_VALUE_MAP},
    };
    p2psync_value_type type = p2psync_value_type_of(value);
    if ((type == P2PSYNC_VALUE_NIL && key->nullable) || strcmp(key->type, "any") == 0) {
        return true;
    }
    if (strcmp(key->type, "time") == 0) {
        return is_time(value);
    }
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (strcmp(types[i].name, key->type) == 0) {
            return types[i].type == type;
        }
    }
    cr_assert_fail("the header has an unknown type %s", key->type);
    return false;
}

/* Mark what the document holds; arrays are looked through, and stand for what is in them. */
static void check(const char *document, struct p2psync_bytes value)
{
    struct {
        struct p2psync_walk walk;
        char path[PATH_SIZE];
    } stack[DEPTH_MAX] = {{.walk = {.size = sizeof stack[0].walk, .value = value}}};
    size_t depth = 0;
    struct p2psync_bytes name;
    struct p2psync_bytes item;
    cr_assert_eq(p2psync_value_check(value), P2PSYNC_OK, "%s", document);
    (void)snprintf(stack[0].path, PATH_SIZE, "%s", document);
    for (;;) { /* ends with the document */
        p2psync_result result = p2psync_walk_next(&stack[depth].walk, &name, &item);
        if (result == P2PSYNC_EEND && depth == 0) {
            return;
        }
        if (result == P2PSYNC_EEND) {
            depth--;
            continue;
        }
        cr_assert_eq(result, P2PSYNC_OK);
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof path, "%s", stack[depth].path);
        const struct key *key = NULL;
        if (p2psync_value_type_of(stack[depth].walk.value) == P2PSYNC_VALUE_MAP) {
            char word[40];
            (void)snprintf(word, sizeof word, "%.*s", (int)name.size, (const char *)name.data);
            (void)snprintf(path, sizeof path, "%.50s.%s", stack[depth].path, word);
            struct key *found = find_key(path);
            if (found == NULL) { /* a map from names that are data */
                (void)snprintf(path, sizeof path, "%.50s.*", stack[depth].path);
                found = find_key(path);
            }
            cr_expect_not_null(found, "%.50s.%s comes, and the header does not list it",
                               stack[depth].path, word);
            if (found != NULL) {
                found->seen = true;
                cr_expect(has_type(item, found), "%s is no %s", path, found->type);
            }
            key = found;
        }
        bool is_data = key != NULL && strcmp(key->type, "any") == 0;
        p2psync_value_type type = p2psync_value_type_of(item);
        if (!is_data && (type == P2PSYNC_VALUE_MAP || type == P2PSYNC_VALUE_ARRAY)) {
            depth++;
            cr_assert_lt(depth, DEPTH_MAX);
            stack[depth].walk =
                (struct p2psync_walk){.size = sizeof stack[depth].walk, .value = item};
            (void)snprintf(stack[depth].path, PATH_SIZE, "%s", path);
        }
    }
}

static void check_buffer(const char *document, p2psync_result result, struct p2psync_buffer *out)
{
    cr_assert_eq(result, P2PSYNC_OK, "%s: %s", document, p2psync_result_name(result));
    check(document, (struct p2psync_bytes){.data = out->data, .size = out->size});
    p2psync_buffer_free(out);
}

/* Whatever is listed of the document has come. */
static void expect_all(const char *document)
{
    size_t size = strlen(document);
    size_t count = 0;
    for (size_t i = 0; i < key_count; i++) {
        if (strncmp(keys[i].path, document, size) == 0 && keys[i].path[size] == '.') {
            cr_expect(keys[i].seen, "%s is listed, and does not come", keys[i].path);
            count++;
        }
    }
    cr_expect_gt(count, 0, "the header does not list %s", document);
}

static const char *name_of(p2psync_event_type type)
{
    static const char *const names[] = {
        [P2PSYNC_EVENT_RECORD_CHANGED] = "record_changed",
        [P2PSYNC_EVENT_CONFLICT_DETECTED] = "conflict_detected",
        [P2PSYNC_EVENT_CONFLICT_RESOLVED] = "conflict_resolved",
        [P2PSYNC_EVENT_PEER_UP] = "peer_up",
        [P2PSYNC_EVENT_PEER_DOWN] = "peer_down",
        [P2PSYNC_EVENT_SYNC_STARTED] = "sync_started",
        [P2PSYNC_EVENT_SYNC_PROGRESS] = "sync_progress",
        [P2PSYNC_EVENT_SYNC_COMPLETED] = "sync_completed",
        [P2PSYNC_EVENT_SYNC_FAILED] = "sync_failed",
        [P2PSYNC_EVENT_ERROR] = "error",
        [P2PSYNC_EVENT_DEVICE_JOINED] = "device_joined",
        [P2PSYNC_EVENT_INVITE_CLOSED] = "invite_closed",
        [P2PSYNC_EVENT_STOPPED] = "stopped",
        [P2PSYNC_EVENT_DEVICE_FORKED] = "device_forked",
        [P2PSYNC_EVENT_HEALED] = "healed",
        [P2PSYNC_EVENT_DEVICE_REMOVED] = "device_removed",
        [P2PSYNC_EVENT_ROLE_CHANGED] = "role_changed",
        [P2PSYNC_EVENT_REMOVED] = "removed",
        [P2PSYNC_EVENT_DEVICE_PENDING] = "device_pending",
    };
    return names[type];
}

/* Take events, each checked, until one of this type has come. */
static void await(p2psync_event_type wanted)
{
    int fd = -1;
    p2psync_event_type type = 0;
    cr_assert_eq(p2psync_event_fd(nodes_alpha, &fd), P2PSYNC_OK);
    while (type != wanted) { /* the suite's time-out ends it */
        struct p2psync_buffer data = {0};
        p2psync_result result = p2psync_event_next(nodes_alpha, &type, &data);
        if (result == P2PSYNC_EAGAIN) {
            struct pollfd item = {.fd = fd, .events = POLLIN};
            type = 0;
            (void)poll(&item, 1, 1000);
            continue;
        }
        check_buffer(name_of(type), result, &data);
    }
}

/* Both edit record "a" without knowing of each other, and then do. */
static void diverge(void)
{
    cr_assert_eq(p2psync_stop(nodes_guest), P2PSYNC_OK);
    await(P2PSYNC_EVENT_PEER_DOWN);
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "a", "{\"n\":1,\"t\":\"two\\n\"}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(nodes_guest, "notes", "a", "{\"n\":2,\"t\":\"three\\n\"}"), P2PSYNC_OK);
    cr_assert_eq(nodes_put(nodes_guest, "notes", "b", "{\"x\":1,\"z\":1}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_start(nodes_guest), P2PSYNC_OK);
    await(P2PSYNC_EVENT_CONFLICT_DETECTED);
}

static void meet(void)
{
    int fd = -1;
    struct p2psync_buffer invite = {0};
    struct p2psync_buffer joined = {0};
    char code[2048];
    cr_assert_eq(p2psync_start(nodes_alpha), P2PSYNC_OK);
    cr_assert_eq(p2psync_event_fd(nodes_alpha, &fd), P2PSYNC_OK);
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "a", "{\"n\":0,\"t\":\"one\\n\"}"), P2PSYNC_OK);
    cr_assert_eq(p2psync_invite(nodes_alpha, 0, &invite), P2PSYNC_OK);
    const struct p2psync_bytes map = {.data = invite.data, .size = invite.size};
    cr_assert_eq(p2psync_value_string(p2psync_value_find(map, "code"), code, sizeof code),
                 P2PSYNC_OK);
    check_buffer("invite", P2PSYNC_OK, &invite);
    nodes_guest = nodes_open(nodes_dirs[1], NULL);
    check_buffer("join", p2psync_join(nodes_guest, code, "beta", &joined, NULL), &joined);
    cr_assert_eq(p2psync_start(nodes_guest), P2PSYNC_OK);
    await(P2PSYNC_EVENT_SYNC_COMPLETED);
}

/* Another device has edited what is not here. */
static void let_one_wait(void)
{
    static struct author author;
    struct store_case here = {.store = nodes_alpha->store, .map_size = CASE_MAP_SIZE};
    const struct author_change change = {.op_and_flags = PS_OP_UPDATE,
                                         .id = "lost",
                                         .hlc = 1,
                                         .parent_count = 1,
                                         .parents = {{.dot = {.origin = {{7}}}}}};
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_identity_read(&txn, &here.identity), P2PSYNC_OK);
    ps_txn_abort(&txn);
    author_init(&author, 7);
    author.identity.mesh = here.identity.mesh;
    (void)author_add(&author, &change);
    author_deliver_all(&author, &here);
    (void)case_apply(&here);
    author_deinit(&author);
}

/* The bytes of the first change here are gone. */
static void lose_one_entry(void)
{
    struct store_case here = {.store = nodes_alpha->store, .map_size = CASE_MAP_SIZE};
    struct ps_txn txn = case_begin(&here, true);
    struct ps_key key = ps_key_entry(0, 0);
    cr_assert_eq(ps_db_delete(&txn, PS_DB_ENTRIES, ps_key_view(&key)), P2PSYNC_OK);
    case_commit(&txn);
}

static void check_backup(void)
{
    char file[NODES_DIR_SIZE + 8];
    char dir[NODES_DIR_SIZE + 8];
    struct p2psync_buffer out = {0};
    (void)snprintf(file, sizeof file, "%s.backup", nodes_dirs[0]);
    (void)snprintf(dir, sizeof dir, "%s.new", nodes_dirs[0]);
    const struct p2psync_backup backup = {.size = sizeof backup, .file = file};
    const struct p2psync_backup_restore restore = {
        .size = sizeof restore, .file = file, .dir = dir};
    check_buffer("backup", p2psync_backup(nodes_alpha, &backup, &out, NULL), &out);
    check_buffer("restored", p2psync_backup_restore(&restore, &out, NULL), &out);
    const struct p2psync_reset reset = {.size = sizeof reset, .dir = dir, .even_if_lost = true};
    check_buffer("reset", p2psync_reset(&reset, &out, NULL), &out);
    nodes_remove(dir);
    cr_assert_eq(unlink(file), 0);
}

Test(test_api_documents, lists_what_the_node_says_of_itself)
{
    struct p2psync_buffer out = {0};
    meet();
    check_buffer("identity", p2psync_identity(nodes_alpha, &out), &out);
    check_buffer("status", p2psync_status(nodes_alpha, &out), &out);
    check_buffer("peers", p2psync_peers(nodes_alpha, &out), &out);
    check_buffer("devices", p2psync_devices(nodes_alpha, &out), &out);
    check_buffer("config", p2psync_config(nodes_alpha, &out, NULL), &out);
    check_buffer("doctor", p2psync_doctor(nodes_alpha, &out), &out);
    check_buffer("now", p2psync_now(nodes_alpha, 0, &out), &out);
    cr_assert_eq(p2psync_stop(nodes_alpha), P2PSYNC_OK);
    check_buffer("status", p2psync_status(nodes_alpha, &out), &out);
    check_buffer("peers", p2psync_peers(nodes_alpha, &out), &out);
    check_buffer("doctor", p2psync_doctor(nodes_alpha, &out), &out);
    check_backup();
    let_one_wait();
    check_buffer("pending", p2psync_pending(nodes_alpha, &out), &out);
    lose_one_entry();
    check_buffer("verify", p2psync_verify(nodes_alpha, NULL, &out), &out);
    static const char *const documents[] = {"identity", "status", "peers",    "devices", "config",
                                            "doctor",   "now",    "invite",   "join",    "pending",
                                            "verify",   "backup", "restored", "reset"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        expect_all(documents[i]);
    }
}

/* Change what the guest has made: a field more, another value, a field less. */
static void edit_other(void)
{
    struct p2psync_buffer fields = {0};
    const char *const unset[] = {"x"};
    const char *json = "{\"y\":1,\"z\":2}";
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), &fields, NULL), P2PSYNC_OK);
    const struct p2psync_edit edit = {
        .size = sizeof edit,
        .id = "b",
        .fields = {.data = fields.data, .size = fields.size},
        .unset = unset,
        .unset_count = 1,
    };
    cr_assert_eq(p2psync_write(nodes_alpha, "notes", &edit, NULL, NULL), P2PSYNC_OK);
    p2psync_buffer_free(&fields);
}

Test(test_api_documents, lists_what_is_told_of_records)
{
    struct p2psync_buffer out = {0};
    p2psync_snapshot *snapshot = NULL;
    p2psync_history *history = NULL;
    struct p2psync_record record = {.size = sizeof record};
    const struct p2psync_revert revert = {
        .size = sizeof revert, .device = "alpha", .dry_run = true};
    meet();
    diverge();
    nodes_await_same(nodes_alpha, nodes_guest);
    edit_other();
    cr_assert_eq(p2psync_collection_set(nodes_alpha, "notes", "field.t",
                                        (struct p2psync_bytes){.data = "\xa4text", .size = 5},
                                        NULL),
                 P2PSYNC_OK);
    cr_assert_eq(p2psync_snapshot_open(nodes_alpha, &snapshot), P2PSYNC_OK);
    cr_assert_eq(p2psync_get(snapshot, "notes", "a", &record), P2PSYNC_OK);
    check_buffer("record", p2psync_record_pack(&record, &out), &out);
    check_buffer("conflict", p2psync_conflict(snapshot, "notes", "a", &out), &out);
    cr_assert_eq(p2psync_history_open(nodes_alpha, "notes", "a", &history), P2PSYNC_OK);
    check_buffer("history", p2psync_history_next(history, &out), &out);
    p2psync_history_close(history);
    check_buffer("diff", p2psync_diff(snapshot, "notes", "b", NULL, &out), &out);
    check_buffer("revert", p2psync_revert(nodes_alpha, &revert, &out, NULL), &out);
    check_buffer("settings", p2psync_collection_settings(snapshot, "notes", &out), &out);
    check_buffer("collections", p2psync_collections(snapshot, &out), &out);
    p2psync_snapshot_close(snapshot);
    static const char *const documents[] = {"record", "conflict", "history",    "diff",
                                            "revert", "settings", "collections"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        expect_all(documents[i]);
    }
}

Test(test_api_documents, lists_what_events_tell)
{
    struct p2psync_buffer out = {0};
    meet();
    diverge();
    cr_assert_eq(nodes_put(nodes_alpha, "notes", "a", "{\"n\":3}"), P2PSYNC_OK);
    await(P2PSYNC_EVENT_CONFLICT_RESOLVED);
    cr_assert_eq(p2psync_invite(nodes_alpha, 1, &out), P2PSYNC_OK);
    p2psync_buffer_free(&out);
    await(P2PSYNC_EVENT_INVITE_CLOSED);
    cr_assert_eq(p2psync_stop(nodes_alpha), P2PSYNC_OK);
    await(P2PSYNC_EVENT_STOPPED);
    static const char *const documents[] = {
        "record_changed", "conflict_detected", "conflict_resolved", "peer_up",       "peer_down",
        "sync_started",   "sync_completed",    "device_joined",     "invite_closed", "stopped"};
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++) {
        expect_all(documents[i]);
    }
}
