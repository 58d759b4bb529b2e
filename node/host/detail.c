/* What failed and where, beside the result. */
#include "node/host/detail.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "node/host/sized.h"
#include "wire/limits.h"

bool ps_detail_valid(const struct p2psync_detail *out)
{
    return out == NULL || ps_sized_valid(out, PS_SIZED_UP_TO(struct p2psync_detail, limit));
}

struct p2psync_detail ps_detail_none(void)
{
    return (struct p2psync_detail){.size = sizeof(struct p2psync_detail), .offset = SIZE_MAX};
}

p2psync_result ps_detail_limit(struct p2psync_detail *detail, const char *what, uint64_t limit,
                               const char *unit)
{
    (void)snprintf(detail->text, sizeof detail->text, "%s takes %" PRIu64 " %s at most", what,
                   limit, unit);
    detail->limit = limit;
    return P2PSYNC_ELIMIT;
}

p2psync_result ps_detail_say(struct p2psync_detail *detail, p2psync_result result,
                             const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(detail->text, sizeof detail->text, format, arguments);
    va_end(arguments);
    return result;
}

void ps_detail_explain(p2psync_result result, size_t edit, struct p2psync_detail *detail)
{
    detail->edit = edit;
    if (result == P2PSYNC_ECONFLICT) {
        (void)snprintf(detail->text, sizeof detail->text,
                       "the record has other versions than expected");
    } else if (result == P2PSYNC_ELIMIT) {
        (void)snprintf(detail->text, sizeof detail->text,
                       "a record takes %d bytes of fields at most, a transaction %d bytes; a "
                       "device begins some %d collections",
                       PS_VALUE_SIZE_MAX, PS_TRANSACTION_SIZE_MAX, PS_BEGUN_MAX);
    } else if (result == P2PSYNC_ECORRUPT) {
        (void)snprintf(detail->text, sizeof detail->text,
                       "what the store has of the record is damaged");
    } else if (result == P2PSYNC_EEXIST) {
        (void)snprintf(detail->text, sizeof detail->text,
                       "the record that the copy would become is there already");
    }
}

p2psync_result ps_detail_give(p2psync_result result, const struct p2psync_detail *detail,
                              struct p2psync_detail *out)
{
    if (result != P2PSYNC_OK && out != NULL) {
        ps_sized_write(out, detail, sizeof *detail);
    }
    return result;
}
