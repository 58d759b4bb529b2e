/* Decode and encode again, for each structure. Lists are walked with the cursors and written item
 * by item, so that the cursors are tested along with the decoders. */
#include "tests/wire/recode.h"

#include <stdlib.h>
#include <string.h>

#include "wire/message.h"
#include "wire/pairing_code.h"
#include "wire/recovery_code.h"

p2psync_result recode_skeleton(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_skeleton skeleton;
    p2psync_result result = ps_skeleton_decode(input, &skeleton);
    return result == P2PSYNC_OK ? ps_skeleton_encode(&skeleton, out) : result;
}

p2psync_result recode_body(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_body body;
    p2psync_result result = ps_body_decode(input, &body);
    return result == P2PSYNC_OK ? ps_body_encode(&body, out) : result;
}

p2psync_result recode_head(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_reader reader;
    struct ps_writer writer;
    struct ps_head head;
    ps_reader_init(&reader, input);
    ps_head_read(&reader, &head);
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK) {
        ps_writer_init(&writer, out);
        ps_head_write(&writer, &head);
        result = ps_writer_finish(&writer);
    }
    return result;
}

p2psync_result recode_pairing_code(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_pairing_code code;
    char text[PS_PAIRING_CODE_SIZE_MAX];
    if (input.size >= sizeof text) {
        return P2PSYNC_ELIMIT;
    }
    memcpy(text, input.data, input.size);
    text[input.size] = '\0';
    p2psync_result result = ps_pairing_code_decode(text, &code);
    if (result == P2PSYNC_OK) {
        result = ps_pairing_code_encode(&code, text);
    }
    return result == P2PSYNC_OK ? ps_buf_append(out, text, strlen(text)) : result;
}

p2psync_result recode_recovery_code(struct ps_bytes input, struct ps_buf *out)
{
    uint8_t secret[PS_RECOVERY_SIZE];
    const char *why = NULL;
    char written[PS_RECOVERY_CODE_SIZE];
    char *text = strndup((const char *)input.data, input.size);
    if (text == NULL) {
        return P2PSYNC_ENOMEM;
    }
    p2psync_result result = ps_recovery_code_decode(text, secret, &why);
    assert((result == P2PSYNC_OK) == (why == NULL));
    free(text);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_recovery_code_encode(secret, written);
    return ps_buf_append(out, written, strlen(written));
}

static p2psync_result hello(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_hello decoded;
    p2psync_result result = ps_hello_decode(input, &decoded);
    return result == P2PSYNC_OK ? ps_hello_encode(&decoded, out) : result;
}

static void write_roots(struct ps_writer *writer, struct ps_bytes roots)
{
    struct ps_cursor cursor;
    struct ps_bytes collection;
    struct ps_hash root;
    ps_write_array(writer, ps_message_cursor_begin(&cursor, roots));
    while (ps_summary_next_root(&cursor, &collection, &root)) {
        ps_summary_write_root(writer, collection, &root);
    }
}

static void write_heads(struct ps_writer *writer, struct ps_bytes heads)
{
    struct ps_cursor outer;
    struct ps_cursor inner;
    struct ps_summary_part part;
    struct ps_short_head head;
    ps_write_array(writer, ps_message_cursor_begin(&outer, heads));
    while (ps_summary_next_collection(&outer, &part)) {
        ps_summary_write_collection(writer, &part, ps_message_cursor_begin(&inner, part.heads));
        while (ps_summary_next_head(&inner, &head)) {
            ps_summary_write_head(writer, &head);
        }
        ps_summary_end_collection(writer, &part);
    }
}

static p2psync_result summary(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_summary decoded;
    struct ps_buf roots;
    struct ps_buf heads;
    struct ps_writer writer;
    ps_buf_init(&roots, PS_MESSAGE_SIZE_MAX);
    ps_buf_init(&heads, PS_MESSAGE_SIZE_MAX);
    p2psync_result result = ps_summary_decode(input, &decoded);
    if (result == P2PSYNC_OK && decoded.roots.size > 0) {
        ps_writer_init(&writer, &roots);
        write_roots(&writer, decoded.roots);
        result = ps_writer_finish(&writer);
        decoded.roots = ps_buf_view(&roots);
    }
    if (result == P2PSYNC_OK && decoded.heads.size > 0) {
        ps_writer_init(&writer, &heads);
        write_heads(&writer, decoded.heads);
        result = ps_writer_finish(&writer);
        decoded.heads = ps_buf_view(&heads);
    }
    result = result == P2PSYNC_OK ? ps_summary_encode(&decoded, out) : result;
    ps_buf_deinit(&heads);
    ps_buf_deinit(&roots);
    return result;
}

static p2psync_result heads(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_cursor cursor;
    p2psync_result result = ps_heads_decode(input, &cursor);
    if (result != P2PSYNC_OK) {
        return result;
    }
    struct ps_heads_item *items = calloc(PS_HEADS_MAX, sizeof *items);
    if (items == NULL) {
        return P2PSYNC_ENOMEM;
    }
    size_t count = 0;
    while (ps_heads_next(&cursor, &items[count])) {
        count++;
    }
    result = ps_heads_encode(items, count, out);
    free(items);
    return result;
}

static p2psync_result want(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_want decoded;
    p2psync_result result = ps_want_decode(input, &decoded);
    return result == P2PSYNC_OK ? ps_want_encode(&decoded, out) : result;
}

/* Plain entries are decoded too, as far as they are well formed; the rest is passed on. */
static p2psync_result changes(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_changes decoded;
    struct ps_entry entry;
    struct ps_buf entries;
    ps_buf_init(&entries, PS_MESSAGE_SIZE_MAX);
    p2psync_result result = ps_changes_decode(input, &decoded);
    if (result == P2PSYNC_OK) {
        struct ps_bytes rest = decoded.entries;
        while (result == P2PSYNC_OK && ps_changes_next(&rest, &entry) == P2PSYNC_OK) {
            result = ps_changes_write_entry(&entry, &entries);
        }
        if (result == P2PSYNC_OK) {
            result = ps_buf_append(&entries, rest.data, rest.size);
        }
        decoded.entries = ps_buf_view(&entries);
    }
    result = result == P2PSYNC_OK ? ps_changes_encode(&decoded, out) : result;
    ps_buf_deinit(&entries);
    return result;
}

static p2psync_result ack(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_ack decoded;
    struct ps_buf positions;
    ps_buf_init(&positions, PS_MESSAGE_SIZE_MAX);
    p2psync_result result = ps_ack_decode(input, &decoded);
    if (result == P2PSYNC_OK) {
        struct ps_writer writer;
        struct ps_cursor cursor;
        struct ps_position position;
        ps_writer_init(&writer, &positions);
        ps_write_array(&writer, ps_message_cursor_begin(&cursor, decoded.positions));
        while (ps_ack_next(&cursor, &position)) {
            ps_ack_write_position(&writer, &position);
        }
        result = ps_writer_finish(&writer);
        decoded.positions = ps_buf_view(&positions);
    }
    result = result == P2PSYNC_OK ? ps_ack_encode(&decoded, out) : result;
    ps_buf_deinit(&positions);
    return result;
}

static p2psync_result peers(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_cursor cursor;
    struct ps_peer_endpoints items[PS_PEERS_MAX];
    p2psync_result result = ps_peers_decode(input, &cursor);
    if (result != P2PSYNC_OK) {
        return result;
    }
    size_t count = 0;
    while (ps_peers_next(&cursor, &items[count])) {
        count++;
    }
    return ps_peers_encode(items, count, out);
}

static p2psync_result error(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_error decoded;
    p2psync_result result = ps_error_decode(input, &decoded);
    return result == P2PSYNC_OK ? ps_error_encode(&decoded, out) : result;
}

static p2psync_result join(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_join decoded;
    p2psync_result result = ps_join_decode(input, &decoded);
    return result == P2PSYNC_OK ? ps_join_encode(&decoded, out) : result;
}

static p2psync_result welcome(struct ps_bytes input, struct ps_buf *out)
{
    struct ps_welcome decoded;
    p2psync_result result = ps_welcome_decode(input, &decoded);
    return result == P2PSYNC_OK ? ps_welcome_encode(&decoded, out) : result;
}

p2psync_result recode_message(struct ps_bytes input, struct ps_buf *out)
{
    static recode_fn *const table[] = {
        [PS_MESSAGE_HELLO] = hello,     [PS_MESSAGE_SUMMARY] = summary, [PS_MESSAGE_HEADS] = heads,
        [PS_MESSAGE_WANT] = want,       [PS_MESSAGE_CHANGES] = changes, [PS_MESSAGE_ACK] = ack,
        [PS_MESSAGE_PEERS] = peers,     [PS_MESSAGE_ERROR] = error,     [PS_MESSAGE_JOIN] = join,
        [PS_MESSAGE_WELCOME] = welcome,
    };
    uint64_t type = 0;
    uint64_t version = 0;
    p2psync_result result = ps_message_peek(input, &type, &version);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (type >= sizeof table / sizeof table[0] || table[type] == NULL) {
        return P2PSYNC_ENOTFOUND;
    }
    return table[type](input, out);
}
