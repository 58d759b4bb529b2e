/* The reader of vector files. What it meets that it does not expect ends the test. */
#include "tests/wire/vector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool parse_piece(const char **text, struct ps_buf *out);
static bool parse_byte(const char **text, uint8_t *out);
static bool parse_count(const char **text, size_t *out);
static bool repeat(struct ps_buf *out, size_t begin, size_t count);

static void fail(const char *name, const char *what)
{
    (void)fprintf(stderr, "vector %s: %s\n", name, what);
    abort();
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
        struct ps_buf *value = &vector->value[vector->count];
        ps_buf_init(value, VECTOR_VALUE_SIZE_MAX);
        vector->count++;
        if (!vector_parse(colon + 2, value)) {
            fail(name, "not hex, or too long");
        }
    }
    (void)fclose(file);
}

bool vector_parse(const char *text, struct ps_buf *out)
{
    bool good = text[0] == '\0' || parse_piece(&text, out);
    while (good && text[0] == ' ') {
        text++;
        good = parse_piece(&text, out);
    }
    return good && text[0] == '\0';
}

/* One piece, up to what cannot be part of it. */
static bool parse_piece(const char **text, struct ps_buf *out)
{
    size_t begin = out->size;
    uint8_t byte = 0;
    bool good = true;
    while (good && parse_byte(text, &byte)) {
        good = ps_buf_append(out, &byte, 1) == P2PSYNC_OK;
    }
    good = good && out->size > begin;
    if (!good || (*text)[0] != '*') {
        return good;
    }
    size_t count = 0;
    (*text)++;
    return parse_count(text, &count) && repeat(out, begin, count);
}

static bool parse_byte(const char **text, uint8_t *out)
{
    static const char digits[] = "0123456789abcdef";
    const char *high = (*text)[0] == '\0' ? NULL : strchr(digits, (*text)[0]);
    const char *low = high == NULL || (*text)[1] == '\0' ? NULL : strchr(digits, (*text)[1]);
    if (low == NULL) {
        return false;
    }
    *out = (uint8_t)((high - digits) * 16 + (low - digits));
    *text += 2;
    return true;
}

/* 2 to VECTOR_VALUE_SIZE_MAX, in decimal and without a zero in front. */
static bool parse_count(const char **text, size_t *out)
{
    size_t count = 0;
    bool good = (*text)[0] != '0';
    while (good && (*text)[0] >= '0' && (*text)[0] <= '9') {
        count = count * 10 + (size_t)((*text)[0] - '0');
        good = count <= VECTOR_VALUE_SIZE_MAX;
        (*text)++;
    }
    *out = count;
    return good && count >= 2;
}

/* Make what `out` has from `begin` on occur `count` times. */
static bool repeat(struct ps_buf *out, size_t begin, size_t count)
{
    size_t size = out->size - begin;
    uint8_t *room = NULL;
    if (size > VECTOR_VALUE_SIZE_MAX / count ||
        ps_buf_extend(out, size * (count - 1), &room) != P2PSYNC_OK) {
        return false;
    }
    for (size_t i = 0; i < count - 1; i++) {
        memcpy(room + i * size, out->data + begin, size);
    }
    return true;
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
