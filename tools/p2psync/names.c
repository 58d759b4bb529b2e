/* Names that several devices have. */
#include "tools/p2psync/names.h"

#include <string.h>

#include "tools/p2psync/output.h"

json_t *names_load(p2psync_node *node)
{
    struct p2psync_buffer packed = {0};
    struct p2psync_buffer text = {0};
    json_t *devices = NULL;

    if (p2psync_devices(node, &packed) == P2PSYNC_OK &&
        p2psync_to_json((struct p2psync_bytes){packed.data, packed.size}, &text) == P2PSYNC_OK) {
        devices = json_loadb(text.data, text.size, JSON_ALLOW_NUL, NULL);
    }
    p2psync_buffer_free(&text);
    p2psync_buffer_free(&packed);
    return devices;
}

/* How many of `devices` have that name. */
static size_t count_named(const json_t *devices, const char *name)
{
    json_t *device = NULL;
    size_t index = 0;
    size_t count = 0;

    json_array_foreach(devices, index, device)
    {
        count += strcmp(output_string(device, "name"), name) == 0;
    }
    return count;
}

void names_label(const json_t *devices, const char *id, char out[NAME_SIZE])
{
    json_t *device = NULL;
    size_t index = 0;

    snprintf(out, NAME_SIZE, "%.16s", id);
    json_array_foreach(devices, index, device)
    {
        const char *name = output_string(device, "name");

        if (strcmp(output_string(device, "device"), id) != 0) {
            continue;
        }
        if (count_named(devices, name) > 1) {
            snprintf(out, NAME_SIZE, "%s (%s)", name, output_string(device, "fingerprint"));
        } else {
            snprintf(out, NAME_SIZE, "%s", name);
        }
    }
}

void names_tell_apart(p2psync_node *node, json_t *maps)
{
    json_t *devices = names_load(node);
    json_t *map = NULL;
    size_t index = 0;

    json_array_foreach(maps, index, map)
    {
        char label[NAME_SIZE];

        if (count_named(devices, output_string(map, "name")) > 1) {
            names_label(devices, output_string(map, "device"), label);
            (void)json_object_set_new(map, "name", json_string(label));
        }
    }
    json_decref(devices);
}
