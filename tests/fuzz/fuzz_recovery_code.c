/* Recovery codes as people type them. */
#include <stddef.h>
#include <stdint.h>

#include "tests/fuzz/twice.h"
#include "tests/wire/recode.h"

/* NOLINTNEXTLINE(readability-identifier-naming): the name is that of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    twice(data, size, recode_recovery_code);
    return 0;
}
