/* What all measurements share: the clock, temporary folders, made records, medians, and the result.
 * A failure ends the process with a sentence: a measurement that did not do its work has no number.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

#include <p2psync.h>

#define BENCH_COLLECTION "items"
#define BENCH_ROUNDS     3 /* rounds of ours and of the floor, in turn; the median counts */

/* One line of the result. The ratio says how good ours is: floor / ours for times, ours / floor for
 * rates, so that more is better, except where the floor is what must not be exceeded. */
struct bench_result {
    const char *test;
    uint64_t n;
    double value;
    const char *unit;
    double floor;      /* 0: there is none */
    double ratio;      /* 0: there is none */
    const char *reach; /* what is wanted, for people */
};
void bench_report(const struct bench_result *result);

/* End the process, saying what failed. */
_Noreturn void bench_fail(const char *what, const char *why);
/* End the process unless the result is OK. */
void bench_check(p2psync_result result, const char *what);

double bench_now_s(void);
uint64_t bench_now_ns(void);
void bench_sleep_ms(unsigned ms);

/* A new folder named `name` in this run's own, on the disk under BENCH_DIR (else the working
 * folder). All are removed at the end of the run. The text is the caller's, to be freed. */
char *bench_dir(const char *name);
/* Remove a folder that bench_dir() made, and free its name. */
void bench_dir_remove(char *dir);

/* The p-th of a hundred parts of some samples, which are sorted in place. */
double bench_percentile(double *samples, size_t count, unsigned p);

/* ---- records of about 180 bytes, always the same ones ---- */

#define BENCH_FIELDS_MAX 192
struct bench_record {
    char id[17]; /* 16 hex digits in no order, NUL */
    uint8_t size;
    uint8_t fields[BENCH_FIELDS_MAX]; /* a MessagePack map */
};
/* Make records `first` to first + count - 1. The array is the caller's, to be freed. */
struct bench_record *bench_records(uint64_t first, size_t count);
/* One JSON line, with newline, of a record: as `p2psync import` reads it. */
size_t bench_record_json(uint64_t index, char *out, size_t size);

/* Write records in transactions of `batch`. */
void bench_write(p2psync_node *node, const struct bench_record *records, size_t count,
                 size_t batch);
/* Set the field `field` of records `first` to first + count - 1 to a number, in one transaction; of
 * one record to `value`. */
void bench_edit(p2psync_node *node, uint64_t first, size_t count, const char *field);
void bench_edit_one(p2psync_node *node, uint64_t index, const char *field, unsigned value);
/* Open the store in `dir`, durable, with options for a node on loopback: `listen` and `peer` are
 * endpoints or NULL. */
struct bench_node {
    const char *dir;
    const char *listen;
    const char *peer;
    p2psync_durability durability;
};
p2psync_node *bench_open(const struct bench_node *options);
/* As bench_open(), and make a device and a mesh there. */
p2psync_node *bench_open_new(const struct bench_node *options);

/* A "127.0.0.1:PORT" that is free now. The text is the caller's, to be freed. */
char *bench_endpoint(void);

/* ---- the measurements ---- */

typedef void bench_fn(const char *program);
bench_fn bench_write_batches, bench_write_single, bench_first_sync, bench_first_sync_million,
    bench_one_write, bench_one_write_fast, bench_reads, bench_reconnect, bench_idle_memory,
    bench_synced_memory, bench_import, bench_merges, bench_edits, bench_puts_in_sync,
    bench_wire_bytes, bench_collections, bench_logs, bench_members;

#endif
