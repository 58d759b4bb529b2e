/* What failed and where, beside the result, as p2psync.h promises it. Inside it is gathered in a
 * whole struct that is always there; only at the end the app gets what it has room for. */
#ifndef PS_NODE_HOST_DETAIL_H
#define PS_NODE_HOST_DETAIL_H

#include <p2psync.h>

/* Whether the app's is none (NULL), or may be filled. */
bool ps_detail_valid(const struct p2psync_detail *out);

/* A detail that says nothing yet. */
struct p2psync_detail ps_detail_none(void);

/* Say that there is more of `what` ("an id", "a note") than `limit`, in `unit` ("bytes").
 *
 * Returns P2PSYNC_ELIMIT.
 */
p2psync_result ps_detail_limit(struct p2psync_detail *detail, const char *what, uint64_t limit,
                               const char *unit);

/* Say what is so, as a sentence without full stop; what of it does not fit is cut. Returns
 * `result`.
 */
p2psync_result ps_detail_say(struct p2psync_detail *detail, p2psync_result result,
                             const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Say what the result of a write of the store leaves open, of which edit. */
void ps_detail_explain(p2psync_result result, size_t edit, struct p2psync_detail *detail);

/* Hand `detail` to the app, if `result` is an error and it wants to know. Returns `result`. */
p2psync_result ps_detail_give(p2psync_result result, const struct p2psync_detail *detail,
                              struct p2psync_detail *out);

#endif
