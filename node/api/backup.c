/* p2psync_backup(): what node/backups makes when it is asked to. */
#include "node/view/backup.h"

#include "node/api/inside.h"
#include "node/backups/make.h"
#include "node/host/sized.h"

p2psync_result p2psync_backup(p2psync_node *node, const struct p2psync_backup *given,
                              struct p2psync_buffer *out, struct p2psync_detail *detail)
{
    struct p2psync_backup wish = {0};
    if (!ps_node_usable(node) || out == NULL || !ps_detail_valid(detail) ||
        !ps_sized_read(given, PS_SIZED_UP_TO(struct p2psync_backup, progress_user), &wish,
                       sizeof wish)) {
        return P2PSYNC_EMISUSE;
    }
    const struct ps_make make = {
        .store = node->store, .dir_fd = node->dir_fd, .cancel = &node->cancel, .wish = &wish};
    struct p2psync_detail found = ps_detail_none();
    struct ps_made made;
    struct ps_buf answer;
    ps_buf_init(&answer, PS_BUFFER_SIZE_MAX);
    ps_cancel_begin(&node->cancel);
    p2psync_result result = ps_make_backup(&make, &made, &found);
    ps_cancel_end(&node->cancel);
    if (result == P2PSYNC_OK) {
        result = ps_view_backup_write(&made.header, wish.file, made.size_bytes, &answer);
    }
    return ps_detail_give(ps_buffer_give(result, &answer, out), &found, detail);
}
