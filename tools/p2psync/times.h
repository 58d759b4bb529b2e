/* Times and durations as people write them. What has no zone is local time, as it is printed. */
#ifndef P2PSYNC_CLI_TIMES_H
#define P2PSYNC_CLI_TIMES_H

#include <stdbool.h>
#include <stdint.h>

#include "tools/p2psync/cli.h"

/* A duration such as 90s, 10m, 2h or 1d, in milliseconds, over 0 and below 2^32. False if `text` is
 * none. */
bool times_duration(const char *text, uint32_t *ms_out);

/* A date, a time or both, in milliseconds since 1970: 2026-11-26 is its first moment; a time
 * follows it after a T or a space, with or without seconds, a fraction of them, and a zone, Z or
 * +02:00. False if `text` is none, or before 1970. */
bool times_parse(const char *text, uint64_t *ms_out);

/* A time of an answer, for people: as local time, or "-" if the value is none. */
void times_show(struct p2psync_bytes value, char *text, size_t size);

/* What --since says: the same; or now, today or yesterday, the last two also with a time; or a
 * duration back from now, such as 10m, 2h or 3d. False after saying that it is none. */
bool times_since_option(struct cli *cli, const char *text, uint64_t *ms_out);

#endif
