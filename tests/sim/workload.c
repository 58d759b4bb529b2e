/* The workload draws from a generator of its own, so that faults do not change what is written. */
#include "tests/sim/workload.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/mesh.h"
#include "tests/sim/trace.h"

#define EDITS_MAX 96
#define NAMES     6
#define SHOWN_MAX 8 /* edits of one write in a trace */

/* A transaction in the making. */
struct draft {
    struct ps_edit edits[EDITS_MAX];
    char ids[EDITS_MAX][32];
    struct ps_buf bytes[EDITS_MAX]; /* fields */
    struct ps_buf unset;            /* ["f0"], shared */
    size_t count;
};

static void edit_group(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void edit_few(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void edit_chain(struct sim_workload *workload, struct sim_net *net, unsigned node);
static void rename_device(struct sim_workload *workload, struct sim_net *net, unsigned node);
static struct draft *draft_new(void);
static void draft_commit(struct sim_workload *workload, struct sim_net *net, unsigned node,
                         const char *collection, struct draft *draft);
static struct ps_edit *draft_edit(struct draft *draft, ps_edit_kind kind);
static void trace_write(const struct sim_net *net, unsigned node, const struct sim_write *write,
                        p2psync_result result);
static void draw_fields(struct sim_workload *workload, const struct sim_options *options,
                        bool local, struct ps_buf *out);
static void write_padding(struct ps_writer *writer, struct prng *random);

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
    if (kind < 20) {
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
    struct draft *draft = draft_new();
    bool remove = prng_chance(&workload->random, 100);
    uint64_t group = prng_below(&workload->random, 2);
    uint64_t number = ++workload->counter;
    for (size_t i = 0; i < SIM_GROUP_SIZE; i++) {
        struct ps_edit *edit = draft_edit(draft, remove ? PS_EDIT_DELETE : PS_EDIT_REPLACE);
        snprintf(draft->ids[i], sizeof draft->ids[i], "%u-%" PRIu64 "/%zu", node, group, i);
        edit->id = ps_bytes_text(draft->ids[i]);
        struct ps_writer writer;
        ps_writer_init(&writer, &draft->bytes[i]);
        ps_write_map(&writer, 1);
        ps_write_text(&writer, "number");
        ps_write_uint(&writer, number);
        edit->fields = remove ? ps_bytes(NULL, 0) : ps_buf_view(&draft->bytes[i]);
    }
    draft_commit(workload, net, node, SIM_GROUPS, draft);
}

/* One to eight edits, of records that others edit too or of new ones. */
static void edit_few(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    static const char *const collections[] = {"notes", "tasks", "photos/album", SIM_LOCAL};
    struct prng *random = &workload->random;
    struct draft *draft = draft_new();
    const char *collection = collections[prng_below(random, 4)];
    size_t count = prng_chance(random, 700) ? 1 : prng_between(random, 2, 8);
    for (size_t i = 0; i < count; i++) {
        uint64_t kind = prng_below(random, 10);
        struct ps_edit *edit = draft_edit(draft, PS_EDIT_PUT);
        bool shared = prng_chance(random, 800);
        snprintf(draft->ids[i], sizeof draft->ids[i], shared ? "r%" PRIu64 : "new-%" PRIu64,
                 shared ? prng_below(random, NAMES) : ++workload->counter);
        edit->id = ps_bytes_text(draft->ids[i]);
        edit->kind = kind < 2 ? PS_EDIT_REPLACE : kind < 3 ? PS_EDIT_DELETE : PS_EDIT_PUT;
        draw_fields(workload, &net->options, collection == collections[3], &draft->bytes[i]);
        if (edit->kind != PS_EDIT_DELETE) {
            edit->fields = ps_buf_view(&draft->bytes[i]);
        }
        if (edit->kind == PS_EDIT_PUT && prng_chance(random, 100)) {
            edit->unset = ps_buf_view(&draft->unset);
        }
    }
    draft_commit(workload, net, node, collection, draft);
}

/* More edits of one record than a chain may be long. */
static void edit_chain(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    struct draft *draft = draft_new();
    for (size_t i = 0; i < EDITS_MAX; i++) {
        struct ps_edit *edit = draft_edit(draft, PS_EDIT_PUT);
        edit->id = ps_bytes_text("r0");
        struct ps_writer writer;
        ps_writer_init(&writer, &draft->bytes[i]);
        ps_write_map(&writer, 1);
        ps_write_text(&writer, i % 2 == 0 ? "f0" : "chain");
        ps_write_uint(&writer, ++workload->counter);
        edit->fields = ps_buf_view(&draft->bytes[i]);
    }
    draft_commit(workload, net, node, "notes", draft);
}

static void rename_device(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    unsigned device = (unsigned)prng_below(&workload->random, net->node_count);
    char name[24];
    if (net->nodes[device].joined) {
        snprintf(name, sizeof name, "renamed-%" PRIu64, ++workload->counter);
        sim_mesh_name(net, node, device, name);
    }
}

static struct draft *draft_new(void)
{
    struct draft *draft = calloc(1, sizeof *draft);
    if (draft == NULL) {
        abort();
    }
    struct ps_writer writer;
    ps_buf_init(&draft->unset, 64);
    ps_writer_init(&writer, &draft->unset);
    ps_write_array(&writer, 1);
    ps_write_text(&writer, "f0");
    return draft;
}

static struct ps_edit *draft_edit(struct draft *draft, ps_edit_kind kind)
{
    size_t i = draft->count++;
    ps_buf_init(&draft->bytes[i], PS_VALUE_SIZE_MAX);
    draft->edits[i] = (struct ps_edit){.kind = kind};
    return &draft->edits[i];
}

/* Write it; that a record to delete is not there is the workload's own doing. */
static void draft_commit(struct sim_workload *workload, struct sim_net *net, unsigned node,
                         const char *collection, struct draft *draft)
{
    struct sim_write write = {ps_bytes_text(collection), draft->edits, draft->count};
    p2psync_result result = sim_mesh_write(net, node, &write);
    trace_write(net, node, &write, result);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND && result != P2PSYNC_ENOCOLLECTION) {
        sim_fail(net, "node %u: a write to %s gives %d", node, collection, result);
    }
    workload->writes += result == P2PSYNC_OK;
    for (size_t i = 0; i < draft->count; i++) {
        ps_buf_deinit(&draft->bytes[i]);
    }
    ps_buf_deinit(&draft->unset);
    free(draft);
}

/* "ada writes notes: put r0, delete new-12" */
static void trace_write(const struct sim_net *net, unsigned node, const struct sim_write *write,
                        p2psync_result result)
{
    static const char *const kinds[] = {
        [PS_EDIT_PUT] = "put",         [PS_EDIT_REPLACE] = "replace", [PS_EDIT_DELETE] = "delete",
        [PS_EDIT_ARCHIVE] = "archive", [PS_EDIT_RESTORE] = "restore", [PS_EDIT_RESOLVE] = "resolve",
        [PS_EDIT_MERGE] = "merge",     [PS_EDIT_TAKE] = "take",
    };
    char text[SHOWN_MAX * 40] = "";
    size_t size = 0;
    size_t shown = write->edit_count < SHOWN_MAX ? write->edit_count : SHOWN_MAX;
    for (size_t i = 0; i < shown && size < sizeof text; i++) {
        const struct ps_edit *edit = &write->edits[i];
        size +=
            (size_t)snprintf(text + size, sizeof text - size, "%s%s %.*s", i > 0 ? ", " : "",
                             kinds[edit->kind], (int)edit->id.size, (const char *)edit->id.data);
    }
    sim_trace(net, "%s writes %.*s: %s%s%s%s", sim_name(node), (int)write->collection.size,
              (const char *)write->collection.data, text, shown < write->edit_count ? ", ..." : "",
              result != P2PSYNC_OK ? ": " : "",
              result != P2PSYNC_OK ? p2psync_strerror(result) : "");
}

static void draw_fields(struct sim_workload *workload, const struct sim_options *options,
                        bool local, struct ps_buf *out)
{
    static const char *const names[] = {"f0", "f1", "f2", "f3", "f4"};
    struct prng *random = &workload->random;
    struct ps_writer writer;
    bool large = prng_chance(random, options->large);
    uint64_t present = prng_below(random, 32);
    size_t count = large + local;
    for (size_t i = 0; i < 5; i++) {
        count += (present >> i) & 1U;
    }
    ps_writer_init(&writer, out);
    ps_write_map(&writer, count);
    for (size_t i = 0; i < 5; i++) {
        if (((present >> i) & 1U) != 0) {
            ps_write_text(&writer, names[i]);
            ps_write_uint(&writer, prng_below(random, 1000));
        }
    }
    if (local) {
        ps_write_text(&writer, "secret");
        ps_write_text(&writer, SIM_LOCAL_MARK);
    }
    if (large) {
        ps_write_text(&writer, "padding");
        write_padding(&writer, random);
    }
    if (ps_writer_finish(&writer) != P2PSYNC_OK) {
        abort();
    }
}

/* Up to 600 kB: more than two chunks hold. */
static void write_padding(struct ps_writer *writer, struct prng *random)
{
    size_t size = (size_t)prng_between(random, 1000, prng_chance(random, 300) ? 600000 : 20000);
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
    struct draft *draft = draft_new();
    struct ps_edit *edit = draft_edit(draft, PS_EDIT_PUT);
    struct ps_writer writer;
    ps_writer_init(&writer, &draft->bytes[0]);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "value");
    ps_write_uint(&writer, value);
    edit->id = ps_bytes_text(id);
    edit->fields = ps_buf_view(&draft->bytes[0]);
    draft_commit(&workload, net, node, collection, draft);
}

void sim_put_many(struct sim_net *net, unsigned node, const char *collection, size_t count,
                  size_t size)
{
    struct sim_workload workload = {0};
    struct draft *draft = draft_new();
    uint8_t *padding = calloc(1, size);
    if (padding == NULL || count > EDITS_MAX) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        struct ps_edit *edit = draft_edit(draft, PS_EDIT_PUT);
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
    draft_commit(&workload, net, node, collection, draft);
    free(padding);
}
