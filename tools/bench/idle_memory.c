/* The memory of a node that holds 100,000 records and is idle: its process's anonymous pages, which
 * the map of the store is none of. Once in a process that was started on them, and once in the one
 * that has just synced them: there LMDB keeps the pages of its largest commit for the next one. */
#include <stdlib.h>

#include "tools/bench/pair.h"

#define RECORDS 100000
#define BATCH   10000
#define IDLE_MS 3000

static void report(const char *test, uint64_t bytes, const char *reach)
{
    bench_report(&(struct bench_result){.test = test,
                                        .n = RECORDS,
                                        .value = (double)bytes / (1024.0 * 1024.0),
                                        .unit = "MiB",
                                        .reach = reach});
}

void bench_idle_memory(const char *program)
{
    (void)program;
    struct pair pair;
    pair_begin(&pair, P2PSYNC_DURABILITY_NONE);
    struct bench_record *records = bench_records(0, RECORDS);
    bench_write(pair.node, records, RECORDS, BATCH);
    free(records);
    pair_close_own(&pair);
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_TAKE_OVER});
    bench_sleep_ms(IDLE_MS);
    report("memory, idle node", pair_order(&pair, &(struct pair_order){.verb = PAIR_MEMORY}),
           "<= 16");
    pair_end(&pair);
}

void bench_synced_memory(const char *program)
{
    (void)program;
    struct pair pair;
    pair_begin(&pair, P2PSYNC_DURABILITY_NONE);
    struct bench_record *records = bench_records(0, RECORDS);
    bench_write(pair.node, records, RECORDS, BATCH);
    free(records);
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_START});
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_AWAIT, .first = RECORDS - 1});
    (void)pair_order(&pair, &(struct pair_order){.verb = PAIR_SYNC});
    bench_sleep_ms(IDLE_MS);
    report("memory, just synced", pair_order(&pair, &(struct pair_order){.verb = PAIR_MEMORY}),
           "-");
    pair_end(&pair);
}
