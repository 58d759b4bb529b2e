/* As tests/sim/written.h says. An edit may be of a record with other versions, one of which is
 * shown in its place; so the value that is looked for is that of any version. */
#include "tests/sim/written.h"

#include "store/log/collection.h"
#include "store/record/record.h"
#include "wire/value.h"

static bool is_last_of_its_id(const struct sim_write *write, size_t at);
static bool has_all(const struct ps_version *version, const struct ps_edit *edit);

void sim_written_check(struct sim_net *net, unsigned node, const struct sim_write *write)
{
    struct ps_collection collection;
    struct ps_txn txn = {0};
    p2psync_result result = ps_txn_begin(net->nodes[node].store, false, &txn);
    if (result == P2PSYNC_OK) {
        result = ps_collection_find(&txn, write->collection, &collection);
    }
    for (size_t i = 0; result == P2PSYNC_OK && i < write->edit_count; i++) {
        const struct ps_edit *edit = &write->edits[i];
        struct ps_record_row row;
        struct ps_version version;
        bool found = false;
        if ((edit->kind != PS_EDIT_PUT && edit->kind != PS_EDIT_REPLACE) || edit->unset.size > 0 ||
            !is_last_of_its_id(write, i)) {
            continue;
        }
        if (ps_record_get(&txn, collection.number, edit->id, &row) != P2PSYNC_OK) {
            continue; /* of a copy, which is a version of another record */
        }
        for (uint32_t j = 0; j < row.version_count && !found; j++) {
            ps_record_version(&row, j, &version);
            found = has_all(&version, edit);
        }
        if (!found) {
            sim_fail(net, "node %u: what it has just written to %.*s is not there", node,
                     (int)edit->id.size, (const char *)edit->id.data);
        }
    }
    ps_txn_abort(&txn);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOTFOUND) {
        sim_fail(net, "node %u: reading what it has written gives %d", node, result);
    }
}

static bool is_last_of_its_id(const struct sim_write *write, size_t at)
{
    size_t i = at + 1;
    while (i < write->edit_count && !ps_bytes_equal(write->edits[i].id, write->edits[at].id)) {
        i++;
    }
    return i == write->edit_count;
}

static bool has_all(const struct ps_version *version, const struct ps_edit *edit)
{
    struct ps_reader reader;
    bool has = version->has_value && version->state != PS_RECORD_DELETED;
    ps_reader_init(&reader, edit->fields);
    uint32_t count = edit->fields.size > 0 ? ps_read_map(&reader) : 0;
    for (uint32_t i = 0; i < count && has; i++) {
        struct ps_bytes name = ps_read_str(&reader, PS_FIELD_SIZE_MAX);
        struct ps_bytes value = ps_read_value(&reader, PS_DEPTH_MAX);
        has = ps_bytes_equal(ps_value_field(version->value, name), value);
    }
    return has;
}
