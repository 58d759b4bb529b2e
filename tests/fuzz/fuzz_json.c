/* JSON: what is read is written and read again as the same bytes; and any value that the store
 * takes comes back from JSON as itself. */
#include <stdlib.h>
#include <string.h>

#include <p2psync.h>

#include "wire/value.h"

/* NOLINTNEXTLINE(readability-identifier-naming): the name is that of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

/* Write a value as JSON and read it. */
static void bring_back(struct ps_bytes value, struct p2psync_buffer *out)
{
    struct p2psync_buffer text = {0};
    must(p2psync_value_to_json((struct p2psync_bytes){value.data, value.size}, &text) ==
         P2PSYNC_OK);
    must(p2psync_value_from_json(text.data, text.size, out, NULL) == P2PSYNC_OK);
    free(text.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct p2psync_buffer packed = {0};
    struct p2psync_buffer again = {0};
    if (p2psync_value_from_json((const char *)data, size, &packed, NULL) == P2PSYNC_OK) {
        struct ps_bytes value = ps_bytes(packed.data, packed.size);
        must(ps_value_check(value) == P2PSYNC_OK);
        bring_back(value, &again);
        must(ps_bytes_equal(value, ps_bytes(again.data, again.size)));
        free(again.data);
    }
    free(packed.data);
    again = (struct p2psync_buffer){0};
    if (ps_value_check(ps_bytes(data, size)) == P2PSYNC_OK) {
        bring_back(ps_bytes(data, size), &again);
        must(ps_value_equal(ps_bytes(data, size), ps_bytes(again.data, again.size)));
        free(again.data);
    }
    return 0;
}
