/* CRC-32C with the instruction that most processors have for it, or else with tables: eight bytes
 * at a time, table n holding the remainders of a byte that n more bytes follow. */
#include "store/env/checksum.h"

#include <pthread.h>
#include <string.h>

#define POLYNOMIAL 0x82f63b78U /* 0x1EDC6F41, reflected */

static pthread_once_t begun = PTHREAD_ONCE_INIT;
static uint32_t (*update)(uint32_t crc, const uint8_t *at, size_t size);
static uint32_t tables[8][256];

static uint32_t with_tables(uint32_t crc, const uint8_t *at, size_t size)
{
    for (; size >= 8; at += 8, size -= 8) {
        crc ^=
            (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        crc = tables[7][crc & 0xff] ^ tables[6][(crc >> 8) & 0xff] ^ tables[5][(crc >> 16) & 0xff] ^
              tables[4][crc >> 24] ^ tables[3][at[4]] ^ tables[2][at[5]] ^ tables[1][at[6]] ^
              tables[0][at[7]];
    }
    for (; size > 0; at++, size--) {
        crc = tables[0][(crc ^ *at) & 0xff] ^ crc >> 8;
    }
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t with_instruction(uint32_t crc, const uint8_t *at,
                                                                   size_t size)
{
    uint64_t wide = crc;
    for (; size >= 8; at += 8, size -= 8) {
        unsigned long long eight;
        memcpy(&eight, at, sizeof eight);
        wide = __builtin_ia32_crc32di(wide, eight);
    }
    crc = (uint32_t)wide;
    for (; size > 0; at++, size--) {
        crc = __builtin_ia32_crc32qi(crc, *at);
    }
    return crc;
}
#endif

static void begin(void)
{
    for (unsigned i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (unsigned bit = 0; bit < 8; bit++) {
            crc = (crc & 1) != 0 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
        }
        tables[0][i] = crc;
    }
    for (unsigned n = 1; n < 8; n++) {
        for (unsigned i = 0; i < 256; i++) {
            uint32_t before = tables[n - 1][i];
            tables[n][i] = tables[0][before & 0xff] ^ before >> 8;
        }
    }
    update = with_tables;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) {
        update = with_instruction;
    }
#endif
}

uint32_t ps_checksum(uint32_t before, struct ps_bytes bytes)
{
    (void)pthread_once(&begun, begin);
    return ~update(~before, bytes.data, bytes.size);
}
