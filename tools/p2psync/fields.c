/* Lists of fields. What is read has been made by the library, and yet no size in it is believed. */
#include "tools/p2psync/fields.h"

#include <stdlib.h>
#include <string.h>

p2psync_result fields_add_map(struct fields *fields, struct p2psync_bytes map)
{
    struct p2psync_walk walk = {.size = sizeof walk, .value = map};
    bool first = fields->count == 0; /* a map has each name once */
    p2psync_result result = P2PSYNC_OK;

    if (p2psync_value_type_of(map) != P2PSYNC_VALUE_MAP) {
        return P2PSYNC_EFORMAT;
    }
    while (result == P2PSYNC_OK) {
        struct field field;

        result = p2psync_walk_next(&walk, &field.name, &field.value);
        if (result == P2PSYNC_OK) {
            result = first ? fields_append(fields, field.name, field.value)
                           : fields_set(fields, field.name, field.value);
        }
    }
    return result == P2PSYNC_EEND ? P2PSYNC_OK : result;
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
    p2psync_builder *builder = NULL;
    p2psync_result result = p2psync_builder_new(&builder);

    if (result != P2PSYNC_OK) {
        return result;
    }
    for (size_t i = 0; i < fields->count; i++) {
        p2psync_builder_pair(builder, fields->field[i].name, fields->field[i].value);
    }
    return p2psync_builder_finish(builder, out);
}

void fields_free(struct fields *fields)
{
    free(fields->field);
    *fields = (struct fields){0};
}
