/* words.h - is a plugin's sentence news, or the same as before? */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>

/* Numbers count up all the time, and are no news.  Those in an address, a port,
 * or the name of a host are: they say who is meant. */
bool	words_same(const char *a, const char *b);

#endif
