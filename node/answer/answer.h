/* Automatic answers to conflicts: by the app's callback, by a command, or by one of the built-in
 * rules `local` and `remote`. A thread of its own waits for conflicts and answers them one by one,
 * so that no answer, however long it takes, holds up the node.
 *
 * DESIGN, "Merging": an answer is a change flagged `auto` whose parents are all versions. It is
 * written only while this node is in sync with all connected peers and every signed head it knows
 * of is applied, after a wait with jitter; of several answers the last one counts. So devices that
 * disagree come to rest, and one that replays a long past answers nothing that was answered. */
#ifndef PS_NODE_ANSWER_ANSWER_H
#define PS_NODE_ANSWER_ANSWER_H

#include "node/api/life.h"

struct ps_answerer;
struct ps_loop;

/* What the settings and the app's options say: whether anybody answers. */
bool ps_answerer_wanted(const p2psync_node *node);

/* Start the thread, which takes no signals.
 *
 * node     with its settings and its running loop; outlives the answerer.
 * news_fd  an eventfd that the loop writes to at each commit; the caller's.
 * Errors   P2PSYNC_ENOMEM; P2PSYNC_EIO.
 */
p2psync_result ps_answerer_start(p2psync_node *node, int news_fd,
                                 struct ps_answerer **out) P2PSYNC_MUST_CHECK;

/* End it and wait until a callback that runs has returned; a command is killed. Nulls the pointer;
 * NULL is fine. */
void ps_answerer_destroy(struct ps_answerer **answerer);

#endif
