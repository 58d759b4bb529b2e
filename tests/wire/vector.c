/* The reader of vector files. What it meets that it does not expect ends the test. */
#include "tests/wire/vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fail(const char *name, const char *what)
{
    (void)fprintf(stderr, "vector %s: %s\n", name, what);
    abort();
}

static void parse_hex(struct ps_buf *out, const char *hex, const char *name)
{
    static const char digits[] = "0123456789abcdef";
    ps_buf_init(out, 1 << 20);
    for (size_t i = 0; hex[i] != '\0'; i += 2) {
        const char *high = strchr(digits, hex[i]);
        const char *low = hex[i + 1] == '\0' ? NULL : strchr(digits, hex[i + 1]);
        if (high == NULL || low == NULL) {
            fail(name, "not hex");
            return;
        }
        uint8_t byte = (uint8_t)((high - digits) * 16 + (low - digits));
        if (ps_buf_append(out, &byte, 1) != P2PSYNC_OK) {
            fail(name, "too long");
        }
    }
}

void vector_read(struct vector *vector, const char *name)
{
    char path[512];
    static char line[1 << 16];
    *vector = (struct vector){.count = 0};
    (void)snprintf(path, sizeof path, "%s/%s.hex", PS_VECTORS_DIR, name);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        fail(name, "cannot be opened");
        return;
    }
    while (fgets(line, sizeof line, file) != NULL) {
        char *end = strchr(line, '\n');
        char *colon = strstr(line, ": ");
        if (line[0] == '#') {
            continue;
        }
        if (end == NULL || colon == NULL || vector->count == VECTOR_ITEMS_MAX ||
            (size_t)(colon - line) >= sizeof vector->name[0]) {
            fail(name, line);
            break;
        }
        *end = '\0';
        *colon = '\0';
        memcpy(vector->name[vector->count], line, (size_t)(colon - line) + 1);
        parse_hex(&vector->value[vector->count], colon + 2, name);
        vector->count++;
    }
    (void)fclose(file);
}

void vector_free(struct vector *vector)
{
    for (size_t i = 0; i < vector->count; i++) {
        ps_buf_deinit(&vector->value[i]);
    }
    vector->count = 0;
}

struct ps_bytes vector_get(const struct vector *vector, const char *name)
{
    for (size_t i = 0; i < vector->count; i++) {
        if (strcmp(vector->name[i], name) == 0) {
            return ps_buf_view(&vector->value[i]);
        }
    }
    fail(name, "no such value");
    return ps_bytes(NULL, 0);
}

uint64_t vector_uint(const struct vector *vector, const char *name)
{
    struct ps_bytes bytes = vector_get(vector, name);
    uint64_t value = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        value = (value << 8) | bytes.data[i];
    }
    return value;
}
