/* A node's settings: config.json in its directory, checked as a whole when read and before it is
 * written. Options of p2psync_open() go over it. Whatever fails, `detail` says which setting it is
 * about. */
#ifndef PS_NODE_HOST_CONFIG_H
#define PS_NODE_HOST_CONFIG_H

#include "discovery/interfaces.h"
#include "node/host/detail.h"
#include "wire/bytes.h"
#include "wire/limits.h"

#define PS_CONFIG_PEERS_MAX        64 /* endpoints that are dialled again and again */
#define PS_CONFIG_INTERVAL_MS_MIN  1000
#define PS_CONFIG_INTERVAL_MS_MAX  3600000
#define PS_CONFIG_COMMAND_SIZE_MAX 1024

/* Of backups that the node makes. */
#define PS_CONFIG_PATH_SIZE_MAX       1024
#define PS_CONFIG_BACKUP_EVERY_MS     86400000 /* a day */
#define PS_CONFIG_BACKUP_EVERY_MS_MIN 1000
#define PS_CONFIG_BACKUP_EVERY_MS_MAX UINT64_C(31622400000) /* a leap year */
#define PS_CONFIG_BACKUP_KEEP         7
#define PS_CONFIG_BACKUP_KEEP_MAX     1000

/* Of conflicts that are answered automatically. */
#define PS_CONFIG_ANSWER_TIMEOUT_MS 10000
#define PS_CONFIG_ANSWER_WAIT_MS    2000
#define PS_CONFIG_ANSWER_MS_MAX     600000

/* If everything is zero, these are the defaults. */
struct ps_config {
    char listen[PS_ENDPOINT_SIZE_MAX + 1]; /* "HOST[:PORT]"; "": all addresses, the usual port */
    struct ps_interface_filter filter;     /* which interfaces beacons are sent on */
    char peers[PS_CONFIG_PEERS_MAX][PS_ENDPOINT_SIZE_MAX + 1]; /* "HOST:PORT" */
    size_t peer_count;
    bool no_beacon;
    uint16_t beacon_port; /* 0: the usual one */
    bool no_flush;
    uint32_t
        interval_ms; /* between rounds with a peer that has nothing new; 0: the engine's default */
    char
        on_conflict[PS_CONFIG_COMMAND_SIZE_MAX + 1]; /* "local", "remote", a command; "": nothing */
    uint32_t on_conflict_timeout_ms;                 /* of the command; 0: the default */
    char backup_dir[PS_CONFIG_PATH_SIZE_MAX + 1];    /* where the node makes backups; "": nowhere */
    uint64_t backup_every_ms;                        /* 0: the default */
    uint32_t backup_keep;                            /* how many of them stay; 0: the default */
    uint32_t on_conflict_wait_ms; /* until a conflict is answered, and as much again by chance; 0 */
};

/* Read config.json in the directory `dir_fd`; no such file is the defaults.
 *
 * Errors  P2PSYNC_EFORMAT malformed: no setting of it is taken; P2PSYNC_EDENIED; P2PSYNC_EIO;
 *         P2PSYNC_ENOMEM.
 */
p2psync_result ps_config_read(int dir_fd, struct ps_config *out,
                              struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Put what the app asked for over what the file says.
 *
 * Errors  P2PSYNC_EMISUSE an endpoint or interface is malformed, or there are too many.
 */
p2psync_result ps_config_override(struct ps_config *config, const struct p2psync_options *options,
                                  struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Append a map from each key to {value, source}.
 *
 * Errors  as ps_config_read().
 */
p2psync_result ps_config_pack(int dir_fd, struct ps_buf *out,
                              struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* Whether both make the same backups. */
bool ps_config_same_backups(const struct ps_config *a, const struct ps_config *b);

/* Whether both send beacons on the same interfaces. */
bool ps_config_same_interfaces(const struct ps_config *a, const struct ps_config *b);

/* Append an array of the names of those settings that differ between `before` and `now` and that a
 * node which runs cannot take up. */
p2psync_result ps_config_pack_waiting(const struct ps_config *before, const struct ps_config *now,
                                      struct ps_buf *out) P2PSYNC_MUST_CHECK;

/* Check one setting and write it to config.json; nil takes it out.
 *
 * value   one MessagePack value.
 * Errors  P2PSYNC_ENOTFOUND no such key; P2PSYNC_EFORMAT not a valid value for it, or config.json
 * is malformed; P2PSYNC_ENOSPC; P2PSYNC_EDENIED; P2PSYNC_EIO; P2PSYNC_ENOMEM. The file is as it
 * was.
 */
p2psync_result ps_config_write(int dir_fd, const char *key, struct ps_bytes value,
                               struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

/* The same for several settings, of which all are written or none. `changes` is a map from their
 * keys to their values. Errors  as above. */
p2psync_result ps_config_write_all(int dir_fd, struct ps_bytes changes,
                                   struct p2psync_detail *detail) P2PSYNC_MUST_CHECK;

#endif
