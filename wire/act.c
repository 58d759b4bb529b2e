/* Acts in bytes, as act.h says. All that is read is checked when an act is decoded; so the walk
 * over its claims meets nothing that it could not read. */
#include "wire/act.h"

#include <string.h>

#include "wire/map.h"

#define DEVICE_DIGITS ((size_t)2 * PS_DEVICE_SIZE)
#define NUMBER_DIGITS 16 /* of an incarnation */

static const char *const role_names[] = {
    [PS_ROLE_RECOVERY] = "recovery", [PS_ROLE_FOUNDER] = "founder", [PS_ROLE_ADMIN] = "admin",
    [PS_ROLE_WRITER] = "writer",     [PS_ROLE_READER] = "reader",   [PS_ROLE_NONE] = "none"};

static p2psync_result read_record(struct ps_bytes id, const struct ps_device *author,
                                  struct ps_act *out);
static p2psync_result read_scope(struct ps_bytes name, struct ps_act *out);
static bool take_device(struct ps_bytes *text, struct ps_device *out);
static bool take_text(struct ps_bytes *text, const char *prefix);
static p2psync_result read_fields(struct ps_bytes fields, struct ps_act *out);
static p2psync_result read_name(struct ps_bytes value, struct ps_act *out);
static p2psync_result read_role(struct ps_bytes value, struct ps_act *out);
static p2psync_result read_by(struct ps_bytes value, struct ps_act *out);
static p2psync_result read_over(struct ps_bytes value, struct ps_act *out);
static p2psync_result check_ends(struct ps_bytes value, struct ps_act *out);
static void check_logs(struct ps_reader *reader, uint32_t *count);
static bool read_incarnation(struct ps_bytes text, uint64_t *out);
static void read_claim(struct ps_reader *reader, struct ps_claim *out);
static void begin_walk(struct ps_claim_walk *walk);
static void write_over(struct ps_writer *writer, const struct ps_act *act);
static size_t write_logs(struct ps_writer *writer, const struct ps_claim *claims, size_t count);
static size_t count_alike(const struct ps_claim *claims, size_t count, bool incarnation);

bool ps_role_parse(struct ps_bytes name, ps_role *out)
{
    for (ps_role role = PS_ROLE_ADMIN; role <= PS_ROLE_READER; role++) {
        if (ps_bytes_equal(name, ps_bytes_text(role_names[role]))) {
            *out = role;
            return true;
        }
    }
    return false;
}

const char *ps_role_text(ps_role role)
{
    return role_names[role];
}

p2psync_result ps_act_decode(const struct ps_entry *entry, const struct ps_device *author,
                             struct ps_act *out)
{
    struct ps_act act = {.kind = PS_ACT_NAME};
    struct ps_skeleton skeleton;
    struct ps_body body;
    p2psync_result result = ps_skeleton_decode(entry->skeleton, &skeleton);
    if (result == P2PSYNC_OK) {
        result = read_record(skeleton.record_id, author, &act);
    }
    if (result != P2PSYNC_OK) {
        return result;
    }
    uint32_t op = skeleton.op_and_flags & PS_OP_MASK;
    bool sealed = (skeleton.op_and_flags & PS_CHANGE_SEALED) != 0;
    bool whole = act.kind == PS_ACT_NAME || skeleton.parent_count == 0 ||
                 (skeleton.op_and_flags & PS_CHANGE_FULL) != 0;
    if (op == PS_OP_DELETE || op == PS_OP_ARCHIVE || !whole || sealed || !entry->has_body) {
        return P2PSYNC_EFORMAT;
    }
    result = ps_body_decode_of(&skeleton, entry->body, &body);
    if (result == P2PSYNC_OK) {
        result = read_fields(body.fields, &act);
    }
    if (result == P2PSYNC_OK) {
        *out = act;
    }
    return result;
}

/* Whom the record is about, and what it says of it. A device's own record has only the id. */
static p2psync_result read_record(struct ps_bytes id, const struct ps_device *author,
                                  struct ps_act *out)
{
    struct ps_device reporter;
    struct ps_bytes rest = id;
    if (!take_device(&rest, &out->subject)) {
        return P2PSYNC_ENOTFOUND;
    }
    if (rest.size == 0) {
        out->kind = PS_ACT_NAME;
        return P2PSYNC_OK;
    }
    if (take_text(&rest, "/role/")) {
        out->kind = PS_ACT_ROLE;
        return read_scope(rest, out);
    }
    if (take_text(&rest, "/removed")) {
        out->kind = PS_ACT_REMOVED;
        return rest.size == 0 ? P2PSYNC_OK : P2PSYNC_ENOTFOUND;
    }
    if (take_text(&rest, "/") && take_device(&rest, &reporter) && rest.size == 0) {
        out->kind = PS_ACT_REPORT;
        return ps_device_equal(&reporter, author) ? P2PSYNC_OK : P2PSYNC_EFORMAT;
    }
    return P2PSYNC_ENOTFOUND;
}

static p2psync_result read_scope(struct ps_bytes name, struct ps_act *out)
{
    bool all = ps_bytes_equal(name, ps_bytes_text("*"));
    if (!all && (!ps_collection_name_valid(name) || name.data[0] == '_')) {
        return P2PSYNC_EFORMAT;
    }
    out->collection = all ? ps_bytes(NULL, 0) : name;
    return P2PSYNC_OK;
}

/* Move on behind the id of a device, in lower case, so that each has one record. */
static bool take_device(struct ps_bytes *text, struct ps_device *out)
{
    char digits[PS_DEVICE_TEXT_SIZE];
    if (text->size < DEVICE_DIGITS ||
        ps_device_parse(ps_bytes(text->data, DEVICE_DIGITS), out) != P2PSYNC_OK) {
        return false;
    }
    ps_device_text(out, digits);
    return take_text(text, digits);
}

static bool take_text(struct ps_bytes *text, const char *prefix)
{
    size_t size = strlen(prefix);
    bool found = text->size >= size && memcmp(text->data, prefix, size) == 0;
    if (found) {
        *text = ps_bytes(text->data + size, text->size - size);
    }
    return found;
}

/* Each kind has fields of its own; what else is there is passed over. */
static p2psync_result read_fields(struct ps_bytes fields, struct ps_act *out)
{
    const struct ps_bytes none = ps_bytes(NULL, 0);
    bool any = fields.size > 0;
    struct ps_bytes by = any ? ps_value_field(fields, ps_bytes_text("by")) : none;
    struct ps_bytes over = any ? ps_value_field(fields, ps_bytes_text("over")) : none;
    struct ps_bytes ends = any ? ps_value_field(fields, ps_bytes_text("ends")) : none;
    p2psync_result result = P2PSYNC_OK;
    switch (out->kind) {
    case PS_ACT_NAME:
        return read_name(any ? ps_value_field(fields, ps_bytes_text("name")) : none, out);
    case PS_ACT_REPORT:
        return check_ends(ends, out);
    case PS_ACT_ROLE:
        result = read_role(any ? ps_value_field(fields, ps_bytes_text("is")) : none, out);
        if (result == P2PSYNC_OK) {
            result = read_over(over, out);
        }
        break;
    case PS_ACT_REMOVED:
        break;
    }
    return result == P2PSYNC_OK ? read_by(by, out) : result;
}

static p2psync_result read_name(struct ps_bytes value, struct ps_act *out)
{
    struct ps_reader reader;
    ps_reader_init(&reader, value);
    struct ps_bytes name = ps_read_str(&reader, PS_DEVICE_NAME_SIZE_MAX);
    p2psync_result result = ps_reader_finish(&reader);
    if (result == P2PSYNC_OK && !ps_device_name_valid(name)) {
        result = P2PSYNC_EFORMAT;
    }
    out->name = name;
    return result;
}

static p2psync_result read_role(struct ps_bytes value, struct ps_act *out)
{
    bool all = out->collection.size == 0;
    struct ps_reader reader;
    ps_reader_init(&reader, value);
    struct ps_bytes name = ps_read_str(&reader, PS_FIELD_SIZE_MAX);
    p2psync_result result = ps_reader_finish(&reader);
    for (ps_role role = PS_ROLE_ADMIN; role <= PS_ROLE_NONE && result == P2PSYNC_OK; role++) {
        bool fits = role != PS_ROLE_ADMIN || all;
        fits = fits && (role != PS_ROLE_NONE || !all);
        if (fits && ps_bytes_equal(name, ps_bytes_text(role_names[role]))) {
            out->role = role;
            return P2PSYNC_OK;
        }
    }
    return P2PSYNC_EFORMAT;
}

static p2psync_result read_by(struct ps_bytes value, struct ps_act *out)
{
    struct ps_reader reader;
    if (value.size == 0) {
        return P2PSYNC_OK;
    }
    out->has_by = true;
    ps_reader_init(&reader, value);
    ps_read_bin_exact(&reader, out->by.bytes, sizeof out->by.bytes);
    return ps_reader_finish(&reader);
}

static p2psync_result read_over(struct ps_bytes value, struct ps_act *out)
{
    struct ps_reader reader;
    if (value.size == 0) {
        return P2PSYNC_OK;
    }
    ps_reader_init(&reader, value);
    uint32_t count = ps_read_array(&reader);
    if (count > PS_OVER_MAX) {
        return P2PSYNC_ELIMIT;
    }
    for (uint32_t i = 0; i < count; i++) {
        ps_read_bin_exact(&reader, out->over[i].bytes, sizeof out->over[i].bytes);
    }
    out->over_count = count;
    return ps_reader_finish(&reader);
}

/* A map from collections to maps of their logs. What is local is never named to anybody. */
static p2psync_result check_ends(struct ps_bytes value, struct ps_act *out)
{
    struct ps_reader reader;
    uint32_t count = 0;
    if (value.size == 0) {
        return P2PSYNC_OK;
    }
    ps_reader_init(&reader, value);
    uint32_t collections = ps_read_map(&reader);
    for (uint32_t i = 0; i < collections && reader.error == P2PSYNC_OK; i++) {
        struct ps_bytes name = ps_read_str(&reader, PS_COLLECTION_SIZE_MAX);
        if (!ps_collection_name_valid(name) || ps_collection_is_local(name)) {
            ps_reader_fail(&reader, P2PSYNC_EFORMAT);
        }
        check_logs(&reader, &count);
    }
    out->ends = value;
    return ps_reader_finish(&reader);
}

static void check_logs(struct ps_reader *reader, uint32_t *count)
{
    uint64_t incarnation = 0;
    struct ps_claim claim;
    uint32_t incarnations = ps_read_map(reader);
    for (uint32_t i = 0; i < incarnations && reader->error == P2PSYNC_OK; i++) {
        if (!read_incarnation(ps_read_str(reader, NUMBER_DIGITS), &incarnation)) {
            ps_reader_fail(reader, P2PSYNC_EFORMAT);
        }
        uint32_t claims = ps_read_array(reader);
        for (uint32_t j = 0; j < claims && reader->error == P2PSYNC_OK; j++) {
            read_claim(reader, &claim);
            (*count)++;
            if (*count > PS_CLAIMS_MAX) {
                ps_reader_fail(reader, P2PSYNC_ELIMIT);
            }
        }
    }
}

static bool read_incarnation(struct ps_bytes text, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t number = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *digit = memchr(digits, text.data[i], sizeof digits - 1);
        if (digit == NULL) {
            return false;
        }
        number = number << 4 | (uint64_t)(digit - digits);
    }
    *out = number;
    return text.size == NUMBER_DIGITS;
}

static void read_claim(struct ps_reader *reader, struct ps_claim *out)
{
    uint32_t more = ps_read_array_at_least(reader, 2);
    out->size = ps_read_uint_max(reader, PS_LOG_SIZE_MAX);
    ps_read_bin_exact(reader, out->root.bytes, sizeof out->root.bytes);
    ps_read_skip(reader, more);
    if (out->size == 0) {
        ps_reader_fail(reader, P2PSYNC_EFORMAT);
    }
}

bool ps_claim_next(struct ps_claim_walk *walk, struct ps_claim *out)
{
    struct ps_reader reader;
    if (!walk->begun) {
        begin_walk(walk);
    }
    while (walk->claims == 0) {
        if (walk->incarnations == 0 && walk->collections == 0) {
            return false;
        }
        ps_reader_init(&reader, walk->rest);
        if (walk->incarnations == 0) {
            walk->collections--;
            walk->at.collection = ps_read_str(&reader, PS_COLLECTION_SIZE_MAX);
            walk->incarnations = ps_read_map(&reader);
        } else {
            walk->incarnations--;
            (void)read_incarnation(ps_read_str(&reader, NUMBER_DIGITS), &walk->at.incarnation);
            walk->claims = ps_read_array(&reader);
        }
        assert(reader.error == P2PSYNC_OK);
        walk->rest = reader.rest;
    }
    ps_reader_init(&reader, walk->rest);
    read_claim(&reader, &walk->at);
    assert(reader.error == P2PSYNC_OK);
    walk->rest = reader.rest;
    walk->claims--;
    *out = walk->at;
    return true;
}

static void begin_walk(struct ps_claim_walk *walk)
{
    struct ps_reader reader;
    walk->begun = true;
    if (walk->act->ends.size > 0) {
        ps_reader_init(&reader, walk->act->ends);
        walk->collections = ps_read_map(&reader);
        walk->rest = reader.rest;
    }
}

size_t ps_act_record(const struct ps_act *act, const struct ps_device *author,
                     char out[static PS_RECORD_ID_SIZE_MAX])
{
    static const char *const middles[] = {[PS_ACT_NAME] = "",
                                          [PS_ACT_ROLE] = "/role/",
                                          [PS_ACT_REMOVED] = "/removed",
                                          [PS_ACT_REPORT] = "/"};
    struct ps_bytes scope = act->collection.size == 0 ? ps_bytes_text("*") : act->collection;
    struct ps_bytes middle = ps_bytes_text(middles[act->kind]);
    char reporter[PS_DEVICE_TEXT_SIZE];
    ps_device_text(author, reporter);
    struct ps_bytes ending = act->kind == PS_ACT_ROLE     ? scope
                             : act->kind == PS_ACT_REPORT ? ps_bytes_text(reporter)
                                                          : ps_bytes("", 0);
    char subject[PS_DEVICE_TEXT_SIZE];
    ps_device_text(&act->subject, subject);
    assert(DEVICE_DIGITS + middle.size + ending.size <= PS_RECORD_ID_SIZE_MAX);
    memcpy(out, subject, DEVICE_DIGITS);
    memcpy(out + DEVICE_DIGITS, middle.data, middle.size);
    memcpy(out + DEVICE_DIGITS + middle.size, ending.data, ending.size);
    return DEVICE_DIGITS + middle.size + ending.size;
}

p2psync_result ps_act_fields(const struct ps_act *act, const struct ps_claim *claims, size_t count,
                             struct ps_buf *out)
{
    struct ps_writer writer;
    struct ps_map fields;
    struct ps_map ends;
    size_t at = 0;
    assert(count == 0 || act->kind == PS_ACT_REPORT);
    if (count > PS_CLAIMS_MAX) {
        return P2PSYNC_ELIMIT;
    }
    ps_writer_init(&writer, out);
    ps_map_begin(&fields, &writer);
    if (act->kind == PS_ACT_NAME) {
        ps_map_str(&fields, "name", act->name);
    }
    if (act->kind == PS_ACT_ROLE) {
        assert(act->role >= PS_ROLE_ADMIN && act->role <= PS_ROLE_NONE);
        ps_map_text(&fields, "is", role_names[act->role]);
    }
    if (act->has_by) {
        ps_map_key(&fields, "by");
        ps_write_bin(&writer, ps_bytes(act->by.bytes, sizeof act->by.bytes));
    }
    if (act->over_count > 0) {
        ps_map_key(&fields, "over");
        write_over(&writer, act);
    }
    if (count > 0) {
        ps_map_key(&fields, "ends");
        ps_map_begin(&ends, &writer);
        while (at < count) {
            ps_map_key_str(&ends, claims[at].collection);
            at += write_logs(&writer, claims + at, count_alike(claims + at, count - at, false));
        }
        ps_map_end(&ends);
    }
    ps_map_end(&fields);
    return ps_writer_finish(&writer);
}

static void write_over(struct ps_writer *writer, const struct ps_act *act)
{
    ps_write_array(writer, act->over_count);
    for (uint32_t i = 0; i < act->over_count; i++) {
        ps_write_bin(writer, ps_bytes(act->over[i].bytes, sizeof act->over[i].bytes));
    }
}

/* The claims of one collection; returns how many. */
static size_t write_logs(struct ps_writer *writer, const struct ps_claim *claims, size_t count)
{
    struct ps_map logs;
    size_t at = 0;
    ps_map_begin(&logs, writer);
    while (at < count) {
        static const char digits[] = "0123456789abcdef";
        char text[NUMBER_DIGITS];
        size_t alike = count_alike(claims + at, count - at, true);
        for (unsigned i = 0; i < NUMBER_DIGITS; i++) {
            text[i] = digits[claims[at].incarnation >> (60 - 4 * i) & 0x0f];
        }
        ps_map_key_str(&logs, ps_bytes(text, sizeof text));
        ps_write_array(writer, alike);
        for (size_t i = at; i < at + alike; i++) {
            ps_write_array(writer, 2);
            ps_write_uint(writer, claims[i].size);
            ps_write_bin(writer, ps_bytes(claims[i].root.bytes, sizeof claims[i].root.bytes));
        }
        at += alike;
    }
    ps_map_end(&logs);
    return count;
}

/* How many from the first on are of its collection, and of its incarnation if that is asked. */
static size_t count_alike(const struct ps_claim *claims, size_t count, bool incarnation)
{
    size_t alike = 1;
    while (alike < count && ps_bytes_equal(claims[alike].collection, claims[0].collection) &&
           (!incarnation || claims[alike].incarnation == claims[0].incarnation)) {
        alike++;
    }
    return alike;
}
