/* What must hold of the merge of any three texts, checked against a second, slower computation:
 * the length of a longest common sequence by dynamic programming, and the chunks by joining changes
 * that touch instead of walking along base. */
#ifndef TESTS_LIB_TEXT_LAWS_H
#define TESTS_LIB_TEXT_LAWS_H

#include "store/merge/text.h"

/* The law that these texts break, or NULL. Ends the program if there is no memory. */
const char *text_laws_broken(const struct ps_text_merge *texts);

#endif
