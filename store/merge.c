/* Strategies. Nothing here depends on anything but the row, so every node that has the same
 * versions shows the same record, and nothing needs to be agreed. */
#include "store/merge.h"

#include "wire/value.h"

typedef void merge_fn(const struct ps_record_row *row, struct ps_merged *out);

static merge_fn last_write_wins;
static bool all_equal(const struct ps_record_row *row);

static const struct {
    const char *name;
    merge_fn *merge;
} strategies[] = {
    [PS_STRATEGY_LAST_WRITE_WINS] = {"last_write_wins", last_write_wins},
};
#define STRATEGY_COUNT (sizeof(strategies) / sizeof(strategies[0]))

const char *ps_strategy_name(ps_strategy strategy)
{
    assert((size_t)strategy < STRATEGY_COUNT);
    return strategies[strategy].name;
}

void ps_merge(ps_strategy strategy, const struct ps_record_row *row, struct ps_merged *out)
{
    assert((size_t)strategy < STRATEGY_COUNT);
    assert(row->version_count > 0);
    strategies[strategy].merge(row, out);
    out->conflict = row->version_count > 1 && !all_equal(row);
}

/* The last version, whole: versions are in ascending (hlc, origin, seq). */
static void last_write_wins(const struct ps_record_row *row, struct ps_merged *out)
{
    ps_record_version(row, row->version_count - 1, &out->shown);
    out->value = out->shown.value;
}

/* Equal values in equal states are no conflict, whoever wrote them. */
static bool all_equal(const struct ps_record_row *row)
{
    struct ps_version first;
    ps_record_version(row, 0, &first);
    if (!first.has_value) {
        return false; /* more versions than are kept with their values */
    }
    for (uint32_t i = 1; i < row->version_count; i++) {
        struct ps_version other;
        ps_record_version(row, i, &other);
        if (other.state != first.state || (!ps_bytes_equal(first.value, other.value) &&
                                           !ps_value_equal(first.value, other.value))) {
            return false;
        }
    }
    return true;
}
