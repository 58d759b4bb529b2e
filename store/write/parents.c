/* How a change names what it is made on top of, and how more versions than it can name are ended.
 */
#include <stdlib.h>
#include <string.h>

#include "store/write/writing.h"
#include "wire/hlc.h"

static int compare_parents(const void *a, const void *b);

void ps_writing_name_parents(struct ps_writing *writing)
{
    struct ps_skeleton *skeleton = &writing->pending.skeleton;
    uint64_t hlcs[PS_PARENTS_MAX] = {0};
    skeleton->parent_count = writing->parent_count;
    for (size_t i = 0; i < writing->parent_count; i++) {
        const struct ps_version *version = &writing->parents[i];
        struct ps_parent *parent = &skeleton->parents[i];
        parent->dot = version->dot;
        memcpy(parent->leaf, version->leaf, PS_HASH_SHORT_SIZE);
        hlcs[i] = version->hlc;
    }
    if (skeleton->parent_count > 1) {
        qsort(skeleton->parents, skeleton->parent_count, sizeof skeleton->parents[0],
              compare_parents);
        skeleton->op_and_flags |= PS_CHANGE_FULL;
    }
    skeleton->hlc = ps_hlc_next(writing->write->now_ms, hlcs, skeleton->parent_count);
}

static int compare_parents(const void *a, const void *b)
{
    return ps_parent_compare(a, b);
}

p2psync_result ps_writing_end_oldest(struct ps_writing *writing, const struct ps_edit *edit)
{
    struct ps_pending *pending = &writing->pending;
    struct ps_record_row row;
    p2psync_result result = ps_writing_open_log(writing);
    if (result == P2PSYNC_OK) {
        result = ps_record_get(writing->txn, writing->collection.number, edit->id, &row);
    }
    while (result == P2PSYNC_OK && row.version_count > PS_PARENTS_MAX) { /* each time 63 less */
        memcpy(pending->id, edit->id.data, edit->id.size);
        pending->skeleton.op_and_flags =
            (unsigned)PS_OP_DELETE | (edit->automatic ? PS_CHANGE_AUTO : 0U);
        pending->skeleton.record_id = ps_bytes(pending->id, edit->id.size);
        for (writing->parent_count = 0; writing->parent_count < PS_PARENTS_MAX;
             writing->parent_count++) {
            ps_record_version(&row, (uint32_t)writing->parent_count,
                              &writing->parents[writing->parent_count]);
        }
        ps_writing_name_parents(writing);
        struct ps_body body = {.note = ps_bytes(NULL, 0)};
        ps_buf_clear(&pending->body);
        result = ps_body_encode(&body, &pending->body);
        pending->set = true;
        pending->passing = true;
        if (result == P2PSYNC_OK) {
            result = ps_writing_flush(writing, true);
        }
        pending->passing = false;
        if (result == P2PSYNC_OK) {
            result = ps_record_get(writing->txn, writing->collection.number, edit->id, &row);
        }
    }
    return result == P2PSYNC_ENOTFOUND ? P2PSYNC_ECORRUPT : result;
}
