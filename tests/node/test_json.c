/* JSON from and to MessagePack: that every kind of value survives the round trip, and that what
 * p2psync.h refuses is refused with its code. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p2psync.h>

TestSuite(json);

/* The MessagePack of `json`, as hex; freed by the caller. */
static char *hex_of(const char *json)
{
    struct p2psync_buffer packed = {0};
    p2psync_result result = p2psync_value_from_json(json, strlen(json), &packed, NULL);
    cr_assert_eq(result, P2PSYNC_OK, "%s: %s", json, p2psync_result_name(result));
    char *hex = calloc(packed.size * 2 + 1, 1);
    cr_assert(hex != NULL);
    for (size_t i = 0; i < packed.size; i++) {
        snprintf(hex + 2 * i, 3, "%02x", ((const unsigned char *)packed.data)[i]);
    }
    p2psync_buffer_free(&packed);
    return hex;
}

static p2psync_result refusal(const char *json)
{
    struct p2psync_buffer packed = {0};
    p2psync_result result = p2psync_value_from_json(json, strlen(json), &packed, NULL);
    cr_assert(packed.data == NULL);
    return result;
}

/* What to_json makes of `size` bytes of MessagePack, or the name of its error; freed by the caller.
 */
static char *text_of(const void *data, size_t size)
{
    struct p2psync_buffer text = {0};
    p2psync_result result = p2psync_value_to_json((struct p2psync_bytes){data, size}, &text);
    char *copy = strdup(result == P2PSYNC_OK ? text.data : p2psync_result_name(result));
    cr_assert(copy != NULL);
    cr_assert(result != P2PSYNC_OK || strlen(copy) == text.size);
    p2psync_buffer_free(&text);
    return copy;
}

#define ASSERT_TEXT(bytes, expected)                                                               \
    do {                                                                                           \
        char *made = text_of((bytes), sizeof(bytes) - 1);                                          \
        cr_assert_str_eq(made, (expected));                                                        \
        free(made);                                                                                \
    } while (0)

#define ASSERT_HEX(json, expected)                                                                 \
    do {                                                                                           \
        char *made = hex_of(json);                                                                 \
        cr_assert_str_eq(made, (expected));                                                        \
        free(made);                                                                                \
    } while (0)

static void assert_round_trip(const char *json)
{
    struct p2psync_buffer packed = {0};
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), &packed, NULL), P2PSYNC_OK);
    char *again = text_of(packed.data, packed.size);
    cr_assert_str_eq(again, json);
    free(again);
    p2psync_buffer_free(&packed);
}

Test(json, packs_scalars_in_their_shortest_form)
{
    ASSERT_HEX("null", "c0");
    ASSERT_HEX("true", "c3");
    ASSERT_HEX("5", "05");
    ASSERT_HEX("-1", "ff");
    ASSERT_HEX("300", "cd012c");
    ASSERT_HEX("1.5", "cb3ff8000000000000");
    ASSERT_HEX("\"ab\"", "a26162");
    ASSERT_HEX("{\"$bytes\":\"AAE=\"}", "c4020001");
}

Test(json, keeps_the_order_of_keys_and_elements)
{
    assert_round_trip("{\"z\":[1,[],{}],\"a\":{\"y\":null,\"b\":false},\"m\":\"\"}");
}

Test(json, keeps_floats_apart_from_integers)
{
    assert_round_trip("[1,1.0,-0.0,0.0,0.1,1.1,1e+300,3.141592653589793]");
    ASSERT_HEX("[-0,-0.0,1e2]", "9300cb8000000000000000cb4059000000000000");
}

Test(json, writes_floats_with_the_fewest_digits)
{
    assert_round_trip("[1.7976931348623157e+308,2.2250738585072014e-308,5e-324,1.5e-323,0.3]");
    assert_round_trip("[0.30000000000000004,123456789012345.6,9007199254740992.0,1e+22,1e+23]");
    ASSERT_HEX("1e-400", "cb0000000000000000");
}

Test(json, keeps_floats_of_32_bits)
{
    assert_round_trip("[{\"$float32\":0.1},{\"$float32\":-0.0},{\"$float32\":16777216.0}]");
    assert_round_trip(
        "[{\"$float32\":3.4028235e+38},{\"$float32\":1e-45},{\"$float32\":1.1754944e-38}]");
    ASSERT_HEX("{\"$float32\":1}", "ca3f800000");
    ASSERT_HEX("{\"$float32\":-2}", "cac0000000");
    ASSERT_TEXT("\xca\x3d\xcc\xcc\xcd", "{\"$float32\":0.1}");
    cr_expect_eq(refusal("{\"$float32\":3.5e38}"), P2PSYNC_ELIMIT);
    cr_expect_eq(refusal("{\"$float32\":\"1\"}"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("{\"$float32\":null}"), P2PSYNC_EFORMAT);
}

Test(json, keeps_the_extremes_of_integers)
{
    assert_round_trip("[9223372036854775807,-9223372036854775808,0,-32,-33,127,128]");
    assert_round_trip("[9223372036854775808,18446744073709551615]");
    ASSERT_HEX("18446744073709551615", "cfffffffffffffffff");
    ASSERT_HEX("-9223372036854775808", "d38000000000000000");
    ASSERT_TEXT("\xcf\xff\xff\xff\xff\xff\xff\xff\xff", "18446744073709551615");
}

Test(json, refuses_numbers_beyond_what_is_kept)
{
    cr_expect_eq(refusal("18446744073709551616"), P2PSYNC_ELIMIT);
    cr_expect_eq(refusal("99999999999999999999999999"), P2PSYNC_ELIMIT);
    cr_expect_eq(refusal("-9223372036854775809"), P2PSYNC_ELIMIT);
    cr_expect_eq(refusal("-18446744073709551615"), P2PSYNC_ELIMIT);
    cr_expect_eq(refusal("[1e309]"), P2PSYNC_ELIMIT);
    cr_expect_eq(refusal("-1e999"), P2PSYNC_ELIMIT);
    /* What is no JSON is none, also behind such a number. */
    cr_expect_eq(refusal("18446744073709551616-7"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("[1e999"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("[{\"$float32\":1e39},]"), P2PSYNC_EFORMAT);
}

Test(json, refuses_what_is_no_number)
{
    static const char *const wrong[] = {"01", "-",   "-a",   "1.",       ".5",        "1e", "1e+",
                                        "+1", "0x1", "1.e1", "Infinity", "-Infinity", "--1"};

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(refusal(wrong[i]), P2PSYNC_EFORMAT, "%s", wrong[i]);
    }
}

Test(json, takes_white_space_between_tokens)
{
    ASSERT_HEX(" \t\r\n[ 1 ,\n{ \"a\" : [ ] , \"b\" : { } } ] ", "920182a16190a16280");
}

Test(json, takes_escapes_and_pairs_of_them)
{
    ASSERT_HEX("\"\\u00e9\\u20AC\\ud83d\\ude00\\/\"", "aac3a9e282acf09f98802f");
    cr_expect_eq(refusal("\"\\ud83d\""), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("\"\\ud83d\\u0041\""), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("\"\\ude00\""), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("\"\\u12\""), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("\"\\u12g4\""), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("\"\\x41\""), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("\"\\"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("\"a\nb\""), P2PSYNC_EFORMAT);
}

Test(json, keeps_bytes_and_control_characters)
{
    assert_round_trip(
        "[{\"$bytes\":\"\"},{\"$bytes\":\"/+8=\"},\"\\u0000\\b\\f\\n\\r\\t\\\"\\\\/\"]");
}

Test(json, escapes_what_a_terminal_might_obey)
{
    ASSERT_TEXT("\xa3\x7f\xc2\x9b", "\"\\u007f\\u009b\"");
    ASSERT_TEXT("\xa3\xc3\xa9\x1b", "\"\xc3\xa9\\u001b\"");
}

Test(json, escapes_what_nobody_sees)
{
    /* An override of direction, and its end: clang-tidy wants both in one literal. */
    ASSERT_TEXT("\xa6\xe2\x80\xae\xe2\x80\xac", "\"\\u202e\\u202c\"");
    ASSERT_TEXT("\xa3\xe2\x80\x8b", "\"\\u200b\"");            /* zero width space */
    ASSERT_TEXT("\xa4\xf3\xa0\x80\x81", "\"\\udb40\\udc01\""); /* tag */
    assert_round_trip("{\"\\u2066a\":[\"\\ufeff\",\"\\u0085\\u007f\"]}");
    assert_round_trip("\"e\xcc\x81\xe2\x9d\xa4\xef\xb8\x8f\"");
}

Test(json, takes_an_object_with_more_than_bytes_as_an_object)
{
    assert_round_trip("{\"$bytes\":\"AA==\",\"b\":1}");
    assert_round_trip("{\"$byte\":7}");
    assert_round_trip("{\"$\":{\"bytes\":\"\"}}");
}

/* What looks like a wrapping and is data has one `$` more in JSON, at any depth. */
Test(json, keeps_data_that_looks_like_a_wrapping)
{
    ASSERT_TEXT("\x81\xa6$bytes\xa1x", "{\"$$bytes\":\"x\"}");
    ASSERT_TEXT("\x81\xa7$$bytes\x01", "{\"$$$bytes\":1}");
    ASSERT_TEXT("\x82\xa6$bytes\x01\xa1x\x02", "{\"$bytes\":1,\"x\":2}");
    ASSERT_HEX("{\"$$bytes\":\"AA==\"}", "81a6246279746573a441413d3d");
    ASSERT_HEX("{\"$$blob\":1}", "81a524626c6f6201");
    assert_round_trip("[{\"$$float32\":{\"$$$float32\":{\"$float32\":0.5}}},{\"$$blob\":null}]");
    /* 32 `$` and more need a longer header of the key. */
    assert_round_trip("{\"$$$$$$$$$$$$$$$$$$$$$$$$$$bytes\":[1,2]}");
    assert_round_trip("{\"$$$$$$$$$$$$$$$$$$$$$$$$$$$bytes\":[1,2]}");
    cr_expect_eq(refusal("{\"$bytes\":7}"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("{\"$blob\":\"AA==\"}"), P2PSYNC_EFORMAT);
}

Test(json, refuses_keys_that_the_store_does_not_take)
{
    cr_expect_eq(refusal("{\"a\\u0000\":1}"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("[{\"a\":{\"b\":1,\"c\":2,\"b\":1}}]"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("{\"$bytes\":\"\",\"$bytes\":\"\"}"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("{1:1}"), P2PSYNC_EFORMAT);
}

Test(json, refuses_text_that_is_no_single_value)
{
    cr_expect_eq(refusal(""), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("{"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("[1"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("[1,]"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("[1}"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("{\"a\"}"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("{\"a\":1,}"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("]"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("nul"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("1 2"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("{\"a\":1,\"a\":2}"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("\"\xff\""), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("{\"$bytes\":\"*\"}"), P2PSYNC_EFORMAT);
    cr_expect_eq(refusal("NaN"), P2PSYNC_EFORMAT);
}

/* `depth` arrays, each inside the one before. */
static void nest(char *text, size_t depth)
{
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
}

Test(json, admits_nesting_up_to_the_limit)
{
    char text[2 * 5000 + 1];

    nest(text, 32);
    assert_round_trip(text);
    (void)snprintf(text + 32, sizeof text - 32, "{\"$bytes\":\"AA==\"}%.32s",
                   "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    assert_round_trip(text);
    (void)snprintf(text + 32, sizeof text - 32, "{\"$$bytes\":\"AA==\"}%.32s",
                   "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    cr_expect_eq(refusal(text), P2PSYNC_ELIMIT);
    nest(text, 33);
    cr_expect_eq(refusal(text), P2PSYNC_ELIMIT);
    nest(text, 5000);
    cr_expect_eq(refusal(text), P2PSYNC_ELIMIT);
}

/* Every bit pattern of a float that is finite comes back, and is not printed longer than need be.
 */
Test(json, brings_back_random_floats)
{
    uint64_t state = 1;

    for (unsigned i = 0; i < 20000; i++) {
        unsigned char value[9] = {i % 2 == 0 ? 0xcb : 0xca};
        size_t size = i % 2 == 0 ? 9 : 5;
        struct p2psync_buffer text = {0};
        struct p2psync_buffer packed = {0};

        for (size_t b = 1; b < size; b++) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            value[b] = (unsigned char)(state >> 56);
        }
        if (p2psync_value_to_json((struct p2psync_bytes){value, size}, &text) == P2PSYNC_OK) {
            cr_assert_eq(p2psync_value_from_json(text.data, text.size, &packed, NULL), P2PSYNC_OK);
            cr_assert_eq(packed.size, size);
            cr_assert_eq(memcmp(packed.data, value, size), 0, "%s", (char *)text.data);
        } else {
            cr_assert_eq(value[1] & 0x7f, 0x7f, "only infinities and NaN are refused");
        }
        p2psync_buffer_free(&packed);
        p2psync_buffer_free(&text);
    }
}

Test(json, refuses_values_over_one_mebibyte)
{
    size_t size = 1024 * 1024 - 5 + 2; /* a header of five bytes, two quotes */
    struct p2psync_buffer packed = {0};
    char *text = malloc(size + 1);

    cr_assert(text != NULL);
    memset(text, 'a', size + 1);
    text[0] = '"';
    text[size - 1] = '"';
    cr_expect_eq(p2psync_value_from_json(text, size, &packed, NULL), P2PSYNC_OK);
    p2psync_buffer_free(&packed);
    text[size - 1] = 'a';
    text[size] = '"';
    cr_expect_eq(p2psync_value_from_json(text, size + 1, &packed, NULL), P2PSYNC_ELIMIT);
    free(text);
}

Test(json, refuses_messagepack_that_json_cannot_say)
{
    ASSERT_TEXT("", "P2PSYNC_EFORMAT");
    ASSERT_TEXT("\x01\x02", "P2PSYNC_EFORMAT");
    ASSERT_TEXT("\xcb\x7f\xf8\0\0\0\0\0\0", "P2PSYNC_EFORMAT");
    ASSERT_TEXT("\xcb\x7f\xf0\0\0\0\0\0\0", "P2PSYNC_EFORMAT");
    ASSERT_TEXT("\xca\xff\x80\0\0", "P2PSYNC_EFORMAT");
    ASSERT_TEXT("\xd4\x01\x01", "P2PSYNC_EFORMAT");
    ASSERT_TEXT("\x81\x01\x01", "P2PSYNC_EFORMAT");
    ASSERT_TEXT("\xa1\xff", "P2PSYNC_EFORMAT");
    ASSERT_TEXT("\xdd\xff\xff\xff\xff", "P2PSYNC_EFORMAT");
    ASSERT_TEXT("\xc1", "P2PSYNC_EFORMAT");
}

Test(json, bounds_the_depth_of_answers)
{
    char value[40];

    memset(value, 0x91, sizeof value);
    value[36] = 0x01;
    char *text = text_of(value, 37);
    cr_expect_eq(strlen(text), 73);
    free(text);
    memset(value, 0x91, sizeof value);
    value[37] = 0x01;
    text = text_of(value, 38);
    cr_expect_str_eq(text, "P2PSYNC_ELIMIT");
    free(text);
}

Test(json, writes_a_point_in_any_locale)
{
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL) {
        cr_skip_test("no locale with a decimal comma here");
    }
    assert_round_trip("[1.5,0.1]");
}

Test(json, refuses_null_arguments)
{
    struct p2psync_buffer out = {0};

    cr_expect_eq(p2psync_value_from_json(NULL, 0, &out, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_value_from_json("1", 1, NULL, NULL), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_value_to_json((struct p2psync_bytes){NULL, 1}, &out), P2PSYNC_EMISUSE);
    cr_expect_eq(p2psync_value_to_json((struct p2psync_bytes){"\xc0", 1}, NULL), P2PSYNC_EMISUSE);
}
