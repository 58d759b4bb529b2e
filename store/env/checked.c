/* Rows that were checked: see checked.h. */
#include "store/env/checked.h"

static uint64_t hash(const struct ps_checked *checked, struct ps_bytes key, struct ps_bytes row);
static uint64_t mix(uint64_t value);

void ps_checked_begin(struct ps_checked *checked)
{
    checked->turn++;
}

bool ps_checked_has(const struct ps_checked *checked, struct ps_bytes key, struct ps_bytes row)
{
    if (row.size < PS_CHECKED_SIZE_MIN) {
        return false;
    }
    uint64_t made = hash(checked, key, row);
    return checked->row[made % PS_CHECKED_MAX] == made;
}

void ps_checked_add(struct ps_checked *checked, struct ps_bytes key, struct ps_bytes row)
{
    if (row.size >= PS_CHECKED_SIZE_MIN) {
        uint64_t made = hash(checked, key, row);
        checked->row[made % PS_CHECKED_MAX] = made;
    }
}

/* Of the transaction, the place, the size and the key. */
static uint64_t hash(const struct ps_checked *checked, struct ps_bytes key, struct ps_bytes row)
{
    uint64_t made = mix(mix(mix(checked->turn) + (uint64_t)(uintptr_t)row.data) + row.size);
    for (size_t i = 0; i < key.size; i++) {
        made = mix(made + key.data[i]);
    }
    return made;
}

/* The finaliser of splitmix64. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}
