/* The other side of a conflict, as other.h says. */
#include "other.h"

#include <criterion/criterion.h>
#include <string.h>

#include "node/api/inside.h"
#include "tests/lib/author.h"

static struct store_case here; /* the node's store */
static struct author author;

void other_begin(const p2psync_node *node)
{
    here = (struct store_case){.store = node->store, .map_size = CASE_MAP_SIZE};
    struct ps_txn txn = case_begin(&here, false);
    cr_assert_eq(ps_identity_read(&txn, &here.identity), P2PSYNC_OK);
    ps_txn_abort(&txn);
    author_init(&author, 7);
    author.identity.mesh = here.identity.mesh;
}

void other_end(void)
{
    author_deinit(&author);
}

struct store_case *other_store(void)
{
    return &here;
}

const struct ps_device *other_device(void)
{
    return &author.identity.device;
}

void other_signs(const char *id, uint64_t hlc, const char *json, char dot[static PS_DOT_TEXT_SIZE])
{
    struct p2psync_buffer fields = {0};
    struct author_change change = {.op_and_flags = PS_OP_DELETE, .id = id, .hlc = hlc};
    if (json != NULL) {
        cr_assert_eq(p2psync_value_from_json(json, strlen(json), &fields, NULL), P2PSYNC_OK);
        change.op_and_flags = PS_OP_CREATE;
        change.fields = ps_bytes(fields.data, fields.size);
    }
    struct ps_parent made = author_add(&author, &change);
    p2psync_buffer_free(&fields);
    author_deliver_all(&author, &here);
    (void)case_apply(&here);
    ps_dot_text(made.dot, dot);
}
