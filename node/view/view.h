/* What the files of this room share: pairs and values that many maps have. */
#ifndef PS_NODE_VIEW_VIEW_H
#define PS_NODE_VIEW_VIEW_H

#include "wire/codec.h"
#include "wire/id.h"

/* Two pairs of a map: device and fingerprint. */
void ps_view_write_device(struct ps_writer *writer, const struct ps_device *device);

/* A text, or nil if it is empty. */
void ps_view_write_known(struct ps_writer *writer, const char *text);

/* A dot as text. */
void ps_view_write_dot(struct ps_writer *writer, struct ps_dot dot);

#endif
