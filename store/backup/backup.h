/* A backup: the rows of one store as one stream of bytes, which is a file as a rule. It depends
 * neither on LMDB's pages nor on the machine, and nothing in it is believed before its hash is.
 *
 *   backup:  header || block... || end
 *   header:  "p2psyncB" 8 || version u16: 1 || flags u16: 1, the identity is within ||
 *            PS_STORE_FORMAT_VERSION u32 || device 32 || mesh 48 || made at, in ms u64 ||
 *            count of rows u64 || count of records u64 || the hash of all that is held 32 ||
 *            BLAKE2b-256 of all that 32
 *   block:   size s u32 || size of what it holds u32 || what it holds, by zstd if that is smaller s
 *            || BLAKE2b-256 of the last hash before it and the block up to here 32
 *   end:     0 u64 || BLAKE2b-256 of the last hash before it and that 0 32
 *   held:    row...
 *   row:     its table u8 || size of the key u16 || size of the value u32 || key || value
 *
 * Numbers are big-endian. A table is a number of ps_db, with the keys and values of
 * store/env/keys.h (without their checksums), or PS_BACKUP_BESIDE for what lies beside the store:
 * under the key "config" the node's settings, a MessagePack map. Rows ascend by table and key. Each
 * hash covers all that comes before it, so no block can be changed, left out, repeated or cut off
 * unnoticed. It tells damage, and is no protection against who means harm: whoever can write the
 * backup can write another one.
 *
 * What is of one directory only (stamp, whether it ended well) is not in it. */
#ifndef PS_STORE_BACKUP_BACKUP_H
#define PS_STORE_BACKUP_BACKUP_H

#include "wire/bytes.h"
#include "wire/hash.h"
#include "wire/id.h"

#define PS_BACKUP_HEADER_SIZE 184 /* bytes */
#define PS_BACKUP_BESIDE      0xff
#define PS_BACKUP_CONFIG      "config"

struct ps_backup_header {
    bool has_identity; /* whoever reads it can be this device */
    uint32_t store_format;
    struct ps_device device; /* that it was made of */
    struct ps_mesh mesh;
    uint64_t made_ms; /* wall clock */
    uint64_t rows;
    uint64_t records; /* live, in collections that are not the node's own */
    struct ps_hash root;
};

/* Errors  P2PSYNC_EFORMAT no backup; P2PSYNC_ENEWER of a later version; P2PSYNC_ECORRUPT. */
p2psync_result ps_backup_header_decode(const uint8_t bytes[static PS_BACKUP_HEADER_SIZE],
                                       struct ps_backup_header *out) P2PSYNC_MUST_CHECK;

struct ps_backup_row {
    uint8_t table;
    struct ps_bytes key;   /* 1..PS_KEY_SIZE_MAX bytes */
    struct ps_bytes value; /* with the key at most PS_BACKUP_ROW_MAX bytes */
};

/* Takes all of `bytes`. Its error ends the writing. */
typedef p2psync_result ps_backup_write_fn(struct ps_bytes bytes, void *user);
/* Gives `size` bytes, or fewer at the end. Its error ends the reading. */
typedef p2psync_result ps_backup_read_fn(uint8_t *out, size_t size, size_t *got_out, void *user);

/* Writes a backup. Its first error stays. */
struct ps_backup_writer {
    ps_backup_write_fn *write;
    void *user;
    p2psync_result error;
    struct ps_hash hash; /* the last */
    struct ps_buf rows;  /* of the next block */
    struct ps_buf packed;
};

/* Deinit it in any case. */
void ps_backup_writer_init(struct ps_backup_writer *writer, ps_backup_write_fn *write, void *user);
void ps_backup_writer_deinit(struct ps_backup_writer *writer);
void ps_backup_writer_begin(struct ps_backup_writer *writer, const struct ps_backup_header *header);
/* Errors  P2PSYNC_ELIMIT it is larger than any row; P2PSYNC_ENOMEM; those of `write`. */
p2psync_result ps_backup_writer_add(struct ps_backup_writer *writer,
                                    const struct ps_backup_row *row) P2PSYNC_MUST_CHECK;
/* Write the end. Errors  as above. */
p2psync_result ps_backup_writer_end(struct ps_backup_writer *writer) P2PSYNC_MUST_CHECK;

/* Reads a backup. What it gives has been checked. */
struct ps_backup_reader {
    ps_backup_read_fn *read;
    void *user;
    struct ps_backup_header header;
    struct ps_hash hash;
    struct ps_buf packed;
    struct ps_buf rows; /* of the block that is read */
    size_t at;          /* in them */
    uint64_t row_count; /* read */
    uint8_t last_table; /* of the row before */
    struct ps_buf last_key;
};

/* Deinit it in any case. */
void ps_backup_reader_init(struct ps_backup_reader *reader, ps_backup_read_fn *read, void *user);
void ps_backup_reader_deinit(struct ps_backup_reader *reader);
/* Read reader->header. Errors  as ps_backup_header_decode(); those of `read`. */
p2psync_result ps_backup_reader_begin(struct ps_backup_reader *reader) P2PSYNC_MUST_CHECK;
/* The next row, which points into the reader until the next call.
 *
 * Errors  P2PSYNC_EEND that was all of them, to a good end; P2PSYNC_ECORRUPT damaged or cut off;
 *         P2PSYNC_ENOMEM; those of `read`.
 */
p2psync_result ps_backup_reader_next(struct ps_backup_reader *reader,
                                     struct ps_backup_row *out) P2PSYNC_MUST_CHECK;

#endif
