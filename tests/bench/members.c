/* members DIR: 4,000 members with names, and 10,000 acts about them, in the founder's store in DIR,
 * which nobody has open. Prints how long it takes to work out anew from these who is a member, and
 * how long it takes only to read them, in milliseconds. No app can ask for either. */
#include "store/mesh/members.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/env/store.h"
#include "store/log/collection.h"
#include "store/log/log.h"
#include "store/mesh/refresh.h"
#include "store/write/own.h"
#include "tests/lib/others.h"
#include "tools/bench/bench.h"

#define ACTS   10000
#define SCOPED (ACTS - OTHERS_MAX) /* roles in one collection each */
#define FIELDS 24

struct scoped {
    char id[PS_RECORD_ID_SIZE_MAX];
    uint8_t fields[FIELDS];
};

static void record(void *user, size_t index, struct ps_bytes *id_out, struct ps_bytes *fields_out)
{
    const struct bench_record *records = user;
    *id_out = ps_bytes_text(records[index].id);
    *fields_out = ps_bytes(records[index].fields, records[index].size);
}

/* A role in a collection, of one member after another. */
static void write_scoped(struct ps_txn *txn, const struct ps_mesh *mesh)
{
    struct scoped *scoped = calloc(SCOPED, sizeof *scoped);
    struct ps_edit *edits = calloc(SCOPED, sizeof *edits);
    struct ps_member_walk walk = {.txn = txn};
    struct ps_member member;
    struct ps_written written;
    if (scoped == NULL || edits == NULL) {
        bench_fail("memory", "short");
    }
    for (size_t i = 0; i < SCOPED; i++) {
        char name[16];
        struct ps_buf fields = {.data = scoped[i].fields, .capacity = FIELDS, .size_max = FIELDS};
        if (!ps_member_walk_next(&walk, &member)) { /* once more from the first on */
            walk = (struct ps_member_walk){.txn = txn};
            (void)ps_member_walk_next(&walk, &member);
        }
        (void)snprintf(name, sizeof name, "c%zu", i);
        const struct ps_act act = {.kind = PS_ACT_ROLE,
                                   .subject = member.device,
                                   .role = PS_ROLE_READER,
                                   .collection = ps_bytes_text(name)};
        bench_check(ps_act_fields(&act, NULL, 0, &fields), "act");
        size_t size = ps_act_record(&act, &mesh->founder, scoped[i].id);
        edits[i] = (struct ps_edit){.kind = PS_EDIT_STATE,
                                    .id = ps_bytes(scoped[i].id, size),
                                    .fields = ps_buf_view(&fields)};
    }
    const struct ps_write write = {
        .collection = ps_bytes_text(PS_DEVICES_COLLECTION), .edits = edits, .edit_count = SCOPED};
    bench_check(ps_own_write(txn, &write, 2, &written), "write");
    free(edits);
    free(scoped);
}

static void write_names(struct ps_txn *txn)
{
    char(*ids)[PS_DEVICE_TEXT_SIZE] = calloc(OTHERS_MAX, sizeof *ids);
    struct ps_edit *edits = calloc(OTHERS_MAX, sizeof *edits);
    static const uint8_t fields[] = "\x81\xa4name\xa5Phone";
    struct ps_member_walk walk = {.txn = txn};
    struct ps_member member;
    struct ps_written written;
    size_t count = 0;
    if (ids == NULL || edits == NULL) {
        bench_fail("memory", "short");
    }
    while (count < OTHERS_MAX && ps_member_walk_next(&walk, &member)) {
        ps_device_text(&member.device, ids[count]);
        edits[count] = (struct ps_edit){.kind = PS_EDIT_PUT,
                                        .id = ps_bytes_text(ids[count]),
                                        .fields = ps_bytes(fields, sizeof fields - 1)};
        count++;
    }
    const struct ps_write write = {
        .collection = ps_bytes_text(PS_DEVICES_COLLECTION), .edits = edits, .edit_count = count};
    bench_check(ps_own_write(txn, &write, 2, &written), "names");
    free(edits);
    free(ids);
}

static double refresh(struct ps_txn *txn, const struct ps_mesh *mesh)
{
    bool changed = false;
    double began = bench_now_s();
    bench_check(ps_members_refresh(txn, mesh, &changed), "refresh");
    return (bench_now_s() - began) * 1e3;
}

static double read_entries(struct ps_txn *txn)
{
    struct ps_collection collection;
    struct ps_log log;
    double began = bench_now_s();
    bench_check(ps_collection_find(txn, ps_bytes_text(PS_DEVICES_COLLECTION), &collection),
                "collection");
    struct ps_log_walk walk = {.txn = txn, .collection = collection.number};
    while (ps_log_walk_next(&walk, &log)) {
        for (uint64_t seq = 0; seq < log.size; seq++) {
            struct ps_stored stored;
            bench_check(ps_stored_get(txn, log.number, seq, &stored), "entry");
        }
    }
    bench_check(walk.result, "log");
    return (bench_now_s() - began) * 1e3;
}

int main(int argc, char **argv)
{
    struct ps_store *store = NULL;
    struct ps_txn txn = {0};
    struct ps_identity identity = {0};
    double ours[BENCH_ROUNDS];
    double least[BENCH_ROUNDS];
    if (argc != 2) {
        bench_fail("members", "DIR");
    }
    struct bench_record *records = bench_records(0, OTHERS_MAX);
    const struct ps_store_options options = {.dir = argv[1]};
    const struct others others = {.collection = BENCH_COLLECTION,
                                  .logs = OTHERS_MAX,
                                  .now_ms = 1,
                                  .record = record,
                                  .user = records};
    bench_check(ps_store_open(&options, &store), "open");
    bench_check(ps_txn_begin(store, true, &txn), "begin");
    bench_check(ps_identity_read(&txn, &identity), "identity");
    bench_check(others_write(&txn, &others), "write");
    write_names(&txn);
    write_scoped(&txn, &identity.mesh);
    (void)refresh(&txn, &identity.mesh);
    bench_check(ps_txn_commit(&txn), "commit");
    bench_check(ps_txn_begin(store, true, &txn), "begin");
    for (unsigned i = 0; i < BENCH_ROUNDS; i++) {
        ours[i] = refresh(&txn, &identity.mesh);
        least[i] = read_entries(&txn);
    }
    ps_txn_abort(&txn);
    ps_store_destroy(&store);
    free(records);
    printf("%f %f\n", bench_percentile(ours, BENCH_ROUNDS, 50),
           bench_percentile(least, BENCH_ROUNDS, 50));
    return EXIT_SUCCESS;
}
