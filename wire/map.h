/* Maps whose pairs are counted while they are written, so that no caller says a number that must
 * agree with the lines after it:
 *
 *     ps_map_begin(&map, writer);
 *     ps_map_text(&map, "name", name);
 *     ps_map_key(&map, "versions");
 *     ... one value, by any ps_write_ function ...
 *     ps_map_end(&map);
 *
 * A map within a map is one that begins after a key. Errors are the writer's: see codec.h. */
#ifndef PS_WIRE_MAP_H
#define PS_WIRE_MAP_H

#include "wire/codec.h"

struct ps_map {
    struct ps_writer *writer;
    size_t header; /* where it is in the writer's buffer: one byte is kept free for it */
    size_t count;
};

void ps_map_begin(struct ps_map *map, struct ps_writer *writer);

/* A key, whose value the caller writes. */
void ps_map_key(struct ps_map *map, const char *key);
void ps_map_key_str(struct ps_map *map, struct ps_bytes key);

/* Whole pairs. */
void ps_map_text(struct ps_map *map, const char *key, const char *value);
void ps_map_str(struct ps_map *map, const char *key, struct ps_bytes value);
void ps_map_uint(struct ps_map *map, const char *key, uint64_t value);
void ps_map_bool(struct ps_map *map, const char *key, bool value);
void ps_map_nil(struct ps_map *map, const char *key);
/* A text, or nil if it is NULL or empty. */
void ps_map_known(struct ps_map *map, const char *key, const char *value);
/* A value that is MessagePack already. */
void ps_map_raw(struct ps_map *map, const char *key, struct ps_bytes value);
/* All pairs of another map, which must be well-formed. */
void ps_map_pairs(struct ps_map *map, struct ps_bytes other);

/* Write the header, in its shortest form: more than 15 pairs move what follows it. */
void ps_map_end(struct ps_map *map);

#endif
