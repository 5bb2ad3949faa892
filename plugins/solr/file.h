/*
 * file.h - a file, read whole, and replaced at once.
 */
#ifndef SOLR_FILE_H
#define SOLR_FILE_H

#include <stdbool.h>

/* Gives what is in it; NULL, with errno. */
char	*file_read(const char *path);

/* It has the old text or the new one, whatever happens, and keeps its owner and
 * mode; a symbolic link stays one.  False, with errno: it is as it was. */
bool	 file_replace(const char *path, const char *text);

/* What errno is after one of these.  ELOOP: as root, neither is led out of a
 * folder of another user by a link of his. */
const char	*file_wrong(void);

#endif
