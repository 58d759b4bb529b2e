/* What makes a skeleton or a body valid, at each of its bounds. The encoder writes what it is told,
 * so it also makes the invalid ones. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/wire/recode.h"
#include "tests/wire/vector.h"
#include "wire/change.h"
#include "wire/codec.h"

#define BYTES(...) ps_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static struct ps_buf buf;

static void setup(void)
{
    ps_buf_init(&buf, (size_t)2 * PS_BODY_SIZE_MAX);
}

static void teardown(void)
{
    ps_buf_deinit(&buf);
}

TestSuite(change, .init = setup, .fini = teardown);

static struct ps_skeleton skeleton_of(size_t parent_count)
{
    struct ps_skeleton skeleton = {
        .op_and_flags = PS_OP_UPDATE | PS_CHANGE_FULL,
        .record_id = ps_bytes_text("id"),
        .hlc = 7,
        .parent_count = parent_count,
    };
    for (size_t i = 0; i < parent_count; i++) {
        skeleton.parents[i].dot.origin.bytes[0] = (uint8_t)(i / 2);
        skeleton.parents[i].dot.seq = i;
    }
    return skeleton;
}

static p2psync_result recode(const struct ps_skeleton *skeleton)
{
    struct ps_skeleton decoded;
    ps_buf_clear(&buf);
    cr_assert_eq(ps_skeleton_encode(skeleton, &buf), P2PSYNC_OK);
    return ps_skeleton_decode(ps_buf_view(&buf), &decoded);
}

Test(change, skeleton_takes_up_to_64_parents)
{
    struct ps_skeleton skeleton = skeleton_of(PS_PARENTS_MAX);
    cr_assert_eq(recode(&skeleton), P2PSYNC_OK);
    cr_assert_leq(buf.size, PS_SKELETON_SIZE_MAX);

    struct ps_writer writer;
    ps_buf_clear(&buf);
    ps_writer_init(&writer, &buf);
    ps_write_raw(&writer, BYTES(0x95, 0x11, 0xa1, 'a', 7, 0xdc, 0, PS_PARENTS_MAX + 1));
    for (uint8_t i = 0; i <= PS_PARENTS_MAX; i++) {
        ps_write_array(&writer, 3);
        ps_write_bin(&writer, ps_bytes_text("0123456789abcdef"));
        ps_write_uint(&writer, i);
        ps_write_bin(&writer, ps_bytes_text("0123456789abcdef"));
    }
    ps_write_uint(&writer, 0);
    cr_assert_eq(ps_skeleton_decode(ps_buf_view(&buf), &skeleton), P2PSYNC_ELIMIT);
}

Test(change, skeleton_rejects_parents_out_of_order_or_twice)
{
    struct ps_skeleton skeleton = skeleton_of(3);
    cr_assert_eq(recode(&skeleton), P2PSYNC_OK);
    skeleton.parents[1].dot = skeleton.parents[0].dot;
    cr_assert_eq(recode(&skeleton), P2PSYNC_EFORMAT);
    skeleton = skeleton_of(3);
    skeleton.parents[0].dot.origin.bytes[0] = 9;
    cr_assert_eq(recode(&skeleton), P2PSYNC_EFORMAT);
}

Test(change, skeleton_with_several_parents_is_full)
{
    struct ps_skeleton skeleton = skeleton_of(2);
    skeleton.op_and_flags = PS_OP_UPDATE;
    cr_assert_eq(recode(&skeleton), P2PSYNC_EFORMAT);
    skeleton.parent_count = 1;
    cr_assert_eq(recode(&skeleton), P2PSYNC_OK);
}

Test(change, skeleton_bounds_its_record_id)
{
    char id[PS_RECORD_ID_SIZE_MAX + 1];
    memset(id, 'i', sizeof id);
    struct ps_skeleton skeleton = skeleton_of(0);
    skeleton.record_id = ps_bytes(id, PS_RECORD_ID_SIZE_MAX);
    cr_assert_eq(recode(&skeleton), P2PSYNC_OK);
    skeleton.record_id = ps_bytes(id, PS_RECORD_ID_SIZE_MAX + 1);
    cr_assert_eq(recode(&skeleton), P2PSYNC_ELIMIT);
    skeleton.record_id = ps_bytes_text("");
    cr_assert_eq(recode(&skeleton), P2PSYNC_EFORMAT);
    skeleton.record_id = ps_bytes_text("\xff");
    cr_assert_eq(recode(&skeleton), P2PSYNC_EFORMAT);
}

Test(change, skeleton_keeps_unknown_ops_and_flags)
{
    struct ps_skeleton skeleton = skeleton_of(0);
    struct ps_skeleton decoded;
    skeleton.op_and_flags = UINT32_MAX;
    cr_assert_eq(recode(&skeleton), P2PSYNC_OK);
    cr_assert_eq(ps_skeleton_decode(ps_buf_view(&buf), &decoded), P2PSYNC_OK);
    cr_assert_eq(decoded.op_and_flags, UINT32_MAX);
    cr_assert_eq(ps_skeleton_decode(
                     BYTES(0x95, 0xcf, 0, 0, 0, 1, 0, 0, 0, 0, 0xa1, 'a', 7, 0x90, 3), &decoded),
                 P2PSYNC_ELIMIT);
}

Test(change, skeleton_bounds_the_seq_of_a_parent)
{
    struct ps_skeleton skeleton = skeleton_of(1);
    skeleton.parents[0].dot.seq = PS_LOG_SIZE_MAX;
    cr_assert_eq(recode(&skeleton), P2PSYNC_OK);
    skeleton.parents[0].dot.seq = (uint64_t)PS_LOG_SIZE_MAX + 1;
    cr_assert_eq(recode(&skeleton), P2PSYNC_ELIMIT);
}

Test(change, skeleton_bounds_the_size_of_its_body)
{
    struct ps_skeleton skeleton = skeleton_of(0);
    skeleton.body_size = PS_BODY_SIZE_MAX;
    cr_assert_eq(recode(&skeleton), P2PSYNC_OK);
    skeleton.body_size = PS_BODY_SIZE_MAX + 1;
    cr_assert_eq(recode(&skeleton), P2PSYNC_ELIMIT);
}

Test(change, body_of_another_size_than_its_skeleton_says_counts_as_none)
{
    struct ps_skeleton skeleton = skeleton_of(0);
    struct ps_body body;
    skeleton.body_size = 4;
    cr_assert_eq(ps_body_decode_of(&skeleton, BYTES(0x93, 0xc0, 0xc0, 0xc0), &body), P2PSYNC_OK);
    skeleton.body_size = 5;
    cr_assert_eq(ps_body_decode_of(&skeleton, BYTES(0x93, 0xc0, 0xc0, 0xc0), &body),
                 P2PSYNC_EFORMAT);
}

Test(change, skeleton_takes_more_elements_but_no_bytes_behind)
{
    struct ps_skeleton decoded;
    cr_assert_eq(ps_skeleton_decode(BYTES(0x95, 1, 0xa1, 'a', 7, 0x90, 3), &decoded), P2PSYNC_OK);
    cr_assert_eq(ps_skeleton_decode(BYTES(0x96, 1, 0xa1, 'a', 7, 0x90, 3, 0x91, 5), &decoded),
                 P2PSYNC_OK);
    cr_assert_eq(ps_skeleton_decode(BYTES(0x95, 1, 0xa1, 'a', 7, 0x90, 3, 0xc0), &decoded),
                 P2PSYNC_EFORMAT);
    cr_assert_eq(ps_skeleton_decode(BYTES(0x94, 1, 0xa1, 'a', 7, 0x90), &decoded), P2PSYNC_EFORMAT);
}

Test(change, skeleton_over_its_size_is_refused)
{
    static uint8_t large[PS_SKELETON_SIZE_MAX + 1] = {0x96, 1, 0xa1, 'a',  7,
                                                      0x90, 3, 0xc5, 0x0f, 0xf6};
    struct ps_skeleton decoded;
    cr_assert_eq(ps_skeleton_decode(ps_bytes(large, PS_SKELETON_SIZE_MAX), &decoded), P2PSYNC_OK);
    large[9]++;
    cr_assert_eq(ps_skeleton_decode(ps_bytes(large, sizeof large), &decoded), P2PSYNC_ELIMIT);
}

static void check_truncations(const char *name, recode_fn *fn)
{
    struct vector vector;
    vector_read(&vector, name);
    struct ps_bytes whole = vector_get(&vector, "bytes");
    for (size_t cut = 0; cut < whole.size; cut++) {
        cr_assert_eq(fn(ps_bytes(whole.data, cut), &buf), P2PSYNC_EFORMAT, "%s %zu", name, cut);
    }
    vector_free(&vector);
}

Test(change, every_truncation_is_refused)
{
    check_truncations("skeleton_create", recode_skeleton);
    check_truncations("skeleton_update", recode_skeleton);
    check_truncations("skeleton_merge", recode_skeleton);
    check_truncations("body_fields", recode_body);
    check_truncations("body_all", recode_body);
    check_truncations("body_empty", recode_body);
}

Test(change, body_rejects_wrong_types)
{
    const struct ps_bytes bad[] = {
        BYTES(0xc0),
        BYTES(0x92, 0xc0, 0xc0),
        BYTES(0x93, 0x90, 0xc0, 0xc0),
        BYTES(0x93, 5, 0xc0, 0xc0),
        BYTES(0x93, 0xc0, 0x80, 0xc0),
        BYTES(0x93, 0xc0, 0x91, 5, 0xc0),
        BYTES(0x93, 0xc0, 0xc0, 0xc0, 0xc0),
        BYTES(0x93, 0x81, 0xa1, 'a', 0xd4, 1, 1, 0xc0, 0xc0),
        BYTES(0xc4, 3, 1, 2, 3),
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ps_body body;
        cr_assert_eq(ps_body_decode(bad[i], &body), P2PSYNC_EFORMAT, "%zu", i);
    }
}

Test(change, body_takes_more_elements)
{
    struct ps_body body;
    struct ps_bytes longer = BYTES(0x94, 0xc0, 0xc0, 5, 0x90);
    cr_assert_eq(ps_body_decode(longer, &body), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(body.note, ps_bytes("\5", 1)));
}

/* A body whose note, or one name of its unset, is so long that the part encodes to `size` bytes. */
static p2psync_result decode_body_with(bool note, size_t size)
{
    static uint8_t text[PS_UNSET_SIZE_MAX + 1];
    struct ps_writer writer;
    struct ps_body body;
    memset(text, 'x', sizeof text);
    ps_buf_clear(&buf);
    ps_writer_init(&writer, &buf);
    ps_write_raw(&writer, BYTES(0x93, 0xc0));
    if (note) {
        ps_write_nil(&writer);
        ps_write_str(&writer, ps_bytes(text, size - 3));
    } else {
        ps_write_array(&writer, 1);
        ps_write_str(&writer, ps_bytes(text, size - 4));
        ps_write_nil(&writer);
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    return ps_body_decode(ps_buf_view(&buf), &body);
}

Test(change, body_bounds_note_and_unset)
{
    cr_assert_eq(decode_body_with(true, PS_NOTE_SIZE_MAX), P2PSYNC_OK);
    cr_assert_eq(decode_body_with(true, PS_NOTE_SIZE_MAX + 1), P2PSYNC_ELIMIT);
    cr_assert_eq(decode_body_with(false, PS_UNSET_SIZE_MAX), P2PSYNC_OK);
    cr_assert_eq(decode_body_with(false, PS_UNSET_SIZE_MAX + 1), P2PSYNC_ELIMIT);
}

Test(change, body_over_its_size_is_refused)
{
    static uint8_t large[PS_BODY_SIZE_MAX + 1] = {0x93, 0xc0, 0xc0, 0xc0};
    struct ps_body body;
    cr_assert_eq(ps_body_decode(ps_bytes(large, PS_BODY_SIZE_MAX), &body), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_body_decode(ps_bytes(large, sizeof large), &body), P2PSYNC_ELIMIT);
}

Test(change, leaf_depends_on_skeleton_and_body_hash)
{
    struct ps_entry entry = {.skeleton = ps_bytes_text("s")};
    struct ps_hash leaf = ps_change_leaf(&entry);
    entry.body_hash.bytes[0] = 1;
    struct ps_hash other = ps_change_leaf(&entry);
    cr_assert_not(ps_hash_equal(&leaf, &other));
    entry.body_hash.bytes[0] = 0;
    entry.skeleton = ps_bytes_text("t");
    other = ps_change_leaf(&entry);
    cr_assert_not(ps_hash_equal(&leaf, &other));
}
