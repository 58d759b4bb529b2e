/* Text forms of identities both ways, orders, and which names are valid. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <sodium.h>
#include <string.h>

#include "wire/id.h"

Test(id, device_text_is_read_back_in_any_case)
{
    struct ps_device device;
    struct ps_device read;
    char text[PS_DEVICE_TEXT_SIZE];
    for (size_t i = 0; i < PS_DEVICE_SIZE; i++) {
        device.key[i] = (uint8_t)(i * 37);
    }
    ps_device_text(&device, text);
    cr_assert_eq(strlen(text), 64);
    cr_assert_eq(ps_device_parse(ps_bytes_text(text), &read), P2PSYNC_OK);
    cr_assert(ps_device_equal(&device, &read));
    for (size_t i = 0; i < 64; i++) {
        text[i] = (char)(text[i] >= 'a' ? text[i] - 'a' + 'A' : text[i]);
    }
    cr_assert_eq(ps_device_parse(ps_bytes_text(text), &read), P2PSYNC_OK);
    cr_assert(ps_device_equal(&device, &read));
}

Test(id, device_parse_rejects_other_lengths_and_digits)
{
    struct ps_device device;
    char text[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0";
    cr_assert_eq(ps_device_parse(ps_bytes(text, 64), &device), P2PSYNC_OK);
    cr_assert_eq(ps_device_parse(ps_bytes(text, 63), &device), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_device_parse(ps_bytes(text, 65), &device), P2PSYNC_EFORMAT);
    text[63] = 'g';
    cr_assert_eq(ps_device_parse(ps_bytes(text, 64), &device), P2PSYNC_EFORMAT);
}

/* A point of the prime-order subgroup is an id, its negative is not, nor are points of a small
 * order, of a mixed one, and other forms of a point. */
Test(id, device_is_a_canonical_point_with_sign_0)
{
    struct ps_device device;
    struct ps_device other = {{0}};
    uint8_t scalar[crypto_core_ed25519_SCALARBYTES] = {5};
    cr_assert_geq(sodium_init(), 0);
    do {
        scalar[0]++;
        cr_assert_eq(crypto_scalarmult_ed25519_base_noclamp(device.key, scalar), 0);
    } while ((device.key[31] & 0x80U) != 0);
    cr_assert(ps_device_valid(&device));
    other = device;
    other.key[31] ^= 0x80U;
    cr_assert_not(ps_device_valid(&other), "the negative");
    uint8_t of_order_2[PS_DEVICE_SIZE];
    memset(of_order_2, 0xff, sizeof of_order_2);
    of_order_2[0] = 0xec;
    of_order_2[31] = 0x7f;
    memcpy(other.key, of_order_2, sizeof of_order_2);
    cr_assert_not(ps_device_valid(&other), "y = -1");
    cr_assert_eq(crypto_core_ed25519_add(other.key, device.key, of_order_2), 0);
    other.key[31] &= 0x7fU;
    cr_assert_not(ps_device_valid(&other), "of mixed order");
    memset(&other, 0, sizeof other);
    other.key[0] = 1;
    cr_assert_not(ps_device_valid(&other), "the neutral element");
    memset(&other, 0xff, sizeof other);
    other.key[0] = 0xf0; /* p + 3 */
    other.key[31] = 0x7f;
    cr_assert_not(ps_device_valid(&other), "not reduced");
}

Test(id, fingerprint_is_eighty_bits_in_groups_of_four_digits)
{
    struct ps_device device = {{0}};
    char text[PS_FINGERPRINT_TEXT_SIZE];
    ps_device_fingerprint(&device, text);
    cr_assert_eq(strlen(text), 19);
    cr_assert(text[4] == '-' && text[9] == '-' && text[14] == '-');
    cr_assert_eq(strspn(text, "0123456789ABCDEFGHJKMNPQRSTVWXYZ-"), 19);
}

Test(id, fingerprint_is_known_by_its_first_digits)
{
    struct ps_device device = {{0}};
    char text[PS_FINGERPRINT_TEXT_SIZE];
    char other[PS_FINGERPRINT_TEXT_SIZE + 1];
    ps_device_fingerprint(&device, text);
    cr_expect_eq(ps_device_fingerprint_match(&device, ps_bytes_text(text)), PS_FINGERPRINT_DIGITS);
    cr_expect_eq(ps_device_fingerprint_match(&device, ps_bytes(text, 4)), 4);
    cr_expect_eq(ps_device_fingerprint_match(&device, ps_bytes(text, 6)), 5);
    cr_expect_eq(ps_device_fingerprint_match(&device, ps_bytes("", 0)), 0);
    cr_expect_eq(ps_device_fingerprint_match(&device, ps_bytes_text("-")), 0);
    for (size_t i = 0; i < sizeof text; i++) {
        other[i] = (char)tolower((unsigned char)text[i]);
    }
    cr_expect_eq(ps_device_fingerprint_match(&device, ps_bytes_text(other)), PS_FINGERPRINT_DIGITS);
    other[sizeof text - 1] = '0'; /* a digit more */
    other[sizeof text] = '\0';
    cr_expect_eq(ps_device_fingerprint_match(&device, ps_bytes_text(other)), 0);
    other[0] = other[0] == '7' ? '8' : '7';
    cr_expect_eq(ps_device_fingerprint_match(&device, ps_bytes(other, 6)), 0);
    cr_expect_eq(ps_device_fingerprint_match(&device, ps_bytes_text("U")), 0, "U is no digit");
}

Test(id, dot_text_is_read_back)
{
    const uint64_t seqs[] = {0, 9, 10, 1000, UINT64_MAX};
    for (size_t i = 0; i < sizeof seqs / sizeof *seqs; i++) {
        struct ps_dot dot = {{{1, 2, 3, 4, 5, 6, 7, 0xff}}, seqs[i]};
        struct ps_dot read;
        char text[PS_DOT_TEXT_SIZE];
        ps_dot_text(dot, text);
        cr_assert_eq(ps_dot_parse(ps_bytes_text(text), &read), P2PSYNC_OK, "%s", text);
        cr_assert_eq(ps_dot_compare(dot, read), 0, "%s", text);
    }
}

Test(id, dot_parse_rejects_what_is_no_dot)
{
    static const char *const texts[] = {
        "",
        "0102030405060708090a0b0c0d0e0f10",
        "0102030405060708090a0b0c0d0e0f10-",
        "0102030405060708090a0b0c0d0e0f10-01",
        "0102030405060708090a0b0c0d0e0f10-1x",
        "0102030405060708090a0b0c0d0e0f10- 1",
        "0102030405060708090a0b0c0d0e0f10--1",
        "0102030405060708090a0b0c0d0e0f10-18446744073709551616",
        "0102030405060708090a0b0c0d0e0f10-99999999999999999999",
        "0102030405060708090a0b0c0d0e0f1-1",
        "0102030405060708-1",
        "0102030405060708090a0b0c0d0e0f1g-1",
    };
    struct ps_dot dot;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        cr_assert_eq(ps_dot_parse(ps_bytes_text(texts[i]), &dot), P2PSYNC_EFORMAT, "%s", texts[i]);
    }
}

Test(id, dots_order_by_origin_then_seq)
{
    struct ps_dot a = {{{0, 0, 0, 0, 0, 0, 0, 1}}, 9};
    struct ps_dot b = {{{0, 0, 0, 0, 0, 0, 0, 1}}, 10};
    struct ps_dot c = {{{0x80, 0, 0, 0, 0, 0, 0, 0}}, 0};
    cr_assert_lt(ps_dot_compare(a, b), 0);
    cr_assert_gt(ps_dot_compare(c, b), 0);
    cr_assert_eq(ps_dot_compare(b, b), 0);
}

Test(id, logs_order_the_trunk_first)
{
    struct ps_log_id trunk = {.origin = {{5}}, .branch = {0}};
    struct ps_log_id branch = {.origin = {{5}}, .branch = {0, 1}};
    struct ps_log_id later = {.origin = {{6}}, .branch = {0}};
    cr_assert_lt(ps_log_id_compare(&trunk, &branch), 0);
    cr_assert_lt(ps_log_id_compare(&branch, &later), 0);
    cr_assert_eq(ps_log_id_compare(&branch, &branch), 0);
}

Test(id, tags_differ_with_each_part)
{
    struct ps_mesh mesh = {.nonce = {1}};
    struct ps_origin origin = {.incarnation = 1};
    struct ps_tag tag = ps_origin_tag(&mesh, &origin);
    origin.incarnation = 2;
    cr_assert_neq(ps_tag_compare(tag, ps_origin_tag(&mesh, &origin)), 0);
    origin = (struct ps_origin){.device = {{9}}, .incarnation = 1};
    cr_assert_neq(ps_tag_compare(tag, ps_origin_tag(&mesh, &origin)), 0);
    struct ps_mesh other = {.nonce = {2}};
    cr_assert_neq(ps_tag_compare(ps_mesh_tag(&mesh, 1), ps_mesh_tag(&other, 1)), 0);
    cr_assert_neq(ps_tag_compare(ps_mesh_tag(&mesh, 1), ps_mesh_tag(&mesh, 2)), 0);
    tag = ps_device_tag(&mesh, 1, &origin.device);
    cr_assert_neq(ps_tag_compare(tag, ps_device_tag(&other, 1, &origin.device)), 0);
    cr_assert_neq(ps_tag_compare(tag, ps_device_tag(&mesh, 2, &origin.device)), 0);
    cr_assert_neq(ps_tag_compare(tag, ps_device_tag(&mesh, 1, &mesh.founder)), 0);
}

Test(id, collection_names_are_text_of_bounded_size)
{
    char text[PS_COLLECTION_SIZE_MAX + 1];
    memset(text, 'x', sizeof text);
    cr_assert(ps_collection_name_valid(ps_bytes(text, PS_COLLECTION_SIZE_MAX)));
    cr_assert_not(ps_collection_name_valid(ps_bytes(text, PS_COLLECTION_SIZE_MAX + 1)));
    cr_assert_not(ps_collection_name_valid(ps_bytes(NULL, 0)));
    cr_assert(ps_collection_name_valid(ps_bytes_text("Einkäufe 2")));
    cr_assert_not(ps_collection_name_valid(ps_bytes_text("a\nb")));
    cr_assert_not(ps_collection_name_valid(ps_bytes_text("a\x7f")));
    cr_assert_not(ps_collection_name_valid(ps_bytes_text("a\xc2\x85")));
    cr_assert_not(ps_collection_name_valid(ps_bytes_text("a\xff")));
}

Test(id, collections_are_local_internal_or_the_apps)
{
    cr_assert(ps_collection_is_local(ps_bytes_text("_local")));
    cr_assert(ps_collection_is_local(ps_bytes_text("_local.cache")));
    cr_assert_not(ps_collection_is_local(ps_bytes_text("_loca")));
    cr_assert(ps_collection_is_internal(ps_bytes_text("_devices")));
    cr_assert_not(ps_collection_is_internal(ps_bytes_text("_local")));
    cr_assert_not(ps_collection_is_internal(ps_bytes_text("notes_")));
}

Test(id, device_names_are_text_of_bounded_size)
{
    char text[PS_DEVICE_NAME_SIZE_MAX + 1];
    memset(text, 'x', sizeof text);
    cr_assert(ps_device_name_valid(ps_bytes(text, PS_DEVICE_NAME_SIZE_MAX)));
    cr_assert_not(ps_device_name_valid(ps_bytes(text, PS_DEVICE_NAME_SIZE_MAX + 1)));
    cr_assert_not(ps_device_name_valid(ps_bytes_text("")));
    cr_assert_not(ps_device_name_valid(ps_bytes_text("\033[2J")));
}

Test(id, record_ids_are_text_without_nul)
{
    char text[PS_RECORD_ID_SIZE_MAX + 1];
    memset(text, 'x', sizeof text);
    cr_assert(ps_record_id_valid(ps_bytes(text, PS_RECORD_ID_SIZE_MAX)));
    cr_assert_not(ps_record_id_valid(ps_bytes(text, PS_RECORD_ID_SIZE_MAX + 1)));
    cr_assert_not(ps_record_id_valid(ps_bytes_text("")));
    cr_assert(ps_record_id_valid(ps_bytes_text("a\nb")));
    cr_assert_not(ps_record_id_valid(ps_bytes("a\0b", 3)));
    cr_assert_not(ps_record_id_valid(ps_bytes_text("\xc3")));
}
