/* The first sync of the logs of many devices to an empty one, from the start of its node until it
 * is in sync: how long it takes, and how many bytes of messages cross in both directions. All are
 * members, and each has written one record into one collection. The floor in time is the straw man
 * of a first sync, and the check of as many signatures. The floor in bytes is what no protocol can
 * leave out: of each log its change, the signature and whose it is, and of each device its id and
 * name. Twice as many logs are to take twice as long. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/bench/pair.h"
#include "tools/bench/raw_zmq.h"

#define LOGS           4000
#define SIGNATURE_SIZE 64
#define AUTHOR_SIZE    (32 + 8)  /* a device, an incarnation */
#define DEVICE_SIZE    (32 + 11) /* its id, and "device 1234" */
#define CHANGE_SIZE    34        /* of a skeleton and a body, beside the record's fields */

struct cost {
    double took_s;
    double bytes;
};

/* The program that signs as others is where the build puts it, beside this one. */
static void write_all(struct pair *pair, const char *program, size_t count)
{
    char path[4096];
    char number[32];
    int status = 0;
    const char *slash = strrchr(program, '/');
    int folder = slash == NULL ? 1 : (int)(slash - program);
    (void)snprintf(path, sizeof path, "%.*s/p2psync_bench_authors", folder,
                   slash == NULL ? "." : program);
    (void)snprintf(number, sizeof number, "%zu", count);
    pair_close_own(pair);
    pid_t pid = fork();
    if (pid == 0) {
        execl(path, path, pair->dir, number, NULL);
        _exit(EXIT_FAILURE);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0) {
        bench_fail(path, "failed");
    }
    pair_start_own(pair);
}

static struct cost ours(const char *program, size_t count)
{
    struct pair pair;
    pair_begin(&pair, P2PSYNC_DURABILITY_FLUSH);
    write_all(&pair, program, count);
    uint64_t began = bench_now_ns();
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_START});
    /* To ask for the peers costs the node much when there are thousands: so only at the end. */
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_AWAIT, .count = count});
    uint64_t ended = pair_order(&pair, &(struct pair_order){.verb = PAIR_SYNC});
    struct cost cost = {.took_s = (double)(ended - began) / 1e9,
                        .bytes = (double)(pair_sum(pair.node, "received_bytes") +
                                          pair_sum(pair.node, "sent_bytes"))};
    pair_end(&pair);
    return cost;
}

static double verify_all(const struct bench_record *records, size_t count)
{
    uint8_t public[crypto_sign_PUBLICKEYBYTES];
    uint8_t secret[crypto_sign_SECRETKEYBYTES];
    uint8_t signature[crypto_sign_BYTES];
    double took = 0;
    (void)crypto_sign_keypair(public, secret);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *text = records[i].fields;
        (void)crypto_sign_detached(signature, NULL, text, records[i].size, secret);
        double began = bench_now_s();
        if (crypto_sign_verify_detached(signature, text, records[i].size, public) != 0) {
            bench_fail("signature", "false");
        }
        took += bench_now_s() - began;
    }
    return took;
}

static double least_bytes(const struct bench_record *records, size_t count)
{
    double bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bytes +=
            (double)(CHANGE_SIZE + records[i].size + AUTHOR_SIZE + DEVICE_SIZE) + SIGNATURE_SIZE;
    }
    return bytes;
}

void bench_logs(const char *program)
{
    struct bench_record *records = bench_records(0, LOGS);
    double took[BENCH_ROUNDS];
    double bytes[BENCH_ROUNDS];
    double floor[BENCH_ROUNDS];
    double twice[BENCH_ROUNDS];
    for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
        floor[i] = raw_zmq_first_sync(records, LOGS) + verify_all(records, LOGS);
        struct cost cost = ours(program, LOGS);
        took[i] = cost.took_s;
        bytes[i] = cost.bytes / 1e6;
        twice[i] = ours(program, (size_t)2 * LOGS).took_s;
    }
    double value = bench_percentile(took, BENCH_ROUNDS, 50);
    double best = bench_percentile(floor, BENCH_ROUNDS, 50);
    bench_report(&(struct bench_result){.test = "first sync of logs",
                                        .n = LOGS,
                                        .value = value,
                                        .unit = "s",
                                        .floor = best,
                                        .ratio = best / value,
                                        .reach = "<= 3"});
    double size = bench_percentile(bytes, BENCH_ROUNDS, 50);
    double least = least_bytes(records, LOGS) / 1e6;
    bench_report(&(struct bench_result){.test = "their messages",
                                        .n = LOGS,
                                        .value = size,
                                        .unit = "MB",
                                        .floor = least,
                                        .ratio = size / least,
                                        .reach = "<= 2"});
    double more = bench_percentile(twice, BENCH_ROUNDS, 50);
    bench_report(&(struct bench_result){.test = "first sync of twice as many",
                                        .n = (uint64_t)2 * LOGS,
                                        .value = more,
                                        .unit = "s",
                                        .floor = value,
                                        .ratio = more / value,
                                        .reach = "<= 2.2 times its floor"});
    free(records);
}
