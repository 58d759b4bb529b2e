/* The bytes of a backup, both ways: see backup.h. A block ends with the first row that makes it
 * BLOCK_SIZE or more, so all but a few are nearly as large, and one holds at most one large row. */
#include "store/backup/backup.h"

#include <string.h>

#include "store/env/keys.h"
#include "wire/compress.h"
#include "wire/limits.h"

#define VERSION       1
#define FLAG_IDENTITY 1
#define BLOCK_SIZE    ((size_t)1024 * 1024)
#define BLOCK_MAX     (BLOCK_SIZE + PS_BACKUP_ROW_MAX + ROW_HEADER)
#define PACKED_MAX                                                                                 \
    (2 * BLOCK_SIZE) /* larger blocks are not packed, so that little unpacks to little */
#define ROW_HEADER   7
#define BLOCK_HEADER 8
#define PIECE_SIZE   ((size_t)1024 * 1024) /* bytes that are asked for at a time */

static const uint8_t magic[8] = {'p', '2', 'p', 's', 'y', 'n', 'c', 'B'};

static void encode_header(const struct ps_backup_header *header,
                          uint8_t out[static PS_BACKUP_HEADER_SIZE]);
static p2psync_result write_block(struct ps_backup_writer *writer);
static struct ps_hash hash_on(const struct ps_hash *before, const uint8_t header[BLOCK_HEADER],
                              struct ps_bytes bytes);
static p2psync_result read_block(struct ps_backup_reader *reader);
static p2psync_result read_end(struct ps_backup_reader *reader, const uint8_t header[BLOCK_HEADER]);
static p2psync_result read_exactly(struct ps_backup_reader *reader, uint8_t *out, size_t size);
static p2psync_result split_row(struct ps_backup_reader *reader, struct ps_backup_row *out);
static bool ascends(struct ps_backup_reader *reader, const struct ps_backup_row *row);

/* ---- the header ---- */

static void encode_header(const struct ps_backup_header *header,
                          uint8_t out[static PS_BACKUP_HEADER_SIZE])
{
    uint8_t *at = out;
    memcpy(at, magic, sizeof magic);
    at += sizeof magic;
    ps_put_u16(at, VERSION);
    ps_put_u16(at + 2, header->has_identity ? FLAG_IDENTITY : 0);
    ps_put_u32(at + 4, header->store_format);
    at += 8;
    memcpy(at, header->device.key, PS_DEVICE_SIZE);
    at += PS_DEVICE_SIZE;
    memcpy(at, &header->mesh, PS_MESH_SIZE);
    at += PS_MESH_SIZE;
    ps_put_u64(at, header->made_ms);
    ps_put_u64(at + 8, header->rows);
    ps_put_u64(at + 16, header->records);
    at += 24;
    memcpy(at, header->root.bytes, PS_HASH_SIZE);
    at += PS_HASH_SIZE;
    struct ps_hash hash = ps_hash_bytes(ps_bytes(out, (size_t)(at - out)));
    memcpy(at, hash.bytes, PS_HASH_SIZE);
    assert(at + PS_HASH_SIZE == out + PS_BACKUP_HEADER_SIZE);
}

p2psync_result ps_backup_header_decode(const uint8_t bytes[static PS_BACKUP_HEADER_SIZE],
                                       struct ps_backup_header *out)
{
    const size_t hashed_size = PS_BACKUP_HEADER_SIZE - PS_HASH_SIZE;
    const uint8_t *at = bytes;
    struct ps_backup_header header = {.has_identity = false};
    if (memcmp(at, magic, sizeof magic) != 0) {
        return P2PSYNC_EFORMAT;
    }
    at += sizeof magic;
    if (ps_get_u16(at) > VERSION) {
        return P2PSYNC_ENEWER; /* what follows may be anything */
    }
    struct ps_hash hash = ps_hash_bytes(ps_bytes(bytes, hashed_size));
    uint16_t flags = ps_get_u16(at + 2);
    if (memcmp(hash.bytes, bytes + hashed_size, PS_HASH_SIZE) != 0 || ps_get_u16(at) != VERSION ||
        (flags & ~FLAG_IDENTITY) != 0) {
        return P2PSYNC_ECORRUPT;
    }
    header.has_identity = (flags & FLAG_IDENTITY) != 0;
    header.store_format = ps_get_u32(at + 4);
    at += 8;
    memcpy(header.device.key, at, PS_DEVICE_SIZE);
    at += PS_DEVICE_SIZE;
    memcpy(&header.mesh, at, PS_MESH_SIZE);
    at += PS_MESH_SIZE;
    header.made_ms = ps_get_u64(at);
    header.rows = ps_get_u64(at + 8);
    header.records = ps_get_u64(at + 16);
    memcpy(header.root.bytes, at + 24, PS_HASH_SIZE);
    *out = header;
    return P2PSYNC_OK;
}

/* ---- writing ---- */

void ps_backup_writer_init(struct ps_backup_writer *writer, ps_backup_write_fn *write, void *user)
{
    *writer = (struct ps_backup_writer){.write = write, .user = user};
    ps_buf_init(&writer->rows, BLOCK_MAX);
    ps_buf_init(&writer->packed, BLOCK_MAX);
}

void ps_backup_writer_deinit(struct ps_backup_writer *writer)
{
    ps_buf_deinit(&writer->rows);
    ps_buf_deinit(&writer->packed);
}

void ps_backup_writer_begin(struct ps_backup_writer *writer, const struct ps_backup_header *header)
{
    uint8_t bytes[PS_BACKUP_HEADER_SIZE];
    encode_header(header, bytes);
    memcpy(writer->hash.bytes, bytes + sizeof bytes - PS_HASH_SIZE, PS_HASH_SIZE);
    writer->error = writer->write(ps_bytes(bytes, sizeof bytes), writer->user);
}

p2psync_result ps_backup_writer_add(struct ps_backup_writer *writer,
                                    const struct ps_backup_row *row)
{
    uint8_t *room = NULL;
    size_t size = ROW_HEADER + row->key.size + row->value.size;
    assert(row->key.size > 0 && row->key.size <= PS_KEY_SIZE_MAX);
    if (writer->error == P2PSYNC_OK && row->value.size > PS_BACKUP_ROW_MAX - row->key.size) {
        writer->error = P2PSYNC_ELIMIT;
    }
    if (writer->error == P2PSYNC_OK) {
        writer->error = ps_buf_extend(&writer->rows, size, &room);
    }
    if (writer->error != P2PSYNC_OK) {
        return writer->error;
    }
    room[0] = row->table;
    ps_put_u16(room + 1, (uint16_t)row->key.size);
    ps_put_u32(room + 3, (uint32_t)row->value.size);
    memcpy(room + ROW_HEADER, row->key.data, row->key.size);
    if (row->value.size > 0) {
        memcpy(room + ROW_HEADER + row->key.size, row->value.data, row->value.size);
    }
    if (writer->rows.size >= BLOCK_SIZE) {
        writer->error = write_block(writer);
    }
    return writer->error;
}

p2psync_result ps_backup_writer_end(struct ps_backup_writer *writer)
{
    const uint8_t end[BLOCK_HEADER] = {0};
    if (writer->error == P2PSYNC_OK && writer->rows.size > 0) {
        writer->error = write_block(writer);
    }
    if (writer->error == P2PSYNC_OK) {
        writer->error = writer->write(ps_bytes(end, sizeof end), writer->user);
    }
    if (writer->error == P2PSYNC_OK) {
        writer->hash = hash_on(&writer->hash, end, ps_bytes(NULL, 0));
        writer->error =
            writer->write(ps_bytes(writer->hash.bytes, sizeof writer->hash.bytes), writer->user);
    }
    return writer->error;
}

static p2psync_result write_block(struct ps_backup_writer *writer)
{
    uint8_t header[BLOCK_HEADER];
    struct ps_bytes bytes = ps_buf_view(&writer->rows);
    p2psync_result result = P2PSYNC_ELIMIT;
    ps_buf_clear(&writer->packed);
    if (bytes.size <= PACKED_MAX) {
        result = ps_compress(bytes, &writer->packed);
    }
    if (result == P2PSYNC_OK) {
        bytes = ps_buf_view(&writer->packed);
    } else if (result != P2PSYNC_ELIMIT) {
        return result;
    }
    ps_put_u32(header, (uint32_t)bytes.size);
    ps_put_u32(header + 4, (uint32_t)writer->rows.size);
    writer->hash = hash_on(&writer->hash, header, bytes);
    result = writer->write(ps_bytes(header, sizeof header), writer->user);
    if (result == P2PSYNC_OK) {
        result = writer->write(bytes, writer->user);
    }
    if (result == P2PSYNC_OK) {
        result =
            writer->write(ps_bytes(writer->hash.bytes, sizeof writer->hash.bytes), writer->user);
    }
    ps_buf_clear(&writer->rows);
    return result;
}

static struct ps_hash hash_on(const struct ps_hash *before, const uint8_t header[BLOCK_HEADER],
                              struct ps_bytes bytes)
{
    const struct ps_bytes parts[] = {ps_bytes(before->bytes, sizeof before->bytes),
                                     ps_bytes(header, BLOCK_HEADER), bytes};
    return ps_hash_parts(parts, 3);
}

/* ---- reading ---- */

void ps_backup_reader_init(struct ps_backup_reader *reader, ps_backup_read_fn *read, void *user)
{
    *reader = (struct ps_backup_reader){.read = read, .user = user};
    ps_buf_init(&reader->packed, BLOCK_MAX);
    ps_buf_init(&reader->rows, BLOCK_MAX);
    ps_buf_init(&reader->last_key, PS_KEY_SIZE_MAX);
}

void ps_backup_reader_deinit(struct ps_backup_reader *reader)
{
    ps_buf_deinit(&reader->packed);
    ps_buf_deinit(&reader->rows);
    ps_buf_deinit(&reader->last_key);
}

p2psync_result ps_backup_reader_begin(struct ps_backup_reader *reader)
{
    uint8_t bytes[PS_BACKUP_HEADER_SIZE] = {0};
    size_t got = 0;
    p2psync_result result = reader->read(bytes, sizeof bytes, &got, reader->user);
    if (result == P2PSYNC_OK && got < sizeof bytes) {
        /* Half a header is damage, and anything else is something else. */
        result = got < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0 ? P2PSYNC_EFORMAT
                                                                               : P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK) {
        result = ps_backup_header_decode(bytes, &reader->header);
    }
    memcpy(reader->hash.bytes, bytes + sizeof bytes - PS_HASH_SIZE, PS_HASH_SIZE);
    return result;
}

p2psync_result ps_backup_reader_next(struct ps_backup_reader *reader, struct ps_backup_row *out)
{
    struct ps_backup_row row = {.table = 0};
    p2psync_result result = P2PSYNC_OK;
    if (reader->at == reader->rows.size) {
        result = read_block(reader);
    }
    if (result == P2PSYNC_OK) {
        result = split_row(reader, &row);
    }
    if (result == P2PSYNC_OK && !ascends(reader, &row)) {
        result = P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK) {
        reader->last_table = row.table;
        ps_buf_clear(&reader->last_key);
        result = ps_buf_append(&reader->last_key, row.key.data, row.key.size);
    }
    if (result == P2PSYNC_OK) {
        reader->row_count++;
        *out = row;
    }
    return result;
}

/* The next block, unpacked. P2PSYNC_EEND it is the end. */
static p2psync_result read_block(struct ps_backup_reader *reader)
{
    uint8_t header[BLOCK_HEADER];
    uint8_t said[PS_HASH_SIZE];
    p2psync_result result = read_exactly(reader, header, sizeof header);
    if (result != P2PSYNC_OK) {
        return result;
    }
    size_t size = ps_get_u32(header);
    size_t unpacked = ps_get_u32(header + 4);
    if (unpacked == 0) {
        return read_end(reader, header);
    }
    if (size == 0 || size > unpacked || unpacked > BLOCK_MAX ||
        (size < unpacked && unpacked > PACKED_MAX)) {
        return P2PSYNC_ECORRUPT;
    }
    ps_buf_clear(&reader->packed);
    for (size_t done = 0; done < size && result == P2PSYNC_OK;) {
        /* In pieces: what a damaged header says is no reason to take that much memory. */
        size_t piece = size - done < PIECE_SIZE ? size - done : PIECE_SIZE;
        uint8_t *room = NULL;
        result = ps_buf_extend(&reader->packed, piece, &room);
        if (result == P2PSYNC_OK) {
            result = read_exactly(reader, room, piece);
        }
        done += piece;
    }
    if (result == P2PSYNC_OK) {
        result = read_exactly(reader, said, sizeof said);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    reader->hash = hash_on(&reader->hash, header, ps_buf_view(&reader->packed));
    if (memcmp(said, reader->hash.bytes, sizeof said) != 0) {
        return P2PSYNC_ECORRUPT;
    }
    ps_buf_clear(&reader->rows);
    reader->at = 0;
    result = size == unpacked
                 ? ps_buf_append(&reader->rows, reader->packed.data, size)
                 : ps_decompress(ps_buf_view(&reader->packed), unpacked, &reader->rows);
    if (result == P2PSYNC_EFORMAT || result == P2PSYNC_ELIMIT ||
        (result == P2PSYNC_OK && reader->rows.size != unpacked)) {
        return P2PSYNC_ECORRUPT;
    }
    return result;
}

/* The end, behind which nothing comes. */
static p2psync_result read_end(struct ps_backup_reader *reader, const uint8_t header[BLOCK_HEADER])
{
    uint8_t said[PS_HASH_SIZE];
    uint8_t more = 0;
    size_t got = 0;
    p2psync_result result = read_exactly(reader, said, sizeof said);
    struct ps_hash hash = hash_on(&reader->hash, header, ps_bytes(NULL, 0));
    if (result == P2PSYNC_OK && memcmp(said, hash.bytes, sizeof said) != 0) {
        result = P2PSYNC_ECORRUPT;
    }
    if (result == P2PSYNC_OK) {
        result = reader->read(&more, 1, &got, reader->user);
    }
    if (result == P2PSYNC_OK && (got > 0 || reader->row_count != reader->header.rows)) {
        result = P2PSYNC_ECORRUPT;
    }
    return result == P2PSYNC_OK ? P2PSYNC_EEND : result;
}

static p2psync_result read_exactly(struct ps_backup_reader *reader, uint8_t *out, size_t size)
{
    size_t got = 0;
    p2psync_result result = reader->read(out, size, &got, reader->user);
    return result == P2PSYNC_OK && got < size ? P2PSYNC_ECORRUPT : result;
}

static p2psync_result split_row(struct ps_backup_reader *reader, struct ps_backup_row *out)
{
    const uint8_t *at = reader->rows.data + reader->at;
    size_t left = reader->rows.size - reader->at;
    if (left < ROW_HEADER) {
        return P2PSYNC_ECORRUPT;
    }
    size_t key_size = ps_get_u16(at + 1);
    size_t value_size = ps_get_u32(at + 3);
    left -= ROW_HEADER;
    if (key_size == 0 || key_size > PS_KEY_SIZE_MAX || key_size > left ||
        value_size > left - key_size || value_size > PS_BACKUP_ROW_MAX - key_size) {
        return P2PSYNC_ECORRUPT;
    }
    *out = (struct ps_backup_row){
        .table = at[0],
        .key = ps_bytes(at + ROW_HEADER, key_size),
        .value = ps_bytes(at + ROW_HEADER + key_size, value_size),
    };
    reader->at += ROW_HEADER + key_size + value_size;
    return P2PSYNC_OK;
}

static bool ascends(struct ps_backup_reader *reader, const struct ps_backup_row *row)
{
    return reader->row_count == 0 || row->table > reader->last_table ||
           (row->table == reader->last_table &&
            ps_bytes_compare(row->key, ps_buf_view(&reader->last_key)) > 0);
}
