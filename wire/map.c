/* Maps: their header is written last, over the byte that was kept free for it. */
#include "wire/map.h"

#include <assert.h>
#include <string.h>

#define FIXMAP     0x80U /* up to FIXMAP_MAX pairs in the same byte */
#define FIXMAP_MAX 15U
#define MAP16      0xdeU /* two bytes follow with the number of pairs */
#define MAP32      0xdfU /* four bytes follow */

void ps_map_begin(struct ps_map *map, struct ps_writer *writer)
{
    *map = (struct ps_map){.writer = writer, .header = writer->buf->size};
    ps_write_map(writer, 0);
}

void ps_map_key(struct ps_map *map, const char *key)
{
    ps_map_key_str(map, ps_bytes_text(key));
}

void ps_map_key_str(struct ps_map *map, struct ps_bytes key)
{
    map->count++;
    ps_write_str(map->writer, key);
}

void ps_map_text(struct ps_map *map, const char *key, const char *value)
{
    ps_map_key(map, key);
    ps_write_text(map->writer, value);
}

void ps_map_str(struct ps_map *map, const char *key, struct ps_bytes value)
{
    ps_map_key(map, key);
    ps_write_str(map->writer, value);
}

void ps_map_uint(struct ps_map *map, const char *key, uint64_t value)
{
    ps_map_key(map, key);
    ps_write_uint(map->writer, value);
}

void ps_map_bool(struct ps_map *map, const char *key, bool value)
{
    ps_map_key(map, key);
    ps_write_bool(map->writer, value);
}

void ps_map_nil(struct ps_map *map, const char *key)
{
    ps_map_key(map, key);
    ps_write_nil(map->writer);
}

void ps_map_known(struct ps_map *map, const char *key, const char *value)
{
    if (value == NULL || value[0] == '\0') {
        ps_map_nil(map, key);
    } else {
        ps_map_text(map, key, value);
    }
}

void ps_map_raw(struct ps_map *map, const char *key, struct ps_bytes value)
{
    ps_map_key(map, key);
    ps_write_raw(map->writer, value);
}

void ps_map_pairs(struct ps_map *map, struct ps_bytes other)
{
    struct ps_reader reader;
    ps_reader_init(&reader, other);
    uint32_t count = ps_read_map(&reader);
    if (reader.error != P2PSYNC_OK && map->writer->error == P2PSYNC_OK) {
        map->writer->error = reader.error;
    }
    map->count += count;
    ps_write_raw(map->writer, reader.rest);
}

void ps_map_end(struct ps_map *map)
{
    struct ps_buf *buf = map->writer->buf;
    uint8_t *more = NULL;
    size_t width = map->count <= FIXMAP_MAX ? 0 : map->count <= UINT16_MAX ? 2 : 4;
    if (map->writer->error != P2PSYNC_OK) {
        return;
    }
    assert(map->header < buf->size && map->count <= UINT32_MAX);
    if (width == 0) {
        buf->data[map->header] = (uint8_t)(FIXMAP | map->count);
        return;
    }
    size_t size = buf->size - map->header - 1;
    map->writer->error = ps_buf_extend(buf, width, &more);
    if (map->writer->error == P2PSYNC_OK) {
        uint8_t *header = buf->data + map->header;
        memmove(header + 1 + width, header + 1, size);
        header[0] = width == 2 ? MAP16 : MAP32;
        for (size_t i = 0; i < width; i++) {
            header[1 + i] = (uint8_t)(map->count >> (8 * (width - 1 - i)));
        }
    }
}
