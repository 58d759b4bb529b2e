/* Fields as MessagePack: taken out of a map one by one, and put together again. A value goes
 * through here byte for byte; JSON is only at both ends, and so whatever the store takes comes
 * through. */
#ifndef P2PSYNC_CLI_FIELDS_H
#define P2PSYNC_CLI_FIELDS_H

#include <p2psync.h>

struct field {
    struct p2psync_bytes name;  /* its characters */
    struct p2psync_bytes value; /* one whole value */
};

/* A list of fields, each name once. The bytes are the caller's. A zeroed one is empty and valid. */
struct fields {
    struct field *field;
    size_t count;
    size_t capacity;
};

/* Add the fields of `map`; what is listed already is set anew, in its place.
 *
 * Errors  P2PSYNC_EFORMAT it is no map; P2PSYNC_ENOMEM.
 */
p2psync_result fields_add_map(struct fields *fields, struct p2psync_bytes map);

/* Add one field, or set it anew. Errors as above. */
p2psync_result fields_set(struct fields *fields, struct p2psync_bytes name,
                          struct p2psync_bytes value);

/* The same for a name that is not listed yet: it is not looked for. */
p2psync_result fields_append(struct fields *fields, struct p2psync_bytes name,
                             struct p2psync_bytes value);

/* The field of that name, or NULL. */
const struct field *fields_find(const struct fields *fields, struct p2psync_bytes name);

/* Take the field of that name out, if there is one. */
void fields_remove(struct fields *fields, struct p2psync_bytes name);

/* The map of all of them, in their order. Freed by the caller.
 *
 * Errors  as of p2psync_builder_finish().
 */
p2psync_result fields_pack(const struct fields *fields, struct p2psync_buffer *out);

/* Free the list, and leave it empty. */
void fields_free(struct fields *fields);

#endif
