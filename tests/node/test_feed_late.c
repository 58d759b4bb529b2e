/* The feed and what waits for a parent: it is passed over, and told when it is applied, each change
 * once, also by a feed that began while it waited. */
#include <criterion/criterion.h>
#include <string.h>

#include "node/feed/feed.h"
#include "tests/lib/author.h"

static struct store_case here;
static struct author one;
static struct author two;
static struct ps_feed feed;
static struct ps_buf buf;
static struct ps_buf told;

static void setup(void)
{
    case_open(&here, 1);
    author_init(&one, 2);
    author_init(&two, 3);
    ps_buf_init(&buf, 1024);
    ps_buf_init(&told, 65536);
    cr_assert_eq(ps_feed_init(&feed, here.store), P2PSYNC_OK);
}

static void teardown(void)
{
    ps_feed_deinit(&feed);
    ps_buf_deinit(&told);
    ps_buf_deinit(&buf);
    author_deinit(&two);
    author_deinit(&one);
    case_close(&here);
}

TestSuite(test_feed_late, .init = setup, .fini = teardown, .timeout = 60);

static struct ps_parent put(struct author *author, const char *id, const struct ps_parent *parent,
                            uint64_t hlc, uint32_t flags)
{
    struct author_change change = {.op_and_flags =
                                       (parent == NULL ? PS_OP_CREATE : PS_OP_UPDATE) | flags,
                                   .id = id,
                                   .hlc = hlc,
                                   .parent_count = parent == NULL ? 0 : 1,
                                   .fields = case_fields(&buf, "n", 1)};
    if (parent != NULL) {
        change.parents[0] = *parent;
    }
    return author_add(author, &change);
}

/* The ids of all that is told now, one letter each. */
static const char *ids(void)
{
    static char out[32];
    size_t count = 0;
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK) {
        p2psync_event_type type = P2PSYNC_EVENT_ERROR;
        ps_buf_clear(&told);
        result = ps_feed_next(&feed, here.store, &type, &told);
        if (result == P2PSYNC_OK && type == P2PSYNC_EVENT_RECORD_CHANGED) {
            struct ps_bytes id = ps_value_field(ps_buf_view(&told), ps_bytes_text("id"));
            out[count] = (char)id.data[id.size - 1];
            count++;
        }
    }
    cr_assert_eq(result, P2PSYNC_EAGAIN);
    out[count] = '\0';
    return out;
}

static void write_logs(void)
{
    struct ps_parent late = put(&two, "a", NULL, 10, 0);
    (void)put(&one, "x", NULL, 11, 0);
    (void)put(&one, "a", &late, 12, PS_CHANGE_MORE);
    (void)put(&one, "b", NULL, 13, 0);
    (void)put(&one, "y", NULL, 14, 0);
}

Test(test_feed_late, is_told_when_it_is_applied)
{
    write_logs();
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    cr_assert_str_eq(ids(), "xy");
    author_deliver_all(&two, &here);
    (void)case_apply(&here);
    cr_assert_eq(strlen(ids()), 3);
    cr_assert_str_eq(ids(), "");
}

Test(test_feed_late, is_told_by_a_feed_that_began_while_it_waited)
{
    write_logs();
    author_deliver_all(&one, &here);
    (void)case_apply(&here);
    ps_feed_deinit(&feed);
    cr_assert_eq(ps_feed_init(&feed, here.store), P2PSYNC_OK);
    cr_assert_str_eq(ids(), "");
    author_deliver_all(&two, &here);
    (void)case_apply(&here);
    cr_assert_str_eq(ids(), "aba", "what was late, and its parent");
    cr_assert_str_eq(ids(), "");
}
