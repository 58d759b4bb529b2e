/* Maps that count their pairs: the bytes are those of a map whose number was known before. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "wire/map.h"
#include "wire/value.h"

#define PAIRS_MAX 40

static void write_pairs(struct ps_writer *writer, size_t count, bool counted)
{
    struct ps_map map;
    char key[16];
    if (counted) {
        ps_map_begin(&map, writer);
    } else {
        ps_write_map(writer, count);
    }
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(key, sizeof key, "key%02zu", i);
        if (counted) {
            ps_map_uint(&map, key, i * 1000);
        } else {
            ps_write_text(writer, key);
            ps_write_uint(writer, i * 1000);
        }
    }
    if (counted) {
        ps_map_end(&map);
    }
}

/* Behind something else, and with something behind it. */
Test(test_map, writes_the_shortest_form_for_any_number_of_pairs)
{
    for (size_t count = 0; count <= PAIRS_MAX; count++) {
        struct ps_buf bufs[2];
        for (size_t i = 0; i < 2; i++) {
            struct ps_writer writer;
            ps_buf_init(&bufs[i], 65536);
            ps_writer_init(&writer, &bufs[i]);
            ps_write_text(&writer, "before");
            write_pairs(&writer, count, i == 0);
            ps_write_text(&writer, "after");
            cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
        }
        cr_expect(ps_bytes_equal(ps_buf_view(&bufs[0]), ps_buf_view(&bufs[1])), "%zu pairs", count);
        ps_buf_deinit(&bufs[0]);
        ps_buf_deinit(&bufs[1]);
    }
}

Test(test_map, holds_maps_and_the_pairs_of_others)
{
    struct ps_buf inner;
    struct ps_buf outer;
    struct ps_writer writer;
    struct ps_map map;
    struct ps_map nested;
    ps_buf_init(&inner, 65536);
    ps_writer_init(&writer, &inner);
    write_pairs(&writer, PAIRS_MAX / 2, true);
    ps_buf_init(&outer, 65536);
    ps_writer_init(&writer, &outer);
    ps_map_begin(&map, &writer);
    ps_map_key(&map, "nested");
    ps_map_begin(&nested, &writer);
    ps_map_pairs(&nested, ps_buf_view(&inner));
    ps_map_known(&nested, "nobody", "");
    ps_map_end(&nested);
    ps_map_known(&map, "somebody", "alpha");
    ps_map_end(&map);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);

    struct ps_reader reader;
    ps_reader_init(&reader, ps_value_field(ps_buf_view(&outer), ps_bytes_text("somebody")));
    cr_expect(ps_bytes_equal(ps_read_str(&reader, 16), ps_bytes_text("alpha")));
    struct ps_bytes found = ps_value_field(ps_buf_view(&outer), ps_bytes_text("nested"));
    ps_reader_init(&reader, found);
    cr_expect_eq(ps_read_map(&reader), PAIRS_MAX / 2 + 1);
    ps_reader_init(&reader, ps_value_field(found, ps_bytes_text("nobody")));
    cr_expect(ps_read_nil(&reader));
    ps_buf_deinit(&inner);
    ps_buf_deinit(&outer);
}

/* With every cap that is too small, the error is the buffer's, and never a crash. */
Test(test_map, keeps_the_first_error)
{
    for (size_t cap = 0; cap < 200; cap++) {
        struct ps_buf buf;
        struct ps_writer writer;
        ps_buf_init(&buf, cap);
        ps_writer_init(&writer, &buf);
        write_pairs(&writer, PAIRS_MAX / 2, true);
        p2psync_result result = ps_writer_finish(&writer);
        cr_expect(result == P2PSYNC_ELIMIT || (result == P2PSYNC_OK && cap > 160), "cap %zu", cap);
        ps_buf_deinit(&buf);
    }
}
