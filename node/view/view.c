/* Pairs and values that many maps have. */
#include "node/view/view.h"

#include "wire/id.h"

/* Two pairs of a map. */
void ps_view_write_device(struct ps_writer *writer, const struct ps_device *device)
{
    char id[PS_DEVICE_TEXT_SIZE];
    char fingerprint[PS_FINGERPRINT_TEXT_SIZE];
    ps_device_text(device, id);
    ps_fingerprint_text(device, fingerprint);
    ps_write_text(writer, "device");
    ps_write_text(writer, id);
    ps_write_text(writer, "fingerprint");
    ps_write_text(writer, fingerprint);
}

/* A text, or nil if it is empty. */
void ps_view_write_known(struct ps_writer *writer, const char *text)
{
    if (text[0] == '\0') {
        ps_write_nil(writer);
    } else {
        ps_write_text(writer, text);
    }
}

void ps_view_write_dot(struct ps_writer *writer, struct ps_dot dot)
{
    char text[PS_DOT_TEXT_SIZE];
    ps_dot_text(dot, text);
    ps_write_text(writer, text);
}
