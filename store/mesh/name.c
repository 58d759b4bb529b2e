/* Naming a device in `_devices`: see name.h. */
#include "store/mesh/name.h"

#include "store/mesh/may.h"
#include "store/mesh/members.h"
#include "store/mesh/refresh.h"
#include "wire/codec.h"
#include "wire/map.h"

p2psync_result ps_name_device(struct ps_txn *txn, const struct ps_identity *identity,
                              const struct ps_device *device, struct ps_bytes name, uint64_t now_ms)
{
    uint8_t memory[PS_DEVICE_NAME_SIZE_MAX + 16];
    char id[PS_DEVICE_TEXT_SIZE];
    bool changed = false;
    struct ps_written written;
    struct ps_buf fields = {.data = memory, .capacity = sizeof memory, .size_max = sizeof memory};
    struct ps_writer writer;
    struct ps_map map;
    ps_writer_init(&writer, &fields);
    ps_map_begin(&map, &writer);
    ps_map_str(&map, "name", name);
    ps_map_end(&map);
    p2psync_result result = ps_writer_finish(&writer);
    if (result != P2PSYNC_OK) {
        return result;
    }
    ps_device_text(device, id);
    const struct ps_edit edit = {
        .kind = PS_EDIT_PUT, .id = ps_bytes_text(id), .fields = ps_buf_view(&fields)};
    const struct ps_write write = {
        .collection = ps_bytes_text(PS_DEVICES_COLLECTION), .edits = &edit, .edit_count = 1};
    result = ps_may_write(txn, &write, now_ms, &written);
    return result == P2PSYNC_OK ? ps_members_refresh(txn, &identity->mesh, &changed) : result;
}
