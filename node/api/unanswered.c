/* What there is to say of a node that hangs: stopped by a signal, or in a call to a disk that does
 * not come back. All of it comes from the system. */
#include <inttypes.h>
#include <stdio.h>

#include "node/api/inside.h"
#include "node/host/stalled.h"

static const char *reason(ps_stalled stalled);

p2psync_result p2psync_unanswered(p2psync_node *node, struct p2psync_detail *detail)
{
    if (!ps_node_usable(node) || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    p2psync_result result = ps_node_unanswered(node, &found);
    result = result == P2PSYNC_OK ? P2PSYNC_ENOANSWER : result;
    return ps_detail_give(result, &found, detail);
}

p2psync_result ps_node_unanswered(const p2psync_node *node, struct p2psync_detail *out)
{
    int64_t pid = 0;
    char process[32] = "";
    p2psync_result result = ps_ask_pid(node->dir_fd, &pid);
    if (result != P2PSYNC_OK && result != P2PSYNC_ENOANSWER) {
        return result;
    }
    if (pid != 0) {
        (void)snprintf(process, sizeof process, " (pid %" PRId64 ")", pid);
    }
    return ps_detail_say(out, P2PSYNC_OK, "the node%s does not answer%s", process,
                         reason(ps_stalled_look(pid)));
}

static const char *reason(ps_stalled stalled)
{
    switch (stalled) {
    case PS_STALLED_UNKNOWN:
        break;
    case PS_STALLED_SUSPENDED:
        return ": its process is suspended";
    case PS_STALLED_DISK:
        return ": its process waits for the disk";
    }
    return "";
}
