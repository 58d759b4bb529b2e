/* Writing as this device: see own.h. The identity is read in the transaction that writes, because
 * another process may have changed it. */
#include "store/write/own.h"

#include "store/env/store.h"

p2psync_result ps_own_write(struct ps_txn *txn, const struct ps_write *write, uint64_t now_ms,
                            struct ps_written *out)
{
    struct ps_identity identity = {0};
    struct ps_secret *secret = ps_txn_secret(txn);
    struct ps_write whole = *write;
    p2psync_result result = ps_identity_read(txn, &identity);
    if (result == P2PSYNC_OK) {
        result = ps_identity_read_secret(txn, secret);
    }
    if (result == P2PSYNC_OK) {
        whole.identity = &identity;
        whole.secret = secret;
        whole.now_ms = now_ms;
        result = ps_write(txn, &whole, out);
    }
    ps_secret_wipe(secret);
    return result;
}
