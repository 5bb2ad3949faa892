/*
 * file.h - reading and writing the server's small files.
 */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>

/* The whole text, to be freed; NULL if it can't be read. */
char	*file_read(const char *path);

/* Its beginning, ended by a NUL, and its number of bytes; 0 if it can't be
 * read. */
size_t	 file_begin(const char *path, char *text, size_t size);

/* Writes into the existing file, or a new one. */
bool	 file_write(const char *path, const char *text);

/* Replaces the file by a new one, so there is always a complete file. */
bool	 file_replace(const char *path, const char *text);

/* Makes changes of names in that folder survive a crash. */
bool	 file_sync_folder(const char *path);

#endif
