/* kill -9 a hundred times, at moments drawn by lot: the importer, the node that sends what it has
 * imported, and the node that receives it. All are killed within the work: an import does not end
 * before the kill, however fast it is. After each, whatever the dead process had vouched for is in
 * its store, and no transaction is there in part; at the end both devices hold everything, under
 * the same root.
 *
 *     kill_hundred [SEED]
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/kill/parts.h"
#include "tests/lib/prng.h"

#define KILLS      100
#define BURST      40    /* transactions of one import */
#define SPAN_US    1500  /* at most between what the victim said last and its end */
#define DEADLINE_S 120   /* nothing takes so long: it is stuck */
#define PORT_MIN   20000 /* below those that Linux gives away */
#define OWN_NET    20U   /* 127.20.0.0 and those after it, one address for each process */

enum { ADA, BEN, IMPORTER, PARTS };

struct part {
    const struct kill_device *device;
    pid_t pid;
    int to;        /* its stdin; closed: it shall end */
    int from;      /* what it says */
    bool ready;    /* a node: it runs */
    uint64_t last; /* the number behind the highest that it ever vouched for */
};

struct test {
    const char *program;
    struct kill_device devices[2];
    struct part parts[PARTS];
    struct prng random;
    uint64_t next; /* number of the next transaction */
    unsigned killed[PARTS];
};

static void begin(struct test *test, const char *program);
static void kill_one(struct test *test);
static void await_moment(struct test *test, unsigned victim);
static void strike(struct test *test, unsigned victim);
static void end(struct test *test);
static void spawn(struct test *test, unsigned number);
static void await_ready(struct test *test, unsigned number);
static void become(const struct test *test, unsigned number, int in, int out);
static void listen_to_all(struct test *test, int timeout_us);
static void listen_to(struct part *part);
static void reap(struct part *part);
static uint64_t check_store(const struct test *test, unsigned device, uint64_t promised);
static unsigned present(p2psync_snapshot *snapshot, uint64_t number);
static bool same(p2psync_node *const nodes[static 2], char root[static 80]);
static void remove_dir(const char *dir);
static uint64_t now_us(void);

int main(int argc, char **argv)
{
    static struct test test;
    if (argc == 8) { /* a part: DEVICE DIR LISTEN PEER FIRST COUNT PARENT */
        struct kill_device device = {argv[1], argv[2], argv[3], argv[4]};
        uint64_t count = strtoull(argv[6], NULL, 10);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != (pid_t)strtoll(argv[7], NULL, 10)) {
            return EXIT_FAILURE;
        }
        if (count > 0) {
            kill_import(&device, strtoull(argv[5], NULL, 10), count);
        } else {
            kill_run_node(&device);
        }
        return EXIT_SUCCESS;
    }
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 3;
    printf("seed %" PRIu64 "\n", seed);
    fflush(stdout);
    test.random = prng_new(seed, 0);
    begin(&test, argv[0]);
    for (unsigned i = 0; i < KILLS; i++) {
        kill_one(&test);
    }
    end(&test);
    printf("%u kills (%u of importers, %u of senders, %u of receivers); %" PRIu64 " transactions\n",
           KILLS, test.killed[IMPORTER], test.killed[ADA], test.killed[BEN], test.next);
    return EXIT_SUCCESS;
}

/* Two devices of one mesh, and their nodes. */
static void begin(struct test *test, const char *program)
{
    static char dirs[2][64];
    static char endpoints[2][32];
    static const char *const names[2] = {"ada", "ben"};
    p2psync_node *nodes[2];
    struct p2psync_buffer reply = {0};
    struct p2psync_buffer json = {0};
    char code[2048];
    const unsigned pid = (unsigned)getpid(); /* 22 bits at most */
    test->program = program;
    for (unsigned i = 0; i < 2; i++) {
        (void)snprintf(dirs[i], sizeof dirs[i], "/tmp/p2psync-kill-%s-XXXXXX", names[i]);
        (void)snprintf(endpoints[i], sizeof endpoints[i], "127.%u.%u.%u:%u", OWN_NET + (pid >> 16),
                       (pid >> 8) & 0xff, pid & 0xff, PORT_MIN + i);
        if (mkdtemp(dirs[i]) == NULL) {
            kill_fail(dirs[i], strerror(errno));
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        test->devices[i] = (struct kill_device){
            .name = names[i], .dir = dirs[i], .listen = endpoints[i], .peer = endpoints[1 - i]};
        nodes[i] = kill_open(&test->devices[i]);
    }
    kill_check(p2psync_init(nodes[0], names[0], NULL, NULL), "init");
    kill_check(p2psync_start(nodes[0]), "start");
    kill_check(p2psync_invite(nodes[0], 0, &reply), "invite");
    struct p2psync_bytes bytes = {.data = reply.data, .size = reply.size};
    kill_check(p2psync_value_to_json(bytes, &json), "JSON");
    const char *at = strstr(json.data, "\"code\":\"");
    if (at == NULL || sscanf(at, "\"code\":\"%2047[^\"]", code) != 1) {
        kill_fail("invite", "no code");
    }
    p2psync_buffer_free(&reply);
    p2psync_buffer_free(&json);
    kill_check(p2psync_join(nodes[1], code, names[1], &reply, NULL), "join");
    p2psync_buffer_free(&reply);
    p2psync_close(nodes[1]);
    p2psync_close(nodes[0]);
    for (unsigned i = 0; i < PARTS; i++) {
        test->parts[i] = (struct part){.device = &test->devices[i == BEN ? 1 : 0]};
    }
    spawn(test, ADA);
    spawn(test, BEN);
    await_ready(test, ADA);
    await_ready(test, BEN);
}

/* An import, and one of those who take part in what follows is killed. */
static void kill_one(struct test *test)
{
    unsigned victim = (unsigned)prng_below(&test->random, PARTS);
    struct part *importer = &test->parts[IMPORTER];
    spawn(test, IMPORTER);
    await_moment(test, victim);
    strike(test, victim);
    test->killed[victim]++;
    if (victim != IMPORTER) {
        spawn(test, victim); /* while the import goes on */
    }
    reap(importer);
    uint64_t promised = importer->last > test->next ? importer->last : test->next;
    test->next = check_store(test, ADA, promised);
    if (victim != IMPORTER) {
        await_ready(test, victim);
    }
}

/* Until the victim has vouched for some transactions of this import, and a little longer. */
static void await_moment(struct test *test, unsigned victim)
{
    const struct part *part = &test->parts[victim];
    uint64_t wanted = prng_between(&test->random, 1, BURST / 2);
    uint64_t rest_us = prng_below(&test->random, SPAN_US);
    uint64_t deadline_us = now_us() + DEADLINE_S * 1000000ULL;
    while (part->last < test->next + wanted) {
        listen_to_all(test, 1000000);
        if (now_us() > deadline_us) {
            kill_fail(part->device->name, "does not get on");
        }
    }
    uint64_t until_us = now_us() + rest_us;
    for (uint64_t now = now_us(); now < until_us; now = now_us()) {
        listen_to_all(test, (int)(until_us - now));
    }
}

/* Kill it within its work: an import that has not come to its end; a node that has told of some of
 * the import, and whose store cannot have got all of it yet. */
static void strike(struct test *test, unsigned victim)
{
    struct part *part = &test->parts[victim];
    uint64_t begun = test->next;
    int status = 0;
    if (part->pid == 0) {
        kill_fail(part->device->name, "had come to its end");
    }
    if (kill(part->pid, SIGKILL) != 0 || waitpid(part->pid, &status, 0) != part->pid) {
        kill_fail(part->device->name, strerror(errno));
    }
    listen_to(part); /* what it said before its end */
    part->pid = 0;
    part->ready = false;
    close(part->to);
    close(part->from);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL) {
        kill_fail(part->device->name, "had ended by itself");
    }
    if (part->last <= begun || check_store(test, victim, part->last) >= begun + BURST) {
        kill_fail(part->device->name, "was not killed within the work");
    }
}

static void end(struct test *test)
{
    p2psync_node *nodes[2];
    char root[80] = "";
    uint64_t deadline_us = now_us() + DEADLINE_S * 1000000ULL;
    for (unsigned i = 0; i < 2; i++) {
        nodes[i] = kill_open(&test->devices[i]); /* beside the nodes that run */
    }
    while (!same(nodes, root)) {
        listen_to_all(test, 20000);
        if (now_us() > deadline_us) {
            kill_fail("the devices", "do not come to the same");
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        p2psync_close(nodes[i]);
        if (check_store(test, i, test->next) != test->next) {
            kill_fail(test->devices[i].name, "holds what nobody wrote");
        }
    }
    for (unsigned i = 0; i < 2; i++) {
        reap(&test->parts[i]);
        remove_dir(test->devices[i].dir);
    }
}

/* ---- the processes ---- */

static void spawn(struct test *test, unsigned number)
{
    struct part *part = &test->parts[number];
    int in[2];
    int out[2];
    if (pipe(in) != 0 || pipe(out) != 0) {
        kill_fail("pipe", strerror(errno));
    }
    part->pid = fork();
    if (part->pid < 0) {
        kill_fail("fork", strerror(errno));
    }
    if (part->pid == 0) {
        become(test, number, in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    part->to = in[1];
    part->from = out[0];
    part->ready = false;
}

static void become(const struct test *test, unsigned number, int in, int out)
{
    char first[24];
    char count[24];
    char parent[24];
    const struct kill_device *device = test->parts[number].device;
    (void)snprintf(first, sizeof first, "%" PRIu64, test->next);
    (void)snprintf(count, sizeof count, "%u", number == IMPORTER ? BURST : 0);
    (void)snprintf(parent, sizeof parent, "%lld", (long long)getppid());
    if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0) {
        _exit(EXIT_FAILURE);
    }
    for (int fd = STDERR_FILENO + 1; fd < 64; fd++) {
        (void)close(fd); /* or a pipe of another would never end */
    }
    (void)execl("/proc/self/exe", test->program, device->name, device->dir, device->listen,
                device->peer, first, count, parent, (char *)NULL);
    _exit(EXIT_FAILURE);
}

static void await_ready(struct test *test, unsigned number)
{
    uint64_t deadline_us = now_us() + DEADLINE_S * 1000000ULL;
    while (!test->parts[number].ready) {
        listen_to_all(test, 1000000);
        if (now_us() > deadline_us) {
            kill_fail(test->parts[number].device->name, "does not start");
        }
    }
}

static void listen_to_all(struct test *test, int timeout_us)
{
    struct pollfd items[PARTS];
    struct timespec timeout = {.tv_sec = timeout_us / 1000000,
                               .tv_nsec = timeout_us % 1000000 * 1000L};
    for (unsigned i = 0; i < PARTS; i++) {
        bool there = test->parts[i].pid != 0;
        items[i] = (struct pollfd){.fd = there ? test->parts[i].from : -1, .events = POLLIN};
    }
    if (ppoll(items, PARTS, &timeout, NULL) < 0 && errno != EINTR) {
        kill_fail("poll", strerror(errno));
    }
    for (unsigned i = 0; i < PARTS; i++) {
        struct part *part = &test->parts[i];
        if ((items[i].revents & POLLIN) != 0) {
            listen_to(part);
        } else if ((items[i].revents & POLLHUP) != 0) {
            reap(part);
        }
    }
}

/* Take what waits in its pipe; to its end, if it is dead. */
static void listen_to(struct part *part)
{
    uint64_t said[64];
    struct pollfd item = {.fd = part->from, .events = POLLIN};
    ssize_t size = 1;
    while (size > 0 && poll(&item, 1, 0) > 0 && (item.revents & POLLIN) != 0) {
        size = read(part->from, said, sizeof said); /* whole numbers: writes are atomic */
        for (ssize_t i = 0; i < size / (ssize_t)sizeof said[0]; i++) {
            if (said[i] == UINT64_MAX) {
                part->ready = true;
                continue;
            }
            part->last = said[i] + 1 > part->last ? said[i] + 1 : part->last;
        }
    }
}

/* Let it come to its end, which must be a good one. */
static void reap(struct part *part)
{
    int status = 0;
    struct pollfd item = {.fd = part->from, .events = POLLIN};
    if (part->pid == 0) {
        return;
    }
    close(part->to);
    while (poll(&item, 1, DEADLINE_S * 1000) > 0 && (item.revents & POLLIN) != 0) {
        listen_to(part);
    }
    if ((item.revents & POLLHUP) == 0) {
        kill_fail(part->device->name, "does not come to its end");
    }
    if (waitpid(part->pid, &status, 0) != part->pid || !WIFEXITED(status) ||
        WEXITSTATUS(status) != EXIT_SUCCESS) {
        kill_fail(part->device->name, "failed");
    }
    part->pid = 0;
    close(part->from);
}

/* ---- what must be there ---- */

/* All transactions below `promised` are in the store whole, and none is in part. Returns the number
 * behind the last that is there. */
static uint64_t check_store(const struct test *test, unsigned device, uint64_t promised)
{
    p2psync_node *node = kill_open(&test->devices[device == BEN ? 1 : 0]);
    p2psync_snapshot *snapshot = NULL;
    char why[96];
    uint64_t number = 0;
    unsigned there = 1;
    kill_check(p2psync_snapshot_open(node, &snapshot), "snapshot");
    for (number = 0; number < promised || there > 0; number++) {
        there = present(snapshot, number);
        if (there != kill_records(number) && (there > 0 || number < promised)) {
            (void)snprintf(why, sizeof why,
                           "%u of %u records of transaction %" PRIu64 ", promised up to %" PRIu64,
                           there, kill_records(number), number, promised);
            kill_fail(test->devices[device == BEN ? 1 : 0].name, why);
        }
    }
    p2psync_snapshot_close(snapshot);
    p2psync_close(node);
    return number - (there == 0 ? 1 : 0);
}

static unsigned present(p2psync_snapshot *snapshot, uint64_t number)
{
    unsigned count = 0;
    for (unsigned i = 0; i < kill_records(number); i++) {
        char id[KILL_ID_SIZE];
        struct p2psync_record record = {.size = sizeof record};
        kill_id(number, i, id);
        p2psync_result result = p2psync_get(snapshot, KILL_COLLECTION, id, &record);
        if (result != P2PSYNC_ENOTFOUND && result != P2PSYNC_ENOCOLLECTION) {
            kill_check(result, "get");
            count++;
        }
    }
    return count;
}

/* Whether both are in sync, under one root. */
static bool same(p2psync_node *const nodes[static 2], char root[static 80])
{
    bool in_sync = true;
    char roots[2][80] = {"", ""};
    for (unsigned i = 0; i < 2; i++) {
        struct p2psync_buffer reply = {0};
        struct p2psync_buffer json = {0};
        kill_check(p2psync_status(nodes[i], &reply), "status");
        struct p2psync_bytes bytes = {.data = reply.data, .size = reply.size};
        kill_check(p2psync_value_to_json(bytes, &json), "JSON");
        const char *at = strstr(json.data, "\"root\":\"");
        in_sync = in_sync && at != NULL && sscanf(at, "\"root\":\"%79[^\"]", roots[i]) == 1 &&
                  strstr(json.data, "\"in_sync\":true") != NULL;
        p2psync_buffer_free(&reply);
        p2psync_buffer_free(&json);
    }
    memcpy(root, roots[0], sizeof roots[0]);
    return in_sync && strcmp(roots[0], roots[1]) == 0;
}

static void remove_dir(const char *dir)
{
    DIR *list = opendir(dir);
    if (list == NULL) {
        kill_fail(dir, strerror(errno));
    }
    for (struct dirent *entry = readdir(list); entry != NULL; entry = readdir(list)) {
        (void)unlinkat(dirfd(list), entry->d_name, 0);
    }
    (void)closedir(list);
    if (rmdir(dir) != 0) {
        kill_fail(dir, strerror(errno));
    }
}

static uint64_t now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
