/* Characters that must not reach a person as they are: controls, which a terminal obeys; marks that
 * turn the direction of text around; and what takes no room, so that two names look the same.
 * Names, ids and texts come from other devices. p2psync_text_escape() is implemented here as well.
 */
#ifndef PS_WIRE_ESCAPE_H
#define PS_WIRE_ESCAPE_H

#include "wire/bytes.h"

#define PS_ESCAPE_SIZE 13 /* "\udb40\udc01" and a NUL */

/* Whether the character is one of these. Accents, and what chooses the form of the character before
 * it, are not: they are seen. */
bool ps_escape_needed(uint32_t code);

/* Print `code` as JSON has it: \u202e, and two of them from U+10000 on. */
void ps_escape_print(uint32_t code, char out[static PS_ESCAPE_SIZE]);

#endif
