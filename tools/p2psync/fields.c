/* Maps of MessagePack, read and written. What is read has been made by the library, and yet no size
 * in it is believed. */
#include "tools/p2psync/fields.h"

#include <stdlib.h>
#include <string.h>

/* What a value begins with. */
struct head {
    size_t size;     /* bytes of the head */
    uint64_t bytes;  /* that follow: characters, or a number */
    uint64_t values; /* that follow: elements, or keys and values */
    bool is_text;
    bool is_map;
};

static bool read_head(struct p2psync_bytes rest, struct head *out);
static bool value_size(struct p2psync_bytes rest, size_t *size_out);
static size_t write_head(uint8_t *to, uint64_t count, bool is_map);

static struct p2psync_bytes behind(struct p2psync_bytes bytes, size_t size)
{
    return (struct p2psync_bytes){(const uint8_t *)bytes.data + size, bytes.size - size};
}

p2psync_result fields_add_map(struct fields *fields, struct p2psync_bytes map)
{
    struct head head;
    bool first = fields->count == 0; /* a map has each name once */
    p2psync_result result = P2PSYNC_OK;

    if (!read_head(map, &head) || !head.is_map) {
        return P2PSYNC_EFORMAT;
    }
    struct p2psync_bytes rest = behind(map, head.size);
    for (uint64_t i = 0; i < head.values && result == P2PSYNC_OK; i += 2) {
        struct field field;
        size_t size = 0;

        if (!value_size(rest, &size) ||
            !fields_text((struct p2psync_bytes){rest.data, size}, &field.name)) {
            return P2PSYNC_EFORMAT;
        }
        rest = behind(rest, size);
        if (!value_size(rest, &size)) {
            return P2PSYNC_EFORMAT;
        }
        field.value = (struct p2psync_bytes){rest.data, size};
        rest = behind(rest, size);
        result = first ? fields_append(fields, field.name, field.value)
                       : fields_set(fields, field.name, field.value);
    }
    return result;
}

static struct field *find(const struct fields *fields, struct p2psync_bytes name)
{
    for (size_t i = 0; i < fields->count; i++) {
        struct field *field = &fields->field[i];

        if (field->name.size == name.size &&
            (name.size == 0 || memcmp(field->name.data, name.data, name.size) == 0)) {
            return field;
        }
    }
    return NULL;
}

p2psync_result fields_set(struct fields *fields, struct p2psync_bytes name,
                          struct p2psync_bytes value)
{
    struct field *found = find(fields, name);

    if (found != NULL) {
        found->value = value;
        return P2PSYNC_OK;
    }
    return fields_append(fields, name, value);
}

p2psync_result fields_append(struct fields *fields, struct p2psync_bytes name,
                             struct p2psync_bytes value)
{
    if (fields->count == fields->capacity) {
        size_t capacity = fields->capacity == 0 ? 16 : 2 * fields->capacity;
        struct field *field = reallocarray(fields->field, capacity, sizeof *field);

        if (field == NULL) {
            return P2PSYNC_ENOMEM;
        }
        fields->field = field;
        fields->capacity = capacity;
    }
    fields->field[fields->count++] = (struct field){name, value};
    return P2PSYNC_OK;
}

const struct field *fields_find(const struct fields *fields, struct p2psync_bytes name)
{
    return find(fields, name);
}

void fields_remove(struct fields *fields, struct p2psync_bytes name)
{
    struct field *found = find(fields, name);

    if (found != NULL) {
        size_t index = (size_t)(found - fields->field);

        memmove(found, found + 1, (fields->count - index - 1) * sizeof *found);
        fields->count--;
    }
}

p2psync_result fields_pack(const struct fields *fields, struct p2psync_buffer *out)
{
    size_t size = 5;
    uint8_t *to = NULL;

    for (size_t i = 0; i < fields->count; i++) {
        size += 5 + fields->field[i].name.size + fields->field[i].value.size;
    }
    to = malloc(size);
    if (to == NULL) {
        return P2PSYNC_ENOMEM;
    }
    out->data = to;
    out->size = write_head(to, fields->count, true);
    for (size_t i = 0; i < fields->count; i++) {
        const struct field *field = &fields->field[i];

        out->size += write_head(to + out->size, field->name.size, false);
        memcpy(to + out->size, field->name.data, field->name.size);
        out->size += field->name.size;
        memcpy(to + out->size, field->value.data, field->value.size);
        out->size += field->value.size;
    }
    return P2PSYNC_OK;
}

void fields_free(struct fields *fields)
{
    free(fields->field);
    *fields = (struct fields){0};
}

p2psync_result fields_pack_text(struct p2psync_bytes text, struct p2psync_buffer *out)
{
    uint8_t *to = malloc(5 + text.size);

    if (to == NULL) {
        return P2PSYNC_ENOMEM;
    }
    out->data = to;
    out->size = write_head(to, text.size, false);
    memcpy(to + out->size, text.data, text.size);
    out->size += text.size;
    return P2PSYNC_OK;
}

bool fields_text(struct p2psync_bytes value, struct p2psync_bytes *out)
{
    struct head head;

    if (!read_head(value, &head) || !head.is_text || value.size != head.size + head.bytes) {
        return false;
    }
    *out = behind(value, head.size);
    return true;
}

/* The head of a map or a string, in its shortest form. */
static size_t write_head(uint8_t *to, uint64_t count, bool is_map)
{
    size_t width = count <= (is_map ? 15 : 31) ? 0 : count <= UINT16_MAX ? 2 : 4;

    if (!is_map && width == 2 && count <= UINT8_MAX) {
        width = 1;
    }
    if (width == 0) {
        to[0] = (uint8_t)((is_map ? 0x80U : 0xa0U) | count);
    } else if (is_map) {
        to[0] = width == 2 ? 0xde : 0xdf;
    } else {
        to[0] = width == 1 ? 0xd9 : width == 2 ? 0xda : 0xdb;
    }
    for (size_t i = width; i > 0; i--) {
        to[i] = (uint8_t)count;
        count >>= 8;
    }
    return 1 + width;
}

/* A head with a count of `width` bytes after its first one; false if it ends too early. */
static bool read_count(struct p2psync_bytes rest, size_t width, uint64_t *count_out)
{
    const uint8_t *data = rest.data;

    if (rest.size < 1 + width) {
        return false;
    }
    *count_out = 0;
    for (size_t i = 1; i <= width; i++) {
        *count_out = *count_out << 8 | data[i];
    }
    return true;
}

static bool read_head(struct p2psync_bytes rest, struct head *out)
{
    static const uint8_t widths[] = {1, 2, 4}; /* of the counts of bin, str and their like */
    static const uint8_t scalars[] = {4, 8, 1, 2, 4, 8, 1, 2, 4, 8}; /* from 0xca on */
    uint64_t count = 0;
    uint8_t lead = rest.size > 0 ? ((const uint8_t *)rest.data)[0] : 0xc1;
    bool good = true;

    *out = (struct head){.size = 1};
    if (lead <= 0x7f || lead >= 0xe0 || lead == 0xc0 || lead == 0xc2 || lead == 0xc3) {
        return rest.size > 0;
    }
    if (lead <= 0x8f) {
        out->is_map = true;
        out->values = 2 * (uint64_t)(lead & 0x0fU);
    } else if (lead <= 0x9f) {
        out->values = lead & 0x0fU;
    } else if (lead <= 0xbf) {
        out->is_text = true;
        out->bytes = lead & 0x1fU;
    } else if (lead >= 0xca && lead <= 0xd3) {
        out->bytes = scalars[lead - 0xca];
    } else if ((lead >= 0xc4 && lead <= 0xc6) || (lead >= 0xd9 && lead <= 0xdb)) {
        out->is_text = lead >= 0xd9;
        out->size = 1 + widths[lead - (out->is_text ? 0xd9 : 0xc4)];
        good = read_count(rest, out->size - 1, &out->bytes);
    } else if (lead >= 0xdc) {
        out->is_map = lead >= 0xde;
        out->size = 1 + (lead % 2 == 0 ? 2 : 4);
        good = read_count(rest, out->size - 1, &count);
        out->values = out->is_map ? 2 * count : count;
    } else {
        return false; /* ext, which no value is */
    }
    return good;
}

/* The size of the value that `rest` begins with; false if it ends too early. */
static bool value_size(struct p2psync_bytes rest, size_t *size_out)
{
    uint64_t left = 1;
    size_t size = 0;

    /* Every turn takes a byte at least. */
    while (left > 0) {
        struct head head;

        if (!read_head(behind(rest, size), &head) || head.bytes > rest.size - size - head.size ||
            head.values > rest.size) {
            return false;
        }
        size += head.size + (size_t)head.bytes;
        left += head.values;
        left--;
    }
    *size_out = size;
    return true;
}
