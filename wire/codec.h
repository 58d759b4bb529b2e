/* Reading and writing positional MessagePack with a sticky error: a sequence of reads or writes is
 * checked once, at its end. After an error reads give zero and empty, and writes do nothing.
 *
 * The reader only ever moves over tokens that ps_scan_token() accepts and points into its input;
 * the writer packs with msgpack-c into a capped ps_buf, always the shortest form, so that what is
 * signed or hashed has one encoding. */
#ifndef PS_WIRE_CODEC_H
#define PS_WIRE_CODEC_H

#include <msgpack/pack.h>

#include "wire/bytes.h"
#include "wire/id.h"

struct ps_reader {
    struct ps_bytes rest; /* not read yet */
    p2psync_result error; /* the first one */
};

void ps_reader_init(struct ps_reader *reader, struct ps_bytes input);

/* An array header: the number of its elements. Bounded by the bytes left. */
uint32_t ps_read_array(struct ps_reader *reader);

/* An array header of at least `count` elements. The number beyond `count` is returned: pass it to
 * ps_read_skip() after the known ones, so that later versions can add elements. */
uint32_t ps_read_array_at_least(struct ps_reader *reader, uint32_t count);

/* A map header: the number of its pairs. */
uint32_t ps_read_map(struct ps_reader *reader);

uint64_t ps_read_uint(struct ps_reader *reader);
/* An unsigned integer, an error (P2PSYNC_ELIMIT) above `max`. */
uint64_t ps_read_uint_max(struct ps_reader *reader, uint64_t max);
bool ps_read_bool(struct ps_reader *reader);
struct ps_bytes ps_read_str(struct ps_reader *reader, size_t size_max);
struct ps_bytes ps_read_bin(struct ps_reader *reader, size_t size_max);
/* A bin of exactly `size` bytes, copied to `out`; zeroes it after an error. */
void ps_read_bin_exact(struct ps_reader *reader, void *out, size_t size);
/* True and moves on if the next value is nil; false and stays otherwise. */
bool ps_read_nil(struct ps_reader *reader);
/* Whether the next value is an array. */
bool ps_reader_at_array(const struct ps_reader *reader);
/* One whole value, as its bytes. */
struct ps_bytes ps_read_value(struct ps_reader *reader, unsigned depth_max);
/* Pass over `count` values. */
void ps_read_skip(struct ps_reader *reader, uint32_t count);
/* Set an error of the caller's own, unless there is one. */
void ps_reader_fail(struct ps_reader *reader, p2psync_result error);

/* The first error; P2PSYNC_EFORMAT if something is left unread. */
p2psync_result ps_reader_finish(const struct ps_reader *reader) P2PSYNC_MUST_CHECK;

struct ps_writer {
    struct ps_buf *buf;
    msgpack_packer packer;
    p2psync_result error; /* the first one */
};

/* Write after what `buf` holds. The writer must not be moved or copied. */
void ps_writer_init(struct ps_writer *writer, struct ps_buf *buf);

void ps_write_array(struct ps_writer *writer, size_t count);
void ps_write_map(struct ps_writer *writer, size_t count);
void ps_write_uint(struct ps_writer *writer, uint64_t value);
void ps_write_int(struct ps_writer *writer, int64_t value);
void ps_write_bool(struct ps_writer *writer, bool value);
void ps_write_nil(struct ps_writer *writer);
void ps_write_str(struct ps_writer *writer, struct ps_bytes value);
void ps_write_text(struct ps_writer *writer, const char *value);
void ps_write_bin(struct ps_writer *writer, struct ps_bytes value);
/* Bytes that are MessagePack already. */
void ps_write_raw(struct ps_writer *writer, struct ps_bytes value);
/* The same, or nil for empty bytes. */
void ps_write_raw_or_nil(struct ps_writer *writer, struct ps_bytes value);

/* The first error: P2PSYNC_ELIMIT the buffer's cap; P2PSYNC_ENOMEM. */
p2psync_result ps_writer_finish(const struct ps_writer *writer) P2PSYNC_MUST_CHECK;

#endif
