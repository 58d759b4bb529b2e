/* Acts in bytes: vectors that another program has made, what is no act, and each bound. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/wire/vector.h"
#include "wire/act.h"
#include "wire/codec.h"

#define CLAIM_SIZE_MAX 64 /* bytes of one claim in the tests, encoded */

static struct ps_buf fields;
static struct ps_buf skeleton;
static struct ps_buf body;
static struct vector vector;
static struct ps_claim claims[PS_CLAIMS_MAX + 1];

static struct ps_device author;
static const struct ps_device subject = {.key = {2}};

static void setup(void)
{
    for (uint8_t i = 0; i < PS_DEVICE_SIZE; i++) {
        author.key[i] = 0x40 + i; /* that of the vectors */
    }
    ps_buf_init(&fields, (size_t)(PS_CLAIMS_MAX + 1) * CLAIM_SIZE_MAX);
    ps_buf_init(&skeleton, PS_SKELETON_SIZE_MAX);
    ps_buf_init(&body, (size_t)(PS_CLAIMS_MAX + 1) * CLAIM_SIZE_MAX);
    vector.count = 0;
}

static void teardown(void)
{
    vector_free(&vector);
    ps_buf_deinit(&body);
    ps_buf_deinit(&skeleton);
    ps_buf_deinit(&fields);
}

TestSuite(act, .init = setup, .fini = teardown);

/* A change without parents. */
static p2psync_result decode(struct ps_bytes record, uint32_t op_and_flags, struct ps_bytes map,
                             struct ps_act *out)
{
    const struct ps_body parts = {.fields = map};
    ps_buf_clear(&body);
    ps_buf_clear(&skeleton);
    cr_assert_eq(ps_body_encode(&parts, &body), P2PSYNC_OK);
    const struct ps_skeleton head = {.op_and_flags = op_and_flags,
                                     .record_id = record,
                                     .hlc = 7,
                                     .body_size = (uint32_t)body.size};
    cr_assert_eq(ps_skeleton_encode(&head, &skeleton), P2PSYNC_OK);
    const struct ps_entry entry = {
        .skeleton = ps_buf_view(&skeleton), .body = ps_buf_view(&body), .has_body = true};
    return ps_act_decode(&entry, &author, out);
}

static p2psync_result decode_record(const char *ending, struct ps_act *out)
{
    static const uint8_t is_reader[] = {0x81, 0xa2, 'i', 's', 0xa6, 'r', 'e', 'a', 'd', 'e', 'r'};
    char id[PS_RECORD_ID_SIZE_MAX + 1];
    ps_device_text(&subject, id);
    size_t size = strlen(id);
    cr_assert_leq(size + strlen(ending), PS_RECORD_ID_SIZE_MAX);
    memcpy(id + size, ending, strlen(ending) + 1);
    return decode(ps_bytes_text(id), 0, ps_bytes(is_reader, sizeof is_reader), out);
}

static size_t read_claims(const struct ps_act *act)
{
    struct ps_claim_walk walk = {.act = act};
    size_t count = 0;
    while (count <= PS_CLAIMS_MAX && ps_claim_next(&walk, &claims[count])) {
        count++;
    }
    return count;
}

static void check_claims(size_t count)
{
    struct ps_reader reader;
    ps_reader_init(&reader, vector_get(&vector, "claims"));
    cr_assert_eq(ps_read_array(&reader), count);
    for (size_t i = 0; i < count; i++) {
        struct ps_hash root;
        (void)ps_read_array(&reader);
        cr_assert(
            ps_bytes_equal(ps_read_str(&reader, PS_COLLECTION_SIZE_MAX), claims[i].collection));
        cr_assert_eq(ps_read_uint(&reader), claims[i].incarnation);
        cr_assert_eq(ps_read_uint(&reader), claims[i].size);
        ps_read_bin_exact(&reader, root.bytes, sizeof root.bytes);
        cr_assert_arr_eq(root.bytes, claims[i].root.bytes, sizeof root.bytes);
    }
    cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_OK);
}

static void check_ids(const struct ps_act *act)
{
    struct ps_bytes by = vector_get(&vector, "by");
    struct ps_bytes over = vector_get(&vector, "over");
    cr_assert_eq(act->has_by, by.size > 0);
    cr_assert(!act->has_by || ps_bytes_equal(by, ps_bytes(act->by.bytes, sizeof act->by.bytes)));
    cr_assert_eq(act->over_count * sizeof *act->over, over.size);
    cr_assert(ps_bytes_equal(over, ps_bytes(act->over[0].bytes, over.size)));
}

/* What is read of a vector is what it says, and written again comes to the same bytes. */
static void check_vector(const char *name, ps_act_kind kind)
{
    struct ps_device by;
    struct ps_act act;
    char record[PS_RECORD_ID_SIZE_MAX];
    vector_read(&vector, name);
    memcpy(by.key, vector_get(&vector, "author").data, PS_DEVICE_SIZE);
    const struct ps_entry entry = {.skeleton = vector_get(&vector, "skeleton"),
                                   .body = vector_get(&vector, "body"),
                                   .has_body = true};
    cr_assert_eq(ps_act_decode(&entry, &by, &act), P2PSYNC_OK);
    cr_assert_eq(act.kind, kind);
    cr_assert_arr_eq(act.subject.key, vector_get(&vector, "subject").data, PS_DEVICE_SIZE);
    size_t size = ps_act_record(&act, &by, record);
    cr_assert(ps_bytes_equal(ps_bytes(record, size), vector_get(&vector, "record")));
    size_t count = read_claims(&act);
    cr_assert_eq(ps_act_fields(&act, claims, count, &fields), P2PSYNC_OK);
    cr_assert(ps_bytes_equal(ps_buf_view(&fields), vector_get(&vector, "bytes")));
    check_claims(count);
    check_ids(&act);
    if (kind == PS_ACT_ROLE) {
        cr_assert(ps_bytes_equal(act.collection, vector_get(&vector, "collection")));
    }
}

Test(act, role_is_that_of_the_vector)
{
    check_vector("act_role", PS_ACT_ROLE);
}

Test(act, role_of_one_collection_is_that_of_the_vector)
{
    check_vector("act_role_of_one", PS_ACT_ROLE);
}

Test(act, removal_is_that_of_the_vector)
{
    check_vector("act_removed", PS_ACT_REMOVED);
}

Test(act, report_is_that_of_the_vector)
{
    check_vector("act_report", PS_ACT_REPORT);
}

Test(act, what_is_no_act_is_refused)
{
    vector_read(&vector, "act_not_valid");
    cr_assert_eq(vector.count, 27);
    for (size_t i = 0; i < vector.count; i++) {
        struct ps_act act;
        struct ps_reader reader;
        ps_reader_init(&reader, ps_buf_view(&vector.value[i]));
        (void)ps_read_array(&reader);
        struct ps_bytes record = ps_read_str(&reader, PS_RECORD_ID_SIZE_MAX);
        uint32_t op_and_flags = (uint32_t)ps_read_uint(&reader);
        struct ps_bytes map = ps_read_value(&reader, PS_DEPTH_MAX);
        cr_assert_eq(ps_reader_finish(&reader), P2PSYNC_OK);
        p2psync_result result = decode(record, op_and_flags, map, &act);
        cr_expect(result == P2PSYNC_EFORMAT || result == P2PSYNC_ELIMIT, "%s", vector.name[i]);
    }
}

/* Records that are about something else, or that may come. */
Test(act, other_records_are_not_about_devices)
{
    struct ps_act act;
    cr_assert_eq(decode_record("/removed2", &act), P2PSYNC_ENOTFOUND);
    cr_assert_eq(decode_record("/", &act), P2PSYNC_ENOTFOUND);
    cr_assert_eq(decode_record("/role", &act), P2PSYNC_ENOTFOUND);
    cr_assert_eq(decode_record("/roles/*", &act), P2PSYNC_ENOTFOUND);
    cr_assert_eq(decode_record("x", &act), P2PSYNC_ENOTFOUND);
    cr_assert_eq(decode_record("/role/*", &act), P2PSYNC_OK);
    char id[] = "0A00000000000000000000000000000000000000000000000000000000000000/role/*";
    cr_assert_eq(decode(ps_bytes_text(id), 0, ps_bytes("\x80", 1), &act), P2PSYNC_ENOTFOUND);
    cr_assert_eq(decode(ps_bytes_text("short"), 0, ps_bytes("\x80", 1), &act), P2PSYNC_ENOTFOUND);
}

Test(act, roles_are_known_by_name)
{
    static const char *const names[] = {"admin", "writer", "reader", "none"};
    for (size_t i = 0; i < 4; i++) {
        struct ps_act act = {.subject = subject, .role = (ps_role)(PS_ROLE_ADMIN + i)};
        char record[PS_RECORD_ID_SIZE_MAX];
        act.collection = act.role == PS_ROLE_NONE ? ps_bytes_text("notes") : ps_bytes(NULL, 0);
        ps_buf_clear(&fields);
        cr_assert_eq(ps_act_fields(&act, NULL, 0, &fields), P2PSYNC_OK);
        cr_assert_eq(
            memcmp(fields.data + fields.size - strlen(names[i]), names[i], strlen(names[i])), 0);
        size_t size = ps_act_record(&act, &author, record);
        struct ps_act again;
        cr_assert_eq(decode(ps_bytes(record, size), 0, ps_buf_view(&fields), &again), P2PSYNC_OK);
        cr_assert_eq(again.role, act.role);
    }
}

Test(act, name_is_read_of_any_edit_of_the_devices_own_record)
{
    struct ps_act act = {.kind = PS_ACT_NAME, .name = ps_bytes_text("phone"), .subject = subject};
    char record[PS_RECORD_ID_SIZE_MAX];
    size_t size = ps_act_record(&act, &author, record);
    struct ps_act again;
    cr_assert_eq(size, (size_t)2 * PS_DEVICE_SIZE);
    cr_assert_eq(ps_act_fields(&act, NULL, 0, &fields), P2PSYNC_OK);
    cr_assert_eq(decode(ps_bytes(record, size), PS_OP_UPDATE, ps_buf_view(&fields), &again),
                 P2PSYNC_OK);
    cr_assert_eq(again.kind, PS_ACT_NAME);
    cr_assert(ps_bytes_equal(again.name, act.name));
}

/* An edit on top of another says only what it changes; so it is no act. */
Test(act, change_that_is_not_whole_is_none)
{
    struct ps_act act;
    vector_read(&vector, "act_role");
    struct ps_skeleton head;
    cr_assert_eq(ps_skeleton_decode(vector_get(&vector, "skeleton"), &head), P2PSYNC_OK);
    head.op_and_flags &= ~PS_CHANGE_FULL;
    cr_assert_eq(ps_skeleton_encode(&head, &skeleton), P2PSYNC_OK);
    struct ps_entry entry = {
        .skeleton = ps_buf_view(&skeleton), .body = vector_get(&vector, "body"), .has_body = true};
    cr_assert_eq(ps_act_decode(&entry, &author, &act), P2PSYNC_EFORMAT);
    entry.skeleton = vector_get(&vector, "skeleton");
    cr_assert_eq(ps_act_decode(&entry, &author, &act), P2PSYNC_OK);
    entry.has_body = false;
    cr_assert_eq(ps_act_decode(&entry, &author, &act), P2PSYNC_EFORMAT);
    entry.has_body = true;
    entry.body.size--;
    cr_assert_eq(ps_act_decode(&entry, &author, &act), P2PSYNC_EFORMAT);
}

Test(act, has_so_many_claims_and_no_more)
{
    struct ps_act act = {.kind = PS_ACT_REPORT, .subject = subject};
    char record[PS_RECORD_ID_SIZE_MAX];
    for (size_t i = 0; i <= PS_CLAIMS_MAX; i++) {
        claims[i] = (struct ps_claim){
            .collection = ps_bytes_text("_devices"), .incarnation = i / 3, .size = i + 1};
    }
    size_t size = ps_act_record(&act, &author, record);
    cr_assert_eq(ps_act_fields(&act, claims, PS_CLAIMS_MAX + 1, &fields), P2PSYNC_ELIMIT);
    cr_assert_eq(ps_act_fields(&act, claims, PS_CLAIMS_MAX, &fields), P2PSYNC_OK);
    cr_assert_eq(decode(ps_bytes(record, size), 0, ps_buf_view(&fields), &act), P2PSYNC_OK);
    cr_assert_eq(read_claims(&act), PS_CLAIMS_MAX);
    cr_assert_eq(claims[PS_CLAIMS_MAX - 1].size, PS_CLAIMS_MAX);

    struct ps_writer writer;
    ps_buf_clear(&fields);
    ps_writer_init(&writer, &fields);
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "ends");
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "notes");
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "0000000000000000");
    ps_write_array(&writer, PS_CLAIMS_MAX + 1);
    for (uint64_t i = 0; i <= PS_CLAIMS_MAX; i++) {
        ps_write_array(&writer, 2);
        ps_write_uint(&writer, i + 1);
        ps_write_bin(&writer, ps_bytes_text("0123456789abcdef0123456789abcdef"));
    }
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    cr_assert_eq(decode(ps_bytes(record, size), 0, ps_buf_view(&fields), &act), P2PSYNC_ELIMIT);
}

Test(act, is_over_so_many_and_no_more)
{
    struct ps_act act = {.kind = PS_ACT_ROLE, .role = PS_ROLE_WRITER, .subject = subject};
    char record[PS_RECORD_ID_SIZE_MAX];
    struct ps_act again;
    act.over_count = PS_OVER_MAX;
    act.over[PS_OVER_MAX - 1].bytes[0] = 7;
    size_t size = ps_act_record(&act, &author, record);
    cr_assert_eq(ps_act_fields(&act, NULL, 0, &fields), P2PSYNC_OK);
    cr_assert_eq(decode(ps_bytes(record, size), 0, ps_buf_view(&fields), &again), P2PSYNC_OK);
    cr_assert_eq(again.over_count, PS_OVER_MAX);
    cr_assert_eq(again.over[PS_OVER_MAX - 1].bytes[0], 7);
}

Test(act, of_a_later_version_is_read_as_far_as_it_is_known)
{
    struct ps_act act = {.kind = PS_ACT_REPORT, .subject = subject};
    char record[PS_RECORD_ID_SIZE_MAX];
    struct ps_writer writer;
    size_t size = ps_act_record(&act, &author, record);
    ps_writer_init(&writer, &fields);
    ps_write_map(&writer, 2);
    ps_write_text(&writer, "news");
    ps_write_nil(&writer);
    ps_write_text(&writer, "ends");
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "notes");
    ps_write_map(&writer, 1);
    ps_write_text(&writer, "0000000000000009");
    ps_write_array(&writer, 1);
    ps_write_array(&writer, 3);
    ps_write_uint(&writer, 5);
    ps_write_bin(&writer, ps_bytes_text("0123456789abcdef0123456789abcdef"));
    ps_write_bool(&writer, true);
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    cr_assert_eq(decode(ps_bytes(record, size), 0, ps_buf_view(&fields), &act), P2PSYNC_OK);
    cr_assert_eq(read_claims(&act), 1);
    cr_assert_eq(claims[0].incarnation, 9);
    cr_assert_eq(claims[0].size, 5);
}
