/* Threads: two nodes of one process sync with each other while any number of threads read, write,
 * ask and listen on both, a node is stopped and started under them, and at the end one is closed
 * while the other works on. A third is opened, run and closed over and over meanwhile. A plain
 * program, bounded in its work and not in time, meant for ThreadSanitizer: what it checks by itself
 * is that every change was told once on each side and that both end up with the same. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <p2psync.h>

#include "tests/soak/small.h"

#define COLLECTION       "soak"
#define WRITERS          3
#define READERS          3
#define WRITES           60 /* per writer and round */
#define READS            10 /* per reader and round, each over all records twice */
#define TRANSACTION_SIZE 5
#define SHARED_IDS       4 /* records that all writers of both sides edit */
#define ASKS             15
#define RESTARTS         3
#define LIVES            4 /* of the third node */
#define ROUND_THREADS    (WRITERS + READERS + 1)
#define ROOT_SIZE        80

/* One node and what its threads count. */
struct side {
    const char *name;
    const char *listen;
    p2psync_durability durability;
    char dir[SOAK_PATH_SIZE];
    char backups[SOAK_PATH_SIZE]; /* where the node makes one each second, and once more when it is
                                     started */
    p2psync_node *node;
    pthread_t listener;
    sem_t started;       /* posted by who started the node, or ends the listener */
    sem_t listening;     /* posted by the listener: what is written from here on is told */
    sem_t peer_up;       /* ... for each PEER_UP */
    sem_t told;          /* ... for each change that was told */
    sem_t stopped;       /* ... when the stream of events has ended */
    atomic_bool closing; /* the listener shall end */
    atomic_uint changes; /* written here */
};

/* A thread's task on a side. `round` keeps the values that are written unique. */
struct task {
    struct side *side;
    unsigned number;
    unsigned round;
};

static void open_side(struct side *side);
static void write_config(const struct side *side);
static void answer_conflict(struct p2psync_bytes conflict, p2psync_answer *answer, void *user);
static void open_node(struct side *side);
static void start_side(struct side *side);
static void stop_side(struct side *side);
static void close_side(struct side *side);
static void pair(struct side *host, struct side *guest);
static void begin_round(struct side *side, unsigned round, struct task *tasks, pthread_t *threads);
static void end_round(const pthread_t *threads);
static void *run_writer(void *argument);
static void put(struct side *side, const char *id, unsigned value);
static void write_transaction(struct side *side, unsigned value);
static void *run_reader(void *argument);
static unsigned walk(p2psync_snapshot *snapshot);
static void *run_asker(void *argument);
static void *run_listener(void *argument);
static void *run_lives(void *argument);
static void await_told(struct side *side, unsigned count);
static void await_same(struct side *left, struct side *right);
static void root_of(struct side *side, char out[static ROOT_SIZE]);
static void count_log(p2psync_log_level level, const char *event, const char *text, void *user);
static void check_while_restarting(p2psync_result result, const char *what);

static atomic_uint logged;
static atomic_uint answered; /* conflicts */
static sem_t answers;        /* posted for each */

int main(void)
{
    struct side ada = {.name = "ada", .listen = "127.0.0.2"};
    struct side ben = {.name = "ben", .listen = "127.0.0.3"};
    struct task tasks[2][ROUND_THREADS];
    pthread_t threads[2][ROUND_THREADS];
    pthread_t lives;
    char before[ROOT_SIZE];
    char after[ROOT_SIZE];
    if (sem_init(&answers, 0, 0) != 0) {
        soak_fail("no semaphore");
    }
    ada.durability = P2PSYNC_DURABILITY_NONE;
    ben.durability = P2PSYNC_DURABILITY_FLUSH;
    open_side(&ada);
    open_side(&ben);
    pair(&ada, &ben);
    soak_thread_start(&lives, run_lives, NULL);

    /* All at once, while they sync. */
    begin_round(&ada, 1, tasks[0], threads[0]);
    begin_round(&ben, 1, tasks[1], threads[1]);
    end_round(threads[0]);
    end_round(threads[1]);
    unsigned changes = atomic_load(&ada.changes) + atomic_load(&ben.changes);
    await_told(&ada, changes);
    await_told(&ben, changes);
    await_same(&ada, &ben);

    /* What is edited apart is a conflict, and somebody answers it. */
    stop_side(&ben);
    put(&ada, "apart", 1);
    put(&ben, "apart", 2);
    start_side(&ben);
    soak_await(&answers, "an answer to a conflict");

    /* A node stops and starts under its threads, those that answer too. */
    begin_round(&ada, 2, tasks[0], threads[0]);
    begin_round(&ben, 2, tasks[1], threads[1]);
    for (int i = 0; i < RESTARTS; i++) {
        stop_side(&ben);
        start_side(&ben);
    }
    end_round(threads[1]);
    end_round(threads[0]);
    await_same(&ada, &ben);

    /* One is closed while the other works on; what it had is still there afterwards. */
    begin_round(&ada, 3, tasks[0], threads[0]);
    stop_side(&ben);
    root_of(&ben, before);
    close_side(&ben);
    end_round(threads[0]);
    soak_thread_join(lives);
    stop_side(&ada);
    close_side(&ada);
    open_node(&ben);
    root_of(&ben, after);
    p2psync_close(ben.node);
    if (strcmp(before, after) != 0) {
        soak_fail("closed with root %s, opened with %s", before, after);
    }
    soak_dir_remove(ada.dir);
    soak_dir_remove(ben.dir);
    soak_dir_remove(ada.backups);
    soak_dir_remove(ben.backups);
    (void)printf("%u changes, each told on both sides; %u conflicts answered; %u log records\n",
                 changes, atomic_load(&answered), atomic_load(&logged));
    return 0;
}

/* ---- the nodes ---- */

static void open_side(struct side *side)
{
    sem_t *semaphores[] = {&side->started, &side->listening, &side->peer_up, &side->told,
                           &side->stopped};
    for (size_t i = 0; i < sizeof semaphores / sizeof semaphores[0]; i++) {
        if (sem_init(semaphores[i], 0, 0) != 0) {
            soak_fail("no semaphore");
        }
    }
    soak_dir_make(side->dir);
    soak_dir_make(side->backups);
    write_config(side);
    open_node(side);
    soak_thread_start(&side->listener, run_listener, side);
}

/* Conflicts are answered at once, by a callback that reads and writes records itself. */
static void write_config(const struct side *side)
{
    char path[SOAK_PATH_SIZE + 16];
    (void)snprintf(path, sizeof path, "%s/config.json", side->dir);
    FILE *file = fopen(path, "we");
    if (file == NULL || fputs("{\"on_conflict_wait_ms\": 2}", file) < 0 || fclose(file) != 0) {
        soak_fail("%s cannot be written", path);
    }
}

static void answer_conflict(struct p2psync_bytes conflict, p2psync_answer *answer, void *user)
{
    struct side *side = user;
    struct p2psync_buffer fields = {0};
    char id[64];
    char json[64];
    (void)conflict;
    unsigned number = atomic_fetch_add(&answered, 1);
    (void)snprintf(id, sizeof id, "answer-%s-%u", side->name, number);
    put(side, id, number);
    int size = snprintf(json, sizeof json, "{\"answered\":\"%s\"}", side->name);
    soak_check(p2psync_value_from_json(json, (size_t)size, &fields, NULL), "from_json");
    soak_check(p2psync_answer_fields(answer, (struct p2psync_bytes){fields.data, fields.size}),
               "answer");
    p2psync_buffer_free(&fields);
    (void)sem_post(&answers);
}

static void open_node(struct side *side)
{
    struct p2psync_options options = P2PSYNC_OPTIONS_INIT;
    options.resolver = answer_conflict;
    options.resolver_user = side;
    options.dir = side->dir;
    options.listen = side->listen;
    options.durability = side->durability;
    options.backup_dir = side->backups;
    options.backup_every_ms = 1000;
    options.backup_keep = 1;
    options.map_size_bytes = (uint64_t)64 * 1024 * 1024;
    options.no_beacon = true;
    options.log = count_log;
    options.log_user = &logged;
    options.log_level = P2PSYNC_LOG_DEBUG;
    soak_check(p2psync_open(&options, &side->node, NULL), "open");
}

static void start_side(struct side *side)
{
    soak_check(p2psync_start(side->node), "start");
    if (p2psync_start(side->node) != P2PSYNC_EBUSY) {
        soak_fail("it started twice");
    }
    (void)sem_post(&side->started);
    soak_await(&side->listening, "the listener");
}

static void stop_side(struct side *side)
{
    soak_check(p2psync_stop(side->node), "stop");
    soak_await(&side->stopped, "the last event");
}

/* It has stopped. */
static void close_side(struct side *side)
{
    atomic_store(&side->closing, true);
    (void)sem_post(&side->started);
    soak_thread_join(side->listener);
    p2psync_close(side->node);
    side->node = NULL;
}

static void pair(struct side *host, struct side *guest)
{
    char code[2048];
    struct p2psync_buffer reply = {0};
    soak_check(p2psync_init(host->node, host->name, NULL, NULL), "init");
    start_side(host);
    soak_text(p2psync_invite(host->node, 0, &reply), &reply, "code", code, sizeof code);
    soak_check(p2psync_join(guest->node, code, guest->name, &reply, NULL), "join");
    p2psync_buffer_free(&reply);
    start_side(guest);
    soak_await(&host->peer_up, "the guest");
    await_same(host, guest); /* from here on the guest knows its own name */
}

/* ---- a round of work ---- */

static void begin_round(struct side *side, unsigned round, struct task *tasks, pthread_t *threads)
{
    for (unsigned i = 0; i < ROUND_THREADS; i++) {
        tasks[i] = (struct task){.side = side, .number = i, .round = round};
        void *(*work)(void *) = i < WRITERS ? run_writer : run_reader;
        soak_thread_start(&threads[i], i + 1 < ROUND_THREADS ? work : run_asker, &tasks[i]);
    }
}

static void end_round(const pthread_t *threads)
{
    for (unsigned i = 0; i < ROUND_THREADS; i++) {
        soak_thread_join(threads[i]);
    }
}

static void *run_writer(void *argument)
{
    const struct task *task = argument;
    struct side *side = task->side;
    for (unsigned i = 0; i < WRITES; i++) {
        char id[64];
        unsigned value = (task->round * ROUND_THREADS + task->number) * WRITES + i;
        switch (i % 4) {
        case 0:
            (void)snprintf(id, sizeof id, "%s-%u", side->name, value);
            put(side, id, value);
            break;
        case 1:
            (void)snprintf(id, sizeof id, "shared-%u", i % SHARED_IDS);
            put(side, id, value);
            break;
        case 2:
            write_transaction(side, value);
            break;
        default:
            (void)snprintf(id, sizeof id, "%s-%u", side->name, value - 3);
            soak_check(p2psync_delete(side->node, COLLECTION, id, NULL), "delete");
            (void)atomic_fetch_add(&side->changes, 1);
            break;
        }
    }
    return NULL;
}

static void put(struct side *side, const char *id, unsigned value)
{
    char json[64];
    struct p2psync_buffer fields = {0};
    /* A field of its own, which merges, and one that both sides write, which may not. */
    int size = snprintf(json, sizeof json, "{\"%s\":%u,\"last\":%u}", side->name, value, value);
    soak_check(p2psync_value_from_json(json, (size_t)size, &fields, NULL), "from_json");
    const struct p2psync_bytes bytes = {.data = fields.data, .size = fields.size};
    soak_check(p2psync_put(side->node, COLLECTION, id, bytes, NULL), "put");
    p2psync_buffer_free(&fields);
    (void)atomic_fetch_add(&side->changes, 1);
}

static void write_transaction(struct side *side, unsigned value)
{
    static const char note[] = "in one";
    p2psync_transaction *transaction = NULL;
    struct p2psync_committed committed = {.size = sizeof committed};
    soak_check(p2psync_transaction_begin(side->node, COLLECTION, &transaction, NULL),
               "transaction");
    for (unsigned i = 0; i < TRANSACTION_SIZE; i++) {
        char id[64];
        (void)snprintf(id, sizeof id, "%s-%u-%u", side->name, value, i);
        const struct p2psync_edit edit = {.size = sizeof edit, .id = id, .note = note};
        soak_check(p2psync_transaction_edit(transaction, &edit, NULL), "edit");
    }
    soak_check(p2psync_transaction_commit(transaction, &committed, NULL), "commit");
    (void)atomic_fetch_add(&side->changes, (unsigned)committed.changed);
}

static void *run_reader(void *argument)
{
    const struct task *task = argument;
    for (unsigned i = 0; i < READS; i++) {
        p2psync_snapshot *snapshot = NULL;
        soak_check(p2psync_snapshot_open(task->side->node, &snapshot), "snapshot");
        unsigned first = walk(snapshot);
        if (walk(snapshot) != first) {
            soak_fail("a snapshot has changed");
        }
        p2psync_snapshot_close(snapshot);
    }
    return NULL;
}

/* All records of the collection, each looked up again; how many they are. */
static unsigned walk(p2psync_snapshot *snapshot)
{
    p2psync_iterator *iterator = NULL;
    struct p2psync_record record = {.size = sizeof record};
    const struct p2psync_range range = {.size = sizeof range, .deleted = true};
    unsigned count = 0;
    p2psync_result result = p2psync_iterator_open(snapshot, COLLECTION, &range, &iterator);
    if (result == P2PSYNC_ENOCOLLECTION) {
        return 0; /* nobody has written yet */
    }
    soak_check(result, "iterate");
    for (;;) { /* ends with the records */
        char id[64];
        struct p2psync_record again = {.size = sizeof again};
        struct p2psync_buffer packed = {0};
        result = p2psync_iterator_next(iterator, &record);
        if (result == P2PSYNC_EEND) {
            break;
        }
        soak_check(result, "next");
        (void)snprintf(id, sizeof id, "%.*s", (int)record.id_size, record.id);
        soak_check(p2psync_record_pack(&record, &packed), "pack");
        p2psync_buffer_free(&packed);
        soak_check(p2psync_get(snapshot, COLLECTION, id, &again), "get");
        count++;
    }
    p2psync_iterator_close(iterator);
    return count;
}

/* Everything that one may ask of a node, and what changes more than records. */
static void *run_asker(void *argument)
{
    const struct task *task = argument;
    p2psync_node *node = task->side->node;
    for (unsigned i = 0; i < ASKS; i++) {
        char device[ROOT_SIZE];
        char name[64];
        char setting[16];
        int fd = -1;
        struct p2psync_buffer reply = {0};
        soak_text(p2psync_status(node, &reply), &reply, "device", device, sizeof device);
        soak_text(p2psync_identity(node, &reply), &reply, "name", name, sizeof name);
        soak_text(p2psync_peers(node, &reply), &reply, "name", name, sizeof name);
        soak_text(p2psync_devices(node, &reply), &reply, "name", name, sizeof name);
        (void)snprintf(name, sizeof name, "%s-%u-%u", task->side->name, task->round, i);
        soak_check(p2psync_device_rename(node, device, name, NULL), "rename");
        int size = snprintf(setting, sizeof setting, "\"%s\"", i % 2 == 0 ? "flush" : "none");
        soak_check(p2psync_value_from_json(setting, (size_t)size, &reply, NULL), "from_json");
        const struct p2psync_bytes value = {.data = reply.data, .size = reply.size};
        soak_check(p2psync_config_set(node, "durability", value, NULL), "config_set");
        p2psync_buffer_free(&reply);
        soak_check(p2psync_config(node, &reply, NULL), "config");
        p2psync_buffer_free(&reply);
        check_while_restarting(p2psync_event_fd(node, &fd), "event_fd");
        check_while_restarting(p2psync_invite(node, 1000, &reply), "invite");
        p2psync_buffer_free(&reply);
        check_while_restarting(p2psync_now(node, 10000, &reply), "now");
        p2psync_buffer_free(&reply);
    }
    return NULL;
}

/* The events of each run of the node, until the side is closed. */
static void *run_listener(void *argument)
{
    struct side *side = argument;
    for (;;) { /* ends when the side is closed */
        struct pollfd item = {.events = POLLIN};
        while (sem_wait(&side->started) != 0) {
        }
        if (atomic_load(&side->closing)) {
            return NULL;
        }
        soak_check(p2psync_event_fd(side->node, &item.fd), "event_fd");
        (void)sem_post(&side->listening);
        p2psync_event_type type = P2PSYNC_EVENT_ERROR;
        while (type != P2PSYNC_EVENT_STOPPED) {
            struct p2psync_buffer data = {0};
            p2psync_result result = p2psync_event_next(side->node, &type, &data);
            if (result == P2PSYNC_EAGAIN) {
                (void)poll(&item, 1, -1);
                continue;
            }
            soak_check(result, "event_next");
            p2psync_buffer_free(&data);
            if (type == P2PSYNC_EVENT_RECORD_CHANGED) {
                (void)sem_post(&side->told);
            } else if (type == P2PSYNC_EVENT_PEER_UP) {
                (void)sem_post(&side->peer_up);
            }
        }
        (void)sem_post(&side->stopped);
    }
}

/* A node that is opened, runs, and is closed while it runs, over and over. */
static void *run_lives(void *argument)
{
    struct side side = {.name = "life", .listen = "127.0.0.4"};
    (void)argument;
    soak_dir_make(side.dir);
    soak_dir_make(side.backups);
    for (unsigned i = 0; i < LIVES; i++) {
        int fd = -1;
        open_node(&side);
        p2psync_result result = p2psync_init(side.node, side.name, NULL, NULL);
        soak_check(result == P2PSYNC_EEXIST ? P2PSYNC_OK : result, "init");
        soak_check(p2psync_start(side.node), "start");
        soak_check(p2psync_event_fd(side.node, &fd), "event_fd");
        put(&side, "life", i);
        p2psync_close(side.node);
    }
    soak_dir_remove(side.dir);
    soak_dir_remove(side.backups);
    return NULL;
}

/* ---- what must come ---- */

static void await_told(struct side *side, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        soak_await(&side->told, "a change");
    }
}

/* Both have the same, and nothing was told once too often. */
static void await_same(struct side *left, struct side *right)
{
    for (unsigned i = 0; i < SOAK_DEADLINE_S; i++) {
        char roots[2][ROOT_SIZE];
        struct timespec soon = {0};
        struct p2psync_buffer reply = {0};
        p2psync_result result = p2psync_now(left->node, 1000, &reply);
        p2psync_buffer_free(&reply);
        root_of(left, roots[0]);
        root_of(right, roots[1]);
        if (result == P2PSYNC_OK && strcmp(roots[0], roots[1]) == 0) {
            return;
        }
        (void)clock_gettime(CLOCK_REALTIME, &soon);
        soon.tv_sec += 1;
        (void)sem_timedwait(&left->peer_up, &soon);
    }
    soak_fail("they do not come to the same");
}

static void root_of(struct side *side, char out[static ROOT_SIZE])
{
    struct p2psync_buffer reply = {0};
    soak_text(p2psync_status(side->node, &reply), &reply, "root", out, ROOT_SIZE);
}

/* ---- small things ---- */

static void count_log(p2psync_log_level level, const char *event, const char *text, void *user)
{
    atomic_uint *count = user;
    (void)level;
    (void)event;
    (void)text;
    (void)atomic_fetch_add(count, 1);
}

/* What needs a running node, and a peer, may be asked while one of them is not there. */
static void check_while_restarting(p2psync_result result, const char *what)
{
    if (result != P2PSYNC_ENOTRUNNING && result != P2PSYNC_EUNREACHABLE &&
        result != P2PSYNC_ETIMEDOUT) {
        soak_check(result, what);
    }
}
