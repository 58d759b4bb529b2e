/* One sentence: see removal.h. */
#include "node/view/removal.h"

#include <stdio.h>

#include "node/host/time.h"
#include "store/mesh/members.h"

p2psync_result ps_view_removal_text(struct ps_txn *txn, const struct ps_identity *identity,
                                    char out[static PS_VIEW_REMOVAL_TEXT_SIZE])
{
    struct ps_removal removal = {.kind = PS_REMOVAL_NONE};
    struct ps_member by;
    char when[PS_TIME_TEXT_SIZE] = "";
    uint64_t made_ms = 0;
    p2psync_result result = ps_removal_read(txn, identity, &removal);
    by.device = removal.by;
    if (result == P2PSYNC_OK && removal.kind != PS_REMOVAL_NONE) {
        result = ps_member_read_name(txn, &by, &made_ms);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (removal.kind == PS_REMOVAL_NONE) {
        out[0] = '\0';
        return P2PSYNC_OK;
    }
    ps_time_text(removal.at_ms, when);
    if (removal.kind == PS_REMOVAL_TOLD) {
        (void)snprintf(out, PS_VIEW_REMOVAL_TEXT_SIZE,
                       "%.*s says that this device was removed from the mesh; what is here stays",
                       (int)by.name_size, by.name);
    } else if (ps_device_equal(&removal.by, &identity->device)) {
        (void)snprintf(out, PS_VIEW_REMOVAL_TEXT_SIZE,
                       "this device has retired from the mesh at %s; what is here stays", when);
    } else if (ps_mesh_recovers(&identity->mesh, &removal.by)) {
        (void)snprintf(out, PS_VIEW_REMOVAL_TEXT_SIZE,
                       "this device was removed from the mesh with the recovery code at %s; what "
                       "is here stays",
                       when);
    } else {
        (void)snprintf(out, PS_VIEW_REMOVAL_TEXT_SIZE,
                       "this device was removed from the mesh by %.*s at %s; what is here stays",
                       (int)by.name_size, by.name, when);
    }
    return P2PSYNC_OK;
}
