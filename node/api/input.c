/* What an app gives to be written, checked before anything is done with it. */
#include "node/api/input.h"

#include <string.h>

#include "node/api/inside.h"
#include "wire/scan.h"
#include "wire/value.h"

p2psync_result ps_input_collection(struct ps_bytes name, struct p2psync_detail *detail)
{
    p2psync_result result = ps_node_check_writable(name);
    if (result == P2PSYNC_ELIMIT) {
        return ps_detail_limit(detail, "the name of a collection", PS_COLLECTION_SIZE_MAX, "bytes");
    }
    return result == P2PSYNC_EFORMAT
               ? ps_detail_format(detail, "this is not the name of a collection")
               : result;
}

p2psync_result ps_input_id(struct ps_bytes id, bool no_copy, struct p2psync_detail *detail)
{
    struct ps_bytes record;
    struct ps_dot dot;
    bool is_copy = ps_copy_id_split(id, &record, &dot);
    record = is_copy ? record : id;
    if (record.size > PS_RECORD_ID_SIZE_MAX) {
        return ps_detail_limit(detail, "an id", PS_RECORD_ID_SIZE_MAX, "bytes");
    }
    if (!ps_record_id_valid(record)) {
        return ps_detail_format(detail, "this is not the id of a record");
    }
    return is_copy && no_copy
               ? ps_detail_format(detail, "a copy of a version can be edited and deleted only")
               : P2PSYNC_OK;
}

p2psync_result ps_input_fields(struct ps_bytes fields, struct p2psync_detail *detail)
{
    p2psync_result result = ps_value_check_fields(fields);
    if (result == P2PSYNC_EFORMAT) {
        return ps_detail_format(detail, "the fields are not a map of valid values");
    }
    if (result != P2PSYNC_ELIMIT) {
        return result;
    }
    if (fields.size > PS_VALUE_SIZE_MAX) {
        return ps_detail_limit(detail, "a record", PS_VALUE_SIZE_MAX, "bytes of fields");
    }
    return ps_scan_exact(fields, PS_DEPTH_MAX) == P2PSYNC_ELIMIT
               ? ps_detail_limit(detail, "a value", PS_DEPTH_MAX, "levels of nesting")
               : ps_detail_limit(detail, "the name of a field", PS_FIELD_SIZE_MAX, "bytes");
}

p2psync_result ps_input_note(const char *note, struct ps_buf *out, struct p2psync_detail *detail)
{
    p2psync_result result = ps_note_pack(note, out);
    if (result == P2PSYNC_ELIMIT && strlen(note) > PS_NOTE_SIZE_MAX / 2) {
        return ps_detail_limit(detail, "a note", PS_NOTE_SIZE_MAX, "bytes");
    }
    return result == P2PSYNC_EFORMAT ? ps_detail_format(detail, "the note is not UTF-8") : result;
}
