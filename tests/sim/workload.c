/* The workload draws from a generator of its own, so that faults do not change what is written. */
#include "tests/sim/workload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/draft.h"
#include "tests/sim/failing.h"
#include "tests/sim/meaningless.h"
#include "tests/sim/mesh.h"
#include "tests/sim/removals.h"
#include "tests/sim/sums.h"
#include "tests/sim/trace.h"
#include "tests/sim/work.h"

static void edit_group(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void edit_few(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void edit_chain(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void rename_device(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void commit(struct sim_workload *workload, struct sim_net *net, unsigned node,
                   const char *collection, struct sim_draft *draft);
static void draw_fields(struct sim_workload *workload, const struct sim_options *options,
                        bool local, struct ps_buf *out);
static void write_padding(struct ps_writer *writer, struct prng *random, bool huge);

void sim_workload_init(struct sim_workload *workload, const struct sim_options *options)
{
    *workload = (struct sim_workload){.random = prng_new(options->seed, 4)};
}

void sim_workload_step(struct sim_workload *workload, struct sim_net *net)
{
    unsigned node = (unsigned)prng_below(&workload->random, net->node_count);
    uint64_t kind = prng_below(&workload->random, 100);
    if (!net->nodes[node].joined) {
        return;
    }
    if (net->options.removals > 0 && prng_chance(&workload->random, net->options.removals)) {
        sim_removals_step(workload, net);
    } else if (prng_chance(&net->apart_random, net->options.sums)) {
        sim_sums_step(workload, net, node);
    } else if (prng_chance(&net->apart_random, net->options.meaningless)) {
        sim_meaningless_step(workload, net, node);
    } else if (prng_chance(&workload->random, net->options.work)) {
        sim_work_step(workload, net, node);
    } else if (kind < 20) {
        edit_group(workload, net, node);
    } else if (kind < 88) {
        edit_few(workload, net, node);
    } else if (kind < 92) {
        edit_chain(workload, net, node);
    } else if (kind < 95) {
        rename_device(workload, net, node);
    } else if (net->nodes[node].up) {
        uint64_t timeout_ms = prng_between(&workload->random, 100, 30000);
        sim_node_now(net, node, ++workload->counter, timeout_ms);
    }
}

static void edit_group(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    struct sim_draft *draft = sim_draft_new();
    bool remove = prng_chance(&workload->random, 100);
    uint64_t group = prng_below(&workload->random, 2);
    uint64_t number = ++workload->counter;
    for (size_t i = 0; i < SIM_GROUP_SIZE; i++) {
        struct ps_edit *edit = sim_draft_edit(draft, remove ? PS_EDIT_DELETE : PS_EDIT_REPLACE);
        snprintf(draft->ids[i], sizeof draft->ids[i], "%u-%" PRIu64 "/%zu", node, group, i);
        edit->id = ps_bytes_text(draft->ids[i]);
        struct ps_writer writer;
        ps_writer_init(&writer, &draft->bytes[i]);
        ps_write_map(&writer, 1);
        ps_write_text(&writer, "number");
        ps_write_uint(&writer, number);
        edit->fields = remove ? ps_bytes(NULL, 0) : ps_buf_view(&draft->bytes[i]);
    }
    commit(workload, net, node, SIM_GROUPS, draft);
}

/* One to eight edits, of records that others edit too or of new ones. */
static void edit_few(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    static const char *const collections[] = {"notes", "tasks", "photos/album", SIM_LOCAL};
    struct prng *random = &workload->random;
    struct sim_draft *draft = sim_draft_new();
    const char *collection = collections[prng_below(random, 4)];
    size_t count = prng_chance(random, 700) ? 1 : prng_between(random, 2, 8);
    for (size_t i = 0; i < count; i++) {
        uint64_t kind = prng_below(random, 10);
        struct ps_edit *edit = sim_draft_edit(draft, PS_EDIT_PUT);
        bool shared = prng_chance(random, 800);
        snprintf(draft->ids[i], sizeof draft->ids[i], shared ? "r%" PRIu64 : "new-%" PRIu64,
                 shared ? prng_below(random, SIM_NAMES) : ++workload->counter);
        edit->id = ps_bytes_text(draft->ids[i]);
        edit->kind = kind < 2 ? PS_EDIT_REPLACE : kind < 3 ? PS_EDIT_DELETE : PS_EDIT_PUT;
        draw_fields(workload, &net->options, collection == collections[3], &draft->bytes[i]);
        net->played.of[SIM_PLAYED_HUGE] += draft->bytes[i].size > PS_VALUE_SIZE_MAX - 8192;
        if (edit->kind != PS_EDIT_DELETE) {
            edit->fields = ps_buf_view(&draft->bytes[i]);
        }
        if (edit->kind == PS_EDIT_PUT && prng_chance(random, 100)) {
            edit->unset = ps_buf_view(&draft->unset);
        }
    }
    commit(workload, net, node, collection, draft);
}

/* More edits of one record than a chain may be long. */
static void edit_chain(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    struct sim_draft *draft = sim_draft_new();
    for (size_t i = 0; i < SIM_DRAFT_EDITS_MAX; i++) {
        struct ps_edit *edit = sim_draft_edit(draft, PS_EDIT_PUT);
        edit->id = ps_bytes_text("r0");
        struct ps_writer writer;
        ps_writer_init(&writer, &draft->bytes[i]);
        ps_write_map(&writer, 1);
        ps_write_text(&writer, i % 2 == 0 ? "f0" : "chain");
        ps_write_uint(&writer, ++workload->counter);
        edit->fields = ps_buf_view(&draft->bytes[i]);
    }
    commit(workload, net, node, "notes", draft);
}

static void rename_device(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    unsigned device = (unsigned)prng_below(&workload->random, net->node_count);
    char name[24];
    if (net->nodes[device].joined) {
        snprintf(name, sizeof name, "renamed-%" PRIu64, ++workload->counter);
        sim_mesh_rename(net, node, device, name);
    }
}

/* Write it; that a record to delete is not there is the workload's own doing. */
static void commit(struct sim_workload *workload, struct sim_net *net, unsigned node,
                   const char *collection, struct sim_draft *draft)
{
    p2psync_result result = sim_draft_commit(draft, net, node, collection);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND && result != P2PSYNC_ENOCOLLECTION &&
        result != P2PSYNC_EDENIED && /* by who may not: a writer that sets how records merge */
        !sim_failing_excuses(net, node, result)) {
        sim_fail(net, "node %u: a write to %s gives %d", node, collection, result);
    }
    workload->writes += result == P2PSYNC_OK;
}

static void draw_fields(struct sim_workload *workload, const struct sim_options *options,
                        bool local, struct ps_buf *out)
{
    struct prng *random = &workload->random;
    struct ps_writer writer;
    bool huge = prng_chance(random, options->huge);
    bool large = huge || prng_chance(random, options->large);
    uint64_t present = prng_below(random, 1U << SIM_FIELDS);
    ps_writer_init(&writer, out);
    ps_write_map(&writer, (size_t)__builtin_popcountll(present) + large + local);
    sim_work_fields(random, &writer, present);
    if (local) {
        ps_write_text(&writer, "secret");
        ps_write_text(&writer, SIM_LOCAL_MARK);
    }
    if (large) {
        ps_write_text(&writer, "padding");
        write_padding(&writer, random, huge);
    }
    if (ps_writer_finish(&writer) != P2PSYNC_OK) {
        abort();
    }
}

/* Up to 600 kB, which is more than two chunks hold, or almost all that a value may have. */
static void write_padding(struct ps_writer *writer, struct prng *random, bool huge)
{
    size_t size = (size_t)prng_between(random, 1000, prng_chance(random, 300) ? 600000 : 20000);
    size = huge ? PS_VALUE_SIZE_MAX - (size_t)prng_between(random, 4096, 8192) : size;
    uint8_t *padding = malloc(size);
    if (padding == NULL) {
        abort();
    }
    memset(padding, (int)prng_below(random, 256), size);
    ps_write_bin(writer, ps_bytes(padding, size));
    free(padding);
}

void sim_put(struct sim_net *net, unsigned node, const char *collection, const char *id,
             uint64_t value)
{
    struct sim_workload workload = {0};
    struct sim_draft *draft = sim_draft_new();
    struct ps_edit *edit = sim_draft_edit(draft, PS_EDIT_PUT);
    struct ps_writer writer;
    ps_writer_init(&writer, &draft->bytes[0]);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "value");
    ps_write_uint(&writer, value);
    edit->id = ps_bytes_text(id);
    edit->fields = ps_buf_view(&draft->bytes[0]);
    commit(&workload, net, node, collection, draft);
}

void sim_put_many(struct sim_net *net, unsigned node, const char *collection, size_t count,
                  size_t size)
{
    struct sim_workload workload = {0};
    struct sim_draft *draft = sim_draft_new();
    uint8_t *padding = calloc(1, size);
    if (padding == NULL || count > SIM_DRAFT_EDITS_MAX) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        struct ps_edit *edit = sim_draft_edit(draft, PS_EDIT_PUT);
        struct ps_writer writer;
        snprintf(draft->ids[i], sizeof draft->ids[i], "many-%zu", i);
        ps_writer_init(&writer, &draft->bytes[i]);
        ps_write_map(&writer, 2);
        ps_write_text(&writer, "value");
        ps_write_uint(&writer, i);
        ps_write_text(&writer, "padding");
        ps_write_bin(&writer, ps_bytes(padding, size));
        edit->id = ps_bytes_text(draft->ids[i]);
        edit->fields = ps_buf_view(&draft->bytes[i]);
    }
    commit(&workload, net, node, collection, draft);
    free(padding);
}

void sim_put_vast(struct sim_net *net, unsigned node, const char *collection)
{
    enum { COUNT = PS_TRANSACTION_CHANGES_MAX + 1 };
    static char ids[COUNT][16];
    struct ps_edit *edits = calloc(COUNT, sizeof *edits);
    if (edits == NULL) {
        abort();
    }
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(ids[i], sizeof ids[i], "vast-%zu", i);
        edits[i] = (struct ps_edit){.kind = PS_EDIT_PUT,
                                    .id = ps_bytes_text(ids[i]),
                                    .fields = ps_bytes("\x81\xa2"
                                                       "f0\x01",
                                                       5)};
    }
    struct sim_write write = {ps_bytes_text(collection), edits, COUNT, NULL};
    p2psync_result result = sim_mesh_write(net, node, &write);
    if (result != P2PSYNC_ELIMIT) {
        sim_fail(net, "node %u: a transaction over the limit gives %d", node, result);
    }
    write.edit_count = COUNT - 1;
    result = sim_mesh_write(net, node, &write);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: the largest transaction gives %d", node, result);
    }
    sim_trace(net, "%s writes %s: %zu records", sim_name(node), collection, write.edit_count);
    free(edits);
}
