/* What the files of this room share: pairs and values that many maps have. */
#ifndef PS_NODE_VIEW_VIEW_H
#define PS_NODE_VIEW_VIEW_H

#include "wire/id.h"
#include "wire/map.h"

/* Two pairs of a map: device and fingerprint. */
void ps_view_add_device(struct ps_map *map, const struct ps_device *device);

/* A dot as text. */
void ps_view_write_dot(struct ps_writer *writer, struct ps_dot dot);

#endif
