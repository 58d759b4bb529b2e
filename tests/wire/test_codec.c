/* The sticky reader and the capped writer. */
#include <criterion/criterion.h>
#include <string.h>

#include "wire/codec.h"
#include "wire/limits.h"

#define BYTES(...) ps_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

Test(codec, reads_what_was_written)
{
    struct ps_buf buf;
    struct ps_writer writer;
    struct ps_reader reader;
    uint8_t exact[3];
    ps_buf_init(&buf, 1000);
    ps_writer_init(&writer, &buf);
    ps_write_array(&writer, 9);
    ps_write_uint(&writer, UINT64_MAX);
    ps_write_int(&writer, -5);
    ps_write_bool(&writer, true);
    ps_write_bool(&writer, false);
    ps_write_nil(&writer);
    ps_write_text(&writer, "abc");
    ps_write_bin(&writer, ps_bytes_text("xyz"));
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "k");
    ps_write_raw(&writer, BYTES(0x91, 0x05));
    ps_write_raw_or_nil(&writer, ps_bytes(NULL, 0));
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);

    ps_reader_init(&reader, ps_buf_view(&buf));
    cr_assert_eq(ps_read_array_at_least(&reader, 7), 2);
    cr_assert_eq(ps_read_uint(&reader), UINT64_MAX);
    cr_assert(ps_bytes_equal(ps_read_value(&reader, 0), BYTES(0xfb)));
    cr_assert(ps_read_bool(&reader));
    cr_assert_not(ps_read_bool(&reader));
    cr_assert(ps_read_nil(&reader));
    cr_assert_not(ps_read_nil(&reader));
    cr_assert(ps_bytes_equal(ps_read_str(&reader, 3), ps_bytes_text("abc")));
    ps_read_bin_exact(&reader, exact, 3);
    cr_assert_eq(memcmp(exact, "xyz", 3), 0);
    cr_assert_eq(ps_read_map(&reader), 1);
    ps_read_skip(&reader, 2);
    cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_EFORMAT);
    cr_assert(ps_read_nil(&reader));
    cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_OK);
    ps_buf_deinit(&buf);
}

Test(codec, writes_the_shortest_form)
{
    struct ps_buf buf;
    struct ps_writer writer;
    ps_buf_init(&buf, 1000);
    ps_writer_init(&writer, &buf);
    ps_write_uint(&writer, 127);
    ps_write_uint(&writer, 128);
    ps_write_uint(&writer, 256);
    ps_write_int(&writer, 127);
    ps_write_int(&writer, -32);
    ps_write_int(&writer, -33);
    cr_assert(ps_bytes_equal(ps_buf_view(&buf),
                             BYTES(127, 0xcc, 128, 0xcd, 1, 0, 127, 0xe0, 0xd0, 0xdf)));
    ps_buf_deinit(&buf);
}

Test(codec, first_error_stays_and_reads_give_zero_after_it)
{
    struct ps_reader reader;
    uint8_t exact[2] = {9, 9};
    ps_reader_init(&reader, BYTES(0xa2, 'a', 'b', 5, 5, 5));
    cr_assert_eq(ps_read_str(&reader, 1).size, 0);
    cr_assert_eq(ps_read_uint(&reader), 0);
    cr_assert_eq(ps_read_array(&reader), 0);
    cr_assert_eq(ps_read_map(&reader), 0);
    cr_assert_eq(ps_read_bin(&reader, 5).size, 0);
    cr_assert_eq(ps_read_value(&reader, 1).size, 0);
    cr_assert_not(ps_read_bool(&reader));
    cr_assert_not(ps_read_nil(&reader));
    ps_read_bin_exact(&reader, exact, 2);
    cr_assert_eq(exact[0], 0);
    ps_reader_fail(&reader, P2PSYNC_EFORMAT);
    cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_ELIMIT);
}

Test(codec, reader_rejects_wrong_types)
{
    struct ps_reader reader;
    uint8_t exact[1];
    ps_reader_init(&reader, BYTES(0xff));
    (void)ps_read_uint(&reader);
    cr_assert_eq(reader.error, P2PSYNC_EFORMAT);
    ps_reader_init(&reader, BYTES(0xc4, 0));
    (void)ps_read_str(&reader, 5);
    cr_assert_eq(reader.error, P2PSYNC_EFORMAT);
    ps_reader_init(&reader, BYTES(0xa0));
    (void)ps_read_bin(&reader, 5);
    cr_assert_eq(reader.error, P2PSYNC_EFORMAT);
    ps_reader_init(&reader, BYTES(0xc4, 2, 1, 1));
    ps_read_bin_exact(&reader, exact, 1);
    cr_assert_eq(reader.error, P2PSYNC_EFORMAT);
    ps_reader_init(&reader, BYTES(1));
    (void)ps_read_bool(&reader);
    cr_assert_eq(reader.error, P2PSYNC_EFORMAT);
    ps_reader_init(&reader, BYTES(0x80));
    (void)ps_read_array(&reader);
    cr_assert_eq(reader.error, P2PSYNC_EFORMAT);
    ps_reader_init(&reader, BYTES(0x91, 1));
    (void)ps_read_array_at_least(&reader, 2);
    cr_assert_eq(reader.error, P2PSYNC_EFORMAT);
}

Test(codec, reader_rejects_what_is_over_its_bound)
{
    struct ps_reader reader;
    ps_reader_init(&reader, BYTES(5, 6));
    cr_assert_eq(ps_read_uint_max(&reader, 5), 5);
    cr_assert_eq(ps_read_uint_max(&reader, 5), 0);
    cr_assert_eq(reader.error, P2PSYNC_ELIMIT);
    ps_reader_init(&reader, BYTES(0xc4, 2, 1, 1));
    cr_assert_eq(ps_read_bin(&reader, 1).size, 0);
    cr_assert_eq(reader.error, P2PSYNC_ELIMIT);
    ps_reader_init(&reader, BYTES(0x91, 0x90));
    cr_assert_eq(ps_read_value(&reader, 1).size, 0);
    cr_assert_eq(reader.error, P2PSYNC_ELIMIT);
}

Test(codec, array_header_that_claims_everything_costs_nothing)
{
    struct ps_reader reader;
    ps_reader_init(&reader, BYTES(0xdd, 0xff, 0xff, 0xff, 0xff));
    cr_assert_eq(ps_read_array(&reader), 0);
    cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_EFORMAT);
}

Test(codec, writer_stops_at_the_cap_of_its_buffer)
{
    struct ps_buf buf;
    struct ps_writer writer;
    ps_buf_init(&buf, 4);
    ps_writer_init(&writer, &buf);
    ps_write_text(&writer, "abc");
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    ps_write_nil(&writer);
    ps_write_uint(&writer, 5);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_ELIMIT);
    cr_assert_eq(buf.size, 4);
    ps_buf_deinit(&buf);
}
