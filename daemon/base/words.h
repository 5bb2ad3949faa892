/* words.h - has a plugin's sentence changed? */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>

/* Numbers that count up are no change.  Those in an address, a port, or a
 * host's name are, because they identify something. */
bool	words_same(const char *a, const char *b);

#endif
