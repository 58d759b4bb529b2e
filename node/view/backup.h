/* What is said of a backup. */
#ifndef PS_NODE_VIEW_BACKUP_H
#define PS_NODE_VIEW_BACKUP_H

#include "store/backup/backup.h"
#include "wire/map.h"

/* Append the document backup. file  NULL: a descriptor of the app's. */
p2psync_result ps_view_backup_write(const struct ps_backup_header *header, const char *file,
                                    uint64_t size_bytes, struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Pairs of a map: when it was made, and of what. */
void ps_view_backup_add(struct ps_map *map, const struct ps_backup_header *header);

#endif
