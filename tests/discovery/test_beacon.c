#include <criterion/criterion.h>
#include <string.h>

#include "discovery/beacon.h"
#include "tests/wire/vector.h"

static const struct ps_beacon example = {
    .nonce = 0x2122232425262728ULL,
    .mesh = {{0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 9, 10, 11, 12, 13, 14, 15, 16}},
    .device = {{0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 1, 2, 3, 4, 5, 6, 7, 8}},
    .port = 47470,
};

/* The bytes of `example`, written out: other implementations must make the same. */
static const uint8_t example_bytes[PS_BEACON_SIZE] = {
    'P',  '2',  'P',  'S',  0x02, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, 0x01, 0x02, 0x03,
    0x04, 0x05, 0x06, 0x07, 0x08, 9,    10,   11,   12,   13,   14,   15,   16,   0x11, 0x12, 0x13,
    0x14, 0x15, 0x16, 0x17, 0x18, 1,    2,    3,    4,    5,    6,    7,    8,    0xb9, 0x6e};

static void assert_is_example(const struct ps_beacon *beacon)
{
    cr_assert_eq(ps_tag_compare(beacon->mesh, example.mesh), 0);
    cr_assert_eq(ps_tag_compare(beacon->device, example.device), 0);
    cr_assert_eq(beacon->nonce, example.nonce);
    cr_assert_eq(beacon->port, example.port);
}

Test(test_beacon, encodes_to_the_bytes_of_the_format)
{
    uint8_t bytes[PS_BEACON_SIZE];
    ps_beacon_encode(&example, bytes);
    cr_assert_arr_eq(bytes, example_bytes, sizeof bytes);
}

Test(test_beacon, is_that_of_its_vector)
{
    struct vector vector;
    struct ps_beacon beacon;
    uint8_t bytes[PS_BEACON_SIZE];
    vector_read(&vector, "beacon");
    struct ps_bytes expected = vector_get(&vector, "bytes");
    cr_assert_eq(ps_beacon_decode(expected, &beacon), P2PSYNC_OK);
    cr_assert_eq(beacon.nonce, vector_uint(&vector, "nonce"));
    cr_assert_eq(beacon.port, vector_uint(&vector, "port"));
    ps_beacon_encode(&beacon, bytes);
    cr_assert(ps_bytes_equal(ps_bytes(bytes, sizeof bytes), expected));
    cr_assert(
        ps_bytes_equal(ps_bytes(beacon.mesh.bytes, PS_TAG_SIZE), vector_get(&vector, "mesh_tag")));
    vector_free(&vector);
}

Test(test_beacon, decodes_what_it_encodes)
{
    struct ps_beacon beacon;
    cr_assert_eq(ps_beacon_decode(ps_bytes(example_bytes, sizeof example_bytes), &beacon),
                 P2PSYNC_OK);
    assert_is_example(&beacon);
}

Test(test_beacon, reads_the_known_part_of_a_later_version)
{
    uint8_t bytes[PS_BEACON_SIZE_MAX] = {0};
    struct ps_beacon beacon;
    memcpy(bytes, example_bytes, sizeof example_bytes);
    bytes[4] = 200;
    bytes[PS_BEACON_SIZE] = 0xff;
    cr_assert_eq(ps_beacon_decode(ps_bytes(bytes, sizeof bytes), &beacon), P2PSYNC_OK);
    assert_is_example(&beacon);
}

Test(test_beacon, rejects_every_shorter_one)
{
    struct ps_beacon beacon;
    for (size_t size = 0; size < PS_BEACON_SIZE; size++) {
        cr_assert_eq(ps_beacon_decode(ps_bytes(example_bytes, size), &beacon), P2PSYNC_EFORMAT);
    }
    cr_assert_eq(ps_beacon_decode(ps_bytes(NULL, 0), &beacon), P2PSYNC_EFORMAT);
}

Test(test_beacon, rejects_one_over_the_limit)
{
    uint8_t bytes[PS_BEACON_SIZE_MAX + 1] = {0};
    struct ps_beacon beacon;
    memcpy(bytes, example_bytes, sizeof example_bytes);
    cr_assert_eq(ps_beacon_decode(ps_bytes(bytes, sizeof bytes), &beacon), P2PSYNC_EFORMAT);
    cr_assert_eq(ps_beacon_decode(ps_bytes(bytes, sizeof bytes - 1), &beacon), P2PSYNC_OK);
}

static void assert_rejected_with(size_t offset, uint8_t value)
{
    uint8_t bytes[PS_BEACON_SIZE];
    struct ps_beacon beacon;
    memcpy(bytes, example_bytes, sizeof bytes);
    bytes[offset] = value;
    cr_assert_eq(ps_beacon_decode(ps_bytes(bytes, sizeof bytes), &beacon), P2PSYNC_EFORMAT);
}

Test(test_beacon, rejects_another_magic)
{
    assert_rejected_with(0, 'Q');
    assert_rejected_with(3, 0);
}

Test(test_beacon, rejects_earlier_versions)
{
    assert_rejected_with(4, 0);
    assert_rejected_with(4, 1);
}

Test(test_beacon, rejects_port_0)
{
    uint8_t bytes[PS_BEACON_SIZE];
    struct ps_beacon beacon;
    memcpy(bytes, example_bytes, sizeof bytes);
    bytes[PS_BEACON_SIZE - 2] = 0;
    bytes[PS_BEACON_SIZE - 1] = 0;
    cr_assert_eq(ps_beacon_decode(ps_bytes(bytes, sizeof bytes), &beacon), P2PSYNC_EFORMAT);
}
