/* What an app gives to be written, checked before anything is done with it. */
#include "node/api/input.h"

#include <assert.h>
#include <stdio.h>

#include "node/view/called.h"
#include "store/mesh/members.h"
#include "store/mesh/named.h"
#include "wire/escape.h"
#include "wire/map.h"
#include "wire/scan.h"
#include "wire/value.h"

static bool is_blank(uint32_t code);
static p2psync_result say_nobody(const char *text, struct p2psync_detail *detail);
static p2psync_result say_candidates(const struct ps_view_called *called, const char *what,
                                     struct p2psync_detail *detail);

p2psync_result ps_input_collection(struct ps_bytes name, struct p2psync_detail *detail)
{
    if (name.size > PS_COLLECTION_SIZE_MAX) {
        return ps_detail_limit(detail, "the name of a collection", PS_COLLECTION_SIZE_MAX, "bytes");
    }
    if (!ps_collection_name_valid(name)) {
        return ps_detail_say(detail, P2PSYNC_EFORMAT, "this is not the name of a collection");
    }
    return ps_collection_is_internal(name) ? P2PSYNC_EDENIED : P2PSYNC_OK;
}

p2psync_result ps_input_scope(struct ps_bytes collection, const char *role, ps_role *out,
                              struct p2psync_detail *detail)
{
    struct ps_bytes text = ps_bytes_text(role);
    ps_role parsed = PS_ROLE_NONE;
    p2psync_result result = ps_input_collection(collection, detail);
    if (result != P2PSYNC_OK && result != P2PSYNC_EDENIED) {
        return result;
    }
    if (result == P2PSYNC_EDENIED || ps_bytes_equal(collection, ps_bytes_text("*"))) {
        return ps_detail_say(detail, P2PSYNC_EFORMAT,
                             "a collection of that name has no roles of its own");
    }
    if (!ps_bytes_equal(text, ps_bytes_text(ps_role_text(PS_ROLE_NONE))) &&
        (!ps_role_parse(text, &parsed) || parsed == PS_ROLE_ADMIN)) {
        return ps_detail_say(detail, P2PSYNC_EFORMAT,
                             "the roles in one collection are writer, reader and none");
    }
    *out = parsed;
    return P2PSYNC_OK;
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
        return ps_detail_say(detail, P2PSYNC_EFORMAT, "this is not the id of a record");
    }
    return is_copy && no_copy ? ps_detail_say(detail, P2PSYNC_EFORMAT,
                                              "a copy of a version can be edited and deleted only")
                              : P2PSYNC_OK;
}

p2psync_result ps_input_fields(struct ps_bytes fields, struct p2psync_detail *detail)
{
    p2psync_result result = ps_value_check_fields(fields);
    if (result == P2PSYNC_EFORMAT) {
        return ps_detail_say(detail, P2PSYNC_EFORMAT, "the fields are not a map of valid values");
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

p2psync_result ps_input_device_name(struct ps_bytes name, struct p2psync_detail *detail)
{
    bool seen = false;
    bool blank_at_end = false;
    if (name.size > PS_DEVICE_NAME_SIZE_MAX) {
        return ps_detail_limit(detail, "the name of a device", PS_DEVICE_NAME_SIZE_MAX, "bytes");
    }
    if (name.size == 0) {
        return ps_detail_say(detail, P2PSYNC_EFORMAT, "the name of a device is not empty");
    }
    if (!ps_device_name_valid(name)) {
        return ps_detail_say(detail, P2PSYNC_EFORMAT,
                             "the name of a device is UTF-8 and has no control characters");
    }
    for (struct ps_bytes rest = name; rest.size > 0;) {
        uint32_t code = 0;
        size_t width = ps_scan_character(rest, &code);
        bool blank = is_blank(code);
        bool at_begin = rest.data == name.data;
        assert(width > 0 && width <= rest.size); /* it is UTF-8 */
        rest = ps_bytes(rest.data + width, rest.size - width);
        seen = seen || (!blank && !ps_escape_needed(code));
        blank_at_end = blank_at_end || (blank && (at_begin || rest.size == 0));
    }
    if (!seen) {
        return ps_detail_say(detail, P2PSYNC_EFORMAT, "nothing of this name would be seen");
    }
    return blank_at_end ? ps_detail_say(detail, P2PSYNC_EFORMAT,
                                        "the name of a device neither begins nor ends with a blank")
                        : P2PSYNC_OK;
}

/* Unicode's spaces (Zs) and the blank pattern of Braille. */
static bool is_blank(uint32_t code)
{
    return code == 0x20 || code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) ||
           code == 0x202f || code == 0x205f || code == 0x2800 || code == 0x3000;
}

p2psync_result ps_input_member_ever(struct ps_txn *txn, const char *text, struct ps_device *out,
                                    struct p2psync_detail *detail)
{
    struct ps_view_called called;
    p2psync_result result = ps_view_called(txn, text, &called);
    if (result != P2PSYNC_OK) {
        return result;
    }
    if (called.partly) {
        return say_candidates(&called, "this is the beginning only of a fingerprint", detail);
    }
    if (called.count > 1) {
        return say_candidates(&called, "several devices are, or were, called so", detail);
    }
    if (called.count == 0) {
        return say_nobody(text, detail);
    }
    *out = called.devices[0];
    return P2PSYNC_OK;
}

p2psync_result ps_input_invited(struct ps_txn *txn, const char *text, struct ps_device *out,
                                struct p2psync_detail *detail)
{
    struct ps_device found;
    struct ps_member member;
    struct ps_named named;
    p2psync_result result = ps_input_member_ever(txn, text, &found, detail);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = ps_member_get(txn, &found, &member);
    if (result == P2PSYNC_ENOTFOUND) {
        result = ps_named_get(txn, &found, &named);
    }
    if (result == P2PSYNC_OK) {
        *out = found;
    }
    return result == P2PSYNC_ENOTFOUND
               ? ps_detail_say(detail, result, "nobody has invited that device")
               : result;
}

p2psync_result ps_input_member(struct ps_txn *txn, const char *text, struct ps_device *out,
                               struct p2psync_detail *detail)
{
    struct ps_device found;
    struct ps_member member;
    p2psync_result result = ps_input_member_ever(txn, text, &found, detail);
    if (result != P2PSYNC_OK) {
        return result;
    }
    result = ps_member_get(txn, &found, &member);
    if (result != P2PSYNC_OK) {
        return result == P2PSYNC_ENOTFOUND ? say_nobody(text, detail) : result;
    }
    *out = found;
    return P2PSYNC_OK;
}

static p2psync_result say_nobody(const char *text, struct p2psync_detail *detail)
{
    return ps_detail_say(detail, P2PSYNC_ENOTFOUND, "there is no device '%.64s' in the mesh", text);
}

static p2psync_result say_candidates(const struct ps_view_called *called, const char *what,
                                     struct p2psync_detail *detail)
{
    char list[PS_CALLED_MAX * (PS_FINGERPRINT_TEXT_SIZE + 2)] = "";
    size_t size = 0;
    for (size_t i = 0; i < called->count; i++) {
        char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
        ps_device_fingerprint(&called->devices[i], fingerprint);
        size += (size_t)snprintf(list + size, sizeof list - size, "%s%s", i > 0 ? ", " : "",
                                 fingerprint);
    }
    return ps_detail_say(detail, P2PSYNC_EAMBIGUOUS, "%s: %s%s", what, list,
                         called->more ? " and others" : "");
}

p2psync_result ps_input_note(const char *note, struct ps_buf *out, struct p2psync_detail *detail)
{
    struct ps_writer writer;
    struct ps_map map;
    struct ps_bytes text = ps_bytes_text(note);
    if (!ps_scan_utf8(text)) {
        return ps_detail_say(detail, P2PSYNC_EFORMAT, "the note is not UTF-8");
    }
    ps_writer_init(&writer, out);
    ps_map_begin(&map, &writer);
    ps_map_str(&map, "text", text);
    ps_map_end(&map);
    p2psync_result result = ps_writer_finish(&writer);
    return result == P2PSYNC_ELIMIT ? ps_detail_limit(detail, "a note", PS_NOTE_SIZE_MAX, "bytes")
                                    : result;
}
