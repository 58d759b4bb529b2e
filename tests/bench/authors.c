/* authors DIR COUNT: other members have written COUNT logs to the benchmark's collection, with one
 * of its records each, in the founder's store in DIR, which nobody has open. No app can sign as
 * others do, so this speaks with the store itself. */
#include <stdlib.h>

#include "store/env/store.h"
#include "tests/lib/others.h"
#include "tools/bench/bench.h"

static void record(void *user, size_t index, struct ps_bytes *id_out, struct ps_bytes *fields_out)
{
    const struct bench_record *records = user;
    *id_out = ps_bytes_text(records[index].id);
    *fields_out = ps_bytes(records[index].fields, records[index].size);
}

int main(int argc, char **argv)
{
    struct ps_store *store = NULL;
    struct ps_txn txn = {0};
    size_t count = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
    if (count == 0) {
        bench_fail("authors", "DIR COUNT");
    }
    struct bench_record *records = bench_records(0, count);
    const struct ps_store_options options = {.dir = argv[1]};
    const struct others others = {.collection = BENCH_COLLECTION,
                                  .logs = count,
                                  .now_ms = 1,
                                  .record = record,
                                  .user = records};
    bench_check(ps_store_open(&options, &store), "open");
    bench_check(ps_txn_begin(store, true, &txn), "begin");
    bench_check(others_write(&txn, &others), "write");
    bench_check(ps_txn_commit(&txn), "commit");
    ps_store_destroy(&store);
    free(records);
    return EXIT_SUCCESS;
}
