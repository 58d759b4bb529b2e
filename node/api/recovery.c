/* The recovery code of a mesh: drawn before the mesh is made, and checked against it ever after.
 * The key is in guarded memory, and wiped. */
#include "store/mesh/recovery.h"

#include <sodium.h>
#include <stdlib.h>

#include "node/api/inside.h"
#include "store/env/identity.h"

p2psync_result p2psync_recovery_draw(struct p2psync_buffer *out)
{
    if (out == NULL) {
        return P2PSYNC_EMISUSE;
    }
    char *code = sodium_init() >= 0 ? malloc(PS_RECOVERY_CODE_SIZE) : NULL;
    if (code == NULL) {
        return P2PSYNC_ENOMEM;
    }
    ps_recovery_draw(code);
    *out = (struct p2psync_buffer){.data = code, .size = PS_RECOVERY_CODE_SIZE - 1};
    return P2PSYNC_OK;
}

p2psync_result p2psync_recovery_check(p2psync_node *node, const char *code,
                                      struct p2psync_detail *detail)
{
    struct ps_identity identity = {0};
    struct ps_device device = {{0}};
    struct ps_txn txn = {0};
    if (!ps_node_usable(node) || code == NULL || !ps_detail_valid(detail)) {
        return P2PSYNC_EMISUSE;
    }
    struct p2psync_detail found = ps_detail_none();
    p2psync_result result = ps_recovery_code_device(code, &device, &found);
    if (result == P2PSYNC_OK) {
        result = ps_txn_begin(node->store, false, &txn);
    }
    if (result == P2PSYNC_OK) {
        result = ps_identity_read(&txn, &identity);
    }
    ps_txn_abort(&txn);
    if (result == P2PSYNC_OK && !ps_mesh_recovers(&identity.mesh, &device)) {
        result = ps_detail_say(&found, P2PSYNC_EDENIED,
                               "it is the code of another mesh, or this one was made without a "
                               "recovery key");
    }
    return ps_detail_give(result, &found, detail);
}

p2psync_result ps_recovery_code_device(const char *code, struct ps_device *out,
                                       struct p2psync_detail *detail)
{
    const char *why = NULL;
    struct ps_secret *key = ps_secret_new();
    if (key == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = ps_recovery_read(code, key, &why);
    if (result == P2PSYNC_OK) {
        *out = ps_recovery_device(key);
    } else if (why != NULL) {
        (void)ps_detail_say(detail, result, "%s", why);
    }
    ps_secret_destroy(&key);
    return result;
}
