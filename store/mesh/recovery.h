/* The recovery key of the mesh, which is on no device: it is in memory for one command, and comes
 * from the code that a person has on paper. PROTOCOL.md, section 10. */
#ifndef PS_STORE_MESH_RECOVERY_H
#define PS_STORE_MESH_RECOVERY_H

#include "store/write/write.h"
#include "wire/recovery_code.h"

/* Draw the key of a mesh that is still to be made; what is left of it is its code. Needs
 * sodium_init(). */
void ps_recovery_draw(char code_out[static PS_RECOVERY_CODE_SIZE]);

/* The key of a code that somebody has typed.
 *
 * out      of ps_secret_new(); to be wiped by the caller.
 * why_out  after an error what is wrong with the code, a static sentence without full stop.
 *
 * Errors   P2PSYNC_EFORMAT.
 */
p2psync_result ps_recovery_read(const char *code, struct ps_secret *out,
                                const char **why_out) P2PSYNC_MUST_CHECK;

/* Its public key. */
struct ps_device ps_recovery_device(const struct ps_secret *key);

/* Under whose name the key writes: the key itself, in an incarnation that is drawn for it,
 * whichever device it is on. So nobody has to know what the key has written before, and what is
 * written under one such identity lies in one log.
 *
 * Errors  P2PSYNC_EDENIED it is not the key of this mesh; P2PSYNC_ENODEVICE.
 */
p2psync_result ps_recovery_identity(struct ps_txn *txn, const struct ps_secret *key,
                                    struct ps_identity *out) P2PSYNC_MUST_CHECK;

/* Write one transaction of `_devices` in the name of the recovery key, under an identity of its
 * own, and work the members out anew. The fields of `write` for
 * identity, secret, time and collection are not looked at. The caller commits, and wipes the key.
 *
 * now_ms  wall clock.
 * Errors  as ps_recovery_identity(), ps_write() and ps_members_refresh(). After any the transaction
 *         must be aborted.
 */
p2psync_result ps_recovery_write(struct ps_txn *txn, const struct ps_secret *key,
                                 const struct ps_write *write, uint64_t now_ms,
                                 struct ps_written *out) P2PSYNC_MUST_CHECK;

#endif
