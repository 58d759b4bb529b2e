/* Datagrams from a few addresses, one after the other, into the table of who was heard: what
 * decodes is encoded again as the same, and the table stays within its bounds. */
#include <string.h>

#include "discovery/hints.h"
#include "tests/fuzz/lot.h"

/* NOLINTNEXTLINE(readability-identifier-naming): the name is that of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void hear(struct ps_hints *hints, struct lot *lot, uint64_t *now_ms)
{
    static const char *const addresses[] = {"10.0.0.1", "10.0.0.2", "fe80::1%eth0", "2001:db8::1"};
    uint8_t again[PS_BEACON_SIZE];
    struct ps_beacon beacon;
    const struct ps_hint *hint = NULL;
    const char *address = addresses[lot_below(lot, sizeof addresses / sizeof *addresses)];
    struct ps_bytes bytes = lot_bytes(lot);
    *now_ms += (uint64_t)lot_byte(lot) * 100;
    if (ps_beacon_decode(bytes, &beacon) != P2PSYNC_OK) {
        return;
    }
    ps_beacon_encode(&beacon, again);
    again[sizeof PS_BEACON_MAGIC - 1] = bytes.data[sizeof PS_BEACON_MAGIC - 1]; /* its version */
    must(memcmp(again, bytes.data, sizeof again) == 0);
    if (ps_hints_hear(hints, &beacon, address, *now_ms, &hint) != PS_HINT_NONE) {
        must(hint == ps_hints_find(hints, beacon.nonce, beacon.device));
        must(strncmp(hint->endpoint, address, strlen(address)) == 0 || hint->endpoint[0] == '[');
    }
    ps_hints_age(hints, *now_ms, 10000);
    must(ps_hints_count(hints) <= PS_HINTS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lot lot = {.rest = ps_bytes(data, size)};
    struct ps_mesh mesh = {.nonce = {0}};
    struct ps_hints *hints = NULL;
    uint64_t now_ms = 1;
    must(ps_hints_new(&mesh, &hints) == P2PSYNC_OK);
    while (lot.rest.size > 0) {
        hear(hints, &lot, &now_ms);
    }
    ps_hints_destroy(&hints);
    return 0;
}
