/* The other side of a conflict: an author who is no member. What it signs is stored as that of any
 * device is. There is one in a process. */
#ifndef PS_TESTS_NODE_OTHER_H
#define PS_TESTS_NODE_OTHER_H

#include <p2psync.h>

#include "tests/lib/store_case.h"
#include "wire/id.h"

/* It writes into the store of this node, until other_end(). */
void other_begin(const p2psync_node *node);
void other_end(void);

/* The store of the node. */
struct store_case *other_store(void);
const struct ps_device *other_device(void);

/* The other side creates a record of "notes", or deletes it if json is NULL, and knows of nothing
 * here. Its version goes to `dot`. */
void other_signs(const char *id, uint64_t hlc, const char *json, char dot[static PS_DOT_TEXT_SIZE]);

#endif
