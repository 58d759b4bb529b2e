/* What all measurements share: see bench.h. Made records depend on their index alone, so that ours
 * and the floor, and two processes, have the same ones without telling each other. */
#include "tools/bench/bench.h"

#include <arpa/inet.h>
#include <ftw.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S      1000000000ULL
#define OPEN_FILES    16
#define ENDPOINT_SIZE 32
#define TEXT_SIZE     72

static uint64_t mix(uint64_t x);
static int compare(const void *a, const void *b);
static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at);
static uint8_t *pack_text(uint8_t *at, const char *text);

void bench_report(const struct bench_result *result)
{
    printf("{\"test\":\"%s\",\"n\":%" PRIu64 ",\"value\":%.6g,\"unit\":\"%s\"", result->test,
           result->n, result->value, result->unit);
    if (result->floor > 0) {
        printf(",\"floor\":%.6g", result->floor);
    } else {
        printf(",\"floor\":null");
    }
    if (result->ratio > 0) {
        printf(",\"ratio\":%.3f}\n", result->ratio);
    } else {
        printf(",\"ratio\":null}\n");
    }
    fflush(stdout);
    char floor[ENDPOINT_SIZE] = "-";
    char ratio[ENDPOINT_SIZE] = "-";
    if (result->floor > 0) {
        (void)snprintf(floor, sizeof floor, "%.4g", result->floor);
    }
    if (result->ratio > 0) {
        (void)snprintf(ratio, sizeof ratio, "%.2f", result->ratio);
    }
    fprintf(stderr, "%-26s %9" PRIu64 " %11.4g %11s %-10s %7s  %s\n", result->test, result->n,
            result->value, floor, result->unit, ratio, result->reach);
}

void bench_fail(const char *what, const char *why)
{
    fprintf(stderr, "bench: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

void bench_check(p2psync_result result, const char *what)
{
    if (result != P2PSYNC_OK) {
        bench_fail(what, p2psync_strerror(result));
    }
}

uint64_t bench_now_ns(void)
{
    struct timespec now = {0};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

double bench_now_s(void)
{
    return (double)bench_now_ns() / (double)NS_PER_S;
}

void bench_sleep_ms(unsigned ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

char *bench_dir(const char *name)
{
    const char *base = getenv("BENCH_DIR");
    char *dir = NULL;
    if (asprintf(&dir, "%s/%s.XXXXXX", base != NULL ? base : ".", name) < 0 ||
        mkdtemp(dir) == NULL) {
        bench_fail(name, "cannot make a folder for it");
    }
    return dir;
}

void bench_dir_remove(char *dir)
{
    (void)nftw(dir, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
    free(dir);
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

double bench_percentile(double *samples, size_t count, unsigned p)
{
    qsort(samples, count, sizeof *samples, compare);
    size_t index = count * p / 100;
    return samples[index < count ? index : count - 1];
}

static int compare(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

struct bench_record *bench_records(uint64_t first, size_t count)
{
    struct bench_record *records = calloc(count, sizeof *records);
    if (records == NULL) {
        bench_fail("records", "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t a = mix(first + i);
        struct bench_record *record = &records[i];
        uint8_t *at = record->fields;
        char text[TEXT_SIZE + 1];
        (void)snprintf(record->id, sizeof record->id, "%016" PRIx64, a);
        *at++ = 0x84; /* a map of four */
        at = pack_text(at, "title");
        (void)snprintf(text, sizeof text, "Record number %" PRIu64, first + i);
        at = pack_text(at, text);
        at = pack_text(at, "text");
        (void)snprintf(text, sizeof text, "%016" PRIx64 " %016" PRIx64 " %016" PRIx64, mix(a),
                       mix(a + 1), mix(a + 2));
        at = pack_text(at, text);
        at = pack_text(at, "more");
        (void)snprintf(text, sizeof text, "lorem ipsum dolor sit amet %016" PRIx64, mix(a + 3));
        at = pack_text(at, text);
        at = pack_text(at, "count");
        *at++ = (uint8_t)(a % 128);
        record->size = (uint8_t)(at - record->fields);
    }
    return records;
}

size_t bench_record_json(uint64_t index, char *out, size_t size)
{
    uint64_t a = mix(index);
    int length = snprintf(out, size,
                          "{\"id\":\"%016" PRIx64 "\",\"title\":\"Record number %" PRIu64
                          "\",\"text\":\"%016" PRIx64 " %016" PRIx64 " %016" PRIx64
                          "\",\"more\":\"lorem ipsum dolor sit amet %016" PRIx64
                          "\",\"count\":%" PRIu64 "}\n",
                          a, index, mix(a), mix(a + 1), mix(a + 2), mix(a + 3), a % 128);
    if (length < 0 || (size_t)length >= size) {
        bench_fail("records", "a line does not fit");
    }
    return (size_t)length;
}

/* A str of up to 255 bytes. */
static uint8_t *pack_text(uint8_t *at, const char *text)
{
    size_t size = strlen(text);
    if (size < 32) {
        *at++ = (uint8_t)(0xa0 | size);
    } else {
        *at++ = 0xd9;
        *at++ = (uint8_t)size;
    }
    for (size_t i = 0; i < size; i++) {
        *at++ = (uint8_t)text[i];
    }
    return at;
}

/* Numbers in no order, each once: the last steps of SplitMix64. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

void bench_write(p2psync_node *node, const struct bench_record *records, size_t count, size_t batch)
{
    for (size_t i = 0; i < count; i += batch) {
        p2psync_transaction *transaction = NULL;
        bench_check(p2psync_transaction_begin(node, BENCH_COLLECTION, &transaction, NULL), "begin");
        for (size_t j = i; j < count && j < i + batch; j++) {
            struct p2psync_edit edit = {
                .size = sizeof edit,
                .id = records[j].id,
                .fields = {.data = records[j].fields, .size = records[j].size},
            };
            bench_check(p2psync_transaction_edit(transaction, &edit, NULL), "edit");
        }
        bench_check(p2psync_transaction_commit(transaction, NULL, NULL), "commit");
    }
}

void bench_edit(p2psync_node *node, uint64_t first, size_t count, const char *field)
{
    struct bench_record *records = bench_records(first, count);
    struct p2psync_buffer fields = {0};
    p2psync_transaction *transaction = NULL;
    char json[64];
    (void)snprintf(json, sizeof json, "{\"%s\": 1}", field);
    bench_check(p2psync_value_from_json(json, strlen(json), &fields, NULL), "JSON");
    bench_check(p2psync_transaction_begin(node, BENCH_COLLECTION, &transaction, NULL), "begin");
    for (size_t i = 0; i < count; i++) {
        struct p2psync_edit edit = {
            .size = sizeof edit,
            .id = records[i].id,
            .fields = {.data = fields.data, .size = fields.size},
        };
        bench_check(p2psync_transaction_edit(transaction, &edit, NULL), "edit");
    }
    bench_check(p2psync_transaction_commit(transaction, NULL, NULL), "commit");
    p2psync_buffer_free(&fields);
    free(records);
}

void bench_edit_one(p2psync_node *node, uint64_t index, const char *field, unsigned value)
{
    struct bench_record *record = bench_records(index, 1);
    struct p2psync_buffer fields = {0};
    char json[64];
    (void)snprintf(json, sizeof json, "{\"%s\": %u}", field, value);
    bench_check(p2psync_value_from_json(json, strlen(json), &fields, NULL), "JSON");
    struct p2psync_bytes bytes = {.data = fields.data, .size = fields.size};
    bench_check(p2psync_put(node, BENCH_COLLECTION, record->id, bytes, NULL), "put");
    p2psync_buffer_free(&fields);
    free(record);
}

p2psync_node *bench_open(const struct bench_node *options)
{
    p2psync_node *node = NULL;
    struct p2psync_options full = P2PSYNC_OPTIONS_INIT;
    full.dir = options->dir;
    full.durability = options->durability != P2PSYNC_DURABILITY_DEFAULT ? options->durability
                                                                        : P2PSYNC_DURABILITY_FLUSH;
    full.listen = options->listen;
    full.peers = &options->peer;
    full.peer_count = options->peer != NULL ? 1 : 0;
    full.no_beacon = true;
    bench_check(p2psync_open(&full, &node, NULL), "open");
    return node;
}

p2psync_node *bench_open_new(const struct bench_node *options)
{
    p2psync_node *node = bench_open(options);
    bench_check(p2psync_init(node, "bench", NULL, NULL), "init");
    return node;
}

char *bench_endpoint(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char *text = NULL;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0 ||
        asprintf(&text, "127.0.0.1:%u", (unsigned)ntohs(address.sin_port)) < 0) {
        bench_fail("endpoint", "no port on loopback");
    }
    close(fd);
    return text;
}
