/* One row: see terms.h. */
#include "store/mesh/terms.h"

#include <string.h>

#include "wire/codec.h"

#define FIELDS       10
#define ROW_SIZE_MAX (256 + PS_TERMS_SCOPES_MAX * (PS_COLLECTION_SIZE_MAX + 16))

static void read_scopes(struct ps_reader *reader, struct ps_terms *terms);

p2psync_result ps_terms_write(struct ps_txn *txn, const struct ps_terms *terms)
{
    struct ps_buf buf;
    struct ps_writer writer;
    assert(terms->scope_count <= PS_TERMS_SCOPES_MAX);
    ps_buf_init(&buf, ROW_SIZE_MAX);
    ps_writer_init(&writer, &buf);
    ps_write_array(&writer, FIELDS);
    ps_write_uint(&writer, terms->number);
    ps_write_uint(&writer, terms->expires_ms);
    ps_write_bool(&writer, terms->has_role);
    ps_write_uint(&writer, terms->role);
    ps_write_bool(&writer, terms->confirm);
    ps_write_array(&writer, terms->scope_count * 2);
    for (size_t i = 0; i < terms->scope_count; i++) {
        const struct ps_terms_scope *scope = &terms->scopes[i];
        ps_write_str(&writer, ps_bytes(scope->collection, scope->collection_size));
        ps_write_uint(&writer, scope->role);
    }
    ps_write_uint(&writer, terms->waits);
    ps_write_bin(&writer, ps_bytes(terms->device.key, sizeof terms->device.key));
    ps_write_str(&writer, ps_bytes(terms->name, terms->name_size));
    ps_write_nil(&writer); /* for a later version */
    p2psync_result result = ps_writer_finish(&writer);
    if (result == P2PSYNC_OK) {
        result = ps_db_put(txn, PS_DB_META, ps_bytes_text(PS_META_INVITE), ps_buf_view(&buf));
    }
    ps_buf_deinit(&buf);
    return result;
}

p2psync_result ps_terms_read(struct ps_txn *txn, struct ps_terms *out)
{
    struct ps_bytes row;
    struct ps_reader reader;
    struct ps_terms terms = {.number = 0};
    p2psync_result result = ps_db_get(txn, PS_DB_META, ps_bytes_text(PS_META_INVITE), &row);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ECORRUPT ? P2PSYNC_ENOTFOUND : result;
    }
    ps_reader_init(&reader, row);
    (void)ps_read_array_at_least(&reader, FIELDS);
    terms.number = ps_read_uint(&reader);
    terms.expires_ms = ps_read_uint(&reader);
    terms.has_role = ps_read_bool(&reader);
    uint64_t role = ps_read_uint(&reader);
    terms.confirm = ps_read_bool(&reader);
    read_scopes(&reader, &terms);
    uint64_t waits = ps_read_uint(&reader);
    struct ps_bytes device = ps_read_bin(&reader, PS_DEVICE_SIZE);
    struct ps_bytes name = ps_read_str(&reader, PS_DEVICE_NAME_SIZE_MAX);
    ps_read_skip(&reader, 1);
    if (ps_reader_finish(&reader) != P2PSYNC_OK || role > PS_ROLE_NONE ||
        waits > PS_WAITS_REJECTED || device.size != PS_DEVICE_SIZE) {
        return P2PSYNC_ENOTFOUND;
    }
    terms.role = (ps_role)role;
    terms.waits = (ps_waits)waits;
    memcpy(terms.device.key, device.data, device.size);
    if (name.size > 0) {
        memcpy(terms.name, name.data, name.size);
    }
    terms.name_size = name.size;
    *out = terms;
    return P2PSYNC_OK;
}

static void read_scopes(struct ps_reader *reader, struct ps_terms *terms)
{
    uint32_t count = ps_read_array(reader);
    if (count > PS_TERMS_SCOPES_MAX * 2 || count % 2 != 0) {
        ps_reader_fail(reader, P2PSYNC_ECORRUPT);
        return;
    }
    for (uint32_t i = 0; i < count / 2; i++) {
        struct ps_terms_scope *scope = &terms->scopes[i];
        struct ps_bytes name = ps_read_str(reader, PS_COLLECTION_SIZE_MAX);
        uint64_t role = ps_read_uint(reader);
        if (name.size > 0) {
            memcpy(scope->collection, name.data, name.size);
        }
        scope->collection_size = name.size;
        scope->role = role <= PS_ROLE_NONE ? (ps_role)role : PS_ROLE_NONE;
    }
    terms->scope_count = count / 2;
}
