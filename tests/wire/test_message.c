/* Every message, from its vector: cut anywhere, with anything in it replaced, with more behind it,
 * and over each of its limits. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/wire/recode.h"
#include "tests/wire/vector.h"
#include "wire/message.h"
#include "wire/scan.h"

#define BYTES(...) ps_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static const char names[][32] = {
    "message_hello",        "message_hello_subscribed",
    "message_summary_hash", "message_summary",
    "message_heads",        "message_want",
    "message_want_again",   "message_changes",
    "message_ack",          "message_peers",
    "message_error",        "message_join",
    "message_welcome",      "message_changes_short",
    "message_summary_part",
};
#define NAME_COUNT (sizeof names / sizeof *names)

static struct vector vector;
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
    vector_free(&vector);
}

TestSuite(message, .init = setup, .fini = teardown);

static struct ps_bytes load(size_t i)
{
    vector_free(&vector);
    vector_read(&vector, names[i]);
    return vector_get(&vector, "bytes");
}

Test(message, every_truncation_is_refused)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        struct ps_bytes whole = load(i);
        for (size_t cut = 0; cut < whole.size; cut++) {
            p2psync_result result = recode_message(ps_bytes(whole.data, cut), &out);
            cr_assert_eq(result, P2PSYNC_EFORMAT, "%s cut to %zu", names[i], cut);
        }
        cr_assert_eq(out.size, 0);
    }
}

Test(message, bytes_behind_the_message_are_refused)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        struct ps_bytes whole = load(i);
        ps_buf_clear(&buf);
        cr_assert_eq(ps_buf_append(&buf, whole.data, whole.size), P2PSYNC_OK);
        cr_assert_eq(ps_buf_append(&buf, "\xc0", 1), P2PSYNC_OK);
        cr_assert_eq(recode_message(ps_buf_view(&buf), &out), P2PSYNC_EFORMAT, "%s", names[i]);
    }
}

/* buf: `whole` with the value at `at` replaced by `by`. */
static void replace(struct ps_bytes whole, size_t at, struct ps_bytes by)
{
    size_t size = 0;
    struct ps_bytes rest = ps_bytes(whole.data + at, whole.size - at);
    cr_assert_eq(ps_scan_value(rest, PS_DEPTH_MAX, &size), P2PSYNC_OK);
    ps_buf_clear(&buf);
    cr_assert_eq(ps_buf_append(&buf, whole.data, at), P2PSYNC_OK);
    cr_assert_eq(ps_buf_append(&buf, by.data, by.size), P2PSYNC_OK);
    cr_assert_eq(ps_buf_append(&buf, rest.data + size, rest.size - size), P2PSYNC_OK);
}

/* No part of any message may be a float, or be one of another type in place of this one. */
Test(message, a_wrong_type_anywhere_is_refused)
{
    struct ps_bytes real = BYTES(0xca, 0, 0, 0, 0);
    for (size_t i = 0; i < NAME_COUNT; i++) {
        struct ps_bytes whole = load(i);
        struct ps_token token;
        for (size_t at = 0; at < whole.size; at += token.size) {
            replace(whole, at, real);
            cr_assert_eq(recode_message(ps_buf_view(&buf), &out), P2PSYNC_EFORMAT, "%s at %zu",
                         names[i], at);
            struct ps_bytes rest = ps_bytes(whole.data + at, whole.size - at);
            cr_assert_eq(ps_scan_token(rest, &token), P2PSYNC_OK);
        }
    }
}

Test(message, a_string_in_place_of_anything_else_is_refused)
{
    struct ps_bytes string = BYTES(0xa1, 'x');
    for (size_t i = 0; i < NAME_COUNT; i++) {
        struct ps_bytes whole = load(i);
        struct ps_token token;
        for (size_t at = 0; at < whole.size; at += token.size) {
            struct ps_bytes rest = ps_bytes(whole.data + at, whole.size - at);
            cr_assert_eq(ps_scan_token(rest, &token), P2PSYNC_OK);
            if (token.type == PS_TOKEN_STR) {
                continue;
            }
            replace(whole, at, string);
            cr_assert_eq(recode_message(ps_buf_view(&buf), &out), P2PSYNC_EFORMAT, "%s at %zu",
                         names[i], at);
        }
    }
}

/* What a later version adds at the end of a message is passed over. */
Test(message, more_elements_than_known_are_passed_over)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        struct ps_bytes whole = load(i);
        struct ps_token token;
        struct ps_writer writer;
        cr_assert_eq(ps_scan_token(whole, &token), P2PSYNC_OK);
        bool left_out = strncmp(names[i], "message_summary", 15) == 0 && token.count == 7;
        ps_buf_clear(&buf);
        ps_buf_clear(&out);
        ps_writer_init(&writer, &buf);
        ps_write_array(&writer, (size_t)token.count + (left_out ? 3 : 2));
        ps_write_raw(&writer, ps_bytes(whole.data + token.size, whole.size - token.size));
        if (left_out) {
            ps_write_nil(&writer); /* for the last element, which is known and need not be there */
        }
        ps_write_raw(&writer, BYTES(0x92, 0x81, 0xa1, 'k', 5, 0xc0, 0xa1, 'x'));
        cr_assert_eq(recode_message(ps_buf_view(&buf), &out), P2PSYNC_OK, "%s", names[i]);
        cr_assert(ps_bytes_equal(ps_buf_view(&out), whole), "%s", names[i]);
    }
}

Test(message, another_version_of_a_known_type_is_read)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        uint64_t type = 0;
        uint64_t version = 0;
        struct ps_bytes whole = load(i);
        struct ps_token token;
        ps_buf_clear(&buf);
        cr_assert_eq(ps_scan_token(whole, &token), P2PSYNC_OK);
        cr_assert_eq(ps_buf_append(&buf, whole.data, whole.size), P2PSYNC_OK);
        buf.data[token.size + 1] = 9;
        cr_assert_eq(recode_message(ps_buf_view(&buf), &out), P2PSYNC_OK, "%s", names[i]);
        cr_assert_eq(ps_message_peek(ps_buf_view(&buf), &type, &version), P2PSYNC_OK);
        cr_assert_eq(version, 9);
        cr_assert_eq(type, whole.data[token.size]);
    }
}

/* The same elements under another type are another message. */
Test(message, decoders_refuse_other_types)
{
    struct ps_want want;
    struct ps_bytes whole = load(5);
    cr_assert_eq(ps_want_decode(whole, &want), P2PSYNC_OK);
    cr_assert_eq(ps_buf_append(&buf, whole.data, whole.size), P2PSYNC_OK);
    cr_assert_eq(buf.data[1], PS_MESSAGE_WANT);
    buf.data[1] = PS_MESSAGE_CHANGES;
    cr_assert_eq(ps_want_decode(ps_buf_view(&buf), &want), P2PSYNC_EFORMAT);
}

Test(message, peek_knows_types_that_nobody_does)
{
    uint64_t type = 0;
    uint64_t version = 0;
    cr_assert_eq(ps_message_peek(BYTES(0x93, 0xcc, 200, 7, 0x90), &type, &version), P2PSYNC_OK);
    cr_assert_eq(type, 200);
    cr_assert_eq(version, 7);
}

Test(message, peek_refuses_what_is_no_message)
{
    uint64_t type = 0;
    uint64_t version = 0;
    static uint8_t large[PS_MESSAGE_SIZE_MAX + 1];
    cr_assert_eq(ps_message_peek(ps_bytes(NULL, 0), &type, &version), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_message_peek(BYTES(0x91, 1), &type, &version), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_message_peek(BYTES(0x82, 1, 1, 2, 2), &type, &version), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_message_peek(BYTES(0x92, 0xff, 1), &type, &version), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_message_peek(BYTES(0xdd, 0xff, 0xff, 0xff, 0xff), &type, &version),
                 P2PSYNC_EFORMAT);
    cr_assert_eq(ps_message_peek(ps_bytes(large, sizeof large), &type, &version), P2PSYNC_ELIMIT);
    /* The message is the first level; the rest are arrays within each other. */
    uint8_t deep[3 + PS_MESSAGE_DEPTH_MAX] = {0x93, 1, 1};
    memset(deep + 3, 0x91, PS_MESSAGE_DEPTH_MAX);
    deep[1 + PS_MESSAGE_DEPTH_MAX] = 0x90;
    cr_assert_eq(ps_message_peek(ps_bytes(deep, sizeof deep - 1), &type, &version), P2PSYNC_OK);
    deep[1 + PS_MESSAGE_DEPTH_MAX] = 0x91;
    deep[2 + PS_MESSAGE_DEPTH_MAX] = 0x90;
    cr_assert_eq(ps_message_peek(ps_bytes(deep, sizeof deep), &type, &version), P2PSYNC_ELIMIT);
}

/* ---- lists over their limits: `count` times the item of a vector ---- */

/* The first value in `whole` behind `skip` tokens. */
static struct ps_bytes value_behind(struct ps_bytes whole, size_t skip)
{
    size_t size = 0;
    struct ps_bytes rest = whole;
    for (size_t i = 0; i < skip; i++) {
        struct ps_token token;
        cr_assert_eq(ps_scan_token(rest, &token), P2PSYNC_OK);
        rest = ps_bytes(rest.data + token.size, rest.size - token.size);
    }
    cr_assert_eq(ps_scan_value(rest, PS_DEPTH_MAX, &size), P2PSYNC_OK);
    return ps_bytes(rest.data, size);
}

/* Decode the message `name` with its list, which is `list_at` tokens in, made `count` times its
 * first item, which is `item_at` tokens in. */
static p2psync_result decode_with(size_t name, size_t list_at, size_t item_at, uint32_t count)
{
    struct ps_bytes whole = load(name);
    struct ps_bytes list = value_behind(whole, list_at);
    struct ps_bytes item = value_behind(whole, item_at);
    struct ps_writer writer;
    ps_buf_clear(&buf);
    ps_buf_clear(&out);
    ps_writer_init(&writer, &buf);
    ps_write_raw(&writer, ps_bytes(whole.data, (size_t)(list.data - whole.data)));
    ps_write_array(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        ps_write_raw(&writer, item);
    }
    const uint8_t *behind = list.data + list.size;
    ps_write_raw(&writer, ps_bytes(behind, whole.size - (size_t)(behind - whole.data)));
    cr_assert_eq(ps_writer_finish(&writer), P2PSYNC_OK);
    return recode_message(ps_buf_view(&buf), &out);
}

struct list {
    size_t name;
    size_t list_at;
    size_t item_at;
    uint32_t max;
};

Test(message, lists_are_taken_up_to_their_limits)
{
    const struct list lists[] = {
        {0, 12, 13, PS_ENDPOINTS_MAX},   /* HELLO, listen */
        {1, 10, 11, PS_ROOTS_MAX},       /* HELLO, subscriptions */
        {3, 17, 18, PS_SHORT_HEADS_MAX}, /* SUMMARY, heads of its first collection */
        {4, 3, 4, PS_HEADS_MAX},         /* HEADS */
        {8, 6, 7, PS_POSITIONS_MAX},     /* ACK */
        {9, 3, 4, PS_PEERS_MAX},         /* PEERS */
        {9, 6, 7, PS_ENDPOINTS_MAX},     /* PEERS, endpoints of its first device */
        {12, 6, 7, PS_ENDPOINTS_MAX},    /* WELCOME */
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        const struct list *list = &lists[i];
        p2psync_result at = decode_with(list->name, list->list_at, list->item_at, list->max);
        p2psync_result over = decode_with(list->name, list->list_at, list->item_at, list->max + 1);
        cr_assert_eq(at, P2PSYNC_OK, "list %zu: %d", i, (int)at);
        cr_assert_eq(over, P2PSYNC_ELIMIT, "list %zu: %d", i, (int)over);
    }
}

/* ---- what the shape alone does not say ---- */

static struct ps_log_name log_name(void)
{
    return (struct ps_log_name){.collection = ps_bytes_text("notes")};
}

Test(message, heads_beyond_their_own_head_are_refused)
{
    struct ps_heads_item item = {
        .log = log_name(), .size = 3, .head = {.size = 3}, .proof_size = 3};
    struct ps_cursor cursor;
    cr_assert_eq(ps_heads_encode(&item, 1, &out), P2PSYNC_OK);
    cr_assert_eq(ps_heads_decode(ps_buf_view(&out), &cursor), P2PSYNC_OK);
    item.size = 4;
    ps_buf_clear(&out);
    cr_assert_eq(ps_heads_encode(&item, 1, &out), P2PSYNC_OK);
    cr_assert_eq(ps_heads_decode(ps_buf_view(&out), &cursor), P2PSYNC_EFORMAT);
    item.size = 3;
    item.proof_size = 4;
    ps_buf_clear(&out);
    cr_assert_eq(ps_heads_encode(&item, 1, &out), P2PSYNC_OK);
    cr_assert_eq(ps_heads_decode(ps_buf_view(&out), &cursor), P2PSYNC_EFORMAT);
}

Test(message, changes_are_some_and_lie_within_their_head)
{
    struct ps_changes changes = {.log = log_name(), .from = 4, .head = {.size = 5}};
    struct ps_changes decoded;
    changes.entries = ps_bytes_text("e");
    cr_assert_eq(ps_changes_encode(&changes, &out), P2PSYNC_OK);
    cr_assert_eq(ps_changes_decode(ps_buf_view(&out), &decoded), P2PSYNC_OK);
    changes.from = 5;
    ps_buf_clear(&out);
    cr_assert_eq(ps_changes_encode(&changes, &out), P2PSYNC_OK);
    cr_assert_eq(ps_changes_decode(ps_buf_view(&out), &decoded), P2PSYNC_EFORMAT);
    changes.from = 4;
    changes.entries.size = 0;
    ps_buf_clear(&out);
    cr_assert_eq(ps_changes_encode(&changes, &out), P2PSYNC_OK);
    cr_assert_eq(ps_changes_decode(ps_buf_view(&out), &decoded), P2PSYNC_EFORMAT);
}

Test(message, ack_cannot_have_settled_more_than_it_has)
{
    static const uint64_t unsettled[] = {3, 4};
    for (size_t i = 0; i < 2; i++) {
        struct ps_ack ack = {.positions = {NULL, 0}};
        struct ps_writer writer;
        ps_buf_clear(&buf);
        ps_buf_clear(&out);
        ps_writer_init(&writer, &buf);
        ps_write_array(&writer, 1);
        ps_write_array(&writer, 3);
        ps_write_uint(&writer, 1); /* the log's number */
        ps_write_uint(&writer, 3);
        ps_write_uint(&writer, unsettled[i]);
        ack.positions = ps_buf_view(&buf);
        cr_assert_eq(ps_ack_encode(&ack, &out), P2PSYNC_OK);
        cr_assert_eq(ps_ack_decode(ps_buf_view(&out), &ack), i == 0 ? P2PSYNC_OK : P2PSYNC_EFORMAT);
    }
}

Test(message, a_log_has_a_number_within_its_bounds)
{
    static const struct {
        const char *collection;
        uint64_t number;
        p2psync_result result;
    } cases[] = {
        {"notes", 0, P2PSYNC_OK},
        {"notes", PS_NUMBERS_MAX, P2PSYNC_OK},
        {"notes", PS_NUMBERS_MAX + 1, P2PSYNC_ELIMIT},
        {"", 1, P2PSYNC_OK},
        {"", PS_NUMBERS_MAX, P2PSYNC_OK},
        {"", PS_NUMBERS_MAX + 1, P2PSYNC_ELIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ps_want want = {
            .log = {.collection = ps_bytes_text(cases[i].collection), .number = cases[i].number}};
        struct ps_want decoded;
        ps_buf_clear(&out);
        cr_assert_eq(ps_want_encode(&want, &out), P2PSYNC_OK);
        cr_assert_eq(ps_want_decode(ps_buf_view(&out), &decoded), cases[i].result, "%zu", i);
        if (cases[i].result == P2PSYNC_OK) {
            cr_assert_eq(decoded.log.number, cases[i].number);
            cr_assert(ps_bytes_equal(decoded.log.collection, want.log.collection));
        }
    }
}

Test(message, a_log_without_name_and_number_is_refused)
{
    struct ps_want decoded;
    struct ps_bytes want = BYTES(0x96, 4, 2, 0, 0, 0, 0xc2);
    cr_assert_eq(ps_want_decode(want, &decoded), P2PSYNC_EFORMAT);
    want = BYTES(0x96, 4, 2, 1, 0, 0, 0xc2);
    cr_assert_eq(ps_want_decode(want, &decoded), P2PSYNC_OK);
}

/* A root may be left out only where the entries give it. */
Test(message, changes_without_a_root_have_no_proof)
{
    struct ps_changes changes = {.log = log_name(), .head = {.size = 1}, .root_implied = true};
    struct ps_changes decoded;
    changes.entries = ps_bytes_text("e");
    cr_assert_eq(ps_changes_encode(&changes, &out), P2PSYNC_OK);
    cr_assert_eq(ps_changes_decode(ps_buf_view(&out), &decoded), P2PSYNC_OK);
    cr_assert(decoded.root_implied);
    changes.proof.count = 1;
    ps_buf_clear(&out);
    cr_assert_eq(ps_changes_encode(&changes, &out), P2PSYNC_OK);
    cr_assert_eq(ps_changes_decode(ps_buf_view(&out), &decoded), P2PSYNC_EFORMAT);
}

Test(message, hello_and_summary_say_their_state)
{
    struct ps_hello hello = {.version_min = 2, .version_max = 2, .state = {.as_before = true}};
    struct ps_summary summary = {.state = {.as_before = true}};
    hello.name = ps_bytes_text("name");
    cr_assert_eq(ps_hello_encode(&hello, &out), P2PSYNC_OK);
    cr_assert_eq(ps_hello_decode(ps_buf_view(&out), &hello), P2PSYNC_EFORMAT);
    ps_buf_clear(&out);
    cr_assert_eq(ps_summary_encode(&summary, &out), P2PSYNC_OK);
    cr_assert_eq(ps_summary_decode(ps_buf_view(&out), &summary), P2PSYNC_EFORMAT);
}

static p2psync_result recode_hello(const struct ps_hello *hello)
{
    struct ps_hello decoded;
    ps_buf_clear(&out);
    cr_assert_eq(ps_hello_encode(hello, &out), P2PSYNC_OK);
    return ps_hello_decode(ps_buf_view(&out), &decoded);
}

Test(message, hello_checks_its_texts_and_versions)
{
    char endpoint[PS_ENDPOINT_SIZE_MAX + 1];
    memset(endpoint, 'e', sizeof endpoint);
    struct ps_hello hello = {.version_min = 1, .version_max = 1, .listen_count = 1};
    hello.name = ps_bytes_text("name");
    hello.listen[0] = ps_bytes(endpoint, PS_ENDPOINT_SIZE_MAX);
    cr_assert_eq(recode_hello(&hello), P2PSYNC_OK);
    hello.listen[0] = ps_bytes(endpoint, PS_ENDPOINT_SIZE_MAX + 1);
    cr_assert_eq(recode_hello(&hello), P2PSYNC_ELIMIT);
    hello.listen[0] = ps_bytes_text("a b:1");
    cr_assert_eq(recode_hello(&hello), P2PSYNC_EFORMAT);
    hello.listen[0] = ps_bytes_text("\xff:1");
    cr_assert_eq(recode_hello(&hello), P2PSYNC_EFORMAT);
    hello.listen_count = 0;
    hello.name = ps_bytes_text("");
    cr_assert_eq(recode_hello(&hello), P2PSYNC_EFORMAT);
    hello.name = ps_bytes_text("\xff");
    cr_assert_eq(recode_hello(&hello), P2PSYNC_EFORMAT);
    hello.name = ps_bytes_text("name");
    hello.version_min = 2;
    cr_assert_eq(recode_hello(&hello), P2PSYNC_EFORMAT);
}

Test(message, error_text_is_bounded_text)
{
    char text[PS_ERROR_TEXT_SIZE_MAX + 1];
    memset(text, 't', sizeof text);
    struct ps_error error = {.code = 99, .text = ps_bytes(text, PS_ERROR_TEXT_SIZE_MAX)};
    struct ps_error decoded;
    cr_assert_eq(ps_error_encode(&error, &out), P2PSYNC_OK);
    cr_assert_eq(ps_error_decode(ps_buf_view(&out), &decoded), P2PSYNC_OK);
    cr_assert_eq(decoded.code, 99);
    ps_buf_clear(&out);
    error.text.size++;
    cr_assert_eq(ps_error_encode(&error, &out), P2PSYNC_OK);
    cr_assert_eq(ps_error_decode(ps_buf_view(&out), &decoded), P2PSYNC_ELIMIT);
    ps_buf_clear(&out);
    error.text = ps_bytes_text("\xff");
    cr_assert_eq(ps_error_encode(&error, &out), P2PSYNC_OK);
    cr_assert_eq(ps_error_decode(ps_buf_view(&out), &decoded), P2PSYNC_EFORMAT);
}

/* Of an earlier version only HELLO and ERROR can be read: they say so themselves. */
Test(message, of_an_earlier_version_is_refused)
{
    static const char *const some[] = {"message_want", "message_join", "message_welcome",
                                       "message_hello", "message_error"};
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        vector_read(&vector, some[i]);
        struct ps_bytes bytes = vector_get(&vector, "bytes");
        uint8_t *copy = malloc(bytes.size);
        cr_assert_not_null(copy);
        memcpy(copy, bytes.data, bytes.size);
        copy[2] = PS_PROTOCOL_VERSION_MIN - 1; /* behind the header and the type */
        ps_buf_clear(&out);
        cr_assert_eq(recode_message(ps_bytes(copy, bytes.size), &out),
                     i < 3 ? P2PSYNC_EVERSION : P2PSYNC_OK, "%s", some[i]);
        free(copy);
        vector_free(&vector);
    }
}

Test(message, entries_are_checked_one_by_one)
{
    const struct ps_bytes bad[] = {
        BYTES(0x93, 2, 0xc4, 0, 0xc4, 0),       /* no such kind */
        BYTES(0x93, 1, 0xc4, 0, 0xc4, 0),       /* no hash */
        BYTES(0x92, 0, 0xc4, 0),                /* no body */
        BYTES(0x93, 0, 0xa0, 0xc4, 0),          /* a string */
        BYTES(0x93, 0, 0xc4, 0, 0xc4, 5, 1, 1), /* cut */
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct ps_bytes rest = bad[i];
        struct ps_entry entry;
        cr_assert_eq(ps_changes_next(&rest, &entry), P2PSYNC_EFORMAT, "%zu", i);
        cr_assert_eq(rest.size, bad[i].size);
    }
}

Test(message, entries_take_the_largest_skeleton_and_body)
{
    static uint8_t large[PS_BODY_SIZE_MAX + 1];
    struct ps_entry entry = {.has_body = true,
                             .skeleton = ps_bytes(large, PS_SKELETON_TRAVELS_MAX)};
    struct ps_entry decoded;
    entry.body = ps_bytes(large, PS_BODY_SIZE_MAX);
    cr_assert_eq(ps_changes_write_entry(&entry, &out), P2PSYNC_OK);
    struct ps_bytes rest = ps_buf_view(&out);
    cr_assert_eq(ps_changes_next(&rest, &decoded), P2PSYNC_OK);
    cr_assert_eq(rest.size, 0);
    ps_buf_clear(&out);
    entry.body.size++;
    cr_assert_eq(ps_changes_write_entry(&entry, &out), P2PSYNC_OK);
    rest = ps_buf_view(&out);
    cr_assert_eq(ps_changes_next(&rest, &decoded), P2PSYNC_ELIMIT);
    ps_buf_clear(&out);
    entry.body.size = 0;
    entry.skeleton.size++;
    cr_assert_eq(ps_changes_write_entry(&entry, &out), P2PSYNC_OK);
    rest = ps_buf_view(&out);
    cr_assert_eq(ps_changes_next(&rest, &decoded), P2PSYNC_ELIMIT);
}

Test(message, what_does_not_fit_leaves_the_buffer_as_it_was)
{
    struct ps_buf small;
    struct ps_error error = {.code = 1, .text = ps_bytes_text("a text that is too long")};
    ps_buf_init(&small, 12);
    cr_assert_eq(ps_buf_append(&small, "ab", 2), P2PSYNC_OK);
    cr_assert_eq(ps_error_encode(&error, &small), P2PSYNC_ELIMIT);
    cr_assert(ps_bytes_equal(ps_buf_view(&small), ps_bytes_text("ab")));
    ps_buf_deinit(&small);
}

Test(message, over_its_largest_size_is_not_made)
{
    static uint8_t large[PS_MESSAGE_SIZE_MAX];
    struct ps_changes changes = {.log = log_name(), .head = {.size = 1}};
    changes.entries = ps_bytes(large, sizeof large);
    cr_assert_eq(ps_changes_encode(&changes, &out), P2PSYNC_ELIMIT);
    cr_assert_eq(out.size, 0);
}
