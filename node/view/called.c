/* Every member is compared with what was given, and every name that a device has ever had. */
#include "node/view/called.h"

#include "store/mesh/members.h"
#include "store/mesh/namings.h"
#include "wire/base32.h"

/* What was given. */
struct call {
    struct ps_bytes text;
    bool has_id;
    struct ps_device id;
    bool is_fingerprint; /* in the form in which fingerprints are shown, so it is no name */
};

typedef enum match_kind { MATCH_NONE, MATCH_NAME, MATCH_PARTLY, MATCH_EXACTLY } match_kind;

static bool has_fingerprint_form(struct ps_bytes text);
static match_kind compare(const struct call *call, const struct ps_device *device,
                          struct ps_bytes name);
static bool take(match_kind match, const struct ps_device *device, struct ps_view_called *out);

p2psync_result ps_view_called(struct ps_txn *txn, const char *text, struct ps_view_called *out)
{
    struct call call = {.text = ps_bytes_text(text)};
    struct ps_member_walk members = {.txn = txn};
    struct ps_naming_walk namings = {.txn = txn};
    struct ps_member member;
    struct ps_naming naming;
    *out = (struct ps_view_called){.count = 0};
    call.has_id = ps_device_parse(call.text, &call.id) == P2PSYNC_OK;
    call.is_fingerprint = has_fingerprint_form(call.text);
    while (ps_member_walk_next(&members, &member)) {
        match_kind match = compare(&call, &member.device, ps_bytes(member.name, member.name_size));
        if (take(match, &member.device, out)) {
            return P2PSYNC_OK;
        }
    }
    while (members.result == P2PSYNC_OK && ps_naming_walk_next(&namings, &naming)) {
        if (take(compare(&call, &naming.device, naming.name), &naming.device, out)) {
            return P2PSYNC_OK;
        }
    }
    return members.result == P2PSYNC_OK ? namings.result : members.result;
}

static bool has_fingerprint_form(struct ps_bytes text)
{
    static const char form[PS_FINGERPRINT_TEXT_SIZE] = "XXXX-XXXX-XXXX-XXXX";
    if (text.size != sizeof form - 1) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        bool good = form[i] == '-' ? text.data[i] == '-' : ps_base32_value((char)text.data[i]) >= 0;
        if (!good) {
            return false;
        }
    }
    return true;
}

static match_kind compare(const struct call *call, const struct ps_device *device,
                          struct ps_bytes name)
{
    if (call->has_id) {
        return ps_device_equal(&call->id, device) ? MATCH_EXACTLY : MATCH_NONE;
    }
    size_t digits = ps_device_fingerprint_match(device, call->text);
    if (digits == PS_FINGERPRINT_DIGITS) {
        return MATCH_EXACTLY;
    }
    if (call->is_fingerprint) {
        return MATCH_NONE;
    }
    if (name.size > 0 && ps_bytes_equal(name, call->text)) {
        return MATCH_NAME;
    }
    return digits >= PS_TYPED_DIGITS_MIN ? MATCH_PARTLY : MATCH_NONE;
}

/* Add what matches. Returns whether it is that device and nobody else. */
static bool take(match_kind match, const struct ps_device *device, struct ps_view_called *out)
{
    if (match == MATCH_NONE) {
        return false;
    }
    if (match == MATCH_EXACTLY) {
        *out = (struct ps_view_called){.count = 1, .devices = {*device}};
        return true;
    }
    for (size_t i = 0; i < out->count; i++) {
        if (ps_device_equal(&out->devices[i], device)) {
            return false;
        }
    }
    out->more = out->count == PS_CALLED_MAX;
    if (!out->more) {
        out->devices[out->count] = *device;
        out->count++;
    }
    out->partly = out->partly || match == MATCH_PARTLY;
    return false;
}
