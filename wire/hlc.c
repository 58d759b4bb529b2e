/* The hybrid logical clock: see hlc.h. */
#include "wire/hlc.h"

uint64_t ps_hlc_next(uint64_t now_ms, const uint64_t *parents, size_t parent_count)
{
    uint64_t ms_max = UINT64_MAX >> 16;
    uint64_t hlc = (now_ms < ms_max ? now_ms : ms_max) << 16;
    for (size_t i = 0; i < parent_count; i++) {
        uint64_t above = parents[i] == UINT64_MAX ? UINT64_MAX : parents[i] + 1;
        hlc = above > hlc ? above : hlc;
    }
    return hlc;
}

uint64_t ps_hlc_ms(uint64_t hlc)
{
    return hlc >> 16;
}

bool ps_hlc_is_clock(uint64_t hlc)
{
    return (hlc & UINT16_MAX) == 0;
}
