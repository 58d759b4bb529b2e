/* Transactions in the making, as tests/sim/draft.h says. */
#include "tests/sim/draft.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/mesh.h"
#include "tests/sim/trace.h"

#define SHOWN_MAX 8 /* edits of one write in a trace */

static void trace_write(const struct sim_net *net, unsigned node, const struct sim_write *write,
                        p2psync_result result);

struct sim_draft *sim_draft_new(void)
{
    struct sim_draft *draft = calloc(1, sizeof *draft);
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

struct ps_edit *sim_draft_edit(struct sim_draft *draft, ps_edit_kind kind)
{
    size_t i = draft->count++;
    ps_buf_init(&draft->bytes[i], PS_VALUE_SIZE_MAX);
    draft->edits[i] = (struct ps_edit){.kind = kind};
    return &draft->edits[i];
}

p2psync_result sim_draft_commit(struct sim_draft *draft, struct sim_net *net, unsigned node,
                                const char *collection)
{
    struct sim_write write = {ps_bytes_text(collection), draft->edits, draft->count, NULL};
    p2psync_result result = sim_mesh_write(net, node, &write);
    trace_write(net, node, &write, result);
    for (size_t i = 0; i < draft->count; i++) {
        ps_buf_deinit(&draft->bytes[i]);
    }
    ps_buf_deinit(&draft->unset);
    free(draft);
    return result;
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
