/* nearer.h - a name that was meant, for one that there is not. */
#ifndef NEARER_H
#define NEARER_H

/* The nearer one of best (or NULL) and name to what was written, if name is
 * near enough at all: two characters at most are wrong. */
const char	*nearer(const char *best, const char *name, const char *wrong);

#endif
