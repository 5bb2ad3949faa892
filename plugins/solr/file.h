/*
 * file.h - a file, read whole, and replaced at once.
 */
#ifndef SOLR_FILE_H
#define SOLR_FILE_H

#include <stdbool.h>

/* Returns its content; NULL, with errno. */
char	*file_read(const char *path);

/* It always has either the old or the new text, and keeps its owner and mode; a
 * symbolic link stays one.  False, with errno: it is unchanged. */
bool	 file_replace(const char *path, const char *text);

/* The meaning of errno after one of these.  ELOOP: as root, they do not follow
 * another user's link out of that user's folder. */
const char	*file_wrong(void);

#endif
