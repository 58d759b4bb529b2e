/* Merges of texts: three, with a NUL between them, keep the laws of tests/lib/text_laws.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/text_laws.h"

/* NOLINTNEXTLINE(readability-identifier-naming): the name is that of libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct ps_bytes take(struct ps_bytes *rest)
{
    const uint8_t *end = rest->size == 0 ? NULL : memchr(rest->data, 0, rest->size);
    struct ps_bytes text = *rest;
    *rest = ps_bytes(NULL, 0);
    if (end != NULL) {
        size_t size = (size_t)(end - text.data);
        *rest = ps_bytes(end + 1, text.size - size - 1);
        text.size = size;
    }
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ps_bytes rest = ps_bytes(data, size);
    struct ps_text_merge texts = {.work = NULL};
    texts.base = take(&rest);
    texts.ours = take(&rest);
    texts.theirs = rest; /* may have more of them: they are bytes as any */
    const char *broken = text_laws_broken(&texts);
    if (broken != NULL) {
        (void)fprintf(stderr, "broken: %s\n", broken);
        abort();
    }
    return 0;
}
