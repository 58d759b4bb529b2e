/* SUMMARY: what its lists may name, and how often. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "wire/message.h"

static struct ps_buf buf;
static struct ps_buf out;

static void setup(void)
{
    ps_buf_init(&buf, (size_t)2 * PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&out, (size_t)2 * PS_MESSAGE_SIZE_MAX);
}

static void teardown(void)
{
    ps_buf_deinit(&out);
    ps_buf_deinit(&buf);
}

TestSuite(message_summary, .init = setup, .fini = teardown);

/* Decode a SUMMARY with the heads of two collections. */
static p2psync_result decode_heads_of_two(size_t first, size_t second)
{
    const struct ps_short_head head = {.size = 1};
    const size_t counts[] = {first, second};
    struct ps_summary summary = {.reply = false};
    struct ps_writer writer;
    ps_buf_clear(&buf);
    ps_buf_clear(&out);
    ps_writer_init(&writer, &buf);
    ps_write_array(&writer, 2);
    for (size_t i = 0; i < 2; i++) {
        const struct ps_summary_part part = {.name = ps_bytes_text(i == 0 ? "a" : "b"),
                                             .logs = ps_log_range_all()};
        ps_summary_write_collection(&writer, &part, counts[i]);
        for (size_t j = 0; j < counts[i]; j++) {
            ps_summary_write_head(&writer, &head);
        }
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    summary.heads = ps_buf_view(&buf);
    cr_assert_eq(ps_summary_encode(&summary, &out), P2PSYNC_OK);
    return ps_summary_decode(ps_buf_view(&out), &summary);
}

/* What a SUMMARY is of: from above to, no names, and logs in the wrong order are none. */
Test(message_summary, of_nothing_is_refused)
{
    const struct ps_log_range wrong = {.first = {.origin = {.bytes = {2}}},
                                       .last = {.origin = {.bytes = {1}}}};
    const struct ps_summary_part part = {.name = ps_bytes_text("a"), .logs = wrong};
    static const char *const ranges[][2] = {{"b", "a"}, {"a", "a"}, {"\n", "b"}};
    struct ps_writer writer;
    struct ps_summary summary = {.reply = false};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        ps_buf_clear(&out);
        summary.from = ps_bytes_text(ranges[i][0]);
        summary.to = ps_bytes_text(ranges[i][1]);
        cr_assert_eq(ps_summary_encode(&summary, &out), P2PSYNC_OK);
        cr_assert_eq(ps_summary_decode(ps_buf_view(&out), &summary), P2PSYNC_EFORMAT, "%zu", i);
    }
    ps_writer_init(&writer, &buf);
    ps_write_array(&writer, 1);
    ps_summary_write_collection(&writer, &part, 0);
    ps_summary_end_collection(&writer, &part);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    ps_buf_clear(&out);
    summary = (struct ps_summary){.heads = ps_buf_view(&buf)};
    cr_assert_eq(ps_summary_encode(&summary, &out), P2PSYNC_OK);
    cr_assert_eq(ps_summary_decode(ps_buf_view(&out), &summary), P2PSYNC_EFORMAT);
}

/* Decode a SUMMARY that names collections: as roots, and as collections with heads. */
static void check_names(const char *const *called, size_t count, p2psync_result expected)
{
    struct ps_hash root = {.bytes = {1}};
    for (unsigned heads = 0; heads < 2; heads++) {
        struct ps_summary summary = {.reply = false};
        struct ps_writer writer;
        ps_buf_clear(&buf);
        ps_buf_clear(&out);
        ps_writer_init(&writer, &buf);
        ps_write_array(&writer, (uint32_t)count);
        for (size_t i = 0; i < count; i++) {
            const struct ps_summary_part part = {.name = ps_bytes_text(called[i]),
                                                 .logs = ps_log_range_all()};
            if (heads == 0) {
                ps_summary_write_root(&writer, part.name, &root);
            } else {
                ps_summary_write_collection(&writer, &part, 0);
                ps_summary_end_collection(&writer, &part);
            }
        }
        cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
        *(heads == 0 ? &summary.roots : &summary.heads) = ps_buf_view(&buf);
        cr_assert_eq(ps_summary_encode(&summary, &out), P2PSYNC_OK);
        cr_assert_eq(ps_summary_decode(ps_buf_view(&out), &summary), expected, "%s %u", called[1],
                     heads);
    }
}

Test(message_summary, names_collections_up_to_their_limit)
{
    static char texts[PS_ROOTS_MAX + 1][8];
    static const char *called[PS_ROOTS_MAX + 1];
    for (size_t i = 0; i <= PS_ROOTS_MAX; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "%05zu", i);
        called[i] = texts[i];
    }
    check_names(called, PS_ROOTS_MAX, P2PSYNC_OK);
    check_names(called, PS_ROOTS_MAX + 1, P2PSYNC_ELIMIT);
}

/* A collection that is named again and again would be compared as often. */
Test(message_summary, names_each_collection_once)
{
    check_names((const char *const[]){"b", "c"}, 2, P2PSYNC_OK);
    check_names((const char *const[]){"b", "b"}, 2, P2PSYNC_EFORMAT);
    check_names((const char *const[]){"b", "a"}, 2, P2PSYNC_EFORMAT);
}

Test(message_summary, counts_heads_over_all_collections)
{
    cr_assert_eq(decode_heads_of_two(1, PS_SHORT_HEADS_MAX - 1), P2PSYNC_OK);
    cr_assert_eq(decode_heads_of_two(2, PS_SHORT_HEADS_MAX - 1), P2PSYNC_ELIMIT);
}
