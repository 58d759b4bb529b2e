/* Pairs and values that many maps have. */
#include "node/view/view.h"

#include "wire/id.h"

/* Two pairs of a map. */
void ps_view_add_device(struct ps_map *map, const struct ps_device *device)
{
    char id[PS_DEVICE_TEXT_SIZE];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    ps_device_text(device, id);
    ps_device_fingerprint(device, fingerprint);
    ps_map_text(map, "device", id);
    ps_map_text(map, "fingerprint", fingerprint);
}

void ps_view_write_dot(struct ps_writer *writer, struct ps_dot dot)
{
    char text[PS_DOT_TEXT_SIZE];
    ps_dot_text(dot, text);
    ps_write_text(writer, text);
}
