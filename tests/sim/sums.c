/* Sums, as tests/sim/sums.h says. A device reads the record as it is shown, adds, and writes it
 * back. */
#include "tests/sim/sums.h"

#include <stdlib.h>
#include <string.h>

#include "store/log/collection.h"
#include "store/merge/stale.h"
#include "store/record/rules.h"
#include "tests/sim/draft.h"
#include "tests/sim/failing.h"

#define COLLECTION   "sums"
#define RECORD       "all"
#define NUMBER       "number"
#define SET          "set"
#define ELEMENTS_MAX 4096

/* The record as it is shown. */
struct shown {
    uint64_t number;
    size_t count;
    uint64_t elements[ELEMENTS_MAX];
};

static bool read_shown(struct sim_net *net, unsigned node, struct shown *out);
static bool read_fields(struct ps_bytes fields, struct shown *out);
static bool knows_rules(struct sim_net *net, unsigned node);
static p2psync_result get(struct ps_txn *txn, const char *collection, const char *id,
                          struct ps_record_row *row, struct ps_buf *buf);

void sim_sums_begin(struct sim_net *net, unsigned node)
{
    struct sim_draft *draft = sim_draft_new();
    struct ps_edit *edit = sim_draft_edit(draft, PS_EDIT_REPLACE);
    struct ps_writer writer;
    ps_writer_init(&writer, &draft->bytes[0]);
    ps_write_map(&writer, 3);
    ps_write_text(&writer, "field." NUMBER);
    ps_write_text(&writer, ps_rules_field_rule_text(PS_FIELD_COUNTER));
    ps_write_text(&writer, "field." SET);
    ps_write_text(&writer, ps_rules_field_rule_text(PS_FIELD_UNION));
    ps_write_text(&writer, "strategy");
    ps_write_text(&writer, "auto_merge");
    edit->id = ps_bytes_text(COLLECTION);
    edit->fields = ps_buf_view(&draft->bytes[0]);
    p2psync_result result = sim_draft_commit(draft, net, node, PS_SETTINGS_COLLECTION);
    if (result != P2PSYNC_OK) {
        sim_fail(net, "node %u: the rules of sums give %d", node, result);
    }
}

void sim_sums_step(struct sim_workload *workload, struct sim_net *net, unsigned node)
{
    static struct shown shown;
    uint64_t more = prng_between(&workload->random, 1, 100);
    uint64_t element = ++workload->counter;
    if (!knows_rules(net, node) || !read_shown(net, node, &shown) || shown.count == ELEMENTS_MAX) {
        return;
    }
    struct sim_draft *draft = sim_draft_new();
    struct ps_edit *edit = sim_draft_edit(draft, PS_EDIT_PUT);
    struct ps_writer writer;
    ps_writer_init(&writer, &draft->bytes[0]);
    ps_write_map(&writer, 2);
    ps_write_text(&writer, NUMBER);
    ps_write_uint(&writer, shown.number + more);
    ps_write_text(&writer, SET);
    ps_write_array(&writer, shown.count + 1);
    for (size_t i = 0; i < shown.count; i++) {
        ps_write_uint(&writer, shown.elements[i]);
    }
    ps_write_uint(&writer, element);
    edit->id = ps_bytes_text(RECORD);
    edit->fields = ps_buf_view(&draft->bytes[0]);
    p2psync_result result = sim_draft_commit(draft, net, node, COLLECTION);
    if (result == P2PSYNC_OK) {
        net->played.of[SIM_PLAYED_SUM]++;
        net->sum += more;
        workload->writes++;
    } else if (!sim_failing_excuses(net, node, result)) {
        sim_fail(net, "node %u: adding gives %d", node, result);
    }
}

void sim_sums_check(struct sim_net *net, unsigned node)
{
    static struct shown shown;
    if (net->played.of[SIM_PLAYED_SUM] == 0 || !read_shown(net, node, &shown)) {
        return;
    }
    if (shown.number != net->sum) {
        sim_fail(net, "node %u: what was added up comes to %llu instead of %llu", node,
                 (unsigned long long)shown.number, (unsigned long long)net->sum);
    }
    if (shown.count != net->played.of[SIM_PLAYED_SUM]) {
        sim_fail(net, "node %u: a set has %zu elements of %llu", node, shown.count,
                 (unsigned long long)net->played.of[SIM_PLAYED_SUM]);
    }
}

static bool knows_rules(struct sim_net *net, unsigned node)
{
    struct ps_record_row row;
    struct ps_txn txn = {0};
    struct ps_buf buf;
    ps_buf_init(&buf, SIZE_MAX);
    bool known = ps_txn_begin(net->nodes[node].store, false, &txn) == P2PSYNC_OK &&
                 get(&txn, PS_SETTINGS_COLLECTION, COLLECTION, &row, &buf) == P2PSYNC_OK;
    ps_txn_abort(&txn);
    ps_buf_deinit(&buf);
    return known;
}

static p2psync_result get(struct ps_txn *txn, const char *collection, const char *id,
                          struct ps_record_row *row, struct ps_buf *buf)
{
    struct ps_collection found;
    p2psync_result result = ps_collection_find(txn, ps_bytes_text(collection), &found);
    return result == P2PSYNC_OK ? ps_stale_get(txn, found.number, ps_bytes_text(id), row, buf)
                                : result;
}

/* False: it cannot be read. */
static bool read_shown(struct sim_net *net, unsigned node, struct shown *out)
{
    struct ps_record_row row;
    struct ps_view view;
    struct ps_txn txn = {0};
    struct ps_buf buf;
    out->number = 0;
    out->count = 0;
    ps_buf_init(&buf, SIZE_MAX);
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = get(&txn, COLLECTION, RECORD, &row, &buf);
    }
    if (result == P2PSYNC_OK) {
        ps_record_view(&row, &view);
        if (!read_fields(view.value, out)) {
            sim_fail(net, "node %u: what was added up is no number and no set", node);
            result = P2PSYNC_EFORMAT;
        }
    }
    ps_txn_abort(&txn);
    ps_buf_deinit(&buf);
    return result == P2PSYNC_OK || result == P2PSYNC_ENOTFOUND;
}

static bool read_fields(struct ps_bytes fields, struct shown *out)
{
    struct ps_reader reader;
    ps_reader_init(&reader, fields);
    uint32_t count = ps_read_map(&reader);
    for (uint32_t i = 0; i < count && i < 2; i++) {
        struct ps_bytes name = ps_read_str(&reader, PS_FIELD_SIZE_MAX);
        if (ps_bytes_equal(name, ps_bytes_text(NUMBER))) {
            out->number = ps_read_uint(&reader);
        } else {
            uint32_t elements = ps_read_array(&reader);
            for (; elements > 0 && out->count < ELEMENTS_MAX; elements--) {
                out->elements[out->count++] = ps_read_uint(&reader);
            }
        }
    }
    return ps_reader_finish(&reader) == P2PSYNC_OK;
}
