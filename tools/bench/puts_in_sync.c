/* How long a put takes while its node takes a first sync, which writes to the same store all the
 * time: by an app in the node's process, and by another process. The floor is the median of the
 * same puts on the same node at rest. The other floor is the first sync that nobody disturbs. */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/pair.h"

#define RECORDS  120000
#define BATCH    1000 /* records of a transaction, as `p2psync import` makes them */
#define PUTS_MAX 10000
#define IDLE     200
#define PAUSE_MS 5        /* between two puts */
#define OWN      10000000 /* the first index of the records that the puts make */

/* What both processes see of a writer. */
struct puts {
    atomic_bool begun;
    atomic_bool ends;
    size_t count;
    double took_ms[PUTS_MAX];
};

static double took_ms[PUTS_MAX];

static double put_one(p2psync_node *node, unsigned value)
{
    double began = bench_now_s();
    bench_edit_one(node, OWN, "n", value);
    return (bench_now_s() - began) * 1e3;
}

static bool is_there(p2psync_node *node, const struct bench_record *record)
{
    p2psync_snapshot *snapshot = NULL;
    struct p2psync_record found = {.size = sizeof found};
    bench_check(p2psync_snapshot_open(node, &snapshot), "snapshot");
    p2psync_result result = p2psync_get(snapshot, BENCH_COLLECTION, record->id, &found);
    p2psync_snapshot_close(snapshot);
    return result == P2PSYNC_OK;
}

static void report(const char *test, double *samples, size_t count, double idle)
{
    static const struct {
        const char *name;
        unsigned part;
        const char *reach;
    } lines[] = {{"p50", 50, "none"}, {"p99", 99, "<= 50 ms"}, {"max", 100, "none"}};
    char text[64];
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        (void)snprintf(text, sizeof text, "%s %s", test, lines[i].name);
        double value = bench_percentile(samples, count, lines[i].part);
        bench_report(&(struct bench_result){.test = text,
                                            .n = count,
                                            .value = value,
                                            .unit = "ms",
                                            .floor = idle,
                                            .ratio = value / idle,
                                            .reach = lines[i].reach});
    }
}

/* ---- the process that only puts ---- */

static struct puts *shared_puts(void)
{
    struct puts *puts =
        mmap(NULL, sizeof *puts, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (puts == MAP_FAILED) {
        bench_fail("memory", "none to share");
    }
    return puts;
}

static void put_until_told(struct puts *puts, const char *dir)
{
    while (!atomic_load(&puts->begun)) {
        if (atomic_load(&puts->ends)) {
            return;
        }
        bench_sleep_ms(1);
    }
    p2psync_node *node = bench_open(&(struct bench_node){.dir = dir});
    while (!atomic_load(&puts->ends) && puts->count < PUTS_MAX) {
        puts->took_ms[puts->count] = put_one(node, (unsigned)puts->count);
        puts->count++;
        bench_sleep_ms(PAUSE_MS);
    }
    p2psync_close(node);
}

/* ---- the measurement ---- */

typedef enum writer { WRITER_NONE, WRITER_SAME_PROCESS, WRITER_OTHER_PROCESS } writer;

static void make_records(struct pair *pair)
{
    for (uint64_t first = 0; first < RECORDS; first += BATCH) {
        (void)pair_order(pair,
                         &(struct pair_order){.verb = PAIR_WRITE, .first = first, .count = BATCH});
    }
}

/* Fill took_ms with the puts of the writer, and return how long the sync took. */
static double sync_beside(struct pair *pair, writer kind, struct puts *puts, size_t *count_out)
{
    struct bench_record *last = bench_records(RECORDS - 1, 1);
    size_t count = 0;
    uint64_t began = bench_now_ns();
    (void)pair_order(pair, &(struct pair_order){.verb = PAIR_START});
    atomic_store(&puts->begun, kind == WRITER_OTHER_PROCESS);
    while (!is_there(pair->node, last)) {
        if (kind == WRITER_SAME_PROCESS && count < PUTS_MAX) {
            took_ms[count] = put_one(pair->node, (unsigned)count);
            count++;
        }
        bench_sleep_ms(kind == WRITER_SAME_PROCESS ? PAUSE_MS : 1);
    }
    uint64_t ended = bench_now_ns();
    free(last);
    *count_out = count;
    return (double)(ended - began) / 1e9;
}

static double measure(writer kind, const char *name)
{
    struct puts *puts = shared_puts();
    struct pair pair;
    int fds[2];
    char dir[4096] = {0};
    if (pipe(fds) != 0) {
        bench_fail("puts", "no pipe");
    }
    pid_t pid = fork(); /* before any library is in use */
    if (pid == 0) {
        close(fds[1]);
        if (read(fds[0], dir, sizeof dir - 1) > 0) {
            put_until_told(puts, dir);
        }
        _exit(EXIT_SUCCESS);
    }
    pair_begin(&pair, P2PSYNC_DURABILITY_FLUSH);
    if (pid < 0 || dprintf(fds[1], "%s", pair.dir) < 0) {
        bench_fail("puts", "no process");
    }
    make_records(&pair);
    for (size_t i = 0; i < IDLE; i++) {
        took_ms[i] = put_one(pair.node, (unsigned)i);
        bench_sleep_ms(PAUSE_MS);
    }
    double idle = bench_percentile(took_ms, IDLE, 50);
    size_t count = 0;
    double took = sync_beside(&pair, kind, puts, &count);
    atomic_store(&puts->ends, true);
    if (waitpid(pid, NULL, 0) != pid) {
        bench_fail("puts", "the writer is gone");
    }
    if (kind == WRITER_OTHER_PROCESS) {
        report(name, puts->took_ms, puts->count, idle);
    } else if (kind == WRITER_SAME_PROCESS) {
        report(name, took_ms, count, idle);
    }
    close(fds[0]);
    close(fds[1]);
    pair_end(&pair);
    (void)munmap(puts, sizeof *puts);
    return took;
}

static void report_sync(const char *test, double took, double alone)
{
    bench_report(&(struct bench_result){.test = test,
                                        .n = RECORDS,
                                        .value = took,
                                        .unit = "s",
                                        .floor = alone,
                                        .ratio = took / alone,
                                        .reach = "none"});
}

void bench_puts_in_sync(const char *program)
{
    (void)program;
    double alone = measure(WRITER_NONE, "");
    double same = measure(WRITER_SAME_PROCESS, "put in a first sync");
    double other = measure(WRITER_OTHER_PROCESS, "put of another process");
    report_sync("first sync beside puts", same, alone);
    report_sync("beside another's puts", other, alone);
}
