/* Documents about backups. */
#include "node/view/backup.h"

#include <sodium.h>

#include "node/host/time.h"
#include "wire/codec.h"

p2psync_result ps_view_backup_write(const struct ps_backup_header *header, const char *file,
                                    uint64_t size_bytes, struct ps_buf *out)
{
    struct ps_writer writer;
    struct ps_map map;
    ps_writer_init(&writer, out);
    ps_map_begin(&map, &writer);
    ps_map_known(&map, "file", file);
    ps_map_uint(&map, "size_bytes", size_bytes);
    ps_view_backup_add(&map, header);
    ps_map_end(&map);
    return ps_writer_finish(&writer);
}

void ps_view_backup_add(struct ps_map *map, const struct ps_backup_header *header)
{
    char root[2 * PS_HASH_SIZE + 1];
    (void)sodium_bin2hex(root, sizeof root, header->root.bytes, sizeof header->root.bytes);
    ps_map_uint(map, "records", header->records);
    ps_map_text(map, "root", root);
    ps_map_key(map, "made");
    ps_time_write(map->writer, header->made_ms);
}
