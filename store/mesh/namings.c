/* Two walks, one in the other: over the logs of `_devices`, and over the changes of each. */
#include "store/mesh/namings.h"

#include "store/log/collection.h"
#include "store/mesh/members.h"

static bool begin(struct ps_naming_walk *walk);
static bool read_naming(struct ps_naming_walk *walk, struct ps_naming *out);
static struct ps_bytes name_in(const struct ps_stored *entry, const struct ps_skeleton *skeleton);

bool ps_naming_walk_next(struct ps_naming_walk *walk, struct ps_naming *out)
{
    if (!walk->begun && !begin(walk)) {
        return false;
    }
    while (walk->result == P2PSYNC_OK) { /* each turn passes a change or a log */
        if (walk->seq < walk->log.size) {
            if (read_naming(walk, out)) {
                return true;
            }
        } else if (ps_log_walk_next_brief(&walk->logs, &walk->log)) {
            walk->seq = walk->log.begin;
        } else {
            walk->result = walk->logs.result;
            return false;
        }
    }
    return false;
}

static bool begin(struct ps_naming_walk *walk)
{
    struct ps_collection collection;
    p2psync_result result =
        ps_collection_find(walk->txn, ps_bytes_text(PS_DEVICES_COLLECTION), &collection);
    if (result != P2PSYNC_OK) {
        walk->result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_OK : result;
        return false;
    }
    walk->logs = (struct ps_log_walk){.txn = walk->txn, .collection = collection.number};
    walk->begun = true;
    return true;
}

/* Whether the next change is of a device. */
static bool read_naming(struct ps_naming_walk *walk, struct ps_naming *out)
{
    struct ps_stored entry;
    struct ps_skeleton skeleton;
    p2psync_result result = ps_stored_get(walk->txn, walk->log.number, walk->seq, &entry);
    walk->seq++;
    if (result != P2PSYNC_OK) {
        walk->result = result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
        return false;
    }
    if (entry.inert || ps_skeleton_decode(entry.skeleton, &skeleton) != P2PSYNC_OK ||
        ps_device_parse(skeleton.record_id, &out->device) != P2PSYNC_OK) {
        return false;
    }
    out->name = name_in(&entry, &skeleton);
    return true;
}

static struct ps_bytes name_in(const struct ps_stored *entry, const struct ps_skeleton *skeleton)
{
    struct ps_body body;
    struct ps_reader reader;
    if (!entry->has_body || ps_body_decode_of(skeleton, entry->body, &body) != P2PSYNC_OK ||
        body.fields.size == 0) {
        return ps_bytes("", 0);
    }
    ps_reader_init(&reader, ps_value_field(body.fields, ps_bytes_text("name")));
    struct ps_bytes name = ps_read_str(&reader, PS_DEVICE_NAME_SIZE_MAX);
    return ps_device_name_valid(name) ? name : ps_bytes("", 0);
}
