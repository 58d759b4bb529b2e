/* What differs between two states of the settings. */
#include <string.h>

#include "node/host/config.h"
#include "wire/codec.h"

bool ps_config_same_backups(const struct ps_config *a, const struct ps_config *b)
{
    return strcmp(a->backup_dir, b->backup_dir) == 0 && a->backup_every_ms == b->backup_every_ms &&
           a->backup_keep == b->backup_keep;
}

bool ps_config_same_interfaces(const struct ps_config *a, const struct ps_config *b)
{
    return a->filter.include_count == b->filter.include_count &&
           a->filter.exclude_count == b->filter.exclude_count &&
           memcmp(a->filter.include, b->filter.include, sizeof a->filter.include) == 0 &&
           memcmp(a->filter.exclude, b->filter.exclude, sizeof a->filter.exclude) == 0;
}

p2psync_result ps_config_pack_waiting(const struct ps_config *before, const struct ps_config *now,
                                      struct ps_buf *out)
{
    bool listen = strcmp(before->listen, now->listen) != 0;
    bool durability = before->no_flush != now->no_flush;
    struct ps_writer writer;
    ps_writer_init(&writer, out);
    ps_write_array(&writer, (listen ? 1U : 0U) + (durability ? 1U : 0U));
    if (listen) {
        ps_write_text(&writer, "listen");
    }
    if (durability) {
        ps_write_text(&writer, "durability");
    }
    return ps_writer_finish(&writer);
}
