/* What several messages have in common, for the msg_*.c files only: the envelope, and the parts
 * that occur in more than one of them. */
#ifndef PS_WIRE_MESSAGE_PART_H
#define PS_WIRE_MESSAGE_PART_H

#include "wire/message.h"

/* Check the whole of `input` with the scanner, and start to read a message of `type` with at least
 * `count` elements after its version. Returns how many elements follow those; failures are in
 * `reader`. */
uint32_t ps_message_begin(struct ps_reader *reader, struct ps_bytes input, ps_message_type type,
                          uint32_t count);

/* Start to write a message of `type` with `count` elements after its version. */
void ps_message_start(struct ps_writer *writer, struct ps_buf *out, ps_message_type type,
                      size_t count);

/* End a message that began when `out` had `start` bytes. After an error `out` has that many again.
 */
p2psync_result ps_message_end(const struct ps_writer *writer, struct ps_buf *out,
                              size_t start) P2PSYNC_MUST_CHECK;

/* An array header, an error (P2PSYNC_ELIMIT) above `max` elements. */
uint32_t ps_message_read_list(struct ps_reader *reader, uint32_t max);

/* The bytes that were read since `before`, which was reader->rest then. */
struct ps_bytes ps_message_read_since(const struct ps_reader *reader, struct ps_bytes before);

struct ps_bytes ps_message_read_collection(struct ps_reader *reader);
struct ps_bytes ps_message_read_device_name(struct ps_reader *reader);
void ps_message_read_device(struct ps_reader *reader, struct ps_device *out);
void ps_message_read_mesh(struct ps_reader *reader, struct ps_mesh *out);

/* A bin of 16 bytes, or empty for the trunk, which is all zero. */
void ps_message_read_branch(struct ps_reader *reader, uint8_t out[static PS_HASH_SHORT_SIZE]);
void ps_message_write_branch(struct ps_writer *writer,
                             const uint8_t branch[static PS_HASH_SHORT_SIZE]);

/* [collection, device, incarnation, branch, number], or the number alone */
void ps_message_read_log_name(struct ps_reader *reader, struct ps_log_name *out);
void ps_message_write_log_name(struct ps_writer *writer, const struct ps_log_name *log);

/* [common, pending] or nil. */
void ps_message_read_state(struct ps_reader *reader, struct ps_state *out);
void ps_message_write_state(struct ps_writer *writer, const struct ps_state *state);

/* [endpoint, ...], PS_ENDPOINTS_MAX at most. Returns their number. */
size_t ps_message_read_endpoints(struct ps_reader *reader,
                                 struct ps_bytes out[static PS_ENDPOINTS_MAX]);
void ps_message_write_endpoints(struct ps_writer *writer, const struct ps_bytes *endpoints,
                                size_t count);

#endif
