/*
 * image.h - a program or a plugin as it was when the agent started.
 *
 * Everything that runs later, above all to demote a master, is this version,
 * whatever has happened to the file.  A package upgrade renames a new file over
 * it, and an open descriptor keeps the old one.  cp writes into the file
 * itself, so a file that may be overwritten is copied into sealed memory.  (A
 * running program can't be written to.)
 */
#ifndef IMAGE_H
#define IMAGE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "error.h"

struct image {
	int		 fd;		/* 0: not taken */
	bool		 copied;
	char		 path[PATH_MAX];
	struct stat	 mark;		/* of the file at the last check */
	enum image_state { IMAGE_SAME, IMAGE_CHANGED, IMAGE_GONE } state;
};

enum image_kind { IMAGE_HELD, IMAGE_COPIED };

/* A file that can't be copied, because the kernel does not run programs from
 * memory, is held open. */
bool	image_take(struct image *, const char *path, enum image_kind,
	    struct error *) CHECKED;
void	image_drop(struct image *);	/* not taken is fine */

/* Has the file changed, or is it gone?  Reads it only if it may have
 * changed. */
enum image_state	image_look(struct image *);

/* Moves the descriptor to a number above those of a child's; or -1. */
int	image_move(int fd);

/* Our own programs, taken when they are first needed; NULL with the reason.
 * They are never dropped. */
enum image_program { IMAGE_SELF, IMAGE_HANDLER, IMAGE_GUARD, IMAGE_PROGRAMS };
struct image	*image_program(enum image_program, struct error *);

#endif
