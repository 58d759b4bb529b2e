/* Values taken apart and put together without another library, and what is said of JSON that is
 * none. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes.h"
#include "wire/limits.h"

TestSuite(test_api_value, .timeout = 60);

static struct p2psync_bytes pack(const char *json, struct p2psync_buffer *out)
{
    cr_assert_eq(p2psync_value_from_json(json, strlen(json), out, NULL), P2PSYNC_OK, "%s", json);
    return (struct p2psync_bytes){.data = out->data, .size = out->size};
}

static int64_t integer_of(struct p2psync_bytes value)
{
    int64_t number = 0;
    cr_assert_eq(p2psync_value_integer(value, &number), P2PSYNC_OK);
    return number;
}

/* ---- taking apart ---- */

Test(test_api_value, finds_what_is_in_a_map_and_in_maps_inside)
{
    struct p2psync_buffer buffer = {0};
    struct p2psync_bytes map = pack(
        "{\"skip\":[1,{\"n\":9}],\"a\":{\"b\":{\"n\":-7}},\"n\":3,\"t\":\"text\",\"nil\":null}",
        &buffer);
    struct p2psync_bytes deep = p2psync_value_find(p2psync_value_find(map, "a"), "b");
    cr_expect_eq(integer_of(p2psync_value_find(deep, "n")), -7);
    cr_expect_eq(integer_of(p2psync_value_find(map, "n")), 3);
    cr_expect_eq(p2psync_value_type_of(p2psync_value_find(map, "nil")), P2PSYNC_VALUE_NIL);
    cr_expect_eq(p2psync_value_find(map, "none").size, 0);
    cr_expect_eq(p2psync_value_find(map, NULL).size, 0);
    cr_expect_eq(integer_of(p2psync_value_find_text(map, (struct p2psync_bytes){"nil", 1})), 3);
    cr_expect_eq(p2psync_value_find_text(map, (struct p2psync_bytes){.size = 0}).size, 0);
    cr_expect_eq(p2psync_value_find(p2psync_value_find(map, "none"), "n").size, 0);
    cr_expect_eq(p2psync_value_find(p2psync_value_find(map, "skip"), "n").size, 0, "no map");
    cr_expect_eq(p2psync_value_find(p2psync_value_find(map, "n"), "n").size, 0);
    p2psync_buffer_free(&buffer);
}

Test(test_api_value, gives_each_type_and_refuses_the_others)
{
    struct p2psync_buffer buffer = {0};
    struct p2psync_bytes map =
        pack("{\"yes\":true,\"low\":-9223372036854775808,\"high\":18446744073709551615,"
             "\"half\":0.5,\"single\":{\"$float32\":0.25},\"text\":\"\xc3\xbc\\u0000\","
             "\"bin\":{\"$bytes\":\"AAE=\"}}",
             &buffer);
    bool yes = false;
    int64_t integer = 0;
    uint64_t number = 0;
    double real = 0;
    char string[8];
    cr_expect_eq(p2psync_value_bool(p2psync_value_find(map, "yes"), &yes), P2PSYNC_OK);
    cr_expect(yes);
    cr_expect_eq(integer_of(p2psync_value_find(map, "low")), INT64_MIN);
    cr_expect_eq(p2psync_value_unsigned(p2psync_value_find(map, "high"), &number), P2PSYNC_OK);
    cr_expect_eq(number, UINT64_MAX);
    cr_expect_eq(p2psync_value_integer(p2psync_value_find(map, "high"), &integer), P2PSYNC_ELIMIT);
    cr_expect_eq(p2psync_value_unsigned(p2psync_value_find(map, "low"), &number), P2PSYNC_ELIMIT);
    cr_expect_eq(p2psync_value_real(p2psync_value_find(map, "half"), &real), P2PSYNC_OK);
    cr_expect_eq(real, 0.5);
    cr_expect_eq(p2psync_value_real(p2psync_value_find(map, "single"), &real), P2PSYNC_OK);
    cr_expect_eq(real, 0.25);
    cr_expect_eq(p2psync_value_real(p2psync_value_find(map, "low"), &real), P2PSYNC_OK);
    cr_expect_eq(real, -9223372036854775808.0);
    cr_expect_eq(p2psync_value_integer(p2psync_value_find(map, "half"), &integer), P2PSYNC_EFORMAT);
    cr_expect_eq(p2psync_value_text(p2psync_value_find(map, "text")).size, 3);
    cr_expect_eq(p2psync_value_string(p2psync_value_find(map, "text"), string, sizeof string),
                 P2PSYNC_EFORMAT, "it holds a NUL");
    cr_expect_eq(p2psync_value_bytes(p2psync_value_find(map, "bin")).size, 2);
    cr_expect_null(p2psync_value_text(p2psync_value_find(map, "bin")).data);
    cr_expect_null(p2psync_value_bytes(p2psync_value_find(map, "text")).data);
    cr_expect_null(p2psync_value_text(p2psync_value_find(map, "none")).data);
    cr_expect_eq(p2psync_value_bool(p2psync_value_find(map, "none"), &yes), P2PSYNC_EFORMAT);
    p2psync_buffer_free(&buffer);
}

Test(test_api_value, copies_a_text_only_if_it_fits)
{
    struct p2psync_buffer buffer = {0};
    struct p2psync_bytes text = pack("\"four\"", &buffer);
    char room[5] = "....";
    cr_expect_eq(p2psync_value_string(text, room, 4), P2PSYNC_ELIMIT);
    cr_expect_str_eq(room, "....", "untouched");
    cr_expect_eq(p2psync_value_string(text, room, 5), P2PSYNC_OK);
    cr_expect_str_eq(room, "four");
    p2psync_buffer_free(&buffer);
}

Test(test_api_value, says_what_a_map_has_under_a_key_or_nothing)
{
    struct p2psync_buffer buffer = {0};
    struct p2psync_bytes map = pack(
        "{\"t\":\"four\",\"n\":18446744073709551615,\"low\":-1,\"yes\":true,\"e\":\"\"}", &buffer);
    cr_expect(p2psync_text_equals(p2psync_map_text(map, "t"), "four"));
    cr_expect_not(p2psync_text_equals(p2psync_map_text(map, "t"), "fou"));
    cr_expect_not(p2psync_text_equals(p2psync_map_text(map, "t"), "fours"));
    cr_expect_not(p2psync_text_equals(p2psync_map_text(map, "t"), NULL));
    cr_expect(p2psync_text_equals(p2psync_map_text(map, "e"), ""));
    cr_expect(p2psync_text_equals(p2psync_map_text(map, "n"), ""));
    cr_expect_not_null(p2psync_map_text(map, "none").data);
    cr_expect_eq(p2psync_map_unsigned(map, "n"), UINT64_MAX);
    cr_expect_eq(p2psync_map_unsigned(map, "low"), 0);
    cr_expect_eq(p2psync_map_unsigned(map, "t"), 0);
    cr_expect(p2psync_map_bool(map, "yes"));
    cr_expect_not(p2psync_map_bool(map, "n"));
    cr_expect_not(p2psync_map_bool(p2psync_value_find(map, "t"), "yes"), "no map");
    p2psync_buffer_free(&buffer);
}

Test(test_api_value, walks_over_arrays_and_maps)
{
    struct p2psync_buffer buffer = {0};
    struct p2psync_bytes map = pack("{\"list\":[1,[2,3],4],\"b\":5}", &buffer);
    struct p2psync_walk walk = {.size = sizeof walk, .value = p2psync_value_find(map, "list")};
    struct p2psync_bytes key;
    struct p2psync_bytes value;
    cr_expect_eq(p2psync_value_count(walk.value), 3);
    cr_assert_eq(p2psync_walk_next(&walk, &key, &value), P2PSYNC_OK);
    cr_expect_eq(key.size, 0);
    cr_expect_eq(integer_of(value), 1);
    cr_expect_eq(p2psync_value_count(value), 0);
    cr_assert_eq(p2psync_walk_next(&walk, NULL, &value), P2PSYNC_OK);
    cr_expect_eq(p2psync_value_count(value), 2);
    cr_assert_eq(p2psync_walk_next(&walk, NULL, &value), P2PSYNC_OK);
    cr_expect_eq(integer_of(value), 4);
    cr_expect_eq(p2psync_walk_next(&walk, NULL, &value), P2PSYNC_EEND);
    cr_expect_eq(p2psync_walk_next(&walk, NULL, &value), P2PSYNC_EEND);
    cr_expect_eq(p2psync_value_count(map), 2);
    walk = (struct p2psync_walk){.size = sizeof walk, .value = map};
    cr_assert_eq(p2psync_walk_next(&walk, &key, &value), P2PSYNC_OK);
    cr_expect(p2psync_text_equals(key, "list"));
    cr_assert_eq(p2psync_walk_next(&walk, &key, &value), P2PSYNC_OK);
    cr_expect(p2psync_text_equals(key, "b"));
    walk = (struct p2psync_walk){.size = sizeof walk, .value = value};
    cr_expect_eq(p2psync_walk_next(&walk, &key, &value), P2PSYNC_EEND,
                 "a number has nothing in it");
    walk.size = 1;
    cr_expect_eq(p2psync_walk_next(&walk, &key, &value), P2PSYNC_EMISUSE);
    p2psync_buffer_free(&buffer);
}

/* A value is cut off after `size` bytes: a walk over it ends with an error, and never with an
 * element too few. */
static void walk_over_part(struct p2psync_bytes part)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = part};
    struct p2psync_bytes value;
    p2psync_result result = P2PSYNC_OK;
    while (result == P2PSYNC_OK) {
        result = p2psync_walk_next(&walk, NULL, &value);
    }
    cr_expect_eq(result,
                 p2psync_value_type_of(part) == P2PSYNC_VALUE_MAP ? P2PSYNC_EFORMAT : P2PSYNC_EEND);
    cr_expect_eq(p2psync_value_check(part), P2PSYNC_EFORMAT);
}

Test(test_api_value, checks_a_value_before_it_is_relied_on)
{
    static const struct {
        struct p2psync_bytes value;
        p2psync_result result;
    } cases[] = {
        {{"\x81\xa1"
          "a\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
          12},
         P2PSYNC_OK},
        {{"\xc0\xc0", 2}, P2PSYNC_EFORMAT},             /* two */
        {{"\xd4\x01\x02", 3}, P2PSYNC_EFORMAT},         /* ext */
        {{"\x81\x01\x02", 3}, P2PSYNC_EFORMAT},         /* a key that is no text */
        {{"\xa1\xff", 2}, P2PSYNC_EFORMAT},             /* no UTF-8 */
        {{"\xca\x7f\x80\x00\x00", 5}, P2PSYNC_EFORMAT}, /* infinite */
        {{"\x82\xa1"
          "a\x01\xa1"
          "a\x02",
          7},
         P2PSYNC_EFORMAT}, /* twice */
        {{"", 0}, P2PSYNC_EFORMAT},
        {{NULL, 0}, P2PSYNC_EFORMAT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_expect_eq(p2psync_value_check(cases[i].value), cases[i].result, "%zu", i);
    }
    const struct p2psync_bytes number_key = {"\x81\x01\x02", 3};
    struct p2psync_walk walk = {.size = sizeof walk, .value = number_key};
    struct p2psync_bytes value;
    cr_expect_eq(p2psync_walk_next(&walk, NULL, &value), P2PSYNC_EFORMAT);
    cr_expect_eq(p2psync_value_find(number_key, "").size, 0);
}

Test(test_api_value, makes_a_value_of_any_text)
{
    struct p2psync_buffer buffer = {0};
    cr_assert_eq(p2psync_value_from_text("true\0\"", 6, &buffer), P2PSYNC_OK);
    cr_expect_str_eq(nodes_json(P2PSYNC_OK, &buffer), "\"true\\u0000\\\"\"");
    buffer = (struct p2psync_buffer){0};
    cr_expect_eq(p2psync_value_from_text("\xff", 1, &buffer), P2PSYNC_EFORMAT);
    cr_expect_eq(p2psync_value_from_text(NULL, 1, &buffer), P2PSYNC_EMISUSE);
    char *large = calloc(1, PS_VALUE_SIZE_MAX);
    cr_assert_not_null(large);
    cr_expect_eq(p2psync_value_from_text(large, PS_VALUE_SIZE_MAX, &buffer), P2PSYNC_ELIMIT);
    cr_expect_null(buffer.data);
    free(large);
}

/* Any bytes may come: whatever is cut off, claims too much or is unknown is an error. Under the
 * sanitizers a read too far ends the test. */
Test(test_api_value, takes_any_bytes_for_a_value)
{
    struct p2psync_buffer buffer = {0};
    struct p2psync_bytes map = pack("{\"a\":[1,{\"b\":\"text\"},2.5],\"c\":{\"d\":-1}}", &buffer);
    for (size_t size = 0; size < map.size; size++) {
        uint8_t *cut = malloc(size > 0 ? size : 1);
        cr_assert_not_null(cut);
        memcpy(cut, map.data, size);
        const struct p2psync_bytes part = {.data = cut, .size = size};
        cr_expect_eq(p2psync_value_find(p2psync_value_find(part, "c"), "d").size, 0, "%zu", size);
        walk_over_part(part);
        free(cut);
    }
    const struct p2psync_bytes claims = {.data = "\xdf\xff\xff\xff\xff\xa1"
                                                 "a",
                                         .size = 7};
    const struct p2psync_bytes ext = {.data = "\xd4\x01\x02", .size = 3};
    const struct p2psync_bytes nothing = {.data = NULL, .size = 3};
    cr_expect_eq(p2psync_value_type_of(claims), P2PSYNC_VALUE_NONE);
    cr_expect_eq(p2psync_value_find(claims, "a").size, 0);
    cr_expect_eq(p2psync_value_type_of(ext), P2PSYNC_VALUE_NONE);
    cr_expect_eq(p2psync_value_type_of(nothing), P2PSYNC_VALUE_NONE);
    p2psync_buffer_free(&buffer);
}

/* ---- putting together ---- */

static const char *finish(p2psync_builder *builder)
{
    struct p2psync_buffer map = {0};
    return nodes_json(p2psync_builder_finish(builder, &map), &map);
}

Test(test_api_value, builds_a_map_with_all_that_may_be_in_it)
{
    p2psync_builder *builder = NULL;
    char key[16];
    cr_assert_eq(p2psync_builder_new(&builder), P2PSYNC_OK);
    p2psync_builder_text(builder, "title", "Groceries");
    p2psync_builder_bool(builder, "done", false);
    p2psync_builder_integer(builder, "low", INT64_MIN);
    p2psync_builder_integer(builder, "small", 7);
    p2psync_builder_unsigned(builder, "high", UINT64_MAX);
    p2psync_builder_real(builder, "half", 0.5);
    p2psync_builder_nil(builder, "nothing");
    p2psync_builder_bytes(builder, "bin", (struct p2psync_bytes){.data = "\0\1", .size = 2});
    p2psync_builder_value(builder, "whole", (struct p2psync_bytes){.data = "\x91\x05", .size = 2});
    p2psync_builder_array(builder, "list");
    p2psync_builder_map(builder, NULL);
    p2psync_builder_integer(builder, "n", -1);
    p2psync_builder_end(builder);
    p2psync_builder_array(builder, NULL);
    p2psync_builder_end(builder);
    p2psync_builder_end(builder);
    cr_expect_str_eq(finish(builder),
                     "{\"title\":\"Groceries\",\"done\":false,\"low\":-9223372036854775808,"
                     "\"small\":7,\"high\":18446744073709551615,\"half\":0.5,\"nothing\":null,"
                     "\"bin\":{\"$bytes\":\"AAE=\"},\"whole\":[5],\"list\":[{\"n\":-1},[]]}");
    cr_assert_eq(p2psync_builder_new(&builder), P2PSYNC_OK);
    p2psync_builder_array(builder, "many");
    for (size_t i = 0; i < 70000; i++) { /* a count of four bytes */
        p2psync_builder_nil(builder, NULL);
    }
    p2psync_builder_end(builder);
    for (size_t i = 0; i < 20; i++) { /* a count of two */
        (void)snprintf(key, sizeof key, "%zu", i);
        p2psync_builder_nil(builder, key);
    }
    struct p2psync_buffer map = {0};
    cr_assert_eq(p2psync_builder_finish(builder, &map), P2PSYNC_OK);
    const struct p2psync_bytes bytes = {.data = map.data, .size = map.size};
    cr_expect_eq(p2psync_value_count(p2psync_value_find(bytes, "many")), 70000);
    cr_expect_eq(p2psync_value_type_of(p2psync_value_find(bytes, "19")), P2PSYNC_VALUE_NIL);
    p2psync_buffer_free(&map);
}

static p2psync_builder *begin(void)
{
    p2psync_builder *builder = NULL;
    cr_assert_eq(p2psync_builder_new(&builder), P2PSYNC_OK);
    return builder;
}

Test(test_api_value, says_at_the_end_how_a_builder_was_misused)
{
    struct p2psync_buffer map = {0};
    p2psync_builder *builder = begin();
    p2psync_builder_nil(builder, NULL);
    cr_expect_eq(p2psync_builder_finish(builder, &map), P2PSYNC_EMISUSE, "a key is missing");
    builder = begin();
    p2psync_builder_array(builder, "list");
    p2psync_builder_nil(builder, "a");
    p2psync_builder_end(builder);
    cr_expect_eq(p2psync_builder_finish(builder, &map), P2PSYNC_EMISUSE, "a key in an array");
    builder = begin();
    p2psync_builder_map(builder, "map");
    cr_expect_eq(p2psync_builder_finish(builder, &map), P2PSYNC_EMISUSE, "not ended");
    builder = begin();
    p2psync_builder_end(builder);
    cr_expect_eq(p2psync_builder_finish(builder, &map), P2PSYNC_EMISUSE, "one end too many");
    builder = begin();
    p2psync_builder_nil(builder, "a");
    p2psync_builder_nil(builder, "a");
    cr_expect_eq(p2psync_builder_finish(builder, &map), P2PSYNC_EFORMAT, "a key twice");
    builder = begin();
    p2psync_builder_value(builder, "a", (struct p2psync_bytes){.data = "\x91", .size = 1});
    cr_expect_eq(p2psync_builder_finish(builder, &map), P2PSYNC_EFORMAT, "half a value");
    builder = begin();
    for (size_t i = 0; i < PS_DOCUMENT_DEPTH_MAX; i++) {
        p2psync_builder_map(builder, "a");
    }
    cr_expect_eq(p2psync_builder_finish(builder, &map), P2PSYNC_ELIMIT, "too deep");
    builder = begin();
    p2psync_builder_array(builder, "list");
    p2psync_builder_pair(builder, (struct p2psync_bytes){"a", 1},
                         (struct p2psync_bytes){"\xc0", 1});
    p2psync_builder_end(builder);
    cr_expect_eq(p2psync_builder_finish(builder, &map), P2PSYNC_EMISUSE, "a pair in an array");
    builder = begin();
    p2psync_builder_pair(builder, (struct p2psync_bytes){"\xff", 1},
                         (struct p2psync_bytes){"\xc0", 1});
    cr_expect_eq(p2psync_builder_finish(builder, &map), P2PSYNC_EFORMAT, "a key that is no UTF-8");
    builder = begin();
    p2psync_builder_pair(builder, (struct p2psync_bytes){NULL, 1},
                         (struct p2psync_bytes){"\xc0", 1});
    cr_expect_eq(p2psync_builder_finish(builder, &map), P2PSYNC_EMISUSE, "no key");
    builder = begin();
    p2psync_builder_value(builder, "a", (struct p2psync_bytes){NULL, 1});
    cr_expect_eq(p2psync_builder_finish(builder, &map), P2PSYNC_EMISUSE, "no value");
    cr_expect_eq(p2psync_builder_finish(NULL, &map), P2PSYNC_EMISUSE);
    cr_expect_null(map.data);
    p2psync_builder_free(NULL);
}

/* As an app does that reads a record, changes one field, and writes it. */
Test(test_api_value, builds_a_map_of_the_pairs_of_another)
{
    struct p2psync_buffer buffer = {0};
    struct p2psync_walk walk = {
        .size = sizeof walk,
        .value = pack("{\"a\\u2028b\":[1],\"n\":1,\"z\":{\"$$bytes\":1}}", &buffer)};
    struct p2psync_bytes key;
    struct p2psync_bytes value;
    p2psync_builder *builder = begin();
    while (p2psync_walk_next(&walk, &key, &value) == P2PSYNC_OK) {
        if (p2psync_text_equals(key, "n")) {
            p2psync_builder_integer(builder, "n", integer_of(value) + 1);
        } else {
            p2psync_builder_pair(builder, key, value);
        }
    }
    cr_expect_str_eq(finish(builder), "{\"a\\u2028b\":[1],\"n\":2,\"z\":{\"$$bytes\":1}}");
    p2psync_buffer_free(&buffer);
}

/* A record of the largest size fits, with what stands beside its fields. */
Test(test_api_value, builds_what_is_larger_than_a_record)
{
    struct p2psync_buffer map = {0};
    void *bytes = calloc(1, PS_VALUE_SIZE_MAX);
    const struct p2psync_bytes large = {bytes, PS_VALUE_SIZE_MAX};
    cr_assert_not_null(bytes);
    for (size_t count = 3; count <= 4; count++) { /* the last is over PS_BUILT_SIZE_MAX */
        p2psync_builder *builder = begin();
        p2psync_builder_array(builder, "all");
        for (size_t i = 0; i < count; i++) {
            p2psync_builder_bytes(builder, NULL, large);
        }
        p2psync_builder_end(builder);
        cr_expect_eq(p2psync_builder_finish(builder, &map),
                     count * PS_VALUE_SIZE_MAX < PS_BUILT_SIZE_MAX ? P2PSYNC_OK : P2PSYNC_ELIMIT);
    }
    cr_expect_gt(map.size, 3 * (size_t)PS_VALUE_SIZE_MAX);
    p2psync_buffer_free(&map);
    free(bytes);
}

/* ---- what is wrong with JSON ---- */

Test(test_api_value, says_what_is_wrong_with_json_and_where)
{
    static const struct {
        const char *json;
        size_t offset;
        p2psync_result result;
        const char *text;
    } wrong[] = {
        {"{\"a\":1,}", 7, P2PSYNC_EFORMAT, "a key in quotes is expected"},
        {"{\"a\" 1}", 5, P2PSYNC_EFORMAT, "a colon is expected"},
        {"[1 2]", 3, P2PSYNC_EFORMAT, "a comma or ']' is expected"},
        {"[1] 2", 4, P2PSYNC_EFORMAT, "something follows the value"},
        {"[1,nul]", 3, P2PSYNC_EFORMAT, "this is no value"},
        {"[1,", 3, P2PSYNC_EFORMAT, "it ends too early"},
        {"\"abc", 1, P2PSYNC_EFORMAT, "a string does not end"},
        {"{\"a\":1,\"a\":2}", SIZE_MAX, P2PSYNC_EFORMAT,
         "an object has a key twice, or one with a NUL"},
        {"{\"$bytes\":\"*\"}", SIZE_MAX, P2PSYNC_EFORMAT,
         "{\"$bytes\": TEXT} takes base64, {\"$float32\": N} a number"},
        {"[1e999]", 6, P2PSYNC_ELIMIT,
         "a number is too large: integers go from -2^63 to 2^64 - 1, floats to 1.8e308"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *json = wrong[i].json;
        struct p2psync_buffer out = {0};
        struct p2psync_detail detail = {.size = sizeof detail};
        cr_expect_eq(p2psync_value_from_json(json, strlen(json), &out, &detail), wrong[i].result,
                     "%s", json);
        cr_expect_str_eq(detail.text, wrong[i].text, "%s: %s", json, detail.text);
        cr_expect_eq(detail.offset, wrong[i].offset, "%s: %zu", json, detail.offset);
    }
}
