/*
 * file.h - reading and writing the server's small files.
 */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <stddef.h>

/* The whole text, to be freed; NULL where it can't be read. */
char	*file_read(const char *path);

/* Its beginning, ended by a NUL, and how many bytes that is; 0 where it can't
 * be read. */
size_t	 file_begin(const char *path, char *text, size_t size);

/* Into the file that is there, or a new one. */
bool	 file_write(const char *path, const char *text);

/* A new file takes the place of the old one, so that there is always a whole
 * one. */
bool	 file_replace(const char *path, const char *text);

/* What was created, renamed or removed in that folder is so after a crash. */
bool	 file_sync_folder(const char *path);

#endif
