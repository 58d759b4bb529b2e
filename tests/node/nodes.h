/* Nodes in temporary directories, for tests of the I/O half: made, asked, awaited and removed.
 * Nothing leaves 127.0.0.0/8. What is waited for is waited for with poll(2), and fails the test
 * only when it has not come for two minutes. */
#ifndef PS_TESTS_NODES_H
#define PS_TESTS_NODES_H

#include <stdbool.h>
#include <stddef.h>

#include <p2psync.h>

#define NODES_DIR_SIZE      64
#define NODES_ENDPOINT_SIZE 32
#define NODES_ROOT_SIZE     80
#define NODES_ENDPOINTS     2 /* that a process has for itself */

/* A new empty directory; its name goes to `out`. */
void nodes_dir(char out[static NODES_DIR_SIZE]);

/* Remove it with all that is in it. */
void nodes_remove(const char *dir);

/* Options for a node that keeps to 127.0.0.1 and to itself. */
struct p2psync_options nodes_options(const char *dir);

/* An endpoint that no other process on this machine takes: its address, in 127.0.0.0/8, is made of
 * the number of this process. For a node that must come back where it was. */
void nodes_own_endpoint(unsigned index, char out[static NODES_ENDPOINT_SIZE]);

/* Open a node; init it if it is given a name. */
p2psync_node *nodes_open(const char *dir, const char *name);
p2psync_node *nodes_open_with(const struct p2psync_options *options, const char *name);

/* What tests of one device share: a node called alpha, which does not run, and a directory and a
 * place for a second one. Both are closed and removed at the end. */
extern char nodes_dirs[2][NODES_DIR_SIZE];
extern p2psync_node *nodes_alpha;
extern p2psync_node *nodes_guest;
void nodes_begin(void);
void nodes_end(void);

/* A reply as JSON; valid until the next call. Fails the test if `result` is not OK. Frees the
 * reply. */
const char *nodes_json(p2psync_result result, struct p2psync_buffer *reply);

/* The history of a record, which must fit one page; as JSON, as above. */
const char *nodes_history(p2psync_node *node, const char *collection, const char *id);

/* The string that follows `"key":"` in the JSON. */
void nodes_text(const char *json, const char *key, char *out, size_t size);

/* Put {"field": value}. */
p2psync_result nodes_put(p2psync_node *node, const char *collection, const char *id,
                         const char *json);

/* A record's JSON, or "" if there is none. Until the next call. */
const char *nodes_get(p2psync_node *node, const char *collection, const char *id);

/* Fail the test unless `json` contains `part`. */
void nodes_assert_has(const char *json, const char *part);

/* The root of all that the node holds, as its status tells it. */
void nodes_root(p2psync_node *node, char out[static NODES_ROOT_SIZE]);

/* Set one of the settings of a collection to the value that this JSON is. */
p2psync_result nodes_set(p2psync_node *node, const char *collection, const char *key,
                         const char *json);

/* Take events until one of this type comes whose JSON contains `text` (NULL: any); gives its JSON.
 */
const char *nodes_await(p2psync_node *node, p2psync_event_type type, const char *text);

/* Await equal roots and "in_sync" on both: looks again after every event of `node`. */
void nodes_await_same(p2psync_node *node, p2psync_node *other);

/* `guest` (opened, without device) joins the mesh of the running `host`. */
void nodes_join(p2psync_node *host, p2psync_node *guest, const char *name);

#endif
